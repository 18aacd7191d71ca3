"""The store: reads on one engine, acts on another.

Commits are shielded from cancellation: a commit under a time-out may have happened although the time-out was raised.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from gateway import storage
from gateway.adapters.database import transactions
from gateway.adapters.database.acts import Act
from gateway.adapters.database.refusals import translated
from gateway.adapters.database.views import View
from gateway.domain.errors import DiskUnreliable
from gateway.ports import Clock
from gateway.reliance import Reliance


class DatabaseStore:
    """Implements :class:`gateway.storage.Store` on a database URL of SQLAlchemy.

    ``committed`` is called with the seconds of each commit; ``reliance`` is shared with who else writes on the disk.
    """

    def __init__(
        self,
        url: str,
        *,
        clock: Clock,
        site: str,
        party: str,
        committed: Callable[[float], None] | None = None,
        reliance: Reliance | None = None,
    ) -> None:
        self._clock = clock
        self._site = site
        self._party = party
        # One writer a process: two would only wait for each other inside the database.
        self._acts, self._views = transactions.acts(url), transactions.views(url)
        self._writing = asyncio.Lock()
        self._reliance = reliance or Reliance()
        self._posted = asyncio.Event()
        self._committed = committed

    @asynccontextmanager
    async def view(self) -> AsyncIterator[storage.View]:
        """See :meth:`gateway.storage.Store.view`."""
        with translated():
            connection = await self._views.connect()
            try:
                await self._views.begin(connection)
                yield View(connection)
            finally:
                await self._views.end(connection)

    @asynccontextmanager
    async def act(self) -> AsyncIterator[storage.Act]:
        """See :meth:`gateway.storage.Store.act`; after a disk that confirmed nothing, there are no more acts."""
        self._reliance.require()
        try:
            async with self._writing, self._transaction() as act:
                yield act
        except DiskUnreliable as error:
            self._reliance.lose(error)
            raise

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[storage.Act]:
        with translated():
            connection = await self._acts.connect()
            try:
                await self._acts.begin(connection)
                act = Act(connection, clock=self._clock, site=self._site, party=self._party)
                yield act
                # Another act, or the vault, may have found out since this one began.
                self._reliance.require()
                began = self._clock.uptime()
                await self._acts.commit(connection)
                if self._committed is not None:
                    self._committed(self._clock.uptime() - began)
                if act.posted:
                    self._posted.set()
            finally:
                await self._acts.end(connection)

    async def wait_for_post(self, seconds: float) -> None:
        """See :meth:`gateway.storage.Store.wait_for_post`."""
        # This Python's wait_for loses a cancellation that comes with what it waits for, and the task never ends.
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._posted.wait()
        self._posted.clear()

    async def close(self) -> None:
        """Give the connections back."""
        await self._views.close()
        await self._acts.close()
