"""Statements that are kept by their form, and transactions that begin and end without SQLAlchemy."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from gateway import storage
from gateway.adapters.database import DatabaseStore, create, one_trip
from gateway.adapters.database.statements import compared, finding, form_of
from gateway.adapters.database.transactions import KEPT
from gateway.domain.errors import AlreadyThere
from tests.adapters.test_database import AT, IDENTITY, KEY, _Clock, open_store, url_of

HOSTILE = "x' OR '1'='1' -- %s %(id)s ? :id"


@pytest.fixture(name="store")
async def _store(tmp_path: Path) -> AsyncIterator[DatabaseStore]:
    url = url_of(tmp_path / "gateway.sqlite3")
    create(url, IDENTITY)
    store = open_store(url, _Clock())
    yield store
    await store.close()


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_a_form_is_made_once_and_holds_no_value(dialect: str) -> None:
    """Other values are the same statement; NULL, one and several are three."""
    one, other = ({"id": each, "purpose": "case"} for each in ("a", HOSTILE))

    assert finding(dialect, storage.VaultKey, form_of(one)) is finding(dialect, storage.VaultKey, form_of(other))
    assert HOSTILE not in finding(dialect, storage.VaultKey, form_of(other)).text
    shapes: list[dict[str, object]] = [{"id": None}, {"id": "a"}, {"id": ("a",)}, {"id": ("a", "b")}, {"id": ()}]
    assert len({finding(dialect, storage.VaultKey, form_of(each)).text for each in shapes}) == len(shapes)


def test_each_value_of_a_form_has_a_name_of_its_own() -> None:
    """A column that is set, and one that is compared, may be the same."""
    assert compared({"id": "a", "purpose": ("x", "y"), "destroyed_at": None}) == {
        "is_id": "a",
        "purpose_0": "x",
        "purpose_1": "y",
        "is_destroyed_at": None,
    }


async def test_what_is_compared_is_never_part_of_the_statement(store: DatabaseStore) -> None:
    """A value that looks like SQL, or like a placeholder, is a value."""
    hostile = replace(KEY, id=HOSTILE)
    async with store.act() as act:
        await act.add(KEY)
        await act.add(hostile)
        await act.save(replace(hostile, purpose=HOSTILE))

    async with store.view() as view:
        assert await view.one(storage.VaultKey, id=HOSTILE, purpose=HOSTILE) == replace(hostile, purpose=HOSTILE)
        assert await view.all(storage.VaultKey, id=(HOSTILE, "nobody")) == (replace(hostile, purpose=HOSTILE),)
        assert await view.all(storage.VaultKey, id=()) == ()
        assert await view.one(storage.VaultKey, id=KEY.id) == KEY


async def test_a_log_whose_head_is_behind_is_not_written_on(store: DatabaseStore) -> None:
    """A record that would take another's number is refused, with all that its act wrote."""
    async with store.act() as act:
        await act.record("x.y", actor="gateway")
        await act._connection.execute(text("UPDATE log_head SET size = 0"))  # type: ignore[attr-defined]  # the adapter's

    async def write() -> None:
        async with store.act() as act:
            await act.add(KEY)
            await act.record("x.z", actor="gateway")

    with pytest.raises(LookupError, match="already"):
        await write()

    async with store.view() as view:
        assert await view.one(storage.VaultKey, id=KEY.id) is None
        assert [entry.event for entry in await view.entries()] == ["x.y"]


async def test_what_sqlalchemy_runs_is_of_the_same_transaction(store: DatabaseStore) -> None:
    """Rare statements still go by it: they see what the act wrote, end with it, and are undone with it."""

    async def write(*, fail: bool) -> None:
        async with store.act() as act:
            await act.add(KEY)
            await act._connection.execute(text("UPDATE vault_keys SET purpose = 'other'"))  # type: ignore[attr-defined]  # the adapter's
            found = await act.one(storage.VaultKey, id=KEY.id)
            assert found is not None
            assert found.purpose == "other"
            if fail:
                raise AlreadyThere(table="x")

    with pytest.raises(AlreadyThere):
        await write(fail=True)
    async with store.view() as view:
        assert await view.all(storage.VaultKey) == ()
    await write(fail=False)
    async with store.view() as view:
        assert [key.purpose for key in await view.all(storage.VaultKey)] == ["other"]


async def test_a_view_sees_one_moment_and_the_next_one_a_later(store: DatabaseStore) -> None:
    """A connection that is kept begins anew each time, whether the last view read or not."""
    async with store.view() as first:
        assert await first.all(storage.VaultKey) == ()
        async with store.act() as act:
            await act.add(KEY)
        assert await first.all(storage.VaultKey) == ()
    async with store.view():
        pass
    async with store.view() as second:
        assert await second.all(storage.VaultKey) == (KEY,)


async def test_many_views_at_once_each_have_a_connection_and_few_are_kept(store: DatabaseStore) -> None:
    """Each kept connection has a thread: more than a few are given back."""
    together = asyncio.Barrier(2 * KEPT)

    async def look() -> None:
        async with store.view() as view:
            await view.all(storage.VaultKey)
            await together.wait()

    await asyncio.gather(*(look() for _ in range(2 * KEPT)))

    assert len(store._views._kept) == KEPT  # type: ignore[attr-defined]  # the adapter's


@pytest.mark.parametrize("by", ["driver", "sqlalchemy"])
async def test_a_cancelled_look_at_the_log_leaves_a_connection_that_works(
    store: DatabaseStore, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    """The thread goes on reading; its connection is used again only when that is over, for a later moment."""
    away, run = asyncio.Event(), one_trip.Connection._there

    async def told(connection: one_trip.Connection, work: object) -> object:
        away.set()
        return await run(connection, work)  # type: ignore[arg-type]  # as it is called

    async def look() -> None:
        async with store.view() as view:
            await (view.entries() if by == "driver" else view.leaves(after=-1, limit=5))

    async with store.act() as act:
        await act.record("x.y", actor="gateway")
    monkeypatch.setattr(one_trip.Connection, "_there", told)
    task = asyncio.create_task(look())
    await away.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    monkeypatch.undo()
    async with store.act() as act:
        await act.record("x.z", actor="gateway")
    async with store.view() as view:
        assert [entry.event for entry in await view.entries()] == ["x.y", "x.z"]
        assert (await view.head())[2] == AT


@pytest.mark.parametrize("turns", [0, 1, 2])
async def test_a_stop_that_comes_with_the_post_is_not_lost(store: DatabaseStore, turns: int) -> None:
    """A mail is put into the outbox and the service is stopped in the same instant: whoever waited ends."""
    waiting = asyncio.create_task(store.wait_for_post(3600))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    store._posted.set()
    for _ in range(turns):
        await asyncio.sleep(0)
    if not waiting.done():
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting


async def test_whoever_is_cancelled_while_a_file_is_opened_waits_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread that opens it would answer a loop that may be closed by then."""
    begun, may_end, real = threading.Event(), threading.Event(), sqlite3.connect
    workers = []

    def slowly(*arguments: Any, **named: Any) -> Any:
        workers.append(threading.current_thread())
        begun.set()
        assert may_end.wait(10)
        return real(*arguments, **named)

    monkeypatch.setattr(sqlite3, "connect", slowly)
    opening = asyncio.create_task(one_trip.connect(str(tmp_path / "file"), timeout=1, alone=True))
    assert await asyncio.to_thread(begun.wait, 10)
    opening.cancel()
    await asyncio.wait([opening], timeout=0.05)
    assert not opening.done()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await opening
    (worker,) = workers
    worker.join(10)
    assert not worker.is_alive()
