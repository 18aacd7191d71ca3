"""OAuth 2.0 access tokens for XOAUTH2 logins: from a command, a file, or client credentials (RFC 6749 section 4.4).

Each provider has ``token()``, and hears of a token that a server ``refused``. Every failure is a TokenRefused that
holds neither a secret, nor a token, nor what the token server or the command said.
"""

import asyncio
import json
import os
import re
import ssl
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from gateway import house_command
from gateway.domain.errors import TokenRefused
from gateway.domain.words import Said, said
from gateway.ports import Clock

# A token is renewed this long before its end, in seconds, so that it does not expire during a login.
MARGIN: Final = 60.0

# A longer life than a day is not believed, in seconds: a token server that errs must not give us one token for ever.
MAX_LIFETIME: Final = 86400

# Largest answer read from a server, a command or a file. Real tokens stay below 4 KB.
MAX_ANSWER: Final = 64 * 1024

# RFC 6749 section 5.2. Only these words of a refusal are repeated, because they are ours as much as the server's.
_ERROR_CODES = frozenset({
    "invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type",
    "invalid_scope",
})  # fmt: skip

# RFC 6750 section 2.1, widened to all visible ASCII: a control character would end the SASL field.
_TOKEN = re.compile(r"[!-~]+")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fresh:
    """A token just obtained; ``lifetime`` in seconds, counted from the demand."""

    token: str = field(repr=False)
    lifetime: float


class _Remembered:
    """Keeps a token until MARGIN before its end; simultaneous callers share one demand.

    Time is ``Clock.uptime``: a step of the calendar clock neither prolongs nor ends a token.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = asyncio.Lock()
        self._token: str | None = None
        self._until = 0.0

    async def token(self) -> str:
        """A token that is valid for MARGIN seconds at least, as far as its source says.

        Raises:
            TokenRefused: it could not be obtained.
        """
        async with self._lock:
            asked_at = self._clock.uptime()
            if self._token is not None and asked_at < self._until:
                return self._token
            self._token = None
            fresh = await self._demand()
            self._token, self._until = fresh.token, asked_at + fresh.lifetime - MARGIN
            return fresh.token

    def refused(self, token: str) -> None:
        """A server did not take this token, perhaps revoked before its end: the next caller gets another."""
        if token == self._token:
            self._token = None

    async def _demand(self) -> _Fresh:
        raise TokenRefused(server=type(self).__name__, reason=said("Aucune source."))


class CommandToken(_Remembered):
    """Standard output of a command, run without a shell, is the token.

    ``lifetime`` says for how many seconds the command's tokens live at least; ``timeout`` in seconds.
    """

    def __init__(
        self, *, command: tuple[str, ...], clock: Clock, timeout: float = 30.0, lifetime: float = 300.0
    ) -> None:
        super().__init__(clock)
        self._command = command
        self._timeout = timeout
        self._lifetime = lifetime

    async def _demand(self) -> _Fresh:
        source = Path(self._command[0]).name
        try:
            output = await house_command.run(self._command, seconds=self._timeout, most=MAX_ANSWER)
        except house_command.CommandFailed as failed:
            raise TokenRefused(server=source, reason=failed.reason) from failed
        return _Fresh(token=_checked(output, source), lifetime=self._lifetime)


class FileToken:
    """A file that another program renews, readable by its owner only; it is read again for each login."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def token(self) -> str:
        """What the file holds, stripped.

        Raises:
            TokenRefused: absent, unreadable, too open, too long, or without a token.
        """
        return await asyncio.to_thread(self._read)

    def refused(self, token: str) -> None:
        """Nothing is remembered."""

    def _read(self) -> str:
        source = str(self._path)
        try:
            with self._path.open("rb") as file:
                state = os.fstat(file.fileno())
                if not stat.S_ISREG(state.st_mode) or state.st_mode & 0o077 or state.st_uid != os.geteuid():
                    raise TokenRefused(
                        server=source, reason=said("Droits trop larges : 0600 et propriétaire demandés.")
                    )
                content = file.read(MAX_ANSWER + 1)
        except OSError as exc:
            raise TokenRefused(server=source, reason=said("Le fichier est illisible.")) from exc
        return _checked(content, source)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCredentials:
    """What the token server wants to know. ``ca`` replaces the system's authorities; ``timeout`` in seconds, in all."""

    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    scope: str
    ca: Path | None = None
    timeout: float = 30.0


