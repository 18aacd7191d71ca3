"""``gateway clock compute`` tells the same ends as the vectors, as data and in words."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway.adapters.calendar_file import calendar_toml
from gateway.cli.commands import app
from gateway.domain.workdays import calendar_from_rows

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "clock_vectors.json").read_text(encoding="utf-8"))

PROMISED = (
    *("received", "reception_day", "days", "counted_days", "ends_at"),
    *("tacit_at", "earliest_tacit_at", "latest_tacit_at", "certain"),
)
OF_A_DAY = ("date", "weekday", "counted", "reason", "rule")


def run(*arguments: str) -> str:
    """What the command prints."""
    result = CliRunner().invoke(app, ["clock", "compute", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def rows_of(vector: dict[str, Any]) -> list[dict[str, str]]:
    """The vectors' list of rows; where a vector says that a feast was announced or believed otherwise, with that."""
    rows: list[dict[str, str]] = VECTORS["calendar"]
    other = vector.get("calendar_override")
    if other is None:
        return rows
    name = next(row["name"] for row in rows if row["date"] in other["remove"])
    days = [row["date"] for row in rows if row["name"] == name and row["date"] not in other["remove"]] + other["add"]
    status = "official" if other["announced_at"] else "forecast"
    new = [{"date": day, "name": name, "status": status, "source": "override"} for day in days]
    return [row for row in rows if row["name"] != name] + new


@pytest.mark.parametrize("suffix", ["json", "toml"])
@pytest.mark.parametrize("vector", VECTORS["vectors"], ids=lambda vector: str(vector["id"]))
def test_each_vector_is_explained_as_data(vector: dict[str, Any], suffix: str, tmp_path: Path) -> None:
    """From a bare list of rows as the vectors have it, and from TOML; the promised keys, each as it must be."""
    file = tmp_path / f"calendar.{suffix}"
    rows = rows_of(vector)
    if suffix == "json":
        file.write_text(json.dumps(rows), encoding="utf-8")
    else:
        calendar = calendar_from_rows(rows, "2027-12-31")
        file.write_text(calendar_toml(calendar), encoding="utf-8")

    told = json.loads(run("--received", vector["received"], "--calendar", str(file), "--json"))

    assert tuple(told)[: len(PROMISED)] == PROMISED
    assert all(tuple(day)[: len(OF_A_DAY)] == OF_A_DAY for day in told["days"])
    assert datetime.fromisoformat(told["received"]) == datetime.fromisoformat(vector["received"])
    assert told["reception_day"] == vector["algiers_reception_day"]
    assert told["counted_days"] == vector["counted_days"]
    assert told["tacit_at"] == told["ends_at"] == vector["tacit_acceptance_utc"]
    assert told["earliest_tacit_at"] <= told["tacit_at"] <= told["latest_tacit_at"]
    assert told["certain"] is (told["earliest_tacit_at"] == told["latest_tacit_at"])
    counted = [day for day in told["days"] if day["counted"]]
    assert [day["date"] for day in counted] == vector["counted_days"]
    assert [day["weekday"] for day in counted] == vector["weekdays"]
    assert told["days"][0]["date"] == told["reception_day"]


def test_a_list_of_rows_is_complete_as_far_as_it_is_told(tmp_path: Path) -> None:
    """To the end of its last year, or to the day given."""
    file = tmp_path / "rows.json"
    file.write_text(json.dumps(VECTORS["calendar"]), encoding="utf-8")
    received = ("--received", "2027-12-20T10:00:00+01:00", "--calendar", str(file), "--json")

    assert json.loads(run(*received))["latest_tacit_at"] == "2027-12-23T23:00:00Z"
    assert json.loads(run(*received, "--covers-until", "2027-12-22"))["latest_tacit_at"] is None


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
