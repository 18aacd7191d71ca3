"""Measures the look for periods that are over, among a million that are open: none due, then ten thousand.

The floor is the same rows asked of the bare driver. What becomes of each that is due is an act, measured elsewhere.
"""

import asyncio
import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from gateway.domain.audit import instant
from gateway.domain.parties import Role
from gateway.storage import Request
from tests.services.world import World, open_world

FIRST = datetime.fromisoformat("2030-01-01T00:00:00Z")
"""When the first of them is due; the others follow, one a second."""

COPIES = """
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {count})
INSERT INTO requests ({columns}) SELECT {values} FROM n, requests WHERE requests.id = {id}
"""
BARE = "SELECT id FROM requests WHERE site = ? AND due_at <= ? ORDER BY due_at"


def _fill(path: Path, like: Request, count: int) -> None:
    own = {
        "hash": "printf('%064x', n.i)",
        "due_at": f"strftime('%Y-%m-%dT%H:%M:%S.000000Z', '{FIRST:%Y-%m-%d %H:%M:%S}', n.i || ' seconds')",
    }
    with closing(sqlite3.connect(path)) as base, base:
        names = [row[1] for row in base.execute("PRAGMA table_info(requests)") if row[1] != "id"]
        values = ", ".join(own.get(name, f"requests.{name}") for name in names)
        base.execute("PRAGMA synchronous=OFF")
        base.execute(COPIES.format(count=count, columns=", ".join(names), values=values, id=like.id))


async def _looks(world: World, at: datetime, times: int, expected: int) -> list[float]:
    spent = []
    for _ in range(times):
        began = time.perf_counter()
        async with world.store.view() as view:
            found = await view.due("s", at)
        spent.append((time.perf_counter() - began) * 1000)
        if len(found) != expected:
            raise RuntimeError(f"{len(found)} due instead of {expected}")
    return spent


def _bare(path: Path, at: datetime, times: int) -> list[float]:
    spent = []
    with closing(sqlite3.connect(path)) as base:
        for _ in range(times):
            began = time.perf_counter()
            base.execute(BARE, ("s", instant(at))).fetchall()
            spent.append((time.perf_counter() - began) * 1000)
    return spent


async def _measured(folder: Path, count: int, due: int, rounds: int) -> dict[str, Any]:
    async with open_world(folder, Role.HOSPITAL) as world:
        await world.to_running()
        like = await world.request()
        await world.change(replace(like, due_at=None))
        path = folder / "hospital.sqlite3"
        _fill(path, like, count)
        none, some = FIRST - timedelta(days=1), FIRST + timedelta(seconds=due - 1)
        quiet, floor = await _looks(world, none, 60 * rounds, 0), _bare(path, none, 60 * rounds)
        busy, busy_floor = await _looks(world, some, rounds, due), _bare(path, some, rounds)
    return {
        "open": count,
        "none_due": {
            "p50_ms": median(quiet),
            "p99_ms": quantiles(quiet, n=100)[-1],
            "floor_p99_ms": quantiles(floor, n=100)[-1],
        },
        "due": {"count": due, "ms": median(busy), "floor_ms": median(busy_floor)},
    }


def measured(folder: Path, *, count: int, due: int, rounds: int) -> dict[str, Any]:
    """Milliseconds of a look when none is due, and when so many are."""
    return asyncio.run(_measured(folder, count, due, rounds))
