"""The IMAP session against a server that misbehaves: everything ends in one of our errors, in time, and silently."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.adapters.imap import ImapMailbox, protocol, session, syntax
from gateway.domain.errors import ProtocolBroken, ServerUnreachable
from gateway.ports import Mailbox
from tests.adapters.fake_imap import (
    PASSWORD,
    SILENCE,
    Behaviour,
    FakeImap,
    Peer,
    cuts_after,
    factory,
    fake_imap,
    falls_silent_after,
    says,
)

MAIL = b"Subject: secret\r\n\r\nCANARI\r\n"


@asynccontextmanager
async def opened(server: FakeImap, folder: Path) -> AsyncIterator[Mailbox]:
    """A session with INBOX open."""
    mailbox = await factory(server, folder).connect()
    try:
        await mailbox.open("INBOX")
        yield mailbox
    finally:
        await mailbox.close()


async def test_open_brackets_the_answer_between_two_looks_at_the_clock(tmp_path: Path) -> None:
    """asked_at is before SELECT, answered_at after; both numbers are read."""
    async with fake_imap() as server, opened(server, tmp_path) as mailbox:
        state = await mailbox.open("INBOX")

    assert (state.uidvalidity, state.uidnext) == (7, 12)
    assert state.answered_at - state.asked_at == timedelta(seconds=1)


async def look(mailbox: Mailbox) -> None:
    """Ask for UIDs."""
    await mailbox.uids(1, 10)


async def read(mailbox: Mailbox) -> None:
    """Fetch a message."""
    await mailbox.fetch(5, 10_000)


async def wait(mailbox: Mailbox) -> None:
    """Wait for news, for much longer than the test lasts."""
    await mailbox.wait_for_news(60)


ACTS = {b"NOOP": look, b"FETCH": read, b"IDLE": wait}
FETCH_START = b"* 1 FETCH (UID 5 BODY[] {1000}\r\nhalf of"


@pytest.mark.fault("F26", "F29")
@pytest.mark.parametrize(
    ("name", "behaviour"),
    [
        pytest.param(b"FETCH", cuts_after(FETCH_START), id="cut in the middle of a FETCH"),
        pytest.param(b"FETCH", falls_silent_after(FETCH_START), id="silent in the middle of a FETCH"),
        pytest.param(b"FETCH", falls_silent_after(b""), id="silent after a command"),
        pytest.param(b"FETCH", falls_silent_after(b"* BYE overloaded\r\n"), id="BYE"),
        pytest.param(b"NOOP", cuts_after(b""), id="cut before the answer"),
        pytest.param(b"IDLE", cuts_after(b"+ idling\r\n"), id="cut in IDLE"),
        pytest.param(b"IDLE", falls_silent_after(b"+ idling\r\n* BYE timeout\r\n"), id="BYE in IDLE"),
        pytest.param(b"IDLE", falls_silent_after(b""), id="IDLE never confirmed"),
        pytest.param(b"IDLE", falls_silent_after(b"+ idling\r\n* 4 EXISTS\r\n"), id="DONE never answered"),
    ],
)
async def test_a_lost_or_silent_server_is_reported_within_the_timeout(
    tmp_path: Path, name: bytes, behaviour: Behaviour
) -> None:
    """No command and no IDLE hangs, and the session says so again at every later call."""
    async with fake_imap({name: behaviour}) as server, opened(server, tmp_path) as mailbox:
        began = time.monotonic()
        with pytest.raises(ServerUnreachable):
            await ACTS[name](mailbox)
        assert time.monotonic() - began < 4 * SILENCE
        with pytest.raises(ServerUnreachable):
            await mailbox.uids(1, 10)


@pytest.mark.fault("F27")
async def test_a_server_that_drips_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte prolongs the patience, but not for ever."""
    monkeypatch.setattr(protocol, "DRIP_FACTOR", 3)

    async def drip(peer: Peer, _tag: bytes) -> None:
        while True:
            await peer.raw(b"*")
            await asyncio.sleep(SILENCE / 5)

    async with fake_imap({b"NOOP": drip}) as server, opened(server, tmp_path) as mailbox:
        began = time.monotonic()
        with pytest.raises(ServerUnreachable):
            await mailbox.uids(1, 10)
        assert 2.5 * SILENCE < time.monotonic() - began < 6 * SILENCE


