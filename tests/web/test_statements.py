"""What a page costs the database: one look, in which nothing is asked twice; on a server each question is a trip."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from gateway.adapters.database import one_trip
from gateway.domain.parties import Role
from gateway.services.once import OnceStore
from gateway.storage import Case
from tests.services.mails import ADDRESSES, plain_mail
from tests.services.world import MINUTE, World
from tests.web.browsing import Browser

SIGN_IN = 2
"""Questions about who asks."""


@contextmanager
def overheard(patch: pytest.MonkeyPatch) -> Iterator[tuple[Counter[str], list[object]]]:
    """What is asked of the database meanwhile, with its values, and the views that are opened."""
    asked: Counter[str] = Counter()
    begun: list[object] = []
    run, begin = one_trip.Connection.run, one_trip.Connection.begin

    async def heard(line: one_trip.Connection, what: str, statement: str, values: Any) -> Any:
        asked[f"{statement} {list(values)}"] += 1
        return await run(line, what, statement, values)

    async def opened(line: one_trip.Connection) -> None:
        begun.append(line)
        await begin(line)

    with patch.context() as while_heard:
        while_heard.setattr(one_trip.Connection, "run", heard)
        while_heard.setattr(one_trip.Connection, "begin", opened)
        yield asked, begun


@pytest.mark.parametrize(("path", "most"), [("/", 22), ("/etat", 23), ("/courrier", 13)])
async def test_a_page_asks_each_thing_once_in_one_look(
    hospital: World, secretary: Browser, monkeypatch: pytest.MonkeyPatch, path: str, most: int
) -> None:
    """Beside the question who asks. A page that needs more has a reason, and this number grows with it."""
    await hospital.poll()
    await hospital.to_running()
    await hospital.take(plain_mail(ADDRESSES[Role.CNAS]))
    await hospital.watch(MINUTE)
    await secretary.get(path)
    with overheard(monkeypatch) as (asked, views):
        answer = await secretary.get(path)

    assert answer.status_code == 200
    assert [statement for statement, times in asked.items() if times > 1] == []
    assert SIGN_IN < asked.total() <= most
    assert len(views) == 2


async def test_all_views_of_a_look_are_one(hospital: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """They see the same instant, whoever writes meanwhile; another task has views of its own; afterwards all have."""
    store = hospital.store
    assert isinstance(store, OnceStore)

    async def cases() -> int:
        async with store.view() as view:
            return len(await view.all(Case, site=hospital.party.site))

    async def elsewhere() -> int:
        await hospital.to_running()
        return await cases()

    with overheard(monkeypatch) as (_asked, views):
        async with store.look():
            before = await cases()
            outside = await asyncio.create_task(elsewhere())
            assert (before, outside, await cases()) == (0, 1, 0)
        assert len({id(line) for line in views}) > 1
    assert await cases() == 1


async def test_a_look_only_reads(hospital: World) -> None:
    """An act in its middle would not be seen by what is read after it: that is a defect, and it is loud."""
    store = hospital.store
    assert isinstance(store, OnceStore)
    async with store.look():
        with pytest.raises(LookupError, match="look"):
            async with store.act():
                pass
    async with store.act() as act:
        await act.record("calendar.read", actor="alice")
