"""The machine: its clock, other clocks, random bytes."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """The system's clock."""

    def now(self) -> datetime:
        """The current instant, aware UTC."""
        ...

    def uptime(self) -> float:
        """Seconds that only go forward at one second a second (CLOCK_BOOTTIME), to notice a step of ``now``."""
        ...

    def boot_id(self) -> str:
        """Which start of the machine ``uptime`` counts from."""
        ...


Noise = Callable[[int], bytes]
"""That many random bytes, fit for identifiers and boundaries."""


class TimeSource(Protocol):
    """Another clock than the system's."""

    @property
    def name(self) -> str:
        """Which kind it is, for the audit log."""
        ...

    async def tell(self) -> datetime:
        """Its instant, aware UTC.

        Raises:
            GatewayError: it does not answer, or its answer convinces nobody.
        """
        ...
