"""Token providers against real commands, real files and a real token server on the loopback interface."""

import asyncio
import contextlib
import json
import ssl
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs

import pytest
import trustme

from gateway.adapters import oauth
from gateway.adapters.oauth import ClientCredentials, ClientCredentialsToken, CommandToken, FileToken
from gateway.domain.errors import TokenRefused

SECRET = "s3cret-of-the-hospital"
GRANT: dict[str, object] = {"access_token": "tok-1", "token_type": "Bearer", "expires_in": 3600}


class HandClock:
    """A clock moved by hand; only ``uptime`` may matter to a token's life."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def now(self) -> datetime:
        """A constant: a step of the calendar clock must not matter."""
        return datetime(2026, 1, 1, tzinfo=UTC)

    def uptime(self) -> float:
        """Seconds set by the test."""
        return self.seconds

    def boot_id(self) -> str:
        """One boot."""
        return "boot"


@pytest.fixture
def clock() -> HandClock:
    """A fresh clock."""
    return HandClock()


# --- a command


def command_printing(text: str, counter: Path | None = None, code: int = 0) -> tuple[str, ...]:
    """A Python command that leaves a mark, prints and ends with a code."""
    mark = f"open({str(counter)!r}, 'a').write('x');" if counter else ""
    return (sys.executable, "-c", f"{mark}import sys; sys.stdout.write({text!r}); sys.exit({code})")


async def test_a_commands_output_is_the_token_until_a_minute_before_its_end(clock: HandClock, tmp_path: Path) -> None:
    """Three simultaneous callers share one run; the next run is 60 s before the end of the lifetime."""
    runs = tmp_path / "runs"
    provider = CommandToken(command=command_printing(" tok\n", runs), clock=clock, lifetime=300)
    assert await asyncio.gather(*(provider.token() for _ in range(3))) == ["tok"] * 3
    clock.seconds += 239.9
    await provider.token()
    assert runs.read_text() == "x"
    clock.seconds += 0.1
    await provider.token()
    assert runs.read_text() == "xx"


async def test_a_token_that_a_server_refused_is_not_given_again(clock: HandClock, tmp_path: Path) -> None:
    """It was revoked long before its end; what was refused earlier says nothing of the one in use."""
    runs = tmp_path / "runs"
    provider = CommandToken(command=command_printing("tok\n", runs), clock=clock, lifetime=3600)
    provider.refused(await provider.token())
    await provider.token()
    assert runs.read_text() == "xx"
    provider.refused("earlier")
    await provider.token()
    assert runs.read_text() == "xx"


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (command_printing(SECRET, code=3), "code 3"),
        (command_printing(""), "pas de jeton"),
        (command_printing(f"{SECRET} two words"), "pas de jeton"),
        (command_printing(f"{SECRET}\x01auth=evil"), "pas de jeton"),
        (command_printing("é"), "pas de jeton"),
        (command_printing("x" * (oauth.MAX_ANSWER + 1)), "pas de jeton"),
        (("/nonexistent/command", SECRET), "ne démarre pas"),
    ],
)
async def test_a_command_that_fails_is_told_without_its_output(
    clock: HandClock, command: tuple[str, ...], reason: str
) -> None:
    """Exit code, emptiness, control characters, overrun, absence."""
    with pytest.raises(TokenRefused, match=reason) as caught:
        await CommandToken(command=command, clock=clock).token()
    assert SECRET not in str(caught.value)


def ends(pid: int) -> bool:
    """Whether a process that was killed is gone, or a zombie of another parent, within five seconds."""
    state = Path(f"/proc/{pid}/stat")
    for _ in range(500):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if state.read_text().split()[2] not in "ZX":
                time.sleep(0.01)
                continue
        return True
    return False


async def test_a_command_that_hangs_is_ended_with_its_children(clock: HandClock, tmp_path: Path) -> None:
    """Token printed, but the command does not end: no token, and nobody is left running."""
    pids = tmp_path / "pids"
    script = f"sleep 600 & echo $! > {pids}; echo tok; wait"
    with pytest.raises(TokenRefused, match="à temps"):
        await CommandToken(command=("/bin/sh", "-c", script), clock=clock, timeout=1.0).token()
    assert await asyncio.to_thread(ends, int(pids.read_text()))


async def test_a_failure_is_not_remembered(clock: HandClock, tmp_path: Path) -> None:
    """The command works the second time."""
    flag = tmp_path / "flag"
    script = f"test -e {flag} && echo tok; touch {flag}"
    provider = CommandToken(command=("/bin/sh", "-c", script), clock=clock)
    with pytest.raises(TokenRefused):
        await provider.token()
    assert await provider.token() == "tok"


# --- a file


async def test_a_private_file_is_read_again_each_time(tmp_path: Path) -> None:
    """Another program renews it."""
    path = tmp_path / "token"
    path.touch(mode=0o600)
    path.write_text("one\n")
    assert await FileToken(path).token() == "one"
    path.write_text("two")
    assert await FileToken(path).token() == "two"


@pytest.mark.parametrize(
    ("content", "mode", "reason"),
    [
        (SECRET, 0o640, "0600"),
        (SECRET, 0o604, "0600"),
        ("", 0o600, "pas de jeton"),
        (f"{SECRET} {SECRET}", 0o600, "pas de jeton"),
        ("x" * (oauth.MAX_ANSWER + 1), 0o600, "pas de jeton"),
        (None, 0, "illisible"),
    ],
)
async def test_a_file_that_is_open_to_others_or_holds_no_token_is_refused(
    tmp_path: Path, content: str | None, mode: int, reason: str
) -> None:
    """Rights, content, overrun, absence; the content is not told."""
    path = tmp_path / "token"
    if content is not None:
        path.write_text(content)
        path.chmod(mode)
    with pytest.raises(TokenRefused, match=reason) as caught:
        await FileToken(path).token()
    assert SECRET not in str(caught.value)


async def test_a_folder_is_no_token_file(tmp_path: Path) -> None:
    """A wrong path in the configuration."""
    with pytest.raises(TokenRefused):
        await FileToken(tmp_path).token()


# --- client credentials


@dataclass(kw_only=True)
class TokenServer:
    """A small HTTP server that answers what the test says and keeps what it was asked."""

    status: int = 200
    body: bytes = json.dumps(GRANT).encode()
    extra: str = ""
    answers: bool = True
    forms: list[dict[str, list[str]]] = field(default_factory=list)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request."""
        task = asyncio.current_task()
        if task is not None:
            self.tasks.append(task)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            length = int(head.split("content-length: ")[1].split("\r\n")[0])
            self.forms.append(parse_qs((await reader.readexactly(length)).decode()))
            if self.answers:
                lines = f"HTTP/1.1 {self.status} x\r\nContent-Length: {len(self.body)}\r\nConnection: close\r\n"
                writer.write(f"{lines}{self.extra}\r\n".encode() + self.body)
                await writer.drain()
            else:
                await reader.read()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


