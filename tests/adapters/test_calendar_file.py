"""The calendar file: the shipped table says what the vectors say, and a file that is no calendar is refused."""

import json
from datetime import date
from pathlib import Path

import pytest

from gateway.adapters.calendar_file import SHIPPED_CALENDAR, load_calendar
from gateway.domain.errors import CalendarInvalid
from gateway.domain.workdays import Calendar, calendar_from_rows

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
