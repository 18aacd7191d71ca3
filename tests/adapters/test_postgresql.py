"""What only a server of its own can do to the store: be away, refuse, order letters by a language, be shared."""

import asyncio
import multiprocessing
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import inspect, make_url

from gateway import storage
from gateway.adapters import database
from gateway.adapters.database import DatabaseStore, engines
from gateway.domain.errors import DatabaseDamaged, DatabaseUnreachable, StorageFailed
from gateway.domain.log_check import LogCheck
from tests.postgres import PASSWORD, Server
from tests.services.fakes import FakeClock

AT = datetime(2026, 1, 25, 9, 0, tzinfo=UTC)
IDENTITY = {"party": "chu-essai", "role": "hospital", "site": "s"}
KEY = storage.VaultKey(id="key-1", purpose="case", wrapped=b"w", created_at=AT)
MESSAGE = storage.Message(
    site="s", direction=storage.Direction.IN, kind="K", partner="cnas", message_id="<a@b>", mic="0" * 64, at=AT
)


def open_store(url: str) -> DatabaseStore:
    """A store as one process opens it."""
    return DatabaseStore(url, clock=FakeClock(AT), site="s", party="chu-essai")


@pytest.fixture(name="url")
def _url(postgres: Server) -> str:
    return postgres.made(IDENTITY)


@pytest.fixture(name="store")
async def _store(url: str) -> AsyncIterator[DatabaseStore]:
    store = open_store(url)
    yield store
    await store.close()


def name_of(url: str) -> str:
    """The database's own name."""
    return str(make_url(url).database)


# --- to be let in


def with_password(postgres: Server, url: str, password: str) -> str:
    """By the network, with this password."""
    return postgres.url(name_of(url), tcp=True).replace("@", f":{quote(password, safe='')}@", 1)


async def test_a_password_of_any_signs_lets_in(postgres: Server, url: str) -> None:
    """As the configuration writes it into the URL."""
    told = with_password(postgres, url, PASSWORD)
    assert database.recognise(told, IDENTITY) == IDENTITY
    store = open_store(told)
    async with store.act() as act:
        await act.add(KEY)
    await store.close()


async def test_a_refused_password_is_told_without_its_words(postgres: Server, url: str) -> None:
    """Neither the password nor the server's sentence leaves, from a command or from the daemon."""
    told = with_password(postgres, url, "Tr0mpé")
    with pytest.raises(DatabaseUnreachable) as caught:
        database.recognise(told, IDENTITY)
    store = open_store(told)
    with pytest.raises(DatabaseUnreachable) as later:
        async with store.view() as view:
            await view.head()
    await store.close()
    for error in (caught.value, later.value):
        assert "Tr0mp" not in f"{error.sentence()} {error!r} {error.__cause__!r}"
        assert "PostgreSQL" in error.sentence()


@pytest.mark.parametrize("name", ["absente", "postgres"])
def test_a_database_that_is_absent_or_empty_is_not_made(postgres: Server, name: str) -> None:
    """A mistyped name must not look like an empty gateway."""
    for look in (database.upgrade, database.recognise):
        with pytest.raises((DatabaseDamaged, DatabaseUnreachable), match=r"gateway db copy|ne répond pas|n'existe pas"):
            look(postgres.url(name), IDENTITY)
    with engines.plain(postgres.url("postgres"), writes=False).connect() as connection:
        assert inspect(connection).get_table_names() == []


