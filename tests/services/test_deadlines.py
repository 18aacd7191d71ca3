"""The legal clock: nothing too early, once, whatever was down, and only when every condition holds."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import mkdtemp

import pytest

from gateway.adapters.database import DatabaseStore
from gateway.domain.errors import NotAllowed
from gateway.domain.parties import Directory, PartnerKind, Role
from gateway.domain.request import State
from gateway.services.deadlines import Deadlines
from gateway.storage import Acceptance, Mail, Message, Request, VaultKey
from tests.services.conftest import Build
from tests.services.mails import ADDRESSES, START, plain_mail, plain_mdn, receipt, request_mail
from tests.services.test_answers import LATEST, UNCERTAIN
from tests.services.world import END, GRACE, MINUTE, RIPE, SECOND, World, open_world, partner, places

TWO_HOURS = 120 * MINUTE


async def state(world: World) -> State:
    """Where the request stands."""
    return (await world.request()).state


@pytest.mark.law("M18", "S-request-silence")
async def test_silence_is_recorded_when_everything_holds(hospital: World) -> None:
    """Effective at T, once, with every condition and the polls of the window in its record; the partners are told."""
    await hospital.to_running()
    await hospital.at_ripe()
    await hospital.deadlines.tick()
    request, acceptance = await hospital.request(), await hospital.only(Acceptance)
    assert (request.state, request.due_at, request.settled_at) == (State.TACITLY_ACCEPTED, None, RIPE)
    assert (acceptance.request_hash, acceptance.effective_at) == (request.hash, END)
    (record,) = await hospital.events("request.silence_recorded")
    for text in (b"no_unsettled_mail", b"handed_over_in_time", b"INBOX polls=", b"Junk polls="):
        assert text in record.canonical
    (notice,) = await hospital.all(Message, kind="TACIT_ACCEPTANCE_NOTICE")
    assert notice.partner == "cnas+cnse"
    for _ in range(3):
        hospital.clock.advance(timedelta(days=1))
        await hospital.deadlines.tick()
    assert len(await hospital.all(Acceptance)) == 1


async def _finish(world: World) -> tuple[Request, Acceptance]:
    await world.at_ripe(START + timedelta(days=10))
    await world.deadlines.tick()
    request, acceptance = await world.request(), await world.only(Acceptance)
    # When it was noticed and recorded may differ; what is recorded may not.
    told = replace(request, elapsed_at=None, settled_at=None)
    return told, replace(acceptance, recorded_at=START)


@pytest.mark.fault("F20")
async def test_being_down_for_ten_days_changes_nothing(tmp_path: Path) -> None:
    """One tick after ten days gives the same acceptance and state as ticks and polls all along."""
    async with open_world(Path(mkdtemp(dir=tmp_path))) as down, open_world(Path(mkdtemp(dir=tmp_path))) as always:
        for world in (down, always):
            await world.to_running()
        while always.clock.now() < RIPE + timedelta(hours=4):
            always.clock.advance(TWO_HOURS)
            await always.poll()
            if await always.deadlines.tick():
                await always.told(always.clock.now())
        assert await state(always) is State.TACITLY_ACCEPTED
        assert await _finish(down) == await _finish(always)


@pytest.mark.parametrize("before", [END - SECOND, END + GRACE - SECOND])
async def test_nothing_is_recorded_before_the_end_and_the_grace(hospital: World, before: object) -> None:
    """With every other condition fulfilled, one second early is early."""
    await hospital.to_running()
    await hospital.at_ripe(before)  # type: ignore[arg-type]  # an instant of the table
    await hospital.deadlines.tick()
    assert await hospital.all(Acceptance) == ()
    assert await state(hospital) is (State.RUNNING if before == END - SECOND else State.ELAPSED)


async def test_the_end_itself_is_over(hospital: World) -> None:
    """At T the period is over, shown at once, and told to the CNSE."""
    await hospital.to_running()
    await hospital.deadlines.tick()
    hospital.clock.go_to(END)
    await hospital.deadlines.tick()
    request = await hospital.request()
    assert (request.state, request.elapsed_at, request.due_at) == (State.ELAPSED, END, END + GRACE)
    assert len(await hospital.all(Message, kind="STATUS_NOTICE")) == 2


async def test_an_uncertain_feast_holds_back_until_the_latest_end(build: Build) -> None:
    """Shown at the nominal end, recorded only after the latest one, and effective at it."""
    world = await build(calendar=UNCERTAIN)
    await world.to_running()
    await world.at_ripe(RIPE)
    await world.deadlines.tick()
    assert await state(world) is State.ELAPSED
    await world.at_ripe(LATEST + GRACE + MINUTE)
    await world.deadlines.tick()
    assert (await world.only(Acceptance)).effective_at == LATEST


async def test_a_period_that_leaves_the_calendar_records_nothing(build: Build) -> None:
    """No latest end, no record, however long it waits."""
    world = await build(calendar=replace(UNCERTAIN, covers_until=END.date() - timedelta(days=1)))
    await world.to_running()
    await world.at_ripe(RIPE + timedelta(days=20))
    await world.deadlines.tick()
    assert (await world.request()).latest_at is None
    assert await world.all(Acceptance) == ()


# --- conditions

Break = Callable[[World], Awaitable[object]]


async def _no_poll(world: World) -> None:
    world.clock.go_to(RIPE)
    await world.deadlines.tick()
    await world.told(RIPE)


async def _one_folder(world: World) -> None:
    await _no_poll(world)
    world.poller._folders = ("INBOX",)
    await world.poll()


async def _no_agreement(world: World) -> None:
    world.clock.go_to(RIPE)
    await world.deadlines.tick()
    await world.poll()


async def _agreement_too_early(world: World) -> None:
    world.clock.go_to(END + GRACE)
    await world.told(world.clock.now())
    await _no_agreement(world)


async def _partner_mail(world: World) -> None:
    await world.take(plain_mail("quelqu.un@cnas.test"), at=END - SECOND, internaldate=END - SECOND)
    await world.at_ripe()


async def _citing_mail(world: World) -> None:
    message = await world.only(Message, kind="EXTENSION_REQUEST")
    await world.take(plain_mail("quelqu.un@ailleurs.test", cited=(message.message_id,)))
    await world.at_ripe()


async def _quarantined(world: World) -> None:
    await world.take(request_mail(address=ADDRESSES[Role.CNAS]))
    await world.at_ripe()


async def _vanished(world: World) -> None:
    await world.poll()
    world.drop(plain_mail("x@ailleurs.test"))
    world.mailbox.folders["INBOX"].mails.clear()
    for _ in range(4):
        await world.poll()
        world.clock.advance(timedelta(minutes=2))
    await world.at_ripe()


async def _incomplete(world: World) -> None:
    await world.change(replace(await world.request(), complete=False))
    await world.at_ripe()


async def _late(world: World) -> None:
    await world.change(replace(await world.request(), handed_over_at=START + timedelta(days=90)))
    await world.at_ripe()


CASES: list[tuple[Break, str]] = [
    (_no_poll, "every_folder_polled_since"),
    (_one_folder, "every_folder_polled_since"),
    (_no_agreement, "second_time_source_agrees"),
    (_agreement_too_early, "second_time_source_agrees"),
    (_partner_mail, "no_unsettled_mail"),
    (_citing_mail, "no_unsettled_mail"),
    (_quarantined, "no_unsettled_mail"),
    (_vanished, "no_mail_vanished_unread"),
    (_incomplete, "complete"),
    (_late, "handed_over_in_time"),
]


@pytest.mark.law("M18")
@pytest.mark.parametrize(("spoil", "name"), CASES, ids=[case[0].__name__.strip("_") for case in CASES])
async def test_one_missing_condition_blocks(hospital: World, spoil: Break, name: str) -> None:
    """Everything else holds, and nothing is recorded."""
    await hospital.to_running()
    await spoil(hospital)
    await hospital.deadlines.tick()
    assert await hospital.lacking() == (name,)
    assert await hospital.all(Acceptance) == ()


async def test_a_mail_of_the_partner_received_after_the_end_does_not_block(hospital: World) -> None:
    """It cannot be an answer in time."""
    await hospital.to_running()
    hospital.clock.go_to(END)
    await hospital.take(plain_mail("quelqu.un@cnas.test"))
    await hospital.at_ripe()
    await hospital.deadlines.tick()
    assert await state(hospital) is State.TACITLY_ACCEPTED


async def test_a_settled_mail_no_longer_blocks(hospital: World) -> None:
    """A person said that it is no answer."""
    await hospital.to_running()
    await _partner_mail(hospital)
    row = await hospital.only(Mail, held_back=True)
    await hospital.triage.classify(row.id, "not-an-answer", actor="alice")
    await hospital.deadlines.tick()
    assert await state(hospital) is State.TACITLY_ACCEPTED


async def test_a_mail_partner_without_convention_needs_a_persons_word(by_mail: World) -> None:
    """Nobody knows whether an answer went another way; the provisional evidence needs a word too."""
    submitted = await by_mail.to_running_by_mdn()
    await by_mail.watched_until(RIPE)
    await by_mail.at_ripe()
    await by_mail.deadlines.tick()
    assert await by_mail.lacking() == ("no_answer_by_another_way", "confirmed_grade_below_policy")
    confirmed = await by_mail.confirmations.confirm(submitted.case.ref, actor="alice")
    assert set(confirmed) == {"other_way", "grade_below_policy"}
    await by_mail.deadlines.tick()
    assert await state(by_mail) is State.TACITLY_ACCEPTED
    (record,) = await by_mail.events("request.silence_recorded")
    assert b'"confirmed":["grade_below_policy","other_way"]' in record.canonical


async def test_short_notice_asks_a_person(hospital: World) -> None:
    """The receipt comes when less than a whole working day is left: nobody could react, so a person confirms."""
    submitted = await hospital.submit()
    await hospital.send_all()
    hospital.clock.go_to(END - timedelta(hours=12))
    await hospital.take(receipt(submitted.message, received_at=START))
    assert (await hospital.request()).asks_person == ("short_notice",)
    await hospital.at_ripe()
    await hospital.deadlines.tick()
    assert await hospital.lacking() == ("confirmed_short_notice",)
    await hospital.confirmations.confirm(submitted.case.ref, actor="alice", codes=("short_notice",))
    await hospital.deadlines.tick()
    assert await state(hospital) is State.TACITLY_ACCEPTED


async def test_four_eyes_need_two_different_persons(build: Build) -> None:
    """One confirmation is not enough, the same person twice is refused, a second person is."""
    world = await build(persons=2, partners=(partner(Role.CNAS, kind=PartnerKind.MAIL), partner(Role.CNSE)))
    submitted = await world.submit()
    await world.send_all()
    await world.take(receipt(submitted.message, received_at=START, mic=None, mic_algorithm=None))
    await world.watched_until(RIPE)
    await world.at_ripe()
    await world.deadlines.tick()
    await world.confirmations.confirm(submitted.case.ref, actor="alice")
    await world.deadlines.tick()
    assert await world.lacking() == ("no_answer_by_another_way",)
    with pytest.raises(NotAllowed):
        await world.confirmations.confirm(submitted.case.ref, actor="alice")
    await world.deadlines.tick()
    assert await world.all(Acceptance) == ()
    await world.confirmations.confirm(submitted.case.ref, actor="bob")
    await world.deadlines.tick()
    assert await state(world) is State.TACITLY_ACCEPTED


async def test_the_second_source_is_asked_only_when_it_would_help(hospital: World) -> None:
    """The tick wants the time when nothing else is missing that no person decides."""
    await hospital.to_running()
    hospital.clock.go_to(RIPE)
    assert not await hospital.deadlines.tick()
    await hospital.poll()
    assert await hospital.deadlines.tick()
    assert await hospital.told(RIPE + timedelta(minutes=5))
    assert not await hospital.deadlines.tick()
    assert await state(hospital) is State.TACITLY_ACCEPTED


async def test_only_the_hospital_records(cnas: World) -> None:
    """The CNAS follows the same clock and records nothing of its own."""
    await cnas.take(request_mail())
    await cnas.at_ripe()
    await cnas.deadlines.tick()
    assert await state(cnas) is State.RUNNING
    assert await cnas.all(Acceptance) == ()


# --- twice at once, and notices


@pytest.mark.fault("F34")
@pytest.mark.both_databases
async def test_two_processes_that_tick_at_once_record_once(hospital: World) -> None:
    """Each has its own connection to the same database; one of them records, neither fails."""
    await hospital.to_running()
    await hospital.at_ripe()
    store = DatabaseStore(hospital.url, clock=hospital.clock, site="s", party="hospital-essai")
    other = Deadlines(
        store=store,
        requests=hospital.requests,
        composer=hospital.composer,
        casework=hospital.casework,
        cabinet=hospital.cabinet,
        timekeeper=hospital.timekeeper,
        clock=hospital.clock,
        party=hospital.party,
        directory=hospital.directory,
        watched=places(hospital.party),
        readership=hospital.readers.readership,
        persons_needed=1,
    )
    await asyncio.gather(hospital.deadlines.tick(), other.tick(), hospital.deadlines.tick())
    await store.close()
    assert len(await hospital.all(Acceptance)) == 1
    assert len(await hospital.events("request.silence_recorded")) == 1
    assert len(await hospital.all(Message, kind="TACIT_ACCEPTANCE_NOTICE")) == 1


async def test_a_notice_that_could_not_be_sealed_is_owed_until_it_can(hospital: World) -> None:
    """The state moves although the CNSE's key has expired; the notice goes when the key is usable again."""
    submitted = await hospital.submit()
    await hospital.send_all()
    hospital.sealer.unusable = {"cnse"}
    await hospital.take(receipt(submitted.message, received_at=START))
    request = await hospital.request()
    assert (request.state, request.owes_notice) == (State.RUNNING, True)
    assert await hospital.all(Message, kind="STATUS_NOTICE") == ()
    await hospital.deadlines.tick()
    assert (await hospital.request()).owes_notice
    hospital.sealer.unusable = set()
    await hospital.deadlines.tick()
    assert not (await hospital.request()).owes_notice
    assert len(await hospital.all(Message, kind="STATUS_NOTICE")) == 1
    await hospital.deadlines.tick()
    assert len(await hospital.all(Message, kind="STATUS_NOTICE")) == 1


