"""What every request and every answer passes: host, size, origin of what changes something, and the headers of answers.

Nothing here knows a page. RFC 9110 for methods; Fetch Metadata (W3C) for Sec-Fetch-Site; CSP level 3.
"""

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.domain.words import french

SMALL_BODY = 256 * 1024
"""Bytes of a request of anybody: a form without files, whatever is typed into it."""

LARGE_AT_ONCE = 4
"""Large requests that are read at one time: each lies in memory until it is sealed."""

MAX_BODY = 88 * 1024 * 1024
"""Bytes of one request: four files at their largest and the form around them, so that a page says what is too heavy."""

STILL_SECONDS = 60.0
"""How long nothing more of a body may come: whoever falls silent would keep others from sending theirs."""

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
_WORDS = {
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: french("Trop grand."),
    HTTPStatus.REQUEST_TIMEOUT: french("L'envoi s'est interrompu ; recommencez."),
}
API = "/api/"


class _NotTaken(HTTPException):
    """The body goes on beyond what we take, or stops coming: told by whoever reads it, as any refusal."""


class Threshold:
    """ASGI middleware. ``origin`` is the console's own, ``hosts`` the names by which it may be asked for.

    ``to_programs`` makes the answer to a program from its status; persons get a sentence. ``known`` says whether a
    request comes from somebody who may bring files; ``on_defect`` answers where our own code broke.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        origin: str,
        hosts: frozenset[str],
        to_programs: Callable[[int], Response],
        known: Callable[[Request], Awaitable[bool]],
        on_defect: Callable[[Request, Exception], Awaitable[Response]],
    ) -> None:
        self._app = app
        self._known = known
        self._on_defect = on_defect
        self._large = asyncio.Semaphore(LARGE_AT_ONCE)
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
        if not _large(scope):
            await self._through(scope, receive, dressed, SMALL_BODY)
        elif not await self._known(Request(scope)):
            await self._told(scope, 413, _WORDS[HTTPStatus.REQUEST_ENTITY_TOO_LARGE])(scope, receive, dressed)
        else:
            async with self._large:
                await self._through(scope, receive, dressed, MAX_BODY)

    async def _through(self, scope: Scope, receive: Receive, dressed: "_Dressed", limit: int) -> None:
        try:
            await self._app(scope, _Measured(receive, limit), dressed)
        except _NotTaken as error:
            await self._told(scope, error.status_code, _WORDS[HTTPStatus(error.status_code)])(scope, receive, dressed)
        except Exception as error:  # noqa: BLE001  the last door: nothing of it may reach the server's own log
            if not dressed.begun:  # else the API has told and answered it already
                answer = await self._on_defect(Request(scope), error)
                await answer(scope, receive, dressed)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        if headers.get("host", "") not in self._hosts:
            return self._told(scope, 421, french("Adresse inconnue."))
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > MAX_BODY:
            return self._told(scope, 413, _WORDS[HTTPStatus.REQUEST_ENTITY_TOO_LARGE])
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


def _large(scope: Scope) -> bool:
    """Whether a body is, or may become, more than a form without files."""
    headers = Headers(scope=scope)
    return int(headers.get("content-length", "0")) > SMALL_BODY or "transfer-encoding" in headers


class _Measured:
    """A body is measured as it comes, whatever length it says."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._limit = limit
        self._read = 0
        self._whole = False

    async def __call__(self) -> Message:
        try:
            # After the body only the end of the connection comes, whenever that is.
            async with asyncio.timeout(None if self._whole else STILL_SECONDS):
                message = await self._receive()
        except TimeoutError:
            raise _NotTaken(HTTPStatus.REQUEST_TIMEOUT) from None
        self._whole = not message.get("more_body", False)
        self._read += len(message.get("body", b""))
        if self._read > self._limit:
            raise _NotTaken(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        return message


class _Dressed:
    """Every answer has our headers; nothing but files of this software stays in a browser's store."""

    def __init__(self, send: Send, path: str) -> None:
        self._send = send
        self._path = path
        self.begun = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers[name] = value
            if not self._path.startswith("/static/"):
                headers["Cache-Control"] = "no-store"
        await self._send(message)
