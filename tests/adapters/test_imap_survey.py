"""What a check-up asks of a mailbox: its folders, its limits, one mail by its subject, and the removal of that mail."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.adapters.imap import ImapFactory, ImapMailbox, syntax
from gateway.adapters.imap.protocol import Broken
from gateway.domain.errors import ProtocolBroken
from gateway.ports import Folder, PeerTls
from tests.adapters.fake_imap import Behaviour, FakeImap, factory, fake_imap, says
from tests.adapters.test_imap_dovecot import MAIL, RealClock, person, settings
from tests.mailserver import Machine

TOKEN = "1f3a9c"
FOUND = b"Subject: message d'essai 1f3a9c\r\nMessage-ID: <77ab@hopital.test>\r\n\r\nx\r\n"


@asynccontextmanager
async def connected(server: FakeImap, folder: Path) -> AsyncIterator[ImapMailbox]:
    """A session without any folder open."""
    made = factory(server, folder)
    assert isinstance(made, ImapFactory)
    mailbox = await made.connect()
    try:
        yield mailbox
    finally:
        await mailbox.close()


@pytest.mark.parametrize(
    ("line", "folder"),
    [
        ((b'LIST (\\HasNoChildren) "/" INBOX',), Folder(name="INBOX")),
        ((b'LIST (\\HasNoChildren \\Junk) "." "Spam"',), Folder(name="Spam", use="junk")),
        ((b'list (\\junk) NIL "a\\"b\\\\c"',), Folder(name='a"b\\c', use="junk")),
        ((b'LIST () "/" "Re&AOc-us trait&AOk-s/R&-D"',), Folder(name="Reçus traités/R&D")),
        ((b'LIST (\\HasNoChildren \\Sent) "/" Envois',), Folder(name="Envois", use="sent")),
        ((b'LIST () "\\\\" {8}', b"avec (a)", b""), Folder(name="avec (a)")),
    ],
)
def test_a_folder_of_a_listing_is_read(line: tuple[bytes, ...], folder: Folder) -> None:
    """Atom, quoted, literal; modified UTF-7; any separator."""
    assert tuple(syntax.folders([(b"FLAGS ()",), line])) == (folder,)


@pytest.mark.parametrize("flag", [b"\\Noselect", b"\\NonExistent \\HasChildren"])
def test_a_folder_that_cannot_be_opened_is_left_out(flag: bytes) -> None:
    """It is only a step on the way to others."""
    assert tuple(syntax.folders([(b"LIST (" + flag + b') "/" "Parent"',)])) == ()


@pytest.mark.parametrize("line", [b"LIST nonsense", b'LIST () "/" "&A-"', b'LIST () "/" "\xe9t\xe9"'])
def test_an_unreadable_listing_is_refused(line: bytes) -> None:
    """A name is never guessed."""
    with pytest.raises(Broken):
        tuple(syntax.folders([(line,)]))


@pytest.mark.parametrize("name", ["INBOX", "Reçus traités/Été", "R&D", "a&-b", "日本", "x" * 200 + "é"])
def test_a_name_written_for_the_server_is_read_back(name: str) -> None:
    """Writing and reading modified UTF-7 are each other's reverse."""
    written = syntax.mailbox_name(name)
    assert tuple(syntax.folders([(f'LIST () "/" {written}'.encode(),)])) == (Folder(name=name),)


async def test_special_uses_are_asked_where_the_server_knows_them(tmp_path: Path) -> None:
    """RFC 6154 needs the extended LIST; elsewhere the plain one is sent."""
    listing: dict[bytes, Behaviour] = {b"LIST": says(b'* LIST (\\Junk) "/" Pourriel')}
    for capabilities, sent in (
        (b"IMAP4rev1 AUTH=PLAIN SPECIAL-USE LIST-EXTENDED", b'LIST "" "*" RETURN (SPECIAL-USE)'),
        (b"IMAP4rev1 AUTH=PLAIN", b'LIST "" "*"'),
    ):
        async with fake_imap(listing, capabilities=capabilities) as server, connected(server, tmp_path) as mailbox:
            assert await mailbox.folders() == (Folder(name="Pourriel", use="junk"),)
            assert server.heard[-1].endswith(sent)


