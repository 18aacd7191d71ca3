"""Opens SMTP sessions: verified TLS, then one login by password, XOAUTH2 or client certificate (RFC 3207, RFC 4954).

There is no clear-text path. The server's own words stay out of every error: they may quote an address.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

import aiosmtplib
from aiosmtplib import SMTPException, SMTPResponseException

from gateway.adapters.smtp.answers import Kind, kind
from gateway.domain.errors import LoginRefused, ServerError, ServerUnreachable, TlsRefused
from gateway.domain.words import said


class SmtpTls(Enum):
    """How TLS begins; there is no way without."""

    STARTTLS = "starttls"
    IMPLICIT = "implicit"


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpSettings:
    """Where and how to connect.

    ``timeout`` is for one answer, in seconds; ``answer_timeout`` for the upload of the content and the answer to it
    (RFC 5321 section 4.5.3.2.6 asks for ten minutes, because a hasty client makes duplicates). ``ca`` replaces the
    system's authorities. ``token`` gives an OAuth access token and takes the place of ``password``; ``token_refused``
    hears of one that the server does not take. Without ``user`` there is no login (client certificate).
    """

    host: str
    port: int
    tls: SmtpTls
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    token: Callable[[], Awaitable[str]] | None = field(default=None, repr=False)
    token_refused: Callable[[str], None] | None = field(default=None, repr=False)
    ca: Path | None = None
    client_cert: Path | None = None
    client_key: Path | None = None
    timeout: float = 60.0
    answer_timeout: float = 600.0
    local_hostname: str | None = None

    @property
    def server(self) -> str:
        """How errors name the server."""
        return f"{self.host}:{self.port}"


def client(settings: SmtpSettings, context: ssl.SSLContext) -> aiosmtplib.SMTP:
    """The library's object for one connection; nothing is opened yet."""
    return aiosmtplib.SMTP(
        hostname=settings.host,
        port=settings.port,
        use_tls=settings.tls is SmtpTls.IMPLICIT,
        start_tls=settings.tls is SmtpTls.STARTTLS,
        tls_context=context,
        timeout=settings.timeout,
        local_hostname=settings.local_hostname,
    )


async def tls_context(settings: SmtpSettings) -> ssl.SSLContext:
    """Built for each connection, so that a renewed certificate is taken without a restart.

    Raises:
        TlsRefused: a file cannot be read.
    """
    return await asyncio.to_thread(_tls_context, settings)


def _tls_context(settings: SmtpSettings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=settings.ca)
        if settings.client_cert is not None:
            # An empty passphrase: an encrypted key fails at once instead of asking on a terminal.
            context.load_cert_chain(settings.client_cert, settings.client_key, password="")
    except OSError as exc:
        reason = said("L'autorité ou le certificat client est illisible.")
        raise TlsRefused(server=settings.server, reason=reason) from exc
    return context


async def open_session(settings: SmtpSettings, connection: aiosmtplib.SMTP) -> None:
    """Connect, start TLS, log in.

    Raises:
        TlsRefused, LoginRefused, TokenRefused.
        OSError, SMTPException: see ``opening_error``.
    """
    try:
        await connection.connect()
    except SMTPException as exc:
        # The exact types are those of a STARTTLS that is not offered, or answered with a refusal.
        if type(exc) is SMTPException or (type(exc) is SMTPResponseException and exc.code > 0):
            raise TlsRefused(server=settings.server, reason=said("STARTTLS n'est pas offert.")) from exc
        raise
    # What EHLO said before STARTTLS is void (RFC 3207 section 4.2).
    await connection.ehlo()
    await _log_in(settings, connection)


async def _log_in(settings: SmtpSettings, connection: aiosmtplib.SMTP) -> None:
    """One attempt with one mechanism: trying them all would lock an account three times as fast."""
    if settings.user is None:
        return
    offered, token = connection.server_auth_methods, None
    try:
        if settings.token is not None and "xoauth2" in offered:
            token = await settings.token()
            await connection.auth_xoauth2(settings.user, token)
        elif settings.password is not None and "plain" in offered:
            await connection.auth_plain(settings.user, settings.password)
        elif settings.password is not None and "login" in offered:
            await connection.auth_login(settings.user, settings.password)
        else:
            raise LoginRefused(server=settings.server, reason=said("Aucun mécanisme d'identification commun."))
    except aiosmtplib.SMTPAuthenticationError as exc:
        if kind(exc.code) is Kind.REFUSAL:
            if token is not None and settings.token_refused is not None:
                settings.token_refused(token)
            raise LoginRefused(server=settings.server, reason=said("Réponse {code}.", code=exc.code)) from exc
        raise  # 454 and the like say nothing about the credentials (RFC 4954 section 6)


def opening_error(server: str, exc: Exception) -> ServerError:
    """What a failure before the content means."""
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
