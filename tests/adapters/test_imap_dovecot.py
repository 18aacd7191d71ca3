"""The IMAP session against a real Dovecot: what a mailbox really answers, and that reading leaves no trace in it."""

import asyncio
import imaplib
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from gateway.adapters.imap import ImapFactory, ImapMailbox, ImapSettings, syntax
from gateway.adapters.imap import session as imap_session
from gateway.domain.errors import LoginRefused, ProtocolBroken, SecretUnreadable, ServerUnreachable, TlsRefused
from gateway.ports import Mailbox
from tests.mailserver import Account, Machine

pytestmark = pytest.mark.system

MAIL = b"From: a@cnas.test\r\nSubject: essai\r\n\r\nBonjour\r\n"


@dataclass(frozen=True, slots=True)
class RealClock:
    """The machine's time."""

    def now(self) -> datetime:
        """Aware UTC."""
        return datetime.fromtimestamp(time.clock_gettime(time.CLOCK_REALTIME), UTC)

    def uptime(self) -> float:
        """Unused here."""
        return 0.0

    def boot_id(self) -> str:
        """Unused here."""
        return ""


def settings(machine: Machine, account: Account) -> ImapSettings:
    """Password login on the machine."""
    return ImapSettings(
        host=machine.host,
        port=machine.ports.imaps,
        user=account.address,
        password=account.password,
        ca=machine.ca,
        timeout=10,
    )


@asynccontextmanager
async def session(wanted: ImapSettings) -> AsyncIterator[Mailbox]:
    """A session, closed at the end."""
    mailbox = await ImapFactory(settings=wanted, clock=RealClock()).connect()
    try:
        yield mailbox
    finally:
        await mailbox.close()


@contextmanager
def person(machine: Machine, account: Account, folder: str = "INBOX") -> Iterator[imaplib.IMAP4_SSL]:
    """Somebody else who works in the same mailbox with another program."""
    context = ssl.create_default_context(cafile=machine.ca)
    with imaplib.IMAP4_SSL(machine.host, machine.ports.imaps, ssl_context=context) as imap:
        imap.login(account.address, account.password)
        imap.create(syntax.mailbox_name(folder))
        imap.select(syntax.mailbox_name(folder))
        yield imap


@pytest.fixture
def account(mail_machine: Machine) -> Account:
    """A mailbox of this test alone."""
    return mail_machine.fresh_account()


async def test_fifteen_hundred_messages_are_listed(mail_machine: Machine, account: Account) -> None:
    """In batches, each with size and date, and vanished ones left out."""
    mail_machine.deliver(MAIL, account.address)
    with person(mail_machine, account) as imap:
        for last in (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 476):
            imap.copy(f"1:{last}", "INBOX")
    async with session(settings(mail_machine, account)) as mailbox:
        state = await mailbox.open("INBOX")
        uids = await mailbox.uids(1, state.uidnext)
        listed = await mailbox.listing((*uids, 999_999))

    assert uids == tuple(range(1, 1501))
    assert state.uidnext == 1501
    assert [item.uid for item in listed] == list(uids)
    assert len({item.size for item in listed}) == 1
    assert all(abs(item.internaldate - state.asked_at) < timedelta(minutes=1) for item in listed)


async def test_new_mail_is_seen_without_opening_the_folder_again(mail_machine: Machine, account: Account) -> None:
    """Each time, at once."""
    async with session(settings(mail_machine, account)) as mailbox:
        state = await mailbox.open("INBOX")
        for count in range(10):
            assert await mailbox.uids(state.uidnext, 1_000) == tuple(range(1, count + 1))
            await asyncio.to_thread(mail_machine.deliver, MAIL, account.address)
        assert await mailbox.uids(10, 11) == (10,)
        assert await mailbox.uids(500, 1_000) == ()


