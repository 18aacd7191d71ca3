"""Whether the disk may still be believed: after a write that it did not confirm, nobody of this process asks it again.

A kernel tells once that it lost a write, and may then forget it: a second sync would be answered yes, and be untrue.
The database and the vault of a process share one of these.
"""

import errno
import os

from gateway.domain.errors import DiskUnreliable
from gateway.domain.reasons import system_reason


class Reliance:
    """Of one process."""

    def __init__(self) -> None:
        self._lost: DiskUnreliable | None = None

    def require(self) -> None:
        """Before anything that is to last.

        Raises:
            DiskUnreliable: a write was not confirmed, whoever asked for it.
        """
        if self._lost is not None:
            raise DiskUnreliable(**self._lost.fields)

    def lose(self, error: DiskUnreliable) -> None:
        """The disk did not confirm a write: the first one is what is told from now on."""
        self._lost = self._lost or error

    def sync(self, handle: int, place: str) -> None:
        """Have a file or a folder confirmed.

        Raises:
            DiskUnreliable: it was not, now or before. OSError: the disk refuses for another reason.
        """
        self.require()
        try:
            os.fsync(handle)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            unconfirmed = DiskUnreliable(place=place, reason=system_reason(error))
            self.lose(unconfirmed)
            raise unconfirmed from error
