"""Hands sealed bytes to the hospital's own mail server: RFC 5321 over verified TLS, with DSN (RFC 3461) and SIZE.

One recipient a transaction, on a connection that is reused. Whatever fails before the first byte of content is
certain: nothing was handed over. Whatever is lost after it is UNKNOWN, because the server may have taken the mail.
Bytes leave exactly as given, or not at all. No address ever enters an error or an outcome.
"""

import asyncio
import contextlib
import re
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from pathlib import Path
from typing import Final

import aiosmtplib
from aiosmtplib import SMTPException, SMTPResponse, SMTPResponseException
from aiosmtplib.protocol import SMTPProtocol

from gateway.domain.errors import LoginRefused, ServerError, ServerUnreachable, TlsRefused
from gateway.domain.words import said
from gateway.ports import Envelope, HandOver, HandOverOutcome

# Outcome texts of ours, when there was no answer of the server to quote.
TOO_LARGE: Final = "too-large"
NOT_CANONICAL: Final = "not-canonical"
NEEDS_8BITMIME: Final = "needs-8bitmime"
ENVELOPE_UNFIT: Final = "envelope-unfit"
NO_ANSWER: Final = "no-answer"
CONNECTION_LOST: Final = "connection-lost"
INTERRUPTED: Final = "interrupted"
ANSWER_BROKEN: Final = "answer-broken"

# A server that dribbles just inside each answer's time limit still ends: all that precedes the content, connecting
# and logging in included, must fit into this many times the limit of one answer.
DIALOGUE_TURNS: float = 5

# The server's last words are shown to an operator and stored; more than this is not an explanation any more.
MAX_TEXT = 200

# Between two chunks the event loop serves the others; a 30 MB mail in one piece stops it for a third of a second.
CHUNK = 256 * 1024

# RFC 3461 section 4: longest ENVID and ORCPT values. Both only help to match reports, so a longer one is left out.
MAX_ENVID = 100
MAX_ORCPT = 500

# RFC 5321 section 4.5.3.1.3: a path is 256 octets at most, with its angle brackets.
MAX_ADDRESS = 254

# A shorter local part is removed from the server's text as a whole word only, or it would blank everything.
LOCAL_PART_DISTINCTIVE = 4

REMOVED = "(...)"
_ADDRESS = re.compile(r"[!-;=?-~]+@[!-;=?-~]+")
_NOT_XTEXT = re.compile(r"[^!-*,-<>-~]")
_SIZE = re.compile(r"[0-9]{1,20}")  # RFC 1870 section 4
_AUTHENTICATION_CODES = frozenset({530, 534, 535, 538})  # RFC 4954 section 6


class _Kind(IntEnum):
    """First digit of a reply code (RFC 5321 section 4.2.1)."""

    SUCCESS = 2
    GO_ON = 3
    DELAY = 4
    REFUSAL = 5
    BROKEN = 0


class SmtpTls(Enum):
    """How TLS begins; there is no way without."""

    STARTTLS = "starttls"
    IMPLICIT = "implicit"


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpSettings:
    """Where and how to connect.

    ``timeout`` is for one answer, in seconds; ``answer_timeout`` for the upload of the content and the answer to it
    (RFC 5321 section 4.5.3.2.6 asks for ten minutes, because a hasty client makes duplicates). ``ca`` replaces the
    system's authorities. ``token`` gives an OAuth access token and takes the place of ``password``; without ``user``
    there is no login (client certificate).
    """

    host: str
    port: int
    tls: SmtpTls
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    token: Callable[[], Awaitable[str]] | None = field(default=None, repr=False)
    ca: Path | None = None
    client_cert: Path | None = None
    client_key: Path | None = None
    timeout: float = 60.0
    answer_timeout: float = 600.0
    local_hostname: str | None = None


