"""« Which days count? »: a month of the Algerian calendar, who says what of it, and what awaits a second person."""

from calendar import Calendar as Weeks
from dataclasses import dataclass
from datetime import date, timedelta

from gateway.domain.amendments import CalendarAct, Change
from gateway.domain.errors import NotAllowed, Unknown
from gateway.domain.feasts import ONE_DAY, CalendarRow, Feast
from gateway.domain.workdays import Calendar, Day, algiers_day
from gateway.ports import Clock
from gateway.services.almanac import Proposal
from gateway.services.calendar_acts import CalendarActs, Effect
from gateway.services.seen import log_size
from gateway.storage import Store

NEAR = timedelta(days=70)
"""How far from the month a feast may be that somebody comes to announce."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One day of the month."""

    day: Day
    uncertain: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenFeast:
    """A feast that is not announced yet, and the days on which it may begin."""

    feast: Feast
    starts: tuple[date, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """What awaits a second person, and what it would do; ``effect`` None where it contradicts the calendar by now."""

    act: CalendarAct
    change: Change
    effect: Effect | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthView:
    """``weeks`` begin on Monday, with None outside the month; ``rows`` are all that is said of its days.

    ``log_size`` tells later what happened since.
    """

    first: date
    before: date
    after: date
    today: date
    weeks: tuple[tuple[Cell | None, ...], ...]
    rows: tuple[CalendarRow, ...]
    feasts: tuple[OpenFeast, ...]
    covers_until: date
    proposals: tuple[Proposed, ...]
    log_size: int


class CalendarReader:
    """Reads months."""

    def __init__(self, *, store: Store, acts: CalendarActs, clock: Clock) -> None:
        self._store = store
        self._acts = acts
        self._clock = clock

    async def log_size(self) -> int:
        """To tell later what was changed after a page was shown."""
        async with self._store.view() as view:
            return await log_size(view)

    async def month(self, year: int, month: int) -> MonthView:
        """One month.

        Raises:
            ValueError: there is none.
        """
        return await self._month(date(year, month, 1))

    async def this_month(self) -> MonthView:
        """That of today in Algiers."""
        return await self._month(algiers_day(self._clock.now()).replace(day=1))

    async def _month(self, first: date) -> MonthView:
        # Read before everything else: what comes meanwhile counts as a change.
        size = await self.log_size()
        calendar, proposals = await self._acts.standing()
        before, after = (first - ONE_DAY).replace(day=1), (first + timedelta(days=31)).replace(day=1)
        return MonthView(
            first=first,
            before=before,
            after=after,
            today=algiers_day(self._clock.now()),
            weeks=_weeks(calendar, first),
            rows=tuple(row for row in sorted(calendar.rows, key=lambda row: row.date) if first <= row.date < after),
            feasts=tuple(_open(feast) for feast in calendar.open_feasts(first - NEAR, after + NEAR)),
            covers_until=calendar.covers_until,
            proposals=tuple([await self._proposed(proposal) for proposal in proposals]),
            log_size=size,
        )

    async def _proposed(self, proposal: Proposal) -> Proposed:
        try:
            effect = await self._acts.preview_proposal(proposal.act.id)
        except (NotAllowed, Unknown):
            # It contradicts the calendar by now, or somebody settled it this very moment.
            effect = None
        return Proposed(act=proposal.act, change=proposal.change, effect=effect)


def _weeks(calendar: Calendar, first: date) -> tuple[tuple[Cell | None, ...], ...]:
    return tuple(
        tuple(_cell(calendar, day) if day.month == first.month else None for day in week)
        for week in Weeks().monthdatescalendar(first.year, first.month)
    )


def _cell(calendar: Calendar, day: date) -> Cell:
    return Cell(day=calendar.day(day), uncertain=calendar.is_uncertain(day))


def _open(feast: Feast) -> OpenFeast:
    return OpenFeast(feast=feast, starts=tuple(feast.rows[0].date + shift * ONE_DAY for shift in sorted(feast.shifts)))
