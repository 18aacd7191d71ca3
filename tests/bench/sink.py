"""The least that a mail server can be: SMTP that takes every mail, and the mailbox that it falls into, in memory.

What a measure through it leaves out is the mail server, nothing else: TLS, the login and each command are spoken.
"""

import asyncio
import ssl
from collections.abc import Sequence
from datetime import datetime
from email.utils import format_datetime

from gateway.adapters.clock import SystemClock
from gateway.ports import FolderState, Listed

HOST = "127.0.0.1"
NAME = "puits.test"
LIMIT = 64 * 1024 * 1024
END = b"\r\n.\r\n"


_now = SystemClock().now


class SinkMailbox:
    """The ``Mailbox`` port, and its factory, over what the sink took; every folder but the inbox is empty."""

    def __init__(self) -> None:
        self._mails: dict[int, tuple[bytes, datetime]] = {}
        self._next = 1
        self._news = asyncio.Event()
        self._inbox = True

    def put(self, data: bytes) -> None:
        """One more mail, stamped."""
        now = _now()
        stamp = f"Received: from relais by {NAME} with ESMTPSA; {format_datetime(now)}\r\n"
        self._mails[self._next] = stamp.encode() + data, now
        self._next += 1
        self._news.set()

    def heard(self, command: bytes) -> None:
        """A command of a hand-over, for who counts them."""

    async def connect(self) -> "SinkMailbox":
        """A session."""
        return self

    async def open(self, folder: str) -> FolderState:
        """Select a folder."""
        self._inbox = folder == "INBOX"
        now = _now()
        uidnext = self._next if self._inbox else 1
        return FolderState(folder=folder, uidvalidity=1, uidnext=uidnext, asked_at=now, answered_at=now)

    async def uids(self, first: int, below: int) -> tuple[int, ...]:
        """Those of the selected folder."""
        return tuple(range(first, min(below, self._next))) if self._inbox else ()

    async def listing(self, uids: Sequence[int]) -> tuple[Listed, ...]:
        """Size and date."""
        found = ((uid, self._mails[uid]) for uid in uids)
        return tuple(Listed(uid=uid, size=len(data), internaldate=at) for uid, (data, at) in found)

    async def fetch(self, uid: int, max_bytes: int) -> bytes | None:
        """The mail, once: it is not kept."""
        data, at = self._mails[uid]
        self._mails[uid] = b"", at
        return data[:max_bytes]

    async def server_time(self, folder: str) -> datetime:
        """The clock is ours."""
        del folder
        return _now()

    async def wait_for_news(self, seconds: float) -> None:
        """As IDLE: until a mail comes, or the time is over."""
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return
        self._news.clear()

    async def close(self) -> None:
        """Nothing to close."""


async def serve(mailbox: SinkMailbox, port: int, tls: ssl.SSLContext) -> asyncio.Server:
    """Submission with STARTTLS and a login, on this loopback port."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 " + NAME.encode() + b"\r\n")
        while line := await reader.readline():
            mailbox.heard(line)
            await _answer(line.split(b" ")[0].strip().upper(), reader, writer)
        writer.close()

    async def _answer(verb: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if verb == b"EHLO":
            writer.write(b"250-%s\r\n250-STARTTLS\r\n250-AUTH PLAIN\r\n250-DSN\r\n250-8BITMIME\r\n" % NAME.encode())
            writer.write(b"250 SIZE %d\r\n" % LIMIT)
        elif verb == b"STARTTLS":
            writer.write(b"220 go ahead\r\n")
            await writer.start_tls(tls)
        elif verb == b"AUTH":
            writer.write(b"235 welcome\r\n")
        elif verb == b"DATA":
            writer.write(b"354 go ahead\r\n")
            data = await reader.readuntil(END)
            mailbox.put(data[: 2 - len(END)].replace(b"\r\n..", b"\r\n."))
            writer.write(b"250 taken\r\n")
        else:
            writer.write(b"250 as you like\r\n")

    return await asyncio.start_server(talk, HOST, port, limit=LIMIT)
