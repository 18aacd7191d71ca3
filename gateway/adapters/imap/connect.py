"""Opens IMAP sessions: verified implicit TLS (RFC 8314) and login by password, XOAUTH2 or client certificate.

There is no clear-text and no STARTTLS path. A password or token never reaches a log or an error.
"""

import asyncio
import ssl
from base64 import b64encode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from gateway.adapters.imap import syntax
from gateway.adapters.imap.faults import translated
from gateway.adapters.imap.protocol import Answer, Broken, GuardedProtocol, Lost, silence_library
from gateway.adapters.imap.session import ImapMailbox
from gateway.domain.errors import LoginRefused, SecretUnreadable, ServerUnreachable, TokenRefused
from gateway.domain.words import Said, said
from gateway.ports import Clock, PeerTls

# RFC 8305 section 8: the next address of a name is tried after this long.
NEXT_ADDRESS_SECONDS = 0.25
# Response codes of RFC 5530 that tell the operator what to mend.
REFUSALS = ("AUTHENTICATIONFAILED", "AUTHORIZATIONFAILED", "EXPIRED", "PRIVACYREQUIRED", "CONTACTADMIN", "LIMIT")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImapSettings:
    """One mailbox of one server.

    With ``token`` the login is XOAUTH2 (``token_refused`` hears of one that the server does not take), else with
    ``password`` PLAIN or LOGIN, else EXTERNAL with ``client_cert`` (``user`` is then asked for as identity; empty: the
    one of the certificate). ``ca`` None means the system's authorities. ``timeout`` is the longest silence of the
    server, in seconds.
    """

    host: str
    port: int = 993
    user: str
    password: str | None = field(default=None, repr=False)
    token: Callable[[], Awaitable[str]] | None = None
    token_refused: Callable[[str], None] | None = None
    ca: Path | None = None
    client_cert: Path | None = None
    client_key: Path | None = None
    timeout: float = 30.0

    @property
    def server(self) -> str:
        """How errors name the server."""
        return f"imap {self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImapFactory:
    """Opens sessions with these settings; ``met`` is told how each was encrypted."""

    settings: ImapSettings
    clock: Clock
    met: Callable[[PeerTls], None] | None = None

    async def connect(self) -> ImapMailbox:
        """Connect over verified TLS and log in.

        Raises:
            ServerUnreachable, TlsRefused, LoginRefused, TokenRefused, ProtocolBroken.
            SecretUnreadable: a certificate or key file cannot be read.
        """
        settings = self.settings
        silence_library()
        token = await _token(settings)
        context = await asyncio.to_thread(tls_context, settings)
        loop = asyncio.get_running_loop()
        protocol = GuardedProtocol(loop, settings.timeout)
        try:
            with translated(settings.server, settings.timeout):
                async with asyncio.timeout(settings.timeout):
                    await loop.create_connection(
                        lambda: protocol,
                        settings.host,
                        settings.port,
                        ssl=context,
                        happy_eyeballs_delay=NEXT_ADDRESS_SECONDS,
                    )
                await _greet(protocol)
                await _log_in(protocol, settings, token)
                capabilities = await _capabilities(protocol)
        except BaseException:
            protocol.cut(Lost(said("session abandonnée")))
            raise
        session = ImapMailbox(
            protocol=protocol,
            capabilities=capabilities,
            clock=self.clock,
            server=settings.server,
            seconds=settings.timeout,
        )
        if self.met is not None:
            self.met(session.tls)
        return session


def tls_context(settings: ImapSettings) -> ssl.SSLContext:
    """A context that verifies chain and name, with our own certificate when there is one. Reads files.

    Raises:
        SecretUnreadable: a file cannot be read, or is not what it should be.
    """
    source = settings.ca
    try:
        context = ssl.create_default_context(cafile=source)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if settings.client_cert is not None:
            source = settings.client_cert
            # Without a password the library would ask for one on the terminal.
            context.load_cert_chain(settings.client_cert, settings.client_key, password="")
    except OSError as error:
        raise SecretUnreadable(source=str(source), reason=said("Certificat ou clé illisible.")) from error
    return context


async def _token(settings: ImapSettings) -> str | None:
    """Ask for the token before connecting, so that no server waits for it."""
    if settings.token is None:
        return None
    try:
        async with asyncio.timeout(settings.timeout):
            return await settings.token()
    except TimeoutError as error:
        raise TokenRefused(
            server=settings.server, reason=said("Aucun jeton en {seconds:g} s.", seconds=settings.timeout)
        ) from error


async def _greet(protocol: GuardedProtocol) -> None:
    async with protocol.patience():
        await protocol.ready.wait()
    greeting = (protocol.greeting or b"").upper()
    if greeting.startswith(b"* BYE"):
        raise Lost(said("le serveur refuse la session"))
    if protocol.error is not None:
        raise protocol.error
    # PREAUTH would be the session of somebody whom we did not name.
    if not greeting.startswith(b"* OK"):
        raise Broken(said("accueil inattendu"))


async def _capabilities(protocol: GuardedProtocol) -> frozenset[str]:
    answer = await protocol.ask("CAPABILITY")
    return syntax.capabilities(answer.responses)


async def _log_in(protocol: GuardedProtocol, settings: ImapSettings, token: str | None) -> None:
    offered = await _capabilities(protocol)
    try:
        answer = await _authenticate(protocol, settings, token, offered)
    except ValueError as error:
        reason = said("Caractère interdit dans le compte ou le mot de passe.")
        raise LoginRefused(server=settings.server, reason=reason) from error
    if answer.status == "NO" and b"[UNAVAILABLE]" in answer.text.upper():
        # RFC 5530: the credentials were not judged.
        raise ServerUnreachable(server=settings.server, reason=said("Identification momentanément impossible."))
    if answer.status == "NO":
        if token is not None and settings.token_refused is not None:
            settings.token_refused(token)
        raise LoginRefused(server=settings.server, reason=_refusal(answer.text))
    if answer.status != "OK":
        raise Broken(said("identification incomprise"))


def _refusal(text: bytes) -> Said:
    """Only a response code that we know, since the free text may name the account."""
    known = (code for code in REFUSALS if f"[{code}]".encode() in text.upper())
    return said("Réponse {code}.", code=f"NO {next(known, '')}".rstrip())


async def _authenticate(
    protocol: GuardedProtocol, settings: ImapSettings, token: str | None, offered: frozenset[str]
) -> Answer:
    user, password = settings.user, settings.password
    if token is not None:
        return await _sasl(protocol, offered, "XOAUTH2", f"user={user}\1auth=Bearer {token}\1\1")
    if password is None:
        return await _sasl(protocol, offered, "EXTERNAL", user)
    if "AUTH=PLAIN" in offered:
        return await _sasl(protocol, offered, "PLAIN", f"\0{user}\0{password}")
    return await protocol.ask("LOGIN", syntax.quoted(user), syntax.quoted(password))


async def _sasl(protocol: GuardedProtocol, offered: frozenset[str], mechanism: str, response: str) -> Answer:
    """AUTHENTICATE with its one response, in the command itself where the server takes it (RFC 4959)."""
    coded = b64encode(response.encode("utf-8"))
    if "SASL-IR" in offered:
        return await protocol.ask("AUTHENTICATE", mechanism, coded.decode("ascii") or "=")
    return await protocol.ask("AUTHENTICATE", mechanism, then=(coded,))
