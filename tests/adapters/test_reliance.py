"""A disk that did not confirm a write, as all hear of it who write on it."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway import storage
from gateway.adapters.database import DatabaseStore, create, one_trip
from gateway.domain.errors import DiskUnreliable
from gateway.reliance import Reliance
from tests.services.fakes import FakeClock

AT = datetime(2026, 1, 25, 9, tzinfo=UTC)
KEY = storage.VaultKey(id="key-1", purpose="case", wrapped=b"w", created_at=AT)


@pytest.mark.fault("F8")
@pytest.mark.parametrize("by_vault", [False, True], ids=["commit", "vault"])
async def test_an_act_that_was_under_way_when_a_sync_failed_commits_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, by_vault: bool
) -> None:
    """One that had begun, and one that waited for its turn: whoever found out tells all."""
    url, reliance = f"sqlite+aiosqlite:///{tmp_path / 'gateway.sqlite3'}", Reliance()
    create(url, {"party": "chu-essai", "role": "hospital", "site": "s"})
    store = DatabaseStore(url, clock=FakeClock(AT), site="s", party="chu-essai", reliance=reliance)
    begun, failed = asyncio.Event(), asyncio.Event()
    commit = one_trip.Connection.commit
    commits = 0

    async def counted(self: one_trip.Connection) -> None:
        nonlocal commits
        commits += 1
        if commits == 1 and not by_vault:
            raise DiskUnreliable(place="disque", reason="erreur")
        await commit(self)

    async def first() -> None:
        async with store.act() as act:
            await act.add(KEY)
            begun.set()
            await failed.wait()

    async def second() -> None:
        await begun.wait()
        async with store.act() as act:
            await act.add(replace(KEY, id="other"))

    monkeypatch.setattr(one_trip.Connection, "commit", counted)
    tasks = [asyncio.create_task(work()) for work in (first, second)]
    await begun.wait()
    await asyncio.sleep(0)
    if by_vault:
        reliance.lose(DiskUnreliable(place="spool", reason="erreur"))
    failed.set()
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(end) for end in ends] == [DiskUnreliable, DiskUnreliable]
    assert commits == (0 if by_vault else 1)
    async with store.view() as view:
        assert await view.all(storage.VaultKey) == ()
    await store.close()
