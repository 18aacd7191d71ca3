"""The daemon as a process that systemd starts and watches."""

import asyncio
import os
import signal
import socket


def told_to_stop() -> asyncio.Event:
    """Set once somebody asks this process to end (SIGTERM, or Ctrl-C)."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


def notify(state: str) -> None:
    """Tell systemd (sd_notify(3)); nothing when no one listens."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        sock.connect("\0" + address[1:] if address.startswith("@") else address)
        sock.sendall(state.encode())
