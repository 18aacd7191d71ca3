"""Changes as persons ask for them: what is understood, and what is refused with its reason."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import pytest

from gateway.adapters.calendar_file import SHIPPED_CALENDAR, load_calendar
from gateway.domain.amendments import Applied, Change, Verb, overlaid
from gateway.domain.calendar_plans import LONGEST_BLOCK, importing, moving, setting, withdrawing
from gateway.domain.errors import NotAllowed
from gateway.domain.workdays import Calendar, RowStatus, calendar_from_rows

BASE = load_calendar(SHIPPED_CALENDAR)
AT = datetime(2027, 3, 8, 9, tzinfo=UTC)
EID = date(2027, 3, 9)
OFFICIAL, OBSERVED = RowStatus.OFFICIAL, RowStatus.OBSERVED


def after(change: Change, base: Calendar = BASE) -> Calendar:
    """The calendar with this change in force."""
    return overlaid(base, [Applied(change=change, at=AT, by="claire")])


def announced(**told: Any) -> Change:
    """A day set on the shipped calendar, official unless told otherwise."""
    values = {"first": date(2027, 3, 10), "status": OFFICIAL, "source": "communiqué", **told}
    return setting(BASE, **values)


# --- set


def test_a_block_of_a_feast_takes_its_name_and_settles_it() -> None:
    """Three days on the 10th of March: the forecast no longer counts, and the feast no longer moves."""
    calendar = after(announced(days=3, feast="fitr-1448"))

    assert [calendar.is_working(date(2027, 3, day)) for day in (8, 9, 10, 11)] == [True, True, False, False]
    assert calendar.statement(date(2027, 3, 12)) is not None
    assert calendar.open_feasts(date(2027, 3, 1), date(2027, 3, 20)) == ()
    assert {row.name for row in announced(days=3, feast="fitr-1448").stated} == {"Aïd el-Fitr 1448"}


@pytest.mark.parametrize("first", [date(2027, 3, 7), date(2027, 3, 9), date(2027, 3, 13)])
def test_an_announcement_near_an_expected_feast_must_say_which_feast_it_is(first: date) -> None:
    """Without the feast's id its forecast would stay beside it, and another day must not settle it by chance."""
    with pytest.raises(NotAllowed, match="--feast fitr-1448"):
        announced(first=first, name="Aïd")
    assert after(announced(first=first, name="Deuil", feast="deuil")).open_feasts(EID, EID) != ()


def test_other_statements_near_a_feast_need_no_id() -> None:
    """A day that was seen worked, or off, speaks of no announcement."""
    for told in ({"status": OBSERVED, "first": date(2027, 3, 7)}, {"off": False}, {"status": RowStatus.FIXED}):
        assert announced(**{"name": "J", **told}).stated


def test_a_day_without_a_name_of_its_own_must_be_named() -> None:
    """A day of the table has one; a day seen worked needs none."""
    with pytest.raises(NotAllowed, match="--name"):
        announced(first=date(2027, 4, 7))
    with pytest.raises(NotAllowed, match="--name"):
        announced(first=date(2027, 4, 7), feast="unheard-of")
    worked = announced(first=date(2027, 3, 7), status=OBSERVED, off=False)
    assert [(row.name, row.off) for row in worked.stated] == [("Jour ordinaire", False)]
    assert announced(first=date(2027, 5, 1)).stated[0].name == "Fête du Travail"


@pytest.mark.parametrize("days", [-1, 0, LONGEST_BLOCK + 1])
def test_a_block_has_a_reasonable_length(days: int) -> None:
    """A slip of the keyboard must not take a month away."""
    with pytest.raises(NotAllowed, match="1 à 10"):
        announced(first=date(2027, 4, 7), name="J", days=days)


def test_what_is_said_already_is_not_said_again() -> None:
    """The same row; another source is another statement."""
    once = after(announced(days=3, feast="fitr-1448"))

    with pytest.raises(NotAllowed, match="déjà"):
        setting(once, first=date(2027, 3, 10), days=3, status=OFFICIAL, source="communiqué", feast="fitr-1448")
    again = setting(once, first=date(2027, 3, 10), days=3, status=OFFICIAL, source="JO", feast="fitr-1448")
    assert len(again.stated) == 3


# --- remove


def test_a_withdrawal_names_all_that_it_takes_back() -> None:
    """Every row of the day, or those of one feast, or of one status."""
    both = after(announced(days=3, feast="fitr-1448"))
    day = date(2027, 3, 10)

    def taken(**told: Any) -> list[RowStatus]:
        return [row.status for row in withdrawing(both, days=[day, day], source="erreur", **told).withdrawn]

    assert taken() == [RowStatus.FORECAST, OFFICIAL]
    assert taken(status=OFFICIAL) == [OFFICIAL]
    assert taken(feast="fitr-1448") == [RowStatus.FORECAST, OFFICIAL]
    for told in ({"status": OBSERVED}, {"feast": "adha-1448"}):
        with pytest.raises(NotAllowed, match="10/03/2027"):
            taken(**told)


