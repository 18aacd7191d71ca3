"""What every request and every answer passes: host, size, origin of what changes something, and the headers of answers.

Nothing here knows a page. RFC 9110 for methods; Fetch Metadata (W3C) for Sec-Fetch-Site; CSP level 3.
"""

from collections.abc import Callable
from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.domain.words import french

MAX_BODY = 88 * 1024 * 1024
"""Bytes of one request: four files at their largest and the form around them, so that a page says what is too heavy."""

_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
API = "/api/"


class _TooLarge(HTTPException):
    """The body goes on beyond what we take: told by whoever reads it, as any refusal."""

    def __init__(self) -> None:
        super().__init__(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)


class Threshold:
    """ASGI middleware. ``origin`` is the console's own, ``hosts`` the names by which it may be asked for.

    ``to_programs`` makes the answer to a program from its status; persons get a sentence.
    """

    def __init__(
        self, app: ASGIApp, *, origin: str, hosts: frozenset[str], to_programs: Callable[[int], Response]
    ) -> None:
        self._app = app
        self._to_programs = to_programs
        self._origin = origin
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI 3."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        dressed = _Dressed(send, scope["path"])
        refusal = self._refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, dressed)
            return
        try:
            await self._app(scope, _Measured(receive), dressed)
        except _TooLarge:
            await self._told(scope, 413, french("Trop grand."))(scope, receive, dressed)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        if headers.get("host", "") not in self._hosts:
            return self._told(scope, 421, french("Adresse inconnue."))
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > MAX_BODY:
            return self._told(scope, 413, french("Trop grand."))
        if scope["method"] not in _SAFE and not scope["path"].startswith(API) and not self._ours(headers):
            return PlainTextResponse(french("Demande venue d'un autre site."), status_code=403)
        return None

    def _told(self, scope: Scope, status: int, words: str) -> Response:
        if scope["path"].startswith(API):
            return self._to_programs(status)
        return PlainTextResponse(words, status_code=status)

    def _ours(self, headers: Headers) -> bool:
        """Whether a form of ours sent it: the browser says so, or an older one at least where it comes from.

        The API has no cookie that another site could make a browser send.
        """
        site = headers.get("sec-fetch-site")
        if site is not None:
            return site == "same-origin"
        return headers.get("origin") == self._origin


class _Measured:
    """A body that says no length is measured as it comes."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._read = 0

    async def __call__(self) -> Message:
        message = await self._receive()
        self._read += len(message.get("body", b""))
        if self._read > MAX_BODY:
            raise _TooLarge
        return message


class _Dressed:
    """Every answer has our headers; nothing but files of this software stays in a browser's store."""

    def __init__(self, send: Send, path: str) -> None:
        self._send = send
        self._path = path

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers[name] = value
            if not self._path.startswith("/static/"):
                headers["Cache-Control"] = "no-store"
        await self._send(message)
