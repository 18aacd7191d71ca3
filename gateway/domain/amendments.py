"""What persons state over the calendar file, and the calendar that results.

An act states rows or withdraws them, and is never changed or deleted. Where four eyes are on, an act that could end a
period sooner awaits a second person, whose own act confirms or declines it. Of two acts on one statement the last one
in force holds.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import Enum

from gateway.domain.feasts import ONE_DAY, SHIFTS, CalendarRow, RowStatus
from gateway.domain.period import compute
from gateway.domain.workdays import Calendar, Day, DayReason, start_of_day

LONGEST_WINDOW = timedelta(days=45)
"""How far back a day is looked for in periods. Longer blocks of days off would need more, but whatever a day does to
such a far reception it does to a nearer one too."""


class Verb(Enum):
    """What an act does."""

    SET = "set"
    REMOVE = "remove"
    IMPORT = "import"
    FORECAST = "forecast"
    CONFIRM = "confirm"
    DECLINE = "decline"


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarAct:
    """An act of a person. ``awaits_second`` ones wait for an act ``about`` them that confirms or declines.

    ``covers_until`` is a last complete day that it states, None when it leaves that as it is.
    """

    id: int = 0
    site: str
    verb: Verb
    source: str
    recorded_at: datetime
    recorded_by: str
    awaits_second: bool = False
    about: int | None = None
    covers_until: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarStatement:
    """One row that an act states, or with ``withdrawn`` one that it takes back, named as it stood."""

    id: int = 0
    site: str
    act: int
    withdrawn: bool
    date: date
    name: str
    feast: str | None
    status: RowStatus
    off: bool
    source: str

    @property
    def row(self) -> CalendarRow:
        """As a row of the calendar, without its author."""
        return CalendarRow(
            date=self.date, name=self.name, feast=self.feast, status=self.status, off=self.off, source=self.source
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What an act says of the calendar, before or after it was recorded."""

    verb: Verb
    source: str
    stated: tuple[CalendarRow, ...] = ()
    withdrawn: tuple[CalendarRow, ...] = ()
    covers_until: date | None = None

    @property
    def substance(self) -> tuple[object, ...]:
        """What two persons must both have said for the second to confirm the first: all but their sources."""
        return _said(self.stated), _said(self.withdrawn), self.covers_until


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """A change with when and by whom it came into force."""

    change: Change
    at: datetime
    by: str


def overlaid(base: Calendar, applied: Iterable[Applied]) -> Calendar:
    """The calendar after these changes, in their order; with none, the very same one.

    Raises:
        CalendarInvalid: the rows that result contradict each other.
    """
    rows, until, changed = list(base.rows), base.covers_until, False
    for step in applied:
        change, changed = step.change, True
        gone = {_key(row) for row in (*change.stated, *change.withdrawn)}
        rows = [row for row in rows if _key(row) not in gone]
        rows += [replace(row, recorded_at=step.at, recorded_by=step.by) for row in change.stated]
        until = max(until, change.covers_until or until)
    return Calendar(rows=tuple(rows), covers_until=until, covers_from=base.covers_from) if changed else base


def in_force(acts: Iterable[CalendarAct]) -> Iterator[tuple[CalendarAct, CalendarAct]]:
    """Each act that counts, with the one that made it count (itself, or a second person's), in that order."""
    known: dict[int, CalendarAct] = {}
    for act in sorted(acts, key=lambda act: act.id):
        known[act.id] = act
        if act.verb is Verb.CONFIRM and act.about is not None:
            yield known[act.about], act
        elif act.verb is not Verb.DECLINE and not act.awaits_second:
            yield act, act


def pending(acts: Sequence[CalendarAct]) -> tuple[CalendarAct, ...]:
    """Acts that still await a second person."""
    settled = {act.about for act in acts}
    return tuple(act for act in acts if act.awaits_second and act.id not in settled)


