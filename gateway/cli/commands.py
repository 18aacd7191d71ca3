"""The program ``gateway``, and the commands that run it or send something; the others are in the table of contents."""

from gettext import gettext as _
from pathlib import Path
from typing import Annotated, Literal

import typer

from gateway.cli.language import Language
from gateway.cli.pages import EXIT_CODES, Program
from gateway.cli.session import DEFAULT_CONFIG, ConfigOption, JsonOption, person, settings, with_core

EXIT_USAGE = 2

LogLevel = Literal["DEBUG", "INFO", "WARNING"]

app = typer.Typer(
    name="gateway",
    help="Passerelle de courrier scellé pour les soins programmés (protocole franco-algérien de 2016).",
    epilog=EXIT_CODES,
    cls=Program,
    invoke_without_command=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def program(
    context: typer.Context,
    lang: Annotated[  # noqa: ARG001  it was read before this module was loaded
        Language | None, typer.Option(help="Langue, où qu'on l'écrive sur la ligne ; sinon celle du système.")
    ] = None,
    version: Annotated[bool, typer.Option("--version", help="Dire la version et s'arrêter.")] = False,
) -> None:
    """Show the contents when no command is given."""
    if version:
        from importlib.metadata import version as installed

        typer.echo(f"gateway {installed('soins-gateway')}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(EXIT_USAGE)


def web(
    config: ConfigOption = DEFAULT_CONFIG,
    log_level: Annotated[LogLevel, typer.Option(case_sensitive=False, help="Précision du journal technique.")] = "INFO",
) -> None:
    """Servir la console seule ; « gateway run » la sert aussi quand la section [web] est là."""
    import asyncio

    from gateway.access import require_libraries
    from gateway.adapters import log
    from gateway.loading import loading
    from gateway.process import told_to_stop

    require_libraries()
    with loading():
        from gateway import frontdesk

    async def serve() -> None:
        stop = told_to_stop()
        async with frontdesk.served(settings(config)) as address:
            typer.echo(_("La console écoute : {address}").format(address=address))
            await stop.wait()

    log.configure(log_level)
    asyncio.run(serve())


def run(
    config: ConfigOption = DEFAULT_CONFIG,
    log_level: Annotated[LogLevel, typer.Option(case_sensitive=False, help="Précision du journal technique.")] = "INFO",
) -> None:
    """Faire tourner la passerelle : relever, envoyer, surveiller les délais."""
    import asyncio

    from gateway.loading import loading

    with loading():
        from gateway.adapters import log
        from gateway.adapters.sandbox.launch import launched

    async def work() -> None:
        async with launched() as worker:
            with loading():
                from gateway import app as composition

            await composition.run(settings(config), worker)

    with log.beside(log_level):
        asyncio.run(work())


def submit(
    fiche: Annotated[
        Path, typer.Argument(help="La fiche remplie ; gateway fiche EXTENSION_REQUEST en écrit une vierge.")
    ],
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
    from gateway.cli.output import echo_json, partners
    from gateway.domain.kinds import Subject

    form = read_fiche(fiche, attach or [], case, request=request, because=because)
    done = with_core(config, lambda core: core.desk.submit(form, actor=person(core.base.settings)))
    if as_json:
        about = done.about.hash if done.about else None
        echo_json({"case": done.case.ref, "request": about, "message": done.message.id, "kind": form.kind.id})
        return
    if form.kind.subject is not Subject.REQUEST:
        sealed = _("Dossier {ref} : « {title} », scellé et prêt à partir.")
        typer.echo(sealed.format(ref=done.case.ref, title=_(form.kind.title)))
        typer.echo(_("Destinataires : {partners}.").format(partners=partners(done.message.partner)))
        return
    typer.echo(_("Dossier {ref} : demande scellée et prête à partir.").format(ref=done.case.ref))
    titles = {piece.role: piece.title for piece in form.kind.pieces}
    for piece in form.attachments:
        told = {"title": _(titles[str(piece.role)]), "name": piece.name, "size": len(piece.data)}
        typer.echo(_("  {title} : {name} ({size} octets)").format(**told))
    typer.echo(_("Destinataires : {partners}.").format(partners=partners(done.message.partner)))
    typer.echo(_("Empreinte de la demande : {hash}").format(hash=done.request.hash))
    typer.echo(_("Le délai de quatre jours ouvrables part de l'accusé de réception de la CNAS :"))
    typer.echo(f"  gateway case show {done.case.ref}")


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
    from gateway.cli.output import echo_json, partners
    from gateway.domain.kinds import EXTENSION_ACCEPTANCE, EXTENSION_PARTIAL_ACCEPTANCE, EXTENSION_REFUSAL, as_kept
    from gateway.domain.labels import STATES
    from gateway.services.fiche import Fiche

    if [accept, partial, refuse].count(True) != 1:
        raise typer.BadParameter(_("choisissez --accept, --partial ou --refuse"))
    kind = EXTENSION_ACCEPTANCE if accept else EXTENSION_PARTIAL_ACCEPTANCE if partial else EXTENSION_REFUSAL
    granted = {} if refuse else {"granted_from": start, "granted_until": until}
    told = granted | ({} if accept else {"motive": motive})
    values = as_kept(kind, {name: value for name, value in told.items() if value})
    files = [attachment("form", attach)] if attach else []
    form = Fiche(path="gateway answer", kind=kind, ref=ref, values=values, attachments=tuple(files), request=request)
    done = with_core(config, lambda core: core.desk.submit(form, actor=person(core.base.settings)))
    if as_json:
        echo_json({"case": done.case.ref, "request": done.request.hash, "state": done.request.state})
        return
    sealed = _("Dossier {ref} : {kind}, scellée et prête à partir ({partners}).")
    typer.echo(sealed.format(ref=done.case.ref, kind=_(kind.title).lower(), partners=partners(done.message.partner)))
    typer.echo(_("La demande est {state}.").format(state=_(STATES[done.request.state])))
    if not refuse and not files:
        typer.echo(_("Le formulaire SE 352-302 (partie 7) reste dû à l'hôpital et au CNSE."))


def confirm(
    ref: Annotated[str, typer.Argument(help="Le dossier.")],
    config: ConfigOption = DEFAULT_CONFIG,
    what: Annotated[list[str] | None, typer.Option(help="Ne confirmer que ceci (code).")] = None,
    show: Annotated[bool, typer.Option("--list", help="Montrer ce qui manque, sans rien confirmer.")] = False,
    request: Annotated[str | None, typer.Option(help="Début de l'empreinte, si plusieurs demandes.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Confirmer en votre nom ce que la passerelle ne peut pas affirmer seule."""
    from gateway.cli.output import echo_json
    from gateway.domain.labels import CONDITIONS

    if show:
        found = with_core(config, lambda core: core.confirmations.asked(ref, request))[1]
        if as_json:
            echo_json(list(found))
            return
        for condition in found:
            code = condition.asks if not condition.holds else None
            asked = "  " + _("(à confirmer : {code})").format(code=code) if code else ""
            typer.echo(
                f"[{'x' if condition.holds else ' '}] {_(CONDITIONS.get(condition.name, condition.name))}{asked}"
            )
        return
    codes = with_core(
        config,
        lambda core: core.confirmations.confirm(
            ref, actor=person(core.base.settings), codes=tuple(what or ()), request_hash=request
        ),
    )
    typer.echo(_("Dossier {ref} : confirmé en votre nom : {codes}.").format(ref=ref, codes=", ".join(codes)))