class ClientCredentialsToken(_Remembered):
    """Asks a token server with the application's own identity, through the proxy of the environment if there is one."""

    def __init__(self, *, credentials: ClientCredentials, clock: Clock) -> None:
        super().__init__(clock)
        self._credentials = credentials

    async def _demand(self) -> _Fresh:
        import httpx  # it takes as long to load as all our own modules, and most gateways ask no token server

        source = _server(self._credentials.token_url)
        try:
            async with asyncio.timeout(self._credentials.timeout):
                status, body = await self._post()
        except (TimeoutError, httpx.TimeoutException) as exc:
            raise TokenRefused(server=source, reason=said("Délai dépassé.")) from exc
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as exc:
            # The class name only: the message of an HTTP library may quote the address with its parameters.
            raise TokenRefused(
                server=source, reason=said("Échec de la requête ({name}).", name=type(exc).__name__)
            ) from exc
        answer = _json_object(body)
        if status != httpx.codes.OK:
            raise TokenRefused(server=source, reason=_refusal(status, answer))
        return _granted(answer, source)

    async def _post(self) -> tuple[int, bytes]:
        """Status and at most MAX_ANSWER + 1 bytes. Redirections are not followed: the secret goes to one place only."""
        import httpx

        asked = self._credentials
        verify = await asyncio.to_thread(ssl.create_default_context, cafile=asked.ca)
        form = {
            "grant_type": "client_credentials",
            "client_id": asked.client_id,
            "client_secret": asked.client_secret,
            "scope": asked.scope,
        }
        body = bytearray()
        async with (
            httpx.AsyncClient(verify=verify, timeout=asked.timeout, follow_redirects=False) as client,
            client.stream("POST", asked.token_url, data=form, headers={"Accept": "application/json"}) as response,
        ):
            async for chunk in response.aiter_bytes(MAX_ANSWER):
                body += chunk
                if len(body) > MAX_ANSWER:
                    break
        return response.status_code, bytes(body)


def _server(token_url: str) -> str:
    """The host that will get the secret, which travels by TLS or not at all (RFC 6749 section 3.2)."""
    try:
        url = urlsplit(token_url)
        host = url.hostname or "?"
    except ValueError as exc:
        raise TokenRefused(server="?", reason=said("L'adresse est illisible.")) from exc
    if url.scheme != "https" and not (url.scheme == "http" and host in _LOOPBACK):
        raise TokenRefused(server=host, reason=said("L'adresse n'est pas en https : le secret n'est pas envoyé."))
    return host


def _json_object(body: bytes) -> Mapping[str, object]:
    """The answer as a JSON object; empty when it is none, or longer than the limit."""
    if len(body) > MAX_ANSWER:
        return {}
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _refusal(status: int, answer: Mapping[str, object]) -> Said:
    error = answer.get("error")
    known = f" ({error})" if isinstance(error, str) and error in _ERROR_CODES else ""
    return said("Réponse {code}.", code=f"HTTP {status}{known}")


def _granted(answer: Mapping[str, object], source: str) -> _Fresh:
    """RFC 6749 section 5.1. Without a usable ``expires_in`` the token serves once."""
    token, kind, lifetime = answer.get("access_token"), answer.get("token_type"), answer.get("expires_in")
    if not isinstance(token, str) or not isinstance(kind, str) or kind.lower() != "bearer":
        raise TokenRefused(server=source, reason=said("La réponse ne contient pas de jeton."))
    if isinstance(lifetime, str) and re.fullmatch("[0-9]{1,10}", lifetime):
        lifetime = int(lifetime)
    if isinstance(lifetime, bool) or not isinstance(lifetime, int | float):
        lifetime = 0
    return _Fresh(
        token=_checked(token.encode("utf-8", "surrogatepass"), source), lifetime=float(min(lifetime, MAX_LIFETIME))
    )


def _checked(content: bytes, source: str) -> str:
    """The stripped token; it must be one run of visible ASCII within the limit."""
    text = content.decode("ascii", "replace").strip()
    if len(content) > MAX_ANSWER or not _TOKEN.fullmatch(text):
        raise TokenRefused(server=source, reason=said("La réponse ne contient pas de jeton."))
    return text
