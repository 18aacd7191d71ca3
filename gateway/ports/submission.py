"""The server to which mail is handed over."""

from dataclasses import dataclass
from enum import Enum
from typing import Protocol


class HandOver(Enum):
    """What became of one SMTP transaction."""

    ACCEPTED = "accepted"
    DEFERRED = "deferred"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """One transaction: one recipient. ``sender`` empty means the null return path (RFC 8098 for receipts).

    ``dsn`` asks for every delivery report; ``unreported`` asks that there be none, not even of a failure.
    """

    sender: str
    recipient: str
    data: bytes
    envid: str
    dsn: bool
    unreported: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOverOutcome:
    """The server's word: SMTP code (None when there was none) and a short text without addresses."""

    result: HandOver
    code: int | None
    text: str


class Courier(Protocol):
    """Hands sealed bytes to the hospital's own mail server."""

    async def hand_over(self, envelope: Envelope) -> HandOverOutcome:
        """One MAIL/RCPT/DATA. DEFERRED and REFUSED are certain; UNKNOWN means that the server may have taken it.

        Raises:
            ServerUnreachable, TlsRefused, LoginRefused, TokenRefused: before DATA, so nothing was handed over.
        """
        ...

    async def close(self) -> None:
        """Say QUIT; never raises."""
        ...