@pytest.mark.parametrize(
    ("name", "behaviour"),
    [
        (b"FETCH", says(b"* 1 FETCH (UID 5 BODY[] {2000}", b"x" * 2000 + b")")),
        (b"FETCH", says(done=b"NO [SERVERBUG] CANARI")),
        (b"FETCH", says(done=b"BAD CANARI")),
        (b"SEARCH", says(b"* SEARCH 5 CANARI")),
        (b"SEARCH", says(b"* SEARCH" + b" 4000000000" * 400)),
        (b"SEARCH", says(*[b"* 5 EXISTS"] * 400)),
        (b"SEARCH", falls_silent_after(b"* SEARCH" + b" 4000000000" * 400)),
        (b"SEARCH", says(b"CANARI OK done")),
        (b"SEARCH", says(b"* OK {99999999}", b"x")),
    ],
)
async def test_answers_over_a_limit_or_outside_the_protocol_are_refused(
    tmp_path: Path, name: bytes, behaviour: Behaviour, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ProtocolBroken, whose sentence holds nothing that the server said."""
    monkeypatch.setattr(protocol, "MAX_ANSWER_BYTES", 3000)
    async with fake_imap({name: behaviour}) as server, opened(server, tmp_path) as mailbox:
        with pytest.raises(ProtocolBroken) as caught:
            await (mailbox.fetch(5, 1999) if name == b"FETCH" else mailbox.uids(1, 10))
    assert "CANARI" not in caught.value.sentence()


@pytest.mark.parametrize("lines", [(b"* OK [UIDVALIDITY 7] valid",), (b"* OK [UIDNEXT 7] next",)])
async def test_a_folder_without_uidvalidity_or_uidnext_is_refused(tmp_path: Path, lines: tuple[bytes, ...]) -> None:
    """Nothing can be proved about a folder whose numbers are unknown."""
    async with fake_imap({b"SELECT": says(*lines)}) as server:
        mailbox = await factory(server, tmp_path).connect()
        with pytest.raises(ProtocolBroken):
            await mailbox.open("INBOX")
        await mailbox.close()


async def test_twenty_thousand_lines_in_one_answer_are_read_at_once(tmp_path: Path) -> None:
    """The framing is neither recursive nor quadratic."""
    pushed = [b"* %d FETCH (UID %d FLAGS (\\Seen))" % (n, n) for n in range(1, 20_001)]
    async with fake_imap({b"SEARCH": says(*pushed, b"* SEARCH 4 9")}) as server, opened(server, tmp_path) as mailbox:
        began = time.monotonic()
        assert await mailbox.uids(1, 10) == (4, 9)
        assert time.monotonic() - began < 2


async def test_the_last_message_that_a_star_always_names_is_left_out(tmp_path: Path) -> None:
    """UID SEARCH n:* gives the last message even when its UID is below n."""
    async with fake_imap({b"SEARCH": says(b"* SEARCH 12 11 30")}) as server, opened(server, tmp_path) as mailbox:
        assert await mailbox.uids(12, 30) == (12,)


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        (says(b"* 1 FETCH (UID 5 BODY[] {%d}" % len(MAIL), MAIL + b" FLAGS (\\Seen))"), MAIL),
        (says(b"* 1 FETCH (BODY[] {%d}" % len(MAIL), MAIL + b" UID 5)"), MAIL),
        (says(b"* 1 FETCH (FLAGS ())", b'* 2 FETCH (UID 5 BODY[] "a\\"b")'), b'a"b'),
        (says(b"* 1 FETCH (UID 5 BODY[] {0}", b")"), b""),
        (says(b"* 1 FETCH (UID 5 BODY[] NIL)"), None),
        (says(b"* 1 FETCH (UID 6 BODY[] {3}", b"abc)"), None),
        (says(done=b"NO [EXPUNGEISSUED] gone"), None),
        (says(), None),
    ],
)
async def test_every_allowed_form_of_a_fetch_answer_is_read(
    tmp_path: Path, behaviour: Behaviour, expected: bytes | None
) -> None:
    """The literal is whole, whatever surrounds it; a message that vanished is None."""
    async with fake_imap({b"FETCH": behaviour}) as server, opened(server, tmp_path) as mailbox:
        assert await mailbox.fetch(5, 1000) == expected


async def test_a_push_ends_idle_and_the_session_goes_on(tmp_path: Path) -> None:
    """DONE is sent, and the next command works."""

    async def idle(peer: Peer, tag: bytes) -> None:
        await peer.say(b"+ idling", b"* 4 EXISTS")
        assert await peer.hear() == b"DONE"
        await peer.say(tag + b" OK done")

    async with fake_imap({b"IDLE": idle}) as server, opened(server, tmp_path) as mailbox:
        await asyncio.wait_for(mailbox.wait_for_news(60), 5)
        assert await mailbox.uids(1, 5) == ()


async def test_idle_is_renewed_before_the_server_forgets_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long wait is made of several IDLEs, each ended by DONE."""
    monkeypatch.setattr(session, "IDLE_RENEWAL_SECONDS", 0.05)
    done: list[bytes] = []

    async def idle(peer: Peer, tag: bytes) -> None:
        await peer.say(b"+ idling")
        done.append(await peer.hear())
        await peer.say(tag + b" OK done")

    async with fake_imap({b"IDLE": idle}) as server, opened(server, tmp_path) as mailbox:
        await mailbox.wait_for_news(0.2)
    assert len(done) >= 3
    assert set(done) == {b"DONE"}


@pytest.mark.parametrize("announced", [True, False])
async def test_without_idle_only_the_time_is_waited_for(tmp_path: Path, announced: bool) -> None:  # noqa: FBT001
    """Not announced, or announced and refused: the wait lasts, and ends in a NOOP."""
    capabilities = b"IMAP4rev1 AUTH=PLAIN" + b" IDLE" * announced
    behaviours = {b"IDLE": says(done=b"NO not now")}
    async with fake_imap(behaviours, capabilities=capabilities) as server, opened(server, tmp_path) as mailbox:
        began = time.monotonic()
        await mailbox.wait_for_news(0.2)
        assert time.monotonic() - began >= 0.2
        assert server.heard[-1].endswith(b" NOOP")


def shows(*uidnexts: int) -> Behaviour:
    """A behaviour for SELECT: three messages, and at each look the next of these UIDNEXT; the last one stays."""
    left = list(uidnexts)

    async def select(peer: Peer, tag: bytes) -> None:
        uidnext = left.pop(0) if len(left) > 1 else left[0]
        await says(b"* 3 EXISTS", b"* OK [UIDVALIDITY 7] valid", b"* OK [UIDNEXT %d] next" % uidnext)(peer, tag)

    return select


async def idles(peer: Peer, tag: bytes) -> None:
    """A behaviour for IDLE: nothing is new."""
    await peer.say(b"+ idling")
    assert await peer.hear() == b"DONE"
    await peer.say(tag + b" OK done")


def commands(server: FakeImap) -> list[bytes]:
    """What the client asked since it last opened a folder, without tags."""
    heard = [line.partition(b" ")[2] or line for line in server.heard]
    return heard[len(heard) - heard[::-1].index(b'SELECT "INBOX"') :]


async def test_a_wait_that_begins_soon_after_mail_asks_before_it_idles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NOOP makes a server look at once; the answer that tells of mail ends the wait, and IDLE is not begun."""
    monkeypatch.setattr(session, "ASKING_SECONDS", (0.0, 0.001, 0.002, 0.003))
    told = iter(((), (b"* 3 EXISTS", b"* 1 FETCH (FLAGS ())"), (b"* 4 EXISTS",)))

    async def noop(peer: Peer, tag: bytes) -> None:
        await says(*next(told))(peer, tag)

    behaviours = {b"SELECT": shows(12, 13), b"NOOP": noop, b"IDLE": idles}
    async with fake_imap(behaviours) as server, opened(server, tmp_path) as mailbox:
        await mailbox.open("INBOX")
        await asyncio.wait_for(mailbox.wait_for_news(60), 5)
        assert commands(server) == [b"NOOP"] * 3


@pytest.mark.parametrize("looks", [1, 2])
async def test_a_quiet_mailbox_is_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, looks: int) -> None:
    """Only IDLE, at the first wait and the next, and however often it is renewed."""
    monkeypatch.setattr(session, "IDLE_RENEWAL_SECONDS", 0.01)
    async with fake_imap({b"IDLE": idles}) as server, opened(server, tmp_path) as mailbox:
        for _ in range(2):
            for _ in range(looks):
                await mailbox.open("INBOX")
            await mailbox.wait_for_news(0.05)
        heard = commands(server)
    assert set(heard) == {b"IDLE"}
    assert len(heard) >= 2


async def test_only_the_wait_after_the_mail_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next one idles, whether or not somebody looked in between."""
    monkeypatch.setattr(session, "ASKING_SECONDS", (0.0, 0.001))
    behaviours = {b"SELECT": shows(12, 13), b"IDLE": idles}
    async with fake_imap(behaviours) as server, opened(server, tmp_path) as mailbox:
        await mailbox.open("INBOX")
        for _ in range(2):
            await mailbox.wait_for_news(0.03)
        assert commands(server) == [b"NOOP", b"NOOP", b"IDLE", b"IDLE"]
        await mailbox.open("INBOX")
        await mailbox.wait_for_news(0.03)
        assert commands(server) == [b"IDLE"]


async def test_questions_end_with_the_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """None is asked in a hurry when it is over."""
    monkeypatch.setattr(session, "ASKING_SECONDS", (0.0, 0.02, *(60.0,) * 9))
    behaviours = {b"SELECT": shows(12, 13), b"IDLE": idles}
    async with fake_imap(behaviours) as server, opened(server, tmp_path) as mailbox:
        await mailbox.open("INBOX")
        await asyncio.wait_for(mailbox.wait_for_news(0.05), 5)
        assert commands(server) == [b"NOOP", b"NOOP"]


FOUR = b"* 4 EXISTS"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        pytest.param(b"FETCH", says(FOUR), id="with the mail that was read"),
        pytest.param(b"FETCH", says(b"* 3 EXPUNGE", b"* 3 EXISTS"), id="one went, another came"),
        pytest.param(b"FETCH", says(done=b"OK done\r\n* 4 exists"), id="unasked, between two commands"),
        pytest.param(b"NOOP", says(FOUR), id="with a NOOP"),
        pytest.param(
            b"SELECT",
            says(b"* 3 EXISTS", b"* OK [UIDVALIDITY 7] v", b"* OK [UIDNEXT 12] n", done=b"OK done\r\n" + FOUR),
            id="right behind the opening",
        ),
    ],
)
@pytest.mark.parametrize("idle", [True, False])
async def test_mail_that_was_told_of_before_the_wait_ends_it_at_once(
    tmp_path: Path,
    name: bytes,
    told: Behaviour,
    idle: bool,  # noqa: FBT001
) -> None:
    """A server says it once: an IDLE would be told nothing more."""
    capabilities = b"IMAP4rev1 AUTH=PLAIN" + b" IDLE" * idle
    async with (
        fake_imap({name: told, b"IDLE": idles}, capabilities=capabilities) as server,
        opened(server, tmp_path) as mailbox,
    ):
        await mailbox.uids(1, 10)
        await mailbox.fetch(5, 1000)
        asked = len(server.heard)
        await asyncio.wait_for(mailbox.wait_for_news(60), 5)
        assert len(server.heard) == asked


