"""The store on SQLite and PostgreSQL: acts are whole or nothing, constraints hold, two stores share one database."""

import asyncio
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import UniqueConstraint, create_engine, inspect
from sqlalchemy.exc import OperationalError, StatementError
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway import storage
from gateway.adapters.database import HEAD, DatabaseStore, check, create, engines, one_trip, recognise, upgrade
from gateway.adapters.database.refusals import driver_reason
from gateway.adapters.database.tables import METADATA, TABLES
from gateway.domain import request, transmission
from gateway.domain.errors import AlreadyThere, DatabaseDamaged, DatabaseMissing, DiskUnreliable, StorageFailed
from gateway.domain.log_check import LogCheck
from gateway.domain.parties import Grade
from gateway.domain.watching import Place
from gateway.ports import SpoolFile
from tests import postgres

AT = datetime(2026, 1, 25, 9, 0, 0, 123456, tzinfo=UTC)
IDENTITY = {"party": "chu-essai", "role": "hospital", "site": "s"}
HOUR = timedelta(hours=1)


class _Clock:
    def __init__(self) -> None:
        self.at = AT

    def now(self) -> datetime:
        return self.at

    def uptime(self) -> float:
        return 0.0

    def boot_id(self) -> str:
        return "boot"


def url_of(path: Path) -> str:
    """SQLAlchemy's URL."""
    return f"sqlite+aiosqlite:///{path}"


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.sqlite3"
    create(url_of(path), IDENTITY)
    return path


@pytest.fixture(name="url", params=["sqlite", "postgresql"])
def _url(request: pytest.FixtureRequest) -> str:
    """A new database of each kind."""
    if request.param == "sqlite":
        return url_of(request.getfixturevalue("path"))
    server: postgres.Server = request.getfixturevalue("postgres")
    return server.made(IDENTITY)


@pytest.fixture(name="clock")
def _clock() -> _Clock:
    return _Clock()


def open_store(url: str, clock: _Clock) -> DatabaseStore:
    """A store as one process opens it."""
    return DatabaseStore(url, clock=clock, site="s", party="chu-essai")


@pytest.fixture(name="store")
async def _store(url: str, clock: _Clock) -> AsyncIterator[DatabaseStore]:
    store = open_store(url, clock)
    yield store
    await store.close()


KEY = storage.VaultKey(id="key-1", purpose="case", wrapped=b"w", created_at=AT)
CASE = storage.Case(
    site="s", ref="7F3K-Q2", hospital="chu", vault_key="key-1", opened_at=AT, authorised_until=date(2026, 2, 20)
)
FILE = SpoolFile(name="f" * 32, vault_key="key-1", wrapped=b"w", size=1, sha256="0" * 64)
MESSAGE = storage.Message(
    site="s", direction=storage.Direction.OUT, kind="K", partner="cnas", message_id="<a@b>", mic="0" * 64, at=AT
)
MAIL = storage.Mail(
    site="s",
    mailbox="m",
    folder="INBOX",
    uidvalidity=1,
    uid=1,
    verdict=storage.Verdict.PLAIN,
    step=None,
    reason=None,
    partner=None,
    held_back=False,
    internaldate=AT,
    received_earliest=AT,
    received_latest=AT,
    recorded_at=AT,
)
SENDING = storage.Transmission(
    site="s",
    message=1,
    partner="cnas",
    receipt=False,
    envid="e1",
    file=FILE.name,
    fingerprint=None,
    state=transmission.State.READY,
    next_at=AT,
)


def a_request(number: int = 1, **changes: object) -> storage.Request:
    """A running request."""
    value = storage.Request(
        site="s",
        case_id=1,
        hash=f"{number:064d}",
        state=request.State.RUNNING,
        authorised_until=date(2026, 2, 20),
        requested_from=date(2026, 2, 21),
        requested_until=date(2026, 3, 20),
        submitted_at=AT,
        complete=True,
        grade=Grade.MDN,
        asks_person=("short_notice", "grade_below_policy"),
        due_at=AT,
    )
    return replace(value, **changes)  # type: ignore[arg-type]  # each test changes a few fields


async def fill(store: DatabaseStore) -> None:
    """A case with its key and a file and a message."""
    async with store.act() as act:
        for value in (KEY, FILE, CASE, MESSAGE):
            await act.add(value)


# --- schema


def test_tables_have_the_fields_of_their_values() -> None:
    """Name by name: rows become values without any mapping."""
    for kind, row in TABLES.items():
        columns = set(METADATA.tables[str(row.__tablename__)].columns.keys())
        assert columns == {field.name for field in fields(kind)}, kind


