"""Who in the house is told of an alarm, in which order, and when the next one is, or the other path is taken.

The order is the configuration's. Whoever is absent is stood in for by a delegate; an alarm is never told to nobody as
long as somebody is named.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from gateway.domain.alarms.shape import PREFIX, Desk, Kind, Severity

ALARM = "ALARM"
"""Kind of the mails that tell alarms; the catalogue does not know it: no rule of the protocol applies to them."""

DELIVERED_WITHIN = timedelta(minutes=10)
"""How long a mail that tells an alarm may take to leave before the other path is taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """Days on which somebody is away, both included."""

    first: date
    last: date

    def holds(self, day: date) -> bool:
        """Whether it is one of them."""
        return self.first <= day <= self.last


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A person who is told. ``desks`` are those whose alarms concern them; ``delegate`` the id of who stands in."""

    id: str
    address: str
    desks: frozenset[Desk]
    absences: tuple[Absence, ...] = ()
    delegate: str | None = None

    @property
    def name(self) -> str:
        """Their name in the outbox and in the audit log."""
        return f"{PREFIX}{self.id}"

    def away(self, day: date) -> bool:
        """Whether they are absent."""
        return any(absence.holds(day) for absence in self.absences)


@dataclass(frozen=True, slots=True, kw_only=True)
class Staff:
    """Everyone who is told, in order. ``patience`` is how long an alarm may stay untaken before the next one is."""

    members: tuple[Member, ...] = ()
    patience: timedelta = timedelta(hours=1)

    def find(self, member_id: str | None) -> Member | None:
        """The person of this id."""
        return next((member for member in self.members if member.id == member_id), None)

    def chain(self, desk: Desk, day: date) -> tuple[Member, ...]:
        """Who is told on this day, one after the other; when everybody is away, as if nobody were."""
        named = [member for member in self.members if desk in member.desks] or list(self.members)
        there = [stand_in for member in named if (stand_in := self._present(member, day)) is not None]
        return tuple(dict.fromkeys(there or named))

    def next(self, desk: Desk, told: Collection[str], day: date) -> Member | None:
        """The first of the chain who does not know yet."""
        return next((member for member in self.chain(desk, day) if member.id not in told), None)

    def _present(self, member: Member, day: date) -> Member | None:
        """They themselves, or whoever stands in for them; None when a whole circle of delegates is away."""
        seen: set[str] = set()
        current: Member | None = member
        while current is not None and current.away(day):
            if current.id in seen:
                return None
            seen.add(current.id)
            current = self.find(current.delegate)
        return current


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """How far an alarm was told: to whom, when last, whether somebody took it, and whether that last mail has left."""

    told: tuple[str, ...]
    told_at: datetime | None
    taken: bool
    left: bool
    called: bool


def escalates(kind: Kind, telling: Telling, patience: timedelta, now: datetime) -> bool:
    """Whether the next person must be told: nobody took it in time. A notice asks nobody to do anything."""
    if telling.taken or kind.severity is Severity.NOTICE or telling.told_at is None:
        return False
    return now - telling.told_at >= patience


def must_call(kind: Kind, telling: Telling, staff: Staff, day: date, now: datetime) -> bool:
    """Whether the other path must be taken: mail does not reach anybody, or nobody whom it reached does anything."""
    if telling.called or telling.taken or kind.severity is Severity.NOTICE:
        return False
    if kind.mail_fails or telling.told_at is None:
        return True
    if not telling.left and now - telling.told_at >= DELIVERED_WITHIN:
        return True
    over = staff.next(kind.desk, telling.told, day) is None
    return over and escalates(kind, telling, staff.patience, now)
