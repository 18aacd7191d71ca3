"""The courier against real servers on the loopback interface, over real TLS, that misbehave on demand.

A scripted server answers, refuses, hangs or hangs up at each verb (F22-F28 of an SMTP client's bad days); aiosmtpd, an
independent implementation, attests that the bytes arrive as they left.
"""

import asyncio
import base64
import contextlib
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path

import pytest
import trustme
from aiosmtpd import smtp as aiosmtpd

from gateway.adapters.smtp import SmtpCourier, SmtpSettings, SmtpTls, answers, courier, dialogue
from gateway.domain.errors import LoginRefused, ServerError, ServerUnreachable, TlsRefused, TokenRefused
from gateway.ports import Envelope, HandOver, HandOverOutcome, PeerTls

SENDER, RECIPIENT = "soins@hopital.test", "jean.dupont@cnas.test"
MAX_CONTENT = 100_000_000
BEFORE_CONTENT = ("GREETING", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA")


class Do(Enum):
    """How a server can misbehave instead of answering."""

    DROP = "drop"
    SILENCE = "silence"
    DRIBBLE = "dribble"


@dataclass(kw_only=True)
class Script:
    """What the server does at each verb, and what it saw. CONTENT is the final dot, HALF the first bytes before it."""

    context: ssl.SSLContext
    implicit: bool = False
    extensions: tuple[str, ...] = ("SIZE 1000000", "DSN", "8BITMIME", "AUTH PLAIN LOGIN XOAUTH2")
    starttls_offered: bool = True
    at: dict[str, str | Do] = field(default_factory=dict)
    delay: float = 0.0
    seen: list[str] = field(default_factory=list)
    contents: list[bytes] = field(default_factory=list)
    client_names: list[object] = field(default_factory=list)
    connections: int = 0
    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    got_content: asyncio.Event = field(default_factory=asyncio.Event)

    def verbs(self) -> list[str]:
        """Verbs seen, in order."""
        return [line.split(" ")[0] for line in self.seen]

    async def ended(self) -> None:
        """Wait until every connection is over."""
        await asyncio.gather(*self.tasks)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.connections += 1
        task = asyncio.current_task()
        if task is not None:
            self.tasks.append(task)
        self.writers.append(writer)
        with contextlib.suppress(ConnectionError, ssl.SSLError, asyncio.IncompleteReadError):
            await self._dialogue(reader, writer)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    async def _dialogue(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        going = await self._answer("GREETING", "220 hello", reader, writer)
        while going and (line := await reader.readline()):
            command = line.decode("latin-1").rstrip("\r\n")
            verb = command.split(" ")[0].upper()
            self.seen.append(command)
            going = await self._answer(verb, self._usual(verb, writer), reader, writer)
            if verb == "STARTTLS" and going and str(self.at.get(verb, "220")).startswith("220"):
                await writer.start_tls(self.context)
            if verb == "DATA" and going and "DATA" not in self.at:
                going = await self._receive(reader, writer)
            if verb == "QUIT":
                return

    def _usual(self, verb: str, writer: asyncio.StreamWriter) -> str:
        if verb == "EHLO":
            starttls = ("STARTTLS",) if self.starttls_offered and not writer.get_extra_info("sslcontext") else ()
            lines = ("server.test", *self.extensions, *starttls)
            self.client_names.append((writer.get_extra_info("peercert") or {}).get("subject"))
            return "\r\n".join(f"250-{line}" for line in lines) + "\r\n250 HELP"
        return {"STARTTLS": "220 go", "AUTH": "235 ok", "DATA": "354 go on", "QUIT": "221 bye"}.get(verb, "250 ok")

    async def _receive(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        if "HALF" in self.at:
            await reader.readexactly(10)
            return await self._answer("HALF", "", reader, writer)
        raw = await reader.readuntil(b"\r\n.\r\n")
        stuffed = b"\r\n" + raw.removesuffix(b".\r\n")
        self.contents.append(stuffed.replace(b"\r\n..", b"\r\n.").removeprefix(b"\r\n"))
        self.got_content.set()
        return await self._answer("CONTENT", f"250 2.0.0 Ok <{RECIPIENT}> queued as 4XyZ", reader, writer)

    async def _answer(self, verb: str, usual: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        match self.at.get(verb, usual):
            case Do.DROP:
                return False
            case Do.SILENCE:
                await reader.read()
                return False
            case Do.DRIBBLE:
                while True:
                    writer.write(b"2")
                    await writer.drain()
                    await asyncio.sleep(0.02)
            case str(text):
                await asyncio.sleep(self.delay)
                writer.write(text.encode() + b"\r\n")
                await writer.drain()
                return True
        return False


@dataclass(frozen=True, kw_only=True)
class Bench:
    """A running scripted server and a courier bound to it."""

    script: Script
    settings: SmtpSettings
    courier: SmtpCourier
    another: Callable[..., SmtpCourier]


BenchMaker = Callable[..., Awaitable[Bench]]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A throw-away certificate authority."""
    return trustme.CA()


@pytest.fixture
def context(authority: trustme.CA) -> ssl.SSLContext:
    """A server's TLS context for 127.0.0.1 that looks at client certificates."""
    return server_context(authority, authority.issue_cert("127.0.0.1"))


def server_context(authority: trustme.CA, certificate: trustme.LeafCert) -> ssl.SSLContext:
    """A server's TLS context with this certificate."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(made)
    authority.configure_trust(made)
    made.verify_mode = ssl.CERT_OPTIONAL
    return made


@pytest.fixture
async def bench(authority: trustme.CA, context: ssl.SSLContext, tmp_path: Path) -> AsyncIterator[BenchMaker]:
    """Start scripted servers: keyword arguments of Script, ``settings`` replaces fields of SmtpSettings."""
    ca = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca))
    async with contextlib.AsyncExitStack() as stack:

        async def start(settings: dict[str, object] | None = None, **script_fields: object) -> Bench:
            script = Script(**{"context": context, **script_fields})  # type: ignore[arg-type]
            server = await asyncio.start_server(
                script.serve, "127.0.0.1", 0, limit=MAX_CONTENT, ssl=script.context if script.implicit else None
            )
            stack.push_async_callback(script.ended)
            stack.callback(server.close)
            usual = SmtpSettings(
                host="127.0.0.1",
                port=server.sockets[0].getsockname()[1],
                tls=SmtpTls.IMPLICIT if script.implicit else SmtpTls.STARTTLS,
                user="soins",
                password="s3cret",
                ca=ca,
                timeout=5.0,
                answer_timeout=5.0,
                local_hostname="gateway.test",
            )
            wanted = replace(usual, **(settings or {}))  # type: ignore[arg-type]

            def another(**changes: object) -> SmtpCourier:
                courier = SmtpCourier(replace(wanted, **changes))  # type: ignore[arg-type]
                stack.push_async_callback(courier.close)
                return courier

            return Bench(script=script, settings=wanted, courier=another(), another=another)

        yield start


def envelope(**fields: object) -> Envelope:
    """A plain envelope with some fields replaced."""
    usual = Envelope(sender=SENDER, recipient=RECIPIENT, data=b"A: b\r\n\r\nx\r\n", envid="E1", dsn=True)
    return replace(usual, **fields)  # type: ignore[arg-type]


def refused(text: str) -> HandOverOutcome:
    """A refusal of our own."""
    return HandOverOutcome(result=HandOver.REFUSED, code=None, text=text)


# --- what goes well


@pytest.mark.parametrize("implicit", [False, True])
async def test_a_mail_is_accepted_over_tls_only(bench: BenchMaker, *, implicit: bool) -> None:
    """Queue id kept, address removed; login comes after TLS."""
    b = await bench(implicit=implicit)
    outcome = await b.courier.hand_over(envelope())
    assert outcome == HandOverOutcome(result=HandOver.ACCEPTED, code=250, text="2.0.0 Ok (...) queued as 4XyZ")
    opening = ["EHLO"] if implicit else ["EHLO", "STARTTLS", "EHLO"]
    assert b.script.verbs() == [*opening, "AUTH", "MAIL", "RCPT", "DATA"]


AWKWARD = b".first\r\n..two\r\n.\r\n\r\n.\r\n" + b"x" * 5000 + b"\r\n\t \r\nlast.\r\n"


@pytest.mark.parametrize("data", [AWKWARD, b"\r\n", b".\r\n", b"a\r\n.\r\n", (b"." * 76 + b"\r\n") * 20_000])
async def test_bytes_arrive_as_they_left(bench: BenchMaker, data: bytes) -> None:
    """Dots, empty and long lines, and more than one chunk."""
    b = await bench(extensions=(), settings={"user": None})
    outcome = await b.courier.hand_over(envelope(data=data))
    assert outcome.result is HandOver.ACCEPTED
    assert b.script.contents == [data]


async def test_an_independent_server_gets_the_same_bytes(authority: trustme.CA, tmp_path: Path) -> None:
    """aiosmtpd, by STARTTLS, without DSN; its 555 to unknown parameters shows that none were sent."""
    got: list[tuple[object, list[str], object]] = []

    class Handler:
        async def handle_DATA(self, server: object, session: object, received: aiosmtpd.Envelope) -> str:  # noqa: N802
            del server, session
            got.append((received.mail_from, list(received.rcpt_tos), received.original_content))
            return "250 taken"

    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    server = await asyncio.get_running_loop().create_server(
        lambda: aiosmtpd.SMTP(Handler(), tls_context=tls, require_starttls=True), "127.0.0.1", 0
    )
    port = server.sockets[0].getsockname()[1]
    courier = SmtpCourier(
        SmtpSettings(host="127.0.0.1", port=port, tls=SmtpTls.STARTTLS, ca=tmp_path / "ca.pem", timeout=5.0)
    )
    data = b".a\r\n..b\r\n" + b"y" * 900 + b"\r\n"
    assert (await courier.hand_over(envelope(data=data))).text == "taken"
    assert got == [(SENDER, [RECIPIENT], data)]
    await courier.close()
    server.close()


async def test_the_connection_is_reused_and_ended_by_quit(bench: BenchMaker) -> None:
    """Two mails, one login; RSET proves that the connection lives; close may be called twice."""
    b = await bench()
    assert [(await b.courier.hand_over(envelope())).result for _ in range(2)] == [HandOver.ACCEPTED] * 2
    await b.courier.close()
    await b.courier.close()
    assert b.script.connections == 1
    assert b.script.verbs()[4:] == ["MAIL", "RCPT", "DATA", "RSET", "MAIL", "RCPT", "DATA", "QUIT"]


@pytest.mark.fault("F35")
async def test_a_server_that_does_not_answer_a_quit_is_not_waited_for(
    bench: BenchMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its patience is a minute, and a service that stops has half of one."""
    monkeypatch.setattr(courier, "CLOSE_SECONDS", 0.05)
    b = await bench(settings={"timeout": 3600.0}, at={"QUIT": Do.SILENCE})
    await b.courier.hand_over(envelope())
    async with asyncio.timeout(30):
        await b.courier.close()
    assert b.script.verbs()[-1] == "QUIT"


@pytest.mark.parametrize("death", ["closed", "421 4.4.2 idle too long", Do.DROP, Do.SILENCE])
async def test_a_connection_that_died_between_two_mails_is_replaced(bench: BenchMaker, death: str | Do) -> None:
    """Closed by the server, refused, dropped or mute at RSET: one new connection, one copy of the mail."""
    b = await bench(settings={"timeout": 0.5})
    await b.courier.hand_over(envelope())
    if death == "closed":
        b.script.writers[0].close()
    else:
        b.script.at["RSET"] = death
    assert (await b.courier.hand_over(envelope())).result is HandOver.ACCEPTED
    assert (b.script.connections, len(b.script.contents)) == (2, 2)


# --- delivery reports and size


async def test_reports_are_asked_where_the_server_knows_them(bench: BenchMaker) -> None:
    """RFC 3461 parameters in xtext, RFC 1870 size."""
    b = await bench()
    await b.courier.hand_over(envelope(envid="K+1= ~", recipient="a+b=c@cnas.test"))
    assert f"MAIL FROM:<{SENDER}> SIZE=11 RET=HDRS ENVID=K+2B1+3D+20~" in b.script.seen
    assert "RCPT TO:<a+b=c@cnas.test> NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;a+2Bb+3Dc@cnas.test" in b.script.seen


@pytest.mark.parametrize(
    ("extensions", "fields", "mail", "rcpt"),
    [
        ((), {}, f"MAIL FROM:<{SENDER}>", f"RCPT TO:<{RECIPIENT}>"),
        (("DSN",), {"dsn": False}, f"MAIL FROM:<{SENDER}>", f"RCPT TO:<{RECIPIENT}>"),
        (("DSN",), {"dsn": False, "unreported": True}, f"MAIL FROM:<{SENDER}>", f"RCPT TO:<{RECIPIENT}> NOTIFY=NEVER"),
        ((), {"unreported": True}, f"MAIL FROM:<{SENDER}>", f"RCPT TO:<{RECIPIENT}>"),
        (("DSN", "SIZE"), {"sender": ""}, "MAIL FROM:<> SIZE=11", f"RCPT TO:<{RECIPIENT}>"),
        (("DSN",), {"envid": ""}, f"MAIL FROM:<{SENDER}> RET=HDRS", None),
        (("DSN",), {"envid": "e" * (dialogue.MAX_ENVID + 1)}, f"MAIL FROM:<{SENDER}> RET=HDRS", None),
        (
            ("DSN",),
            {"recipient": "+" * 170 + "@cnas.test"},
            f"MAIL FROM:<{SENDER}> RET=HDRS ENVID=E1",
            f"RCPT TO:<{'+' * 170}@cnas.test> NOTIFY=SUCCESS,FAILURE,DELAY",
        ),
        (("8BITMIME",), {"data": b"\xe9\r\n"}, f"MAIL FROM:<{SENDER}> BODY=8BITMIME", None),
    ],
)
async def test_parameters_are_left_out_where_they_do_not_fit(
    bench: BenchMaker, extensions: tuple[str, ...], fields: dict[str, object], mail: str, rcpt: str | None
) -> None:
    """Not announced, not wanted, null return path, or longer than RFC 3461 allows."""
    b = await bench(extensions=extensions, settings={"user": None})
    assert (await b.courier.hand_over(envelope(**fields))).result is HandOver.ACCEPTED
    assert mail in b.script.seen
    assert rcpt is None or rcpt in b.script.seen


async def test_whoever_wants_to_know_is_told_of_each_connections_encryption(bench: BenchMaker) -> None:
    """Once a connection, not once a mail."""
    b, met = await bench(), list[PeerTls]()
    courier = SmtpCourier(b.settings, met=met.append)
    for _ in range(2):
        assert (await courier.hand_over(envelope())).result is HandOver.ACCEPTED
    assert len(met) == 1
    assert met == [(await courier.announced()).tls]
    await courier.close()


async def test_what_the_server_announces_is_told_without_sending(bench: BenchMaker) -> None:
    """After TLS and login; a size of zero is no limit; the same connection then takes a mail."""
    b = await bench()
    told = await b.courier.announced()
    assert (told.size, told.dsn) == (1_000_000, True)
    assert told.tls.version.startswith("TLSv1.")
    assert told.tls.certificate_ends > datetime(2026, 1, 1, tzinfo=UTC)
    assert b.script.verbs() == ["EHLO", "STARTTLS", "EHLO", "AUTH"]
    assert (await b.courier.hand_over(envelope())).result is HandOver.ACCEPTED
    assert b.script.connections == 1
    plain = await bench(extensions=("SIZE 0",), settings={"user": None})
    told = await plain.courier.announced()
    assert (told.size, told.dsn) == (None, False)


@pytest.mark.parametrize(
    ("at", "fault"),
    [({"AUTH": "535 no"}, LoginRefused), ({"EHLO": Do.DROP}, ServerUnreachable), ({"STARTTLS": "454 no"}, TlsRefused)],
)
async def test_a_server_that_cannot_be_asked_is_an_error(
    bench: BenchMaker, at: dict[str, str | Do], fault: type[ServerError]
) -> None:
    """The same errors as for a hand-over."""
    b = await bench(at=at)
    with pytest.raises(fault):
        await b.courier.announced()


@pytest.mark.parametrize(("announced", "fits"), [("10", False), ("11", True), ("0", True), ("", True), ("1e1", True)])
async def test_a_mail_above_the_announced_size_is_refused_before_mail(
    bench: BenchMaker, announced: str, *, fits: bool
) -> None:
    """11 octets against limits; zero, none and nonsense are no limit."""
    b = await bench(extensions=(f"SIZE {announced}",), settings={"user": None})
    outcome = await b.courier.hand_over(envelope())
    assert (outcome.result is HandOver.ACCEPTED) if fits else (outcome == refused(answers.TOO_LARGE))
    assert ("MAIL" in b.script.verbs()) is fits


# --- what must not leave


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"data": b"a\r\n\0\r\n"}, answers.NOT_CANONICAL),
        ({"data": b"a\nb\r\n"}, answers.NOT_CANONICAL),
        ({"data": b"a\rb\r\n"}, answers.NOT_CANONICAL),
        ({"data": b"a\r\r\n.\r\r\n"}, answers.NOT_CANONICAL),
        ({"data": b"a\n.\r\nMAIL FROM:<x@y>\r\n"}, answers.NOT_CANONICAL),
        ({"data": b"no last line end"}, answers.NOT_CANONICAL),
        ({"data": b""}, answers.NOT_CANONICAL),
        ({"recipient": "a@b> NOTIFY=NEVER"}, answers.ENVELOPE_UNFIT),
        ({"recipient": "a@b\r\nDATA"}, answers.ENVELOPE_UNFIT),
        ({"recipient": "é@b.test"}, answers.ENVELOPE_UNFIT),
        ({"recipient": ""}, answers.ENVELOPE_UNFIT),
        ({"recipient": "a" * dialogue.MAX_ADDRESS + "@b"}, answers.ENVELOPE_UNFIT),
        ({"sender": "a b@c"}, answers.ENVELOPE_UNFIT),
        ({"envid": "é"}, answers.ENVELOPE_UNFIT),
    ],
)
async def test_what_would_be_rewritten_or_inject_is_refused_unsent(
    bench: BenchMaker, fields: dict[str, object], text: str
) -> None:
    """Not even a connection is made."""
    b = await bench()
    assert await b.courier.hand_over(envelope(**fields)) == refused(text)
    assert b.script.connections == 0


