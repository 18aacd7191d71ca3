"""So many cycles, so many of them under way at a time, for whoever is measured."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

PATIENCE = 300.0
"""Seconds that all of them may take."""


async def cycles(one: Callable[[], Awaitable[None]], count: int, in_flight: int) -> dict[str, Any]:
    """Seconds of all, milliseconds of each."""
    turns, spent = asyncio.Semaphore(in_flight), list[float]()

    async def timed() -> None:
        async with turns:
            began = time.perf_counter()
            await one()
            spent.append((time.perf_counter() - began) * 1000)

    began = time.perf_counter()
    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
        for _ in range(count):
            group.create_task(timed())
    return {"seconds": time.perf_counter() - began, "ms": spent}
