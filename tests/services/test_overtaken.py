"""Mails that come before what they are about: they wait for a person, or for that, whichever comes first."""

from pathlib import Path

import pytest

from gateway.domain.case import State as CaseState
from gateway.domain.errors import WorkerFailed
from gateway.domain.parties import Role
from gateway.domain.request import State
from gateway.storage import Case, Mail, Message, Verdict
from gateway.wire.incoming import Incoming
from tests.services.conftest import Build
from tests.services.mails import ADDRESSES, START, answer_mail, request_mail, sealed_message
from tests.services.world import MINUTE, World


def home(**changes: object) -> Incoming:
    """The hospital asks the CNAS to bring the patient home."""
    options: dict[str, object] = {"values": {}} | changes
    return sealed_message("REPATRIATION_REQUEST", sender=Role.HOSPITAL, to=(ADDRESSES[Role.CNAS],), **options)  # type: ignore[arg-type]  # a table


async def waiting(world: World) -> list[int]:
    """The mails that a person is asked to look at."""
    rows = await world.all(Mail, verdict=(Verdict.TRIAGE, Verdict.QUARANTINE), settled_at=None)
    return [row.id for row in rows]


async def test_an_answer_that_overtook_its_request_is_applied_when_that_comes(cnse: World) -> None:
    """As of its own reception, acknowledged with that instant, and nobody has to look at it any more."""
    asked = request_mail()
    early = await cnse.take(answer_mail(asked.mic or ""))
    assert (early.verdict, early.reason, early.held_back) == (Verdict.TRIAGE, "unknown-request", True)
    cnse.clock.advance(30 * MINUTE)
    await cnse.take(asked)
    assert (await cnse.request()).state is State.ACCEPTED
    row = await cnse.only(Mail, id=early.id)
    assert (row.verdict, row.held_back, row.received_latest) == (Verdict.ACCEPTED, False, START)
    assert await waiting(cnse) == []
    assert len(await cnse.all(Message, kind="RECEIPT_ACK", partner="cnas")) == 1
    (record,) = await cnse.events("request.accepted")
    assert b"2026-01-25T09:00:00Z" in record.canonical


async def test_a_message_that_overtook_the_opening_of_its_case_is_applied_too(cnas: World) -> None:
    """It was quarantined for want of a case."""
    early = await cnas.take(home())
    assert (early.verdict, early.reason) == (Verdict.QUARANTINE, "unknown-case")
    await cnas.take(request_mail())
    assert (await cnas.only(Case)).state is CaseState.REPATRIATION_PENDING
    assert (await cnas.only(Mail, id=early.id)).verdict is Verdict.ACCEPTED
    assert await waiting(cnas) == []


async def arrives(world: World, seen: Incoming, raw: bytes) -> None:
    """A mail comes into the mailbox, and is looked at."""
    world.drop(seen, raw=raw)
    await world.poll()


@pytest.mark.fault("F1")
async def test_a_gateway_that_ends_before_it_looks_at_what_waited_does_so_when_it_starts(cnse: World) -> None:
    """The request is on record already, so that nothing would ever bring the answer to mind again."""
    asked = request_mail()
    await arrives(cnse, answer_mail(asked.mic or ""), b"answer")
    opened = cnse.opener.scripted[b"answer"]
    cnse.opener.scripted[b"answer"] = WorkerFailed(reason="start")
    with pytest.raises(WorkerFailed):
        await arrives(cnse, asked, b"request")
    assert (await cnse.request()).state is State.SENT
    with pytest.raises(WorkerFailed):
        await cnse.poll()
    cnse.opener.scripted[b"answer"] = opened
    await cnse.poll()
    assert (await cnse.request()).state is State.ACCEPTED
    assert await waiting(cnse) == []
    before = len(cnse.opener.opened)
    await cnse.poll()
    assert len(cnse.opener.opened) == before


async def test_what_waits_for_something_that_never_came_is_looked_at_once_in_a_start(cnse: World) -> None:
    """Each look opens it: a poll every minute must not; one after another gateway polled does."""
    await arrives(cnse, answer_mail("9" * 64), b"answer")
    for _ in range(3):
        await cnse.poll()
    assert cnse.opener.opened == [b"answer"]
    cnse.poller.take_over()
    for _ in range(3):
        await cnse.poll()
    assert cnse.opener.opened == [b"answer"] * 2
    assert len(await waiting(cnse)) == 1


async def test_a_damaged_file_keeps_no_other_from_what_it_waited_for(cnse: World, tmp_path: Path) -> None:
    """It goes on waiting for a person, and the mail that came is taken in."""
    asked = request_mail()
    damaged, whole = [await cnse.take(answer_mail(asked.mic or "")) for _ in range(2)]
    file = damaged.file or ""
    (tmp_path / "spool-cnse" / file[:2] / file).write_bytes(b"")
    assert (await cnse.take(asked)).verdict is Verdict.ACCEPTED
    assert (await cnse.only(Mail, id=whole.id)).verdict is Verdict.ACCEPTED
    assert await waiting(cnse) == [damaged.id]


async def test_what_is_about_something_else_goes_on_waiting(cnse: World) -> None:
    """Another request of the case, or another case, or a mail that a person settled meanwhile."""
    asked = request_mail()
    settled = await cnse.take(answer_mail(asked.mic or ""))
    await cnse.triage.classify(settled.id, "not-an-answer", actor="carol")
    elsewhere = await cnse.take(answer_mail("9" * 64))
    astray = await cnse.take(answer_mail(asked.mic or "", ref="0000-00"))
    await cnse.take(asked)
    assert (await cnse.request()).state is State.SENT
    for row in (settled, elsewhere, astray):
        assert (await cnse.only(Mail, id=row.id)).verdict is Verdict.TRIAGE


async def test_what_still_cannot_be_applied_stays_for_a_person(build: Build) -> None:
    """Its case has come and does not allow it: it is not lost, and what came is taken in all the same."""
    hospital = await build()
    early = await hospital.take(
        sealed_message("ENTITLEMENT_REFUSAL", sender=Role.CNAS, to=(ADDRESSES[Role.HOSPITAL],), values={})
    )
    assert early.reason == "unknown-case"
    values = {"pathology": "p", "treatments": "t", "examinations": "e", "insurance_number": "démuni"}
    values |= {"patient_name": "BENALI", "patient_first_name": "Amine", "patient_born": "1980-05-01"}
    values |= {"nationality": "algerienne"}
    to = (ADDRESSES[Role.HOSPITAL],)
    asked = sealed_message("CARE_REQUEST", sender=Role.CNAS, to=to, values=values, roles=("medical_file",))
    row = await hospital.take(asked)
    assert row.verdict is Verdict.ACCEPTED
    assert (await hospital.only(Case)).state is CaseState.RECEIVED
    assert await waiting(hospital) == [early.id]
