"""A few pages over HTTP/1.1 for programs of this machine: GET, one answer a connection, nothing else.

Who asks is not trusted: what is read is bounded in size and time, few are served at once, and a path is looked up,
never opened.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus

import structlog

from gateway.domain.errors import GatewayError

_log = structlog.get_logger()

HEAD_BYTES = 8192
"""A request of a monitoring program has some hundred bytes."""

SECONDS = 10.0
"""For all of it: what takes longer is of no use to whoever watches."""

AT_ONCE = 8
"""Monitoring is one program or two."""

TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """An answer."""

    body: bytes
    status: HTTPStatus = HTTPStatus.OK
    media_type: str = TEXT


Make = Callable[[], Awaitable[Page]]
Pages = Mapping[str, Make]
"""What makes each page, by its path."""


@asynccontextmanager
async def served(pages: Pages, *, address: str, port: int) -> AsyncIterator[int]:
    """Serve until the block ends; gives the port, which the system chooses where it is 0.

    Raises:
        OSError: the port is somebody else's.
    """
    open_ones: dict[asyncio.StreamWriter, asyncio.Task[None] | None] = {}

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_ones[writer] = asyncio.current_task()
        try:
            await _answer(pages, reader, writer, busy=len(open_ones) > AT_ONCE)
        finally:
            del open_ones[writer]

    server = await asyncio.start_server(answer, address, port, limit=HEAD_BYTES)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        left = [task for task in open_ones.values() if task is not None]
        for writer in open_ones:
            # Not cancelled: this Python tells a cancelled connection as a defect.
            writer.transport.abort()
        await asyncio.gather(*left)


async def _answer(pages: Pages, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, busy: bool) -> None:
    try:
        async with asyncio.timeout(SECONDS):
            head = await reader.readuntil(b"\r\n\r\n")
            page = Page(body=b"busy\n", status=HTTPStatus.SERVICE_UNAVAILABLE) if busy else await _page(pages, head)
            writer.write(_encoded(page, bodiless=head.startswith(b"HEAD ")))
            await writer.drain()
    except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
        # Too slow, too long or gone: there is nobody to answer.
        writer.transport.abort()
    finally:
        writer.close()


async def _page(pages: Pages, head: bytes) -> Page:
    method, _, rest = head.partition(b"\r\n")[0].decode("latin-1").partition(" ")
    target, _, version = rest.partition(" ")
    if not version.startswith("HTTP/1."):
        return Page(body=b"bad request\n", status=HTTPStatus.BAD_REQUEST)
    if method not in {"GET", "HEAD"}:
        return Page(body=b"only GET\n", status=HTTPStatus.METHOD_NOT_ALLOWED)
    make = pages.get(target.partition("?")[0])
    if make is None:
        return Page(body=b"no such page\n", status=HTTPStatus.NOT_FOUND)
    try:
        return await make()
    except GatewayError as error:
        return Page(body=f"{error.code}\n".encode(), status=HTTPStatus.SERVICE_UNAVAILABLE)
    except Exception as error:  # noqa: BLE001  the top of a task: told, and the gateway goes on
        _log.error("metrics.defect", error=type(error).__name__)
        return Page(body=b"defect\n", status=HTTPStatus.INTERNAL_SERVER_ERROR)


def _encoded(page: Page, *, bodiless: bool) -> bytes:
    lines = (
        f"HTTP/1.1 {page.status.value} {page.status.phrase}",
        f"Content-Type: {page.media_type}",
        f"Content-Length: {len(page.body)}",
        "Cache-Control: no-store",
        "X-Content-Type-Options: nosniff",
        "Connection: close",
    )
    return "\r\n".join((*lines, "", "")).encode() + (b"" if bodiless else page.body)
