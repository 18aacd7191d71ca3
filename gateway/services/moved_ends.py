"""How the end of a period moved, from the log: what it was, what it became, why, and who answers for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.domain import audit
from gateway.domain.amendments import CalendarAct
from gateway.domain.labels import GRADES
from gateway.domain.parties import Grade
from gateway.domain.words import Said, said
from gateway.storage import AuditEntry, Request, View

_MOVES = frozenset({"request.period_moved", "request.evidence_refined"})
_CALENDAR = ("calendar.set", "calendar.remove", "calendar.import", "calendar.forecast", "calendar.confirmed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Extremes:
    """The ends of a period as a record has them; ``latest`` None where the calendar does not reach."""

    earliest: datetime
    latest: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedEnd:
    """One move. ``who`` is the author, or « gateway » where a mail did it."""

    at: datetime
    before: Extremes
    after: Extremes
    cause: Said
    who: str


async def moved_ends(view: View, request: Request) -> tuple[MovedEnd, ...]:
    """Every move of this request's end, oldest first."""
    found: list[MovedEnd] = []
    proved: list[AuditEntry] = []
    for entry in await view.entries(request=request.hash):
        if entry.event in {"evidence.recorded", "proof.counted"}:
            proved.append(entry)
        elif entry.event == "request.acknowledged":
            proved = []
        elif entry.event in _MOVES and entry.purged_by is None:
            move = await _move(view, request.site, entry, proved)
            found += [] if move is None else [move]
            proved = []
    return tuple(found)


async def _move(view: View, site: str, entry: AuditEntry, proved: Sequence[AuditEntry]) -> MovedEnd | None:
    details = audit.parse(entry.canonical, position=entry.index).details
    before, after = _extremes(details, "former_"), _extremes(details, "")
    if before is None or after is None or before == after:
        return None
    # A proof that moved nothing may have come before; what the calendar was says whether it is the cause.
    by_proof = proved and details.get("former_calendar", details.get("calendar")) == details.get("calendar")
    cause, who = _by_proof(proved) if by_proof else await _by_calendar(view, site, str(details.get("calendar")))
    return MovedEnd(at=entry.at, before=before, after=after, cause=cause, who=who)


def _extremes(details: Mapping[str, object], prefix: str) -> Extremes | None:
    """What a record says of the ends; None where it says nothing."""
    earliest, latest = details.get(f"{prefix}earliest_tacit_at"), details.get(f"{prefix}latest_tacit_at")
    if not isinstance(earliest, str):
        return None
    return Extremes(
        earliest=datetime.fromisoformat(earliest),
        latest=datetime.fromisoformat(latest) if isinstance(latest, str) else None,
    )


def _by_proof(proved: Sequence[AuditEntry]) -> tuple[Said, str]:
    """The newest proof before the move; a person answers for one that a person brought."""
    person = next((entry for entry in reversed(proved) if entry.event == "proof.counted"), None)
    if person is not None:
        return said("une preuve apportée au dossier a été confirmée"), person.actor
    newest = proved[-1]
    grade = Grade[(newest.outcome or "none").upper()]
    return said("preuve de réception arrivée depuis : {grade}", grade=Said(GRADES[grade])), newest.actor


async def _by_calendar(view: View, site: str, version: str) -> tuple[Said, str]:
    """The act by which the calendar became this one; a new file has no author in the log."""
    for event in _CALENDAR:
        for entry in await view.entries(event=event, newest=True):
            details = audit.parse(entry.canonical, position=entry.index).details
            if entry.outcome == "in_force" and details.get("after") == version:
                act = await view.one(CalendarAct, site=site, id=details.get("act"))
                first = act.recorded_by if act is not None else entry.actor
                who = first if first == entry.actor else f"{first} & {entry.actor}"
                return said("calendrier algérien complété : {source}", source=details.get("source")), who
    return said("le fichier du calendrier a changé"), "gateway"
