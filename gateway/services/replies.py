"""What an answer of the CNAS says to a request, and whether it comes in time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway.domain import request as life
from gateway.domain.errors import IllegalTransition
from gateway.domain.kinds import EXTENSION_REGULARISATION, EXTENSION_REQUEST_VITAL, Answer, Kind, parse_date
from gateway.domain.request import Event
from gateway.domain.words import said
from gateway.storage import Request

_ANSWERED = {
    Answer.ACCEPTED: Event.ACCEPTED,
    Answer.PARTLY_ACCEPTED: Event.PARTLY_ACCEPTED,
    Answer.REFUSED: Event.REFUSED,
    Answer.VITAL_DISPUTED: Event.VITAL_DISPUTED,
}
_GRANTING = {Answer.ACCEPTED, Answer.PARTLY_ACCEPTED}


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerTimes:
    """When an answer was received here at the earliest and latest, and when its signer says that it was made.

    ``doubtful`` says that our own sources disagree, so that neither end may be taken for granted.
    """

    earliest: datetime
    latest: datetime
    stated: datetime
    doubtful: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What an answer says: what it does, its kind and fields, and whether the form came with it."""

    answer: Answer
    kind: Kind
    values: Mapping[str, str]
    has_form: bool

    def changes(self) -> dict[str, Any]:
        """What a request keeps of it."""
        if self.answer not in _GRANTING:
            return {}
        return {
            "granted_from": parse_date(self.values.get("granted_from", "")),
            "granted_until": parse_date(self.values.get("granted_until", "")),
            "form_owed": not self.has_form,
        }


def event_of(request: Request, told: Reply) -> Event:
    """What an answer says: one that accepts fewer days than were asked for has refused the others (reading A9).

    Raises:
        IllegalTransition: it disputes a vital emergency that the request does not plead.
    """
    event = _ANSWERED[told.answer]
    if event is Event.VITAL_DISPUTED and request.kind != EXTENSION_REQUEST_VITAL.id:
        raise IllegalTransition(table=said("demande"), state=request.state, event=event)
    first, last = (parse_date(told.values.get(name, "")) for name in ("granted_from", "granted_until"))
    fewer = (first or request.requested_from) > request.requested_from
    fewer = fewer or (last or request.requested_until) < request.requested_until
    return Event.PARTLY_ACCEPTED if event is Event.ACCEPTED and fewer else event


Ends = tuple[datetime | None, datetime | None]
"""The earliest and latest end of a period, None where it is not known."""


def timeliness(request: Request, times: AnswerTimes) -> Event | None:
    """None when the answer is in time, else how it is not, by the ends of the period as they are known."""
    return timing(times, ends_known(request))


def timing(times: AnswerTimes, ends: Ends) -> Event | None:
    """None when the answer is in time, else how it is not."""
    first, last = ends
    if first is None:
        return None
    if times.earliest < first:
        return Event.DISPUTED if times.doubtful and times.latest >= first else None
    if last is not None and min(times.earliest, times.stated) >= last:
        return Event.LATE_ANSWER
    return Event.DISPUTED


def ends_known(request: Request) -> Ends:
    """The earliest and latest end of the period; who follows a request knows only the end that the hospital told."""
    if request.earliest_at is None:
        return request.nominal_at, request.nominal_at
    return request.earliest_at, request.latest_at


def answers(kind: Kind, request: Request, at: datetime) -> bool:
    """Whether an exchange answers the request: any answer, and a form (M19) that comes before the end of the period."""
    if kind.answer is not None:
        return True
    first, _ = ends_known(request)
    if kind is not EXTENSION_REGULARISATION or request.state not in {*life.OPEN, *life.SILENT}:
        return False
    return request.state in life.OPEN if first is None else at < first
