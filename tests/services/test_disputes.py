"""An answer near the end: judged again when the period moves, settled by the calendar, a proof, or a person."""

from datetime import date, datetime, timedelta
from functools import partial

import pytest

from gateway.domain import request as life
from gateway.domain.calendar_plans import setting
from gateway.domain.challenge import Finding
from gateway.domain.errors import NotAllowed
from gateway.domain.feasts import RowStatus
from gateway.domain.kinds import EXTENSION_REFUSAL
from gateway.domain.parties import Role
from gateway.domain.request import State
from gateway.services.calendar_acts import Plan
from gateway.services.desk import Submitted
from gateway.services.disputes import Settled
from gateway.storage import Acceptance, HeardAnswer, Message, Ruling
from tests.services.conftest import Build
from tests.services.mails import START, answer_mail, receipt, request_mail
from tests.services.test_answers import LATEST, UNCERTAIN
from tests.services.test_calendar_acts import amend, day_off
from tests.services.test_follow import form
from tests.services.world import END, GRACE, MINUTE, RIPE, World

DAY = timedelta(days=1)
THURSDAY = date(2026, 1, 29)
WHY = "Accusé de dépôt de la CNAS, produit le 30 janvier"


async def answered(
    world: World, submitted: Submitted, at: datetime, *, stated: datetime | None = None, accepts: bool = False
) -> None:
    """An answer is received here at this instant."""
    world.clock.go_to(max(at, world.clock.now()))
    seen = answer_mail(submitted.request.hash, ref=submitted.case.ref, stated=stated or at, accepts=accepts)
    await world.take(seen, at=at)


async def in_dispute(world: World, *, accepts: bool = False) -> Submitted:
    """Signed in time, received after the end: nobody but a person can say."""
    submitted = await world.to_running()
    await answered(world, submitted, END + MINUTE, stated=END - MINUTE, accepts=accepts)
    assert (await world.request()).state is State.ANSWER_DISPUTED
    return submitted


async def settle(world: World, submitted: Submitted, finding: Finding, by: str = "alice") -> Settled:
    """A person's word."""
    return await world.disputes.settle(submitted.case.ref, finding, because=WHY, actor=by)


def feast(first: date) -> Plan:
    """The uncertain feast fell on this day."""
    return partial(setting, first=first, feast="f", source="constat", status=RowStatus.OFFICIAL)


# --- a person


@pytest.mark.law("S-request-disputed")
@pytest.mark.parametrize(("accepts", "state"), [(True, State.ACCEPTED), (False, State.REFUSED)])
async def test_an_answer_that_a_person_counts_in_time_settles_the_request(
    hospital: World, *, accepts: bool, state: State
) -> None:
    """One person suffices, four eyes or not: it delays. The record names who, and the CNSE is told."""
    submitted = await in_dispute(hospital, accepts=accepts)
    assert "answer_disputed" in [item.duty.code for item in await hospital.archive.worklist.todo()]
    done = await settle(hospital, submitted, Finding.IN_TIME)
    request = await hospital.request()
    assert (done.request.state, request.state, request.due_at) == (state, state, None)
    assert request.form_owed is accepts
    (record,) = await hospital.events(f"request.{state.value}")
    assert record.actor == "alice"
    (ruled,) = await hospital.events("answer.ruled")
    assert (ruled.actor, ruled.outcome) == ("alice", "in_time")
    assert all("dépôt".encode() not in entry.canonical for entry in await hospital.events())
    await hospital.deadlines.tick()
    assert [row.kind for row in await hospital.all(Message)][-1] == "STATUS_NOTICE"
    await hospital.at_ripe()
    await hospital.deadlines.tick()
    assert await hospital.all(Acceptance) == ()


@pytest.mark.law("S-request-disputed")
async def test_an_answer_that_a_person_counts_late_lets_the_silence_be_recorded(hospital: World) -> None:
    """The period goes on, is over, and nothing else is missing."""
    submitted = await in_dispute(hospital)
    await hospital.at_ripe()
    await hospital.deadlines.tick()
    assert "no_answer" in await hospital.lacking()
    done = await settle(hospital, submitted, Finding.LATE)
    assert done.request.state is State.RUNNING
    await hospital.deadlines.tick()
    assert (await hospital.request()).state is State.TACITLY_ACCEPTED
    assert [row.finding for row in await hospital.all(Ruling)] == [Finding.LATE]