async def test_a_notice_that_stays_owed_raises_one_alarm(hospital: World) -> None:
    """The log is for ever: a key that stays expired for a week does not fill it at every tick."""
    submitted = await hospital.submit()
    await hospital.send_all()
    hospital.sealer.unusable = {"cnse"}
    await hospital.take(receipt(submitted.message, received_at=START))
    for _ in range(5):
        await hospital.deadlines.tick()
    assert len(await hospital.events("alarm.notice_not_sealed")) == 1


async def test_a_case_whose_key_is_damaged_keeps_no_other_from_its_deadline(hospital: World) -> None:
    """Its silence waits, with an alarm for its notice; the other is recorded and told, and the tick ends."""
    first = await hospital.to_running()
    second = await hospital.to_running(requested_until="2026-03-01")
    key = await hospital.only(VaultKey, id=first.case.vault_key)
    await hospital.change(replace(key, wrapped=bytes(len(key.wrapped))))
    await hospital.change(replace(await hospital.only(Request, hash=first.request.hash), owes_notice=True))
    await hospital.at_ripe()
    await hospital.deadlines.tick()
    states = {row.hash: row.state for row in await hospital.all(Request)}
    assert states == {first.request.hash: State.ELAPSED, second.request.hash: State.TACITLY_ACCEPTED}
    assert [row.case for row in await hospital.events("alarm.notice_not_sealed")] == [first.case.ref]
    (told,) = await hospital.all(Message, kind="TACIT_ACCEPTANCE_NOTICE")
    assert told.request_hash == second.request.hash