class SmtpCourier:
    """The ``Courier`` port over one SMTP connection; concurrent hand-overs wait for each other."""

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings
        self._server = f"{settings.host}:{settings.port}"
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
        fault = _fault(envelope)
        if fault is not None:
            return _outcome(HandOver.REFUSED, fault)
        async with self._lock:
            try:
                async with asyncio.timeout(self._settings.timeout * DIALOGUE_TURNS):
                    client = await self._ready()
                    refusal = await self._dialogue(client, envelope)
            except (OSError, SMTPException) as exc:
                self._drop()
                raise _opening_error(self._server, exc) from exc
            except (ServerError, asyncio.CancelledError):
                self._drop()
                raise
            return refusal if refusal is not None else await self._content(client, envelope)

    async def close(self) -> None:
        """Say QUIT and forget the connection; never raises."""
        async with self._lock:
            try:
                with contextlib.suppress(OSError, SMTPException):
                    async with asyncio.timeout(self._settings.timeout):
                        if self._client is not None:
                            await self._client.execute_command(b"QUIT")
            finally:
                self._drop()

    async def _ready(self) -> aiosmtplib.SMTP:
        """The open connection if it still lives, a new one otherwise."""
        if self._client is not None and await _reset(self._client):
            return self._client
        self._drop()
        settings = self._settings
        self._client = client = aiosmtplib.SMTP(
            hostname=settings.host,
            port=settings.port,
            use_tls=settings.tls is SmtpTls.IMPLICIT,
            start_tls=settings.tls is SmtpTls.STARTTLS,
            tls_context=await asyncio.to_thread(self._tls_context),
            timeout=settings.timeout,
            local_hostname=settings.local_hostname,
        )
        try:
            await client.connect()
        except SMTPException as exc:
            # The exact types are those of a STARTTLS that is not offered, or answered with a refusal.
            if type(exc) is SMTPException or (type(exc) is SMTPResponseException and exc.code > 0):
                raise TlsRefused(server=self._server, reason=said("STARTTLS n'est pas offert.")) from exc
            raise
        # What EHLO said before STARTTLS is void (RFC 3207 section 4.2).
        await client.ehlo()
        await self._log_in(client)
        return client

    def _tls_context(self) -> ssl.SSLContext:
        """Built for each connection, so that a renewed certificate is taken without a restart."""
        settings = self._settings
        try:
            context = ssl.create_default_context(cafile=settings.ca)
            if settings.client_cert is not None:
                # An empty passphrase: an encrypted key fails at once instead of asking on a terminal.
                context.load_cert_chain(settings.client_cert, settings.client_key, password="")
        except OSError as exc:
            reason = said("L'autorité ou le certificat client est illisible.")
            raise TlsRefused(server=self._server, reason=reason) from exc
        return context

    async def _log_in(self, client: aiosmtplib.SMTP) -> None:
        """One attempt with one mechanism: trying them all would lock an account three times as fast."""
        settings = self._settings
        if settings.user is None:
            return
        offered = client.server_auth_methods
        try:
            if settings.token is not None and "xoauth2" in offered:
                await client.auth_xoauth2(settings.user, await settings.token())
            elif settings.password is not None and "plain" in offered:
                await client.auth_plain(settings.user, settings.password)
            elif settings.password is not None and "login" in offered:
                await client.auth_login(settings.user, settings.password)
            else:
                raise LoginRefused(server=self._server, reason=said("Aucun mécanisme d'identification commun."))
        except aiosmtplib.SMTPAuthenticationError as exc:
            if _kind(exc.code) is _Kind.REFUSAL:
                raise LoginRefused(server=self._server, reason=said("Réponse {code}.", code=exc.code)) from exc
            raise  # 454 and the like say nothing about the credentials (RFC 4954 section 6)

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
        limit = _size_limit(client)
        if limit is not None and len(envelope.data) > limit:
            return _outcome(HandOver.REFUSED, TOO_LARGE)
        if not envelope.data.isascii() and not client.supports_extension("8bitmime"):
            return _outcome(HandOver.REFUSED, NEEDS_8BITMIME)
        for command, wanted in _commands(client, envelope):
            answer = await client.execute_command(*command)
            if _kind(answer.code) is not wanted:
                return self._refusal(answer, envelope)
        return None

    def _refusal(self, answer: SMTPResponse, envelope: Envelope) -> HandOverOutcome:
        if answer.code in _AUTHENTICATION_CODES:
            # The server misses a login: that is no verdict on this mail.
            raise LoginRefused(server=self._server, reason=said("Réponse {code}.", code=answer.code))
        outcome = _verdict(answer, envelope, complete=False)
        if outcome.result is HandOver.UNKNOWN:
            raise ServerUnreachable(server=self._server, reason=said("Réponse {code} inattendue.", code=answer.code))
        return outcome

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
            return _loss(exc)
        finally:
            complete = sending.done() and sending.result()
            sending.cancel()
        outcome = _verdict(answer, envelope, complete=complete)
        if not complete or outcome.result is HandOver.UNKNOWN:
            self._drop()  # out of step: the rest of the content must not be read as commands
        return outcome


def _fault(envelope: Envelope) -> str | None:
    """Why this must not leave whatever the server says, or None.

    Only canonical lines travel unchanged: a bare CR or LF would be rewritten (which breaks the signature) or smuggle a
    second mail (CVE-2023-51764), and a last line without CRLF would get one.
    """
    data = envelope.data
    lines = data.count(b"\r\n")
    if b"\0" in data or data.count(b"\r") != lines or data.count(b"\n") != lines or not data.endswith(b"\r\n"):
        return NOT_CANONICAL
    addresses = {envelope.recipient, envelope.sender or envelope.recipient}
    fit = all(len(address) <= MAX_ADDRESS and _ADDRESS.fullmatch(address) for address in addresses)
    return None if fit and envelope.envid.isascii() else ENVELOPE_UNFIT


async def _reset(client: aiosmtplib.SMTP) -> bool:
    """True when the idle connection still answers; it has then forgotten any earlier envelope."""
    try:
        return _kind((await client.execute_command(b"RSET")).code) is _Kind.SUCCESS
    except (OSError, SMTPException):
        return False


