"""What the CNAS and the CNSE know of a request by what they are told, in the order in which mails happen to come."""

from datetime import datetime, timedelta

import pytest

from gateway.domain.kinds import EXTENSION_REGULARISATION
from gateway.domain.parties import Role
from gateway.domain.request import State
from gateway.services.requests import iso
from gateway.storage import Acceptance, Case, Fact, Message, Request
from gateway.wire.incoming import Incoming
from gateway.wire.payload import Attachment
from tests.services.mails import ADDRESSES, REF, START, VALUES, answer_mail, request_mail, sealed_message
from tests.services.world import END, MINUTE, RIPE, World

FORM = ("form",)
TO_BOTH = (ADDRESSES[Role.CNAS], ADDRESSES[Role.CNSE])


def status(request_hash: str, state: State, *, at: datetime) -> Incoming:
    """The hospital tells the CNSE where a request stands."""
    values = {
        "state": state.value,
        "grade": "signed_receipt",
        "started_at": iso(START) or "",
        "ends_at": iso(END) or "",
    }
    to = (ADDRESSES[Role.CNSE],)
    return sealed_message(
        "STATUS_NOTICE", sender=Role.HOSPITAL, to=to, values=values, request_hash=request_hash, signed_at=at
    )


def silence(request_hash: str) -> Incoming:
    """The hospital notifies the acceptance that it recorded."""
    values = {
        "started_at": iso(START) or "",
        "effective_at": iso(END) or "",
        "requested_from": "2026-02-21",
        "requested_until": "2026-03-20",
    }
    return sealed_message(
        "TACIT_ACCEPTANCE_NOTICE",
        sender=Role.HOSPITAL,
        to=TO_BOTH,
        values=values,
        request_hash=request_hash,
        signed_at=RIPE,
    )


def form(request_hash: str, ref: str = REF) -> Incoming:
    """The CNAS sends the form (M19)."""
    to = (ADDRESSES[Role.HOSPITAL], ADDRESSES[Role.CNSE])
    return sealed_message(
        "EXTENSION_REGULARISATION",
        sender=Role.CNAS,
        to=to,
        values={},
        request_hash=request_hash,
        ref=ref,
        roles=FORM,
        signed_at=END + MINUTE,
    )


def _form() -> tuple[Attachment, ...]:
    return (Attachment(name="302.pdf", media_type="application/pdf", data=b"302", role="form"),)


async def running(cnse: World) -> str:
    """The CNSE follows a request whose period runs; returns its hash."""
    await cnse.take(request_mail())
    request = await cnse.request()
    await cnse.take(status(request.hash, State.RUNNING, at=START + MINUTE))
    return request.hash


@pytest.mark.parametrize("told_of_the_end", [True, False])
async def test_a_late_answer_is_late_for_the_cnse_too(cnse: World, *, told_of_the_end: bool) -> None:
    """It has only the end that the hospital told: its copy of a late refusal settles nothing, the silence does."""
    known = await running(cnse)
    cnse.clock.go_to(END + MINUTE)
    if told_of_the_end:
        await cnse.take(status(known, State.ELAPSED, at=END + MINUTE))
    await cnse.take(answer_mail(known, accepts=False, stated=END + MINUTE))
    assert (await cnse.request()).state is (State.ELAPSED if told_of_the_end else State.RUNNING)
    assert len(await cnse.events("alarm.late_answer")) == 1
    await cnse.take(silence(known))
    assert (await cnse.request()).state is State.TACITLY_ACCEPTED
    assert await cnse.events("alarm.notice_contradicts_us") == ()


async def test_a_doubt_of_the_cnse_ends_with_the_word_of_the_hospital(cnse: World) -> None:
    """Signed before the end, received after it: only the hospital's own reception decides."""
    known = await running(cnse)
    cnse.clock.go_to(END + MINUTE)
    await cnse.take(answer_mail(known, accepts=False, stated=END - MINUTE))
    assert (await cnse.request()).state is State.ANSWER_DISPUTED
    await cnse.take(silence(known))
    assert (await cnse.request()).state is State.TACITLY_ACCEPTED


@pytest.mark.parametrize("role", [Role.CNAS, Role.CNSE])
async def test_what_a_silence_grants_is_a_fact_for_who_is_told_of_it(cnas: World, cnse: World, role: Role) -> None:
    """The new end of the authorisation is known to all three."""
    world = cnas if role is Role.CNAS else cnse
    await world.take(request_mail())
    request = await world.request()
    await world.take(silence(request.hash))
    fact = await world.only(Fact, kind="TACIT_ACCEPTANCE")
    assert (fact.first, fact.last, fact.request_hash) == (request.requested_from, request.requested_until, request.hash)
    assert (await world.only(Case)).authorised_until == request.requested_until


