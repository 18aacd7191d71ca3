"""Public holidays of Algeria as the ``holidays`` package computes them: dates only, for a person to look at.

It got five of ten religious feasts of 2024 and 2025 wrong, so that nothing of it is ever more than a forecast. Its
names follow the language of the process, and days off of one community only are another category: neither is read.
"""

from collections.abc import Mapping
from datetime import date


def expected_days(year: int) -> tuple[Mapping[date, int], str]:
    """How many public holidays fall on each day off of a year and of its neighbours; and who says so."""
    from importlib.metadata import version

    from holidays.constants import PUBLIC
    from holidays.countries.algeria import Algeria

    found = Algeria(years=(year - 1, year, year + 1), categories=(PUBLIC,), language="en_US")
    return {day: len(found.get_list(day)) for day in found}, f"holidays {version('holidays')}"
