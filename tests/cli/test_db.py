"""``gateway db copy``: everything is there and proves itself, nothing is overwritten, and only one database goes on."""

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, Table, inspect
from typer.testing import CliRunner, Result

from gateway import storage
from gateway.adapters import database
from gateway.adapters.daemon_lock import held
from gateway.adapters.database import copying, engines
from gateway.cli.commands import app
from gateway.domain.errors import AuditBroken, DatabaseMissing, DatabaseNotCopied, GatewayError, NotAllowed
from tests.cli.installed import Installed, install, record_silence, run_requests
from tests.postgres import Server
from tests.services.fakes import FakeClock

NOW = datetime(2026, 2, 4, 9, tzinfo=UTC)
RECEIVED = (datetime(2026, 1, 25, 9, tzinfo=UTC), datetime(2026, 1, 26, 9, tzinfo=UTC))


@pytest.fixture(name="made")
def _made(tmp_path: Path) -> Installed:
    made = install(tmp_path / "chu", FakeClock(NOW))
    run_requests(made, RECEIVED)
    record_silence(made)
    return made


@pytest.fixture(name="target")
def _target(postgres: Server, made: Installed) -> str:
    """An empty database of a server, which the configuration now names."""
    url = postgres.empty()
    name_the_server(made, url)
    return url


def name_the_server(made: Installed, url: str) -> None:
    """In the configuration."""
    text = made.config.read_text(encoding="utf-8")
    section = f'[database]\nurl = "{url.replace("+psycopg", "")}"\n\n'
    made.config.write_text(text.replace("[vault]", f"{section}[vault]"), encoding="utf-8")


def run(made: Installed, *arguments: str) -> Result:
    """A command, with what it raised."""
    return CliRunner().invoke(app, [*arguments, "--config", str(made.config)])


def told(made: Installed, *arguments: str) -> str:
    """What a command that succeeds prints."""
    done = run(made, *arguments)
    assert done.exit_code == 0, (done.output, done.exception)
    return done.stdout


def refusal(made: Installed, kind: type[GatewayError]) -> str:
    """Why the copy is refused."""
    done = run(made, "db", "copy")
    assert isinstance(done.exception, kind), (done.output, done.exception)
    return done.exception.sentence()


def tables(url: str) -> list[str]:
    """What a database holds."""
    with engines.plain(url, writes=False).connect() as connection:
        return inspect(connection).get_table_names()


def test_all_of_it_is_copied_and_everything_goes_on_there(made: Installed, postgres: Server) -> None:
    """Each question has the answer that it had; the log verifies; new rows get new numbers; the original is closed."""
    questions = (
        ("audit", "query", "--json"),
        ("audit", "query", "--event", "request.*", "--newest", "--json"),
        ("cases", "--json"),
        ("case", "show", "7F3K-Q1", "--json"),
    )
    answers = [json.loads(told(made, *each)) for each in questions]
    name_the_server(made, postgres.empty())

    done = json.loads(told(made, "db", "copy", "--json"))

    original = made.database.with_name("gateway.sqlite3.copied")
    assert done["original"] == str(original)
    assert not made.database.exists()
    with closing(sqlite3.connect(original)) as old:
        for table, count in done["copied"].items():
            assert old.execute(f'SELECT count(*) FROM "{table}"').fetchone() == (count,), table  # noqa: S608  our own
    assert done["copied"]["requests"] == 2
    now = [json.loads(told(made, *each)) for each in questions]
    # Each reading of the log is a record itself, so that the second has those of the first.
    for before, after in zip(answers, now, strict=True):
        assert [row for row in after if row in before] == before if isinstance(before, list) else after == before
    assert "Journal intact" in told(made, "audit", "verify")


async def test_numbers_go_on_after_the_last_one(made: Installed, target: str) -> None:
    """A server numbers by sequences of its own, which the copied rows did not ask."""
    counts = database.copy(made.database, target, {"party": "chu-essai", "role": "hospital", "site": "principal"})
    store = database.DatabaseStore(target, clock=FakeClock(NOW), site="principal", party="chu-essai")
    async with store.act() as act:
        cases = await act.all(storage.Case)
        added = await act.add(replace(cases[-1], id=0, ref="7F3K-Q9"))
        entry = await act.record("test.done", actor="gateway")
    await store.close()
    assert added.id == cases[-1].id + 1
    assert entry.index == counts["audit"]


