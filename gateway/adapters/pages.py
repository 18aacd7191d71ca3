"""A few pages over HTTP/1.1 for programs of this machine: GET, one answer a connection, nothing else.

Who asks is not trusted: what is read is bounded in size and time, few are served at once, and a path is looked up,
never opened.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from pathlib import Path

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
    async with _serving(pages, partial(asyncio.start_server, host=address, port=port)) as server:
        yield int(server.sockets[0].getsockname()[1])


@asynccontextmanager
async def served_in(pages: Pages, place: Path) -> AsyncIterator[None]:
    """Serve until the block ends, by a socket that is this file, for this account alone.

    Raises:
        OSError: the folder does not take it.
    """
    with _bound(place) as line:
        async with _serving(pages, partial(asyncio.start_unix_server, sock=line)):
            yield


@contextmanager
def _bound(place: Path) -> Iterator[socket.socket]:
    folder = os.open(place.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        # A service that was killed leaves its own.
        place.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX) as line:
            # By the folder's number: an address of this kind has 107 bytes at most.
            line.bind(f"/proc/self/fd/{folder}/{place.name}")
            place.chmod(0o600)
            yield line
    finally:
        os.close(folder)
        place.unlink(missing_ok=True)


@asynccontextmanager
async def _serving(pages: Pages, start: Callable[..., Awaitable[asyncio.Server]]) -> AsyncIterator[asyncio.Server]:
    open_ones: dict[asyncio.StreamWriter, asyncio.Task[None] | None] = {}

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_ones[writer] = asyncio.current_task()
        try:
            await _answer(pages, reader, writer, busy=len(open_ones) > AT_ONCE)
        finally:
            del open_ones[writer]

    server = await start(answer, limit=HEAD_BYTES)
    try:
        yield server
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