async def test_eight_bits_need_a_server_that_takes_them(bench: BenchMaker) -> None:
    """Without 8BITMIME a relay might recode the mail, and break its signature."""
    b = await bench(extensions=(), settings={"user": None})
    assert await b.courier.hand_over(envelope(data=b"\xe9\r\n")) == refused(answers.NEEDS_8BITMIME)


# --- refusals


@pytest.mark.fault("F24", "F25")
@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "CONTENT"])
@pytest.mark.parametrize(("code", "result"), [(451, HandOver.DEFERRED), (554, HandOver.REFUSED)])
async def test_a_refusal_at_any_verb_is_certain(bench: BenchMaker, verb: str, code: int, result: HandOver) -> None:
    """The answer is quoted without addresses, and the next mail goes over the same connection."""
    b = await bench(
        at={verb: f"{code}-5.1.1 <{RECIPIENT}>:\r\n{code} Jean.Dupont\x1b unknown, jean.dupont+40x; by x@y.test"}
    )
    outcome = await b.courier.hand_over(envelope())
    assert outcome == HandOverOutcome(result=result, code=code, text="5.1.1 (...) (...) unknown, (...) by (...)")
    b.script.at.clear()
    assert (await b.courier.hand_over(envelope())).result is HandOver.ACCEPTED
    assert b.script.connections == 1


