"""A physician's own mailbox on a real server: looked at, left as it is, and only what concerns us is kept."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.mailserver import Account, Machine
from tests.system.gateways import Gateway, Trio, until
from tests.system.search import occurrences
from tests.system.steps import flags, raw_mails

pytestmark = pytest.mark.system

SECTION = """
[readers.haddad]
functions = ["hospital.treating_physician"]
folder = "{drop}"

[mailboxes.haddad]
address = "{account.address}"
host = "{machine.host}"
port = {machine.ports.imaps}
user = "{account.address}"
password = {{ file = "{password}" }}
ca = "{machine.ca}"
watch = ["INBOX"]
"""
MAIL = "From: {who}\r\nTo: {to}\r\nSubject: {subject}\r\nMessage-ID: <{id}>\r\n\r\n{text}\r\n"
PRIVATE = "Rendez-vous-Plumacier"


@pytest.fixture
def physician(trio: Trio, tmp_path: Path, mail_machine: Machine) -> Account:
    """An account of the hospital's domain, watched by its gateway."""
    account = mail_machine.fresh_account("hopital.test")
    password, drop = tmp_path / "haddad", tmp_path / "remises"
    password.touch(mode=0o600)
    password.write_text(account.password)
    drop.mkdir(mode=0o700)
    with trio.hospital.config.open("a") as config:
        config.write(SECTION.format(account=account, machine=mail_machine, password=password, drop=drop))
    return account


@contextmanager
def at_work(gateway: Gateway) -> Iterator[None]:
    """The daemon runs meanwhile."""
    gateway.start()
    try:
        yield
    finally:
        assert gateway.stop() == 0


def test_it_is_watched_and_what_is_private_stays_private(
    trio: Trio, physician: Account, mail_machine: Machine, temporary: Path
) -> None:
    """A partner's mail waits for a person; of the others neither bytes nor flags change, and nothing is on our disk."""
    hospital, to = trio.hospital, physician.address
    told = json.loads(hospital.call("doctor", "--no-probe", "--json", ok=False).stdout)
    assert [item["level"] for item in told if item["check"] == "imap.physician"] == ["ok"]
    with at_work(hospital):
        until(lambda: hospital.peek("SELECT 1 FROM polls WHERE mailbox = ?", to), "it is looked at")
        cousin = MAIL.format(who="cousin@ailleurs.test", to=to, subject="Fête", id="1@ailleurs.test", text=PRIVATE)
        answer = MAIL.format(who="amel@cnas.test", to=to, subject="Refus", id="2@cnas.test", text="Nous refusons.")
        for mail in (cousin, answer):
            mail_machine.deliver(mail.encode(), to, sender="someone@ailleurs.test")
        query = "SELECT verdict, held_back, file IS NOT NULL FROM mails WHERE mailbox = ? ORDER BY verdict"
        until(lambda: len(hospital.peek(query, to)) == 2, "both are looked at")
        assert hospital.peek(query, to) == [("plain", 1, 1), ("private", 0, 0)]
        assert "haddad/INBOX" in hospital.json("status")["polled_at"]
        assert len(hospital.json("triage", "list")) == 1
    assert len(raw_mails(physician, mail_machine)) == 2
    assert not [flag for flag in flags(physician, mail_machine) if "Seen" in flag]
    assert occurrences({"subject": PRIVATE}, [hospital.folder, temporary]) == []
