"""Connecting and logging in to an IMAP server: TLS is verified, secrets stay secret, refusals are told apart."""

import asyncio
import socket
import ssl
import traceback
from base64 import b64decode
from pathlib import Path

import pytest
import trustme

from gateway.adapters.imap import ImapFactory, ImapSettings
from gateway.domain.errors import (
    GatewayError,
    LoginRefused,
    ProtocolBroken,
    SecretUnreadable,
    ServerUnreachable,
    TlsRefused,
    TokenRefused,
)
from tests.adapters.fake_imap import (
    PASSWORD,
    Behaviour,
    FakeImap,
    Peer,
    TickingClock,
    cuts_after,
    factory,
    fake_imap,
    falls_silent_after,
    says,
)


@pytest.mark.parametrize(
    ("greeting", "expected"),
    [
        (falls_silent_after(b""), ServerUnreachable),
        (cuts_after(b""), ServerUnreachable),
        (falls_silent_after(b"* BYE too many\r\n"), ServerUnreachable),
        (cuts_after(b"* BYE too many\r\n"), ServerUnreachable),
        (falls_silent_after(b"* PREAUTH welcome\r\n"), ProtocolBroken),
        (falls_silent_after(b"HTTP/1.1 400 Bad Request\r\n\r\n"), ProtocolBroken),
    ],
)
async def test_a_wrong_greeting_ends_the_connection(
    tmp_path: Path, greeting: Behaviour, expected: type[GatewayError]
) -> None:
    """Silence, BYE, a session of somebody else and another protocol are all refused."""
    async with fake_imap(greeting=greeting) as server:
        with pytest.raises(expected):
            await factory(server, tmp_path).connect()


async def test_a_refused_connection_and_a_server_without_tls_are_reported(tmp_path: Path) -> None:
    """Nothing is sent to a server that does not speak TLS."""
    heard: list[bytes] = []

    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* OK ready\r\n")
        heard.append(await reader.read(5))
        writer.close()

    async with fake_imap() as server:
        pass
    with pytest.raises(ServerUnreachable):
        await factory(server, tmp_path).connect()
    async with await asyncio.start_server(plain, "127.0.0.1", 0) as listener:
        server.port = listener.sockets[0].getsockname()[1]
        with pytest.raises((TlsRefused, ServerUnreachable)):
            await factory(server, tmp_path).connect()
    assert all(data[:1] == b"\x16" for data in heard)  # a TLS handshake record, never a command


@pytest.mark.fault("F28")
async def test_a_certificate_of_another_host_is_refused_before_anything_is_said(tmp_path: Path) -> None:
    """A valid certificate of the right authority is not enough."""
    async with fake_imap(name="mail.autre.test") as server:
        with pytest.raises(TlsRefused):
            await factory(server, tmp_path).connect()
    assert server.heard == []


async def token() -> str:
    """A token provider."""
    return "JETON"


@pytest.mark.parametrize("inline", [True, False])
async def test_xoauth2_sends_user_and_bearer_token(tmp_path: Path, inline: bool) -> None:  # noqa: FBT001
    """The one string of XOAUTH2 arrives, in the command or after the server's "+"."""
    sent: list[bytes] = []

    async def authenticate(peer: Peer, tag: bytes) -> None:
        if not inline:
            await peer.say(b"+ ")
            sent.append(await peer.hear())
        await peer.say(tag + b" OK done")

    capabilities = b"IMAP4rev1 AUTH=XOAUTH2" + b" SASL-IR" * inline
    async with fake_imap({b"AUTHENTICATE": authenticate}, capabilities=capabilities) as server:
        mailbox = await factory(server, tmp_path, password=None, token=token).connect()
        await mailbox.close()
        if inline:
            sent = [line.split()[3] for line in server.heard if b"AUTHENTICATE XOAUTH2" in line]
    assert [b64decode(data) for data in sent] == [b"user=gateway@hopital.test\1auth=Bearer JETON\1\1"]


