"""What monitoring programs ask of a running gateway, and how often it looks for them."""

import asyncio

from gateway.domain.errors import StorageFailed
from gateway.ports import Clock
from gateway.services.health import Health, HealthReader
from gateway.services.metrics import of_gateway, of_no_database, of_process
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
        """The page of metrics; of a database that cannot be read it says so, and all that the process knows."""
        try:
            found = of_gateway(await self._look(), also=self._pulse.faults)
        except StorageFailed:
            found = of_no_database()
        return page((*found, *of_process(self._pulse)))

    async def faults(self) -> tuple[str, ...]:
        """Why the gateway does not do its work; nothing when it does.

        Raises:
            StorageFailed: the database cannot be read.
        """
        return (await self._look()).faults + self._pulse.faults

    async def health(self) -> tuple[Health, tuple[str, ...]]:
        """The whole view, and the faults that this process alone knows.

        Raises:
            StorageFailed: the database cannot be read.
        """
        return await self._look(), self._pulse.faults

    async def _look(self) -> Health:
        async with self._looking:
            now = self._clock.uptime()
            if self._seen is None or now - self._seen_at >= FRESH_SECONDS:
                self._seen, self._seen_at = await self._health.read(), now
            return self._seen
