"""The decision period against hand-made vectors, and against a second, naive implementation for every reception day.

The naive one writes the calendar as a tape of letters, one a day, and looks for the fourth working letter with a
regular expression; it tries every combination of feast moves.
"""

import json
import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, timezone
from functools import cache
from itertools import groupby, product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gateway.adapters.calendar_file import SHIPPED_CALENDAR, load_calendar
from gateway.domain.period import (
    A1_MIDNIGHT,
    A4_HOLIDAYS,
    HALF_OPEN,
    R4_HOLIDAY_RECEPTION,
    R5_NO_OFFICE_HOURS,
    DayRule,
    Period,
    compute,
    outcomes,
)
from gateway.domain.workdays import Calendar, CalendarRow, DayReason, RowStatus, calendar_from_rows

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "clock_vectors.json").read_text(encoding="utf-8")
)
UNTIL = date(2027, 12, 31)
ALGIERS = timezone(timedelta(hours=1))
SHIPPED = load_calendar(SHIPPED_CALENDAR)
LATER = datetime(2027, 12, 1, tzinfo=UTC)

# --- the naive implementation

SUNDAY_ZERO = date(2023, 1, 1)  # index 0 of every tape
TAPE_DAYS = 5 * 366 + 60
FOUR = re.compile(r"(?:-*w){4}")
Rows = list[dict[str, str]]


@dataclass(frozen=True)
class Reference:
    """What the naive implementation says; ``latest`` None when a day of a window has no calendar."""

    counted: tuple[str, ...]
    end: str
    earliest: str
    latest: str | None


def index_of(day: str) -> int:
    """Place of an ISO date on the tape."""
    return (date.fromisoformat(day) - SUNDAY_ZERO).days


def iso(index: int) -> str:
    """The ISO date at a place of the tape."""
    return (SUNDAY_ZERO + timedelta(days=index)).isoformat()


def end_of(index: int) -> str:
    """24:00 Algiers of a day of the tape."""
    return iso(index) + "T23:00:00Z"