def test_the_scripts_make_the_tables_that_the_code_uses(url: str) -> None:
    """Columns, unique constraints and indexes of the file are those of the tables."""
    found = inspect(engines.plain(url, writes=False))
    assert set(found.get_table_names()) == {*METADATA.tables, "alembic_version"}
    for name, table in METADATA.tables.items():
        assert {column["name"]: column["nullable"] for column in found.get_columns(name)} == {
            column.name: bool(column.nullable) for column in table.columns
        }
        unique = {tuple(each["column_names"]) for each in found.get_unique_constraints(name)}
        wanted = {
            tuple(column.name for column in each.columns)
            for each in table.constraints
            if isinstance(each, UniqueConstraint)
        }
        assert unique == wanted, name
        indexed = {
            tuple(each["column_names"]) for each in found.get_indexes(name) if "duplicates_constraint" not in each
        }
        assert indexed == {tuple(column.name for column in each.columns) for each in table.indexes}, name


def test_creating_again_changes_nothing(url: str) -> None:
    """``init`` run twice keeps what is there."""
    create(url, IDENTITY)
    upgrade(url, IDENTITY)


_DIES = """
import os, signal, sys
from sqlalchemy import Engine, event
from gateway.adapters.database import create
left = int(sys.argv[2])

@event.listens_for(Engine, "after_cursor_execute")
def count(connection, cursor, statement, *rest):
    global left
    left -= "CREATE TABLE" in statement
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

create(sys.argv[1], {"party": "chu-essai", "role": "hospital", "site": "s"})
"""


