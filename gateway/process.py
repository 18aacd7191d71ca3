"""The daemon as a process that systemd starts and watches."""

import os
import socket


def notify(state: str) -> None:
    """Tell systemd (sd_notify(3)); nothing when no one listens."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        sock.connect("\0" + address[1:] if address.startswith("@") else address)
        sock.sendall(state.encode())
