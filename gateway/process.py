"""The daemon as a process: alone on its data, and heard by systemd."""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.domain.errors import AlreadyRunning, DatabaseMissing


@contextmanager
def only_one(data: Path) -> Iterator[None]:
    """Hold the lock of a data folder; the kernel lets it go when the process ends, however it ends.

    Raises:
        DatabaseMissing: the folder is not there.
        AlreadyRunning: another daemon holds it.
    """
    if not data.is_dir():
        raise DatabaseMissing(path=data)
    with (data / "daemon.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise AlreadyRunning(path=data) from error
        yield


def notify(state: str) -> None:
    """Tell systemd (sd_notify(3)); nothing when no one listens."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        sock.connect("\0" + address[1:] if address.startswith("@") else address)
        sock.sendall(state.encode())
