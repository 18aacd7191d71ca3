"""The Algerian calendar with its provenance: which days count, who says so, and which of them are only expected.

Working days are those of the country that receives: Sunday counts, Friday and Saturday do not (instruction
DSS/DACI/2019/224, § 5.1 b). Other days off are rows of a table that an operator amends; no moon is computed here.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime
from enum import Enum
from hashlib import sha256
from itertools import product

from gateway.domain.days import ALGIERS
from gateway.domain.errors import CalendarInvalid
from gateway.domain.feasts import (
    WEEKEND,
    CalendarRow,
    Feast,
    Hypothesis,
    Move,
    RowStatus,
    decided_days,
    hypothesis,
    movable_feasts,
    row_faults,
)
from gateway.domain.words import Said, french, listed, said

__all__ = [
    "Calendar",
    "CalendarRow",
    "Day",
    "DayReason",
    "Feast",
    "Hypothesis",
    "Move",
    "RowStatus",
    "algiers_day",
    "calendar_from_rows",
    "start_of_day",
]

UNNAMED = "(calendrier)"


class DayReason(Enum):
    """Why a day counts or does not; stable English ids, words for people are made elsewhere."""

    WORKING_DAY = "working_day"
    RECEPTION_DAY = "reception_day"
    DECLARED_WORKED = "declared_worked"
    OBSERVED_WORKED = "observed_worked"
    BEYOND_CALENDAR = "beyond_calendar"
    WEEKEND = "weekend"
    FIXED_HOLIDAY = "fixed_holiday"
    OFFICIAL_HOLIDAY = "official_holiday"
    FORECAST_HOLIDAY = "forecast_holiday"
    OBSERVED_OFF = "observed_off"


OFF_REASONS = {
    RowStatus.FORECAST: DayReason.FORECAST_HOLIDAY,
    RowStatus.FIXED: DayReason.FIXED_HOLIDAY,
    RowStatus.OFFICIAL: DayReason.OFFICIAL_HOLIDAY,
    RowStatus.OBSERVED: DayReason.OBSERVED_OFF,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What is known of a day. ``row`` is the statement that decides it, None when the weekday alone does."""

    date: date
    working: bool
    reason: DayReason
    row: CalendarRow | None


def algiers_day(at: datetime) -> date:
    """The Algiers date of an instant.

    Raises:
        ValueError: the instant is naive.
    """
    if at.utcoffset() is None:
        raise ValueError("a naive instant has no legal day")
    return at.astimezone(ALGIERS).date()