async def test_a_421_defers_and_the_next_mail_takes_a_new_connection(bench: BenchMaker) -> None:
    """RFC 5321 section 3.8: the server closes after 421."""
    b = await bench(at={"RCPT": "421 4.3.2 going down"})
    assert (await b.courier.hand_over(envelope())).result is HandOver.DEFERRED
    b.script.at.clear()
    assert (await b.courier.hand_over(envelope())).result is HandOver.ACCEPTED


async def test_the_servers_words_are_cut(bench: BenchMaker) -> None:
    """An operator's line, not a page."""
    b = await bench(at={"MAIL": "550 " + "no " * 1000})
    assert len((await b.courier.hand_over(envelope())).text) == answers.MAX_TEXT


# --- lost before the content: certain


@pytest.mark.fault("F22", "F26", "F27")
@pytest.mark.parametrize("verb", BEFORE_CONTENT)
@pytest.mark.parametrize("what", [Do.DROP, Do.SILENCE, Do.DRIBBLE])
async def test_a_loss_before_the_content_says_that_nothing_was_handed_over(
    bench: BenchMaker, verb: str, what: Do
) -> None:
    """Hang-up, silence and dribble at each verb; afterwards the courier works again."""
    b = await bench(at={verb: what}, settings={"timeout": 0.3})
    with pytest.raises(ServerUnreachable) as caught:
        await b.courier.hand_over(envelope())
    assert "@" not in str(caught.value)
    assert b.script.contents == []
    b.script.at.clear()
    assert (await b.another(timeout=5.0).hand_over(envelope())).result is HandOver.ACCEPTED


