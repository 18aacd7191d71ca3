"""The calendar: what a row decides, which feasts may move and what settles them, and what a bad table is told."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from gateway.domain.errors import CalendarInvalid
from gateway.domain.feasts import MAX_FEASTS_NEAR
from gateway.domain.workdays import (
    Calendar,
    CalendarRow,
    DayReason,
    RowStatus,
    algiers_day,
    calendar_from_rows,
    start_of_day,
)

VECTORS = Path(__file__).parents[1] / "vectors" / "clock_vectors.json"
UNTIL = date(2027, 12, 31)
LATER = datetime(2026, 12, 1, tzinfo=UTC)


def row(
    day: str,
    status: str = "forecast",
    *,
    name: str = "Aïd",
    feast: str | None = "aid",
    off: bool = True,
    recorded_at: datetime | None = None,
) -> CalendarRow:
    """A row with the fields that the test at hand does not care about."""
    known = RowStatus(status)
    at = recorded_at or (LATER if known is RowStatus.OBSERVED else None)
    return CalendarRow(
        date=date.fromisoformat(day), name=name, status=known, source="s", off=off, feast=feast, recorded_at=at
    )


def calendar(*rows: CalendarRow) -> Calendar:
    """A calendar of these rows that covers the years of the tests."""
    return Calendar(rows=rows, covers_until=UNTIL)


# Wednesday to Friday, as Aïd el-Adha 2026 is forecast.
ADHA = (row("2026-05-27"), row("2026-05-28"), row("2026-05-29"))


def shifts(found: Calendar) -> list[tuple[int, ...]]:
    """The moves left to each movable feast."""
    return [feast.shifts for feast in found.feasts]


def reason(found: CalendarInvalid) -> str:
    """The faults that the error lists."""
    return str(found.fields["reason"])


def test_friday_and_saturday_are_off_and_sunday_works() -> None:
    """The weekend is Friday and Saturday, Sunday counts (instruction 2019/224)."""
    found = calendar()

    week = [found.is_working(date(2026, 2, 1) + timedelta(days=offset)) for offset in range(7)]

    assert week == [True, True, True, True, True, False, False]


@pytest.mark.parametrize(
    ("status", "why"),
    [
        ("fixed", DayReason.FIXED_HOLIDAY),
        ("official", DayReason.OFFICIAL_HOLIDAY),
        ("forecast", DayReason.FORECAST_HOLIDAY),
        ("observed", DayReason.OBSERVED_OFF),
    ],
)
def test_each_status_gives_its_own_reason(status: str, why: DayReason) -> None:
    """A day off says how it is known, and by which row."""
    found = calendar(row("2026-05-27", status)).day(date(2026, 5, 27))

    assert (found.working, found.reason, found.row and found.row.source) == (False, why, "s")


def test_a_holiday_on_a_weekend_is_explained_by_the_weekend() -> None:
    """No substitute day is given, and the weekday is the stronger reason."""
    found = calendar(row("2027-01-01", "fixed"))

    assert found.day(date(2027, 1, 1)).reason is DayReason.WEEKEND
    assert found.is_working(date(2027, 1, 3))


def test_a_day_outside_the_table_says_so() -> None:
    """After covers_until and before covers_from a weekday works, but with its own reason."""
    found = Calendar(rows=(), covers_from=date(2026, 1, 1), covers_until=date(2026, 12, 31))

    assert found.day(date(2027, 1, 4)).reason is DayReason.BEYOND_CALENDAR
    assert found.day(date(2025, 12, 31)).reason is DayReason.BEYOND_CALENDAR
    assert found.day(date(2026, 12, 31)).reason is DayReason.WORKING_DAY


def test_an_observed_day_decides_over_every_other_row() -> None:
    """What was seen is stronger than what was fixed or announced; nobody works a Friday because of it."""
    found = calendar(
        row("2026-07-05", "fixed", feast=None, name="Indépendance"),
        row("2026-07-05", "observed", feast=None, name="constat", off=False),
        row("2026-07-03", "observed", feast=None, name="constat", off=False),
    )

    assert found.day(date(2026, 7, 5)).reason is DayReason.OBSERVED_WORKED
    assert not found.is_working(date(2026, 7, 3))


def test_a_correction_of_one_feast_leaves_the_day_off_of_another() -> None:
    """Achoura announced on 5 July by mistake and corrected: Independence Day stays off."""
    found = calendar(
        row("2026-07-05", "fixed", feast=None, name="Indépendance"),
        row("2026-07-05", "official", recorded_at=LATER),
        row("2026-07-05", "official", off=False, recorded_at=LATER + timedelta(hours=1)),
        row("2026-07-06", "official", recorded_at=LATER + timedelta(hours=1)),
    )

    assert not found.is_working(date(2026, 7, 5))
    assert not found.is_working(date(2026, 7, 6))


def test_a_later_official_row_corrects_an_earlier_one() -> None:
    """The announced day is withdrawn by a later row of the same feast."""
    first = calendar(row("2026-08-25", "official", recorded_at=LATER))

    corrected = first.amended(
        [
            row("2026-08-25", "official", off=False, recorded_at=LATER + timedelta(hours=1)),
            row("2026-08-26", "official", recorded_at=LATER + timedelta(hours=1)),
        ]
    )

    assert corrected.day(date(2026, 8, 25)).reason is DayReason.DECLARED_WORKED
    assert calendar(*reversed(corrected.rows)).is_working(date(2026, 8, 25))
    assert not corrected.is_working(date(2026, 8, 26))


@pytest.mark.parametrize("feast", ["adha-1447", None])
def test_a_forecast_feast_moves_as_a_block(feast: str | None) -> None:
    """Three hypotheses, each with all days of the feast moved alike, grouped by id or by name on consecutive days."""
    rows = [row(f"2026-05-{day}", name="Aïd el-Adha 1447", feast=feast) for day in (27, 28, 29)]

    found = calendar(*rows).hypotheses(date(2026, 5, 26), date(2026, 6, 2))

    assert [{day.day for day in hypothesis.off} for hypothesis in found] == [{26, 27, 28}, {27, 28, 29}, {28, 29, 30}]
    assert [[move.days for move in hypothesis.moves] for hypothesis in found] == [[-1], [0], [1]]


def test_the_same_name_a_year_later_is_another_feast() -> None:
    """Rows without id are one feast only on consecutive days."""
    found = calendar(row("2026-08-25", name="Mawlid", feast=None), row("2027-08-14", name="Mawlid", feast=None))

    assert len(found.feasts) == 2


def test_a_feast_that_a_move_brings_into_the_window_gives_hypotheses() -> None:
    """The feast starts the day after the window; one day earlier it is inside."""
    found = calendar(*ADHA)

    assert len(found.hypotheses(date(2026, 5, 20), date(2026, 5, 26))) == 3
    assert len(found.hypotheses(date(2026, 5, 30), date(2026, 6, 4))) == 3
    assert found.hypotheses(date(2026, 5, 20), date(2026, 5, 25))[0].moves == ()
    assert found.hypotheses(date(2026, 5, 31), date(2026, 6, 4))[0].moves == ()


def test_feasts_near_each_other_are_combined() -> None:
    """Two movable feasts give nine hypotheses."""
    found = calendar(*ADHA, row("2026-06-03", feast="other", name="Autre"))

    assert len(found.hypotheses(date(2026, 5, 26), date(2026, 6, 4))) == 9
    assert [feast.id for feast in found.open_feasts(date(2026, 5, 26), date(2026, 6, 4))] == ["aid", "other"]


@pytest.mark.parametrize(
    ("day", "left"),
    [
        ("2026-05-26", (0, 1)),
        ("2026-05-27", (1,)),
        ("2026-05-29", (-1,)),
        ("2026-05-30", (-1, 0)),
        ("2026-05-31", None),
    ],
)
def test_a_day_observed_worked_ends_the_hypotheses_that_put_the_feast_there(
    day: str, left: tuple[int, ...] | None
) -> None:
    """Whoever records it need not name the feast; a day that the feast cannot reach tells nothing."""
    found = calendar(*ADHA, row(day, "observed", feast=None, name="constat", off=False))

    assert shifts(found) == [left or (-1, 0, 1)]


@pytest.mark.parametrize(("day", "left"), [("2026-05-26", (-1,)), ("2026-05-27", (-1, 0)), ("2026-05-30", (1,))])
@pytest.mark.parametrize(("feast", "name"), [("aid", "x"), (None, "Aïd")])
def test_a_day_observed_off_ends_the_hypotheses_that_leave_it_out(
    day: str, left: tuple[int, ...], feast: str | None, name: str
) -> None:
    """The row speaks of the feast by id or by name; Saturday 30 May included."""
    assert shifts(calendar(*ADHA, row(day, "observed", feast=feast, name=name))) == [left]


def test_an_unnamed_day_observed_off_is_the_only_feast_that_reaches_it() -> None:
    """Tuesday 26 May is no weekend and no holiday: only the feast explains it."""
    assert shifts(calendar(*ADHA, row("2026-05-26", "observed", feast=None, name="constat"))) == [(-1,)]


def test_a_day_off_for_another_reason_says_nothing_of_the_feast() -> None:
    """National mourning on the eve, by id or official; an ordinary Saturday observed off."""
    mourning = row("2026-05-26", "observed", feast="deuil", name="Deuil national")
    decreed = row("2026-05-26", "official", feast="deuil", name="Deuil national")
    saturday = row("2026-05-30", "observed", feast=None, name="constat")

    assert shifts(calendar(*ADHA, mourning)) == [(-1, 0, 1)]
    assert shifts(calendar(*ADHA, decreed)) == [(-1, 0, 1)]
    assert shifts(calendar(*ADHA, saturday)) == [(-1, 0, 1)]
    assert not calendar(*ADHA, mourning).is_working(date(2026, 5, 26))


def test_a_day_that_two_feasts_explain_settles_neither() -> None:
    """Without a name the observation could be either."""
    other = row("2026-05-25", feast="other", name="Autre")
    seen = row("2026-05-26", "observed", feast=None, name="constat")

    assert shifts(calendar(*ADHA, other, seen)) == [(-1, 0, 1), (-1, 0, 1)]


def test_a_feast_that_left_its_day_is_expected_later() -> None:
    """With only earlier and later left, later is assumed: it never ends a period too soon."""
    found = calendar(row("2026-08-25"), row("2026-08-25", "observed", off=False))

    assert shifts(found) == [(-1, 1)]
    assert found.is_working(date(2026, 8, 24))
    assert not found.is_working(date(2026, 8, 26))


def test_observations_that_leave_no_hypothesis_are_refused() -> None:
    """The operator is told to give the official dates."""
    with pytest.raises(CalendarInvalid) as caught:
        calendar(*ADHA, row("2026-05-28", "observed", off=False))

    assert "dates officielles" in reason(caught.value)


def test_an_announcement_takes_the_place_of_the_forecast() -> None:
    """All three official days stand, no forecast day stays, nothing moves."""
    found = calendar(*ADHA).amended([row(f"2026-05-{day}", "official") for day in (28, 29, 30)])

    assert found.feasts == ()
    assert found.is_working(date(2026, 5, 27))
    assert found.day(date(2026, 5, 28)).reason is DayReason.OFFICIAL_HOLIDAY


def test_an_announcement_typed_in_part_is_refused() -> None:
    """One official day for three forecast ones would end periods two days too soon."""
    with pytest.raises(CalendarInvalid) as caught:
        calendar(*ADHA).amended([row("2026-05-28", "official")])

    assert "donnez-les tous" in reason(caught.value)


def test_an_official_statement_that_a_day_is_worked_does_not_settle_the_feast() -> None:
    """It ends the moves that cover the day, and the rest stays open."""
    assert shifts(calendar(*ADHA, row("2026-05-26", "official", off=False))) == [(0, 1)]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ((row("2026-05-27", off=False),), "prévision"),
        ((row("2026-05-27"), row("2026-05-29")), "se suivre"),
        ((row("2026-05-27", "official"), row("2027-05-16")), "s'étendent"),
        ((row("2026-05-27", "fixed"), row("2026-05-27", "fixed", off=False)), "se contredisent"),
        ((row("2026-12-01", "observed"),), "passé"),
        (tuple(row(f"2026-05-{day:02}", feast=f"f{day}") for day in range(3, 4 + 3 * MAX_FEASTS_NEAR, 3)), "mobiles"),
    ],
)
def test_rows_that_cannot_stand_together_are_refused(rows: tuple[CalendarRow, ...], words: str) -> None:
    """Each rule has its sentence."""
    with pytest.raises(CalendarInvalid) as caught:
        calendar(*rows)

    assert words in reason(caught.value)


def test_as_many_movable_feasts_as_allowed_are_accepted() -> None:
    """The limit itself is not a fault."""
    rows = [row(f"2026-05-{day:02}", feast=f"f{day}") for day in range(3, 3 + 3 * MAX_FEASTS_NEAR, 3)]

    assert len(calendar(*rows).feasts) == MAX_FEASTS_NEAR


def test_an_observed_row_without_its_instant_is_refused() -> None:
    """An observation says when it was recorded, or it could precede the day."""
    seen = CalendarRow(date=date(2026, 5, 27), name="n", status=RowStatus.OBSERVED, source="s")

    with pytest.raises(CalendarInvalid) as caught:
        calendar(seen)

    assert "recorded_at" in reason(caught.value)


def test_the_version_depends_on_what_is_said_and_not_on_the_order() -> None:
    """Same rows, same version; one more row, another end of coverage or another source, another version."""
    base = calendar(*ADHA)
    others = [
        base.amended([row("2026-08-25", feast="mawlid")]),
        Calendar(rows=ADHA, covers_until=date(2027, 12, 30)),
        Calendar(rows=ADHA, covers_until=UNTIL, covers_from=date(2023, 1, 1)),
        calendar(*ADHA[:2], row("2026-05-29", recorded_at=LATER)),
    ]

    assert calendar(*reversed(ADHA)).version == base.version
    assert len(base.version) == 64
    assert len({base.version, *(other.version for other in others)}) == 5


def test_naive_instants_are_refused() -> None:
    """An instant without a zone has no Algiers day."""
    with pytest.raises(ValueError, match="naive"):
        algiers_day(datetime(2026, 2, 5, 12))  # noqa: DTZ001 (the point of the test)
    with pytest.raises(ValueError, match="aware"):
        row("2026-05-27", recorded_at=datetime(2026, 5, 28))  # noqa: DTZ001 (the point of the test)


def test_algiers_days_begin_at_23_utc() -> None:
    """Algiers is UTC+1 all year."""
    assert start_of_day(date(2026, 2, 6)) == datetime(2026, 2, 5, 23, tzinfo=UTC)
    assert algiers_day(datetime(2026, 2, 5, 23, tzinfo=UTC)) == date(2026, 2, 6)


# --- rows as plain data


def test_all_faults_of_all_rows_come_at_once() -> None:
    """The operator corrects the file in one go."""
    good: dict[str, object] = {"date": "2026-05-27", "name": "n", "status": "fixed", "source": "s"}
    rows: list[dict[str, object]] = [
        good,
        {"date": "27/05/2026", "name": "", "status": "sure", "off": "no", "colour": 1},
        {**good, "date": datetime(2026, 5, 27, tzinfo=UTC), "recorded_at": "2026-05-27T10:00:00"},
        {**good, "recorded_at": "yesterday", "feast": 3, "recorded_by": " "},
    ]

    with pytest.raises(CalendarInvalid) as caught:
        calendar_from_rows(rows, "soon", path="x.toml")

    told = reason(caught.value)
    assert caught.value.fields["path"] == "x.toml"
    for words in ("covers_until", "ligne 2 : date", "name", "status", "source", "off", "colour", "ligne 3 : date"):
        assert words in told
    for words in ("ligne 3 : recorded_at", "ligne 4 : recorded_at", "ligne 4 : feast", "ligne 4 : recorded_by"):
        assert words in told
    assert "ligne 1" not in told


@pytest.mark.parametrize("until", [None, "soon", 3])
def test_a_table_that_does_not_say_until_when_it_is_complete_is_no_calendar(until: object) -> None:
    """Everything hangs on that day: it is asked for in the words in which every fault is told."""
    with pytest.raises(CalendarInvalid) as caught:
        calendar_from_rows([], until)

    assert reason(caught.value) == "en-tête : covers_until est une date AAAA-MM-JJ"


def test_an_amendment_leaves_the_calendar_its_limits() -> None:
    """What lies before it and after it is as unknown as it was."""
    before = Calendar(rows=(), covers_from=date(2026, 1, 1), covers_until=UNTIL)

    after = before.amended(ADHA)

    assert (after.covers_from, after.covers_until, after.rows) == (before.covers_from, before.covers_until, ADHA)


def test_faults_between_rows_name_the_file() -> None:
    """What only the whole table shows is told with the same path; so is a coverage turned round."""
    rows = [{"date": "2026-05-27", "name": "n", "status": "forecast", "source": "s", "off": False}]

    with pytest.raises(CalendarInvalid) as caught:
        calendar_from_rows(rows, UNTIL, covers_from="2028-01-01", path="x.toml")

    assert caught.value.fields["path"] == "x.toml"
    assert "prévision" in reason(caught.value)
    assert "covers_from" in reason(caught.value)


def test_rows_inherit_when_and_by_whom_they_were_recorded() -> None:
    """The file's own values stand for rows that do not say."""
    rows: list[dict[str, object]] = [
        {"date": "2026-05-27", "name": "n", "status": "observed", "source": "s"},
        {"date": "2026-05-28", "name": "n", "status": "observed", "source": "s", "recorded_by": "b"},
    ]

    found = calendar_from_rows(rows, UNTIL, recorded_at="2026-06-01T10:00:00Z", recorded_by="a")

    assert [item.recorded_by for item in found.rows] == ["a", "b"]
    assert found.rows[0].recorded_at == datetime(2026, 6, 1, 10, tzinfo=UTC)
