"""The audit commands as an auditor types them: questions, pages, spreadsheets, the log's key and its anchors."""

import asyncio
import csv
import io
import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway import records, vouching
from gateway.adapters.log_key import generate_log_key
from gateway.cli.commands import app
from gateway.storage import Transmission
from tests.cli.installed import Installed, install, run_requests
from tests.services.fakes import FakeClock

NOW = datetime(2026, 2, 4, 9, tzinfo=UTC)


@pytest.fixture
def made(tmp_path: Path) -> Installed:
    """A gateway with a key for its log and a file for its anchors."""
    made = install(tmp_path / "chu", FakeClock(NOW))
    generate_log_key(made.config.parent / "audit.key")
    section = '[audit]\nkey = { file = "audit.key" }\ncheckpoint_records = 1\nanchor_file = "ancres.txt"\n\n'
    made.config.write_text(made.config.read_text().replace("[reception]", f"{section}[reception]"), encoding="utf-8")
    return made


def run(made: Installed, *arguments: str, code: int = 0) -> str:
    """Run a command; what it printed."""
    done = CliRunner().invoke(app, [*arguments, "--config", str(made.config)])
    assert done.exit_code == code, done.output
    return done.stdout


def test_the_key_is_shown_for_the_auditor(made: Installed) -> None:
    """In the notation of transparency logs."""
    shown = run(made, "audit", "key").strip()
    name, key_id, _ = shown.split("+", 2)
    assert name.startswith("soins-passerelle/")
    assert len(key_id) == 8


def test_conditions_combine_and_pages_follow(made: Installed) -> None:
    """A family of events, a period, an order, the next page; a count; and the reading is a record."""
    run_requests(made, [NOW])
    everything = json.loads(run(made, "audit", "query", "--json"))
    assert everything
    events = {record["event"] for record in everything}
    family = next(iter(sorted(events))).split(".")[0]
    found = json.loads(run(made, "audit", "query", "--event", f"{family}.*", "--newest", "--json"))
    assert [record["index"] for record in found] == sorted((record["index"] for record in found), reverse=True)
    assert all(record["event"].startswith(f"{family}.") for record in found)
    page = json.loads(run(made, "audit", "query", "--limit", "1", "--json"))
    after = json.loads(run(made, "audit", "query", "--after", str(page[0]["index"]), "--limit", "1", "--json"))
    assert after[0]["index"] == page[0]["index"] + 1
    assert run(made, "audit", "query", "--since", "2026-02-04", "--until", "2026-02-03", "--count").strip() == "0"
    assert int(run(made, "audit", "query", "--event", "log.read", "--count")) >= 5


def test_a_spreadsheet_takes_no_text_for_a_formula(made: Installed) -> None:
    """One line of names, one a record."""
    with closing(sqlite3.connect(made.database)) as connection:
        assert connection.execute("SELECT count(*) FROM audit").fetchone() == (0,)
    run(made, "audit", "query", "--actor", "=1+1", "--count")
    run(made, "audit", "query", "--actor", 'a; =HYPERLINK("x")', "--count")
    told = run(made, "audit", "query", "--csv")
    rows = list(csv.DictReader(io.StringIO(told)))
    assert [row["event"] for row in rows] == ["log.read", "log.read"]
    assert json.loads(rows[0]["details"]) == {"asked_actor": "=1+1", "found": 0}
    # A French spreadsheet parts its cells at semicolons, quoted or not.
    assert json.loads(rows[1]["details"]) == {"asked_actor": 'a; =HYPERLINK("x")', "found": 0}
    cells = [cell.strip() for line in told.splitlines() for cell in line.split(";")]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]


@pytest.mark.parametrize(
    "arguments",
    [("--since", "hier"), ("--until", "2026-02-30"), ("--since", "2026-02-04T10:00:00"), ("--follow", "--newest")],
)
def test_what_is_no_question_is_refused(made: Installed, arguments: tuple[str, ...]) -> None:
    """No day, no such day, an instant without its zone, an order that cannot go on."""
    run(made, "audit", "query", *arguments, code=2)


def test_following_shows_what_is_added(made: Installed) -> None:
    """Until Ctrl-C; one JSON document a line."""
    follow = [sys.executable, "-m", "gateway", "audit", "query", "--follow", "--json", "--event", "log.read"]
    with subprocess.Popen(
        [*follow, "--config", str(made.config)], stdout=subprocess.PIPE, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    ) as process:
        assert process.stdout
        first = json.loads(process.stdout.readline())
        assert first["details"]["asked_event"] == "log.read"
        run(made, "audit", "query", "--case", "7F3K-Q2", "--count")
        second = json.loads(process.stdout.readline())
        assert second["details"]["asked_case"] == "7F3K-Q2"
        process.terminate()


