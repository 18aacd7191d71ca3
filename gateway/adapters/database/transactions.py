"""How a transaction begins and ends: on a server by SQLAlchemy; on a file by the driver, on connections that are kept.

SQLAlchemy's way through its pool, its events and two greenlets costs more than everything that a short act reads. What
is left to it are statements that are rare: it finds the transaction begun.
"""

import asyncio
import select
from typing import Protocol

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from gateway.adapters.database import engines
from gateway.adapters.database.uncut import to_its_end

KEPT = 5
"""Connections that wait for the next: on a file, each has a thread."""

A_MOMENT = 5.0
"""Seconds, after which a server is asked again whether it is there."""


class Transactions(Protocol):
    """One after the other or side by side, each on a connection of its own until it ends."""

    async def connect(self) -> AsyncConnection:
        """A connection that nobody uses."""
        ...

    async def begin(self, connection: AsyncConnection) -> None:
        """Begin; cancelled or refused, it is to be ended too."""
        ...

    async def commit(self, connection: AsyncConnection) -> None:
        """Make it last."""
        ...

    async def end(self, connection: AsyncConnection) -> None:
        """Undo what was not committed; the connection is nobody's again."""
        ...

    async def close(self) -> None:
        """Give the connections back."""
        ...


def acts(url: str) -> Transactions:
    """Transactions that are alone in the database."""
    engine = engines.writer(url)
    return _OnFile(engine) if engines.is_sqlite(url) else _OnServer(engine)


def views(url: str) -> Transactions:
    """Transactions that only read."""
    engine = engines.reader(url)
    return _OnFile(engine) if engines.is_sqlite(url) else _OnServer(engine)


class _OnServer:
    """What was used a moment ago is used again as it is; the pool asks the server first whether it is still there."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self._kept: list[tuple[float, AsyncConnection]] = []

    async def connect(self) -> AsyncConnection:
        while self._kept:
            since, connection = self._kept.pop()
            if asyncio.get_running_loop().time() - since < A_MOMENT and _is_quiet(connection):
                return connection
            await to_its_end(connection.close())
        return await self.engine.connect()

    async def begin(self, connection: AsyncConnection) -> None:
        await connection.begin()

    async def commit(self, connection: AsyncConnection) -> None:
        await to_its_end(connection.commit())

    async def end(self, connection: AsyncConnection) -> None:
        # Shielded, because a half-closed connection would keep the lock.
        await to_its_end(self._give_back(connection))

    async def _give_back(self, connection: AsyncConnection) -> None:
        kept = False
        try:
            kept = len(self._kept) < KEPT and await _undone(connection)
        finally:
            if not kept:
                await connection.close()
        if kept:
            self._kept.append((asyncio.get_running_loop().time(), connection))

    async def close(self) -> None:
        while self._kept:
            await self._kept.pop()[1].close()
        await self.engine.dispose()


async def _undone(connection: AsyncConnection) -> bool:
    """Undo what was not committed; false where the server does so by itself, because the line to it is gone."""
    try:
        await connection.rollback()
    except DBAPIError:
        # Whatever was done on it has its own outcome: that is what the caller is to hear. The pool tells, and drops it.
        return False
    return not connection.invalidated


def _is_quiet(connection: AsyncConnection) -> bool:
    """Whether the server said nothing since: what it says unasked is its farewell, or the end of the line."""
    line = select.poll()
    line.register(engines.line_to_server(connection), select.POLLIN)
    return not line.poll(0)


class _OnFile:
    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self._kept: list[AsyncConnection] = []

    async def connect(self) -> AsyncConnection:
        return self._kept.pop() if self._kept else await self.engine.connect()

    async def begin(self, connection: AsyncConnection) -> None:
        await engines.driver_of(connection).begin()

    async def commit(self, connection: AsyncConnection) -> None:
        known = connection.in_transaction()
        await to_its_end(connection.commit() if known else engines.driver_of(connection).commit())

    async def end(self, connection: AsyncConnection) -> None:
        if connection.invalidated:
            # SQLAlchemy was cancelled in a statement of its own, and has given the driver's connection up.
            await to_its_end(connection.close())
            return
        driver = engines.driver_of(connection)
        try:
            if connection.get_transaction() is not None:
                # One whose commit was refused is not active, and is SQLAlchemy's still: no later act would work.
                await to_its_end(connection.rollback())
            if not driver.undone():
                await to_its_end(driver.rollback())
        except BaseException:
            await to_its_end(connection.invalidate())
            raise
        if len(self._kept) < KEPT:
            self._kept.append(connection)
        else:
            await to_its_end(connection.close())

    async def close(self) -> None:
        while self._kept:
            await self._kept.pop().close()
        await self.engine.dispose()
