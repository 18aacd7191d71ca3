"""Rows of the calendar, and the feasts among them that may still move.

A forecast feast falls where it is expected, a day earlier or a day later, always as a block, until an official row or
an observed day settles it. Rows are only ever added: official rows take the place of the forecast rows of their feast,
an observed row stands beside them, and a wrong official row is corrected by a later one of the feast, ``off=False``.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from itertools import pairwise

from gateway.domain.words import Said, said

WEEKEND = frozenset({4, 5})  # date.weekday() of Friday and Saturday
ONE_DAY = timedelta(days=1)
SHIFTS = (-1, 0, 1)  # the crescent is seen on the expected evening, the one before or the one after
MAX_FEAST_SPAN = 10  # days; a longer "feast" is one id used for two years, and an announcement would displace both
MAX_FEASTS_NEAR = 6  # movable feasts that may start within NEAR_DAYS: 3**6 hypotheses; the Muslim year brings 3
NEAR_DAYS = 60
LONG_AGO = datetime.min.replace(tzinfo=UTC)


class RowStatus(Enum):
    """How a row is known; of two rows of one day the later in this list decides."""

    FORECAST = "forecast"
    FIXED = "fixed"
    OFFICIAL = "official"
    OBSERVED = "observed"


RANK = {status: rank for rank, status in enumerate(RowStatus)}


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarRow:
    """One statement about one Algiers day. ``off=False`` states that the day is worked.

    Raises:
        ValueError: ``recorded_at`` is naive.
    """

    date: date
    name: str
    status: RowStatus
    source: str
    off: bool = True
    feast: str | None = None
    recorded_at: datetime | None = None
    recorded_by: str | None = None

    def __post_init__(self) -> None:
        if self.recorded_at is not None and self.recorded_at.utcoffset() is None:
            raise ValueError("recorded_at must be aware")

    @property
    def age(self) -> datetime:
        """When it was recorded; a row that does not say is older than all others."""
        return self.recorded_at or LONG_AGO


@dataclass(frozen=True, slots=True, kw_only=True)
class Feast:
    """Forecast rows that move together, and the moves (in days) that nothing known contradicts."""

    id: str
    rows: tuple[CalendarRow, ...]
    shifts: tuple[int, ...]

    @property
    def nominal(self) -> int:
        """The move to assume: none if possible, else later rather than earlier, which never ends a period too soon."""
        return min(self.shifts, key=lambda shift: (abs(shift), -shift))

    def placed(self, shift: int) -> dict[date, CalendarRow]:
        """Days off under one move, each with the forecast row that it comes from."""
        return {row.date + shift * ONE_DAY: row for row in self.rows}

    def touches(self, first: date, last: date) -> bool:
        """True when a remaining move puts a day of the feast between these two days, both included."""
        # The days of a feast follow each other, so its two ends decide.
        begin, end = self.rows[0].date, self.rows[-1].date
        return any(begin + shift * ONE_DAY <= last and first <= end + shift * ONE_DAY for shift in self.shifts)

    def narrowed(self, worked: set[date], owed: set[date]) -> "Feast":
        """The feast with the moves that avoid every day worked and cover every day owed to it."""
        shifts = (
            shift
            for shift in self.shifts
            if worked.isdisjoint(self.placed(shift)) and owed <= self.placed(shift).keys()
        )
        return Feast(id=self.id, rows=self.rows, shifts=tuple(shifts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """How far one feast is from its forecast, in days, under a hypothesis."""

    feast: str
    name: str
    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypothesis:
    """One way in which the feasts near a window may fall; ``forecast`` maps each of their days off to its row."""

    moves: tuple[Move, ...]
    forecast: Mapping[date, CalendarRow] = field(hash=False)

    @property
    def off(self) -> frozenset[date]:
        """The days off of these feasts."""
        return frozenset(self.forecast)


def hypothesis(choice: Iterable[tuple[Feast, int]]) -> Hypothesis:
    """The hypothesis under which each of these feasts makes this move."""
    moves: list[Move] = []
    forecast: dict[date, CalendarRow] = {}
    for feast, shift in choice:
        moves.append(Move(feast=feast.id, name=feast.rows[0].name, days=shift))
        forecast |= feast.placed(shift)
    return Hypothesis(moves=tuple(moves), forecast=forecast)


def by_feast(rows: Iterable[CalendarRow]) -> Iterator[tuple[str, list[CalendarRow]]]:
    """Rows of one feast, by date: the same ``feast``, or without one the same name on consecutive days."""
    groups: dict[tuple[bool, str], list[CalendarRow]] = {}
    for row in sorted(rows, key=lambda row: row.date):
        key = (row.feast is not None, row.feast or row.name)
        group = groups.setdefault(key, [])
        if group and row.feast is None and row.date - group[-1].date > ONE_DAY:
            yield f"{row.name} {group[0].date}", group
            groups[key] = group = []
        group.append(row)
    for (has_id, name), group in groups.items():
        yield (name if has_id else f"{name} {group[0].date}"), group


def decided_days(rows: Iterable[CalendarRow]) -> dict[date, CalendarRow]:
    """The row that decides each day apart from forecasts.

    Within a feast the strongest status decides, then the last recorded. Between feasts the last observed row decides,
    else a day off: to correct one feast never takes away the day off of another.
    """
    known = [row for row in rows if row.status is not RowStatus.FORECAST]
    chosen: list[CalendarRow] = []
    for _, group in by_feast(known):
        chosen += {row.date: row for row in sorted(group, key=lambda row: (RANK[row.status], row.age))}.values()
    return {row.date: row for row in sorted(chosen, key=_weight)}


def _weight(row: CalendarRow) -> tuple[bool, datetime, bool, int]:
    observed = row.status is RowStatus.OBSERVED
    return observed, row.age if observed else LONG_AGO, row.off, RANK[row.status]


def movable_feasts(rows: tuple[CalendarRow, ...]) -> tuple[Feast, ...]:
    """Feasts that no official row has settled, by date, with the moves that the decided days leave (perhaps none)."""
    decided = decided_days(rows)
    worked = {day for day, row in decided.items() if not row.off}
    forecasts = [(key, _forecast_rows(group)) for key, group in by_feast(rows) if not _announced(group)]
    possible = [Feast(id=key, rows=found, shifts=SHIFTS).narrowed(worked, set()) for key, found in forecasts if found]
    possible.sort(key=lambda feast: feast.rows[0].date)
    seen_off = [row for row in decided.values() if row.off and row.status is RowStatus.OBSERVED]
    return tuple(feast.narrowed(worked, _owed_days(feast, possible, seen_off)) for feast in possible)


def _forecast_rows(group: Iterable[CalendarRow]) -> tuple[CalendarRow, ...]:
    return tuple(row for row in group if row.status is RowStatus.FORECAST)


def _announced(group: Iterable[CalendarRow]) -> set[date]:
    """Days off that the official rows of a feast give, later rows correcting earlier ones."""
    official = decided_days(row for row in group if row.status is RowStatus.OFFICIAL)
    return {day for day, row in official.items() if row.off}


def _owed_days(feast: Feast, feasts: Iterable[Feast], seen_off: Iterable[CalendarRow]) -> set[date]:
    """Observed days off that this feast alone explains, so that it must cover them.

    A row with ``feast`` speaks of that feast only. A row without one speaks of the feast of its name, or of the only
    one that can reach this day. A day off for another reason bears an id of its own, or is official.
    """
    owed = set()
    for row in seen_off:
        reaching = [other for other in feasts if other.touches(row.date, row.date)]
        same_name = [other for other in reaching if other.rows[0].name == row.name]
        explained = row.date.weekday() in WEEKEND and not same_name
        if row.feast == feast.id or (row.feast is None and not explained and (same_name or reaching) == [feast]):
            owed.add(row.date)
    return owed


def row_faults(rows: tuple[CalendarRow, ...], feasts: tuple[Feast, ...]) -> Iterator[Said]:
    """What is wrong with these rows taken together, one sentence each."""
    stated: dict[tuple[date, RowStatus, datetime], bool] = {}
    for row in rows:
        if row.status is RowStatus.FORECAST and not row.off:
            yield said("{day} : une prévision ne peut pas être « travaillé »", day=row.date)
        if stated.setdefault((row.date, row.status, row.age), row.off) != row.off:
            yield said("{day} : deux lignes de même statut se contredisent", day=row.date)
    for key, group in by_feast(rows):
        yield from _group_faults(key, group)
    for index, feast in enumerate(feasts):
        if not feast.shifts:
            yield said(
                "{feast} : les jours connus contredisent toutes les hypothèses ; donnez ses dates officielles",
                feast=feast.id,
            )
        rest = feasts[index + MAX_FEASTS_NEAR :]
        if rest and (rest[0].rows[0].date - feast.rows[0].date).days <= NEAR_DAYS:
            near = {"count": MAX_FEASTS_NEAR, "days": NEAR_DAYS}
            yield said("{feast} : plus de {count} fêtes mobiles en {days} jours", feast=feast.id, **near)


def _group_faults(key: str, group: list[CalendarRow]) -> Iterator[Said]:
    if group[0].feast is not None and (group[-1].date - group[0].date).days >= MAX_FEAST_SPAN:
        span = MAX_FEAST_SPAN
        yield said("{feast} : les lignes d'une même fête s'étendent sur {days} jours ou plus", feast=key, days=span)
    announced = _announced(group)
    forecast = sorted({row.date for row in _forecast_rows(group)})
    # An announcement typed in part would take days off away, and end periods too soon.
    if announced and len(announced) < len(forecast):
        counts = {"official": len(announced), "forecast": len(forecast)}
        yield said(
            "{feast} : {official} jour(s) officiel(s) pour {forecast} prévu(s) ; donnez-les tous", feast=key, **counts
        )
    if any(after - before > ONE_DAY for before, after in pairwise(forecast)):
        yield said("{feast} : les jours prévus d'une fête doivent se suivre", feast=key)
