"""What the services ask of the world: one Protocol for each outside thing, and the values that cross the border.

Instants are aware UTC. Adapters implement these; tests implement them by hand. The storage port is in
``gateway/storage.py``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Protocol

from gateway.domain.parties import Suite
from gateway.domain.words import french
from gateway.wire.incoming import Incoming


class Clock(Protocol):
    """The system's clock."""

    def now(self) -> datetime:
        """The current instant, aware UTC."""
        ...

    def uptime(self) -> float:
        """Seconds that only go forward at one second a second (CLOCK_BOOTTIME), to notice a step of ``now``."""
        ...

    def boot_id(self) -> str:
        """Which start of the machine ``uptime`` counts from."""
        ...


Noise = Callable[[int], bytes]
"""That many random bytes, fit for identifiers and boundaries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerTls:
    """The encryption of an open connection: protocol version, and until when the server's certificate is valid."""

    version: str
    certificate_ends: datetime


# --- incoming mail


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderState:
    """A folder as it was between two instants: every UID below ``uidnext`` was there before ``answered_at``."""

    folder: str
    uidvalidity: int
    uidnext: int
    asked_at: datetime
    answered_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One message of a folder, as the server lists it. ``internaldate`` is aware UTC; ``size`` in bytes."""

    uid: int
    size: int
    internaldate: datetime


class Mailbox(Protocol):
    """One open IMAP session. Nothing in the mailbox is changed by any of these, except ``server_time``.

    Each method raises ServerUnreachable, LoginRefused or ProtocolBroken, after which the session is useless.
    """

    async def open(self, folder: str) -> FolderState:
        """Select a folder and return its UIDVALIDITY and UIDNEXT."""
        ...

    async def uids(self, first: int, below: int) -> tuple[int, ...]:
        """UIDs of the selected folder with first <= UID < below, ascending; asks NOOP first."""
        ...

    async def listing(self, uids: Sequence[int]) -> tuple[Listed, ...]:
        """Size and INTERNALDATE of these UIDs, in batches; a UID that vanished is absent."""
        ...

    async def fetch(self, uid: int, max_bytes: int) -> bytes | None:
        """The whole message, unmarked as read; None when it vanished."""
        ...

    async def server_time(self, folder: str) -> datetime:
        """The server's own clock, by APPEND without a date into a folder of ours (second resolution)."""
        ...

    async def wait_for_news(self, seconds: float) -> None:
        """IDLE until the server pushes anything, or the time is over; only a hint to go and look."""
        ...

    async def close(self) -> None:
        """Log out; never raises."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A folder of the mailbox, and what the server says that it is for: ``junk``, ``sent`` and so on (RFC 6154)."""

    name: str
    use: str | None = None


class Survey(Mailbox, Protocol):
    """A session that can also say how the mailbox is made, for a check-up. Raises what ``Mailbox`` raises."""

    @property
    def tls(self) -> PeerTls:
        """The encryption of this session."""
        ...

    async def folders(self) -> tuple[Folder, ...]:
        """Every folder that can be opened."""
        ...

    async def append_limit(self, folder: str) -> int | None:
        """Bytes of the largest message that the folder takes (RFC 7889); None when the server does not say it."""
        ...

    async def examine(self, folder: str) -> FolderState:
        """As ``open``, without changing anything, not even what is new (EXAMINE)."""
        ...

    async def search(self, first: int, *, subject: str, message_id: str) -> tuple[int, ...]:
        """UIDs >= first of the open folder whose subject or Message-ID holds this text; asks NOOP first."""
        ...

    async def remove(self, folder: str, uidvalidity: int, uid: int) -> bool:
        """Delete this one message for good; False, and nothing done, where that could delete another (no UIDPLUS)."""
        ...


class MailboxFactory(Protocol):
    """Opens sessions."""

    async def connect(self) -> Mailbox:
        """Connect over verified TLS and log in.

        Raises:
            ServerUnreachable, TlsRefused, LoginRefused, TokenRefused.
        """
        ...


# --- outgoing mail


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


# --- sealing and opening


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


# --- readers of our own party

DROP = french("le dossier de remise")
"""The place that a drop names in a StorageFailed of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DropFile:
    """One file for a reader. ``name`` is one component of a path, made safe by whoever chose it."""

    name: str
    data: bytes


class Drop(Protocol):
    """Puts opened messages into the folders of readers, and takes them away again."""

    async def put(self, folder: str, name: str, files: Sequence[DropFile]) -> None:
        """Write these files, durably and all at once, as the folder ``name``; what is there already is not changed.

        Raises:
            DropRefused: the folder is not private and ours, or other content bears the name. StorageFailed.
        """
        ...

    async def remove(self, folder: str, name: str) -> None:
        """Delete what ``put`` wrote, whole or partial; absent is fine.

        Raises:
            DropRefused, StorageFailed: it is still there.
        """
        ...


# --- vault


@dataclass(frozen=True, slots=True, kw_only=True)
class WrappedKey:
    """A key encrypted under another one; safe to store beside what it protects."""

    id: str
    wrapped: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolFile:
    """A sealed file of the spool: its name, its own wrapped key, the vault key that wraps it, plain size and digest."""

    name: str
    vault_key: str
    wrapped: bytes
    size: int
    sha256: str


class Vault(Protocol):
    """Seals what lies on the disk. Every file has its own key, wrapped by a vault key (case, quarantine, evidence)."""

    def new_key(self, purpose: str) -> WrappedKey:
        """A fresh vault key under the master key; ``purpose`` is bound to it."""
        ...

    async def store(self, data: bytes, key: WrappedKey) -> SpoolFile:
        """Write and fsync file and folder before returning.

        Raises:
            StorageFailed, VaultClosed.
        """
        ...

    async def load(self, file: SpoolFile, key: WrappedKey) -> bytes:
        """The plain bytes, integrity checked.

        Raises:
            VaultClosed, StorageFailed.
        """
        ...

    def rewrap(self, file: SpoolFile, old: WrappedKey, new: WrappedKey) -> SpoolFile:
        """The same file under another vault key; the file itself is not rewritten."""
        ...

    def seal_text(self, text: str, key: WrappedKey) -> bytes:
        """A short column, encrypted under a vault key."""
        ...

    def open_text(self, sealed: bytes, key: WrappedKey) -> str:
        """The reverse of ``seal_text``.

        Raises:
            VaultClosed.
        """
        ...

    def lookup(self, text: str) -> str:
        """Keyed hash (hex) by which a sealed column can be searched for equality."""
        ...

    def remove(self, name: str) -> None:
        """Delete a spool file; absent is fine."""
        ...

    def names(self) -> frozenset[str]:
        """Names of all files of the spool."""
        ...

    def sweep(self) -> int:
        """Remove what a killed writer left half-written; returns how many files."""
        ...
