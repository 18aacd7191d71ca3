"""The machine: its clock, other clocks, random bytes, its disk."""

from collections.abc import Callable
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """Bytes of a disk."""

    free: int
    total: int


class Room(Protocol):
    """The disk that holds our data."""

    async def space(self) -> Space | None:
        """How much is left; None where the system does not tell."""
        ...