def start_of_day(day: date) -> datetime:
    """00:00 of an Algiers day, as aware UTC; 24:00 of a day is 00:00 of the next."""
    return datetime(day.year, day.month, day.day, tzinfo=ALGIERS).astimezone(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """All rows known, and the last Algiers day (included) for which they are complete.

    ``covers_from`` is the first such day, None when the past is not limited. ``version`` is the SHA-256 (hex) of all
    that is said, so that two calculations with one version used the same calendar. ``feasts`` are those that no
    official row settles.

    Raises:
        CalendarInvalid: the rows contradict each other; all faults are listed.
    """

    rows: tuple[CalendarRow, ...]
    covers_until: date
    covers_from: date | None = None
    version: str = field(init=False, repr=False, compare=False)
    feasts: tuple[Feast, ...] = field(init=False, repr=False, compare=False)
    _decided: Mapping[date, CalendarRow] = field(init=False, repr=False, compare=False)
    _nominal: Hypothesis = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        feasts = movable_feasts(self.rows)
        if faults := [*_table_faults(self), *row_faults(self.rows, feasts)]:
            raise CalendarInvalid(path=UNNAMED, reason=listed(faults))
        nominal = hypothesis([(feast, feast.nominal) for feast in feasts])
        object.__setattr__(self, "version", sha256(_canonical(self)).hexdigest())
        object.__setattr__(self, "feasts", feasts)
        object.__setattr__(self, "_decided", decided_days(self.rows))
        object.__setattr__(self, "_nominal", nominal)

    def day(self, day: date, under: Hypothesis | None = None) -> Day:
        """What is known of an Algiers day, under a hypothesis or else with each feast where it is expected."""
        if day.weekday() in WEEKEND:
            return Day(date=day, working=False, reason=DayReason.WEEKEND, row=None)
        row = self.statement(day, under)
        if row is None:
            reason = DayReason.WORKING_DAY if self.covers(day) else DayReason.BEYOND_CALENDAR
            return Day(date=day, working=True, reason=reason, row=None)
        if row.off:
            return Day(date=day, working=False, reason=OFF_REASONS[row.status], row=row)
        observed = row.status is RowStatus.OBSERVED
        reason = DayReason.OBSERVED_WORKED if observed else DayReason.DECLARED_WORKED
        return Day(date=day, working=True, reason=reason, row=row)

    def statement(self, day: date, under: Hypothesis | None = None) -> CalendarRow | None:
        """The row that speaks last of an Algiers day; said of a weekend day too, which counts for nothing anyway."""
        return self._decided.get(day) or (under or self._nominal).forecast.get(day)

    def is_working(self, day: date) -> bool:
        """True when the day counts, each feast being where it is expected."""
        return self.day(day).working

    def is_uncertain(self, day: date) -> bool:
        """True when a feast that may still move decides whether the day counts."""
        return len({self.day(day, under).working for under in self.hypotheses(day, day)}) > 1

    def covers(self, day: date) -> bool:
        """True when the table is complete for this Algiers day."""
        return (self.covers_from or date.min) <= day <= self.covers_until

    def hypotheses(self, first: date, last: date) -> tuple[Hypothesis, ...]:
        """Every way in which the feasts that may touch these days (both included) can fall; at least one."""
        near = [feast for feast in self.feasts if feast.touches(first, last)]
        choices = product(*([(feast, shift) for shift in feast.shifts] for feast in near))
        return tuple(hypothesis(choice) for choice in choices)

    def open_feasts(self, first: date, last: date) -> tuple[Feast, ...]:
        """Feasts that may still move and may touch these days (both included)."""
        return tuple(feast for feast in self.feasts if len(feast.shifts) > 1 and feast.touches(first, last))

    def amended(self, rows: Iterable[CalendarRow]) -> "Calendar":
        """This calendar with rows added.

        Raises:
            CalendarInvalid: the rows contradict each other; this calendar is unchanged.
        """
        return Calendar(rows=(*self.rows, *rows), covers_until=self.covers_until, covers_from=self.covers_from)


def _canonical(calendar: Calendar) -> bytes:
    """The same bytes for the same statements, whatever their order."""
    rows = sorted(json.dumps(_row_values(row), ensure_ascii=False) for row in calendar.rows)
    return json.dumps([str(calendar.covers_from), str(calendar.covers_until), rows], ensure_ascii=False).encode()


def _row_values(row: CalendarRow) -> list[str | bool | None]:
    at = row.recorded_at.astimezone(UTC).isoformat() if row.recorded_at else None
    return [row.date.isoformat(), row.off, row.feast, row.name, row.status.value, row.source, at, row.recorded_by]


def _table_faults(calendar: Calendar) -> Iterator[Said]:
    if calendar.covers_from is not None and calendar.covers_from > calendar.covers_until:
        yield said("covers_from est après covers_until")
    for row in calendar.rows:
        if row.status is not RowStatus.OBSERVED:
            continue
        if row.recorded_at is None:
            yield said("{day} : un jour constaté demande recorded_at", day=row.date)
        elif row.date >= algiers_day(row.recorded_at):
            yield said("{day} : seul un jour passé peut être constaté", day=row.date)


# --- rows as plain data: TOML, JSON or database columns


def calendar_from_rows(
    rows: Sequence[Mapping[str, object]],
    covers_until: object,
    *,
    covers_from: object = None,
    recorded_at: object = None,
    recorded_by: object = None,
    path: str = UNNAMED,
) -> Calendar:
    """A calendar from plain data; dates as ``date`` or ISO text, instants as aware ``datetime`` or ISO text.

    ``recorded_at`` and ``recorded_by`` stand for rows that do not say; ``path`` only names the source in errors.

    Raises:
        CalendarInvalid: every fault of every row at once.
    """
    head = _Fields({"covers_until": covers_until, "covers_from": covers_from}, said("en-tête"))
    until, since = head.day("covers_until", required=True), head.day("covers_from")
    faults = head.faults
    default = {"recorded_at": recorded_at, "recorded_by": recorded_by}
    read: list[CalendarRow] = []
    for number, row in enumerate(rows, start=1):
        values = _Fields({**default, **row}, said("ligne {number}", number=number))
        made = values.row()
        faults += values.faults
        if made is not None:
            read.append(made)
    if until is None or faults:
        raise CalendarInvalid(path=path, reason=listed(faults))
    try:
        return Calendar(rows=tuple(read), covers_until=until, covers_from=since)
    except CalendarInvalid as error:
        raise CalendarInvalid(path=path, reason=error.fields["reason"]) from error


class _Fields:
    """Reads the values of one row and gathers what is wrong with them."""

    def __init__(self, values: Mapping[str, object], place: Said) -> None:
        self.values = values
        self.place = place
        self.faults: list[Said] = []

    def row(self) -> CalendarRow | None:
        known = {column.name for column in fields(CalendarRow)}
        unknown = [key for key in self.values if key not in known]
        self.faults += [said("{place} : champ inconnu « {key} »", place=self.place, key=key) for key in unknown]
        day, status = self.day("date", required=True), self._status()
        name, source = self._text("name", required=True), self._text("source", required=True)
        off = self.values.get("off", True)
        if not isinstance(off, bool):
            self._fault("off", french("vaut true ou false"))
        feast, by, at = self._text("feast"), self._text("recorded_by"), self._instant("recorded_at")
        if self.faults or day is None or status is None:
            return None
        return CalendarRow(
            date=day,
            name=name or "",
            status=status,
            source=source or "",
            off=off is True,
            feast=feast,
            recorded_at=at,
            recorded_by=by,
        )

    def day(self, key: str, *, required: bool = False) -> date | None:
        value = self.values.get(key)
        if value is None and not required:
            return None
        try:
            # A datetime is a date for Python, and would compare with none.
            return value if type(value) is date else date.fromisoformat(str(value))
        except ValueError:
            self._fault(key, french("est une date AAAA-MM-JJ"))
            return None

    def _instant(self, key: str) -> datetime | None:
        value = self.values.get(key)
        if value is None:
            return None
        try:
            at = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
        except ValueError:
            self._fault(key, french("est un instant AAAA-MM-JJTHH:MM:SSZ"))
            return None
        if at.utcoffset() is None:
            self._fault(key, french("porte un fuseau horaire"))
            return None
        return at

    def _status(self) -> RowStatus | None:
        try:
            return RowStatus(self.values.get("status"))
        except ValueError:
            self._fault("status", french("vaut fixed, official, forecast ou observed"))
            return None

    def _text(self, key: str, *, required: bool = False) -> str | None:
        value = self.values.get(key)
        if value is None and not required:
            return None
        if isinstance(value, str) and value.strip():
            return value
        self._fault(key, french("est un texte non vide"))
        return None

    def _fault(self, key: str, rule: str) -> None:
        self.faults.append(said("{place} : {key} {rule}", place=self.place, key=key, rule=Said(rule)))