async def test_mail_that_the_end_of_an_idle_tells_of_ends_the_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server may send what it had queued after DONE (RFC 2177)."""
    monkeypatch.setattr(session, "IDLE_RENEWAL_SECONDS", 0.02)

    async def idle(peer: Peer, tag: bytes) -> None:
        await peer.say(b"+ idling")
        assert await peer.hear() == b"DONE"
        await peer.say(FOUR, tag + b" OK done")

    async with fake_imap({b"IDLE": idle}) as server, opened(server, tmp_path) as mailbox:
        await asyncio.wait_for(mailbox.wait_for_news(60), 5)
        assert commands(server) == [b"IDLE"]


@pytest.mark.parametrize(
    "told",
    [
        pytest.param((b"* 3 EXISTS", b"* 3 EXISTS"), id="the same again"),
        pytest.param((b"* 1 EXPUNGE", b"* 2 EXISTS", b"* 0 RECENT"), id="fewer"),
        pytest.param((b"* 4 EXISTSAND", b"* 99999999999 EXISTS", b"* 7 FETCH (FLAGS ())"), id="something else"),
    ],
)
async def test_what_tells_of_no_mail_ends_no_wait(tmp_path: Path, told: tuple[bytes, ...]) -> None:
    """A server that counts aloud is no reason to look without end."""
    async with fake_imap({b"NOOP": says(*told), b"IDLE": idles}) as server, opened(server, tmp_path) as mailbox:
        await mailbox.uids(1, 10)
        await mailbox.wait_for_news(0.03)
        assert commands(server)[-1] == b"IDLE"


async def test_opening_a_folder_answers_what_was_told_before(tmp_path: Path) -> None:
    """Its numbers count that mail: the next wait idles, whatever another folder held."""
    fetch = says(b"* 9 EXISTS")
    async with fake_imap({b"FETCH": fetch, b"IDLE": idles}) as server, opened(server, tmp_path) as mailbox:
        await mailbox.fetch(5, 1000)
        await mailbox.open("INBOX")
        await mailbox.wait_for_news(0.03)
        assert commands(server) == [b"IDLE"]


async def test_without_idle_a_server_that_tells_unasked_is_heard(tmp_path: Path) -> None:
    """It may (RFC 3501 section 7); the time need not be over."""

    async def noop(peer: Peer, tag: bytes) -> None:
        await says()(peer, tag)
        await asyncio.sleep(0.02)
        await peer.say(FOUR)

    capabilities = b"IMAP4rev1 AUTH=PLAIN"
    async with fake_imap({b"NOOP": noop}, capabilities=capabilities) as server, opened(server, tmp_path) as mailbox:
        await mailbox.uids(1, 10)
        await asyncio.wait_for(mailbox.wait_for_news(60), 5)


@pytest.mark.fault("F29")
@pytest.mark.parametrize(
    "noop",
    [
        pytest.param(falls_silent_after(b"* BYE overloaded\r\n"), id="BYE"),
        pytest.param(cuts_after(b"* 4 EX"), id="cut in the answer"),
        pytest.param(falls_silent_after(b""), id="silent"),
        pytest.param(says(done=b"OK done\r\n* BYE timeout"), id="BYE before the next question"),
    ],
)
async def test_a_server_lost_between_two_questions_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, noop: Behaviour
) -> None:
    """Within its patience, and never taken for news."""
    monkeypatch.setattr(session, "ASKING_SECONDS", (0.0, 60.0))
    async with fake_imap({b"SELECT": shows(12, 13), b"NOOP": noop}) as server, opened(server, tmp_path) as mailbox:
        await mailbox.open("INBOX")
        async with asyncio.timeout(8 * SILENCE):
            with pytest.raises(ServerUnreachable):
                await mailbox.wait_for_news(60)


async def test_a_wait_cancelled_between_two_questions_ends_the_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in any other command."""
    monkeypatch.setattr(session, "ASKING_SECONDS", (0.0, 60.0))
    async with fake_imap({b"SELECT": shows(12, 13)}) as server, opened(server, tmp_path) as mailbox:
        await mailbox.open("INBOX")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(SILENCE / 3):
                await mailbox.wait_for_news(60)
        with pytest.raises(ServerUnreachable):
            await mailbox.uids(1, 10)