def tape(off: frozenset[int]) -> str:
    """One letter a day from Sunday 2023-01-01: w works, - is off."""
    week = "wwwww--" * (TAPE_DAYS // 7 + 1)
    return "".join("-" if place in off else letter for place, letter in enumerate(week))


class NaiveClock:
    """Counts on tapes; knows a table of dicts as the vectors file has it."""

    def __init__(self, rows: Rows) -> None:
        self.sure = frozenset(index_of(row["date"]) for row in rows if row["status"] != "forecast")
        forecast = [row for row in rows if row["status"] == "forecast"]
        named = groupby(forecast, key=lambda row: row["name"])
        self.blocks = [[index_of(row["date"]) for row in group] for _, group in named]
        self.tape_of = cache(tape)

    def counted(self, start: int, moves: dict[int, int]) -> list[int]:
        """Places of the four counted days when block n is moved by moves[n]."""
        moved = {place + moves.get(number, 0) for number, block in enumerate(self.blocks) for place in block}
        letters = self.tape_of(self.sure | moved)
        found = FOUR.match(letters, start)
        assert found is not None
        return [place for place in range(start, found.end()) if letters[place] == "w"]

    def period(self, start: int) -> Reference:
        """Nominal, earliest and latest end over all moves of the blocks within 45 days."""
        near = [n for n, block in enumerate(self.blocks) if any(start - 3 <= place <= start + 45 for place in block)]
        ends = [
            self.counted(start, dict(zip(near, choice, strict=True)))[-1]
            for choice in product((-1, 0, 1), repeat=len(near))
        ]
        nominal = self.counted(start, {})
        latest = end_of(max(ends)) if iso(max(ends)) <= UNTIL.isoformat() else None
        return Reference(tuple(map(iso, nominal)), end_of(nominal[-1]), end_of(min(ends)), latest)


def z(at: datetime | None) -> str | None:
    """An instant as the vectors write it."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z") if at else None


def told(period: Period) -> Reference:
    """A period in the words of the reference."""
    counted = tuple(day.isoformat() for day in period.counted_days)
    return Reference(counted, str(z(period.tacit_at)), str(z(period.earliest_tacit_at)), z(period.latest_tacit_at))


def vector_rows(vector: dict[str, Any]) -> Rows:
    """The table of the file, with the vector's override: an announcement is official, a belief is forecast."""
    rows: Rows = VECTORS["calendar"]
    override = vector.get("calendar_override")
    if override is None:
        return rows
    assert set(override) == {"remove", "add", "announced_at", "hypothetical"}
    name = next(row["name"] for row in rows if row["date"] in override["remove"])
    feast = [row["date"] for row in rows if row["name"] == name and row["date"] not in override["remove"]]
    status = "official" if override["announced_at"] else "forecast"
    new = [{"date": day, "name": name, "status": status, "source": "override"} for day in [*feast, *override["add"]]]
    return [row for row in rows if row["name"] != name] + new


VECTOR_IDS = [vector["id"] for vector in VECTORS["vectors"]]
KNOWN_KEYS = {
    *("id", "received", "algiers_reception_day", "counted_days", "weekdays", "last_moment_algiers"),
    *("tacit_acceptance_utc", "tags", "why", "calendar_override", "wrong_answer"),
}


@pytest.mark.law("K1", "R1", "R2", "R3", "R4", "R5")
@pytest.mark.parametrize("vector", VECTORS["vectors"], ids=VECTOR_IDS)
def test_every_vector_gives_its_period(vector: dict[str, Any]) -> None:
    """Each key of each vector: reception day, counted days, weekdays, last moment, end, the wrong answer to avoid."""
    rows = vector_rows(vector)

    period = compute(datetime.fromisoformat(vector["received"]), calendar_from_rows(rows, UNTIL))

    counted = [line for line in period.days if line.counted]
    assert set(vector) <= KNOWN_KEYS
    assert period.reception_day.isoformat() == vector["algiers_reception_day"]
    assert [day.isoformat() for day in period.counted_days] == vector["counted_days"]
    assert [line.date for line in counted] == list(period.counted_days)
    assert [line.rank for line in counted] == [1, 2, 3, 4]
    assert [line.weekday for line in counted] == vector["weekdays"]
    last_moment = (period.tacit_at - timedelta(microseconds=1)).astimezone(ALGIERS)
    assert last_moment.isoformat() == vector["last_moment_algiers"]
    assert z(period.tacit_at) == vector["tacit_acceptance_utc"]
    assert z(period.tacit_at) != vector.get("wrong_answer", "").partition(" ")[0]
    assert told(period) == NaiveClock(rows).period(index_of(vector["algiers_reception_day"]))


@pytest.mark.parametrize("vector", VECTORS["vectors"], ids=VECTOR_IDS)
def test_every_tag_of_a_vector_shows_in_the_explanation(vector: dict[str, Any]) -> None:
    """What a vector is about can be read from the data of the explanation, not only from its end."""
    period = compute(datetime.fromisoformat(vector["received"]), calendar_from_rows(vector_rows(vector), UNTIL))
    first = period.days[0]
    names = {line.name for line in period.days}
    holidays = [line for line in period.days if line.rule in {DayRule.HOLIDAY, DayRule.HOLIDAY_RECEPTION}]
    always = {A1_MIDNIGHT, R5_NO_OFFICE_HOURS, HALF_OPEN} <= set(period.readings)
    shown = {
        "weekday": not holidays and period.certain,
        "midnight": always,
        "no-cutoff": R5_NO_OFFICE_HOURS in period.readings,
        "paris-dst": period.tacit_at.hour == 23,
        "offset": period.received == datetime.fromisoformat(vector["received"]) and period.received.tzinfo is UTC,
        "weekend-reception": (first.reason, first.rule) == (DayReason.WEEKEND, DayRule.RECEPTION_COUNTS),
        "holiday-reception": first.rule is DayRule.HOLIDAY_RECEPTION and R4_HOLIDAY_RECEPTION in period.readings,
        "fixed-holiday": any(line.reason is DayReason.FIXED_HOLIDAY for line in holidays)
        or vector["id"].startswith("C24"),
        "new-year": len({line.date.year for line in period.days}) == 2,
        "yennayer": "Yennayer" in names,
        "french-holiday": not holidays and A4_HOLIDAYS not in period.readings,
        "eid": A4_HOLIDAYS in period.readings or "library-wrong" in vector["tags"],
        "religious": first.counted,
        "library-wrong": "wrong_answer" in vector and period.certain,
        "ramadan": not holidays,
        "forecast": not period.certain and any(line.uncertain for line in period.days) and len(period.open_feasts) == 1,
        "override": "calendar_override" in vector,
    }

    assert [tag for tag in vector["tags"] if not shown[tag]] == []


def test_an_announcement_moves_a_running_end_later() -> None:
    """C44 becomes C45 by adding the three official rows to the shipped table; nothing else is told."""
    received = datetime(2026, 3, 17, 9, tzinfo=UTC)
    announced = [
        CalendarRow(date=date(2026, 3, day), name="Aïd", feast="fitr-1447", status=RowStatus.OFFICIAL, source="c")
        for day in (21, 22, 23)
    ]

    before, after = compute(received, SHIPPED), compute(received, SHIPPED.amended(announced))

    assert (z(before.earliest_tacit_at), z(before.latest_tacit_at)) == ("2026-03-23T23:00:00Z", "2026-03-24T23:00:00Z")
    assert (before.certain, after.certain) == (False, True)
    assert z(after.tacit_at) == "2026-03-24T23:00:00Z"
    assert before.calendar_version != after.calendar_version


def test_an_announcement_moves_a_running_end_earlier() -> None:
    """C46 as believed, then as announced on 25 June 2025: Friday 27, a day sooner."""
    received = datetime(2025, 6, 24, 9, tzinfo=UTC)
    vector = next(vector for vector in VECTORS["vectors"] if vector["id"].startswith("C46"))

    believed, announced = compute(received, calendar_from_rows(vector_rows(vector), UNTIL)), compute(received, SHIPPED)

    assert z(believed.tacit_at) == "2025-06-30T23:00:00Z"
    assert z(announced.tacit_at) == "2025-06-29T23:00:00Z"
    assert believed.earliest_tacit_at == announced.tacit_at


def test_the_eve_of_a_feast_gives_a_range_that_an_observed_day_narrows() -> None:
    """Received on 4 March 2027, Fitr expected on the 9th: 9 to 14 March; the 8th was worked, so not the 8th."""
    received = datetime(2027, 3, 4, 9, 42, tzinfo=UTC)
    worked = CalendarRow(
        date=date(2027, 3, 8), name="constat", off=False, status=RowStatus.OBSERVED, source="s", recorded_at=LATER
    )

    eve, after = compute(received, SHIPPED), compute(received, SHIPPED.amended([worked]))

    assert z(eve.tacit_at) == z(eve.latest_tacit_at) == "2027-03-14T23:00:00Z"
    assert z(eve.earliest_tacit_at) == "2027-03-09T23:00:00Z"
    ends = {outcome.hypothesis.moves[0].days: z(outcome.tacit_at) for outcome in outcomes(received, SHIPPED)}
    assert ends == {-1: "2027-03-14T23:00:00Z", 0: "2027-03-14T23:00:00Z", 1: "2027-03-09T23:00:00Z"}
    assert [outcome.hypothesis.moves[0].days for outcome in outcomes(received, SHIPPED.amended([worked]))] == [0, 1]
    assert after.days[4].reason is DayReason.OBSERVED_WORKED
    uncertain = [line.date.day for line in eve.days if line.uncertain]
    assert uncertain == [8, 9, 11]


def test_a_feast_that_could_come_earlier_into_the_window_widens_it() -> None:
    """Forecast for the Wednesday after the last day: a day earlier it falls on the Tuesday that would be day 4."""
    calendar = forecast_calendar([("2026-02-11", 1)])

    period = compute(datetime(2026, 2, 5, 9, tzinfo=UTC), calendar)

    assert z(period.tacit_at) == z(period.earliest_tacit_at) == "2026-02-10T23:00:00Z"
    assert z(period.latest_tacit_at) == "2026-02-11T23:00:00Z"
    assert A4_HOLIDAYS in period.readings


def test_a_window_made_longer_by_one_feast_can_meet_a_second_one() -> None:
    """Only if the first feast comes is the window long enough for the second."""
    rows = [("2026-02-08", 3), ("2026-02-12", 1)]

    period = compute(datetime(2026, 2, 4, 9, tzinfo=UTC), forecast_calendar(rows))

    assert told(period) == NaiveClock(plain_rows(rows)).period(index_of("2026-02-04"))
    assert len(period.open_feasts) == 2


def forecast_calendar(feasts: list[tuple[str, int]]) -> Calendar:
    """A table of forecast feasts: first day and number of days."""
    return calendar_from_rows(plain_rows(feasts), UNTIL)


def plain_rows(feasts: list[tuple[str, int]], status: str = "forecast") -> Rows:
    """The same as rows of plain data, each feast with a name of its own."""
    return [
        {"date": iso(index_of(day) + more), "name": f"{status} {number}", "status": status, "source": "s"}
        for number, (day, length) in enumerate(feasts)
        for more in range(length)
    ]


# --- every reception day


@pytest.mark.law("K1")
@pytest.mark.parametrize("year", [2023, 2024, 2025, 2026, 2027])
def test_every_reception_day_agrees_with_the_naive_clock(year: int) -> None:
    """Each day to 2027-12-20 at its first instant, at noon and at its last microsecond, in Algiers."""
    naive = NaiveClock(VECTORS["calendar"])
    last = index_of(min(f"{year}-12-31", "2027-12-20"))
    for place in range(index_of(f"{year}-01-01"), last + 1):
        expected = naive.period(place)
        midnight = datetime.fromisoformat(iso(place) + "T00:00:00+01:00")
        for into in (timedelta(), timedelta(hours=12), timedelta(days=1, microseconds=-1)):
            assert told(compute(midnight + into, SHIPPED)) == expected, (iso(place), into)


def test_a_window_that_leaves_the_calendar_has_no_latest_end() -> None:
    """From Monday four days end on Thursday 30 December 2027, the table's last working day; from Tuesday not."""
    inside = compute(datetime(2027, 12, 27, 9, tzinfo=UTC), SHIPPED)
    outside = compute(datetime(2027, 12, 28, 9, tzinfo=UTC), SHIPPED)

    assert (z(inside.latest_tacit_at), inside.certain) == ("2027-12-30T23:00:00Z", True)
    assert (outside.latest_tacit_at, outside.certain) == (None, False)
    assert z(outside.tacit_at) == z(outside.earliest_tacit_at) == "2028-01-02T23:00:00Z"
    assert outside.days[-1].reason is DayReason.BEYOND_CALENDAR


def test_one_hypothesis_that_leaves_the_calendar_is_enough() -> None:
    """A feast expected on Saturday costs nothing; on Sunday it pushes the end past a table that stops on Monday."""
    rows, received = plain_rows([("2026-02-07", 1)]), datetime(2026, 2, 4, 9, tzinfo=UTC)

    short = compute(received, calendar_from_rows(rows, date(2026, 2, 9)))
    long = compute(received, calendar_from_rows(rows, date(2026, 2, 10)))

    assert z(short.tacit_at) == z(long.tacit_at) == "2026-02-09T23:00:00Z"
    assert (short.latest_tacit_at, z(long.latest_tacit_at)) == (None, "2026-02-10T23:00:00Z")


def test_a_reception_before_the_calendar_has_no_latest_end() -> None:
    """The shipped table starts in 2023; holidays before it are unknown."""
    assert compute(datetime(2022, 12, 29, 9, tzinfo=UTC), SHIPPED).latest_tacit_at is None


# --- properties

INSTANTS = st.datetimes(datetime(2023, 1, 1), datetime(2027, 12, 1), timezones=st.just(UTC))  # noqa: DTZ001
DAYS_2026 = st.dates(date(2026, 1, 10), date(2026, 12, 20)).map(date.isoformat)
NEAR_2026 = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


@st.composite
def tables(draw: st.DrawFn) -> Rows:
    """Up to four movable feasts near each other and two sure ones."""
    start = index_of(draw(DAYS_2026))
    feasts = []
    for _ in range(draw(st.integers(0, 4))):
        feasts.append((iso(start), length := draw(st.integers(1, 3))))
        start += length + draw(st.integers(0, 9))
    sure = draw(st.lists(st.tuples(DAYS_2026, st.integers(1, 3)), max_size=2))
    return plain_rows(sure, "official") + plain_rows(feasts)


@given(rows=tables(), data=st.data())
@settings(max_examples=150, deadline=None)
def test_any_table_agrees_with_the_naive_clock(rows: Rows, data: st.DataObject) -> None:
    """Feasts that touch, overlap sure days, or lie at the edge of the window."""
    anchor = index_of(data.draw(st.sampled_from(rows))["date"]) if rows else index_of("2026-06-01")
    place = anchor - data.draw(st.integers(-5, 12))

    period = compute(datetime.fromisoformat(iso(place) + "T10:00:00+01:00"), calendar_from_rows(rows, UNTIL))

    assert told(period) == NaiveClock(rows).period(place)


@given(first=INSTANTS, later=st.timedeltas(timedelta(), timedelta(days=9)))
@settings(max_examples=150, deadline=None)
def test_a_later_reception_never_ends_earlier(first: datetime, later: timedelta) -> None:
    """Nominal, earliest and latest end alike."""
    one, two = compute(first, SHIPPED), compute(first + later, SHIPPED)

    assert one.tacit_at <= two.tacit_at
    assert one.earliest_tacit_at <= two.earliest_tacit_at
    assert one.latest_tacit_at is not None
    assert two.latest_tacit_at is not None
    assert one.latest_tacit_at <= two.latest_tacit_at


@pytest.mark.fault("F19")
@given(received=INSTANTS)
@settings(max_examples=150, deadline=None)
def test_four_days_count_and_every_end_is_at_23_utc(received: datetime) -> None:
    """Whatever the reception; the range holds the nominal end, and the lines are the days from reception to end."""
    period = compute(received, SHIPPED)

    assert len(period.counted_days) == 4
    assert sum(line.counted for line in period.days) == 4
    ends = [period.earliest_tacit_at, period.tacit_at, period.latest_tacit_at or period.tacit_at]
    assert ends == sorted(ends)
    assert {end.time().isoformat() for end in ends} == {"23:00:00"}
    dates = [line.date for line in period.days]
    assert dates == [period.reception_day + timedelta(days=offset) for offset in range(len(dates))]
    assert dates[-1] == period.counted_days[-1]


@given(received=NEAR_2026, day=st.dates(date(2026, 1, 1), date(2027, 6, 1)), status=st.sampled_from(RowStatus))
@settings(max_examples=200, deadline=None)
def test_an_amendment_outside_the_window_changes_nothing(received: datetime, day: date, status: RowStatus) -> None:
    """Before the reception day or after the last possible one; a forecast must not be able to move in either."""
    before = compute(received, SHIPPED)
    last = max(outcome.counted_days[-1] for outcome in outcomes(received, SHIPPED))
    reach = timedelta(days=1 if status is RowStatus.FORECAST else 0)
    assume(not before.reception_day - reach <= day <= last + reach)
    added = CalendarRow(date=day, name="x", feast="x", status=status, source="s", recorded_at=LATER)

    after = compute(received, SHIPPED.amended([added]))

    assert after.calendar_version != before.calendar_version
    assert replace(after, calendar_version="") == replace(before, calendar_version="")
