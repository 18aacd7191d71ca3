"""Judges mails that lie in files, as reception would, and touches nothing: no row, no spool file, no network.

With a configuration the daemon's own judge looks, with its keys, its pins and what it has sent; without one, mail is
only taken apart and named, by a worker that holds no key. Several mails are in flight; answers come in the order asked.
"""

import asyncio
import os
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from gateway import records
from gateway.adapters import database
from gateway.adapters.clock import SystemClock
from gateway.adapters.sandbox.pool import NoHome, WorkerPool
from gateway.app import MAX_MAIL, worker_pool
from gateway.config import Settings
from gateway.domain.errors import MailRefused
from gateway.framing import Limits
from gateway.keyring import PublicKeys, own_certificate, own_keys
from gateway.services.judge import OUR_FAULTS, Judge, Judgement
from gateway.services.matching import Matching, told_by
from gateway.services.verify import Verifier, pins_in_force
from gateway.storage import Verdict
from gateway.wire.incoming import Incoming

AHEAD = 4
"""Mails read and judged ahead for each worker, so that a slow one does not let the others wait."""

MAX_SLOTS = 8
"""Workers at most; more than cores gain nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspected:
    """One file and its judgement; None when the file itself could not be read. ``seconds`` is what the judging took."""

    path: Path
    judgement: Judgement | None
    seconds: float


class Judging(Protocol):
    """Whoever judges."""

    async def judge(self, raw: bytes) -> Judgement:
        """The judgement on a mail."""
        ...


class Stranger:
    """Judges without a configuration: by structure alone, nothing is opened and nobody is known."""

    def __init__(self, pool: WorkerPool) -> None:
        self._pool = pool

    async def judge(self, raw: bytes) -> Judgement:
        """What the mail is by its own word.

        Raises:
            WorkerFailed: our own worker does not start.
        """
        try:
            seen = await self._pool.open(raw)
        except MailRefused as error:
            if error.reason in OUR_FAULTS:
                raise
            seen = Incoming(shape=None, outer=None, failed_step=error.step, failed_reason=error.reason)
        if seen.failed_step is not None:
            verdict, reason = Verdict.QUARANTINE, seen.failed_reason
        else:
            verdict, reason = Verdict.PLAIN, told_by(seen)
        return Judgement(verdict=verdict, seen=seen, step=seen.failed_step, reason=reason)


def files(paths: Sequence[Path]) -> Iterator[Path]:
    """The files named, and those below the folders named, in the order of their names; links to folders end there."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        for folder, inside, names in os.walk(path):
            inside.sort()
            yield from (Path(folder) / name for name in sorted(names))


async def inspect(judge: Judging, paths: Sequence[Path], *, slots: int) -> AsyncGenerator[Inspected, None]:
    """The judgement on each file, in order. A mail that breaks whatever opens it is one that is refused.

    Raises:
        WorkerFailed: our own worker or key fails, which no mail causes.
    """
    free = asyncio.Semaphore(slots)

    async def one(path: Path) -> Inspected:
        async with free:
            started = time.perf_counter()
            raw = await asyncio.to_thread(_read, path)
            judgement = await _judged(judge, raw)
            return Inspected(path=path, judgement=judgement, seconds=time.perf_counter() - started)

    waiting: list[asyncio.Task[Inspected]] = []
    try:
        for path in files(paths):
            waiting.append(asyncio.create_task(one(path)))
            if len(waiting) >= slots * AHEAD:
                yield await waiting.pop(0)
        while waiting:
            yield await waiting.pop(0)
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def _judged(judge: Judging, raw: bytes | None) -> Judgement | None:
    if raw is None:
        return None
    if len(raw) > MAX_MAIL:
        # As reception says of a mail that the server announces too large.
        nothing = Incoming(shape=None, outer=None)
        return Judgement(verdict=Verdict.QUARANTINE, seen=nothing, step="structure", reason="too-large")
    return await judge.judge(raw)


def _read(path: Path) -> bytes | None:
    """A file, as much of it as says that it is too large; None when it is none, or cannot be read."""
    try:
        if not path.is_file():
            return None
        with path.open("rb") as handle:
            return handle.read(MAX_MAIL + 1)
    except OSError:
        return None


# --- who judges


def slots() -> int:
    """Workers that this machine keeps busy."""
    return max(1, min(MAX_SLOTS, os.cpu_count() or 1))


@asynccontextmanager
async def stranger() -> AsyncIterator[Judging]:
    """A judge that knows nobody.

    Raises:
        WorkerFailed: our own worker does not start.
    """
    pool = WorkerPool(slots=slots(), home_factory=lambda _: NoHome(), passphrase="", limits=Limits(max_mail=MAX_MAIL))
    await pool.start()
    try:
        yield Stranger(pool)
    finally:
        await pool.close()


@asynccontextmanager
async def member(settings: Settings, *, at: datetime | None = None) -> AsyncIterator[Judging]:
    """The judge of this gateway, now or as it would have been at an instant.

    Raises:
        ConfigError, DatabaseDamaged, OwnKeyUnusable, NotAllowed, WorkerFailed.
    """
    records.require_owner(settings.gateway.data)
    whose = (records.identity(settings), records.identity(settings, rehearsal=True))
    await asyncio.to_thread(database.recognise, settings.database_url, *whose)
    us, directory = settings.party, settings.directory
    store = database.DatabaseStore(settings.database_url, clock=SystemClock(), site=us.site, party=us.id)
    try:
        async with store.view() as view:
            pins = await pins_in_force(view, us.site, at)
        keys = await asyncio.to_thread(PublicKeys(settings).of, pins)
        certificate = await asyncio.to_thread(own_certificate, settings)
        ours = await asyncio.to_thread(own_keys, settings, certificate)
        pool = worker_pool(settings, certificate, keys, slots=slots(), at=at)
        await pool.start()
        try:
            verifier = Verifier(
                store=store,
                party=us,
                directory=directory,
                own_fingerprints=frozenset(key.fingerprint for key in ours),
                at=at,
            )
            matching = Matching(party=us, directory=directory)
            yield Judge(store=store, opener=pool, verifier=verifier, matching=matching, party=us)
        finally:
            await pool.close()
    finally:
        await store.close()