async def test_idle_returns_when_mail_arrives(mail_machine: Machine, account: Account) -> None:
    """Long before the time that was given, and again after it has returned once."""
    async with session(settings(mail_machine, account)) as mailbox:
        state = await mailbox.open("INBOX")
        for expected in (1, 2):
            waiting = asyncio.create_task(mailbox.wait_for_news(60))
            await asyncio.to_thread(mail_machine.deliver, MAIL, account.address)
            await asyncio.wait_for(waiting, 20)
            assert len(await mailbox.uids(state.uidnext, 1_000)) == expected


async def test_after_mail_the_next_is_told_without_idle(
    mail_machine: Machine, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dovecot looks at a NOOP at once; mail that comes while another is read is told of by that, or by the NOOP."""
    monkeypatch.setattr(imap_session, "ASKING_SECONDS", (0.0, *(0.02,) * 500))
    monkeypatch.setattr(ImapMailbox, "_idle", None)
    async with session(settings(mail_machine, account)) as mailbox:
        await mailbox.open("INBOX")
        mail_machine.deliver(MAIL, account.address)
        for uid in (1, 2, 3):
            assert (await mailbox.open("INBOX")).uidnext == uid + 1
            delivery = asyncio.create_task(asyncio.to_thread(mail_machine.deliver, MAIL, account.address))
            assert (await mailbox.fetch(uid, 1_000) or b"").endswith(MAIL)
            await asyncio.wait_for(mailbox.wait_for_news(60), 20)
            await delivery


async def test_a_message_is_read_whole_and_stays_unread(mail_machine: Machine, account: Account) -> None:
    """A large body with parentheses, braces and NUL-free binary comes back byte for byte; no flag changes."""
    body = bytes(range(1, 256)).replace(b"\r", b"").replace(b"\n", b"") * 3 + b") {12}\r\nA1 OK done\r\n* BYE\r\n"
    mail = b"Subject: essai\r\n\r\n" + body * 6_000
    with person(mail_machine, account) as imap:
        imap.append("INBOX", r"(\Flagged)", "", mail)
        imap.append("INBOX", "", "", MAIL)
    async with session(settings(mail_machine, account)) as mailbox:
        await mailbox.open("INBOX")
        await mailbox.listing((1, 2))
        assert await mailbox.fetch(1, len(mail)) == mail
        assert await mailbox.fetch(2, 1_000) == MAIL
    with person(mail_machine, account) as imap:
        _, flags = imap.fetch("1:*", "(FLAGS)")
    assert [line.partition(b"FLAGS")[2] for line in flags if isinstance(line, bytes)] == [rb" (\Flagged))", b" ())"]


async def test_a_message_over_the_limit_is_refused_before_it_is_read(mail_machine: Machine, account: Account) -> None:
    """One byte too many is enough."""
    mail_machine.deliver(MAIL, account.address)
    async with session(settings(mail_machine, account)) as mailbox:
        await mailbox.open("INBOX")
        (listed,) = await mailbox.listing((1,))
        with pytest.raises(ProtocolBroken):
            await mailbox.fetch(1, listed.size - 1)


@pytest.mark.fault("F31")
async def test_a_message_deleted_by_somebody_else_has_vanished(mail_machine: Machine, account: Account) -> None:
    """None from fetch, absent from listing, while the session goes on."""
    mail_machine.deliver(MAIL, account.address)
    mail_machine.deliver(MAIL, account.address)
    async with session(settings(mail_machine, account)) as mailbox:
        await mailbox.open("INBOX")
        assert await mailbox.uids(1, 10) == (1, 2)
        with person(mail_machine, account) as imap:
            imap.store("1", "+FLAGS", r"(\Deleted)")
            imap.expunge()
        assert await mailbox.uids(1, 10) == (2,)
        assert await mailbox.fetch(1, 1_000) is None
        assert [item.uid for item in await mailbox.listing((1, 2))] == [2]


@pytest.mark.parametrize("folder", ["Mon dossier", "Reçus traités/Été", "R&D", 'a"b'])
async def test_folders_with_spaces_and_accents_are_opened(mail_machine: Machine, account: Account, folder: str) -> None:
    """The same name that a person's program shows."""
    with person(mail_machine, account, folder) as imap:
        imap.append(syntax.mailbox_name(folder), "", "", MAIL)
    async with session(settings(mail_machine, account)) as mailbox:
        state = await mailbox.open(folder)
        assert (state.folder, state.uidnext) == (folder, 2)
        assert await mailbox.fetch(1, 1_000) == MAIL
        with pytest.raises(ProtocolBroken):
            await mailbox.open("Absent")


async def test_an_unknown_authority_is_refused(mail_machine: Machine, account: Account, tmp_path: Path) -> None:
    """Neither another one nor the system's own will do."""
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
    good = settings(mail_machine, account)
    with pytest.raises(TlsRefused):
        await ImapFactory(settings=replace(good, ca=tmp_path / "other.pem"), clock=RealClock()).connect()
    with pytest.raises(TlsRefused):
        await ImapFactory(settings=replace(good, ca=None), clock=RealClock()).connect()


async def test_a_wrong_password_is_refused(mail_machine: Machine, account: Account) -> None:
    """LoginRefused, and never the password in it."""
    wrong = replace(settings(mail_machine, account), password="faux-mot")
    with pytest.raises(LoginRefused) as caught:
        await ImapFactory(settings=wrong, clock=RealClock()).connect()
    assert "faux-mot" not in caught.value.sentence()


async def test_a_client_certificate_logs_in_without_password(mail_machine: Machine, tmp_path: Path) -> None:
    """SASL EXTERNAL; without a certificate it is refused, and an encrypted key is an error, not a question."""
    account = mail_machine.account()
    bare = replace(settings(mail_machine, account), password=None)
    certified = replace(bare, client_cert=mail_machine.client_cert, client_key=mail_machine.client_key)
    for user in (account.address, ""):
        async with session(replace(certified, user=user)) as mailbox:
            assert (await mailbox.open("INBOX")).uidvalidity > 0
    with pytest.raises(LoginRefused):
        await ImapFactory(settings=bare, clock=RealClock()).connect()
    with pytest.raises(SecretUnreadable):
        await ImapFactory(settings=replace(certified, client_key=tmp_path / "none"), clock=RealClock()).connect()


async def test_the_servers_time_follows_the_moved_clock_and_leaves_nothing_behind(
    mail_machine: Machine, account: Account
) -> None:
    """The folder is made once, the message is gone, and another folder must be opened again before reading."""
    clock, folder = RealClock(), "Passerelle/Horloge réglée"
    times = []
    try:
        for offset in ("+0", "+10d", "+11d"):
            mail_machine.set_offset(offset)
            async with session(settings(mail_machine, account)) as mailbox:
                times.append((await mailbox.server_time(folder)) - clock.now())
                with pytest.raises(RuntimeError):
                    await mailbox.uids(1, 10)
                assert (await mailbox.open("INBOX")).uidnext == 1
    finally:
        mail_machine.set_offset("+0")

    for measured, moved in zip(times, (0, 10, 11), strict=True):
        assert abs(measured - timedelta(days=moved)) < timedelta(seconds=3)
    with person(mail_machine, account, folder) as imap:
        assert imap.search(None, "ALL")[1] == [b""]


@pytest.mark.fault("F29")
async def test_a_stopped_server_is_unreachable_and_comes_back(mail_machine: Machine, account: Account) -> None:
    """The old session ends at once; a new one works after the restart."""
    async with session(settings(mail_machine, account)) as mailbox:
        await mailbox.open("INBOX")
        waiting = asyncio.create_task(mailbox.wait_for_news(60))
        await asyncio.to_thread(mail_machine.stop)
        with pytest.raises(ServerUnreachable):
            await asyncio.wait_for(waiting, 5)
        with pytest.raises(ServerUnreachable):
            await ImapFactory(settings=settings(mail_machine, account), clock=RealClock()).connect()
        await asyncio.to_thread(mail_machine.start)
    async with session(settings(mail_machine, account)) as mailbox:
        assert (await mailbox.open("INBOX")).uidnext == 1
