"""The library's dates: the same in every language, of the national category, and never taken for more than they are."""

import os
import subprocess
import sys
from datetime import date

import pytest

from gateway.adapters.forecast import expected_days

CODE = "from gateway.adapters.forecast import expected_days; print(sorted(expected_days(2027)[0].items()))"


def test_the_days_of_a_year_and_of_its_neighbours_are_counted() -> None:
    """LAW's own list for 2027: five fixed days, five feasts."""
    days, source = expected_days(2027)
    of_year = sorted(day for day in days if day.year == 2027)

    assert source.startswith("holidays 0.")
    assert {day.year for day in days} == {2026, 2027, 2028}
    assert of_year == [
        *(date(2027, 1, 1), date(2027, 1, 12), date(2027, 3, 9), date(2027, 3, 10), date(2027, 3, 11)),
        *(date(2027, 5, 1), date(2027, 5, 16), date(2027, 5, 17), date(2027, 5, 18), date(2027, 6, 6)),
        *(date(2027, 6, 15), date(2027, 7, 5), date(2027, 8, 14), date(2027, 11, 1)),
    ]
    assert set(days.values()) == {1}


def test_two_holidays_on_one_day_are_two() -> None:
    """A feast that falls on a day of the law is counted beside it."""
    found = [day for year in range(1990, 2060, 3) for day, count in expected_days(year)[0].items() if count > 1]

    assert found
    assert {(day.month, day.day) for day in found} <= {(1, 1), (1, 12), (5, 1), (6, 19), (7, 5), (11, 1)}


def test_feasts_of_one_community_are_not_days_off_for_all() -> None:
    """Christmas and Easter Monday are off for Christian staff only (law 63-278, article 3)."""
    days, _ = expected_days(2027)

    assert date(2027, 12, 25) not in days
    assert date(2027, 3, 29) not in days


@pytest.mark.parametrize("language", ["C", "fr_FR.UTF-8", "ar_DZ.UTF-8"])
def test_the_language_of_the_process_changes_nothing(language: str) -> None:
    """The library names feasts in the language of the process; we read dates."""
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        env={"PATH": os.defpath, "LANG": language, "LANGUAGE": language, "LC_ALL": language},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() == str(sorted(expected_days(2027)[0].items()))
