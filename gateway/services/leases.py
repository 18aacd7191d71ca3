"""Several gateways on one database: which of them does the work that only one may do, and which of them live.

A holder lets its beat grow; the others watch it by their own running clock, so that no two clocks must agree. A beat
that stands still for long enough frees the work, and the fence that grows then refuses every act of the earlier holder:
it may be late, or stopped for a while, and not know. What a dead gateway was handing over is in doubt from then on.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Protocol

import structlog

from gateway.domain.errors import LeaseLost
from gateway.ports import Clock
from gateway.storage import Act, Lease, Store, View

_log = structlog.get_logger()

INBOUND = "inbound"
"""To poll the mailboxes."""

ROUNDS = "rounds"
"""Deadlines, clocks, hand-overs to readers, alarms, checkpoints."""

WORKS = (INBOUND, ROUNDS)
_MEMBER = "gateway/"
"""The place of a living gateway, whatever else it does: gateway/1, gateway/2…"""

BEAT_SECONDS = 4.0
LEASE_SECONDS = 20.0
"""How long a beat stands still before its holder is taken for dead: several beats, and less than a mail may wait."""

Bury = Callable[[Act, frozenset[str]], Awaitable[int]]
"""Settles what gateways that are not among these living ones had begun, and says how much that was."""


class Turns(Protocol):
    """Whose turn it is."""

    @property
    def holder(self) -> str:
        """Our name: another one at each start."""
        ...

    async def begin(self, bury: Bury) -> int:
        """Before any work: settle what an interrupted run left."""
        ...

    async def beat(self) -> int:
        """Live on, and settle what the dead left. Raises StorageFailed."""
        ...

    async def wait(self, work: str) -> None:
        """Until this work is ours."""
        ...

    def has(self, work: str) -> bool:
        """Whether it is ours, as far as we know."""
        ...

    async def check_member(self, act: Act) -> None:
        """Inside an act: nobody takes us for dead. Raises LeaseLost."""
        ...

    async def release(self) -> None:
        """Leave everything to the others at once."""
        ...


class Alone:
    """The only gateway of its database, by the lock on its data."""

    holder = "alone"

    def __init__(self, store: Store) -> None:
        self._store = store
        self._bury: Bury | None = None

    async def begin(self, bury: Bury) -> int:
        """Whatever was begun is of an earlier run."""
        self._bury = bury
        async with self._store.act() as act:
            return await bury(act, frozenset())

    async def beat(self) -> int:
        """Nobody watches, and nobody else dies; but of a mail of our own, the outcome may not have been noted."""
        if self._bury is None:
            return 0
        async with self._store.act() as act:
            return await self._bury(act, frozenset({self.holder}))

    async def wait(self, work: str) -> None:
        """Every work is ours."""

    def has(self, work: str) -> bool:  # noqa: ARG002  the protocol's
        """Every work is ours."""
        return True

    async def check_member(self, act: Act) -> None:
        """Nobody could take us for dead."""

    async def release(self) -> None:
        """Nobody waits."""


class Shared:
    """One of several gateways."""

    def __init__(self, *, store: Store, clock: Clock, site: str, holder: str) -> None:
        self._store = store
        self._clock = clock
        self._site = site
        self.holder = holder
        self._bury: Bury | None = None
        self._fences: dict[str, int] = {}
        self._seat: str | None = None
        self._seen: dict[str, tuple[int, int, float]] = {}
        self._beat_at = -LEASE_SECONDS
        self._changed = asyncio.Condition()

    async def begin(self, bury: Bury) -> int:
        """Take a place among the gateways, and the works that nobody does."""
        self._bury = bury
        return await self.beat()

    async def beat(self) -> int:
        """Renew what is ours, take what is free, bury who is dead; in one act, so that all see the same."""
        started = self._clock.uptime()
        async with self._store.act() as act:
            rows = {row.name: row for row in await act.all(Lease, site=self._site)}
            kept = {name: fence for name in WORKS if (fence := await self._keep(act, name, rows.get(name))) is not None}
            seat = await self._sit(act, rows)
            settled = await self._bury_dead(act, seat)
        self._fences, self._seat, self._beat_at = {**kept, seat.name: seat.fence}, seat.name, started
        async with self._changed:
            self._changed.notify_all()
        return settled

    async def wait(self, work: str) -> None:
        """See :meth:`Turns.wait`."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.has(work))

    def has(self, work: str) -> bool:
        """Ours, and beaten for lately: whoever cannot reach the database does not go on by itself."""
        return work in self._fences and self._clock.uptime() - self._beat_at < LEASE_SECONDS

    async def check(self, act: Act, work: str) -> None:
        """Inside an act: the work is still ours.

        Raises:
            LeaseLost: another gateway has it.
        """
        await self._check(act, work)

    async def check_member(self, act: Act) -> None:
        """See :meth:`Turns.check_member`."""
        await self._check(act, self._seat)

    async def release(self) -> None:
        """See :meth:`Turns.release`. What we were doing is over: the caller has stopped it."""
        fences, self._fences, self._seat = self._fences, {}, None
        async with self._store.act() as act:
            for row in await act.all(Lease, site=self._site, holder=self.holder):
                if fences.get(row.name) == row.fence:
                    await act.save(replace(row, holder=None))

    # --- inside the act

    async def _check(self, act: Act, name: str | None) -> None:
        row = None if name is None else await act.one(Lease, site=self._site, name=name)
        if row is None or not self._ours(row):
            raise LeaseLost(work=(name or _MEMBER).partition("/")[0])

    def _ours(self, row: Lease) -> bool:
        return row.holder == self.holder and row.fence == self._fences.get(row.name)

    async def _keep(self, act: Act, name: str, row: Lease | None) -> int | None:
        """Our fence for this work; None when another gateway does it."""
        if row is None:
            row = await act.add(Lease(site=self._site, name=name, holder=self.holder, fence=1, beat=0))
        elif self._ours(row):
            row = await act.save(replace(row, beat=row.beat + 1))
        elif row.holder is None or self._dead(row):
            if row.holder is not None:
                await act.record("gateway.took_over", actor="gateway", outcome=name)
                _log.warning("gateway.took_over", work=name)
            row = await act.save(replace(row, holder=self.holder, fence=row.fence + 1, beat=0))
        else:
            return None
        return row.fence

    async def _sit(self, act: Act, rows: dict[str, Lease]) -> Lease:
        """Our place: the one that we have, or the first free one."""
        mine = rows.get(self._seat or "")
        if mine is not None and self._ours(mine):
            return await act.save(replace(mine, beat=mine.beat + 1))
        number = 1
        while (row := rows.get(f"{_MEMBER}{number}")) is not None and row.holder is not None:
            number += 1
        if row is None:
            row = await act.add(Lease(site=self._site, name=f"{_MEMBER}{number}", holder=None, fence=0, beat=0))
        return await act.save(replace(row, holder=self.holder, fence=row.fence + 1, beat=0))

    async def _bury_dead(self, act: Act, seat: Lease) -> int:
        members = [row for row in await act.all(Lease, site=self._site) if row.name.startswith(_MEMBER)]
        dead = [row for row in members if row.name != seat.name and row.holder is not None and self._dead(row)]
        for row in dead:
            await act.record("gateway.lost", actor="gateway", outcome=row.name.replace("/", "-"))
            _log.warning("gateway.lost", member=row.name)
            await act.save(replace(row, holder=None, fence=row.fence + 1))
        living = frozenset(row.holder for row in members if row.holder is not None and row not in dead)
        return 0 if self._bury is None else await self._bury(act, living)

    def _dead(self, row: Lease) -> bool:
        """It has stood still under our eyes, for long enough."""
        now = self._clock.uptime()
        fence, beat, since = self._seen.get(row.name, (row.fence, row.beat, now))
        if (fence, beat) != (row.fence, row.beat):
            since = now
        self._seen[row.name] = (row.fence, row.beat, since)
        return now - since >= LEASE_SECONDS


class Fenced:
    """A store whose acts demand that a work is still ours."""

    def __init__(self, store: Store, turns: Shared, work: str) -> None:
        self._store = store
        self._turns = turns
        self._work = work

    def view(self) -> AbstractAsyncContextManager[View]:
        """See :meth:`gateway.storage.Store.view`."""
        return self._store.view()

    async def wait_for_post(self, seconds: float) -> None:
        """See :meth:`gateway.storage.Store.wait_for_post`."""
        await self._store.wait_for_post(seconds)

    @asynccontextmanager
    async def act(self) -> AsyncIterator[Act]:
        """See :meth:`gateway.storage.Store.act`.

        Raises:
            LeaseLost: another gateway does this work now; nothing of the act is committed.
        """
        async with self._store.act() as act:
            await self._turns.check(act, self._work)
            yield act
