"""What seals and opens mail, and the public keys that it uses."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.domain.parties import Suite
from gateway.wire.incoming import Incoming


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """A partner's key as pinned: full fingerprint (upper-case hex) and the armoured public key, or PEM certificate.

    The fingerprint is the primary key's (OpenPGP), or the certificate's SHA-256 (S/MIME). For S/MIME, ``authorities``
    (PEM) are those that the certificate must lead to, if any, and ``revoked`` is what their list says of it.
    """

    suite: Suite
    fingerprint: str
    material: str
    authorities: str = ""
    revoked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """A detached signature that was checked to be made by our key: armoured (OpenPGP), or DER (S/MIME)."""

    suite: Suite
    data: bytes
    micalg: str
    fingerprint: str


class Sealer(Protocol):
    """Signs with our key of a suite and encrypts to one partner."""

    async def sign(self, entity: bytes, suite: Suite) -> Signature:
        """Detached signature over canonical CRLF bytes.

        Raises:
            OwnKeyUnusable: the signature was not made, or not by our key.
        """
        ...

    async def encrypt(self, entity: bytes, key: PublicKey, *, partner: str) -> bytes:
        """A message for exactly this key: ASCII-armoured (OpenPGP), or a DER envelope (S/MIME).

        Raises:
            KeyUnusable: expired, revoked, or without encryption capability.
        """
        ...

    async def check(self, key: PublicKey, *, partner: str) -> None:
        """Refuse a key that could not encrypt now.

        Raises:
            KeyUnusable: expired, revoked, or without encryption capability.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureFacts:
    """What the cryptographic tool attests of the one signature: upper-case fingerprint as pinned, instant, digest."""

    fingerprint: str
    made_at: datetime
    digest: str


class Opener(Protocol):
    """The capped worker pool."""

    async def open(self, raw: bytes) -> Incoming:
        """Parse, decrypt and check the signature's mathematics, under limits; what was refused is in the value.

        Raises:
            MailMalformed: larger than the pool takes. WorkerFailed: the worker did not survive, or could not start.
        """
        ...

    async def signed(self, raw: bytes) -> bytes | None:
        """The multipart/signed of a mail, whose signature anyone can verify; None where it cannot be told apart.

        Raises:
            MailMalformed, WorkerFailed: as ``open``.
        """
        ...
