"""Measures what bombs cost honest mail: the time from arrival to the committed row, without and with bombs between.

``python -m tests.bench.bombs``: a whole reception on a database file, one capped worker as ``[worker] slots`` has it by
default, real keys. Mails are taken in the order in which they come, as the poller does, whatever still waits.
"""

import argparse
import asyncio
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import cycle
from pathlib import Path
from statistics import quantiles
from typing import Any

from structlog.testing import capture_logs

from gateway.adapters.clock import SystemClock
from gateway.adapters.openpgp.home import open_home
from gateway.adapters.sandbox.pool import WorkerPool
from gateway.domain.parties import Role
from gateway.framing import Limits
from gateway.storage import Mail, Pin, Verdict
from gateway.wire.payload import build_entity
from tests.attacks.make import made
from tests.attacks.scene import LETTER, Scene, scene, wrapped
from tests.services.mails import START
from tests.services.suites import PASSPHRASE, arrive
from tests.services.world import World, open_world, partner

BOMBS = ("a23-deep", "a23-many-parts", "a23-long-header", "a23-quotes", "a24-bomb", "a24-rounds", "a24-many-packets")
LARGE = 150 * 1024 * 1024
TURN = 0.005


@dataclass(kw_only=True)
class Seen:
    """What one run noted, in seconds: each honest mail's wait, each bomb's cost, the parent's longest standstill."""

    honest: list[float] = field(default_factory=list)
    bombs: list[float] = field(default_factory=list)
    stall: float = 0.0


async def bombs_of(keys: Scene, names: Sequence[str]) -> list[bytes]:
    """Those of the attack table, and one that is larger than any limit of ours."""
    large = keys.gpg_to_us("--compress-algo", "zlib", data=bytes(LARGE))
    return [*[(await made(name, keys))[-1] for name in names], wrapped(large)]


async def honest_mail(keys: Scene, number: int) -> bytes:
    """A letter of the CNAS, another each time."""
    told = replace(LETTER, message_id=f"<{number}@cnas.test>", date=SystemClock().now().replace(microsecond=0))
    return await keys.sealed(build_entity(told, "charge"))


async def run(world: World, honest: Sequence[bytes], hostile: Sequence[bytes], every: float, bomb_every: float) -> Seen:
    """Let them come: an honest mail each ``every`` seconds, and a bomb each ``bomb_every``, in order of arrival."""
    loop = asyncio.get_running_loop()
    begun, seen = loop.time(), Seen()
    length = every * len(honest)
    due = [(every * number, raw, False) for number, raw in enumerate(honest)]
    if hostile:
        times = (bomb_every * number for number in range(max(1, int(length / bomb_every))))
        due += [(at, raw, True) for at, raw in zip(times, cycle(hostile), strict=False)]

    async def watch() -> None:
        last = loop.time()
        while True:
            await asyncio.sleep(TURN)
            seen.stall = max(seen.stall, loop.time() - last - TURN)
            last = loop.time()

    watching = asyncio.create_task(watch())
    try:
        for number, (at, raw, bomb) in enumerate(sorted(due, key=lambda each: each[0])):
            await asyncio.sleep(max(0.0, begun + at - loop.time()))
            started = loop.time()
            world.clock.at = SystemClock().now()
            # A number before it: the same bytes twice would be recognised before anything is opened.
            row = await arrive(world, f"X-Number: {number}\r\n".encode() + raw)
            if bomb:
                seen.bombs.append(loop.time() - started)
            else:
                _require_read(row)
                seen.honest.append(loop.time() - begun - at)
    finally:
        watching.cancel()
    return seen


def _require_read(row: Mail) -> None:
    if row.verdict is not Verdict.TRIAGE:
        raise RuntimeError(f"an honest mail was not read: {row.verdict} {row.step} {row.reason}")