async def test_late_takes_two_persons_and_in_time_takes_one(build: Build) -> None:
    """What lets a silence be recorded needs four eyes; what keeps it from being recorded does not."""
    world = await build(persons=2)
    submitted = await in_dispute(world)
    assert not (await settle(world, submitted, Finding.LATE)).ruling.decides
    assert (await world.request()).state is State.ANSWER_DISPUTED
    with pytest.raises(NotAllowed, match="seconde personne"):
        await settle(world, submitted, Finding.LATE)
    assert (await settle(world, submitted, Finding.LATE, by="bob")).ruling.decides
    await world.at_ripe()
    await world.deadlines.tick()
    assert (await world.request()).state is State.TACITLY_ACCEPTED


async def test_one_person_stops_what_another_began(build: Build) -> None:
    """Alice says late, Bob says in time: it is in time at once."""
    world = await build(persons=2)
    submitted = await in_dispute(world)
    await settle(world, submitted, Finding.LATE)
    assert (await settle(world, submitted, Finding.IN_TIME, by="bob")).request.state is State.REFUSED


async def test_nothing_is_settled_that_is_not_in_dispute(hospital: World) -> None:
    """Running, answered, or without a reason: refused, and nothing is kept."""
    submitted = await hospital.to_running()
    with pytest.raises(NotAllowed, match="Aucune réponse"):
        await settle(hospital, submitted, Finding.LATE)
    await answered(hospital, submitted, END + MINUTE, stated=END - MINUTE)
    with pytest.raises(NotAllowed, match="because"):
        await hospital.disputes.settle(submitted.case.ref, Finding.LATE, because=" ", actor="alice")
    with pytest.raises(NotAllowed, match="Aucune réponse"):
        await hospital.disputes.settle(submitted.case.ref, Finding.LATE, because=WHY, actor="alice", number=99)
    assert await hospital.all(Ruling) == ()


async def test_only_the_hospital_settles(cnse: World) -> None:
    """The CNSE follows: the hospital's own reception decides."""
    await cnse.take(request_mail())
    request = await cnse.request()
    with pytest.raises(NotAllowed, match="hôpital"):
        await cnse.disputes.settle("7F3K-Q2", Finding.LATE, because=WHY, actor="alice", request_hash=request.hash)


async def test_of_several_answers_each_is_settled_by_its_number(hospital: World) -> None:
    """Late for both: only then may the silence be recorded."""
    submitted = await in_dispute(hospital)
    await answered(hospital, submitted, END + 2 * MINUTE, stated=END - MINUTE, accepts=True)
    first, second = await hospital.all(HeardAnswer)
    with pytest.raises(NotAllowed, match="--answer : 1, 2"):
        await settle(hospital, submitted, Finding.LATE)
    for number in (first.id, second.id):
        assert (await hospital.request()).state is State.ANSWER_DISPUTED
        await hospital.disputes.settle(submitted.case.ref, Finding.LATE, because=WHY, actor="alice", number=number)
    assert (await hospital.request()).state is State.RUNNING


async def test_an_answer_that_comes_after_the_word_is_another_dispute(hospital: World) -> None:
    """The word was about the first one."""
    submitted = await in_dispute(hospital)
    await settle(hospital, submitted, Finding.LATE)
    await answered(hospital, submitted, END + 3 * MINUTE, stated=END - MINUTE)
    assert (await hospital.request()).state is State.ANSWER_DISPUTED


# --- the calendar


@pytest.mark.parametrize(
    ("fell", "state"), [(THURSDAY, State.RUNNING), (THURSDAY - DAY, State.REFUSED), (THURSDAY + DAY, State.RUNNING)]
)
async def test_the_calendar_settles_what_it_had_left_open(build: Build, fell: date, state: State) -> None:
    """Received on the Thursday: in time if the feast was the Wednesday, late if it was not."""
    world = await build(calendar=UNCERTAIN)
    submitted = await world.to_running()
    await answered(world, submitted, END + MINUTE)
    assert (await world.request()).state is State.ANSWER_DISPUTED
    await amend(world, feast(fell))
    assert (await world.request()).state is state
    if state is State.RUNNING:
        await world.at_ripe(LATEST + GRACE + MINUTE)
        await world.deadlines.tick()
        assert (await world.request()).state is State.TACITLY_ACCEPTED
        assert (await world.only(Acceptance)).effective_at == END


