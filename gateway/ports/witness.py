"""Who vouches for the audit log: the key that signs its checkpoints, and where they are written down outside."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.domain.checkpoint import Checkpoint, VerifierKey


class LogSigner(Protocol):
    """The log's own key."""

    @property
    def verifier(self) -> VerifierKey:
        """Its public half."""
        ...

    def sign(self, checkpoint: Checkpoint) -> str:
        """The signed note."""
        ...

    def attest(self, document: bytes) -> bytes:
        """The signature of a document that can be no checkpoint's text: one that begins with a brace and a line end."""
        ...


class AnchorBook(Protocol):
    """A file outside that only grows."""

    def append(self, text: str) -> None:
        """Add a note, durably. Blocks.

        Raises:
            StorageFailed: it may or may not be there.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """What a time-stamping authority signed: ``response`` is its whole answer (DER), which others verify as it is."""

    at: datetime
    response: bytes


class Stamper(Protocol):
    """A time-stamping authority (RFC 3161)."""

    async def stamp(self, data: bytes) -> Stamp:
        """A verified stamp of the SHA-256 of ``data``.

        Raises:
            GatewayError: it does not answer, or what it answers does not verify.
        """
        ...