async def measure(folder: Path, count: int, every: float, bomb_every: float, names: Sequence[str]) -> dict[str, Any]:
    """Both runs, one after the other, on one gateway."""
    with scene(folder) as keys:
        cnas = keys.of(Role.CNAS).openpgp
        own = folder / Role.HOSPITAL.value / "openpgp"
        pool = WorkerPool(
            slots=1,
            home_factory=lambda others: open_home(own, others),
            passphrase=PASSPHRASE,
            limits=Limits(seconds=60.0),
            keys=[cnas],
        )
        hostile = await bombs_of(keys, names)
        mails = [await honest_mail(keys, number) for number in range(2 * count)]
        who = partner(Role.CNAS)
        sealer = keys.of(Role.HOSPITAL).sealer()
        async with open_world(
            folder, partners=(who, partner(Role.CNSE)), pinned=False, sealer=sealer, opener=pool, at=SystemClock().now()
        ) as world:
            pin = Pin(
                site="s",
                partner=who.id,
                suite="openpgp",
                fingerprint=cnas.fingerprint,
                material=cnas.material,
                pinned_at=START,
                pinned_by="alice",
                confirmed_by="alice",
            )
            async with world.store.act() as act:
                await act.add(pin)
            await pool.start()
            try:
                alone = await run(world, mails[:count], (), every, bomb_every)
                beside = await run(world, mails[count:], hostile, every, bomb_every)
            finally:
                await pool.close()
    return {"alone": figures(alone), "with_bombs": figures(beside)}


def figures(seen: Seen) -> dict[str, float]:
    """In milliseconds."""
    cuts = quantiles(seen.honest, n=100, method="inclusive")
    told = {
        "mails": len(seen.honest),
        "p50_ms": cuts[49] * 1000,
        "p95_ms": cuts[94] * 1000,
        "stall_ms": seen.stall * 1000,
    }
    if seen.bombs:
        told |= {"bombs": len(seen.bombs), "bomb_ms": sum(seen.bombs) / len(seen.bombs) * 1000}
        told["worst_bomb_ms"] = max(seen.bombs) * 1000
    return told


def table(found: dict[str, Any]) -> str:
    """For docs/performance.md."""
    lines = [
        "| courriers honnêtes | p50 | p95 | boucle arrêtée au plus | bombes | une bombe, moyenne ; pire |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, row in (("seuls", found["alone"]), ("parmi les bombes", found["with_bombs"])):
        cost = f"{row['bomb_ms']:.0f} ; {row['worst_bomb_ms']:.0f} ms" if "bombs" in row else "–"
        lines.append(
            f"| {row['mails']}, {name} | {row['p50_ms']:.0f} ms | {row['p95_ms']:.0f} ms | {row['stall_ms']:.0f} ms "
            f"| {row.get('bombs', '–')} | {cost} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure, print the table, write the JSON."""
    told = argparse.ArgumentParser(description=__doc__)
    told.add_argument("--mails", type=int, default=60, help="honest mails of each run")
    told.add_argument("--every", type=float, default=0.5, help="seconds between two honest mails")
    told.add_argument("--bomb-every", type=float, default=3.0, help="seconds between two bombs")
    told.add_argument("--bombs", default=",".join(BOMBS), help="names in the attack table")
    told.add_argument("--json", type=Path, help="where the figures go")
    given = told.parse_args()
    with tempfile.TemporaryDirectory(dir="/tmp") as name, capture_logs():
        names = given.bombs.split(",")
        found = asyncio.run(measure(Path(name), given.mails, given.every, given.bomb_every, names))
    machine = f"{platform.machine()}, {os.cpu_count()} cœurs, Python {platform.python_version()}"
    stamp = {"machine": machine, "load": os.getloadavg()[0], "on": time.strftime("%Y-%m-%d", time.gmtime())}
    if given.json:
        given.json.write_text(json.dumps({**stamp, **found}, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(f"{machine}, charge {stamp['load']:.1f}\n\n{table(found)}\n")


if __name__ == "__main__":
    main()