async def test_a_notice_for_nobody_is_an_alarm_and_the_tick_comes_to_its_end(
    hospital: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The CNSE is not in the configuration any more: copies and sweeps, which come after, must not wait for that."""
    await hospital.to_running()
    monkeypatch.setattr(hospital.composer, "_directory", Directory((partner(Role.CNAS),)))
    for _ in range(3):
        await hospital.deadlines.tick()
    assert [row.outcome for row in await hospital.events("alarm.notice_not_sealed")] == ["NoCorrespondent"]
    assert (await hospital.request()).owes_notice


async def test_silence_is_recorded_although_no_notice_can_leave(hospital: World) -> None:
    """The right does not depend on a partner's key; the notice is owed."""
    await hospital.to_running()
    hospital.sealer.unusable = {"cnas"}
    await hospital.at_ripe()
    await hospital.deadlines.tick()
    assert (await state(hospital), (await hospital.request()).owes_notice) == (State.TACITLY_ACCEPTED, True)
    hospital.sealer.unusable = set()
    await hospital.deadlines.tick()
    assert len(await hospital.all(Message, kind="TACIT_ACCEPTANCE_NOTICE")) == 1


async def test_two_requests_of_one_case_have_their_own_clocks(hospital: World) -> None:
    """One is answered, the other is recorded."""
    first = await hospital.to_running()
    second = await hospital.submit(ref=first.case.ref, care="autre")
    await hospital.send_all()
    await hospital.take(receipt(second.message, received_at=START))
    await hospital.take(plain_mdn("<unknown@hopital.test>", at=START, sender="x@ailleurs.test"))
    await hospital.at_ripe()
    await hospital.change(replace(await hospital.only(Request, id=first.request.id), state=State.REFUSED, due_at=None))
    await hospital.deadlines.tick()
    assert {row.hash: row.state for row in await hospital.all(Request)} == {
        first.request.hash: State.REFUSED,
        second.request.hash: State.TACITLY_ACCEPTED,
    }
