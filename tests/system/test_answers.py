"""What ends a period otherwise than by silence: acceptance, refusal; what holds silence back: a mail to sort."""

import stat
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from tests.mailserver import Machine
from tests.system.documents import pdf
from tests.system.gateways import Gateway, Trio, together, until
from tests.system.steps import counted, instant, move_to, over_at, polled_again, reaches, request_of, settles, submit

pytestmark = pytest.mark.system

ANSWER_FORM = "formulaire-partie-7.pdf"
MOTIVE = "Soins disponibles au pays"
CLEAR_MAIL = (
    "From: Dr Amel <amel@cnas.test>\r\nTo: {to}\r\nSubject: A propos du patient\r\n"
    "Message-ID: <en-clair-1@cnas.test>\r\nDate: Mon, 01 Jan 2024 10:00:00 +0100\r\n\r\nMerci de me rappeler.\r\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """Three requests: one accepted, one refused, one without an answer."""

    accepted: dict[str, str]
    refused: dict[str, str]
    silent: dict[str, str]
    form: bytes


@pytest.fixture(scope="module")
def answered(trio: Trio, place: Path) -> Answered:
    """The CNAS has answered two of three requests before T, and the hospital has the answers."""
    trio.start()
    told = together([partial(submit, trio.hospital, _folder(place, number)) for number in range(3)])
    for one in told:
        settles(trio.hospital, one["request"], "running")
        settles(trio.cnas, one["request"], "running")
    form = place / ANSWER_FORM
    form.write_bytes(pdf("Partie 7 : accord", padding=200_000))
    asked = request_of(trio.cnas, told[0]["request"])
    assert asked is not None
    dates = ("--from", asked["requested_from"], "--until", asked["requested_until"])
    trio.cnas.call("answer", told[0]["case"], "--accept", *dates, "--attach", str(form))
    trio.cnas.call("answer", told[1]["case"], "--refuse", "--motive", MOTIVE)
    for gateway in trio:
        settles(gateway, told[0]["request"], "accepted")
        settles(gateway, told[1]["request"], "refused")
    return Answered(accepted=told[0], refused=told[1], silent=told[2], form=form.read_bytes())


@pytest.fixture(scope="module")
def long_after(trio: Trio, answered: Answered, mail_machine: Machine) -> int:
    """The number of a mail in clear from the CNAS's domain that came before T; all graces are over now."""
    to = trio.hospital.account.address
    mail_machine.deliver(CLEAR_MAIL.format(to=to).encode(), to, sender="amel@cnas.test")
    query = "SELECT id FROM mails WHERE verdict = 'plain' AND held_back"
    ((number,),) = until(lambda: trio.hospital.peek(query), "the mail in clear is taken in")
    requests = [request_of(trio.hospital, one["request"]) for one in (answered.silent, answered.accepted)]
    move_to(mail_machine, max(over_at(request) for request in requests if request is not None))
    settles(trio.hospital, answered.silent["request"], "elapsed")
    polled_again(trio.hospital)
    return int(number)


def test_an_acceptance_with_its_form_reaches_the_hospital_and_the_cnse(trio: Trio, answered: Answered) -> None:
    """All three hold the request as accepted, before T, with nothing recorded as silence."""
    for gateway in trio:
        assert _state(gateway, answered.accepted) == "accepted"
        assert gateway.peek("SELECT 1 FROM acceptances WHERE request_hash = ?", answered.accepted["request"]) == []
    (record,) = [
        record
        for record in trio.hospital.events("request.accepted")
        if record["request"] == answered.accepted["request"]
    ]
    assert record["partner"] == "cnas"
    request = request_of(trio.hospital, answered.accepted["request"])
    assert request is not None
    assert instant(record["at"]) < instant(request["tacit_at"])


def test_a_person_reads_and_saves_an_answer_and_both_are_on_record(
    trio: Trio, answered: Answered, tmp_path: Path
) -> None:
    """What is saved is private and identical to what the CNAS attached; each reading names the person."""
    case = answered.accepted["case"]
    listed = trio.hospital.json("message", "list", "--case", case)
    (answer,) = [row for row in listed if row["kind"] == "EXTENSION_ACCEPTANCE"]
    shown = trio.hospital.call("message", "show", str(answer["id"])).stdout
    assert "Acceptation expresse" in shown
    assert ANSWER_FORM in shown
    folder = tmp_path / "answer"
    trio.hospital.call("message", "save", str(answer["id"]), "--to", str(folder))
    files = list(folder.iterdir())
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert [file.read_bytes() for file in files if file.suffix == ".pdf"] == [answered.form]
    readings = trio.hospital.events("message.read")
    assert [record["outcome"] for record in readings] == ["shown", "saved"]
    assert {record["message"] for record in readings} == {str(answer["id"])}
    assert "gateway" not in {record["actor"] for record in readings}


def test_a_refusal_gives_its_motive_to_those_who_may_read_it(trio: Trio, answered: Answered) -> None:
    """The hospital and the CNSE read the motive; it stands in no listing and no record."""
    for gateway in (trio.hospital, trio.cnse):
        listed = gateway.json("message", "list", "--case", answered.refused["case"])
        (answer,) = [row for row in listed if row["kind"] == "EXTENSION_REFUSAL"]
        assert MOTIVE in gateway.call("message", "show", str(answer["id"])).stdout
        assert MOTIVE not in str(listed)
        assert MOTIVE not in gateway.call("audit", "query", "--json").stdout


def test_a_mail_in_clear_from_the_partner_holds_silence_back_until_a_person_settles_it(
    trio: Trio, answered: Answered, long_after: int
) -> None:
    """Long after T nothing is recorded; « not-an-answer » by name releases it, and then silence is recorded at once."""
    hospital, digest = trio.hospital, answered.silent["request"]
    (waiting,) = hospital.json("triage", "list")
    assert waiting["id"] == long_after
    assert waiting["held_back"]
    conditions = {row["name"]: row["holds"] for row in hospital.json("confirm", answered.silent["case"], "--list")}
    assert not conditions["no_unsettled_mail"]
    assert hospital.peek("SELECT 1 FROM acceptances") == []
    hospital.call("triage", "classify", str(long_after), "not-an-answer")
    recorded = reaches(hospital, digest, "tacitly_accepted")
    assert recorded["acceptance"]["effective_at"] == recorded["latest_tacit_at"]
    settles(trio.cnas, digest, "tacitly_accepted")
    settles(trio.cnse, digest, "tacitly_accepted")


def test_nothing_is_recorded_on_what_was_answered(trio: Trio, answered: Answered, long_after: int) -> None:
    """Long after T the accepted request is accepted, the refused one refused, at all three, and all logs verify."""
    assert long_after
    settles(trio.hospital, answered.silent["request"], "tacitly_accepted")
    for gateway in trio:
        assert _state(gateway, answered.accepted) == "accepted"
        assert _state(gateway, answered.refused) == "refused"
    hospital, cnas, _ = together([partial(counted, gateway) for gateway in trio])
    assert hospital["request.silence_recorded"] == 1
    assert hospital["request.accepted"] == hospital["request.refused"] == 1
    assert cnas["request.silence_notified"] == 1
    alarms = {name for name in hospital if name.startswith("alarm.") and not name.startswith("alarm.clock_")}
    assert alarms <= {"alarm.mail_to_sort", "alarm.period_ends"}


def _folder(place: Path, number: int) -> Path:
    folder = place / f"papers-{number}"
    folder.mkdir()
    return folder


def _state(gateway: Gateway, told: dict[str, str]) -> str:
    ((state,),) = gateway.peek("SELECT state FROM requests WHERE hash = ?", told["request"])
    return str(state)
