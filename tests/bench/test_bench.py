"""The measures can be made: a short run of each, whose figures mean nothing."""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature

from gateway.adapters import database
from gateway.adapters.log_key import verify_note
from gateway.domain.audit import parse
from gateway.domain.merkle import Growing
from gateway.services.auditing import Auditor
from tests.bench import audit, bombs, cycle, floor, floor_parts, floor_party, load, seal, web
from tests.bench import floor_steps as steps
from tests.bench.audit_log import fill, row

NEEDS_GPG = pytest.mark.skipif(
    shutil.which("gpg") is None and os.environ.get("CI") != "true", reason="needs GnuPG; in CI its absence is a failure"
)


def test_the_log_that_is_measured_is_one_that_the_gateway_could_have_written() -> None:
    """Each record is canonical, its columns are its own."""
    for index in (0, 1, 7, 99_999, 12_345_678):
        made = row(index)
        record = parse(made[9])
        assert (record.index, record.event, record.case) == (made[0], made[2], made[4])
        assert (record.request, record.message, record.partner, record.outcome) == made[5:9]


@pytest.mark.parametrize("where", ["sqlite", "postgresql"])
def test_a_short_run_tells_every_figure(
    where: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two sizes, on either database; a table for people, JSON for machines."""
    other = ["--url", request.getfixturevalue("postgres").empty()] if where == "postgresql" else []
    told = tmp_path / "told.json"
    short = ["--sizes", "300,600", "--rounds", "2", "--acts", "3", "--asked", "2", "--folder", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["audit", *short, *other, "--json", str(told)])
    audit.main()
    runs = json.loads(told.read_text(encoding="utf-8"))["runs"]
    assert [run["records"] for run in runs] == [300, 600]
    assert all(run["verify"]["seconds"] > 0 and run["all_questions_ms"]["p95"] > 0 for run in runs)
    assert all(run["all_api_questions_ms"]["p95"] > run["all_questions_ms"]["p50"] for run in runs)
    assert all(run["api_questions_ms"].keys() == run["questions_ms"].keys() for run in runs)
    assert "| 600 |" in capsys.readouterr().out


async def test_questions_through_the_api_leave_the_log_as_it_was(tmp_path: Path) -> None:
    """Each reading was recorded and paid for; then the record is taken off again."""
    url = f"sqlite+aiosqlite:///{tmp_path / 'log.sqlite3'}"
    database.create(url, audit.IDENTITY)
    fill(url, 300, Growing())
    asked = await audit.ask_api(url, 300, 2)
    assert {len(times) for times in asked.values()} == {2}
    store = audit.store_at(url, 300)
    found = await Auditor(store=store, key=None, verify_note=verify_note).verify()
    await store.close()
    assert found.head.size == 300


@NEEDS_GPG
def test_a_short_run_of_sealing_tells_every_figure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both suites beside their floors, and the memory of one opened mail of each."""
    told = tmp_path / "told.json"
    short = ["--sizes", "1000,2000", "--rounds", "1", "--large", "50000", "--json", str(told)]
    monkeypatch.setattr(sys, "argv", ["seal", *short])
    seal.main()
    found = json.loads(told.read_text(encoding="utf-8"))
    assert [row["bytes"] for row in found["stages"]] == [1000, 2000]
    assert all(row[suite]["share"] > 0 for row in found["stages"] for suite in ("openpgp", "smime"))
    assert {kind: row["bytes"] > 50000 for kind, row in found["memory"].items()} == dict.fromkeys(seal.KINDS, True)
    assert "| S/MIME, 0 Mo |" in capsys.readouterr().out


def test_a_short_run_of_the_floor_acknowledges_every_message(tmp_path: Path) -> None:
    """Two bare processes answer as the gateways do; nothing of theirs failed unheard."""
    with cycle.places(tmp_path, ["floor"], tmp_path) as asked:
        found = cycle.measured(asked, 3000, 3, 1)["floor"]
    assert found["a_second"] > 0
    # A connection that ends with its process is told by asyncio.
    assert ["floor_" in log.read_text() for log in (tmp_path / "floor").glob("*.log")] == [False, False]
    # Each side keeps three files a message: eight warm it, three are measured.
    kept = [len(list((tmp_path / "floor" / role / "data").iterdir())) for role in floor.OTHERS]
    assert all(count >= 3 * (3 + cycle.IN_FLIGHT) for count in kept)


def test_the_parts_of_the_floor_are_told_and_what_they_open_is_what_was_sealed(tmp_path: Path) -> None:
    """Each has its time; a file that would not come back, or a receipt of another message, ends the measure."""
    found = floor_parts.measured(tmp_path, size=3000, times=1, rounds=1)
    assert tuple(found["parts"]) == floor_parts.NAMES
    assert all(found["parts"][name]["ms"] > 0 for name in floor_parts.NAMES if name != floor_parts.CONTENT)
    assert floor_parts.table(found).count("\n") == 2 + len(floor_parts.NAMES)


def test_the_floor_leaves_no_verification_out(tmp_path: Path) -> None:
    """Cheaper than a floor is what proves nothing: changed bytes and another's signature are refused."""
    ours, theirs = (floor_party.pair_of(floor_party.told(path)) for path in floor.installed(tmp_path).values())
    whole = steps.signed(steps.entity(b"1", b"paper"), ours)
    assert steps.papers(steps.opened(whole, theirs)) == b"paper"
    with pytest.raises(ValueError, match="other bytes"):
        steps.opened(whole.replace(b"Bonjour", b"Bonsoir"), theirs)
    with pytest.raises(InvalidSignature):
        steps.opened(steps.signed(steps.entity(b"1", b"paper"), theirs), theirs)


@NEEDS_GPG
def test_a_short_run_of_the_load_tells_every_figure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each request got its receipt; what was not measured has no number."""
    told = tmp_path / "told.json"
    monkeypatch.setattr(sys, "argv", ["load", "--mails", "4", "--minutes", "0.02", "--json", str(told)])
    load.main()
    found = json.loads(told.read_text(encoding="utf-8"))
    assert found["mails"] == 4
    assert 0 < found["ms"]["p50"] <= found["ms"]["p99"] <= found["worst_ms"] < 1000 * found["seconds"]
    assert 0 < found["memory_mib"]["last_quarter"] <= found["memory_mib"]["most"]
    assert "accusé remis" in capsys.readouterr().out


@NEEDS_GPG
def test_a_short_run_among_bombs_tells_every_figure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every honest mail is read in both runs, every bomb is held back."""
    told = tmp_path / "told.json"
    short = ["--mails", "3", "--every", "0.01", "--bomb-every", "0.01", "--bombs", "a23-deep,a24-rounds"]
    monkeypatch.setattr(bombs, "LARGE", 1024)
    monkeypatch.setattr(sys, "argv", ["bombs", *short, "--json", str(told)])
    bombs.main()
    found = json.loads(told.read_text(encoding="utf-8"))
    assert (found["alone"]["mails"], found["with_bombs"]["mails"], found["with_bombs"]["bombs"]) == (3, 3, 3)
    assert all(run["p95_ms"] >= run["p50_ms"] > 0 for run in (found["alone"], found["with_bombs"]))
    assert "| 3, parmi les bombes |" in capsys.readouterr().out


@pytest.mark.parametrize("where", ["sqlite", "postgresql"])
def test_a_short_run_of_the_console_tells_every_figure(
    where: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every page of a small hospital answers, each of another person or case; a page has its weight."""
    other = ["--url", request.getfixturevalue("postgres").empty()] if where == "postgresql" else []
    told = tmp_path / "told.json"
    short = ["--cases", "400", "--events", "800", "--asked", "2", "--folder", str(tmp_path), "--json", str(told)]
    monkeypatch.setattr(sys, "argv", ["web", *short, *other])
    web.main()
    found = json.loads(told.read_text(encoding="utf-8"))["pages"]
    assert len(found) > 20
    assert all(0 < row["cpu_ms_p50"] <= row["cpu_ms_p95"] and row["bytes"] > 100 for row in found.values())
    assert "| À faire (secrétariat) |" in capsys.readouterr().out
