"""The calendar file: the shipped table says what the vectors say, and a file that is no calendar is refused."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.calendar_file import SHIPPED_CALENDAR, calendar_json, calendar_toml, load_calendar
from gateway.domain.errors import CalendarInvalid
from gateway.domain.workdays import Calendar, CalendarRow, RowStatus, calendar_from_rows

VECTORS = Path(__file__).parents[1] / "vectors" / "clock_vectors.json"
UNTIL = date(2027, 12, 31)


def test_the_shipped_calendar_says_what_the_vectors_say() -> None:
    """All 69 rows, with their status and source; feasts that the names group are those that the ids group."""
    rows = json.loads(VECTORS.read_text(encoding="utf-8"))["calendar"]

    shipped = load_calendar(SHIPPED_CALENDAR)
    plain = calendar_from_rows(rows, UNTIL)

    def told(found: Calendar) -> list[tuple[str, str, str, str]]:
        return [(item.date.isoformat(), item.name, item.status.value, item.source) for item in found.rows]

    assert len(shipped.rows) == 69
    assert told(shipped) == told(plain)
    assert shipped.covers_until == UNTIL
    assert all(item.recorded_at and item.recorded_by for item in shipped.rows)
    grouped = [[{item.date for item in feast.rows} for feast in found.feasts] for found in (shipped, plain)]
    assert grouped[0] == grouped[1]
    assert len(grouped[0]) == 11


@pytest.mark.parametrize("as_list", [True, False])
def test_json_files_are_read(tmp_path: Path, *, as_list: bool) -> None:
    """A bare list needs covers_until from outside; an object says it."""
    rows = [{"date": "2026-05-27", "name": "n", "status": "fixed", "source": "s"}]
    file = tmp_path / "c.json"
    file.write_text(json.dumps(rows if as_list else {"covers_until": "2026-12-31", "rows": rows}), encoding="utf-8")

    found = load_calendar(file, covers_until=UNTIL if as_list else None)

    assert found.covers_until == (UNTIL if as_list else date(2026, 12, 31))
    assert not found.is_working(date(2026, 5, 27))


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.toml", "rows = [", "TOML"),
        ("b.json", "{", "JSON"),
        ("c.json", "3", "liste"),
        ("d.toml", "covers_until = 2027-12-31", "rows"),
        ("e.toml", "rows = [1]", "rows"),
        ("f.toml", "rows = []\ncolour = 1", "colour"),
        ("g.toml", "rows = []", "covers_until"),
        ("absent.toml", None, "Ce chemin n'existe pas"),
    ],
)
def test_a_file_that_is_no_calendar_is_refused(tmp_path: Path, name: str, text: str | None, words: str) -> None:
    """The error names the file and the reason."""
    file = tmp_path / name
    if text is not None:
        file.write_text(text, encoding="utf-8")

    with pytest.raises(CalendarInvalid) as caught:
        load_calendar(file)

    assert caught.value.fields["path"] == str(file)
    assert words in str(caught.value.fields["reason"])


@pytest.mark.parametrize("name", ["rows", "rows.txt", "rows.json"])
@pytest.mark.parametrize("text", ['[{"date": "2026-05-27", "name": "n", "status": "fixed", "source": "s"}]', None])
def test_a_file_is_known_by_what_it_holds(tmp_path: Path, name: str, text: str | None) -> None:
    """A pipe has no name that tells; the shipped TOML under a name of JSON is refused, as it says what it is not."""
    file = tmp_path / name
    file.write_text(text or SHIPPED_CALENDAR.read_text(encoding="utf-8"), encoding="utf-8")
    if text is None and name == "rows.json":
        with pytest.raises(CalendarInvalid, match="JSON"):
            load_calendar(file)
        return

    assert load_calendar(file, whole_years=True).covers_until == (date(2026, 12, 31) if text else UNTIL)


def test_a_list_can_be_taken_as_complete_for_the_years_that_it_speaks_of(tmp_path: Path) -> None:
    """To the end of the last one; what is told from outside, or by the file, decides before that."""
    file = tmp_path / "rows.json"
    file.write_text(json.dumps(json.loads(VECTORS.read_text(encoding="utf-8"))["calendar"]), encoding="utf-8")

    assert load_calendar(file, whole_years=True).covers_until == UNTIL
    assert load_calendar(file, whole_years=True, covers_until=date(2026, 6, 30)).covers_until == date(2026, 6, 30)
    for nothing in ("[]", '[{"date": "soon", "name": "n", "status": "fixed", "source": "s"}]'):
        file.write_text(nothing, encoding="utf-8")
        with pytest.raises(CalendarInvalid, match="covers_until"):
            load_calendar(file, whole_years=True)


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20).filter(str.strip)
INSTANTS = st.datetimes(datetime(2000, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
CALENDAR_ROWS = st.builds(
    CalendarRow,
    date=st.dates(date(2020, 1, 1), date(2029, 1, 1)),
    name=TEXTS,
    status=st.sampled_from([RowStatus.FIXED, RowStatus.OFFICIAL]),
    source=TEXTS,
    off=st.booleans(),
    feast=st.none() | TEXTS,
    recorded_at=st.none() | INSTANTS,
    recorded_by=st.none() | TEXTS,
)


@given(
    rows=st.lists(CALENDAR_ROWS, max_size=4, unique_by=(lambda row: row.date, lambda row: row.feast or row.name)),
    since=st.none() | st.dates(date(2000, 1, 1), date(2019, 1, 1)),
    as_json=st.booleans(),
)
def test_a_written_calendar_is_read_back_the_same(
    tmp_path_factory: pytest.TempPathFactory, rows: list[CalendarRow], since: date | None, *, as_json: bool
) -> None:
    """Whatever its texts hold, down to the version; in both formats."""
    calendar = Calendar(rows=tuple(rows), covers_until=UNTIL, covers_from=since)
    file = tmp_path_factory.mktemp("written") / ("c.json" if as_json else "c.toml")
    file.write_text(json.dumps(calendar_json(calendar)) if as_json else calendar_toml(calendar), encoding="utf-8")

    assert load_calendar(file).version == calendar.version
