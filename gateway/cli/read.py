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
from gateway.cli.readers import assign, handover_json, show_handovers, summary
from gateway.cli.rulings import acceptances_json, doubt_lines
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
        echo_json([_case_json(view) for view in found])
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
        echo_json(_case_json(view))
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
    typer.echo(_("Demande {hash} : {state}").format(hash=request.hash[:12], state=state))
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


def _case_json(view: Any) -> dict[str, Any]:
    return {
        "case": view.case.ref,
        "hospital": view.case.hospital,
        "opened_at": view.case.opened_at,
        "state": view.case.state,
        "authorised_until": view.case.authorised_until,
        "physician": view.case.physician,
        "forgotten_at": view.forgotten_at,
        "repatriation": view.beside.repatriation,
        "claim": view.beside.claim,
        "flags": view.beside.flags,
        "facts": [
            {
                "id": row.id,
                "kind": row.kind,
                "day": row.day,
                "first": row.first,
                "last": row.last,
                "request": row.request_hash,
                "message": row.message,
                "by": row.by,
                "recorded_at": row.recorded_at,
            }
            for row in view.facts
        ],
        "requests": [_request_json(item) for item in view.requests],
        "messages": [
            {
                "id": row.id,
                "direction": row.direction,
                "kind": row.kind,
                "partner": row.partner,
                "at": row.at,
                "mic": row.mic,
                "request": row.request_hash,
            }
            for row in view.messages
        ],
        "duties": [
            {"code": duty.code, "by": duty.by, "urgency": duty.urgency, "request": duty.request, "due": duty.due}
            for duty in view.duties
        ],
        "owed_copies": [
            {
                "message": row.message,
                "partner": row.partner,
                "reason": row.reason,
                "noticed_at": row.noticed_at,
                "settled_at": row.settled_at,
            }
            for row in view.owed_copies
        ],
        "transmissions": [
            {
                "message": row.message,
                "partner": row.partner,
                "receipt": row.receipt,
                "state": row.state,
                "attempts": row.attempts,
                "handed_over_at": row.handed_over_at,
                "code": row.code,
            }
            for row in view.transmissions
        ],
        "handovers": [handover_json(row) for row in view.handovers],
    }


def _request_json(item: Any) -> dict[str, Any]:
    request = item.request
    return {
        "request": request.hash,
        "state": request.state,
        "kind": request.kind,
        "nature": request.nature,
        "supersedes": request.supersedes,
        "granted_from": request.granted_from,
        "granted_until": request.granted_until,
        "form_owed": request.form_owed,
        "requested_from": request.requested_from,
        "requested_until": request.requested_until,
        "authorised_until": request.authorised_until,
        "submitted_at": request.submitted_at,
        "handed_over_at": request.handed_over_at,
        "started_at": request.started_at,
        "grade": request.grade,
        "tacit_at": request.nominal_at,
        "earliest_tacit_at": request.earliest_at,
        "latest_tacit_at": request.latest_at,
        "elapsed_at": request.elapsed_at,
        "asks_person": request.asks_person,
        "evidence": [
            {
                "partner": row.partner,
                "kind": row.kind,
                "grade": row.grade,
                "sent_at": row.sent_at,
                "stated_at": row.stated_at,
                "dated_at": row.dated_at,
                "arrived_at": row.arrived_at,
                "recorded_at": row.recorded_at,
            }
            for row in item.evidence
        ],
        "answers": [
            {
                "number": row.id,
                "says": row.says,
                "taken_as": row.taken_as,
                "received_earliest": row.earliest,
                "received_latest": row.latest,
                "stated_at": row.stated,
                "message": row.message,
                "in_dispute": row in item.doubted,
            }
            for row in item.answers
        ],
        "acceptance": None
        if item.acceptance is None
        else {
            "effective_at": item.acceptance.effective_at,
            "recorded_at": item.acceptance.recorded_at,
            "contested": item.contested,
        },
        "acceptances": acceptances_json(item),
    }


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
