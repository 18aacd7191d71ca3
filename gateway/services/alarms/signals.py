"""What the audit log tells of alarms: records that services wrote in the very act of what they tell.

The log is read once, in its order; how far is kept with the alarms that it started, in their commit.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.domain.alarms import KINDS, SIGNALS, Kind, Sighting
from gateway.domain.kinds import KINDS as MESSAGES
from gateway.domain.kinds import Subject
from gateway.domain.parties import Directory, Party, Role
from gateway.storage import AlarmMark, AuditEntry, Message, View

STARTED, ENDED = "started", "ended"
"""Outcomes of the watch's own records, which start nothing."""

FORGOTTEN = timedelta(days=7)
"""What is older starts no alarm when the log is read for the first time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """Sightings, when each was recorded (by its index), and up to which record the log was read; None: nothing new."""

    sightings: tuple[Sighting, ...] = ()
    at: Mapping[int, datetime]
    seen: int | None = None


async def heard(view: View, party: Party, directory: Directory, now: datetime) -> Heard:
    """What the log tells since it was last read."""
    mark = await view.one(AlarmMark, site=party.site)
    entries = await view.entries(after=mark.seen if mark else -1, event=SIGNALS)
    news = [entry for entry in entries if mark is not None or now - entry.at <= FORGOTTEN]
    found = [
        _sighting(entry, kind)
        for entry in news
        for kind in _started_by(entry, party.role)
        if not await _told_otherwise(view, entry, kind, directory)
    ]
    at = {entry.index: entry.at for entry in news}
    return Heard(sightings=tuple(found), at=at, seen=entries[-1].index if entries else None)


def _started_by(entry: AuditEntry, us: Role) -> Iterator[Kind]:
    if entry.outcome in {STARTED, ENDED}:
        return
    for kind in KINDS.values():
        if entry.event in kind.signals and us in kind.roles and kind.hears(entry.partner):
            yield kind


def _sighting(entry: AuditEntry, kind: Kind) -> Sighting:
    return Sighting(
        kind=kind.name,
        case=entry.case,
        request=entry.request,
        message=entry.message,
        partner=entry.partner,
        signal=entry.index,
        once=kind.until_taken,
    )


async def _told_otherwise(view: View, entry: AuditEntry, kind: Kind, directory: Directory) -> bool:
    """A request that does not reach the CNAS is an alarm about the request."""
    partner = directory.find(entry.partner or "")
    if kind.name != "mail_refused" or partner is None or partner.role is not Role.CNAS or entry.message is None:
        return False
    message = await view.one(Message, id=int(entry.message))
    about = MESSAGES.get(message.kind) if message else None
    return about is not None and about.subject is Subject.REQUEST
