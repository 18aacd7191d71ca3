"""Commands on mails that a person must look at."""

from typing import Annotated

import typer

from gateway.cli.output import echo_json, instant, table
from gateway.cli.pages import Contents
from gateway.cli.session import DEFAULT_CONFIG, ConfigOption, JsonOption, person, with_archive, with_core

app = typer.Typer(help="Les courriers qu'une personne doit trier.", no_args_is_help=True, cls=Contents)

MailArgument = Annotated[int, typer.Argument(help="Le numéro du courrier.")]


@app.command("list")
def triage_list(
    config: ConfigOption = DEFAULT_CONFIG,
    everything: Annotated[bool, typer.Option("--all", help="Aussi les courriers déjà classés.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Lister les courriers à trier. Ceux qui retiennent une acceptation sont marqués."""
    found = with_archive(config, lambda archive: archive.triage(settled=everything))
    if as_json:
        echo_json([_plain(mail) for mail in found])
        return
    rows = [
        (
            str(mail.id),
            mail.partner or "–",
            instant(mail.received_earliest),
            f"{mail.step or mail.verdict.value} : {mail.reason or ''}",
            "retient" if mail.held_back and not mail.settled_at else (mail.settled_as or ""),
        )
        for mail in found
    ]
    table(("N°", "Partenaire", "Reçu", "Pourquoi", ""), rows, empty="Rien à trier.")


@app.command("show")
def triage_show(mail: MailArgument, config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Montrer ce que l'on sait d'un courrier, sans l'ouvrir."""
    found = with_archive(config, lambda archive: archive.mail(mail))
    if as_json:
        echo_json(_plain(found))
        return
    typer.echo(f"Courrier {found.id} : {found.verdict.value}, étape {found.step or '–'}, raison {found.reason or '–'}")
    typer.echo(f"Partenaire : {found.partner or 'inconnu'} ; dossier de messagerie {found.folder}, UID {found.uid}")
    typer.echo(f"Reçu entre {instant(found.received_earliest)} et {instant(found.received_latest)}")
    typer.echo(f"Taille : {found.size} octets ; SHA-256 {found.sha256 or '–'}")
    if found.settled_at:
        typer.echo(f"Classé « {found.settled_as} » par {found.settled_by}, {instant(found.settled_at)}")
    elif found.held_back:
        typer.echo("Tant qu'il n'est pas classé, aucune acceptation tacite n'est enregistrée.")
    typer.echo(f"Pour le lire : gateway message save mail-{found.id} --to DOSSIER")


@app.command("classify")
def triage_classify(
    mail: MailArgument,
    what: Annotated[str, typer.Argument(help="acceptance, refusal ou not-an-answer.")],
    config: ConfigOption = DEFAULT_CONFIG,
    case: Annotated[str | None, typer.Option(help="Le dossier auquel il répond.")] = None,
    request: Annotated[str | None, typer.Option(help="Début de l'empreinte, si plusieurs demandes.")] = None,
) -> None:
    """Dire ce qu'est un courrier : acceptation, refus, ou pas une réponse."""
    from gateway.services.desk import SETTLEMENTS

    if what not in SETTLEMENTS:
        raise typer.BadParameter(f"{', '.join(SETTLEMENTS)} attendu")
    settled = with_core(
        config,
        lambda core: core.desk.classify(mail, what, actor=person(core.base.settings), ref=case, request_hash=request),
    )
    if settled.settled_at is None:
        typer.echo(
            f"Courrier {settled.id} : proposé par {settled.settled_by} ; une seconde personne doit le confirmer."
        )
        return
    typer.echo(f"Courrier {settled.id} classé « {what} » par {settled.settled_by}.")


def _plain(mail: object) -> dict[str, object]:
    names = (
        *("id", "verdict", "step", "reason", "partner", "folder", "uidvalidity", "uid", "size", "sha256"),
        *("received_earliest", "received_latest", "held_back", "settled_as", "settled_by", "settled_at"),
    )
    return {name: getattr(mail, name) for name in names}
