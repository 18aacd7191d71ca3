"""Commands that show cases and messages."""

import re
from dataclasses import asdict
from gettext import gettext as _
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.alarms import resend
from gateway.cli.clock import show_period
from gateway.cli.copies import copy_line
from gateway.cli.listing import show_cases
from gateway.cli.output import (
    day,
    echo_json,
    instant,
    message_row,
    table,
    title,
)
from gateway.cli.pages import Contents
from gateway.cli.printing import message_print
from gateway.cli.readers import assign, show_handovers, summary
from gateway.cli.rulings import doubt_lines
from gateway.cli.session import (
    DEFAULT_CONFIG,
    ConfigOption,
    JsonOption,
    keeper,
    person,
    settings,
    storable,
    with_archive,
)
from gateway.cli.todo import show_duty
from gateway.domain.labels import CONDITIONS, GRADES, STATES
from gateway.domain.request import State
from gateway.services.terms import CASE_STATES, CLAIMS, FLAGS, RETURNS

case_app = typer.Typer(
    help="Un dossier : demandes, délai jour par jour, preuves, courriers.", no_args_is_help=True, cls=Contents
)
message_app = typer.Typer(help="Les messages échangés : lister, lire, enregistrer.", no_args_is_help=True, cls=Contents)


def cases(config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Lister les dossiers, leurs demandes et la fin de leur délai."""

    async def read(archive: Any) -> Any:
        return archive.role, await archive.cases()

    role, found = with_archive(config, read)
    if as_json:
        from gateway.services.shapes.cases import case_json

        echo_json([case_json(view) for view in found])
    else:
        show_cases(found, role)


@case_app.command("show")
def case_show(
    ref: Annotated[str, typer.Argument(help="Le dossier, par exemple 7F3K-Q2.")],
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Montrer un dossier : demandes, délai jour par jour, preuves, courriers."""
    who = keeper(settings(config))

    async def read(archive: Any) -> Any:
        return archive.role, await archive.open(ref, actor=who)

    role, view = with_archive(config, read)
    if as_json:
        from gateway.services.shapes.cases import case_json

        echo_json(case_json(view))
        return
    _show_whose(view)
    typer.echo(_("État : {state}").format(state=_(CASE_STATES[view.case.state])))
    if view.case.physician:
        typer.echo(_("Médecin : {reader}").format(reader=view.case.physician))
    _show_beside(view.beside)
    for duty in view.duties:
        show_duty(duty, None, ours=role)
    for item in view.requests:
        _show_request(item, view.case.ref)
    typer.echo("")
    facts = [(str(row.id), day(row.day), title(row.kind), row.by) for row in view.facts]
    table((_("Fait"), _("Date"), _("Ce qui s'est passé"), _("Par")), facts, empty=_("Aucun fait noté."))
    typer.echo("")
    headings = (_("Message"), _("Sens"), _("Type"), _("Partenaire"), _("Date"))
    table(headings, [message_row(row) for row in view.messages], empty=_("Aucun message."))
    for owed in view.owed_copies:
        typer.echo(copy_line(owed, view.messages))
    show_handovers(view.handovers)


def _show_whose(view: Any) -> None:
    typer.echo(_("Dossier {ref}").format(ref=view.case.ref))
    if view.forgotten_at:
        typer.echo(_("Oublié le {at} : son contenu ne se rouvre plus.").format(at=instant(view.forgotten_at)))
    if view.patient:
        from gateway.wire.fields import escaped

        name = f"{view.patient['patient_name']} {view.patient['patient_first_name']}"
        typer.echo(_("Patient : {name}").format(name=escaped(name)))


def _show_beside(found: Any) -> None:
    if found.flags:
        typer.echo(_("En cours : {flags}").format(flags=", ".join(_(FLAGS[flag]) for flag in found.flags)))
    if found.repatriation:
        typer.echo(_("Rapatriement : {state}").format(state=_(RETURNS[found.repatriation])))
    if found.claim:
        typer.echo(_("Créance : {state}").format(state=_(CLAIMS[found.claim])))


def _show_request(item: Any, ref: str) -> None:
    request = item.request
    typer.echo("")
    state, grade = _(STATES[request.state]), _(GRADES[request.grade])
    first, last = day(request.requested_from), day(request.requested_until)
    name = item.name.told.told(_)
    typer.echo(_("Demande {name} ({hash}) : {state}").format(name=name, hash=request.hash[:12], state=state))
    typer.echo(_("  du {first} au {last}").format(first=first, last=last))
    typer.echo(_("  autorisation actuelle jusqu'au {day}").format(day=day(request.authorised_until)))
    if request.handed_over_at:
        typer.echo(_("  remise au serveur : {at}").format(at=instant(request.handed_over_at)))
    typer.echo(_("  reçue par la CNAS : {at} ({grade})").format(at=instant(request.started_at), grade=grade))
    if item.period:
        show_period(item.period, awaited=request.state is State.RUNNING)
    for code in request.asks_person:
        what = _(CONDITIONS.get(f"confirmed_{code}", code))
        typer.echo(_("  à confirmer : {what}").format(what=what))
    for line in doubt_lines(item):
        typer.echo(f"  {line}")
    if any(each.acceptance.withdrawn_at is None for each in item.acceptances):
        typer.echo(_("  à remettre à la CPAM : gateway certificate {ref} --output certificat.pdf").format(ref=ref))


# --- Messages.


@message_app.command("list")
def message_list(
    config: ConfigOption = DEFAULT_CONFIG,
    case: Annotated[str | None, typer.Option(help="Un seul dossier.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Lister les messages, sans leur contenu."""
    found, handed = with_archive(config, lambda archive: _messages(archive, case))
    own = {row.id: [each for each in handed if each.message == row.id] for row in found}
    if as_json:
        from gateway.services.shapes.cases import handover_json

        echo_json([asdict(row) | {"handovers": [handover_json(each) for each in own[row.id]]} for row in found])
        return
    rows = [(*message_row(row), summary(own[row.id])) for row in found]
    headings = (_("Message"), _("Sens"), _("Type"), _("Partenaire"), _("Date"), _("Remise"))
    table(headings, rows, empty=_("Aucun message."))


async def _messages(archive: Any, ref: str | None) -> tuple[Any, Any]:
    found = await archive.messages(ref)
    return found, await archive.handovers(found)


@message_app.command("show")
def message_show(
    message: Annotated[int, typer.Argument(help="Le numéro du message.", callback=storable)],
    config: ConfigOption = DEFAULT_CONFIG,
    because: Annotated[
        str | None, typer.Option(help="Accès exceptionnel d'un médecin qui ne suit pas le dossier : pourquoi.")
    ] = None,
) -> None:
    """Lire un message ; la lecture est inscrite au journal."""
    from gateway.wire.fields import escaped

    who = person(settings(config))
    opened = with_archive(config, lambda archive: archive.read(message, actor=who, purpose="shown", because=because))
    row, payload = opened.message, opened.payload
    head = _("Message {id} – {title} – {at}")
    typer.echo(head.format(id=row.id, title=title(row.kind), at=instant(row.at)))
    typer.echo(_("Objet : {subject}").format(subject=escaped(payload.subject)))
    typer.echo("")
    typer.echo(escaped(payload.text))
    for piece in payload.attachments:
        typer.echo(_("  pièce : {name} ({size} octets)").format(name=piece.name, size=len(piece.data)))


@message_app.command("save")
def message_save(
    message: Annotated[str, typer.Argument(help="Numéro du message, ou mail-N pour un courrier à trier.")],
    to: Annotated[
        Path,
        typer.Option(
            "--to",
            help="Dossier où écrire, créé s'il manque ; à ce compte seul, ou à son groupe s'il est partagé (setgid).",
        ),
    ],
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Enregistrer un message et ses pièces ; l'acte est inscrit au journal."""
    from gateway.cli.save import save_mail, save_message

    who = person(settings(config))
    if message.startswith("mail-"):
        mail, raw = with_archive(
            config,
            lambda archive: archive.read_mail(_number(message.removeprefix("mail-")), actor=who, purpose="saved"),
        )
        written = save_mail(mail, raw, to)
    else:
        opened = with_archive(config, lambda archive: archive.read(_number(message), actor=who, purpose="saved"))
        written = save_message(opened.message, opened.payload, to)
    for path in written:
        typer.echo(str(path))


def _number(text: str) -> int:
    if not re.fullmatch("[0-9]{1,18}", text):
        raise typer.BadParameter(_("un numéro de message est attendu"))
    return int(text)


# --- Written beside what they are about.

case_app.command("assign")(assign)
message_app.command("resend")(resend)
message_app.command("print")(message_print)
