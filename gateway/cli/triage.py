"""Commands on mails that a person must look at."""

from gettext import gettext as _
from typing import Annotated, Any

import typer

from gateway.cli.output import echo_json, instant, table
from gateway.cli.pages import Contents
from gateway.cli.session import DEFAULT_CONFIG, ConfigOption, JsonOption, person, storable, with_archive, with_core

app = typer.Typer(help="Les courriers qu'une personne doit trier.", no_args_is_help=True, cls=Contents)

MailArgument = Annotated[int, typer.Argument(help="Le numéro du courrier.", callback=storable)]


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
            _("{step} : {reason}").format(step=mail.step or mail.verdict.value, reason=mail.reason or ""),
            _("retient") if mail.held_back and not mail.settled_at else (mail.settled_as or ""),
        )
        for mail in found
    ]
    table((_("N°"), _("Partenaire"), _("Reçu"), _("Pourquoi"), ""), rows, empty=_("Rien à trier."))


@app.command("show")
def triage_show(mail: MailArgument, config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Montrer ce que l'on sait d'un courrier, sans l'ouvrir."""
    found = with_archive(config, lambda archive: archive.mail(mail))
    if as_json:
        echo_json(_plain(found))
        return
    _show(found)


@app.command("classify")
def triage_classify(
    mail: MailArgument,
    what: Annotated[str, typer.Argument(help="acceptance, refusal ou not-an-answer.")],
    config: ConfigOption = DEFAULT_CONFIG,
    case: Annotated[str | None, typer.Option(help="Le dossier auquel il répond.")] = None,
    request: Annotated[str | None, typer.Option(help="Début de l'empreinte, si plusieurs demandes.")] = None,
) -> None:
    """Dire ce qu'est un courrier : acceptation, refus, ou pas une réponse."""
    from gateway.services.triage import SETTLEMENTS

    if what not in SETTLEMENTS:
        raise typer.BadParameter(_("{choices} attendu").format(choices=", ".join(SETTLEMENTS)))
    settled = with_core(
        config,
        lambda core: core.triage.classify(mail, what, actor=person(core.base.settings), ref=case, request_hash=request),
    )
    if settled.settled_at is None:
        proposed = _("Courrier {id} : proposé par {person} ; une seconde personne doit le confirmer.")
        typer.echo(proposed.format(id=settled.id, person=settled.settled_by))
        return
    done = _("Courrier {id} classé « {settlement} » par {person}.")
    typer.echo(done.format(id=settled.id, settlement=what, person=settled.settled_by))


def _show(mail: Any) -> None:
    decided = _("Courrier {id} : {verdict}, étape {step}, raison {reason}")
    reason = mail.reason or "–"
    typer.echo(decided.format(id=mail.id, verdict=mail.verdict.value, step=mail.step or "–", reason=reason))
    where = _("Partenaire : {partner} ; dossier de messagerie {folder}, UID {uid}")
    typer.echo(where.format(partner=mail.partner or _("inconnu"), folder=mail.folder, uid=mail.uid))
    between = {"earliest": instant(mail.received_earliest), "latest": instant(mail.received_latest)}
    typer.echo(_("Reçu entre {earliest} et {latest}").format(**between))
    typer.echo(_("Taille : {size} octets ; SHA-256 {hash}").format(size=mail.size, hash=mail.sha256 or "–"))
    if mail.settled_at:
        classified = _("Classé « {settlement} » par {person}, {at}")
        at = instant(mail.settled_at)
        typer.echo(classified.format(settlement=mail.settled_as, person=mail.settled_by, at=at))
    elif mail.held_back:
        typer.echo(_("Tant qu'il n'est pas classé, aucune acceptation tacite n'est enregistrée."))
    typer.echo(_("Pour le lire : gateway message save mail-{id} --to DOSSIER").format(id=mail.id))


def _plain(mail: object) -> dict[str, object]:
    names = (
        *("id", "verdict", "step", "reason", "partner", "folder", "uidvalidity", "uid", "size", "sha256"),
        *("received_earliest", "received_latest", "held_back", "settled_as", "settled_by", "settled_at"),
    )
    return {name: getattr(mail, name) for name in names}