def test_a_whole_announcement_taken_back_lets_the_forecast_speak_again() -> None:
    """As before it: nominal on the 9th, and it may move."""
    both = after(announced(days=3, feast="fitr-1448"))
    days = [date(2027, 3, day) for day in (10, 11, 12)]

    back = after(withdrawing(both, days=days, source="erreur", status=OFFICIAL), both)

    assert back.version == BASE.version


# --- import


def rows(*told: Mapping[str, object], until: str = "2027-12-31", covers_from: str | None = None) -> Calendar:
    """A file's calendar."""
    return calendar_from_rows(told, until, covers_from=covers_from)


ROW = {"date": "2027-04-07", "name": "Deuil", "status": "official", "source": "JO"}


def test_an_import_adds_what_the_file_says_and_leaves_the_rest() -> None:
    """Only the new row; and a file that adds nothing is refused."""
    shipped = rows(ROW, *({"date": row.date, "name": row.name, "feast": row.feast, "status": row.status.value,
                           "source": row.source} for row in BASE.rows))  # fmt: skip

    change = importing(BASE, file=shipped, source="f.toml")

    assert [(row.date, row.source) for row in change.stated] == [(date(2027, 4, 7), "JO")]
    assert (change.verb, change.covers_until) == (Verb.IMPORT, None)
    assert len(after(change).rows) == len(BASE.rows) + 1
    with pytest.raises(NotAllowed, match="déjà"):
        importing(after(change), file=shipped, source="f.toml")


def test_an_imported_file_extends_the_calendar_only_without_a_gap() -> None:
    """2028 after 2027, not 2029; and a shorter file shortens nothing."""
    longer = importing(BASE, file=rows(ROW, until="2028-12-31", covers_from="2028-01-01"), source="f")
    apart = importing(BASE, file=rows(ROW, until="2029-12-31", covers_from="2029-01-01"), source="f")
    shorter = importing(BASE, file=rows(ROW, until="2020-12-31"), source="f")

    assert longer.covers_until == date(2028, 12, 31)
    assert apart.covers_until is None
    assert shorter.covers_until is None


def test_of_a_files_own_corrections_the_last_one_is_imported() -> None:
    """Its dates order them, whatever their order in the file."""
    wrong = {**ROW, "recorded_at": "2027-01-01T00:00:00Z"}
    right = {**ROW, "off": False, "recorded_at": "2027-01-02T00:00:00Z"}

    for told in ((wrong, right), (right, wrong)):
        assert [row.off for row in importing(BASE, file=rows(*told), source="f").stated] == [False]


# --- what if a feast moves


@pytest.mark.parametrize("by", [-12, -1, 0, 1, 12])
@pytest.mark.parametrize("feast", ["fitr-1448", "FITR-1448", "Aïd el-Fitr 1448"])
def test_a_feast_moves_as_a_block_from_where_it_is_expected(feast: str, by: int) -> None:
    """Its three days, nothing left where they were, and no longer in doubt."""
    calendar = after(moving(BASE, feast=feast, by=by))
    around = [date.fromordinal(EID.toordinal() + offset) for offset in range(-20, 24)]

    assert [day for day in around if calendar.statement(day)] == [
        date.fromordinal(EID.toordinal() + by + offset) for offset in range(3)
    ]
    assert all(not calendar.is_uncertain(day) for day in around)


def test_an_announced_feast_moves_from_its_official_days() -> None:
    """Not from the forecast that it replaced."""
    both = after(announced(days=3, feast="fitr-1448"))

    assert [row.date.day for row in moving(both, feast="fitr-1448", by=1).stated] == [11, 12, 13]


def test_a_feast_without_an_id_moves_by_its_name() -> None:
    """As in a bare list of rows, where equal names on following days make a feast."""
    plain = rows(
        *({"date": f"2027-03-{day:02}", "name": "Aïd", "status": "forecast", "source": "s"} for day in (9, 10))
    )

    calendar = after(moving(plain, feast="aïd", by=5), plain)

    assert [day for day in range(1, 28) if calendar.statement(date(2027, 3, day))] == [14, 15]


@pytest.mark.parametrize("feast", ["nawak", "Fête du Travail"])
def test_only_a_movable_feast_moves(feast: str) -> None:
    """The refusal names those that wait for confirmation, or says that this day is fixed."""
    with pytest.raises(NotAllowed, match=r"fitr-1448|fête mobile"):
        moving(BASE, feast=feast, by=1)
