"""The calendar in force, read where it is needed: the configured file, and over it what persons stated in the database.

Every act and every view reads it anew, at the price of one row when nothing changed: a running gateway follows what
another process recorded, and no period is computed under a calendar that the same commit does not see.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.domain.amendments import (
    Applied,
    CalendarAct,
    CalendarStatement,
    Change,
    authors,
    change_of,
    in_force,
    overlaid,
    pending,
)
from gateway.domain.errors import CalendarInvalid
from gateway.domain.period import Period, compute
from gateway.domain.words import said
from gateway.domain.workdays import Calendar
from gateway.storage import Rows

_IN_FORCE = said("en vigueur (le fichier, et les actes enregistrés par-dessus)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """An act that awaits a second person."""

    act: CalendarAct
    change: Change


@dataclass(frozen=True, slots=True)
class _Reading:
    """What was made of the acts up to one of them."""

    newest: CalendarAct | None
    steps: tuple[Applied, ...]
    calendar: Calendar
    proposals: tuple[Proposal, ...]


class Almanac:
    """Holds the calendar of one site."""

    def __init__(self, *, base: Calendar, site: str) -> None:
        self._base = base
        self._site = site
        self._read: _Reading | None = None

    async def calendar(self, view: Rows) -> Calendar:
        """The calendar in force.

        Raises:
            CalendarInvalid: the file does not go with the acts, as a new one may not.
        """
        return (await self._reading(view)).calendar

    async def proposals(self, view: Rows) -> tuple[Proposal, ...]:
        """What awaits a second person, oldest first.

        Raises:
            CalendarInvalid: as in ``calendar``.
        """
        return (await self._reading(view)).proposals

    async def explained(self, view: Rows, received: datetime, version: str | None) -> Period:
        """A period under the calendar of this version, if that one can still be made, else under the one in force.

        Raises:
            CalendarInvalid: as in ``calendar``.
        """
        return compute(received, await self.of_version(view, version))

    async def of_version(self, view: Rows, version: str | None) -> Calendar:
        """The calendar of this version, if it can still be made, else the one in force.

        Raises:
            CalendarInvalid: as in ``calendar``.
        """
        reading = await self._reading(view)
        if version in {None, reading.calendar.version}:
            return reading.calendar
        former = (self._made(reading.steps[:count]) for count in reversed(range(len(reading.steps))))
        found = next((calendar for calendar in former if calendar and calendar.version == version), None)
        return found or reading.calendar

    async def would_end_later(self, view: Rows, received: datetime, latest: datetime | None) -> bool:
        """True when a proposal, once confirmed, would bring the latest end of this period after ``latest``."""
        if latest is None:
            return False
        calendar, proposals = await self.calendar(view), await self.proposals(view)
        for proposal in proposals:
            step = Applied(change=proposal.change, at=proposal.act.recorded_at, by=proposal.act.recorded_by)
            try:
                end = compute(received, overlaid(calendar, [step])).latest_tacit_at
            except CalendarInvalid:
                return True  # It contradicts what is known by now: a person must say which of them holds.
            if end is None or end > latest:
                return True
        return False

    async def _reading(self, view: Rows) -> _Reading:
        newest = next(iter(await view.all(CalendarAct, site=self._site, newest=True, limit=1)), None)
        if self._read is None or self._read.newest != newest:
            self._read = await self._fresh(view, newest)
        return self._read

    async def _fresh(self, view: Rows, newest: CalendarAct | None) -> _Reading:
        acts = await view.all(CalendarAct, site=self._site)
        statements: dict[int, list[CalendarStatement]] = {act.id: [] for act in acts}
        for statement in await view.all(CalendarStatement, site=self._site):
            statements[statement.act].append(statement)
        steps = tuple(
            Applied(change=change_of(act, statements[act.id]), at=second.recorded_at, by=authors(act, second))
            for act, second in in_force(acts)
        )
        waiting = tuple(Proposal(act=act, change=change_of(act, statements[act.id])) for act in pending(acts))
        try:
            return _Reading(newest, steps, overlaid(self._base, steps), waiting)
        except CalendarInvalid as error:
            raise CalendarInvalid(path=_IN_FORCE, reason=error.fields["reason"]) from error

    def _made(self, steps: Sequence[Applied]) -> Calendar | None:
        try:
            return overlaid(self._base, steps)
        except CalendarInvalid:
            return None
