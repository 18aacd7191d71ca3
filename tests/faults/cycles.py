"""What a gateway does between two faults: the daemon's own composition, one step after the other instead of at once.

Three things are not the daemon's: its clock can be moved, mail is opened in this process instead of the capped
worker's, which holds nothing that could be lost, and the keyring is made ready beforehand.
"""

import asyncio
import json
import os
import resource
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from gateway import app, backups, core, records, worker
from gateway.adapters import database
from gateway.adapters.clock import SystemClock
from gateway.adapters.log_key import verify_note
from gateway.adapters.openpgp.home import Home, open_home
from gateway.adapters.openpgp.open import OpenLimits
from gateway.config import load
from gateway.demo.clock import VirtualClock
from gateway.demo.papers import BENKHELIFA, request
from gateway.domain.errors import StorageFailed, WorkerFailed
from gateway.domain.parties import Suite
from gateway.domain.transmission import UNKNOWN_RETRY, State
from gateway.ports import PublicKey
from gateway.services.auditing import Auditor
from gateway.services.timekeeping import ask
from gateway.storage import Mail, Poll, Transmission
from gateway.wire.incoming import Incoming

LATER = UNKNOWN_RETRY + timedelta(minutes=1)
"""After which a hand-over of unknown outcome is tried again."""


LOOK_SECONDS = 0.1
SETTLED = frozenset({State.HANDED_OVER, State.EVIDENCED, State.UNKNOWN})
"""What left, and what is in doubt, which is not looked at again before its time."""


@dataclass(slots=True, kw_only=True)
class Opener:
    """Opens mail here. ``failed`` is what the daemon wants to be told of its workers."""

    home: Home
    bench: worker.Bench
    failed: Callable[[str], None] | None = None

    async def open(self, raw: bytes) -> Incoming:
        """As the worker does; where it could not start, neither does the worker."""
        try:
            return await asyncio.to_thread(worker.read, raw, self.bench)
        except OSError as error:
            raise WorkerFailed(reason="start") from error

    async def signed(self, raw: bytes) -> bytes | None:
        """The same, with the signature."""
        return (await asyncio.to_thread(worker.read, raw, self.bench, whole=True)).whole

    async def refresh(self, keys: Sequence[PublicKey]) -> None:
        """Know these keys as well."""
        for key in keys:
            await asyncio.to_thread(self.home.admit, key)


# --- the key, made ready once by the process whose children the gateways are: to start gpg costs more than all the rest


_ready: dict[str, Home] = {}
"""Homes that outlive the gateways that use them."""


def make_ready(told: Mapping[str, Any]) -> None:
    """Open the home of a party, once. ``partners`` are the fingerprints and keys of the others."""
    config = str(told["config"])
    if config in _ready or told["work"] not in WORKS:
        return
    settings = load(Path(config))
    partners = [
        PublicKey(suite=Suite.OPENPGP, fingerprint=fingerprint, material=key)
        for fingerprint, key in told["partners"].values()
    ]
    _ready[config] = open_home(settings.openpgp.folder, partners)


def close_homes() -> None:
    """End their agents."""
    for home in _ready.values():
        home.close()


def _use(home: Home) -> None:
    """In a child: what would start gpg takes what is there instead."""
    core.open_home = lambda *_, **__: home  # type: ignore[attr-defined]
    # Its agent is not a child of the child's own.
    Home.close = Home.revive = lambda self: None  # type: ignore[method-assign]  # noqa: ARG005


@asynccontextmanager
async def _pool(opened: core.Core, _launched: object) -> AsyncIterator[Opener]:
    yield _opener(opened, opened.home)


@asynccontextmanager
async def _pool_apart(opened: core.Core, _launched: object) -> AsyncIterator[Opener]:
    """With a home of its own, as the workers have."""
    keys = await core.pinned_keys(opened.base, opened.keys)
    home = await asyncio.to_thread(open_home, opened.base.settings.openpgp.folder, keys)
    yield _opener(opened, home)
    home.close()


def _opener(opened: core.Core, home: Home) -> Opener:
    bench = worker.Bench(
        home=home.path,
        passphrase=opened.base.settings.openpgp.passphrase.read(),
        own=home.own,
        limits=OpenLimits(max_plain=app.MAX_MAIL),
    )
    return Opener(home=home, bench=bench)


@asynccontextmanager
async def running(config: Path, clock: VirtualClock, *, apart: bool) -> AsyncIterator[app.Daemon]:
    """A gateway that has started, and does nothing by itself."""
    app._pool = _pool_apart if apart else _pool  # type: ignore[assignment]
    if not apart:
        _use(_ready[str(config)])
    async with app.open_daemon(load(config), clock=clock) as daemon:
        yield daemon


async def poll(daemon: app.Daemon) -> None:
    """Look once into the mailbox."""
    for mailbox in daemon.tasks._mailboxes:
        session = await mailbox.sessions.connect()
        try:
            await mailbox.poller.poll(session)
        finally:
            await session.close()


async def send(daemon: app.Daemon) -> None:
    """Hand over all that is ready."""
    while await daemon.tasks._sender.round():
        pass


async def tick(daemon: app.Daemon) -> None:
    """Look at the deadlines, asking other clocks when that would help."""
    tasks = daemon.tasks
    if await tasks._deadlines.tick():
        await tasks._timekeeper.agree(await ask(tasks._sources))
        await tasks._deadlines.tick()


