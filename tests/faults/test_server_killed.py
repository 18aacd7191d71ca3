"""PostgreSQL that dies in the middle of an act: kill -9 of the session that does it, at each statement."""

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text

from gateway.domain.errors import StorageFailed
from gateway.storage import Message, Request, Transmission
from tests.faults.sweep import WHOLE
from tests.postgres import Server
from tests.services.world import World, identity, open_world

Property = Callable[[str, object], None]

ATTEMPTS = 200
"""A server that recovers takes a moment; each try fails at once meanwhile."""


class Killer:
    """Kills the session's process just before its n-th statement."""

    def __init__(self, at: int) -> None:
        self._left = at
        self.fired = False

    def __call__(self, connection: Any, cursor: Any, *_: Any) -> None:
        """Before each statement."""
        del cursor
        self._left -= 1
        if self._left == 0:
            self.fired = True
            # An ordinary kill of the server's own child, as an OOM killer does it.
            os.kill(connection.connection.dbapi_connection.driver_connection.info.backend_pid, signal.SIGKILL)


async def submitted(world: World) -> None:
    """As a person who tries again until the server is there."""
    for _ in range(ATTEMPTS):
        try:
            await world.submit()
        except StorageFailed:
            await asyncio.wait({asyncio.ensure_future(asyncio.sleep(0.05))})
        else:
            return
    pytest.fail("the server did not come back")


@pytest.mark.fault("F16")
@pytest.mark.timeout(1800)
async def test_a_session_that_is_killed_at_any_statement_leaves_the_act_whole_or_absent(
    postgres: Server, tmp_path: Path, record_property: Property
) -> None:
    """The server throws every session out and recovers; the act was not done, and is done once by the next try."""
    point = 1
    while True:
        folder = tmp_path / str(point)
        folder.mkdir()
        async with open_world(folder, place=lambda _folder, role: postgres.made(identity(role))) as world:
            engine, killer = world.store._acts.engine.sync_engine, Killer(point)  # type: ignore[attr-defined]  # the adapter's
            event.listen(engine, "before_cursor_execute", killer)
            try:
                await world.submit()
            except StorageFailed:
                assert killer.fired
                await submitted(world)
            else:
                if killer.fired:
                    assert len(await world.all(Request)) == 1
            event.remove(engine, "before_cursor_execute", killer)
            assert len(await world.all(Request)) == len(await world.all(Message)) == 1
            assert len(await world.all(Transmission)) == 2
            assert (await world.names()).count("request.submitted") == 1
            await world.verify_audit()
            async with world.store.view() as view:
                assert await view.head()
        if not killer.fired:
            break
        point += 1 if WHOLE else 9
    assert point > 9
    record_property("points", point // (1 if WHOLE else 9))


async def test_a_statement_is_what_is_counted(postgres: Server, tmp_path: Path) -> None:
    """The killer would not see a statement that goes another way."""
    async with open_world(tmp_path, place=lambda _folder, role: postgres.made(identity(role))) as world:
        seen: list[str] = []
        engine = world.store._acts.engine.sync_engine  # type: ignore[attr-defined]  # the adapter's

        def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            seen.append(statement)

        event.listen(engine, "before_cursor_execute", note)
        async with world.store.act() as act:
            await act._connection.execute(text("SELECT 1"))  # type: ignore[attr-defined]  # the adapter's
        assert any("pg_advisory_xact_lock" in statement for statement in seen)
        assert "SELECT 1" in seen
