"""The decision period: four Algerian working days from reception, explained day by day (instruction DSS/DACI/2019/224).

The period is half-open: it ends at T = 24:00 of the last counted day in Algiers; before T is in time, at T is late.
Nothing is remembered here: the same reception and calendar give the same period, whenever it is asked for.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import Enum

from gateway.domain.feasts import ONE_DAY
from gateway.domain.workdays import (
    Calendar,
    Day,
    DayReason,
    Hypothesis,
    algiers_day,
    start_of_day,
)

LENGTH = 4  # counted days, instruction DSS/DACI/2019/224, § 5.1 b
MIN_WHOLE_DAYS = 1  # evidence recorded with less left is confirmed by a person: nobody could still react to it
INSTRUCTION = "instruction DSS/DACI/2019/224, § 5.1 b"
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
SUNDAY = 6
HOLIDAYS = frozenset(
    {DayReason.FIXED_HOLIDAY, DayReason.OFFICIAL_HOLIDAY, DayReason.FORECAST_HOLIDAY, DayReason.OBSERVED_OFF}
)


class DayRule(Enum):
    """Rule that decides a day of the explanation; R1 to R3 are the text, R4 and A4 are readings of it."""

    RECEPTION_COUNTS = "R1"
    RECEIVER_DAYS = "R2"
    SUNDAY_COUNTS = "R3"
    HOLIDAY_RECEPTION = "R4"
    HOLIDAY = "A4"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One point that the text leaves open: what is done (``default``, a stable id), why, and where it is silent."""

    id: str
    default: str
    reason: str
    source: str


