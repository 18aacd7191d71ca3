"""What a period tells: its lines, rules and readings, what is left of it at an instant, and what it refuses."""

from datetime import UTC, datetime

import pytest

from gateway.adapters.calendar_file import SHIPPED_CALENDAR, load_calendar
from gateway.domain.period import (
    A1_MIDNIGHT,
    HALF_OPEN,
    INSTRUCTION,
    R5_NO_OFFICE_HOURS,
    READINGS,
    DayRule,
    compute,
    recorded_too_late,
    span,
    whole_working_days_left,
)
from gateway.domain.workdays import DayReason

SHIPPED = load_calendar(SHIPPED_CALENDAR)


def test_the_explanation_names_rule_reason_and_source_of_each_day() -> None:
    """C37: reception on Eid, weekend, four days and Independence Day."""
    period = compute(datetime(2023, 6, 28, 9, tzinfo=UTC), SHIPPED)

    lines = [(line.weekday, line.rank, line.reason.value, line.rule.value) for line in period.days]
    assert lines == [
        ("Wed", None, "official_holiday", "R4"),
        ("Thu", None, "official_holiday", "A4"),
        ("Fri", None, "weekend", "R2"),
        ("Sat", None, "weekend", "R2"),
        ("Sun", 1, "working_day", "R3"),
        ("Mon", 2, "working_day", "R2"),
        ("Tue", 3, "working_day", "R2"),
        ("Wed", None, "fixed_holiday", "A4"),
        ("Thu", 4, "working_day", "R2"),
    ]
    assert period.days[0].source == "fr.allafrica.com/stories/202306270143.html"
    assert (period.days[2].source, period.days[2].name) == (INSTRUCTION, None)
    assert period.days[7].name == "Indépendance"
    assert period.readings == READINGS


def test_the_reception_day_is_day_one_by_its_own_rule() -> None:
    """R1, and only the readings that were needed."""
    period = compute(datetime(2026, 2, 1, 9, tzinfo=UTC), SHIPPED)

    assert (period.days[0].reason, period.days[0].rule) == (DayReason.RECEPTION_DAY, DayRule.RECEPTION_COUNTS)
    assert period.readings == (A1_MIDNIGHT, R5_NO_OFFICE_HOURS, HALF_OPEN)


def test_each_reading_has_an_id_a_default_a_reason_and_a_source() -> None:
    """Five points that the text leaves open, each named once."""
    assert [reading.id for reading in READINGS] == ["A1", "A4", "R4", "R5", "T24"]
    assert all(reading.default and reading.reason and reading.source for reading in READINGS)


def test_an_answer_one_second_before_the_end_is_in_time_and_at_the_end_is_late() -> None:
    """The period is half-open: 22:59:59Z of day 4 lies in it, 23:00:00Z does not."""
    end = compute(datetime(2026, 2, 1, 9, tzinfo=UTC), SHIPPED).tacit_at

    assert datetime(2026, 2, 4, 22, 59, 59, tzinfo=UTC) < end
    assert not datetime(2026, 2, 4, 23, tzinfo=UTC) < end


# --- what is left when evidence is recorded


@pytest.mark.parametrize(
    ("recorded", "left"),
    [
        ("2026-02-02T08:00:00Z", 3),  # Monday morning: Tuesday, Wednesday, Thursday
        ("2026-02-04T22:59:59Z", 1),  # the last second of Wednesday: Thursday is whole
        ("2026-02-04T23:00:00Z", 1),  # Thursday 00:00 in Algiers: all of it is left
        ("2026-02-04T23:00:01Z", 0),
        ("2026-02-05T23:00:00Z", 0),  # the end
        ("2026-01-01T00:00:00Z", 4),
    ],
)
def test_whole_working_days_left_counts_days_that_have_not_begun(recorded: str, left: int) -> None:
    """Monday to Thursday; a person confirms when nothing whole is left."""
    at = datetime.fromisoformat(recorded)
    period = compute(datetime(2026, 2, 2, 7, tzinfo=UTC), SHIPPED)

    assert whole_working_days_left(at, period, SHIPPED) == left
    assert recorded_too_late(at, period, SHIPPED) is (left == 0)


def test_days_left_are_those_of_the_least_favourable_hypothesis() -> None:
    """8 March 2027: if Fitr is on the 10th, the 9th is the last day and alone is left."""
    period = compute(datetime(2027, 3, 4, 9, tzinfo=UTC), SHIPPED)

    assert whole_working_days_left(datetime(2027, 3, 8, 9, tzinfo=UTC), period, SHIPPED) == 1
    assert recorded_too_late(datetime(2027, 3, 9, 9, tzinfo=UTC), period, SHIPPED)


def test_a_span_holds_the_extremes_of_all_candidates() -> None:
    """Two readings of one mail, either side of midnight; one outside the table takes the latest end away."""
    thursday, friday = datetime(2026, 2, 5, 22, 59, tzinfo=UTC), datetime(2026, 2, 5, 23, 5, tzinfo=UTC)

    found = span([friday, thursday], SHIPPED)

    assert (found.earliest, found.latest) == (
        datetime(2026, 2, 10, 23, tzinfo=UTC),
        datetime(2026, 2, 11, 23, tzinfo=UTC),
    )
    assert span([friday, datetime(2027, 12, 31, tzinfo=UTC)], SHIPPED).latest is None


@pytest.mark.parametrize(("length", "end"), [(1, 8), (2, 9), (6, 15)])
def test_a_period_of_another_length_is_of_that_length_everywhere(length: int, end: int) -> None:
    """Its end, the days that are left of it, the span of its candidates: four is a number of the law, not of code."""
    thursday = datetime(2026, 2, 5, 9, tzinfo=UTC)
    sunday = datetime(2026, 2, 8, 9, tzinfo=UTC)
    period = compute(sunday, SHIPPED, length=length)

    assert period.tacit_at == datetime(2026, 2, end, 23, tzinfo=UTC)
    assert whole_working_days_left(datetime(2026, 2, 7, 23, tzinfo=UTC), period, SHIPPED) == length
    assert span([sunday], SHIPPED, length=length).latest == period.latest_tacit_at
    assert span([thursday], SHIPPED, length=1).latest == datetime(2026, 2, 5, 23, tzinfo=UTC)


def test_what_cannot_be_computed_is_refused() -> None:
    """A naive instant, an empty choice, a period without days."""
    with pytest.raises(ValueError, match="naive"):
        compute(datetime(2026, 2, 5, 12), SHIPPED)  # noqa: DTZ001 (the point of the test)
    with pytest.raises(ValueError, match="reception"):
        span([], SHIPPED)
    with pytest.raises(ValueError, match="at least one day"):
        compute(datetime(2026, 2, 5, 12, tzinfo=UTC), SHIPPED, length=0)