async def test_a_refused_token_is_a_refused_login(tmp_path: Path) -> None:
    """The server explains in a challenge and refuses after an empty answer; without that answer it would wait."""

    async def authenticate(peer: Peer, tag: bytes) -> None:
        await peer.say(b"+ eyJzdGF0dXMiOiI0MDAifQ==")
        assert await peer.hear() == b""
        await peer.say(tag + b" NO AUTHENTICATE failed")

    told: list[str] = []
    async with fake_imap({b"AUTHENTICATE": authenticate}) as server:
        with pytest.raises(LoginRefused):
            await factory(server, tmp_path, password=None, token=token, token_refused=told.append).connect()
    assert told == ["JETON"]


async def test_a_token_that_was_not_judged_is_not_a_refused_one(tmp_path: Path) -> None:
    """The server cannot say now (RFC 5530)."""

    async def authenticate(peer: Peer, tag: bytes) -> None:
        await peer.say(tag + b" NO [UNAVAILABLE] later")

    told: list[str] = []
    async with fake_imap({b"AUTHENTICATE": authenticate}) as server:
        with pytest.raises(ServerUnreachable):
            await factory(server, tmp_path, password=None, token=token, token_refused=told.append).connect()
    assert told == []


async def test_a_token_that_does_not_come_is_reported(tmp_path: Path) -> None:
    """The provider has the same patience as the server."""

    async def never() -> str:
        await asyncio.Event().wait()
        return ""

    async with fake_imap() as server:
        with pytest.raises(TokenRefused):
            await factory(server, tmp_path, token=never).connect()


@pytest.mark.parametrize(
    ("done", "expected"),
    [
        (b"NO [AUTHENTICATIONFAILED] CANARI", LoginRefused),
        (b"NO [UNAVAILABLE] try later", ServerUnreachable),
        (b"BAD what", ProtocolBroken),
    ],
)
async def test_a_login_without_plain_is_quoted_and_its_refusal_told_apart(
    tmp_path: Path, done: bytes, expected: type[GatewayError]
) -> None:
    """LOGIN is the fallback; no traceback shows the password or the server's text."""
    async with fake_imap({b"LOGIN": says(done=done)}, capabilities=b"IMAP4rev1") as server:
        with pytest.raises(expected) as caught:
            await factory(server, tmp_path).connect()
    assert server.heard[-1].endswith(b' LOGIN "gateway@hopital.test" "mot \\"de\\\\passe"')
    assert ("AUTHENTICATIONFAILED" in caught.value.sentence()) == (expected is LoginRefused)
    shown = "".join(traceback.format_exception(caught.value))
    assert PASSWORD not in shown
    assert "CANARI" not in shown


async def test_a_password_with_a_line_break_never_becomes_a_command(tmp_path: Path) -> None:
    """It is refused before anything of it is sent."""
    async with fake_imap(capabilities=b"IMAP4rev1") as server:
        with pytest.raises(LoginRefused):
            await factory(server, tmp_path, password="a\r\nx DELETE INBOX").connect()
    assert not any(b"DELETE" in line for line in server.heard)
    assert "a\\r" not in repr(ImapSettings(host="h", user="u", password="a\r\n"))


async def test_a_certificate_file_that_is_none_is_named(tmp_path: Path) -> None:
    """The operator learns which file to mend."""
    wrong = tmp_path / "ca.pem"
    wrong.write_text("nothing")
    settings = ImapSettings(host="127.0.0.1", user="u", password="p", ca=wrong)
    with pytest.raises(SecretUnreadable, match=r"ca\.pem"):
        await ImapFactory(settings=settings, clock=TickingClock()).connect()


async def test_a_server_that_demands_a_certificate_which_we_have_not_is_a_tls_refusal(tmp_path: Path) -> None:
    """With TLS 1.3 the refusal comes after the handshake, as an alert (a blocking server: asyncio's sends none)."""
    server = FakeImap(authority=trustme.CA())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.authority.issue_cert("127.0.0.1").configure_cert(context)
    context.verify_mode = ssl.CERT_REQUIRED

    def refuse(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection, pytest.raises(ssl.SSLError):
            context.wrap_socket(connection, server_side=True)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server.port = listener.getsockname()[1]
        refusing = asyncio.create_task(asyncio.to_thread(refuse, listener))
        with pytest.raises(TlsRefused):
            await factory(server, tmp_path).connect()
        await refusing
