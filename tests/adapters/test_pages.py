"""The pages for monitoring programs: what is asked wrongly costs an answer or a connection, never the gateway."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus

import pytest

from gateway.adapters import pages
from gateway.adapters.pages import HEAD_BYTES, Page, served
from gateway.domain.errors import StorageFailed

SECRET = "ce que personne ne doit lire"
Ask = Callable[[bytes], Awaitable[bytes]]


async def _good() -> Page:
    return Page(body=b"good\n")


async def _unready() -> Page:
    return Page(body=b"mail_not_polled\n", status=HTTPStatus.SERVICE_UNAVAILABLE)


async def _failing() -> Page:
    raise StorageFailed(place=SECRET, reason=SECRET)


async def _defect() -> Page:
    raise RuntimeError(SECRET)


PAGES = {"/good": _good, "/unready": _unready, "/failing": _failing, "/defect": _defect}


@pytest.fixture(name="port")
async def _port() -> AsyncIterator[int]:
    async with served(PAGES, address="127.0.0.1", port=0) as port:
        yield port


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A client."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def ask(port: int, request: bytes) -> bytes:
    """All that is answered until the connection is closed."""
    async with connected(port) as (reader, writer):
        writer.write(request)
        async with asyncio.timeout(10):
            try:
                return await reader.read()
            except ConnectionError:
                return b""


@pytest.mark.parametrize(
    ("line", "status", "body"),
    [
        (b"GET /good HTTP/1.1", 200, b"good\n"),
        (b"GET /good?x=1 HTTP/1.0", 200, b"good\n"),
        (b"HEAD /good HTTP/1.1", 200, b""),
        (b"GET /unready HTTP/1.1", 503, b"mail_not_polled\n"),
        (b"GET / HTTP/1.1", 404, b"no such page\n"),
        (b"GET /good/../../etc/passwd HTTP/1.1", 404, b"no such page\n"),
        (b"GET //good HTTP/1.1", 404, b"no such page\n"),
        (b"POST /good HTTP/1.1", 405, b"only GET\n"),
        (b"GET /good", 400, b"bad request\n"),
        (b"GET /good HTTP/2", 400, b"bad request\n"),
        (b"\xff\xfe", 400, b"bad request\n"),
        (b"GET /failing HTTP/1.1", 503, b"StorageFailed\n"),
        (b"GET /defect HTTP/1.1", 500, b"defect\n"),
    ],
)
async def test_each_request_gets_its_answer(line: bytes, status: int, body: bytes, port: int) -> None:
    """And no word of an error's own."""
    answer = await ask(port, line + b"\r\nHost: x\r\n\r\n")
    head, _, told = answer.partition(b"\r\n\r\n")

    assert int(head.split()[1]) == status
    assert told == body
    assert b"Connection: close" in head
    assert SECRET.encode() not in answer


@pytest.mark.parametrize("request_", [b"A" * (2 * HEAD_BYTES), b"GET /good HTTP/1.1\r\n" + b"X: y\r\n" * HEAD_BYTES])
async def test_a_request_that_is_too_long_is_cut_off(request_: bytes, port: int) -> None:
    """Nothing is kept of it, and the next one is served."""
    assert await ask(port, request_) == b""
    assert (await ask(port, b"GET /good HTTP/1.1\r\n\r\n")).endswith(b"good\n")


async def test_who_says_nothing_is_cut_off(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a time, so that idle connections do not fill the gateway."""
    monkeypatch.setattr(pages, "SECONDS", 0.05)

    assert await ask(port, b"GET /good HTTP/1.1\r\n") == b""


async def test_more_than_a_few_at_once_are_sent_away(port: int) -> None:
    """Those that wait keep their place."""
    async with connected(port) as first:
        others = [await asyncio.open_connection("127.0.0.1", port) for _ in range(pages.AT_ONCE - 1)]
        await asyncio.sleep(0)
        assert b" 503 " in await ask(port, b"GET /good HTTP/1.1\r\n\r\n")
        first[1].write(b"GET /good HTTP/1.1\r\n\r\n")
        assert (await first[0].read()).endswith(b"good\n")
        for _, writer in others:
            writer.close()


async def test_the_end_of_the_gateway_waits_for_nobody() -> None:
    """Who is connected and says nothing is let go."""
    async with asyncio.timeout(5):
        async with served(PAGES, address="127.0.0.1", port=0) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET")
            await writer.drain()
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()


async def test_a_port_that_is_taken_is_told(port: int) -> None:
    """To whoever opens the second one."""
    with pytest.raises(OSError, match="use"):
        async with served(PAGES, address="127.0.0.1", port=port):
            pytest.fail("two on one port")
