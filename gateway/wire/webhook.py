"""A message to a program, signed as Standard Webhooks 1.0 says: HMAC-SHA256 over ``id.timestamp.body``.

https://github.com/standard-webhooks/standard-webhooks, 2023.
"""

import base64
import hmac
from collections.abc import Sequence

PREFIX = "whsec_"
SHORTEST, LONGEST = 24, 64
"""Bytes of a key."""


def key_of(text: str) -> bytes:
    """The key that a secret writes: ``whsec_`` and base64 of 24 to 64 bytes.

    Raises:
        ValueError: it does not.
    """
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except ValueError:
        # Without its cause: a decoder's message can quote the secret.
        raise ValueError("not base64") from None
    if not text.startswith(PREFIX) or not SHORTEST <= len(key) <= LONGEST:
        raise ValueError("not a key")
    return key


def signed(identifier: str, timestamp: int, body: bytes, keys: Sequence[bytes]) -> dict[str, str]:
    """The headers of the message; one signature for each key, so that the receiver may change it in its own time."""
    told = f"{identifier}.{timestamp}.".encode() + body
    marks = [base64.b64encode(hmac.digest(key, told, "sha256")).decode() for key in keys]
    return {
        "webhook-id": identifier,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{mark}" for mark in marks),
    }