def _kind(code: int) -> _Kind:
    first = code // 100
    return _Kind(first) if first in set(_Kind) else _Kind.BROKEN


def _opening_error(server: str, exc: Exception) -> ServerError:
    """What a failure before the content means; the server's own words stay out, they may quote an address."""
    cause: BaseException | None = exc
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return TlsRefused(server=server, reason=said("Certificat refusé : {reason}.", reason=cause.verify_message))
        if isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError):
            return TlsRefused(server=server, reason=said("Erreur TLS : {reason}.", reason=cause.reason))
        cause = cause.__cause__
    if isinstance(exc, TimeoutError):
        return ServerUnreachable(server=server, reason=said("Délai dépassé."))
    if isinstance(exc, SMTPResponseException):
        reason = said("Réponse {code}.", code=exc.code) if exc.code > 0 else said("Réponse hors protocole.")
        return ServerUnreachable(server=server, reason=reason)
    return ServerUnreachable(server=server, reason=said("Connexion impossible ou coupée."))


def _size_limit(client: aiosmtplib.SMTP) -> int | None:
    """The announced limit in octets; zero means that there is none (RFC 1870 section 4)."""
    announced = client.esmtp_extensions.get("size", "").strip()
    return (int(announced) or None) if _SIZE.fullmatch(announced) else None


def _commands(client: aiosmtplib.SMTP, envelope: Envelope) -> tuple[tuple[tuple[bytes, ...], _Kind], ...]:
    """The three commands before the content, each with the kind of answer that lets us go on."""
    mail = [f"FROM:<{envelope.sender}>"]
    rcpt = [f"TO:<{envelope.recipient}>"]
    if client.supports_extension("size"):
        mail.append(f"SIZE={len(envelope.data)}")
    if not envelope.data.isascii():
        mail.append("BODY=8BITMIME")
    # A null return path cannot receive a report, so none is asked for it.
    if envelope.dsn and envelope.sender and client.supports_extension("dsn"):
        envid, original = _xtext(envelope.envid), "rfc822;" + _xtext(envelope.recipient)
        mail += ["RET=HDRS", *([f"ENVID={envid}"] if 0 < len(envid) <= MAX_ENVID else [])]
        rcpt += ["NOTIFY=SUCCESS,FAILURE,DELAY", *([f"ORCPT={original}"] if len(original) <= MAX_ORCPT else [])]
    return (
        ((b"MAIL", *(part.encode("ascii") for part in mail)), _Kind.SUCCESS),
        ((b"RCPT", *(part.encode("ascii") for part in rcpt)), _Kind.SUCCESS),
        ((b"DATA",), _Kind.GO_ON),
    )


def _xtext(text: str) -> str:
    """RFC 3461 section 4: "+", "=" and what is not printable become "+" and two hexadecimal digits."""
    return _NOT_XTEXT.sub(lambda letter: f"+{ord(letter[0]):02X}", text)


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


def _verdict(answer: SMTPResponse, envelope: Envelope, *, complete: bool) -> HandOverOutcome:
    """What a final answer means; a success before the whole content was sent is none."""
    results = {_Kind.DELAY: HandOver.DEFERRED, _Kind.REFUSAL: HandOver.REFUSED}
    if complete:
        results[_Kind.SUCCESS] = HandOver.ACCEPTED
    result = results.get(_kind(answer.code), HandOver.UNKNOWN)
    return HandOverOutcome(result=result, code=answer.code, text=_without_addresses(answer.message, envelope))


def _loss(exc: BaseException) -> HandOverOutcome:
    """No answer to the content. A cancellation is put back, uncounted: the caller learns the outcome first."""
    task = asyncio.current_task()
    if isinstance(exc, asyncio.CancelledError):
        if task is not None:
            task.uncancel()
            task.cancel()
        return _outcome(HandOver.UNKNOWN, INTERRUPTED)
    if isinstance(exc, TimeoutError):
        return _outcome(HandOver.UNKNOWN, NO_ANSWER)
    return _outcome(HandOver.UNKNOWN, CONNECTION_LOST if isinstance(exc, OSError) else ANSWER_BROKEN)


def _outcome(result: HandOver, text: str) -> HandOverOutcome:
    return HandOverOutcome(result=result, code=None, text=text)


def _without_addresses(text: str, envelope: Envelope) -> str:
    """The server's words, printable, short; each word that holds an address or a local part of ours is removed."""
    local_parts = [address.rpartition("@")[0].lower() for address in (envelope.recipient, envelope.sender) if address]
    printable = "".join(letter if " " <= letter <= "~" else " " for letter in text)
    words = []
    for word in printable.split():
        lowered = word.lower()
        named = any(
            lowered.strip("<>()[]{}\"'`.,:;!?") == part or (len(part) >= LOCAL_PART_DISTINCTIVE and part in lowered)
            for part in local_parts
        )
        words.append(REMOVED if named or "@" in word else word)
    return " ".join(words)[:MAX_TEXT]