@pytest.mark.fault("F39")
@pytest.mark.parametrize("number", [2, 9])
def test_a_creation_that_is_killed_leaves_nothing_behind(tmp_path: Path, number: int) -> None:
    """Killed after some of the tables: none of them is there, and the next creation succeeds."""
    path = tmp_path / "gateway.sqlite3"
    killed = subprocess.run([sys.executable, "-c", _DIES, url_of(path), str(number)], check=False, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    with pytest.raises(DatabaseDamaged):
        upgrade(url_of(path), {**IDENTITY, "party": "autre"})
    found = create_engine(f"sqlite:///{path}")
    assert inspect(found).get_table_names() == []
    found.dispose()
    create(url_of(path), IDENTITY)
    upgrade(url_of(path), IDENTITY)


async def test_a_database_is_recognised_beside_a_writer(url: str, store: DatabaseStore) -> None:
    """A command reads whose it is without waiting for the daemon's act."""
    async with store.act() as act:
        await act.add(KEY)
        await asyncio.to_thread(recognise, url, IDENTITY)


def test_the_driver_s_words_never_leave() -> None:
    """They may quote a row: only the name of the error and our own words do."""

    class _Raised(sqlite3.OperationalError):
        sqlite_errorname = "SQLITE_IOERR_FSYNC"

    known = driver_reason(OperationalError("INSERT", {}, _Raised("Mme Secrète")))
    unknown = driver_reason(OperationalError("INSERT", {}, sqlite3.OperationalError("Mme Secrète")))
    assert str(known) == "Le disque signale une erreur."
    assert unknown == "OperationalError."


@pytest.mark.parametrize("key", list(IDENTITY))
def test_the_database_of_another_party_is_refused(url: str, key: str) -> None:
    """Another party, role or site: whatever its content is, it is not ours."""
    other = {**IDENTITY, key: "autre"}
    for act in (create, upgrade):
        with pytest.raises(DatabaseDamaged):
            act(url, other)
    upgrade(url, IDENTITY)


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    """A mistyped path must not look like an empty gateway."""
    with pytest.raises(DatabaseMissing):
        upgrade(url_of(tmp_path / "absent.sqlite3"), IDENTITY)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("junk", [b"", b"not a database at all, only text" * 100])
def test_a_file_that_is_no_database_is_refused(tmp_path: Path, junk: bytes) -> None:
    """Empty, or something else."""
    path = tmp_path / "gateway.sqlite3"
    path.write_bytes(junk)
    with pytest.raises(DatabaseDamaged):
        upgrade(url_of(path), IDENTITY)


def corrupt(path: Path) -> None:
    """Write rubbish at the head of every page but the first."""
    data = bytearray(path.read_bytes())
    for page in range(1, len(data) // 4096):
        data[page * 4096 : page * 4096 + 64] = b"\xff" * 64
    path.write_bytes(data)


@pytest.mark.fault("F14")
async def test_a_corrupted_file_is_refused(path: Path, clock: _Clock) -> None:
    """Pages of rubbish in the middle are noticed at start."""
    store = open_store(url_of(path), clock)
    for _ in range(50):
        async with store.act() as act:
            await act.record("test.done", actor="gateway", details={"x": "y" * 150})
    await store.close()
    assert check(url_of(path)) == HEAD
    corrupt(path)
    with pytest.raises(DatabaseDamaged):
        upgrade(url_of(path), IDENTITY)
    with pytest.raises(DatabaseDamaged):
        check(url_of(path))


def test_looking_for_damage_makes_nothing(path: Path, tmp_path: Path) -> None:
    """An absent database stays absent; the version is told, whatever it is."""
    with pytest.raises(DatabaseMissing):
        check(url_of(tmp_path / "absent.sqlite3"))
    assert not (tmp_path / "absent.sqlite3").exists()
    before = path.read_bytes()
    assert check(url_of(path)) == HEAD
    assert path.read_bytes() == before


def test_a_schema_of_a_later_version_is_refused(url: str) -> None:
    """An older program never writes into a newer database."""
    with engines.plain(url, writes=True).begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(DatabaseDamaged):
        upgrade(url, IDENTITY)


# --- acts


async def test_values_come_back_as_they_were(store: DatabaseStore) -> None:
    """Instants to the microsecond and aware, dates, enumerations, lists, bytes and nothing."""
    await fill(store)
    async with store.act() as act:
        added = await act.add(a_request())
    async with store.view() as view:
        assert await view.one(storage.Request, id=added.id) == added
        assert await view.one(storage.VaultKey, id="key-1") == KEY
        assert await view.one(storage.Case, ref="7F3K-Q2") == replace(CASE, id=1)
        assert await view.one(storage.Case, ref="none") is None


async def test_an_act_that_fails_leaves_nothing(store: DatabaseStore) -> None:
    """Rows, audit record and head of the log go together or not at all."""

    async def fail() -> None:
        async with store.act() as act:
            await act.add(KEY)
            await act.record("test.done", actor="gateway")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    async with store.view() as view:
        assert await view.all(storage.VaultKey) == ()
        assert await view.entries() == ()
        assert (await view.head())[0] == 0


async def test_an_act_is_seen_only_when_it_is_over(store: DatabaseStore) -> None:
    """A view beside it sees the state before; a view that began before never sees half of it."""
    async with store.act() as act:
        await act.add(KEY)
        async with store.view() as view:
            assert await view.all(storage.VaultKey) == ()
        assert await act.all(storage.VaultKey) == (KEY,)
    async with store.view() as view:
        assert await view.all(storage.VaultKey) == (KEY,)


async def test_a_view_is_consistent(store: DatabaseStore) -> None:
    """What is committed while it is open does not enter it."""
    async with store.view() as view:
        assert await view.all(storage.VaultKey) == ()
        async with store.act() as act:
            await act.add(KEY)
        assert await view.all(storage.VaultKey) == ()


@pytest.mark.fault("F13")
async def test_two_writers_wait_for_each_other(url: str, clock: _Clock) -> None:
    """Two processes read, then write the same row: neither fails, and no update is lost."""
    first, second = open_store(url, clock), open_store(url, clock)
    await fill(first)

    async def count(store: DatabaseStore) -> None:
        for _ in range(10):
            async with store.act() as act:
                key = await act.one(storage.VaultKey, id="key-1")
                assert key is not None
                await asyncio.sleep(0)
                await act.save(replace(key, wrapped=key.wrapped + b"+"))

    await asyncio.gather(count(first), count(second), count(first))
    async with first.view() as view:
        key = await view.one(storage.VaultKey, id="key-1")
    assert key is not None
    assert key.wrapped == b"w" + b"+" * 30
    await first.close()
    await second.close()


async def test_a_writer_holds_the_lock_from_its_first_read(path: Path, clock: _Clock) -> None:
    """BEGIN IMMEDIATE: another process cannot write between an act's read and its write."""
    store = open_store(url_of(path), clock)
    async with store.act() as act:
        await act.all(storage.VaultKey)
        other = sqlite3.connect(path, timeout=0)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("INSERT INTO meta VALUES ('x', 'y')")
        other.close()
    await store.close()


@pytest.mark.parametrize("turns", range(12))
async def test_a_cancelled_commit_is_whole_or_absent(url: str, clock: _Clock, turns: int) -> None:
    """Cancelled at any turn of the loop, an act has committed all or nothing, and the next one works."""
    store = open_store(url, clock)

    async def act_once() -> None:
        async with store.act() as act:
            await act.add(KEY)
            await act.record("test.done", actor="gateway")

    task = asyncio.create_task(act_once())
    for _ in range(turns * 3):
        await asyncio.sleep(0)
    task.cancel()
    try:
        await asyncio.wait_for(task, 10)
        finished = True
    except asyncio.CancelledError:
        finished = False
    other = open_store(url, clock)
    async with other.view() as view:
        keys, entries, (size, _, _) = (
            len(await view.all(storage.VaultKey)),
            len(await view.entries()),
            await view.head(),
        )
    assert keys == entries == size
    assert keys == 1 or not finished
    async with other.act() as act:
        await act.add(replace(KEY, id="key-2"))
    async with store.act() as act:
        await act.add(replace(KEY, id="key-3"))
    await store.close()
    await other.close()


@pytest.mark.parametrize("times", [1, 2])
async def test_cancelling_during_the_commit_itself_waits_for_it(
    store: DatabaseStore, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    """The commit has begun: cancelled once or twice, the act is there although its caller is not told."""
    on_file = store._acts.engine.dialect.name == "sqlite"  # type: ignore[attr-defined]  # the adapter's
    whose: Any = one_trip.Connection if on_file else AsyncConnection
    begun, go_on, commit = asyncio.Event(), asyncio.Event(), whose.commit

    async def slow(connection: object) -> None:
        begun.set()
        await go_on.wait()
        await commit(connection)

    async def act_once() -> None:
        async with store.act() as act:
            await act.add(KEY)

    monkeypatch.setattr(whose, "commit", slow)
    task = asyncio.create_task(act_once())
    await begun.wait()
    for _ in range(times):
        task.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with store.view() as view:
        assert await view.all(storage.VaultKey) == (KEY,)


async def test_the_one_that_is_so_many_from_the_end(store: DatabaseStore) -> None:
    """Counted among those that match; none when they are fewer."""
    async with store.act() as act:
        for number in range(4):
            await act.add(replace(KEY, id=f"key-{number}", purpose="even" if number % 2 == 0 else "odd"))

    async with store.view() as view:
        found = [await view.newest(storage.VaultKey, number, purpose="even") for number in (1, 2, 3)]

    assert [key.id if key else None for key in found] == ["key-2", "key-0", None]


async def test_a_cancelled_act_gives_the_lock_back(store: DatabaseStore) -> None:
    """Cancelled in its middle, nothing of it stays and nobody waits for it."""
    entered, never = asyncio.Event(), asyncio.Event()

    async def act_once() -> None:
        async with store.act() as act:
            await act.add(KEY)
            entered.set()
            await never.wait()

    task = asyncio.create_task(act_once())
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(5), store.act() as act:
        assert await act.all(storage.VaultKey) == ()


async def test_unique_constraints_say_already_there(store: DatabaseStore) -> None:
    """Every row that must happen once, twice."""
    await fill(store)
    async with store.act() as act:
        await act.add(a_request())
        await act.add(MAIL)
        await act.add(SENDING)
    acceptance = storage.Acceptance(site="s", request_hash="h", effective_at=AT, recorded_at=AT)
    confirmation = storage.Confirmation(site="s", request_hash="h", asked="a", binding="b", person="alice", at=AT)
    pin = storage.Pin(
        site="s", partner="cnas", suite="openpgp", fingerprint="A", material="m", pinned_at=AT, pinned_by="alice"
    )
    mark = storage.ClockMark(id=0, site="s", wall=AT, uptime=1.0, boot="b")
    async with store.act() as act:
        await act.add(acceptance)
        await act.add(confirmation)
        await act.add(pin)
        await act.add(mark)
    again: tuple[storage.Value, ...] = (
        KEY,
        FILE,
        CASE,
        MESSAGE,
        a_request(),
        MAIL,
        SENDING,
        replace(acceptance, effective_at=AT + HOUR),
        replace(confirmation, at=AT + HOUR),
        pin,
        mark,
    )
    for value in again:
        with pytest.raises(AlreadyThere):
            async with store.act() as act:
                await act.add(value)


async def test_what_is_there_already_does_not_end_the_act(store: DatabaseStore) -> None:
    """Whoever is told may go on in the same act, and what came before it stays."""
    async with store.act() as act:
        await act.add(KEY)
        with pytest.raises(AlreadyThere):
            await act.add(replace(KEY, purpose="other"))
        await act.add(replace(KEY, id="key-2"))
    async with store.view() as view:
        assert await view.all(storage.VaultKey) == (KEY, replace(KEY, id="key-2"))


async def test_the_largest_numbers_of_a_mailbox_fit(store: DatabaseStore) -> None:
    """UIDs and UIDVALIDITY are unsigned numbers of 32 bits."""
    most = 2**32 - 1
    async with store.act() as act:
        added = await act.add(replace(MAIL, uid=most, uidvalidity=most))
        await act.add(
            storage.Poll(
                site="s",
                mailbox="m",
                folder="INBOX",
                uidvalidity=most,
                uidnext=most,
                first_at=AT,
                last_at=AT,
                answered_at=AT,
                count=1,
                longest_gap=0,
            )
        )
    async with store.view() as view:
        assert await view.one(storage.Mail, uid=most) == added


async def test_what_differs_in_its_key_is_another_row(store: DatabaseStore) -> None:
    """The same case token of another hospital, the same id in the other direction, another person, the next UID."""
    await fill(store)
    async with store.act() as act:
        await act.add(replace(CASE, hospital="autre"))
        await act.add(replace(MESSAGE, direction=storage.Direction.IN))
        await act.add(replace(MESSAGE, partner="cnse"))
        await act.add(MAIL)
        await act.add(replace(MAIL, uid=2))
        await act.add(replace(MAIL, uidvalidity=2))
        for person in ("alice", "bob"):
            said = storage.Confirmation(site="s", request_hash="h", asked="a", binding="b", person=person, at=AT)
            await act.add(said)


async def test_a_reference_to_nothing_is_a_defect_not_a_duplicate(store: DatabaseStore) -> None:
    """A missing parent row is our own fault and must not pass for a replay."""
    with pytest.raises(LookupError, match=r"SQLITE_CONSTRAINT_FOREIGNKEY|23503"):
        async with store.act() as act:
            await act.add(SENDING)


async def test_a_row_that_lacks_a_value_is_a_defect_not_a_duplicate(store: DatabaseStore) -> None:
    """NOT NULL says nothing about what was there before."""
    with pytest.raises(LookupError, match=r"SQLITE_CONSTRAINT_NOTNULL|23502"):
        async with store.act() as act:
            await act.add(replace(KEY, purpose=None))  # type: ignore[arg-type]  # what the type forbids


async def test_saving_what_is_not_there_is_a_defect(store: DatabaseStore) -> None:
    """An update that touches no row is never silent."""
    with pytest.raises(LookupError):
        async with store.act() as act:
            await act.save(replace(MAIL, id=7))


async def test_several_where_one_is_meant_is_a_defect(store: DatabaseStore) -> None:
    """``one`` never picks."""
    async with store.act() as act:
        await act.add(KEY)
        await act.add(replace(KEY, id="key-2"))
    async with store.view() as view:
        with pytest.raises(LookupError):
            await view.one(storage.VaultKey, purpose="case")


async def test_a_naive_instant_is_refused(store: DatabaseStore) -> None:
    """In a row and in a question."""
    with pytest.raises((ValueError, StatementError), match="naive"):
        async with store.act() as act:
            await act.add(replace(KEY, created_at=AT.replace(tzinfo=None)))
    with pytest.raises((ValueError, StatementError), match="naive"):
        async with store.view() as view:
            await view.due("s", AT.replace(tzinfo=None))


@pytest.mark.fault("F7")
async def test_a_full_disk_leaves_as_storage_failed(path: Path, clock: _Clock) -> None:
    """The driver's error is translated, its bound values stay inside, and the store works again afterwards."""
    store = open_store(url_of(path), clock)
    async with store.act() as act:
        await act._connection.exec_driver_sql("PRAGMA max_page_count = 1")  # type: ignore[attr-defined]  # no disk is full

    async def grow() -> None:
        async with store.act() as act:
            for number in range(200):
                await act.add(replace(KEY, id=f"secret-{number}", wrapped=b"x" * 4000))

    with pytest.raises(StorageFailed) as caught:
        await grow()
    assert "secret" not in caught.value.sentence()
    assert str(caught.value.fields["reason"]) == "Le disque est plein."
    async with store.act() as act:
        await act._connection.exec_driver_sql("PRAGMA max_page_count = 1073741823")  # type: ignore[attr-defined]  # freed
        await act.add(KEY)
    async with store.view() as view:
        assert await view.all(storage.VaultKey) == (KEY,)
    await store.close()


@pytest.mark.fault("F7")
async def test_after_a_commit_that_was_refused_the_next_act_works(store: DatabaseStore) -> None:
    """A full disk may refuse the commit itself: what asks through SQLAlchemy must not be refused for ever after."""
    async with store.act() as act:
        for statement in (
            "CREATE TABLE one (id INTEGER PRIMARY KEY)",
            "CREATE TABLE other (one INTEGER REFERENCES one (id) DEFERRABLE INITIALLY DEFERRED)",
        ):
            await act._connection.exec_driver_sql(statement)  # type: ignore[attr-defined]
    with pytest.raises(LookupError):
        async with store.act() as act:
            await act._connection.exec_driver_sql("INSERT INTO other VALUES (7)")  # type: ignore[attr-defined]  # told at the commit
    async with store.act() as act:
        await act.keep_tasks((7,), ())
    async with store.act() as act:
        await act.add(KEY)


@pytest.mark.fault("F8")
async def test_after_a_sync_that_failed_there_are_no_more_acts(
    path: Path, clock: _Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel may have forgotten what it could not write: a second sync would confirm what is not there."""
    store = open_store(url_of(path), clock)

    async def refuse(_: object) -> None:
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorname = "SQLITE_IOERR_FSYNC"
        raise error

    async def add() -> None:
        async with store.act() as act:
            await act.add(KEY)

    with monkeypatch.context() as patch:
        patch.setattr(one_trip.Connection, "commit", refuse)
        with pytest.raises(DiskUnreliable, match="n'a pas confirmé"):
            await add()
    with pytest.raises(DiskUnreliable):
        await add()
    async with store.view() as view:
        assert await view.all(storage.VaultKey) == ()
    await store.close()


# --- audit


async def test_two_stores_append_one_log(url: str, clock: _Clock) -> None:
    """Indexes have no gap and no double, and the whole log verifies against its head."""
    first, second = open_store(url, clock), open_store(url, clock)

    async def append(store: DatabaseStore, name: str) -> None:
        for number in range(15):
            async with store.act() as act:
                await act.record("test.done", actor=name, details={"number": number})

    await asyncio.gather(append(first, "first"), append(second, "second"))
    async with first.view() as view:
        entries = await view.entries()
        rows = [*await view.logged(after=None, limit=20), *await view.logged(after=19, limit=20)]
        size, frontier, last = await view.head()
    assert [entry.index for entry in entries] == list(range(30))
    assert (size, last) == (30, AT)
    check = LogCheck(frontier)
    check.take(rows)
    assert check.end() == frontier
    assert {entry.actor for entry in entries} == {"first", "second"}
    await first.close()
    await second.close()


async def test_the_head_keeps_the_latest_instant(store: DatabaseStore, clock: _Clock) -> None:
    """A record written under a clock that was set back does not hide that the log knows a later instant."""
    async with store.act() as act:
        await act.record("test.done", actor="gateway")
    clock.at = AT - HOUR
    async with store.act() as act:
        await act.record("test.done", actor="gateway")
    async with store.view() as view:
        assert (await view.head())[2] == AT


async def test_entries_are_found_by_their_columns(store: DatabaseStore) -> None:
    """After an index, newest first, limited, by event or case."""
    async with store.act() as act:
        for number in range(6):
            await act.record(
                f"test.{'even' if number % 2 == 0 else 'odd'}", actor="gateway", case="7F3K-Q2" if number < 3 else None
            )
    async with store.view() as view:
        assert [entry.index for entry in await view.entries(after=3)] == [4, 5]
        assert [entry.index for entry in await view.entries(newest=True, limit=2)] == [5, 4]
        assert [entry.index for entry in await view.entries(event="test.odd")] == [1, 3, 5]
        assert [entry.index for entry in await view.entries(event="test.odd", case="7F3K-Q2")] == [1]
        assert [entry.index for entry in await view.entries(case=None)] == [3, 4, 5]


# --- questions


@pytest.mark.parametrize(
    ("hours", "setback"),
    [((0, 1, 2, 9, 3, 4, 1, 5), 8), ((0, 1, 2, 3, 4, 5, 6, 7), 0), ((3, 3, 2, 4, 3, 5, 9, 8), 1), ((9, 8, 7, 1), 8)],
)
async def test_a_period_finds_its_records_also_where_the_clock_was_set_back(
    store: DatabaseStore, clock: _Clock, hours: tuple[int, ...], setback: int
) -> None:
    """By pages, from either end, and counted; an empty period, an open one, one at the ends of time."""
    for number, hour in enumerate(hours):
        clock.at = AT + hour * HOUR
        async with store.act() as act:
            await act.record("test.even" if number % 2 == 0 else "test.odd", actor="gateway")
    async with store.view() as view:
        assert await view.setback() == setback * HOUR
        ever = storage.Question(since=datetime.min.replace(tzinfo=UTC), until=datetime.max.replace(tzinfo=UTC))
        assert len(await view.answer(ever)) == len(hours)
    for first, last in ((0, 10), (1, 3), (3, 5), (6, 9), (20, 30), (None, 2), (4, None), (5, 4)):
        since = None if first is None else AT + first * HOUR
        until = None if last is None else AT + last * HOUR
        within = [
            n for n, hour in enumerate(hours) if (first is None or hour >= first) and (last is None or hour < last)
        ]
        odd = [number for number in within if number % 2]
        async with store.view() as view:
            asked = storage.Question(since=since, until=until)
            assert [entry.index for entry in await view.answer(asked)] == within
            assert [entry.index for entry in await view.answer(replace(asked, newest=True))] == within[::-1]
            assert [entry.index for entry in await view.answer(replace(asked, equal={"event": "test.odd"}))] == odd
            assert [entry.index for entry in await view.answer(replace(asked, after=2, limit=2))] == [
                number for number in within if number > 2
            ][:2]
            assert [entry.index for entry in await view.answer(replace(asked, before=5))] == [
                n for n in within if n < 5
            ]
            assert await view.count(replace(asked, begins="test.o")) == len(odd)


@pytest.mark.parametrize("rare", [0, 1, 2, 9])
async def test_conditions_are_met_together_whichever_index_leads(
    store: DatabaseStore, monkeypatch: pytest.MonkeyPatch, rare: int
) -> None:
    """Whether one value is known to be rare, or none."""
    monkeypatch.setattr("gateway.adapters.database.narrowing.RARE", rare)
    async with store.act() as act:
        for number in range(12):
            actor, outcome = "alice" if number % 6 == 5 else "gateway", "refused" if number % 4 == 3 else "done"
            await act.record("test.done", actor=actor, partner="cnas", outcome=outcome)
    equal = {"event": "test.done", "actor": "alice", "partner": "cnas", "outcome": "refused"}
    async with store.view() as view:
        assert [one.index for one in await view.answer(storage.Question(equal=equal))] == [11]
        assert await view.count(storage.Question(equal=equal, before=11)) == 0
        assert await view.count(storage.Question(equal={"outcome": "refused", "partner": "cnas"}, after=3)) == 2


async def test_records_are_erased_once_and_leave_their_leaves(
    store: DatabaseStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In more than one statement; who erases them again erases nothing; index, instant and leaf are left."""
    monkeypatch.setattr("gateway.adapters.database.acts.ERASED_AT_ONCE", 2)
    async with store.act() as act:
        for _ in range(6):
            await act.record(
                "test.done", actor="gateway", case="7F3K-Q2", outcome="done", details={"word": "tell-tale"}
            )
    async with store.view() as view:
        before = await view.leaves(after=-1, limit=10)
    async with store.act() as act:
        assert await act.erase([0, 1, 2, 4], told_by=5) == 4
        assert await act.erase([4, 3], told_by=5) == 1
    async with store.view() as view:
        assert await view.leaves(after=-1, limit=10) == before
        assert list(await view.leaves(after=3, limit=1)) == [before[4]]
        entries = await view.entries()
        assert [entry.purged_by for entry in entries] == [5, 5, 5, 5, 5, None]
        assert {(entry.event, entry.actor, entry.case, entry.outcome, entry.canonical) for entry in entries[:5]} == {
            ("", "", None, None, b"")
        }
        assert [entry.index for entry in await view.entries(case="7F3K-Q2")] == [5]


async def test_due_requests(store: DatabaseStore) -> None:
    """At or before the instant, earliest first, of this site only, never those without a due instant."""
    await fill(store)
    async with store.act() as act:
        await act.add(a_request(1, due_at=AT + HOUR))
        await act.add(a_request(2, due_at=AT))
        await act.add(a_request(3, due_at=AT + HOUR + timedelta(microseconds=1)))
        await act.add(a_request(4, due_at=None))
        await act.add(a_request(5, site="autre"))
    async with store.view() as view:
        hashes = {found.id: found.hash[-1] for found in await view.all(storage.Request)}
        assert [hashes[number] for number in await view.due("s", AT + HOUR)] == ["2", "1"]


async def test_sendable_transmissions(store: DatabaseStore) -> None:
    """Ready and at or before the instant, oldest first, no more than asked for."""
    await fill(store)
    rows = [
        replace(SENDING, envid="later", next_at=AT + HOUR),
        replace(SENDING, envid="too-late", next_at=AT + 2 * HOUR),
        replace(SENDING, envid="first"),
        replace(SENDING, envid="held", state=transmission.State.HELD),
        replace(SENDING, envid="other", site="autre"),
    ]
    async with store.act() as act:
        for row in rows:
            await act.add(row)
    async with store.view() as view:
        assert [row.envid for row in await view.sendable("s", AT + HOUR, 10)] == ["first", "later"]
        assert [row.envid for row in await view.sendable("s", AT + HOUR, 1)] == ["first"]


async def test_unsettled_mails(store: DatabaseStore) -> None:
    """Held back, not settled, possibly received in the half-open window: what is unknown counts."""
    held = replace(MAIL, held_back=True)
    rows = {
        1: held,
        2: replace(held, received_earliest=AT - HOUR, received_latest=AT - HOUR),
        3: replace(held, received_earliest=AT + HOUR, received_latest=AT + 2 * HOUR),
        4: replace(held, received_earliest=None, received_latest=None),
        5: replace(held, received_earliest=None, received_latest=AT - HOUR),
        6: replace(held, received_earliest=AT - HOUR, received_latest=AT + 2 * HOUR),
        7: replace(held, settled_at=AT),
        8: MAIL,
        9: replace(held, site="autre"),
        10: replace(held, received_earliest=AT + HOUR - timedelta(microseconds=1), received_latest=None),
    }
    async with store.act() as act:
        for uid, row in rows.items():
            await act.add(replace(row, uid=uid))
    async with store.view() as view:
        found = await view.unsettled("s", since=AT, before=AT + HOUR)
    assert [row.uid for row in found] == [1, 4, 6, 10]


def poll(hours: int, *, folder: str = "INBOX", lasts: int = 0) -> storage.Poll:
    """A look at this hour, the first of some hours."""
    at = AT + hours * HOUR
    last = at + lasts * HOUR
    return storage.Poll(
        site="s",
        mailbox="a@b.test",
        folder=folder,
        uidvalidity=1,
        uidnext=1,
        first_at=at,
        last_at=last,
        answered_at=last,
        count=1,
        longest_gap=0,
    )


async def test_the_looks_of_a_window_come_with_the_one_before_and_without_those_of_years(store: DatabaseStore) -> None:
    """In the order of their rows, whatever the clock said; a series that lasts into the window is of it."""
    place = Place(mailbox="a@b.test", folder="INBOX")
    polls = [*(poll(hours) for hours in range(-500, 0, 5)), poll(-1, folder="Junk"), poll(-4, lasts=6), poll(3)]
    async with store.act() as act:
        added = [await act.add(each) for each in polls]
    async with store.view() as view:
        assert await view.looks("s", since=AT, place=place) == tuple(added[-4:-3] + added[-2:])
        assert await view.looks("s", since=AT + 4 * HOUR, place=place) == (added[-1],)
        assert await view.looks("s", since=AT - 600 * HOUR, place=place) == tuple(added[:-3] + added[-2:])
        assert await view.looks("s", since=AT) == tuple(added[-2:])
        assert await view.looks("other", since=AT, place=place) == ()


async def test_what_vanished_in_a_window(store: DatabaseStore) -> None:
    """Settled or not."""
    async with store.act() as act:
        rows = [
            await act.add(
                replace(
                    MAIL,
                    uid=number,
                    verdict=verdict,
                    recorded_at=AT + number * HOUR,
                    settled_at=AT if settled else None,
                )
            )
            for number, (verdict, settled) in enumerate(
                [
                    (storage.Verdict.VANISHED, False),
                    (storage.Verdict.VANISHED, False),
                    (storage.Verdict.PLAIN, False),
                    (storage.Verdict.VANISHED, True),
                ]
            )
        ]
    async with store.view() as view:
        assert await view.vanished("s", since=AT + HOUR) == (rows[1], rows[3])


async def test_all_compares_null_and_lists(store: DatabaseStore) -> None:
    """None is IS NULL, a tuple is IN, newest reverses, limit limits."""
    async with store.act() as act:
        for uid in range(1, 6):
            await act.add(replace(MAIL, uid=uid, sha256=None if uid == 3 else "x"))
    async with store.view() as view:
        assert [row.uid for row in await view.all(storage.Mail, sha256=None)] == [3]
        assert [row.uid for row in await view.all(storage.Mail, uid=(5, 1))] == [1, 5]
        assert [row.uid for row in await view.all(storage.Mail, uid=())] == []
        assert [row.uid for row in await view.all(storage.Mail, newest=True, limit=2)] == [5, 4]
        with pytest.raises(KeyError):
            await view.all(storage.Mail, nothing=1)


async def test_an_act_that_is_given_up_while_it_waits_harms_no_other(path: Path, clock: _Clock) -> None:
    """Another process holds the database; who waited is cancelled, and the same store's next act succeeds."""
    ours, other = open_store(url_of(path), clock), open_store(url_of(path), clock)
    asked = asyncio.Event()

    async def write() -> None:
        asked.set()
        async with ours.act() as act:
            await act.record("test.given_up", actor="gateway")

    async with other.act() as act:
        await act.record("test.first", actor="gateway")
        waiting = asyncio.create_task(write())
        await asked.wait()
        async with ours.view() as view:
            assert await view.entries() == ()
        waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    async with ours.act() as act:
        await act.record("test.second", actor="gateway")
    async with ours.view() as view:
        assert [entry.event for entry in await view.entries()] == ["test.first", "test.second"]
    await ours.close()
    await other.close()
