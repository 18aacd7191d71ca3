"""The whole thread: a sealed request, its signed receipt, four working days of silence, recorded once and told."""

import re
from dataclasses import dataclass
from email.header import decode_header, make_header
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.mailserver import Machine
from tests.system.documents import SECRETS
from tests.system.gateways import Trio, together
from tests.system.steps import (
    MARGIN,
    counted,
    flags,
    folders,
    instant,
    mails,
    move_to,
    over_at,
    polled_again,
    raw_mails,
    reaches,
    request_of,
    settles,
    submit,
)

pytestmark = pytest.mark.system

SUBJECT = re.compile(r"Soins programmés – dossier [0-9A-Z]{4}-[0-9A-Z]{2}")
CLOCK_FOLDER = "Passerelle-Horloge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """The thread once the period runs at all three."""

    case: str
    digest: str
    request: dict[str, Any]


@pytest.fixture(scope="module")
def running(trio: Trio, place: Path) -> Running:
    """Submitted and acknowledged."""
    trio.start()
    told = submit(trio.hospital, place)
    request = reaches(trio.hospital, told["request"], "running")
    return Running(case=told["case"], digest=told["request"], request=request)


@pytest.fixture(scope="module")
def silence(trio: Trio, running: Running, mail_machine: Machine) -> dict[str, Any]:
    """The period and the grace are over; the request as the hospital holds it, once the silence is recorded."""
    move_to(mail_machine, over_at(running.request))
    return reaches(trio.hospital, running.digest, "tacitly_accepted")


def test_only_sealed_mail_with_a_neutral_subject_is_on_the_wire(
    trio: Trio, running: Running, mail_machine: Machine
) -> None:
    """What lies in the mailbox of the CNAS tells nothing but who wrote to whom, and the opaque token of the case."""
    settles(trio.cnas, running.digest, "running")
    (request,) = mails(trio.cnas.account, mail_machine)
    assert request.get_content_type() == "multipart/encrypted"
    assert request.get_param("protocol") == "application/pgp-encrypted"
    assert SUBJECT.fullmatch(str(make_header(decode_header(str(request["Subject"])))))
    assert request["From"] == trio.hospital.account.address
    assert request["To"] == trio.cnas.account.address
    assert request["Cc"] == trio.cnse.account.address
    for gateway in trio:
        for raw in raw_mails(gateway.account, mail_machine):
            assert not [word for word in SECRETS if word.encode() in raw or word.encode("latin-1") in raw]


def test_hospital_and_cnas_know_the_same_end_of_the_period_by_a_signed_receipt(trio: Trio, running: Running) -> None:
    """One request at the CNAS; its statement of reception is what starts the period at the hospital."""
    (case,) = trio.cnas.json("cases")
    (theirs,) = case["requests"]
    ours = running.request
    assert theirs["request"] == running.digest
    assert theirs["state"] == "running"
    assert theirs["tacit_at"] == ours["tacit_at"]
    assert theirs["started_at"] == ours["started_at"]
    assert ours["grade"] == "signed_receipt"
    assert ours["asks_person"] == []
    (evidence,) = [row for row in ours["evidence"] if row["partner"] == "cnas"]
    assert evidence["kind"] == "signed_receipt"
    assert evidence["stated_at"] == ours["started_at"]
    followed = reaches(trio.cnse, running.digest, "running")
    assert followed["tacit_at"] == ours["tacit_at"]


def test_the_end_of_the_period_alone_records_nothing(trio: Trio, running: Running, mail_machine: Machine) -> None:
    """Shortly after T the period is shown as over; nothing is recorded before the latest T plus the grace."""
    move_to(mail_machine, instant(running.request["tacit_at"]) + MARGIN)
    elapsed = reaches(trio.hospital, running.digest, "elapsed")
    polled_again(trio.hospital)
    assert elapsed["acceptance"] is None
    case = trio.hospital.json("cases")[0]["case"]
    conditions = {condition["name"]: condition["holds"] for condition in trio.hospital.json("confirm", case, "--list")}
    assert not conditions["period_and_grace_over"]
    assert conditions["no_answer"]
    assert trio.hospital.peek("SELECT 1 FROM acceptances") == []
    settles(trio.hospital, running.digest, "elapsed")


def test_after_the_grace_the_silence_is_recorded_once_and_told_to_all(
    trio: Trio, running: Running, silence: dict[str, Any], mail_machine: Machine
) -> None:
    """It takes effect at the latest T, and CNAS and CNSE hold it too: the notice goes to one with the other in copy."""
    assert silence["acceptance"]["effective_at"] == running.request["latest_tacit_at"]
    assert silence["acceptance"]["contested"] is False
    settles(trio.cnas, running.digest, "tacitly_accepted")
    settles(trio.cnse, running.digest, "tacitly_accepted")
    (record,) = trio.hospital.events("request.silence_recorded")
    assert instant(record["details"]["effective_at"]) == instant(running.request["latest_tacit_at"])
    assert record["details"]["conditions"]
    assert record["details"]["silence"]
    (notice,) = [row for row in trio.hospital.json("message", "list") if row["kind"] == "TACIT_ACCEPTANCE_NOTICE"]
    assert notice["partner"] == "cnas+cnse"
    for gateway in (trio.cnas, trio.cnse):
        told = [mail for mail in mails(gateway.account, mail_machine) if mail["Message-ID"] == notice["message_id"]]
        assert [mail["Cc"] for mail in told] == [trio.cnse.account.address]


def test_restarts_and_further_ticks_change_nothing(trio: Trio, running: Running, silence: dict[str, Any]) -> None:
    """Silence is recorded exactly once, whatever happens afterwards, and all logs verify."""
    settles(trio.cnas, running.digest, "tacitly_accepted")
    settles(trio.cnse, running.digest, "tacitly_accepted")
    assert trio.stop() == [0, 0, 0]
    trio.start()
    together([partial(polled_again, gateway) for gateway in trio])
    after = request_of(trio.hospital, running.digest)
    assert after is not None
    assert after["acceptance"] == silence["acceptance"]
    hospital, cnas, cnse = together([partial(counted, gateway) for gateway in trio])
    for event in ("request.submitted", "request.acknowledged", "request.period_over", "request.silence_recorded"):
        assert hospital[event] == 1, event
    assert cnas["request.received"] == cnas["request.silence_notified"] == 1
    assert cnse["request.received"] == cnse["request.silence_notified"] == 1
    notices = trio.hospital.peek("SELECT id FROM messages WHERE kind = 'TACIT_ACCEPTANCE_NOTICE'")
    assert len(notices) == 1


def test_the_mailboxes_are_left_as_their_owners_had_them(
    trio: Trio, silence: dict[str, Any], mail_machine: Machine
) -> None:
    """No mail is marked as read; the gateway's own folder for the server's time is the one change, and it is empty."""
    assert silence["state"] == "tacitly_accepted"
    for gateway in trio:
        assert not [line for line in flags(gateway.account, mail_machine) if "\\Seen" in line]
        assert folders(gateway.account, mail_machine) <= {"INBOX", CLOCK_FOLDER}
    assert CLOCK_FOLDER in folders(trio.hospital.account, mail_machine)
    assert raw_mails(trio.hospital.account, mail_machine, CLOCK_FOLDER) == []
