"""A day of national traffic a thousand times over, in minutes: how long a receipt takes, and whether memory stays.

``python -m tests.bench.load``: France makes about four requests a working day; four thousand sealed ones arrive at one
gateway of the CNAS, at random instants. The gateway is whole but for its mail server: tasks, capped workers, vault and
database on the disk, signed receipts. A receipt is timed from the arrival of the mail to its hand-over.
"""

import argparse
import asyncio
import json
import os
import platform
import random
import re
import resource
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from statistics import mean, quantiles
from typing import Any

from gateway.adapters import log
from gateway.adapters.clock import SystemClock
from gateway.adapters.sandbox.pool import NoHome, WorkerPool
from gateway.adapters.smime.bench import encode
from gateway.domain.parties import Role, Suite
from gateway.framing import Limits
from gateway.ports import Envelope
from tests.services.at_work import at_work
from tests.services.fakes import FakeClock, FakeMailbox
from tests.services.mails import ADDRESSES
from tests.services.suites import PASSPHRASE, Keys, parties
from tests.services.world import FOLDERS, OWN_MTA, World, open_world, partner

MAILS, MINUTES = 4000, 30.0
"""A working day's requests of all France, a thousand times over; and how long that day lasts here."""

MIB = 1024 * 1024
TICK_SECONDS, CLOCK_SECONDS, SAMPLE_SECONDS = 15.0, 0.005, 1.0
_IDENTIFIER = re.compile(rb"^(?:Original-)?Message-ID: *(<[^>]+>)", re.IGNORECASE | re.MULTILINE)


class Arrivals(FakeMailbox):
    """A mailbox into which mails fall while it is watched; what was fetched is not kept."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock, FOLDERS)
        self._news = asyncio.Event()

    async def connect(self) -> "Arrivals":
        """The one session."""
        return self

    def arrive(self, data: bytes) -> None:
        """One more, stamped by our own server."""
        now = self._clock.now()
        self.folders["INBOX"].put(f"Received: by {OWN_MTA}; {now:%a, %d %b %Y %H:%M:%S +0000}\r\n".encode() + data, now)
        self._news.set()

    async def fetch(self, uid: int, max_bytes: int) -> bytes | None:
        """The mail, once."""
        return self.selected.mails.pop(uid)[0][:max_bytes]

    async def wait_for_news(self, seconds: float) -> None:
        """As IDLE."""
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return
        self._news.clear()


@dataclass(kw_only=True)
class Run:
    """What is measured: seconds from arrival to hand-over, in the order of hand-over; bytes of memory, sampled."""

    expected: int
    arrived: dict[bytes, float] = field(default_factory=dict)
    took: list[float] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)
    done: asyncio.Event = field(default_factory=asyncio.Event)

    def handed_over(self, envelope: Envelope) -> None:
        """A receipt left; it names in clear the mail that it acknowledges."""
        for identifier in _IDENTIFIER.findall(envelope.data):
            since = self.arrived.pop(identifier, None)
            if since is not None:
                self.took.append(time.perf_counter() - since)
        if len(self.took) == self.expected:
            self.done.set()


async def written(folder: Path, keys: dict[Role, Keys], count: int) -> list[Path]:
    """So many requests, as a hospital's gateway seals them for the CNAS."""
    made: list[Path] = []
    today = SystemClock().now().date()
    stay = ("authorised_from", -60), ("authorised_until", 20), ("requested_from", 21), ("requested_until", 50)
    values = {name: (today + timedelta(days=days)).isoformat() for name, days in stay}
    async with open_party(folder, Role.HOSPITAL, keys, sealer=True) as hospital:
        while len(made) < count:
            await hospital.submit(**values)
            await hospital.send_all()
            sent, hospital.courier.taken, hospital.courier.tried = hospital.courier.taken, [], []
            for envelope in sent:
                if envelope.recipient == ADDRESSES[Role.CNAS]:
                    made.append(folder / f"{len(made)}.eml")
                    made[-1].write_bytes(envelope.data)
    return made


@asynccontextmanager
async def open_party(
    folder: Path, role: Role, keys: dict[Role, Keys], *, sealer: bool, opener: WorkerPool | None = None
) -> AsyncIterator[World]:
    """A gateway whose partners are in S/MIME, with their keys pinned, at this instant."""
    others = [other for other in ADDRESSES if other is not role]
    partners = tuple(replace(partner(other), suite=Suite.SMIME) for other in others)
    real = keys[role].sealer() if sealer else None
    now = SystemClock().now().replace(microsecond=0)
    async with open_world(
        folder, role, partners=partners, pinned=False, sealer=real, opener=opener, at=now, receipts_per_hour=10**9
    ) as world:
        for other in others:
            key = keys[other].smime
            await world.pins.pin(other.value, key.suite.value, key.fingerprint, key.material, actor="alice")
        yield world


async def _clock_runs(clock: FakeClock) -> None:
    last = time.perf_counter()
    while True:
        await asyncio.sleep(CLOCK_SECONDS)
        now = time.perf_counter()
        clock.advance(timedelta(seconds=now - last))
        last = now


