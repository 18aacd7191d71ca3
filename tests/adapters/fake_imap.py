"""A small IMAP server over TLS that behaves well by default, and as badly as a test wants for any one command."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme

from gateway.adapters.imap import ImapFactory, ImapSettings
from gateway.ports import MailboxFactory

SILENCE = 0.5
PASSWORD = 'mot "de\\passe'


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """One client, seen from the server."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def say(self, *lines: bytes) -> None:
        """Send lines."""
        await self.raw(b"".join(line + b"\r\n" for line in lines))

    async def raw(self, data: bytes) -> None:
        """Send bytes."""
        self.writer.write(data)
        await self.writer.drain()

    async def hear(self) -> bytes:
        """The client's next line, without its end."""
        return (await self.reader.readuntil(b"\r\n"))[:-2]

    async def silence(self) -> None:
        """Say nothing more until the client has gone."""
        while await self.reader.read(4096):
            pass

    def cut(self) -> None:
        """End the connection at once, as a crash would."""
        self.writer.transport.abort()


Behaviour = Callable[[Peer, bytes], Awaitable[None]]


@dataclass(slots=True, kw_only=True)
class FakeImap:
    """The running server: its port, and every line that clients sent."""

    authority: trustme.CA
    port: int = 0
    heard: list[bytes] = field(default_factory=list)


def says(*lines: bytes, done: bytes = b"OK done") -> Behaviour:
    """A behaviour that sends these lines, then the tagged line."""

    async def behave(peer: Peer, tag: bytes) -> None:
        await peer.say(*lines, tag + b" " + done)

    return behave


def cuts_after(data: bytes) -> Behaviour:
    """A behaviour that sends these bytes, then aborts the connection."""

    async def behave(peer: Peer, _tag: bytes) -> None:
        await peer.raw(data)
        peer.cut()

    return behave


def falls_silent_after(data: bytes) -> Behaviour:
    """A behaviour that sends these bytes, then nothing more."""

    async def behave(peer: Peer, _tag: bytes) -> None:
        await peer.raw(data)
        await peer.silence()

    return behave


def answers(capabilities: bytes) -> dict[bytes, Behaviour]:
    """What a well-behaved server does."""
    return {
        b"CAPABILITY": says(b"* CAPABILITY " + capabilities),
        b"SELECT": says(b"* 3 EXISTS", b"* OK [UIDVALIDITY 7] valid", b"* OK [UIDNEXT 12] next"),
        b"LOGOUT": says(b"* BYE see you"),
    }


@asynccontextmanager
async def fake_imap(
    behaviours: Mapping[bytes, Behaviour] | None = None,
    *,
    capabilities: bytes = b"IMAP4rev1 SASL-IR AUTH=PLAIN IDLE UIDPLUS",
    greeting: Behaviour | None = None,
    name: str = "127.0.0.1",
) -> AsyncIterator[FakeImap]:
    """A server on a free loopback port; ``behaviours`` replaces the default for these commands.

    ``name`` is the one in its certificate.
    """
    server = FakeImap(authority=trustme.CA())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.authority.issue_cert(name).configure_cert(context)
    known = {**answers(capabilities), **(behaviours or {})}
    sessions: set[asyncio.Task[None]] = set()

    async def serve(peer: Peer) -> None:
        if greeting is None:
            await peer.say(b"* OK ready")
        else:
            await greeting(peer, b"")
        while line := await peer.hear():
            server.heard.append(line)
            tag, *words = line.split()
            command = words[1] if words[0] == b"UID" else words[0]
            await known.get(command, says())(peer, tag)

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = asyncio.current_task()
        assert session
        sessions.add(session)
        try:
            await serve(Peer(reader=reader, writer=writer))
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # The client has gone, or the test is over.
        finally:
            sessions.discard(session)
            writer.transport.abort()

    listener = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=context)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        for session in tuple(sessions):
            session.cancel()
        await asyncio.gather(*sessions, return_exceptions=True)


@dataclass(slots=True)
class TickingClock:
    """Each look at it is one second later."""

    at: datetime = field(default=datetime(2026, 1, 4, 8, tzinfo=UTC))

    def now(self) -> datetime:
        """The next second."""
        self.at += timedelta(seconds=1)
        return self.at

    def uptime(self) -> float:
        """Unused here."""
        return 0.0

    def boot_id(self) -> str:
        """Unused here."""
        return ""


def factory(
    server: FakeImap,
    folder: Path,
    *,
    password: str | None = PASSWORD,
    token: Callable[[], Awaitable[str]] | None = None,
    token_refused: Callable[[str], None] | None = None,
) -> MailboxFactory:
    """A factory for this server, trusting its authority."""
    ca = folder / "ca.pem"
    server.authority.cert_pem.write_to_path(ca)
    settings = ImapSettings(
        host="127.0.0.1",
        port=server.port,
        user="gateway@hopital.test",
        password=password,
        token=token,
        token_refused=token_refused,
        ca=ca,
        timeout=SILENCE,
    )
    return ImapFactory(settings=settings, clock=TickingClock())