ServerStarter = Callable[..., Awaitable[ClientCredentials]]


@pytest.fixture
async def start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[ServerStarter]:
    """Start a token server, in clear or over TLS, and describe it as the configuration would."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1,localhost")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    async with contextlib.AsyncExitStack() as stack:

        async def starter(script: TokenServer, *, tls: bool = False) -> ClientCredentials:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if tls else None
            if context is not None:
                authority.issue_cert("127.0.0.1").configure_cert(context)
            server = await asyncio.start_server(script.serve, "127.0.0.1", 0, ssl=context)

            async def stop() -> None:
                server.close()
                await asyncio.gather(*script.tasks)

            stack.push_async_callback(stop)
            return ClientCredentials(
                token_url=f"http{'s' if tls else ''}://127.0.0.1:{server.sockets[0].getsockname()[1]}/token",
                client_id="gateway",
                client_secret=SECRET,
                scope="https://outlook.test/.default",
                ca=tmp_path / "ca.pem" if tls else None,
            )

        yield starter


@pytest.mark.parametrize("tls", [False, True])
async def test_client_credentials_are_exchanged_for_a_token(
    start: ServerStarter, clock: HandClock, *, tls: bool
) -> None:
    """RFC 6749 section 4.4.2; the token serves until a minute before its end."""
    server = TokenServer()
    provider = ClientCredentialsToken(credentials=await start(server, tls=tls), clock=clock)
    assert await asyncio.gather(*(provider.token() for _ in range(2))) == ["tok-1"] * 2
    clock.seconds += 3539.9
    await provider.token()
    assert server.forms == [
        {
            "grant_type": ["client_credentials"],
            "client_id": ["gateway"],
            "client_secret": [SECRET],
            "scope": ["https://outlook.test/.default"],
        }
    ]
    clock.seconds += 0.1
    server.body = json.dumps(GRANT | {"access_token": "tok-2"}).encode()
    assert await provider.token() == "tok-2"


@pytest.mark.parametrize(
    ("expires_in", "served_for"),
    [("3600", 3540), (None, 0), (True, 0), (-5, 0), ("soon", 0), (10**400, 86340), (float("nan"), 0), (30, 0)],
)
async def test_an_odd_lifetime_never_makes_an_eternal_token(
    start: ServerStarter, clock: HandClock, expires_in: object, served_for: float
) -> None:
    """A number as text is read; without a usable one the token serves once; a day at most."""
    server = TokenServer(body=json.dumps(GRANT | {"expires_in": expires_in}).encode())
    provider = ClientCredentialsToken(credentials=await start(server), clock=clock)
    await provider.token()
    if served_for:
        clock.seconds += served_for - 1
        await provider.token()
        assert len(server.forms) == 1
        clock.seconds += 1
    await provider.token()
    assert len(server.forms) == 2


@pytest.mark.parametrize(
    ("server", "reason"),
    [
        (TokenServer(status=401, body=b'{"error": "invalid_client", "x": "SECRET"}'), r"401 \(invalid_client\)"),
        (TokenServer(status=400, body=b'{"error": "SECRET"}'), r"HTTP 400\."),
        (TokenServer(status=500, body=b"SECRET"), r"HTTP 500\."),
        (TokenServer(status=302, extra="Location: http://127.0.0.1:1/\r\n"), r"HTTP 302\."),
        (TokenServer(body=b"SECRET"), "pas de jeton"),
        (TokenServer(body=b"[1]"), "pas de jeton"),
        (TokenServer(body=b"[" * 60_000), "pas de jeton"),
        (TokenServer(body=b'{"access_token": "SECRET"}'), "pas de jeton"),
        (TokenServer(body=b'{"access_token": "SECRET", "token_type": "mac"}'), "pas de jeton"),
        (TokenServer(body=b'{"access_token": "SECRET\\u0001", "token_type": "bearer"}'), "pas de jeton"),
        (TokenServer(body=b'{"access_token": "SECRET\\u00e9", "token_type": "bearer"}'), "pas de jeton"),
        (TokenServer(body=b'{"access_token": "\\ud800", "token_type": "bearer"}'), "pas de jeton"),
        (TokenServer(body=json.dumps(GRANT).encode() + b" " * oauth.MAX_ANSWER), "pas de jeton"),
        (TokenServer(extra="Content-Encoding: gzip\r\n"), "DecodingError"),
        (TokenServer(extra="Content-Length: 9\r\n"), "Error"),
    ],
)
async def test_a_refusal_is_told_without_what_the_server_said(
    start: ServerStarter, clock: HandClock, server: TokenServer, reason: str
) -> None:
    """Only the error codes of RFC 6749 section 5.2 are repeated; a redirection is not followed."""
    server.body = server.body.replace(b"SECRET", SECRET.encode())
    with pytest.raises(TokenRefused, match=reason) as caught:
        await ClientCredentialsToken(credentials=await start(server), clock=clock).token()
    assert SECRET not in str(caught.value)


async def test_a_mute_token_server_is_left_in_time(start: ServerStarter, clock: HandClock) -> None:
    """The whole exchange has one limit; the credentials do not show their secret."""
    credentials = replace(await start(TokenServer(answers=False)), timeout=0.3)
    with pytest.raises(TokenRefused, match="Délai"):
        await ClientCredentialsToken(credentials=credentials, clock=clock).token()
    assert SECRET not in repr(credentials)


async def test_a_token_server_of_another_authority_gets_no_secret(start: ServerStarter, clock: HandClock) -> None:
    """The system's authorities do not know it."""
    server = TokenServer()
    credentials = replace(await start(server, tls=True), ca=None)
    with pytest.raises(TokenRefused, match="ConnectError"):
        await ClientCredentialsToken(credentials=credentials, clock=clock).token()
    assert server.forms == []


@pytest.mark.parametrize(
    ("token_url", "reason"),
    [
        ("http://login.test/token", "https"),
        ("ftp://127.0.0.1/", "https"),
        ("nonsense", "https"),
        ("https://[::1", "illisible"),
        ("https://127.0.0.1:1/token", "ConnectError"),
    ],
)
async def test_an_address_without_tls_or_without_server_is_refused(
    start: ServerStarter, clock: HandClock, token_url: str, reason: str
) -> None:
    """Clear text is for the loopback interface only."""
    credentials = replace(await start(TokenServer()), token_url=token_url)
    with pytest.raises(TokenRefused, match=reason):
        await ClientCredentialsToken(credentials=credentials, clock=clock).token()


async def test_the_proxy_of_the_environment_is_used(
    start: ServerStarter, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hospital reaches the outside by its proxy only: without NO_PROXY the request goes there."""
    server = TokenServer()
    credentials = await start(server)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name)
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, credentials.token_url.removesuffix("/token"))
    elsewhere = replace(credentials, token_url="http://localhost:1/token")
    assert await ClientCredentialsToken(credentials=elsewhere, clock=clock).token() == "tok-1"