def test_a_target_that_holds_anything_is_left_alone(made: Installed, target: str, postgres: Server) -> None:
    """Another gateway's, or something else altogether."""
    with engines.plain(target, writes=True).begin() as connection:
        connection.exec_driver_sql("CREATE TABLE factures (numero integer)")
    assert "n'est pas vide" in refusal(made, DatabaseNotCopied)
    assert tables(target) == ["factures"]
    other = postgres.made({"party": "autre", "role": "hospital", "site": "principal"})
    made.config.write_text(
        made.config.read_text(encoding="utf-8").replace(target.replace("+psycopg", ""), other.replace("+psycopg", "")),
        encoding="utf-8",
    )
    assert "n'est pas vide" in refusal(made, DatabaseNotCopied)
    assert "Journal intact" in _verified_on_sqlite(made)


def _verified_on_sqlite(made: Installed) -> str:
    text = made.config.read_text(encoding="utf-8")
    head, _, rest = text.partition("[database]\n")
    made.config.write_text(head + rest.partition("\n\n")[2], encoding="utf-8")
    return told(made, "audit", "verify")


def test_a_log_that_was_altered_is_not_carried_over(made: Installed, target: str) -> None:
    """The copy proves itself before it is committed; nothing stays on the server, and the original stays open."""
    with closing(sqlite3.connect(made.database)) as connection, connection:
        connection.execute(
            "UPDATE audit SET canonical = CAST(replace(canonical, 'request', 'requesT') AS BLOB) WHERE \"index\" = 1"
        )
    assert refusal(made, AuditBroken)
    assert tables(target) == []
    assert made.database.exists()


def test_a_copy_that_differs_is_not_committed(made: Installed, target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Row by row, whatever was written."""
    fill = copying._fill

    def forgetful(source: Connection, there: Connection, table: Table) -> None:
        fill(source, there, table)
        if table.name == "requests":
            there.exec_driver_sql("UPDATE requests SET complete = NOT complete WHERE id = 2")

    monkeypatch.setattr(copying, "_fill", forgetful)
    assert "requests" in refusal(made, DatabaseNotCopied)
    assert tables(target) == []


def test_killed_between_the_two_it_is_only_finished(
    made: Installed, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server has it all, the original is still open: the same command again closes it."""

    def killed(_source: Connection) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(copying, "_close", killed)
        assert run(made, "db", "copy").exit_code != 0
    assert made.database.exists()
    assert "requests" in tables(target)
    told(made, "db", "copy")
    assert not made.database.exists()


def test_killed_before_the_original_has_its_new_name_it_is_only_finished(
    made: Installed, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is closed already: the same command again renames it."""

    def killed(_path: Path, _target: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", killed)
        assert run(made, "db", "copy").exit_code != 0
    assert made.database.exists()
    assert "requests" in tables(target)
    told(made, "db", "copy")
    assert not made.database.exists()


@pytest.mark.usefixtures("target")
def test_done_already_it_says_so(made: Installed) -> None:
    """Whoever types it twice is not told to make a new database; where there never was one, that is said."""
    told(made, "db", "copy")
    assert "déjà copiée" in refusal(made, NotAllowed)
    made.database.with_name("gateway.sqlite3.copied").unlink()
    assert "gateway restore" in refusal(made, DatabaseMissing)


@pytest.mark.usefixtures("target")
def test_the_original_takes_no_act_any_more(made: Installed) -> None:
    """Even of a command that had opened it before and waited for its turn."""
    told(made, "db", "copy")
    late = sqlite3.connect(made.database.with_name("gateway.sqlite3.copied"))
    with closing(late), pytest.raises(sqlite3.IntegrityError, match="copied"):
        late.execute("UPDATE log_head SET size = size + 1")


@pytest.mark.usefixtures("target")
def test_not_beside_a_running_service(made: Installed) -> None:
    """What it records meanwhile would be lost."""
    with held(made.settings.gateway.data):
        assert "travaille" in refusal(made, GatewayError)
    assert made.database.exists()


def test_without_a_server_it_says_where_to_name_one(made: Installed) -> None:
    """The configuration decides the target, so that the service starts on nothing else."""
    assert "[database]" in refusal(made, NotAllowed)
