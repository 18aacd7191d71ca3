"""Bringing a message to a real server on this machine: its status decides, and nothing else of what it says."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme

from gateway.adapters import webhook
from gateway.adapters.webhook import HttpCarrier
from gateway.ports import Target

BODY = b'{"type":"request.submitted"}'


@asynccontextmanager
async def server(answer: bytes, *, heard: list[bytes], **tls: object) -> AsyncIterator[int]:
    """Answers every request with these bytes, and keeps what it heard; nothing at all where there are none."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            heard.append(head + await reader.readexactly(len(BODY)))
            if not answer:
                await reader.read()
            writer.write(answer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    listening = await asyncio.start_server(talk, "127.0.0.1", 0, **tls)  # type: ignore[arg-type]
    async with listening:
        yield listening.sockets[0].getsockname()[1]


def target(address: str, ca: Path | None = None) -> Target:
    """A program at this address."""
    return Target(name="dpi", address=address, keys=(b"k" * 32,), events=(), ca=str(ca) if ca else None)


def status(code: int, *headers: str) -> bytes:
    """An answer of this status."""
    lines = [f"HTTP/1.1 {code} X", "Content-Length: 0", "Connection: close", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


@pytest.mark.parametrize(
    ("code", "why"),
    [(200, None), (204, None), (301, "HTTP 301"), (400, "HTTP 400"), (410, "HTTP 410"), (500, "HTTP 500")],
)
async def test_the_status_says_whether_it_was_taken(code: int, why: str | None) -> None:
    """A redirection is a refusal: the message goes to the address of the configuration and nowhere else."""
    heard: list[bytes] = []
    elsewhere: list[bytes] = []
    async with server(status(200), heard=elsewhere) as other:
        headers = [f"Location: http://127.0.0.1:{other}/"] if code == 301 else []
        async with server(status(code, *headers), heard=heard) as port:
            found = await HttpCarrier().bring(target(f"http://127.0.0.1:{port}/h"), {"webhook-id": "m"}, BODY)

    assert found == why
    assert heard[0].endswith(BODY)
    assert b"webhook-id: m" in heard[0]
    assert elsewhere == []


async def test_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the message names is nobody else's business."""
    heard: list[bytes] = []
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    async with server(status(200), heard=heard) as port:
        assert await HttpCarrier().bring(target(f"http://127.0.0.1:{port}/"), {}, BODY) is None


async def test_nobody_there_and_nobody_answering_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a short code, without the address."""
    heard: list[bytes] = []
    async with server(status(200), heard=heard) as port:
        pass
    nobody = await HttpCarrier().bring(target(f"http://127.0.0.1:{port}/"), {}, BODY)
    async with server(b"nonsense\r\n\r\n", heard=heard) as port:
        nonsense = await HttpCarrier().bring(target(f"http://127.0.0.1:{port}/"), {}, BODY)
    monkeypatch.setattr(webhook, "SECONDS", 0.2)
    async with server(b"", heard=heard) as port:
        silent = await HttpCarrier().bring(target(f"http://127.0.0.1:{port}/"), {}, BODY)

    assert (nobody, silent) == ("ConnectError", "timeout")
    assert nonsense == "RemoteProtocolError"


async def test_a_certificate_must_be_that_of_the_name(tmp_path: Path) -> None:
    """Of an authority that is known, or of the one that the configuration gives."""
    import ssl

    authority = trustme.CA()
    (tmp_path / "ca.pem").write_bytes(authority.cert_pem.bytes())
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    make: Callable[[Path | None], Target]
    heard: list[bytes] = []
    async with server(status(200), heard=heard, ssl=context) as port:
        make = lambda ca: target(f"https://localhost:{port}/", ca)  # noqa: E731  twice below
        stranger = await HttpCarrier().bring(make(None), {}, BODY)
        known = await HttpCarrier().bring(make(tmp_path / "ca.pem"), {}, BODY)
        misnamed = await HttpCarrier().bring(target(f"https://127.0.0.1:{port}/", tmp_path / "ca.pem"), {}, BODY)

    assert (stranger, known, misnamed) == ("ConnectError", None, "ConnectError")