def change_of(act: CalendarAct, statements: Sequence[CalendarStatement]) -> Change:
    """The change that was recorded as this act and its statements."""
    return Change(
        verb=act.verb,
        source=act.source,
        stated=tuple(statement.row for statement in statements if not statement.withdrawn),
        withdrawn=tuple(statement.row for statement in statements if statement.withdrawn),
        covers_until=act.covers_until,
    )


def authors(act: CalendarAct, second: CalendarAct) -> str:
    """Who answers for an act in force: one person, or the two."""
    return act.recorded_by if act is second else f"{act.recorded_by} & {second.recorded_by}"


# --- what a change does to periods


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """T of a period, as in ``Period``: with each feast where it is expected, and its extremes."""

    nominal: datetime
    earliest: datetime
    latest: datetime | None

    def sooner_than(self, other: "Ends") -> bool:
        """True when an answer could become late earlier than under ``other``, or silence be recorded earlier."""
        if self.earliest < other.earliest:
            return True
        return self.latest is not None and (other.latest is None or self.latest < other.latest)


def ends(received: datetime, calendar: Calendar) -> Ends:
    """The ends of the period that starts with this reception.

    Raises:
        ValueError: the instant is naive.
    """
    found = compute(received, calendar)
    return Ends(nominal=found.tacit_at, earliest=found.earliest_tacit_at, latest=found.latest_tacit_at)


def reach(before: Calendar, after: Calendar) -> tuple[date, date] | None:
    """First and last reception day whose period the difference can touch, or None when there is no difference."""
    days = _touched_days(before, after)
    if before.covers_until != after.covers_until:
        days |= {min(before.covers_until, after.covers_until) + ONE_DAY, max(before.covers_until, after.covers_until)}
    return (min(days) - LONGEST_WINDOW, max(days)) if days else None


def hastens(before: Calendar, after: Calendar, since: date) -> bool:
    """True when the period of some reception from this day on would end sooner, or become one that can be recorded."""
    window = reach(before, after)
    if window is None:
        return False
    first, last = max(window[0], since), window[1]
    receptions = (start_of_day(first + offset * ONE_DAY) for offset in range((last - first).days + 1))
    return any(ends(received, after).sooner_than(ends(received, before)) for received in receptions)


@dataclass(frozen=True, slots=True, kw_only=True)
class DayChange:
    """A day that counts otherwise, or for another reason, than it did."""

    before: Day
    after: Day
    was_uncertain: bool
    is_uncertain: bool


def changed_days(before: Calendar, after: Calendar) -> tuple[DayChange, ...]:
    """Days that change, by date; that the calendar now reaches further is no change of a day."""
    found = []
    for day in sorted(_touched_days(before, after)):
        old, new = _known(before.day(day)), _known(after.day(day))
        was, now = before.is_uncertain(day), after.is_uncertain(day)
        if (old.working, old.reason, was) != (new.working, new.reason, now):
            found.append(DayChange(before=old, after=new, was_uncertain=was, is_uncertain=now))
    return tuple(found)


def _known(day: Day) -> Day:
    return replace(day, reason=DayReason.WORKING_DAY) if day.reason is DayReason.BEYOND_CALENDAR else day


def _key(row: CalendarRow) -> tuple[date, RowStatus, str]:
    """What a row is about: a later row about the same takes its place."""
    return row.date, row.status, row.feast or row.name


def _said(rows: Iterable[CalendarRow]) -> frozenset[object]:
    return frozenset((*_key(row), row.off) for row in rows)


def _touched_days(before: Calendar, after: Calendar) -> set[date]:
    """Days of which a row speaks in one calendar only, and all days that a feast could have that moves differently."""
    # Of observed rows the last one decides, so that saying one again can change something.
    old, new = (
        {(*_key(row), row.off, row.status is RowStatus.OBSERVED and row.age) for row in calendar.rows}
        for calendar in (before, after)
    )
    days = {day for day, *_ in old ^ new}
    for feast in set(before.feasts) ^ set(after.feasts):
        days.update(*(feast.placed(shift) for shift in SHIFTS))
    return days
