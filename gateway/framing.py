"""How a worker and its parent speak on a pipe: a length, a JSON header with the size of the body, the body.

What the worker needs to know of it is here, so that it starts without all that its parent needs.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import date
from enum import Enum
from typing import Any, BinaryIO

from gateway.wire.incoming import Incoming

LENGTH = 4
"""Bytes of the header's length."""

MAX_GREETING = 4 * 1024 * 1024
"""Our certificate, and each partner's with its authorities: some 10 KB a partner."""

EXIT_MEMORY = 12
"""What the worker exits with when its memory cap was reached."""

MAX_HEADER = 2 * 1024 * 1024
"""The facts of a mail: a manifest of 256 KiB and a letter of 100,000 characters, escaped, fit well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What opening one mail may cost; each protects the machine from one kind of hostile mail.

    ``seconds`` is wall-clock time a mail and ``cpu_seconds`` processor time a process spends on it; ``memory`` is
    address space in bytes, for the worker and for its gpg alike; ``file_bytes`` bounds any file they write (gpg's
    random seed has 600); ``max_mail`` and ``max_plain`` are bytes before and after decryption; ``jobs`` is how many
    mails a process sees: they leave nothing behind in its memory, but no process should see mails for ever.
    """

    seconds: float = 20.0
    cpu_seconds: int = 15
    memory: int = 768 * 1024 * 1024
    file_bytes: int = 1024 * 1024
    open_files: int = 64
    max_mail: int = 60 * 1024 * 1024
    max_plain: int = 60 * 1024 * 1024
    jobs: int = 1000
    start_seconds: float = 15.0


def encode_frame(header: Mapping[str, Any], body: bytes = b"") -> bytes:
    """A message: length of the header (4 bytes, big-endian), JSON header with the body's size, body."""
    encoded = json.dumps({**header, "size": len(body)}).encode()
    return len(encoded).to_bytes(LENGTH, "big") + encoded + body


def decode_header(encoded: bytes) -> dict[str, Any]:
    """The header of a message.

    Raises:
        ValueError: not a JSON object with a size.
    """
    header = json.loads(encoded)
    if not isinstance(header, dict) or type(header.get("size")) is not int or header["size"] < 0:
        raise ValueError("not a header")
    return header


def read_frame(stream: BinaryIO, max_body: int) -> tuple[dict[str, Any], bytes] | None:
    """The next message of a blocking stream; None at its end.

    Raises:
        ValueError: cut, too large, or not a message.
    """
    prefix = stream.read(LENGTH)
    if not prefix:
        return None
    length = int.from_bytes(prefix, "big")
    if len(prefix) != LENGTH or length > MAX_HEADER:
        raise ValueError("not a message")
    header = decode_header(stream.read(length))
    if header["size"] > max_body:
        raise ValueError("message too large")
    body = stream.read(header["size"])
    if len(body) != header["size"]:
        raise ValueError("message cut")
    return header, body


def encode_incoming(seen: Incoming) -> Any:
    """The facts of a mail as JSON values, without its bytes, which travel as the body."""
    return _plain(replace(seen, entity=None, whole=None))


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if isinstance(value, date):
        return value.isoformat()
    return value.value if isinstance(value, Enum) else value
