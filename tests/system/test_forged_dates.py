"""A mail that somebody puts into the mailbox after the end, with every date of it from before: nothing is believed."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.mailserver import Machine
from tests.system.gateways import Gateway, Trio, until
from tests.system.steps import (
    MARGIN,
    instant,
    move_to,
    over_at,
    polled_again,
    put,
    reaches,
    settles,
    submit,
    ticked_again,
)

pytestmark = pytest.mark.system

HOUR = timedelta(hours=1)
REFUSAL = (
    "Received: from poste.cnas.test by {mta} with ESMTPS id 1;\r\n\t{at}\r\n"
    "From: Dr Amel <amel@cnas.test>\r\nTo: {to}\r\nSubject: Refus\r\nMessage-ID: <refus-1@cnas.test>\r\n"
    "Date: {at}\r\n\r\nNous refusons.\r\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Forged:
    """A request whose period is over, and the number of the mail that came afterwards with dates from before."""

    case: str
    digest: str
    end: datetime
    mail: int
    dated: datetime


@pytest.fixture(scope="module")
def forged(trio: Trio, place: Path, mail_machine: Machine) -> Forged:
    """The gateway polled until after T; then the mail is there, stamped by « our » server an hour before T."""
    trio.start()
    hospital = trio.hospital
    told = submit(hospital, place)
    running = reaches(hospital, told["request"], "running")
    end = instant(running["tacit_at"])
    move_to(mail_machine, end + HOUR)
    settles(hospital, told["request"], "elapsed")
    polled_again(hospital)
    dated = end - HOUR
    to = hospital.account.address
    raw = REFUSAL.format(mta=mail_machine.mta_name, at=format_datetime(dated), to=to).encode()
    put(hospital.account, mail_machine, raw, dated=dated)
    query = "SELECT id FROM mails WHERE verdict = 'plain' AND held_back"
    ((number,),) = until(lambda: hospital.peek(query), "the mail is taken in")
    return Forged(
        case=told["case"], digest=told["request"], end=end, mail=int(number), dated=dated.replace(microsecond=0)
    )


def test_all_dates_are_kept_and_a_person_is_told(trio: Trio, forged: Forged) -> None:
    """The forged stamp and INTERNALDATE on one side, the poll that did not see it on the other."""
    hospital = trio.hospital
    shown = hospital.json("triage", "show", str(forged.mail))
    assert instant(shown["received_earliest"]) == forged.dated
    assert instant(shown["received_latest"]) > forged.end
    assert [told.partition(" ")[0] for told in shown["dated_by"]] == ["received", "internaldate", "poll_before"]
    (alarm,) = hospital.events("alarm.reception_disagrees")
    assert alarm["message"] == f"mail-{forged.mail}"


def test_it_neither_answers_nor_lets_silence_be_recorded(trio: Trio, forged: Forged, mail_machine: Machine) -> None:
    """The watermark goes by its earliest date; as an answer it is in dispute, until a person says that it is late."""
    hospital = trio.hospital
    (request,) = hospital.json("case", "show", forged.case)["requests"]
    move_to(mail_machine, over_at(request))
    polled_again(hospital)
    assert _lacking(hospital.json("confirm", forged.case, "--list")) == {"no_unsettled_mail"}
    hospital.call("triage", "classify", str(forged.mail), "refusal", "--case", forged.case)
    disputed = reaches(hospital, forged.digest, "answer_disputed")
    assert [answer["in_dispute"] for answer in disputed["answers"]] == [True]
    ticked_again(hospital)
    assert hospital.peek("SELECT 1 FROM acceptances") == []
    hospital.call(
        "settle", forged.case, "--late", "--because", "déposé après la fin, la relève de 0 h ne le voyait pas"
    )
    recorded = reaches(hospital, forged.digest, "tacitly_accepted")
    assert instant(recorded["acceptance"]["effective_at"]) == forged.end
    assert not recorded["acceptance"]["contested"]


def test_a_true_answer_found_after_the_record_is_challenged_and_its_withdrawal_told(
    trio: Trio, forged: Forged, mail_machine: Machine
) -> None:
    """A person shows the letter that was signed for in time: withdrawn, corrected with the others, never forgotten."""
    hospital = trio.hospital
    settles(hospital, forged.digest, "tacitly_accepted")
    for gateway in (trio.cnas, trio.cnse):
        settles(gateway, forged.digest, "tacitly_accepted")
    hospital.call("challenge", "raise", forged.case, "--because", "recommandé reçu à temps, retrouvé au secrétariat")
    assert "MISE EN CAUSE" in hospital.call("case", "show", forged.case).stdout
    (found,) = hospital.json("challenge", "list")
    assert (found["case"], found["challenges"][0]["ground"]) == (forged.case, "person")
    hospital.call("challenge", "withdraw", forged.case, "--because", "le recommandé est bien un refus de cette demande")
    for gateway in (trio.cnas, trio.cnse):
        until(partial(_taken_back, gateway, forged.digest), f"{gateway.role}: the withdrawal")
    (request,) = hospital.json("case", "show", forged.case)["requests"]
    assert request["acceptance"] is None
    assert [each["withdrawn_at"] is None for each in request["acceptances"]] == [False]
    settles(hospital, forged.digest, "elapsed")
    move_to(mail_machine, over_at(request) + MARGIN + HOUR)
    polled_again(hospital)
    assert _lacking(hospital.json("confirm", forged.case, "--list")) == {"not_withdrawn_before"}


def _taken_back(gateway: Gateway, digest: str) -> bool:
    """Whether it holds the request as open again, by the hospital's own word."""
    ((state,),) = gateway.peek("SELECT state FROM requests WHERE hash = ?", digest)
    return state in {"running", "elapsed"} and bool(gateway.events("request.acceptance_withdrawn"))


def _lacking(conditions: list[dict[str, Any]]) -> set[str]:
    return {row["name"] for row in conditions if not row["holds"]}
