"""Rows for a year that the calendar does not know yet: feasts that a computation expects, and days fixed by the law.

The latter are carried over from the year before. The computation comes from outside as bare dates; which feast a date
is, the tabular Islamic calendar says: within three days it cannot be mistaken, and no name is read (those of a library
follow the language of the process).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

from gateway.domain.amendments import Change, Verb
from gateway.domain.errors import NotAllowed
from gateway.domain.feasts import ONE_DAY, CalendarRow, RowStatus
from gateway.domain.words import said
from gateway.domain.workdays import Calendar

UNKNOWN = "Jour férié prévu par calcul"
_EPOCH = 227015
"""Ordinal (``date.toordinal``) of 1 Muharram 1 in the tabular Islamic calendar: 19 July 622, proleptic Gregorian."""
_TOLERANCE = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class _Known:
    """A feast: its Islamic month and day, its id without the year, its name."""

    month: int
    day: int
    id: str
    name: str


_FEASTS = (
    _Known(10, 1, "fitr", "Aïd el-Fitr"),
    _Known(12, 10, "adha", "Aïd el-Adha"),
    _Known(1, 1, "moharram", "Awal Moharram"),
    _Known(1, 10, "achoura", "Achoura"),
    _Known(3, 12, "mawlid", "Mawlid"),
)


def forecasting(calendar: Calendar, *, year: int, expected: Mapping[date, int], source: str) -> Change:
    """What the calendar lacks for a year. ``expected`` counts the public holidays computed for each day.

    ``covers_until`` moves to the end of the year when the calendar reaches its beginning.

    Raises:
        NotAllowed: nothing is lacking, or the computation knows no feast of that year.
    """
    fixed = _fixed_days(calendar, year)
    moving = [day for day, count in expected.items() if count > _is_fixed(day, calendar, fixed)]
    rows = [row for row in fixed if not _said(calendar, row)]
    feasts = [block for block in _blocks(moving) if _touches(block, year)]
    if not feasts:
        raise NotAllowed(act=_act(year), reason=said("Le calcul ne connaît aucune fête de cette année."))
    for block in feasts:
        rows += _lacking(calendar, block, source)
    end = date(year, 12, 31)
    joined = date(year, 1, 1) <= calendar.covers_until + ONE_DAY
    further = end if joined and calendar.covers_until < end else None
    if not rows and further is None:
        raise NotAllowed(act=_act(year), reason=said("Le calendrier dit déjà tout de cette année."))
    stated = tuple(sorted(rows, key=lambda row: row.date))
    return Change(verb=Verb.FORECAST, source=source, stated=stated, covers_until=further)


def _act(year: int) -> object:
    return said("proposer l'année {year}", year=year)


def _fixed_days(calendar: Calendar, year: int) -> list[CalendarRow]:
    """The days that the law fixes, as the last year before states them, brought to this year."""
    known = [row for row in calendar.rows if row.status is RowStatus.FIXED and row.off and row.date.year < year]
    last = max((row.date.year for row in known), default=None)
    return [
        replace(row, date=row.date.replace(year=year), recorded_at=None, recorded_by=None)
        for row in known
        if row.date.year == last
    ]


def _is_fixed(day: date, calendar: Calendar, carried: Iterable[CalendarRow]) -> bool:
    """True when one of the holidays that fall on this day is fixed by the law."""
    if any((row.date.month, row.date.day) == (day.month, day.day) for row in carried):
        return True
    return any(row.date == day and row.status is RowStatus.FIXED for row in calendar.rows)


def _said(calendar: Calendar, row: CalendarRow) -> bool:
    return any(other.date == row.date and other.status is row.status for other in calendar.rows)


def _blocks(days: Iterable[date]) -> Iterator[list[date]]:
    """Days that follow each other: one feast each."""
    block: list[date] = []
    for day in sorted(days):
        if block and day - block[-1] > ONE_DAY:
            yield block
            block = []
        block.append(day)
    if block:
        yield block


def _touches(block: list[date], year: int) -> bool:
    """True when a day of the feast may fall in this year, wherever it moves."""
    return (block[0] - ONE_DAY).year <= year <= (block[-1] + ONE_DAY).year


def _lacking(calendar: Calendar, block: list[date], source: str) -> list[CalendarRow]:
    """Rows for a feast, none when the calendar knows it by id or name. In doubt it lacks: a day too many is seen."""
    found = _identify(block[0])
    feast, name = (f"{found[0].id}-{found[1]}", f"{found[0].name} {found[1]}") if found else (None, UNKNOWN)
    rows = [CalendarRow(date=day, name=name, feast=feast, status=RowStatus.FORECAST, source=source) for day in block]
    if feast is None:
        return [row for row in rows if not _said(calendar, row)]
    known = any(row.feast == feast if row.feast else row.name == name for row in calendar.rows)
    return [] if known else rows


def _identify(first: date) -> tuple[_Known, int] | None:
    """Which feast begins about this day, and of which Islamic year."""
    about = (first.toordinal() - _EPOCH) * 30 // 10631 + 1
    for year in (about - 1, about, about + 1):
        for feast in _FEASTS:
            if abs(_tabular(year, feast.month, feast.day) - first) <= _TOLERANCE:
                return feast, year
    return None


def _tabular(year: int, month: int, day: int) -> date:
    """The Gregorian date of a day of the tabular Islamic calendar (30-year cycle of 10,631 days)."""
    before = (year - 1) * 354 + (3 + 11 * year) // 30 + 29 * (month - 1) + month // 2
    return date.fromordinal(_EPOCH - 1 + before + day)
