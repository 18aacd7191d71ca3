"""The disk that holds our data."""

import asyncio
import shutil
from pathlib import Path

from gateway.ports import Space


class Disk:
    """Implements :class:`gateway.ports.Room`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def space(self) -> Space | None:
        """See :meth:`gateway.ports.Room.space`."""
        try:
            # A share that does not answer must not hold everything else.
            found = await asyncio.to_thread(shutil.disk_usage, self._folder)
        except OSError:
            return None
        return Space(free=found.free, total=found.total)
