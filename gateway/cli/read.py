"""Commands that show: cases, messages, the gateway's state."""

from gettext import gettext as _
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.clock import show_period
from gateway.cli.copies import copy_line
from gateway.cli.listing import show_cases, show_waiting
from gateway.cli.output import (
    CONDITIONS,
    GRADES,
    STATES,
    day,
    echo_json,
    instant,
    message_row,
    table,
    title,
)
from gateway.cli.session import DEFAULT_CONFIG, ConfigOption, JsonOption, person, settings, with_archive
from gateway.cli.terms import CASE_STATES
from gateway.cli.todo import show_duty

case_app = typer.Typer(help="Un dossier.", no_args_is_help=True)
message_app = typer.Typer(help="Les messages échangés.", no_args_is_help=True)

EXIT_UNWELL = 8


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

    async def read(archive: Any) -> Any:
        return archive.role, await archive.case(ref)

    role, view = with_archive(config, read)
    if as_json:
        echo_json(_case_json(view))
        return
    typer.echo(f"Dossier {view.case.ref}")
    if view.patient:
        typer.echo(f"Patient : {view.patient['patient_name']} {view.patient['patient_first_name']}")
    typer.echo(f"État : {CASE_STATES[view.case.state]}")
    for duty in view.duties:
        show_duty(duty, None, ours=role)
    for item in view.requests:
        _show_request(item)
    typer.echo("")
    facts = [(str(row.id), day(row.day), title(row.kind), row.by) for row in view.facts]
    table(("Fait", "Date", "Ce qui s'est passé", "Par"), facts, empty="Aucun fait noté.")
    typer.echo("")
    rows = [message_row(row) for row in view.messages]
    table(("Message", "Sens", "Type", "Partenaire", "Date"), rows, empty="Aucun message.")
    for owed in view.owed_copies:
        typer.echo(copy_line(owed, view.messages))


def _show_request(item: Any) -> None:
    request = item.request
    typer.echo("")
    typer.echo(f"Demande {request.hash[:12]} : {STATES[request.state]}")
    typer.echo(f"  du {day(request.requested_from)} au {day(request.requested_until)}")
    typer.echo(f"  autorisation actuelle jusqu'au {day(request.authorised_until)}")
    typer.echo(f"  remise au serveur : {instant(request.handed_over_at)}")
    typer.echo(f"  reçue par la CNAS : {instant(request.started_at)} ({GRADES[request.grade]})")
    if item.period:
        show_period(item.period)
    for code in request.asks_person:
        typer.echo(f"  à confirmer : {CONDITIONS.get(f'confirmed_{code}', code)}")
    if item.acceptance:
        typer.echo(f"  réputée acceptée, enregistrée : {instant(item.acceptance.recorded_at)}")
        if item.acceptance.contradicted_at:
            typer.echo("  ATTENTION : une réponse contraire a été trouvée depuis.")


def _case_json(view: Any) -> dict[str, Any]:
    return {
        "case": view.case.ref,
        "hospital": view.case.hospital,
        "opened_at": view.case.opened_at,
        "state": view.case.state,
        "authorised_until": view.case.authorised_until,
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
        "acceptance": None
        if item.acceptance is None
        else {
            "effective_at": item.acceptance.effective_at,
            "recorded_at": item.acceptance.recorded_at,
            "contradicted_at": item.acceptance.contradicted_at,
        },
    }


# --- Messages.


@message_app.command("list")
def message_list(
    config: ConfigOption = DEFAULT_CONFIG,
    case: Annotated[str | None, typer.Option(help="Un seul dossier.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Lister les messages, sans leur contenu."""
    found = with_archive(config, lambda archive: archive.messages(case))
    if as_json:
        echo_json(list(found))
        return
    rows = [message_row(row) for row in found]
    table(("Message", "Sens", "Type", "Partenaire", "Date"), rows, empty="Aucun message.")


@message_app.command("show")
def message_show(
    message: Annotated[int, typer.Argument(help="Le numéro du message.")], config: ConfigOption = DEFAULT_CONFIG
) -> None:
    """Lire un message ; la lecture est inscrite au journal."""
    who = person(settings(config))
    row, payload = with_archive(config, lambda archive: archive.read(message, actor=who, purpose="shown"))
    typer.echo(f"Message {row.id} – {title(row.kind)} – {instant(row.at)}")
    typer.echo(f"Objet : {payload.subject}")
    typer.echo("")
    typer.echo(payload.text)
    for piece in payload.attachments:
        typer.echo(f"  pièce : {piece.name} ({len(piece.data)} octets)")


@message_app.command("save")
def message_save(
    message: Annotated[str, typer.Argument(help="Numéro du message, ou mail-N pour un courrier à trier.")],
    to: Annotated[Path, typer.Option("--to", help="Dossier où écrire (créé, lisible par vous seul).")],
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
        row, payload = with_archive(config, lambda archive: archive.read(_number(message), actor=who, purpose="saved"))
        written = save_message(row, payload, to)
    for path in written:
        typer.echo(str(path))


def _number(text: str) -> int:
    if not text.isdecimal():
        raise typer.BadParameter("un numéro de message est attendu")
    return int(text)


# --- State.


def status(config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Dire si tout va bien. Code de sortie 8 si la passerelle ne fonctionne pas comme elle doit."""
    now = with_archive(config, lambda archive: archive.status())
    if as_json:
        echo_json(_status_json(now))
    else:
        _show_status(now)
    if not now.healthy:
        raise typer.Exit(EXIT_UNWELL)


def _show_calendar(now: Any) -> None:
    until = day(now.calendar_covers_until)
    if now.calendar_short:
        year = now.calendar_covers_until.year + 1
        typer.echo(_("LE CALENDRIER S'ÉPUISE : après le {until}, aucun silence ne s'enregistre.").format(until=until))
        typer.echo(_("Complétez-le : gateway calendar propose {year} --record").format(year=year))
    else:
        typer.echo(_("Calendrier algérien complet jusqu'au {until}").format(until=until))
    if now.calendar_proposals:
        many = now.calendar_proposals
        typer.echo(_("Propositions de calendrier en attente d'une seconde personne : {many}").format(many=many))


def _status_json(now: Any) -> dict[str, Any]:
    return {name: getattr(now, name) for name in now.__dataclass_fields__} | {"healthy": now.healthy}


def _show_status(now: Any) -> None:
    for folder, at in now.polled_at.items():
        typer.echo(f"Courrier relevé ({folder}) : {instant(at) if at else 'jamais'}")
    if now.clock_suspended_at:
        typer.echo(f"HORLOGE DOUTEUSE depuis {instant(now.clock_suspended_at)} : aucun silence n'est enregistré.")
    typer.echo(f"Courriers à envoyer : {now.waiting_mails} ; à l'issue incertaine ou refusés : {now.doubtful_mails}")
    typer.echo(f"Courriers à trier : {now.to_triage}")
    show_waiting(now)
    _show_calendar(now)
    if not now.watching:
        stale = [folder for folder, at in now.polled_at.items() if not now.fresh(at)]
        typer.echo(f"LE COURRIER N'EST PAS RELEVÉ ({', '.join(stale)}).")
        typer.echo("Vérifiez que « gateway run » tourne, que le serveur répond et que ces dossiers y existent.")
    elif now.healthy:
        typer.echo("Tout va bien.")
