"""What a year lacks: the law's days carried over, feasts recognised by their dates alone, nothing known already."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest

from gateway.adapters.calendar_file import SHIPPED_CALENDAR, load_calendar
from gateway.adapters.forecast import expected_days
from gateway.domain.amendments import Applied, Change, overlaid
from gateway.domain.errors import NotAllowed
from gateway.domain.forecasts import UNKNOWN, _identify, forecasting
from gateway.domain.workdays import Calendar, CalendarRow, RowStatus, calendar_from_rows

BASE = load_calendar(SHIPPED_CALENDAR)
AT = datetime(2027, 11, 1, 9, tzinfo=UTC)
FEASTS = {"fitr": 3, "adha": 3, "moharram": 1, "achoura": 1, "mawlid": 1}


def proposed(year: int, base: Calendar = BASE) -> Change:
    """What the library's computation adds."""
    expected, source = expected_days(year)
    return forecasting(base, year=year, expected=expected, source=source)


def after(change: Change, base: Calendar = BASE) -> Calendar:
    """The calendar with this change in force."""
    return overlaid(base, [Applied(change=change, at=AT, by="claire")])


def test_a_year_gets_its_fixed_days_and_its_feasts() -> None:
    """Five days of the law, with the law as their source; five feasts of the year 1449 or 1450, only expected."""
    change = proposed(2028)
    fixed = [row for row in change.stated if row.status is RowStatus.FIXED]
    feasts = [row for row in change.stated if row.status is not RowStatus.FIXED]

    assert [(row.date.month, row.date.day) for row in fixed] == [(1, 1), (1, 12), (5, 1), (7, 5), (11, 1)]
    assert {row.source for row in fixed} == {row.source for row in BASE.rows if row.status is RowStatus.FIXED}
    assert {row.status for row in feasts} == {RowStatus.FORECAST}
    assert all(row.source.startswith("holidays ") for row in feasts)
    assert Counter(str(row.feast).partition("-")[0] for row in feasts) == FEASTS
    assert change.covers_until == date(2028, 12, 31)


def test_a_year_after_another_makes_one_calendar() -> None:
    """Ten years in a row, each feast once; then each of them lacks nothing."""
    calendar = BASE
    for year in range(2028, 2038):
        calendar = after(proposed(year, calendar), calendar)
    for year in range(2028, 2038):
        with pytest.raises(NotAllowed, match="déjà"):
            proposed(year, calendar)

    sizes = Counter(row.feast for row in calendar.rows if row.feast and row.date.year > 2027)
    assert calendar.covers_until == date(2037, 12, 31)
    assert {feast: FEASTS[feast.partition("-")[0]] for feast in sizes} == sizes


def test_a_gap_is_not_covered() -> None:
    """2029 alone: its rows are proposed, but 2028 stays unknown, so nothing is said to be complete."""
    assert proposed(2029).covers_until is None


def test_the_shipped_years_lack_nothing() -> None:
    """Feasts that were announced elsewhere than computed are known by their id."""
    for year in range(2024, 2028):
        with pytest.raises(NotAllowed, match="déjà"):
            proposed(year)


def test_a_feast_on_a_fixed_day_is_not_lost() -> None:
    """Two holidays on one first of May: the feast keeps its three days, to move as one block."""
    expected = {date(2028, 5, 1): 2, date(2028, 5, 2): 1, date(2028, 5, 3): 1}

    change = forecasting(BASE, year=2028, expected=expected, source="s")

    assert [row.date.day for row in change.stated if row.status is RowStatus.FORECAST] == [1, 2, 3]


def test_a_day_that_is_no_known_feast_is_kept_without_a_name_of_one() -> None:
    """A day off too many is seen by the person; one too few would end a period too soon."""
    change = forecasting(BASE, year=2028, expected={date(2028, 3, 20): 1}, source="s")

    told = [row for row in change.stated if row.status is RowStatus.FORECAST]
    assert [(row.name, row.feast, row.date) for row in told] == [(UNKNOWN, None, date(2028, 3, 20))]


def test_a_feast_that_may_fall_into_the_year_belongs_to_it() -> None:
    """Expected on 1 January 2029, it may be the 31st of December."""
    near = forecasting(BASE, year=2028, expected={date(2029, 1, 1): 2}, source="s")
    far = {date(2029, 1, 2): 1}

    assert date(2029, 1, 1) in {row.date for row in near.stated if row.status is RowStatus.FORECAST}
    with pytest.raises(NotAllowed, match="aucune fête"):
        forecasting(BASE, year=2028, expected=far, source="s")


def test_a_table_that_names_feasts_without_ids_lacks_none_that_bears_our_name() -> None:
    """A bare list of rows, as other tools write it."""
    plain = calendar_from_rows(
        [{"date": row.date, "name": row.name, "status": row.status.value, "source": "s"} for row in BASE.rows],
        "2027-12-31",
    )

    with pytest.raises(NotAllowed, match="déjà"):
        proposed(2027, plain)


def feasts_of(base: Calendar) -> list[tuple[str, date]]:
    """Each feast's id and first day."""
    first: dict[str, date] = {}
    for row in sorted(base.rows, key=lambda row: row.date):
        if row.feast:
            first.setdefault(row.feast, row.date)
    return list(first.items())


@pytest.mark.parametrize(("feast", "day"), feasts_of(BASE))
@pytest.mark.parametrize("off", [-2, 0, 1])
def test_a_feast_is_recognised_by_its_date_alone(feast: str, day: date, off: int) -> None:
    """As announced, and some days around: no name is read, and the Islamic year is right."""
    found = _identify(day + timedelta(days=off))

    assert found is not None
    assert f"{found[0].id}-{found[1]}" == feast


def test_every_computed_feast_of_a_lifetime_is_recognised() -> None:
    """Even years to 2070, among them some with two feasts of one kind. The one unknown day became law in 2018."""
    unknown: list[date] = []
    for year in range(1990, 2070, 2):
        unknown += [row.date for row in proposed_alone(year) if row.name == UNKNOWN]

    assert unknown == [date(2018, 1, 12)]


def proposed_alone(year: int) -> tuple[CalendarRow, ...]:
    """A year on a table that knows only the days of the law of the year before."""
    law = [row for row in BASE.rows if row.status is RowStatus.FIXED and row.date.year == 2027]
    base = calendar_from_rows(
        [
            {"date": row.date.replace(year=year - 1), "name": row.name, "status": "fixed", "source": "s"}
            for row in law
            if year > 2018 or (row.date.month, row.date.day) != (1, 12)
        ],
        date(year - 1, 12, 31),
    )
    return proposed(year, base).stated
