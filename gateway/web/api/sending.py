"""What a party of this role sends, and what is told of a message that is on its way."""

from http import HTTPStatus

from gateway.domain.case import OPENINGS
from gateway.domain.kinds import KINDS, Kind, Subject, Travel
from gateway.domain.parties import Role
from gateway.services.desk import Submitted
from gateway.web.api.keys import Done


def sendable(role: Role, *subjects: Subject) -> list[Kind]:
    """The kinds of these subjects that it sends by sealed mail."""
    return [
        row
        for row in KINDS.values()
        if row.travel is Travel.MAIL and row.subject in subjects and row.route(role) is not None
    ]


def openings(role: Role) -> list[Kind]:
    """Those that open a case."""
    return [row for row in sendable(role, Subject.CASE) if row.outcome.case in OPENINGS]


def submitted(done: Submitted) -> Done:
    """The message and its case, without content."""
    told = {
        "case": done.case.ref,
        "message": done.message.id,
        "kind": done.message.kind,
        "request": done.message.request_hash,
        "mic": done.message.mic,
        "partner": done.message.partner,
        "at": done.message.at,
    }
    return Done(value=told, status=HTTPStatus.CREATED, place=f"/api/v1/cases/{done.case.ref}")
