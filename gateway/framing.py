"""How a worker and its parent speak on a pipe: a length, a JSON header with the size of the body, the body."""

import json
from collections.abc import Mapping
from typing import Any, BinaryIO

LENGTH = 4
"""Bytes of the header's length."""

MAX_HEADER = 2 * 1024 * 1024
"""The facts of a mail: a manifest of 256 KiB and a letter of 100,000 characters, escaped, fit well."""


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
