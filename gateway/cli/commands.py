"""The table of contents of the command line, and the commands that run the gateway or change something."""

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli import acts, almanac, audit, clock, demo, doctor, keys, read, setup, todo, triage
from gateway.cli.session import DEFAULT_CONFIG, ConfigOption, JsonOption, person, settings, with_core

app = typer.Typer(
    name="gateway",
    help="Passerelle de courrier scellé pour les soins programmés (protocole franco-algérien de 2016).",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("init", rich_help_panel="Installer")(setup.init)
app.command("doctor", rich_help_panel="Installer")(doctor.doctor)
app.command("demo", rich_help_panel="Installer")(demo.demo)
app.add_typer(keys.app, name="keys")
app.command("todo")(todo.todo)
app.command("cases")(read.cases)
app.add_typer(read.case_app, name="case")
app.add_typer(clock.app, name="clock")
app.add_typer(almanac.app, name="calendar")
app.add_typer(read.message_app, name="message")
app.add_typer(triage.app, name="triage")
app.add_typer(audit.app, name="audit")
app.command("status")(read.status)
app.command("fiche")(acts.fiche)
app.command("note")(acts.note)
app.command("correct")(acts.correct)
app.command("coverage")(acts.coverage)
app.command("close")(acts.close)


@app.command()
def run(
    config: ConfigOption = DEFAULT_CONFIG,
    log_level: Annotated[str, typer.Option(help="DEBUG, INFO ou WARNING.")] = "INFO",
) -> None:
    """Faire tourner la passerelle : relever, envoyer, surveiller les délais."""
    import asyncio

    from gateway import app as composition
    from gateway.adapters import log

    log.configure(log_level.upper())
    asyncio.run(composition.run(settings(config)))


@app.command()
def submit(
    fiche: Annotated[Path, typer.Argument(help="La fiche (TOML) ; modèle : config/fiches/extension_request.toml.")],
    config: ConfigOption = DEFAULT_CONFIG,
    attach: Annotated[
        list[str] | None,
        typer.Option(help="Pièce jointe : ROLE=FICHIER, ou les fichiers seuls dans l'ordre du formulaire."),
    ] = None,
    case: Annotated[str | None, typer.Option(help="Dossier existant, par exemple 7F3K-Q2.")] = None,
    request: Annotated[str | None, typer.Option(help="Début de l'empreinte, si plusieurs demandes.")] = None,
    because: Annotated[str | None, typer.Option(help="Pourquoi passer outre un avertissement.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Envoyer un courrier : demande (SE 352-302), réponse, devis, attestation, compte rendu."""
    from gateway.cli.fiche import read_fiche
    from gateway.cli.output import echo_json
    from gateway.domain.kinds import Subject

    form = read_fiche(fiche, attach or [], case, request=request, because=because)
    done = with_core(config, lambda core: core.desk.submit(form, actor=person(core.base.settings)))
    if as_json:
        about = done.about.hash if done.about else None
        echo_json({"case": done.case.ref, "request": about, "message": done.message.id, "kind": form.kind.id})
        return
    if form.kind.subject is not Subject.REQUEST:
        typer.echo(f"Dossier {done.case.ref} : « {form.kind.title} », scellé et prêt à partir.")
        typer.echo(f"Destinataires : {done.message.partner}.")
        return
    typer.echo(f"Dossier {done.case.ref} : demande scellée et prête à partir.")
    for piece in form.attachments:
        typer.echo(f"  {piece.role} : {piece.name} ({len(piece.data)} octets)")
    typer.echo(f"Destinataires : {done.message.partner}. Empreinte de la demande : {done.request.hash}")
    typer.echo("Le délai de quatre jours ouvrables part de l'accusé de réception de la CNAS :")
    typer.echo(f"  gateway case show {done.case.ref}")


@app.command()
def answer(
    ref: Annotated[str, typer.Argument(help="Le dossier.")],
    config: ConfigOption = DEFAULT_CONFIG,
    accept: Annotated[bool, typer.Option("--accept", help="Accepter.")] = False,
    partial: Annotated[bool, typer.Option("--partial", help="Accepter en partie : --from et --until.")] = False,
    refuse: Annotated[bool, typer.Option("--refuse", help="Refuser.")] = False,
    motive: Annotated[str | None, typer.Option(help="Motif médical du refus.")] = None,
    start: Annotated[str | None, typer.Option("--from", help="Début accordé (AAAA-MM-JJ).")] = None,
    until: Annotated[str | None, typer.Option("--until", help="Fin accordée (AAAA-MM-JJ).")] = None,
    attach: Annotated[Path | None, typer.Option(help="Le formulaire SE 352-302 rempli.")] = None,
    request: Annotated[str | None, typer.Option(help="Début de l'empreinte, si plusieurs demandes.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Répondre à une demande (CNAS)."""
    from gateway.cli.fiche import attachment
    from gateway.cli.output import STATES, echo_json
    from gateway.domain.kinds import EXTENSION_ACCEPTANCE, EXTENSION_PARTIAL_ACCEPTANCE, EXTENSION_REFUSAL
    from gateway.services.fiche import Fiche

    if [accept, partial, refuse].count(True) != 1:
        raise typer.BadParameter("Choisissez --accept, --partial ou --refuse.")
    kind = EXTENSION_ACCEPTANCE if accept else EXTENSION_PARTIAL_ACCEPTANCE if partial else EXTENSION_REFUSAL
    granted = {} if refuse else {"granted_from": start, "granted_until": until}
    told = granted | ({} if accept else {"motive": motive})
    values = {name: value for name, value in told.items() if value}
    files = [attachment("form", attach)] if attach else []
    form = Fiche(path="", kind=kind, ref=ref, values=values, attachments=tuple(files), request=request)
    done = with_core(config, lambda core: core.desk.submit(form, actor=person(core.base.settings)))
    if as_json:
        echo_json({"case": done.case.ref, "request": done.request.hash, "state": done.request.state})
        return
    typer.echo(f"Dossier {done.case.ref} : {kind.title.lower()}, scellée et prête à partir ({done.message.partner}).")
    typer.echo(f"La demande est {STATES[done.request.state]}.")
    if not refuse and not files:
        typer.echo("Le formulaire SE 352-302 (partie 7) reste dû à l'hôpital et au CNSE.")


@app.command()
def confirm(
    ref: Annotated[str, typer.Argument(help="Le dossier.")],
    config: ConfigOption = DEFAULT_CONFIG,
    what: Annotated[list[str] | None, typer.Option(help="Ne confirmer que ceci (code).")] = None,
    show: Annotated[bool, typer.Option("--list", help="Montrer ce qui manque, sans rien confirmer.")] = False,
    request: Annotated[str | None, typer.Option(help="Début de l'empreinte, si plusieurs demandes.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Confirmer en votre nom ce que la passerelle ne peut pas affirmer seule."""
    from gateway.cli.output import CONDITIONS, echo_json

    if show:
        _, found = with_core(config, lambda core: core.confirmations.asked(ref, request))
        if as_json:
            echo_json(list(found))
            return
        for condition in found:
            code = f"  (à confirmer : {condition.asks})" if condition.asks and not condition.holds else ""
            typer.echo(f"[{'x' if condition.holds else ' '}] {CONDITIONS.get(condition.name, condition.name)}{code}")
        return
    codes = with_core(
        config,
        lambda core: core.confirmations.confirm(
            ref, actor=person(core.base.settings), codes=tuple(what or ()), request_hash=request
        ),
    )
    typer.echo(f"Dossier {ref} : confirmé en votre nom : {', '.join(codes)}.")