@pytest.mark.parametrize(
    ("verb", "answer"),
    [
        ("GREETING", "554 no"),
        ("GREETING", "421 later"),
        ("EHLO", "451 later"),
        ("AUTH", "454 4.7.0 later"),
        ("MAIL", "199 what"),
        ("MAIL", "nonsense"),
        ("DATA", "250 ok"),
        ("MAIL", "250-x\r\n" * 6000 + "250 x"),
    ],
)
async def test_an_answer_about_the_session_is_no_verdict_on_the_mail(bench: BenchMaker, verb: str, answer: str) -> None:
    """Greeting, EHLO, a temporary login failure, answers against the protocol, and an endless one."""
    b = await bench(implicit=True, at={verb: answer})
    with pytest.raises(ServerUnreachable):
        await b.courier.hand_over(envelope())
    assert b.script.contents == []


@pytest.mark.fault("F27")
async def test_answers_that_are_each_in_time_do_not_add_up_for_ever(
    bench: BenchMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit over the whole dialogue ends what the limit of each answer lets pass."""
    monkeypatch.setattr(courier, "DIALOGUE_TURNS", 0.1)
    b = await bench(delay=0.2)
    with pytest.raises(ServerUnreachable, match="Délai"):
        await b.courier.hand_over(envelope())
    assert "DATA" not in b.script.verbs()


@pytest.mark.fault("F26")
async def test_nobody_listening_is_unreachable(bench: BenchMaker) -> None:
    """Port 1 of the loopback interface is closed."""
    b = await bench(settings={"port": 1})
    with pytest.raises(ServerUnreachable):
        await b.courier.hand_over(envelope())


# --- lost after the content began: unknown


@pytest.mark.fault("F22", "F23", "F26")
@pytest.mark.parametrize(
    ("at", "text", "taken"),
    [
        ({"CONTENT": Do.DROP}, answers.CONNECTION_LOST, True),
        ({"HALF": Do.DROP}, answers.CONNECTION_LOST, False),
        ({"CONTENT": Do.SILENCE}, answers.NO_ANSWER, True),
        ({"CONTENT": Do.DRIBBLE}, answers.NO_ANSWER, True),
        ({"CONTENT": "nonsense"}, answers.ANSWER_BROKEN, True),
        ({"CONTENT": "354 go on"}, "go on", True),
    ],
)
async def test_a_loss_after_the_content_began_is_unknown(
    bench: BenchMaker, at: dict[str, str | Do], text: str, *, taken: bool
) -> None:
    """Error but done, and error and not done, look alike to a client; the next mail takes another connection."""
    b = await bench(at=at, settings={"answer_timeout": 0.5})
    outcome = await b.courier.hand_over(envelope())
    assert (outcome.result, outcome.text) == (HandOver.UNKNOWN, text)
    assert bool(b.script.contents) is taken
    assert b.courier._client is None  # aborted at once: nothing buffered may still leave
    b.script.at.clear()
    assert (await b.courier.hand_over(envelope())).result is HandOver.ACCEPTED


async def test_success_told_before_the_end_of_the_content_is_unknown(bench: BenchMaker) -> None:
    """A server cannot accept what it has not yet got."""
    b = await bench(at={"HALF": "250 ok"}, extensions=(), settings={"user": None})
    outcome = await b.courier.hand_over(envelope(data=b"x" * 100 * courier.CHUNK + b"\r\n"))
    assert outcome.result is HandOver.UNKNOWN


async def test_a_cancelled_hand_over_tells_its_outcome_and_stays_cancelled(bench: BenchMaker) -> None:
    """The caller can record UNKNOWN before the cancellation reaches it."""
    b = await bench(at={"CONTENT": Do.SILENCE})
    recorded: list[HandOverOutcome] = []

    async def caller() -> None:
        recorded.append(await b.courier.hand_over(envelope()))
        await asyncio.Event().wait()

    task = asyncio.create_task(caller())
    await b.script.got_content.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 5)
    assert [outcome.result for outcome in recorded] == [HandOver.UNKNOWN]
    b.script.at.clear()
    assert (await b.courier.hand_over(envelope())).result is HandOver.ACCEPTED


# --- TLS


@pytest.mark.fault("F28")
@pytest.mark.parametrize(
    "fields", [{"starttls_offered": False}, {"at": {"STARTTLS": "454 4.7.0 no"}}, {"at": {"STARTTLS": "502 what"}}]
)
async def test_without_starttls_nothing_is_said_in_clear(bench: BenchMaker, fields: dict[str, object]) -> None:
    """Stripped or refused: no login, no mail."""
    b = await bench(**fields)
    with pytest.raises(TlsRefused):
        await b.courier.hand_over(envelope())
    assert set(b.script.verbs()) <= {"EHLO", "STARTTLS"}


@pytest.mark.fault("F28")
async def test_answers_injected_behind_starttls_are_not_believed(bench: BenchMaker) -> None:
    """What an attacker adds in clear behind the 220 is thrown away (RFC 3207 section 4.2, GHSA-vxj7-4xrp-5vr4)."""
    b = await bench(at={"STARTTLS": "220 go\r\n250-evil.test\r\n250 SIZE 1"})
    assert (await b.courier.hand_over(envelope())).result is HandOver.ACCEPTED


@pytest.mark.fault("F28")
@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize("defect", ["another authority", "another name", "expired"])
async def test_a_certificate_that_does_not_verify_is_refused(
    bench: BenchMaker, authority: trustme.CA, defect: str, *, implicit: bool
) -> None:
    """Wrong authority, wrong name, past its end."""
    issuer = trustme.CA() if defect == "another authority" else authority
    name = "other.test" if defect == "another name" else "127.0.0.1"
    end = datetime(2020, 1, 1, tzinfo=UTC) if defect == "expired" else None
    b = await bench(implicit=implicit, context=server_context(issuer, issuer.issue_cert(name, not_after=end)))
    with pytest.raises(TlsRefused, match="Certificat"):
        await b.courier.hand_over(envelope())
    assert set(b.script.verbs()) <= {"EHLO", "STARTTLS"}


async def test_a_server_in_clear_where_tls_is_expected_is_refused(bench: BenchMaker) -> None:
    """A greeting is not a handshake."""
    b = await bench(settings={"tls": SmtpTls.IMPLICIT})
    with pytest.raises(TlsRefused):
        await b.courier.hand_over(envelope())


async def test_the_client_certificate_is_shown(bench: BenchMaker, authority: trustme.CA, tmp_path: Path) -> None:
    """Login by certificate alone, and an unreadable certificate is told as such."""
    mine, path = authority.issue_cert("client.test", common_name="client.test"), tmp_path / "client.pem"
    mine.private_key_and_cert_chain_pem.write_to_path(str(path))
    b = await bench(implicit=True, settings={"user": None, "client_cert": path})
    assert (await b.courier.hand_over(envelope())).result is HandOver.ACCEPTED
    assert "client.test" in str(b.script.client_names[-1])
    with pytest.raises(TlsRefused, match="illisible"):
        await b.another(client_cert=tmp_path / "none.pem").hand_over(envelope())


# --- login


async def test_the_oauth_token_goes_by_xoauth2(bench: BenchMaker) -> None:
    """The string that Exchange Online and Gmail read."""

    async def token() -> str:
        return "tok"

    b = await bench(settings={"password": None, "token": token})
    assert (await b.courier.hand_over(envelope())).result is HandOver.ACCEPTED
    sent = next(line for line in b.script.seen if line.startswith("AUTH"))
    assert base64.b64decode(sent.removeprefix("AUTH XOAUTH2 ")) == b"user=soins\x01auth=Bearer tok\x01\x01"


async def test_a_refused_xoauth2_login_is_told(bench: BenchMaker) -> None:
    """The server explains in a challenge, which is answered by an empty line."""

    async def token() -> str:
        return "old"

    at: dict[str, str | Do] = {"AUTH": "334 eyJzdGF0dXMiOiI0MDEifQ==", "": "535 5.7.3 no"}
    told: list[str] = []
    b = await bench(settings={"password": None, "token": token, "token_refused": told.append}, at=at)
    with pytest.raises(LoginRefused, match="535"):
        await b.courier.hand_over(envelope())
    assert told == ["old"]


async def test_a_refused_token_is_told_as_such(bench: BenchMaker) -> None:
    """The provider's own error passes, and nothing was sent."""

    async def token() -> str:
        raise TokenRefused(server="login.test", reason="Non.")

    b = await bench(settings={"password": None, "token": token})
    with pytest.raises(TokenRefused):
        await b.courier.hand_over(envelope())
    assert "MAIL" not in b.script.verbs()


@pytest.mark.parametrize(
    "fields",
    [
        {"at": {"AUTH": "535 5.7.8 no"}},
        {"at": {"MAIL": "530 5.7.0 login first"}},
        {"extensions": ("AUTH CRAM-MD5",)},
        {"extensions": ()},
    ],
)
async def test_a_refused_login_is_told_once_without_the_password(bench: BenchMaker, fields: dict[str, object]) -> None:
    """One attempt, so that a wrong password does not lock the account; a missing login is no verdict on the mail."""
    b = await bench(**fields)
    with pytest.raises(LoginRefused) as caught:
        await b.courier.hand_over(envelope())
    assert b.script.verbs().count("AUTH") <= 1
    assert "s3cret" not in repr(caught.value) + repr(b.settings)


async def test_login_is_used_where_plain_is_not_offered(bench: BenchMaker) -> None:
    """AUTH LOGIN, as old Exchange servers offer it; here refused after the user name."""
    b = await bench(extensions=("AUTH LOGIN",), at={"AUTH": "535 no"})
    with pytest.raises(LoginRefused):
        await b.courier.hand_over(envelope())
    assert re.match("AUTH LOGIN ", b.script.seen[-1])


async def test_every_error_is_one_of_the_gateways(bench: BenchMaker) -> None:
    """Nothing of the library escapes, whatever the verb."""
    for verb in BEFORE_CONTENT:
        b = await bench(at={verb: "599 odd"})
        with contextlib.suppress(ServerError):
            assert (await b.courier.hand_over(envelope())).result is HandOver.REFUSED
