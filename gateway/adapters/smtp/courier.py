"""Hands sealed bytes to the hospital's own mail server: RFC 5321 over verified TLS, with DSN (RFC 3461) and SIZE.

One recipient a transaction, on a connection that is reused. Whatever fails before the first byte of content is
certain: nothing was handed over. Whatever is lost after it is UNKNOWN, because the server may have taken the mail.
Bytes leave exactly as given, or not at all. No address ever enters an error or an outcome.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import aiosmtplib
from aiosmtplib import SMTPException, SMTPResponse
from aiosmtplib.protocol import SMTPProtocol

from gateway.adapters.smtp.answers import NEEDS_8BITMIME, TOO_LARGE, Kind, kind, loss, outcome, verdict
from gateway.adapters.smtp.connect import SmtpSettings, client, open_session, opening_error, tls_context
from gateway.adapters.smtp.dialogue import commands, fault, size_limit
from gateway.domain.errors import LoginRefused, ServerError, ServerUnreachable
from gateway.domain.words import said
from gateway.ports import Envelope, HandOver, HandOverOutcome, PeerTls

# A server that dribbles just inside each answer's time limit still ends: all that precedes the content, connecting
# and logging in included, must fit into this many times the limit of one answer.
DIALOGUE_TURNS: float = 5

# Between two chunks the event loop serves the others; a 30 MB mail in one piece stops it for a third of a second.
CHUNK = 256 * 1024

# A QUIT that is not answered is not waited for: a service that stops has little time.
CLOSE_SECONDS: float = 2

_AUTHENTICATION_CODES = frozenset({530, 534, 535, 538})  # RFC 4954 section 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """What the server says of itself once we are logged in. ``size`` in octets, None when it sets no limit."""

    size: int | None
    dsn: bool
    tls: PeerTls


class SmtpCourier:
    """The ``Courier`` port over one SMTP connection; concurrent hand-overs wait for each other.

    ``met`` is told how each connection was encrypted.
    """

    def __init__(self, settings: SmtpSettings, met: Callable[[PeerTls], None] | None = None) -> None:
        self._settings = settings
        self._met = met
        self._server = settings.server
        self._client: aiosmtplib.SMTP | None = None
        self._lock = asyncio.Lock()

    async def hand_over(self, envelope: Envelope) -> HandOverOutcome:
        """One MAIL, RCPT, DATA.

        When the caller's task is cancelled after the content began to leave, UNKNOWN is still returned, and the
        cancellation reaches the caller at its next suspension. For that reason, await this directly in the task that
        records the outcome, without a time limit around it: it has its own.

        Raises:
            ServerUnreachable, TlsRefused, LoginRefused, TokenRefused: before the content, so nothing was handed over.
        """
        unfit = fault(envelope)
        if unfit is not None:
            return outcome(HandOver.REFUSED, unfit)
        async with self._lock:
            async with self._before_content():
                client = await self._ready()
                refusal = await self._dialogue(client, envelope)
            return refusal if refusal is not None else await self._content(client, envelope)

    async def announced(self) -> Announced:
        """Connect and log in, and say what the server announces; nothing is sent.

        Raises:
            ServerUnreachable, TlsRefused, LoginRefused, TokenRefused.
        """
        async with self._lock, self._before_content():
            client = await self._ready()
            return Announced(size=size_limit(client), dsn=client.supports_extension("dsn"), tls=_peer(client))

    async def close(self) -> None:
        """Say QUIT and forget the connection; never raises."""
        async with self._lock:
            try:
                with contextlib.suppress(OSError, SMTPException):
                    async with asyncio.timeout(CLOSE_SECONDS):
                        if self._client is not None:
                            await self._client.execute_command(b"QUIT")
            finally:
                self._drop()

    @contextlib.asynccontextmanager
    async def _before_content(self) -> AsyncIterator[None]:
        """Everything that is certain to have handed nothing over when it fails."""
        try:
            async with asyncio.timeout(self._settings.timeout * DIALOGUE_TURNS):
                yield
        except (OSError, SMTPException) as exc:
            self._drop()
            raise opening_error(self._server, exc) from exc
        except (ServerError, asyncio.CancelledError):
            self._drop()
            raise

    async def _ready(self) -> aiosmtplib.SMTP:
        """The open connection if it still lives, a new one otherwise."""
        if self._client is not None and await _reset(self._client):
            return self._client
        self._drop()
        self._client = fresh = client(self._settings, await tls_context(self._settings))
        await open_session(self._settings, fresh)
        if self._met is not None:
            self._met(_peer(fresh))
        return fresh

    def _drop(self) -> None:
        """Abort: a graceful close would go on sending what is still buffered, perhaps up to the final dot."""
        client, self._client = self._client, None
        if client is not None:
            if isinstance(client.transport, asyncio.WriteTransport):
                client.transport.abort()
            client.close()

    async def _dialogue(self, client: aiosmtplib.SMTP, envelope: Envelope) -> HandOverOutcome | None:
        """Everything up to the server's word that it waits for the content (None), or its refusal.

        What a refusal leaves behind is cleared by the RSET with which the next hand-over begins.
        """
        limit = size_limit(client)
        if limit is not None and len(envelope.data) > limit:
            return outcome(HandOver.REFUSED, TOO_LARGE)
        if not envelope.data.isascii() and not client.supports_extension("8bitmime"):
            return outcome(HandOver.REFUSED, NEEDS_8BITMIME)
        for command, wanted in commands(client, envelope):
            answer = await client.execute_command(*command)
            if kind(answer.code) is not wanted:
                return self._refusal(answer, envelope)
        return None

    def _refusal(self, answer: SMTPResponse, envelope: Envelope) -> HandOverOutcome:
        if answer.code in _AUTHENTICATION_CODES:
            # The server misses a login: that is no verdict on this mail.
            raise LoginRefused(server=self._server, reason=said("Réponse {code}.", code=answer.code))
        found = verdict(answer, envelope, complete=False)
        if found.result is HandOver.UNKNOWN:
            raise ServerUnreachable(server=self._server, reason=said("Réponse {code} inattendue.", code=answer.code))
        return found

    async def _content(self, client: aiosmtplib.SMTP, envelope: Envelope) -> HandOverOutcome:
        """Send the content and hear the verdict.

        From here on every loss is UNKNOWN. The bytes are in the hands of two TCP stacks: we do not know whether the
        final dot arrived, and a server that got it has accepted the mail even if its answer is lost (RFC 1047).
        """
        protocol = client.protocol
        if protocol is None:  # lost between its 354 and our first byte
            self._drop()
            raise ServerUnreachable(server=self._server, reason=said("Connexion coupée avant le contenu."))
        # The task first runs when we wait for the answer below, so no answer can come unheard.
        sending = asyncio.create_task(_send(protocol, envelope.data))
        try:
            async with asyncio.timeout(self._settings.answer_timeout):
                answer = await protocol.read_response()
        except (asyncio.CancelledError, OSError, SMTPException) as exc:
            self._drop()
            return loss(exc)
        finally:
            complete = sending.done() and sending.result()
            sending.cancel()
        found = verdict(answer, envelope, complete=complete)
        if not complete or found.result is HandOver.UNKNOWN:
            self._drop()  # out of step: the rest of the content must not be read as commands
        return found


async def _reset(client: aiosmtplib.SMTP) -> bool:
    """True when the idle connection still answers; it has then forgotten any earlier envelope."""
    try:
        return kind((await client.execute_command(b"RSET")).code) is Kind.SUCCESS
    except (OSError, SMTPException):
        return False


def _peer(client: aiosmtplib.SMTP) -> PeerTls:
    """The encryption in use, and the server's certificate."""
    layer = client.get_transport_info("ssl_object")
    ends = ssl.cert_time_to_seconds(layer.getpeercert()["notAfter"])
    return PeerTls(version=layer.version(), certificate_ends=datetime.fromtimestamp(ends, UTC))


async def _send(protocol: SMTPProtocol, data: bytes) -> bool:
    """Dot-stuff (RFC 5321 section 4.5.2), write in chunks, end with the dot; True when all was written."""
    stuffed = data.replace(b"\r\n.", b"\r\n..") + b".\r\n"
    if data.startswith(b"."):
        stuffed = b"." + stuffed
    # A lost connection is told by the reader, who waits at the same time.
    with contextlib.suppress(aiosmtplib.SMTPServerDisconnected):
        for start in range(0, len(stuffed), CHUNK):
            protocol.write(stuffed[start : start + CHUNK])
            await asyncio.sleep(0)
        return True
    return False