def test_the_auditor_verifies_with_what_was_kept_outside(made: Installed, tmp_path: Path) -> None:
    """An anchor file of more records than there are is a log that was put back; a torn line is only told."""
    assert "Aucun point de contrôle signé" in run(made, "audit", "verify")
    absent = run(made, "audit", "verify", "--anchors", str(tmp_path / "absent.txt"), code=1)
    assert absent == ""
    (tmp_path / "letter.eml").write_text("Subject: bonjour\n\nRien ici.\n", encoding="utf-8")
    run(made, "audit", "verify", "--anchors", str(tmp_path / "letter.eml"), code=1)
    (made.config.parent / "ancres.txt").write_text("une ligne coupée\n", encoding="utf-8")
    facts = json.loads(run(made, "audit", "verify", "--json"))
    assert (facts["verified"], facts["torn_lines"], facts["written"], facts["signed"]) == (True, 1, 0, 0)


def test_a_mail_that_was_kept_proves_what_it_carries(made: Installed, tmp_path: Path) -> None:
    """Queued it is pending; saved from the mailbox it is read again, and what it covers is exposed no more."""
    text = made.config.read_text(encoding="utf-8").replace("anchor_file = ", 'anchor_mail = "ancres@dehors.test"\n#')
    made.config.write_text(text, encoding="utf-8")
    run(made, "audit", "query")
    sign(made)
    shown = run(made, "audit", "verify")
    assert "En attente d'ancrage" in shown
    assert "courrier 1" in shown
    assert "Exposés : 1 enregistrements" in shown
    assert "Ancre du journal" in run(made, "message", "list")
    assert "boîte des ancres" in run(made, "message", "list")
    mail = tmp_path / "ancre.eml"
    mail.write_bytes(asyncio.run(queued(made)))
    found = run(made, "audit", "verify", "--anchors", str(mail))
    assert "Ancres relues : 1, toutes confirmées." in found
    assert "Exposés" not in found


async def queued(made: Installed) -> bytes:
    """The only mail of the outbox."""
    async with records.open_base(made.settings) as base, base.store.view() as view:
        (row,) = await view.all(Transmission)
        return await base.cabinet.get(view, row.file)


def test_what_has_served_its_time_is_erased_and_says_so(made: Installed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told first, then erased; the query shows where they were, the verification how many they are."""
    monkeypatch.setattr("gateway.records.SystemClock", lambda: made.clock)
    run(made, "audit", "purge", code=1)
    run(made, "audit", "query")
    run(made, "audit", "query", "--count")
    sign(made)
    made.clock.advance(timedelta(days=366))
    assert "À effacer, traces de sécurité : 2. D'avant le jeu. 05/02/2026." in run(made, "audit", "purge", "--dry-run")
    assert "Effacés, traces de sécurité : 2." in run(made, "audit", "purge")
    assert "Rien n'a fait son temps." in run(made, "audit", "purge")
    assert "(effacé après son temps ; voir l'enregistrement 2)" in run(made, "audit", "query", "--limit", "1")
    (record,) = json.loads(run(made, "audit", "query", "--limit", "1", "--json"))
    assert (record["index"], record["event"], record["details"], record["purged_by"]) == (0, "", None, 2)
    assert next(csv.DictReader(io.StringIO(run(made, "audit", "query", "--limit", "1", "--csv"))))["index"] == "0"
    facts = json.loads(run(made, "audit", "verify", "--json"))
    assert (facts["verified"], facts["purged"]) == (True, 2)
    assert "Effacés après leur temps : 2" in run(made, "audit", "verify")


def sign(made: Installed) -> None:
    """A checkpoint of what there is, as the daemon makes it."""

    async def round_() -> None:
        async with records.open_base(made.settings) as base:
            witness = vouching.witness(base)
            assert witness is not None
            await witness.round()

    asyncio.run(round_())


def test_a_person_reads_each_record_in_words_after_its_code(made: Installed) -> None:
    """In the reader's language; a program's output keeps the codes alone."""
    run(made, "audit", "query", "--count")

    (line,) = run(made, "audit", "query").splitlines()
    assert " log.read " in line
    assert line.endswith("(le journal est consulté)")
    assert "consulté" not in run(made, "audit", "query", "--json")
    assert "consulté" not in run(made, "audit", "query", "--csv")