async def _memory(run: Run, pool: WorkerPool) -> None:
    while True:
        pids = [os.getpid(), *(slot.process.pid for slot in pool._slots if slot.process is not None)]
        run.memory.append(sum(_resident(pid) for pid in pids))
        await asyncio.sleep(SAMPLE_SECONDS)


def _resident(pid: int) -> int:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except FileNotFoundError:
        # A worker that was replaced at this instant.
        return 0
    return pages * resource.getpagesize()


async def measured(folder: Path, mails: int, *, seconds: float, slots: int, seed: int) -> dict[str, Any]:
    """One run: the mails arrive at random instants within so many ``seconds``."""
    chance = random.Random(seed)  # noqa: S311  a seed that can be played again
    instants = sorted(chance.uniform(0, seconds) for _ in range(mails))
    with parties(folder) as keys:
        paths = await written(folder, keys, mails)
        return await _received(folder, keys, list(zip(instants, paths, strict=True)), slots)


async def _received(
    folder: Path, keys: dict[Role, Keys], mails: Sequence[tuple[float, Path]], slots: int
) -> dict[str, Any]:
    run = Run(expected=len(mails))
    known = tuple(keys[role].smime for role in (Role.HOSPITAL, Role.CNSE))
    ours = keys[Role.CNAS].own
    pool = WorkerPool(
        slots=slots,
        home_factory=lambda _: NoHome(),
        material=lambda others: encode(ours, others),
        passphrase=PASSPHRASE,
        limits=Limits(max_mail=60 * MIB),
        keys=known,
    )
    async with AsyncExitStack() as stack:
        await pool.start()
        stack.push_async_callback(pool.close)
        world = await stack.enter_async_context(open_party(folder, Role.CNAS, keys, sealer=True, opener=pool))
        world.courier.during = run.handed_over
        mailbox = Arrivals(world.clock)
        beside = [asyncio.create_task(_clock_runs(world.clock)), asyncio.create_task(_memory(run, pool))]
        cpu, began = _cpu(), time.perf_counter()
        async with at_work(world, mailbox, seconds=TICK_SECONDS):
            for at, path in mails:
                await asyncio.sleep(max(0.0, began + at - time.perf_counter()))
                data = path.read_bytes()
                run.arrived[_IDENTIFIER.findall(data)[0]] = time.perf_counter()
                mailbox.arrive(data)
                world.courier.taken.clear()
                world.courier.tried.clear()
                mailbox.fetched.clear()
            await run.done.wait()
        seconds = time.perf_counter() - began
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
    return _told(run, seconds, _cpu() - cpu)


def _cpu() -> float:
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def _told(run: Run, seconds: float, cpu: float) -> dict[str, Any]:
    cuts = quantiles(run.took, n=1000, method="inclusive")
    quarter = max(1, len(run.memory) // 4)
    return {
        "mails": run.expected,
        "seconds": seconds,
        "cpu_ms_a_mail": 1000 * cpu / run.expected,
        "ms": {name: 1000 * cuts[cut] for name, cut in (("p50", 499), ("p95", 949), ("p99", 989), ("p99.9", 998))},
        "worst_ms": 1000 * max(run.took),
        "memory_mib": {
            "second_quarter": mean(run.memory[quarter : 2 * quarter] or run.memory) / MIB,
            "last_quarter": mean(run.memory[-quarter:]) / MIB,
            "most": max(run.memory) / MIB,
        },
    }


def table(told: dict[str, Any]) -> str:
    """For people."""
    ms, memory = told["ms"], told["memory_mib"]
    rows: tuple[tuple[str, Callable[[], str]], ...] = (
        ("courriers ; durée", lambda: f"{told['mails']} ; {told['seconds']:.0f} s"),
        ("reçu → accusé remis, p50 ; p95 ; p99", lambda: f"{ms['p50']:.0f} ; {ms['p95']:.0f} ; {ms['p99']:.0f} ms"),
        ("p99,9 ; le pire", lambda: f"{ms['p99.9']:.0f} ; {told['worst_ms']:.0f} ms"),
        ("processeur par courrier", lambda: f"{told['cpu_ms_a_mail']:.0f} ms"),
        (
            "mémoire, deuxième quart ; dernier quart ; plus haut",
            lambda: f"{memory['second_quarter']:.0f} ; {memory['last_quarter']:.0f} ; {memory['most']:.0f} Mio",
        ),
    )
    return "\n".join(("| mesure | valeur |", "| --- | --- |", *(f"| {name} | {value()} |" for name, value in rows)))


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.load")
    parser.add_argument("--mails", type=int, default=MAILS)
    parser.add_argument("--minutes", type=float, default=MINUTES, help="over how long they arrive")
    parser.add_argument("--slots", type=int, default=1, help="workers that open mail")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gwl-") as folder:
        seconds = options.minutes * 60
        work = measured(Path(folder), options.mails, seconds=seconds, slots=options.slots, seed=options.seed)
        told = asyncio.run(work)
    told |= {"python": platform.python_version(), "machine": platform.machine(), "cpus": os.cpu_count()}
    if options.json is not None:
        options.json.write_text(json.dumps(told, indent=2), encoding="utf-8")
    print(table(told))  # noqa: T201  what it is for


if __name__ == "__main__":
    log.configure("WARNING")
    main()
