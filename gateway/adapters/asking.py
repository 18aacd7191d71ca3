"""What the running service says of itself, asked through the socket in its data folder.

It keeps its state ready; reading the database instead means to load all that opens it, ten times as long. Nothing of
that is imported here.
"""

import json
import os
import socket
from pathlib import Path
from typing import Any

SOCKET = "status.sock"
"""In the data folder, for the service's own account."""

PAGE = "/status/1"
"""Its number grows when what is told changes: a service of before an upgrade then gives no answer to a command."""

SECONDS = 3.0
"""A service that says nothing for so long is no answer: the database is asked."""

MOST = 4 * 1024 * 1024
"""Bytes; an answer has some thousand."""


def ask(data: Path, *, seconds: float = SECONDS) -> dict[str, Any] | None:
    """Its state, as data; None when no service of ours on this folder gives it, whole and in time."""
    try:
        if data.stat().st_uid != os.getuid():
            return None
        answer = _exchanged(data, seconds)
        head, _, body = answer.partition(b"\r\n\r\n")
        told = json.loads(body) if head.startswith(b"HTTP/1.1 200 ") else None
    except (OSError, ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) else None


def _exchanged(data: Path, seconds: float) -> bytes:
    folder = os.open(data, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(seconds)
            # By the folder's number: an address of this kind has 107 bytes at most.
            line.connect(f"/proc/self/fd/{folder}/{SOCKET}")
            line.sendall(f"GET {PAGE} HTTP/1.1\r\n\r\n".encode())
            answer = b""
            while len(answer) <= MOST and (part := line.recv(65536)):
                answer += part
            return answer
    finally:
        os.close(folder)
