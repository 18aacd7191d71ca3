"""Days of downtime: what was delivered in time is read in time; a mail that somebody moved away keeps silence back."""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.mailserver import Machine
from tests.system.gateways import Trio, together, until
from tests.system.steps import (
    counted,
    delivered,
    instant,
    move,
    move_to,
    now,
    over_at,
    reaches,
    request_of,
    settles,
    submit,
    ticked_again,
)

pytestmark = pytest.mark.system

DOWN = timedelta(days=3)
DONE = "Classement"
"""A folder of the shared mailbox that the gateway does not watch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Down:
    """Two requests that the CNAS answered in time while the hospital's gateway was down for days."""

    left: dict[str, Any]
    moved: dict[str, Any]
    answer: str


@pytest.fixture(scope="module")
def down(trio: Trio, place: Path, mail_machine: Machine) -> Down:
    """Both answers were delivered before T; somebody who shares the mailbox moved one of them before it was read."""
    trio.start()
    hospital, cnas = trio.hospital, trio.cnas
    told = together([partial(submit, hospital, _folder(place, number)) for number in range(2)])
    for one in told:
        settles(hospital, one["request"], "running")
        settles(cnas, one["request"], "running")
    assert hospital.stop() == 0
    answers = []
    for one in told:
        cnas.call("answer", one["case"], "--refuse", "--motive", "soins disponibles au pays")
        (refusal,) = [
            row for row in cnas.json("message", "list", "--case", one["case"]) if row["kind"].endswith("REFUSAL")
        ]
        until(partial(delivered, hospital.account, mail_machine, refusal["message_id"]), "the refusal is delivered")
        answers.append(str(refusal["message_id"]))
    move(hospital.account, mail_machine, answers[1], source="INBOX", target=DONE)
    left, moved = (request_of(hospital, one["request"]) for one in told)
    assert left is not None
    assert moved is not None
    assert now(mail_machine) < instant(left["tacit_at"])
    move_to(mail_machine, max(over_at(left), over_at(moved)) + DOWN)
    hospital.start()
    return Down(left=left | told[0], moved=moved | told[1], answer=answers[1])


@pytest.mark.fault("F20")
def test_an_answer_delivered_before_the_end_counts_when_it_is_read_days_after_it(trio: Trio, down: Down) -> None:
    """Our server stamped it in time: refused, no silence, and all three agree."""
    refused = reaches(trio.hospital, down.left["request"], "refused")
    (answer,) = refused["answers"]
    assert instant(answer["received_latest"]) < instant(refused["tacit_at"])
    assert answer["taken_as"] == "refused"
    assert trio.hospital.peek("SELECT 1 FROM acceptances") == []
    for gateway in (trio.cnas, trio.cnse):
        settles(gateway, down.left["request"], "refused")


@pytest.mark.fault("F31")
def test_an_answer_that_somebody_moved_away_keeps_its_silence_from_being_recorded(
    trio: Trio, down: Down, mail_machine: Machine
) -> None:
    """Its UID came and went unread: no look counts until it is known for gone. Moved back, it is the answer it was."""
    hospital = trio.hospital
    settles(hospital, down.moved["request"], "elapsed")
    ticked_again(hospital)
    assert hospital.peek("SELECT 1 FROM acceptances") == []
    conditions = {row["name"]: row["holds"] for row in hospital.json("confirm", down.moved["case"], "--list")}
    assert conditions["period_and_grace_over"]
    assert not conditions["every_folder_polled_since"]
    move(hospital.account, mail_machine, down.answer, source=DONE, target="INBOX")
    refused = reaches(hospital, down.moved["request"], "refused")
    assert instant(refused["answers"][0]["received_latest"]) < instant(refused["tacit_at"])


def test_nothing_was_recorded_twice_or_too_early(trio: Trio, down: Down) -> None:
    """One refusal of each request, no acceptance, and no answer that is late, contrary or in doubt."""
    assert down.answer
    hospital = counted(trio.hospital)
    assert hospital["request.refused"] == 2
    assert hospital["request.silence_recorded"] == 0
    told = {"answer_disputed", "late_answer", "answer_contrary", "acceptance_challenged"}
    assert not {f"alarm.{name}" for name in told} & set(hospital)


def _folder(place: Path, number: int) -> Path:
    folder = place / f"papers-{number}"
    folder.mkdir()
    return folder
