"""Signed checkpoints of the audit log, and where each was written down outside."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPoint:
    """A signed checkpoint: ``note`` as it was signed, ``frontier`` encoded, so that the next one is proved from it."""

    id: int = 0
    size: int
    at: datetime
    note: str
    frontier: bytes


class Way(Enum):
    """How a checkpoint leaves this machine."""

    FILE = "file"
    TIMESTAMP = "timestamp"
    MAIL = "mail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """A checkpoint that is to be written down outside; ``done_at`` is None while it is not.

    ``proof`` is what came back: the authority's answer (RFC 3161, DER). ``failing_since`` is when the tries began to
    fail, None while none did. ``transmission`` is the mail that carries it, where it goes by mail.
    """

    id: int = 0
    point: int
    way: Way
    failing_since: datetime | None = None
    done_at: datetime | None = None
    proof: bytes | None = None
    transmission: int | None = None
