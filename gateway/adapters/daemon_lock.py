"""The lock of a data folder while a daemon works on it (flock(2)); it ends with its process, however that ends.

On SQLite a folder has one daemon. On a server's database several may share it, and hold the lock together.
"""

import fcntl
import os
import select
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from gateway.domain.errors import AlreadyRunning, DatabaseMissing

FILE = "daemon.lock"

# Whoever asks whether a daemon runs holds the lock for an instant: that must not keep a daemon from starting.
TRIES, PAUSE_SECONDS = 5, 0.05


@contextmanager
def held(data: Path, *, alone: bool = True) -> Iterator[None]:
    """Be the one daemon of this folder for a while; or with ``alone`` off, one of several.

    Raises:
        DatabaseMissing: there is no such folder.
        AlreadyRunning: another process is, or is alone.
    """
    if not data.is_dir():
        raise DatabaseMissing(path=data)
    with (data / FILE).open("ab") as lock:
        _take(lock, data, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        os.utime(lock.fileno())
        yield


def held_since(data: Path) -> float | None:
    """When the daemon that works on this folder started, in seconds of the epoch; None when none does.

    Raises OSError where the lock cannot be looked at.
    """
    return (data / FILE).stat().st_mtime if is_held(data) else None


def is_held(data: Path) -> bool:
    """Whether a daemon works on this folder now. Raises OSError where the lock cannot be looked at."""
    try:
        lock = (data / FILE).open("rb")
    except FileNotFoundError:
        return False
    with lock:
        # Whoever else asks at this instant holds it too, and lets it go at once.
        for left in reversed(range(TRIES)):
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if left:
                    select.select([], [], [], PAUSE_SECONDS)
            else:
                return False
        return True


def _take(lock: BinaryIO, data: Path, kind: int) -> None:
    for left in reversed(range(TRIES)):
        try:
            fcntl.flock(lock, kind | fcntl.LOCK_NB)
        except OSError as error:
            if not left:
                raise AlreadyRunning(path=data) from error
            select.select([], [], [], PAUSE_SECONDS)
        else:
            return
