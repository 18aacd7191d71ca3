"""What a person tells of a day of the calendar: every fault at once, and a change only where there is none."""

from dataclasses import replace
from datetime import date

import pytest

from gateway.domain.feasts import RowStatus
from gateway.services.day_told import LACKS, OTHER, DayTold
from tests.services.test_answers import UNCERTAIN

WHOLE = DayTold(what="official", first=date(2026, 1, 28), days=1, name="Deuil", feast=OTHER, source="JO")


def test_a_whole_one_is_a_change_with_an_id_of_its_own() -> None:
    """An announced holiday that is no expected feast settles none."""
    assert WHOLE.faults(UNCERTAIN) == {}
    (row,) = WHOLE.plan(UNCERTAIN).stated
    assert (row.date, row.status, row.off, row.feast) == (WHOLE.first, RowStatus.OFFICIAL, True, "autre-2026-01-28")


@pytest.mark.parametrize(
    ("changed", "lacking"),
    [
        ({"what": "", "first": None, "days": None, "source": ""}, {"what", "first", "days", "source"}),
        ({"days": 0}, {"days"}),
        ({"days": 11}, {"days"}),
        ({"feast": ""}, {"feast"}),
        ({"name": ""}, {"name"}),
        ({"what": "worked", "feast": "", "name": ""}, set()),
    ],
)
def test_what_is_lacking_is_told_by_field(changed: dict[str, object], lacking: set[str]) -> None:
    """Near an expected feast an announcement says whether it is that one; a day off has a name."""
    told = replace(WHOLE, **changed)  # type: ignore[arg-type]

    assert told.faults(UNCERTAIN) == {name: LACKS[name] for name in lacking}


def test_what_could_not_be_read_is_no_change() -> None:
    """Whoever asks for one regardless has a defect."""
    with pytest.raises(ValueError, match="without faults"):
        replace(WHOLE, first=None).plan(UNCERTAIN)