def test_a_driver_that_is_not_installed_is_named(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that installs it."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(DatabaseUnreachable, match=r"soins-gateway\[postgresql\]"):
        database.recognise(url, IDENTITY)
    with pytest.raises(DatabaseUnreachable, match="pip install"):
        open_store(url)


@pytest.mark.fault("F16")
def test_a_server_that_is_away_is_told(postgres: Server, url: str) -> None:
    """At a port where nobody listens."""
    with pytest.raises(DatabaseUnreachable, match="PostgreSQL"):
        database.recognise(url.replace(str(postgres.port), "1"), IDENTITY)


@pytest.mark.fault("F16")
async def test_a_server_that_cut_its_connections_is_found_again(postgres: Server, store: DatabaseStore) -> None:
    """As after a restart: the act in its middle is lost whole, and the next one works without a word."""

    async def cut() -> None:
        async with store.act() as act:
            await act.add(KEY)
            postgres.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
            await act.record("test.done", actor="gateway")

    with pytest.raises(DatabaseUnreachable):
        await cut()
    async with store.act() as act:
        assert await act.all(storage.VaultKey) == ()
        await act.add(KEY)


@pytest.mark.fault("F16")
async def test_a_server_that_cut_what_nobody_used_is_found_again_at_once(
    postgres: Server, store: DatabaseStore
) -> None:
    """Connections are kept between two looks or acts: one whose end has come is not used again."""
    for _ in range(3):
        async with store.act() as act:
            await act.record("test.done", actor="gateway")
        async with store.view() as view, store.view() as other:
            assert await view.entries() == await other.entries()
        postgres.sql("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
    async with store.view() as view:
        assert len(await view.entries()) == 3


@pytest.mark.fault("F16")
async def test_a_server_that_goes_after_its_answer_takes_nothing_back(postgres: Server, store: DatabaseStore) -> None:
    """What was read stands; an act that failed by itself tells its own reason, not that of the line."""
    gone = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"

    async def fail() -> None:
        async with store.act() as act:
            await act.add(KEY)
            postgres.sql(gone)
            raise ZeroDivisionError

    async with store.view() as view:
        assert await view.all(storage.VaultKey) == ()
        postgres.sql(gone)
    with pytest.raises(ZeroDivisionError):
        await fail()
    async with store.view() as view:
        assert await view.all(storage.VaultKey) == ()


# --- what a text may hold


async def test_events_of_a_subject_are_found_whatever_the_language(store: DatabaseStore) -> None:
    """The server orders letters as French does, where a full stop counts for little; the question does not."""
    names = (
        "request.sent",
        "request_s.x",
        "requests.x",
        "reques.t",
        "request.a",
        "request0.x",
        "request2.a",
        "requesu.a",
    )
    async with store.act() as act:
        for name in names:
            await act.record(name, actor="gateway")
    async with store.view() as view:
        found = await view.answer(storage.Question(begins="request."))
        assert await view.count(storage.Question(begins="request.")) == len(found)
    assert [entry.event for entry in found] == ["request.sent", "request.a"]


@pytest.mark.parametrize(
    "text", ["a\0b", "".join(map(chr, range(0x4E00, 0x7000)))], ids=["nul", "too-long-for-its-index"]
)
async def test_a_text_that_the_server_cannot_hold_is_a_defect_not_a_failure(store: DatabaseStore, text: str) -> None:
    """A failure would be tried again for ever, and a mail that brought it would keep those behind it unread."""
    with pytest.raises(LookupError) as caught:
        async with store.act() as act:
            await act.add(replace(MESSAGE, message_id=text))
    assert not isinstance(caught.value, StorageFailed)
    async with store.act() as act:
        await act.add(KEY)


async def test_both_databases_answer_every_question_alike(store: DatabaseStore, tmp_path: Path) -> None:
    """The same records, asked for by each filter, in each direction, by the page."""
    file = f"sqlite+aiosqlite:///{tmp_path / 'gateway.sqlite3'}"
    database.create(file, IDENTITY)
    other = open_store(file)
    for each in (store, other):
        clock = FakeClock(AT)
        each._clock = clock
        async with each.act() as act:
            for number in range(60):
                clock.advance(timedelta(seconds=number))
                await act.record(
                    ("request.sent", "requests.x", "mail.plain")[number % 3],
                    actor=("alice", "gateway")[number % 2],
                    case=("7F3K-Q2", None, "7F3K-Q3", None)[number % 4],
                    partner=(None, "cnas")[number % 2],
                    outcome=("a", None, "b")[number % 3],
                )
    filters: tuple[dict[str, str], ...] = (
        {},
        {"actor": "alice"},
        {"case": "7F3K-Q2"},
        {"partner": "cnas", "outcome": "b"},
        {"event": "request.sent", "actor": "gateway"},
    )
    questions = [storage.Question(equal=equal, newest=newest) for equal in filters for newest in (False, True)]
    questions += [
        storage.Question(begins="request."),
        storage.Question(since=AT + timedelta(seconds=300), until=AT + timedelta(seconds=900)),
        storage.Question(after=10, before=40, limit=7),
        storage.Question(begins="mail.", newest=True, limit=3, equal={"actor": "gateway"}),
    ]
    async with store.view() as here, other.view() as there:
        for question in questions:
            found = [(entry.index, entry.at, entry.event) for entry in await here.answer(question)]
            assert found == [(entry.index, entry.at, entry.event) for entry in await there.answer(question)]
            assert await here.count(question) == await there.count(question) > 0
    await other.close()


# --- several at once


def _append(url: str, name: str, times: int) -> None:
    async def work() -> None:
        store = open_store(url)
        for number in range(times):
            async with store.act() as act:
                mark = await act.one(storage.VaultKey, id="key-1")
                assert mark is not None
                await act.record("test.done", actor=name, details={"number": number, "seen": mark.purpose})
                await act.save(replace(mark, purpose=f"{int(mark.purpose) + 1}"))
        await store.close()

    asyncio.run(work())


async def test_several_processes_append_one_log_without_gap_or_double(url: str, store: DatabaseStore) -> None:
    """Each reads, records and writes in one act; no act reads what another is about to change."""
    async with store.act() as act:
        await act.add(storage.VaultKey(id="key-1", purpose="0", wrapped=b"", created_at=AT))
    fresh = multiprocessing.get_context("spawn")
    workers = [fresh.Process(target=_append, args=(url, f"worker-{number}", 25)) for number in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        await asyncio.to_thread(worker.join, 60)
        assert worker.exitcode == 0
    async with store.view() as view:
        entries, (size, frontier, _) = await view.entries(), await view.head()
        rows = await view.logged(after=None, limit=1000)
        mark = await view.one(storage.VaultKey, id="key-1")
    assert mark is not None
    assert (size, mark.purpose) == (75, "75")
    assert [entry.index for entry in entries] == list(range(75))
    whole = LogCheck(frontier)
    whole.take(rows)
    assert whole.end() == frontier


def _hold(url: str, told: Connection) -> None:
    async def work() -> None:
        async with open_store(url).act() as act:
            await act.record("test.unfinished", actor="killed")
            told.send(os.getpid())
            await asyncio.Event().wait()

    asyncio.run(work())


@pytest.mark.fault("F16")
async def test_an_act_of_a_killed_process_is_undone_at_once(url: str, store: DatabaseStore) -> None:
    """Kill -9 in the middle of an act: nothing of it stays, and the next act does not wait for a time-out."""
    fresh = multiprocessing.get_context("spawn")
    here, there = fresh.Pipe()
    worker = fresh.Process(target=_hold, args=(url, there))
    worker.start()
    pid = await asyncio.to_thread(here.recv)
    os.kill(pid, signal.SIGKILL)
    async with asyncio.timeout(10), store.act() as act:
        entry = await act.record("test.done", actor="gateway")
    worker.join()
    assert entry.index == 0


async def test_an_act_that_waits_too_long_says_so(
    url: str, store: DatabaseStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process holds the database: refused after a while, in words, and nothing was done."""
    monkeypatch.setitem(engines._WRITING, "lock_timeout", "100ms")
    other = open_store(url)
    async with store.act() as act:
        with pytest.raises(StorageFailed, match="trop longtemps"):
            async with other.act():
                raise AssertionError("two acts at once")
        await act.add(KEY)
    async with other.act() as act:
        assert await act.all(storage.VaultKey) == (KEY,)
    await other.close()


@pytest.mark.fault("F16")
async def test_a_machine_that_stops_in_its_act_does_not_hold_the_others_for_ever(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its connection stays open and silent: the server undoes its act, and it learns that when it wakes."""
    monkeypatch.setitem(engines._WRITING, "idle_in_transaction_session_timeout", "200ms")
    frozen, other = open_store(url), open_store(url)

    async def freeze() -> None:
        async with frozen.act() as act:
            await act.add(KEY)
            async with other.act() as next_act:
                assert await next_act.all(storage.VaultKey) == ()
            await act.record("test.done", actor="frozen")

    with pytest.raises(DatabaseUnreachable):
        await freeze()
    async with other.view() as view:
        assert await view.all(storage.VaultKey) == ()
    await frozen.close()
    await other.close()