@pytest.mark.parametrize(
    ("capability", "limit"),
    [(b"", None), (b"APPENDLIMIT=35651584", 35651584), (b"APPENDLIMIT=lots", None), (b"APPENDLIMIT", 1000)],
)
async def test_the_largest_message_is_told_where_the_server_tells_it(
    tmp_path: Path, capability: bytes, limit: int | None
) -> None:
    """RFC 7889: with the capability, or for each folder."""
    status: dict[bytes, Behaviour] = {b"STATUS": says(b"* STATUS INBOX (APPENDLIMIT 1000)")}
    capabilities = b"IMAP4rev1 AUTH=PLAIN " + capability
    async with fake_imap(status, capabilities=capabilities) as server, connected(server, tmp_path) as mailbox:
        assert await mailbox.append_limit("INBOX") == limit


async def test_nothing_is_removed_where_another_mail_could_go_too(tmp_path: Path) -> None:
    """Without UIDPLUS, or in a folder that was rebuilt: no flag is set."""
    for capabilities, uidvalidity in ((b"IMAP4rev1 AUTH=PLAIN", 7), (b"IMAP4rev1 AUTH=PLAIN UIDPLUS", 8)):
        async with fake_imap(capabilities=capabilities) as server, connected(server, tmp_path) as mailbox:
            assert not await mailbox.remove("INBOX", uidvalidity, 5)
            assert not any(b"STORE" in line or b"EXPUNGE" in line for line in server.heard)


@pytest.mark.parametrize("command", [b"LIST", b"STATUS", b"EXAMINE", b"SEARCH"])
async def test_a_refusal_is_one_of_our_errors(tmp_path: Path, command: bytes) -> None:
    """The server's words stay out of it."""
    behaviours: dict[bytes, Behaviour] = {
        b"EXAMINE": says(b"* OK [UIDVALIDITY 7] valid", b"* OK [UIDNEXT 12] next"),
        command: says(done=b"NO CANARI"),
    }
    async with (
        fake_imap(behaviours, capabilities=b"IMAP4rev1 AUTH=PLAIN APPENDLIMIT") as server,
        connected(server, tmp_path) as mailbox,
    ):
        with pytest.raises(ProtocolBroken) as caught:
            await survey(mailbox, command)
        assert "CANARI" not in caught.value.sentence()


async def survey(mailbox: ImapMailbox, command: bytes) -> None:
    """Make the session say this command."""
    match command:
        case b"LIST":
            await mailbox.folders()
        case b"STATUS":
            await mailbox.append_limit("INBOX")
        case _:
            await mailbox.examine("INBOX")
            await mailbox.search(1, subject=TOKEN, message_id=TOKEN)


@pytest.mark.system
async def test_a_real_mailbox_is_surveyed_and_one_mail_found_and_removed(mail_machine: Machine) -> None:
    """Dovecot: found by subject or by Message-ID, unmarked; the others stay when it is removed."""
    account = mail_machine.fresh_account()
    for mail in (MAIL, FOUND, FOUND.replace(b"1f3a9c", b"1F3A9C"), MAIL):
        mail_machine.deliver(mail, account.address)
    with person(mail_machine, account, "Été") as imap:
        imap.create("Vide/Dessous")
    met: list[PeerTls] = []
    factory = ImapFactory(settings=settings(mail_machine, account), clock=RealClock(), met=met.append)
    mailbox = await factory.connect()
    try:
        assert met == [mailbox.tls]
        assert {folder.name for folder in await mailbox.folders()} >= {"INBOX", "Été", "Vide/Dessous"}
        assert mailbox.tls.version == "TLSv1.3"
        assert mailbox.tls.certificate_ends > datetime(2026, 1, 1, tzinfo=UTC)
        assert await mailbox.append_limit("INBOX") is None
        state = await mailbox.examine("INBOX")
        assert await mailbox.search(1, subject=TOKEN, message_id="absent") == (2, 3)
        assert await mailbox.search(3, subject="absent", message_id="<77ab@hopital.test>") == (3,)
        assert await mailbox.search(5, subject=TOKEN, message_id=TOKEN) == ()
        assert await mailbox.remove("INBOX", state.uidvalidity, 2)
        await mailbox.open("INBOX")
        assert await mailbox.uids(1, 10) == (1, 3, 4)
    finally:
        await mailbox.close()
    with person(mail_machine, account) as imap:
        _, flags = imap.fetch("1:*", "(FLAGS)")
    assert [line.partition(b"FLAGS")[2] for line in flags if isinstance(line, bytes)] == [b" ())"] * 3
