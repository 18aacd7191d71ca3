"""The lock by which one data folder has one daemon (flock(2)); it ends with its process, however that ends."""

import fcntl
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
def held(data: Path) -> Iterator[None]:
    """Be the one daemon of this folder for a while.

    Raises:
        DatabaseMissing: there is no such folder.
        AlreadyRunning: another process is.
    """
    if not data.is_dir():
        raise DatabaseMissing(path=data)
    with (data / FILE).open("wb") as lock:
        _take(lock, data)
        yield


def is_held(data: Path) -> bool:
    """Whether a daemon works on this folder now. Raises OSError where the lock cannot be looked at."""
    try:
        lock = (data / FILE).open("rb")
    except FileNotFoundError:
        return False
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def _take(lock: BinaryIO, data: Path) -> None:
    for left in reversed(range(TRIES)):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if not left:
                raise AlreadyRunning(path=data) from error
            select.select([], [], [], PAUSE_SECONDS)
        else:
            return