@pytest.mark.law("S-request-disputed")
async def test_a_late_answer_that_a_day_off_makes_timely_is_an_answer(hospital: World) -> None:
    """It came after the end as it was then; the Wednesday turns out to have been off before anything is recorded."""
    submitted = await hospital.to_running()
    await answered(hospital, submitted, END + MINUTE)
    assert len(await hospital.events("alarm.late_answer")) == 1
    await hospital.deadlines.tick()
    assert (await hospital.request()).state is State.ELAPSED
    await amend(hospital, day_off(status=RowStatus.OBSERVED))
    assert (await hospital.request()).state is State.REFUSED
    await hospital.at_ripe(RIPE + DAY)
    await hospital.deadlines.tick()
    assert await hospital.all(Acceptance) == ()


async def test_a_late_answer_is_disputed_once_a_feast_becomes_possible(hospital: World) -> None:
    """The other way: what was sure is open again, and nothing may be recorded."""
    submitted = await hospital.to_running()
    await answered(hospital, submitted, END + MINUTE)
    assert (await hospital.request()).state is State.RUNNING
    expected = partial(setting, first=THURSDAY, name="Fête", feast="f", source="calcul", status=RowStatus.FORECAST)
    await amend(hospital, expected)
    assert (await hospital.request()).state is State.ANSWER_DISPUTED
    await hospital.at_ripe(LATEST + GRACE + MINUTE)
    await hospital.deadlines.tick()
    assert await hospital.all(Acceptance) == ()


async def test_a_word_does_not_outlive_the_ends_that_it_was_about(build: Build) -> None:
    """The calendar moves the end: what the calendar settles now holds against what a person said before."""
    world = await build(calendar=UNCERTAIN)
    submitted = await world.to_running()
    await answered(world, submitted, END + MINUTE)
    await settle(world, submitted, Finding.LATE)
    assert (await world.request()).state is State.RUNNING
    await amend(world, feast(THURSDAY - DAY))
    assert (await world.request()).state is State.REFUSED


# --- proofs


@pytest.mark.law("S-request-disputed")
async def test_a_later_reception_makes_a_late_answer_timely(by_mail: World) -> None:
    """The signed statement replaces the MDN: the period began later, so the answer came before its end."""
    submitted = await by_mail.to_running_by_mdn()
    await answered(by_mail, submitted, END + MINUTE)
    assert len(await by_mail.events("alarm.late_answer")) == 1
    later = receipt(submitted.message, received_at=START + DAY, mic=None, mic_algorithm=None)
    await by_mail.take(later)
    assert (await by_mail.request()).state is State.REFUSED


async def test_a_form_that_came_late_and_turns_out_timely_is_an_acceptance(hospital: World) -> None:
    """It was kept as the form of a silence; the end moves behind it."""
    submitted = await hospital.to_running()
    hospital.clock.go_to(END + MINUTE)
    await hospital.take(form(submitted.request.hash, submitted.case.ref), at=END + MINUTE)
    assert (await hospital.request()).state is State.RUNNING
    await amend(hospital, day_off(status=RowStatus.OBSERVED))
    assert (await hospital.request()).state is State.ACCEPTED


async def test_the_cnas_judges_its_own_answer_again_too(cnas: World) -> None:
    """Late by its own count, then in time by the day that turned out to be off: as at the hospital."""
    await cnas.take(request_mail())
    cnas.clock.go_to(END + MINUTE)
    await cnas.answer(EXTENSION_REFUSAL, {"motive": "x"})
    assert (await cnas.request()).state is State.RUNNING
    await amend(cnas, day_off(status=RowStatus.OBSERVED))
    assert cnas.role is Role.CNAS
    assert (await cnas.request()).state is State.REFUSED


async def test_what_was_heard_is_kept_with_its_instants(hospital: World) -> None:
    """Received and stated, and what it was taken as then, whatever becomes of it."""
    submitted = await in_dispute(hospital)
    heard = await hospital.only(HeardAnswer)
    assert (heard.says, heard.taken_as) == (life.Event.REFUSED, life.Event.DISPUTED)
    assert (heard.earliest, heard.latest, heard.stated) == (END + MINUTE, END + MINUTE, END - MINUTE)
    await settle(hospital, submitted, Finding.IN_TIME)
    assert await hospital.only(HeardAnswer) == heard
