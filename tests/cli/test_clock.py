"""``gateway clock compute`` tells the same ends as the vectors, as data and in words."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway.cli.commands import app

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "clock_vectors.json").read_text(encoding="utf-8"))
# Those with a calendar of their own are run by tests/domain/test_period.py.
PLAIN = [vector for vector in VECTORS["vectors"] if "calendar_override" not in vector]


def run(*arguments: str) -> str:
    """What the command prints."""
    result = CliRunner().invoke(app, ["clock", "compute", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The vectors' calendar rows, as the JSON list that --calendar takes."""
    path = tmp_path_factory.mktemp("calendar") / "rows.json"
    path.write_text(json.dumps(VECTORS["calendar"]), encoding="utf-8")
    return path


@pytest.mark.parametrize("vector", PLAIN, ids=lambda vector: str(vector["id"]))
def test_each_vector_is_explained_as_data(vector: dict[str, Any], rows: Path) -> None:
    """Counted days and nominal end."""
    told = json.loads(
        run("--received", vector["received"], "--calendar", str(rows), "--covers-until", "2027-12-31", "--json")
    )
    assert told["counted_days"] == vector["counted_days"]
    assert told["tacit_at"] == vector["tacit_acceptance_utc"]
    assert [day["date"] for day in told["days"] if day["counted"]] == vector["counted_days"]


def test_a_person_reads_every_day_and_the_last_minute() -> None:
    """Never « midnight »: the last minute, in Algiers."""
    said = run("--received", "2026-11-26T10:00:00+01:00")
    assert "ven. 27/11/2026  –       vendredi ou samedi, non compté" in said
    assert said.endswith("Réponse attendue jusqu'au mar. 01/12/2026 à 23 h 59, heure d'Alger.\n")


@pytest.mark.parametrize("wrong", ["hier", "2026-11-26T10:00:00"])
def test_an_instant_without_zone_is_refused(wrong: str) -> None:
    """A legal day needs a time zone."""
    result = CliRunner().invoke(app, ["clock", "compute", "--received", wrong])
    assert result.exit_code == 2
