"""What monitoring programs ask of a running gateway, and how often it looks for them."""

import asyncio

from gateway.ports import Clock
from gateway.services.health import Health, HealthReader
from gateway.services.metrics import of_gateway, of_process
from gateway.services.pulse import Pulse
from gateway.wire.exposition import page

FRESH_SECONDS = 5.0
"""A look at the database serves all who ask within this time: watching never becomes a load."""


class Monitor:
    """Reads the gateway's health for others, and this process's pulse."""

    def __init__(self, *, health: HealthReader, pulse: Pulse, clock: Clock) -> None:
        self._health = health
        self._pulse = pulse
        self._clock = clock
        self._looking = asyncio.Lock()
        self._seen: Health | None = None
        self._seen_at = float("-inf")

    async def metrics(self) -> bytes:
        """The page of metrics.

        Raises:
            StorageFailed: the database cannot be read.
        """
        health = await self._look()
        return page((*of_gateway(health), *of_process(self._pulse)))

    async def faults(self) -> tuple[str, ...]:
        """Why the gateway does not do its work; nothing when it does.

        Raises:
            StorageFailed: the database cannot be read.
        """
        return (await self._look()).faults

    async def health(self) -> Health:
        """The whole view.

        Raises:
            StorageFailed: the database cannot be read.
        """
        return await self._look()

    async def _look(self) -> Health:
        async with self._looking:
            now = self._clock.uptime()
            if self._seen is None or now - self._seen_at >= FRESH_SECONDS:
                self._seen, self._seen_at = await self._health.read(), now
            return self._seen