A1_MIDNIGHT = Reading(
    id="A1",
    default="ends_at_midnight_algiers",
    reason="a delay in days ends with its last day, and the days are those of the receiver",
    source=INSTRUCTION + ": four working days, no hour is stated",
)
A4_HOLIDAYS = Reading(
    id="A4",
    default="public_holidays_excluded",
    reason="a public holiday is no working day for the party that receives",
    source=INSTRUCTION + ": names only Friday and Saturday",
)
R4_HOLIDAY_RECEPTION = Reading(
    id="R4",
    default="holiday_reception_not_counted",
    reason="the reception day is left out on Friday and Saturday because nobody works, and so on a holiday",
    source=INSTRUCTION + ": names only Friday and Saturday",
)
R5_NO_OFFICE_HOURS = Reading(
    id="R5",
    default="no_office_hours",
    reason="no hour is stated, so a reception at 23:59 makes day 1",
    source=INSTRUCTION + ": day of reception, no hour is stated",
)
HALF_OPEN = Reading(
    id="T24",
    default="end_instant_excluded",
    reason="an answer received before the end is in time, and the end itself belongs to the next day",
    source=INSTRUCTION + ": no instant is stated",
)
READINGS = (A1_MIDNIGHT, A4_HOLIDAYS, R4_HOLIDAY_RECEPTION, R5_NO_OFFICE_HOURS, HALF_OPEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class DayLine:
    """One row of the explanation. ``rank`` is 1 to 4 when counted; ``uncertain`` when a feast that moves changes it.

    ``name`` is the holiday's; ``source`` says who states it, or which text.
    """

    date: date
    weekday: str
    counted: bool
    rank: int | None
    reason: DayReason
    rule: DayRule
    name: str | None
    source: str | None
    uncertain: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The period under one hypothesis on the feasts near it. ``covered``: the calendar is complete for all its days."""

    hypothesis: Hypothesis
    counted_days: tuple[date, ...]
    tacit_at: datetime
    covered: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """A decision period; instants are aware UTC, dates are Algiers days.

    ``tacit_at`` is T with each feast where it is expected; earliest and latest are its extremes. ``latest_tacit_at`` is
    None when a day of the window lies outside the calendar: then nothing may be recorded. ``open_feasts`` are the ids
    of the feasts near it that may still move.
    """

    received: datetime
    reception_day: date
    days: tuple[DayLine, ...]
    counted_days: tuple[date, ...]
    tacit_at: datetime
    earliest_tacit_at: datetime
    latest_tacit_at: datetime | None
    open_feasts: tuple[str, ...]
    calendar_version: str
    readings: tuple[Reading, ...]

    @property
    def certain(self) -> bool:
        """True when every hypothesis gives the same end."""
        return self.latest_tacit_at == self.earliest_tacit_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The extremes of T over several receptions that may be the true one; ``latest`` None as in ``Period``."""

    earliest: datetime
    latest: datetime | None


def compute(received: datetime, calendar: Calendar, *, length: int = LENGTH) -> Period:
    """The period that starts with a reception at this instant.

    Raises:
        ValueError: the instant is naive, or the length is not positive.
    """
    first = algiers_day(received)
    found = outcomes(received, calendar, length=length)
    ends = [outcome.tacit_at for outcome in found]
    counted = _counted(first, calendar, None, length)
    others = [outcome.hypothesis for outcome in found]
    days = _lines(first, counted, calendar, others)
    last = max(outcome.counted_days[-1] for outcome in found)
    return Period(
        received=received.astimezone(UTC),
        reception_day=first,
        days=days,
        counted_days=counted,
        tacit_at=start_of_day(counted[-1] + ONE_DAY),
        earliest_tacit_at=min(ends),
        latest_tacit_at=max(ends) if all(outcome.covered for outcome in found) else None,
        open_feasts=tuple(feast.id for feast in calendar.open_feasts(first, last)),
        calendar_version=calendar.version,
        readings=_readings(days),
    )


def outcomes(received: datetime, calendar: Calendar, *, length: int = LENGTH) -> tuple[Outcome, ...]:
    """The period under every hypothesis that can touch it, at least one; for the table "if the feast moves".

    Raises:
        ValueError: the instant is naive, or the length is not positive.
    """
    if length < 1:
        raise ValueError("a period counts at least one day")
    first = last = algiers_day(received)
    while True:
        hypotheses = calendar.hypotheses(first, last)
        runs = [_counted(first, calendar, hypothesis, length) for hypothesis in hypotheses]
        end = max(run[-1] for run in runs)
        if end <= last:
            break
        # A longer window may be reached by one more feast, so look again.
        last = end
    return tuple(
        Outcome(
            hypothesis=hypothesis,
            counted_days=run,
            tacit_at=start_of_day(run[-1] + ONE_DAY),
            covered=calendar.covers(first) and calendar.covers(run[-1]),
        )
        for hypothesis, run in zip(hypotheses, runs, strict=True)
    )


def lines_under(received: datetime, calendar: Calendar, outcome: Outcome) -> tuple[DayLine, ...]:
    """The period day by day as one hypothesis has it; every feast has its day there, so that nothing is uncertain.

    Raises:
        ValueError: the instant is naive.
    """
    return _lines(algiers_day(received), outcome.counted_days, calendar, (), under=outcome.hypothesis)


def whole_working_days_left(at: datetime, period: Period, calendar: Calendar) -> int:
    """Counted days that begin at or after ``at``, under the hypothesis that leaves the fewest.

    Raises:
        ValueError: the instant is naive.
    """
    today = algiers_day(at)
    first = today if at == start_of_day(today) else today + ONE_DAY
    found = outcomes(period.received, calendar, length=len(period.counted_days))
    return min(sum(day >= first for day in outcome.counted_days) for outcome in found)


def recorded_too_late(recorded_at: datetime, period: Period, calendar: Calendar) -> bool:
    """True when a person must confirm evidence recorded at this instant: less than one whole working day was left.

    Raises:
        ValueError: the instant is naive.
    """
    return whole_working_days_left(recorded_at, period, calendar) < MIN_WHOLE_DAYS


def span(receptions: Iterable[datetime], calendar: Calendar, *, length: int = LENGTH) -> Span:
    """Earliest and latest T when it is open which of these instants is the reception.

    Raises:
        ValueError: no instant is given, one is naive, or the length is not positive.
    """
    periods = [compute(received, calendar, length=length) for received in receptions]
    if not periods:
        raise ValueError("a span needs a reception")
    latest = [period.latest_tacit_at for period in periods if period.latest_tacit_at is not None]
    return Span(
        earliest=min(period.earliest_tacit_at for period in periods),
        latest=max(latest) if len(latest) == len(periods) else None,
    )


def _counted(first: date, calendar: Calendar, under: Hypothesis | None, length: int) -> tuple[date, ...]:
    """The first working days from this one on, itself included if it is one."""
    counted: list[date] = []
    day = first
    while len(counted) < length:
        if calendar.day(day, under).working:
            counted.append(day)
        day += ONE_DAY
    return tuple(counted)


def _lines(
    first: date,
    counted: tuple[date, ...],
    calendar: Calendar,
    hypotheses: Iterable[Hypothesis],
    *,
    under: Hypothesis | None = None,
) -> tuple[DayLine, ...]:
    lines = []
    for offset in range((counted[-1] - first).days + 1):
        day = calendar.day(first + offset * ONE_DAY, under)
        uncertain = any(calendar.day(day.date, other).working != day.working for other in hypotheses)
        rank = counted.index(day.date) + 1 if day.working else None
        lines.append(_line(day, rank=rank, on_reception=offset == 0, uncertain=uncertain))
    return tuple(lines)


def _line(day: Day, *, rank: int | None, on_reception: bool, uncertain: bool) -> DayLine:
    plain = day.reason is DayReason.WORKING_DAY
    return DayLine(
        date=day.date,
        weekday=WEEKDAYS[day.date.weekday()],
        counted=day.working,
        rank=rank,
        reason=DayReason.RECEPTION_DAY if plain and on_reception else day.reason,
        rule=_rule(day, on_reception=on_reception),
        name=day.row.name if day.row else None,
        source=day.row.source if day.row else INSTRUCTION,
        uncertain=uncertain,
    )


def _rule(day: Day, *, on_reception: bool) -> DayRule:
    if day.reason in HOLIDAYS:
        return DayRule.HOLIDAY_RECEPTION if on_reception else DayRule.HOLIDAY
    if on_reception:
        return DayRule.RECEPTION_COUNTS
    return DayRule.SUNDAY_COUNTS if day.date.weekday() == SUNDAY else DayRule.RECEIVER_DAYS


def _readings(days: tuple[DayLine, ...]) -> tuple[Reading, ...]:
    """The readings that this period rests on: three always, the two on holidays when one is met or may be."""
    rules = {line.rule for line in days}
    used = {A1_MIDNIGHT.id, R5_NO_OFFICE_HOURS.id, HALF_OPEN.id}
    if rules & {DayRule.HOLIDAY, DayRule.HOLIDAY_RECEPTION} or any(line.uncertain for line in days):
        used.add(A4_HOLIDAYS.id)
    if DayRule.HOLIDAY_RECEPTION in rules:
        used.add(R4_HOLIDAY_RECEPTION.id)
    return tuple(reading for reading in READINGS if reading.id in used)
