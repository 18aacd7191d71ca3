"""The system's clock: the only place that reads it."""

import time
from datetime import UTC, datetime
from pathlib import Path


class SystemClock:
    """Implements ``gateway.ports.Clock`` on Linux."""

    def now(self) -> datetime:
        """The current instant, aware UTC."""
        return datetime.now(UTC)  # noqa: TID251  this is the one place

    def uptime(self) -> float:
        """Seconds since the machine started, time asleep included: a suspended machine is no clock step."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def boot_id(self) -> str:
        """The kernel's identifier of this start, so that uptimes of two starts are never compared."""
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