# --- the works


def _pauses(told: Mapping[str, Any]) -> tuple[timedelta, ...]:
    return (timedelta(), LATER) if told.get("later") else (timedelta(),)


async def exchange(daemon: app.Daemon, clock: VirtualClock, told: Mapping[str, Any]) -> None:
    """Mail in, mail out, deadlines; with ``later`` once more when what was in doubt goes again."""
    for pause in _pauses(told):
        clock.advance(pause)
        await poll(daemon)
        await send(daemon)
        await tick(daemon)
        await send(daemon)


async def hand_over(daemon: app.Daemon, clock: VirtualClock, told: Mapping[str, Any]) -> None:
    """Mail out alone, whatever lies in the mailbox."""
    for pause in _pauses(told):
        clock.advance(pause)
        await send(daemon)
        await tick(daemon)


async def nothing(_daemon: app.Daemon, _clock: VirtualClock, _told: Mapping[str, Any]) -> None:
    """Start and stop."""


async def live(daemon: app.Daemon, _clock: VirtualClock, _told: Mapping[str, Any]) -> None:
    """The daemon's own tasks, all at once and each trying again, until nothing waits to leave."""
    stop = asyncio.Event()
    # As the daemon does.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    working = asyncio.create_task(daemon.tasks.work_until(stop))
    while not (working.done() or stop.is_set() or await _quiet(daemon)):
        await asyncio.wait({working}, timeout=LOOK_SECONDS)
    stop.set()
    await working


async def _quiet(daemon: app.Daemon) -> bool:
    """Whether a mail was taken in and its poll noted, and nothing in the outbox waits or is under way."""
    base = daemon.core.base
    site = base.settings.gateway.site
    try:
        async with base.store.view() as view:
            rows = await view.all(Transmission, site=site)
            looked = bool(await view.all(Mail, site=site)) and bool(await view.all(Poll, site=site))
    except StorageFailed:
        return False
    return looked and bool(rows) and all(row.state in SETTLED for row in rows)


async def submit(daemon: app.Daemon, clock: VirtualClock, _told: Mapping[str, Any]) -> None:
    """A person submits a request."""
    await daemon.core.desk.submit(request(BENKHELIFA, clock.now().date()), actor="alice")


async def pin(daemon: app.Daemon, _clock: VirtualClock, told: Mapping[str, Any]) -> None:
    """An administrator pins the partners' keys."""
    for partner, (fingerprint, key) in told["partners"].items():
        await daemon.core.pins.pin(partner, Suite.OPENPGP.value, fingerprint, key, actor="alice")


async def bereft(daemon: app.Daemon, clock: VirtualClock, told: Mapping[str, Any]) -> None:
    """The agent of our key dies just before; then the daemon's own tasks, as they are."""
    os.kill(daemon.core.home.agent_pid, signal.SIGKILL)
    await live(daemon, clock, told)


# --- works of no daemon


async def back_up(told: Mapping[str, Any], clock: VirtualClock) -> None:
    """An administrator makes a backup."""
    async with records.open_base(load(Path(told["config"])), clock=clock) as base:
        await backups.make(base, Path(told["to"]))


async def restore(told: Mapping[str, Any], clock: VirtualClock) -> None:
    """An administrator puts one back."""
    # Of a rehearsal, whose clock can be moved; a real one is refused it.
    backups.identity = partial(records.identity, rehearsal=True)  # type: ignore[attr-defined]
    await backups.restore(load(Path(told["config"])), Path(told["file"]), clock=clock, actor="alice", accept_loss=False)


async def migrate(told: Mapping[str, Any], _clock: VirtualClock) -> None:
    """A new version meets the database of an old one."""
    await asyncio.to_thread(database.upgrade, told["url"], told["identity"])


Work = Callable[[app.Daemon, VirtualClock, Mapping[str, Any]], Awaitable[None]]
WORKS: Mapping[str, Work] = {work.__name__: work for work in (exchange, hand_over, live, bereft, nothing, submit, pin)}
OTHERS: Mapping[str, Callable[[Mapping[str, Any], VirtualClock], Awaitable[None]]] = {
    work.__name__: work for work in (back_up, restore, migrate)
}


def perform(told: Mapping[str, Any]) -> bytes:
    """Do one of the works; ``ahead`` is how far the clock is, in seconds. Returns the size of a daemon's log."""
    for name, limit in told.get("limits", {}).items():
        kind = getattr(resource, f"RLIMIT_{name}")
        # Of addresses, beyond what this process was born with.
        base = _address_space() if name == "AS" else 0
        resource.setrlimit(kind, (base + limit, resource.getrlimit(kind)[1]))
    real = SystemClock()
    clock = VirtualClock(real, real.now())
    clock.advance(timedelta(seconds=told.get("ahead", 0)))

    async def whole() -> int:
        if told["work"] in OTHERS:
            await OTHERS[told["work"]](told, clock)
            return 0
        async with running(Path(told["config"]), clock, apart=told["work"] == bereft.__name__) as daemon:
            await WORKS[told["work"]](daemon, clock, told)
            return await verified(daemon)

    return json.dumps(asyncio.run(whole())).encode()


def _address_space() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()


async def verified(daemon: app.Daemon) -> int:
    """How many records the log has, each proven."""
    base = daemon.core.base
    auditor = Auditor(store=base.store, key=None, verify_note=verify_note)
    return (await auditor.verify()).head.size
