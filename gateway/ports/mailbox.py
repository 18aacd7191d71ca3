"""The mailbox from which mail is taken, and the encryption of a connection."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerTls:
    """The encryption of an open connection: protocol version, and until when the server's certificate is valid."""

    version: str
    certificate_ends: datetime


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
        """Until the server tells of anything new, or the time is over; only a hint to go and look."""
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
