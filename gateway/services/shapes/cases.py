"""A case as data: its requests, facts, messages and duties; never a name or a content."""

from typing import Any

from gateway.services.dossier import CaseView
from gateway.services.request_view import RequestView
from gateway.services.shapes.rulings import acceptances_json
from gateway.storage import ReaderHandover


def case_json(view: CaseView) -> dict[str, Any]:
    """A case."""
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
        "requests": [request_json(item) for item in view.requests],
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


def request_json(item: RequestView) -> dict[str, Any]:
    """One of its requests, with what attests it and what was answered."""
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


def handover_json(row: ReaderHandover) -> dict[str, Any]:
    """A hand-over as data."""
    return {
        "message": row.message,
        "reader": row.reader,
        "share": row.share,
        "way": row.way,
        "state": row.state,
        "attempts": row.attempts,
        "handed_at": row.handed_at,
        "failing_since": row.failing_since,
    }