async def test_a_form_that_comes_before_the_silence_is_told_regularises_it(cnse: World) -> None:
    """The CNAS's copy was faster than the hospital's notice."""
    known = await running(cnse)
    cnse.clock.go_to(END + MINUTE)
    await cnse.take(form(known))
    assert (await cnse.request()).state is State.RUNNING
    await cnse.take(silence(known))
    assert (await cnse.request()).state is State.REGULARISED


async def test_a_form_that_comes_before_the_silence_is_recorded_regularises_it(hospital: World) -> None:
    """And the silence is notified all the same, first, to the CNAS and the CNSE."""
    submitted = await hospital.to_running()
    hospital.clock.go_to(END + MINUTE)
    await hospital.take(form(submitted.request.hash, submitted.case.ref))
    assert (await hospital.request()).state is State.RUNNING
    await hospital.at_ripe()
    await hospital.deadlines.tick()
    assert (await hospital.request()).state is State.REGULARISED
    assert len(await hospital.all(Acceptance)) == 1
    await hospital.deadlines.tick()
    told = [(row.kind, row.partner) for row in await hospital.all(Message) if row.kind.endswith("NOTICE")]
    assert told[-2:] == [("TACIT_ACCEPTANCE_NOTICE", "cnas+cnse"), ("STATUS_NOTICE", "cnse")]
    assert not (await hospital.request()).owes_notice


async def test_a_form_before_the_end_is_an_acceptance_for_who_sends_it_and_who_gets_it(
    cnas: World, hospital: World
) -> None:
    """M19 names a silence that is not there yet: in time, it is the answer."""
    await cnas.take(request_mail())
    await cnas.answer(EXTENSION_REGULARISATION, attachments=_form())
    assert (await cnas.request()).state is State.ACCEPTED
    submitted = await hospital.to_running()
    await hospital.take(form(submitted.request.hash, submitted.case.ref))
    assert (await hospital.request()).state is State.ACCEPTED


async def test_a_form_after_the_end_is_none_for_who_sends_it(cnas: World) -> None:
    """The silence stands: its form waits for the hospital's notice."""
    await cnas.take(request_mail())
    cnas.clock.go_to(END + timedelta(hours=1))
    await cnas.answer(EXTENSION_REGULARISATION, attachments=_form())
    request = await cnas.request()
    assert request.state is State.RUNNING
    await cnas.take(silence(request.hash))
    assert (await cnas.request()).state is State.REGULARISED


@pytest.mark.parametrize("role", [Role.CNAS, Role.CNSE])
@pytest.mark.parametrize("first", ["request", "correction"])
async def test_a_correction_replaces_what_it_corrects_in_either_order(
    cnas: World, cnse: World, role: Role, first: str
) -> None:
    """The post may bring the correction before the request; only the correction is then answered."""
    world = cnas if role is Role.CNAS else cnse
    asked = request_mail()
    corrected = request_mail(values={**VALUES, "supersedes": asked.mic})
    for mail in (asked, corrected) if first == "request" else (corrected, asked):
        await world.take(mail)
    states = {row.hash: row.state for row in await world.all(Request)}
    open_state = State.RUNNING if role is Role.CNAS else State.SENT
    assert states == {asked.mic: State.SUPERSEDED, corrected.mic: open_state}


async def test_a_correction_on_its_way_when_the_period_ended_is_followed(cnas: World) -> None:
    """The hospital gave the first one up in time; it would wait for ever at the CNAS otherwise."""
    asked = request_mail()
    await cnas.take(asked)
    cnas.clock.go_to(END + MINUTE)
    await cnas.take(request_mail(values={**VALUES, "supersedes": asked.mic}))
    assert (await cnas.only(Request, hash=asked.mic)).state is State.SUPERSEDED


async def test_words_in_the_place_of_a_hash_replace_nothing(cnas: World) -> None:
    """What a sender writes there is no reference, and stands in no record."""
    asked = request_mail()
    await cnas.take(asked)
    await cnas.take(request_mail(values={**VALUES, "supersedes": "la demande de M. BENALI"}))
    assert {row.supersedes for row in await cnas.all(Request)} == {None}
    assert all(b"BENALI" not in entry.canonical for entry in await cnas.events())