async def test_a_cancelled_command_ends_the_session(tmp_path: Path) -> None:
    """A late answer could otherwise be taken for that of the next command."""
    async with fake_imap({b"NOOP": falls_silent_after(b"")}) as server, opened(server, tmp_path) as mailbox:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(SILENCE / 3):
                await mailbox.uids(1, 10)
        with pytest.raises(ServerUnreachable):
            await mailbox.uids(1, 10)


async def test_nothing_of_a_mail_or_a_password_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Even with the root logger at DEBUG."""
    caplog.set_level(logging.DEBUG)
    fetch = says(b"* 1 FETCH (UID 5 BODY[] {%d}" % len(MAIL), MAIL + b")")
    async with fake_imap({b"FETCH": fetch}) as server, opened(server, tmp_path) as mailbox:
        assert await mailbox.fetch(5, 1000) == MAIL
    assert "CANARI" not in caplog.text
    assert PASSWORD not in caplog.text
    assert "aioimaplib" not in {record.name.partition(".")[0] for record in caplog.records}


async def test_reading_needs_an_open_folder_and_the_clock_folder_is_never_inbox(tmp_path: Path) -> None:
    """Both are defects of ours, caught before a command is sent."""
    async with fake_imap() as server:
        mailbox = await factory(server, tmp_path).connect()
        assert isinstance(mailbox, ImapMailbox)
        with pytest.raises(RuntimeError):
            await mailbox.fetch(1, 10)
        with pytest.raises(ValueError, match="own"):
            await mailbox.server_time("inbox")
        await mailbox.close()


async def test_the_servers_time_is_read_without_uidplus_too(tmp_path: Path) -> None:
    """The folder is made, the message found by UIDNEXT, and deleted by a plain EXPUNGE of our own folder."""
    selects = iter((says(done=b"NO [NONEXISTENT] absent"), says(b"* OK [UIDVALIDITY 7] v", b"* OK [UIDNEXT 12] n")))
    date = b'INTERNALDATE "04-Jan-2026 10:00:00 +0100"'

    async def select(peer: Peer, tag: bytes) -> None:
        await next(selects)(peer, tag)

    async def append(peer: Peer, tag: bytes) -> None:
        await peer.say(b"+ go on")
        while await peer.hear() != b"":
            pass  # the header
        await peer.hear()
        await peer.hear()
        await peer.say(tag + b" OK done")

    fetch = says(b'* 1 FETCH (UID 11 INTERNALDATE "01-Jan-2026 10:00:00 +0100")', b"* 2 FETCH (" + date + b" UID 12)")
    behaviours = {b"SELECT": select, b"APPEND": append, b"FETCH": fetch}
    async with fake_imap(behaviours, capabilities=b"IMAP4rev1 AUTH=PLAIN SASL-IR") as server:
        mailbox = await factory(server, tmp_path).connect()
        assert await mailbox.server_time("Horloge") == datetime(2026, 1, 4, 9, tzinfo=UTC)
        await mailbox.close()
    commands = [line.partition(b" ")[2] for line in server.heard]
    assert b'CREATE "Horloge"' in commands
    assert commands[-3:] == [b"UID STORE 12 +FLAGS.SILENT (\\Deleted)", b"EXPUNGE", b"LOGOUT"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("INBOX", '"INBOX"'),
        ("Mon dossier", '"Mon dossier"'),
        ("Reçus traités", '"Re&AOc-us trait&AOk-s"'),
        ("R&D", '"R&-D"'),
        ('a"b\\c', '"a\\"b\\\\c"'),
        ("日本/😀", '"&ZeVnLA-/&2D3eAA-"'),
        ("a\r\nb", '"a&AA0ACg-b"'),
    ],
)
def test_folder_names_are_quoted_and_encoded(name: str, expected: str) -> None:
    """Modified UTF-7, RFC 3501 section 5.1.3."""
    assert syntax.mailbox_name(name) == expected


def test_dates_of_the_server_are_read_in_any_zone_and_refused_when_impossible() -> None:
    """The result is aware UTC."""
    assert syntax.internaldate(b" 1-Mar-2026 00:30:00 +0100") == datetime(2026, 2, 28, 23, 30, tzinfo=UTC)
    assert syntax.internaldate(b"17-jul-1996 02:44:25 -0730") == datetime(1996, 7, 17, 10, 14, 25, tzinfo=UTC)
    for wrong in (b"31-Feb-2026 00:00:00 +0000", b"01-Mai-2026 00:00:00 +0000", b"01-Jan-0001 00:00:00 +1400", b""):
        with pytest.raises(protocol.Broken):
            syntax.internaldate(wrong)


@pytest.mark.fault("F35")
async def test_a_server_that_does_not_answer_a_logout_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its patience is a minute, and a service that stops has half of one."""

    async def mute(peer: Peer, tag: bytes) -> None:
        del peer, tag

    monkeypatch.setattr(session, "CLOSE_SECONDS", 0.05)
    async with fake_imap({b"LOGOUT": mute}) as server:
        mailbox = await factory(server, tmp_path).connect()
        mailbox._protocol.silence = 3600.0  # type: ignore[attr-defined]  # the adapter's
        async with asyncio.timeout(30):
            await mailbox.close()
