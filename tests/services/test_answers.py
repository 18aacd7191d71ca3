"""Answers of the CNAS: in time, between the two possible ends, late, after the record; in every order of arrival."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from itertools import permutations
from pathlib import Path
from tempfile import mkdtemp

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.domain import transmission as sending
from gateway.domain.challenge import Ground
from gateway.domain.kinds import EXTENSION_ACCEPTANCE
from gateway.domain.parties import Role
from gateway.domain.request import State
from gateway.domain.workdays import Calendar, calendar_from_rows
from gateway.ports import HandOver, HandOverOutcome
from gateway.services.desk import Submitted
from gateway.storage import Acceptance, Challenge, Mail, Message, Request, StoredEvidence, Transmission, Verdict
from tests.services.conftest import Build
from tests.services.mails import START, answer_mail, delivery_report, plain_mail, receipt, request_mail
from tests.services.world import END, MINUTE, RIPE, SECOND, World, open_world

LATEST = END + timedelta(days=1)
UNCERTAIN: Calendar = calendar_from_rows(
    [{"date": "2026-01-29", "name": "Fête", "feast": "f", "status": "forecast", "source": "test"}],
    "2027-12-31",
    recorded_at="2025-12-01T00:00:00Z",
    recorded_by="test",
)
"""A feast expected on the Thursday: were it the Wednesday, the period would end a day later."""


async def answered(
    world: World, submitted: Submitted, *, at: datetime, stated: datetime | None = None, accepts: bool = True
) -> Mail:
    """The answer is received at this instant, which is now unless it lies in the past."""
    if at > world.clock.now():
        world.clock.go_to(at)
    seen = answer_mail(submitted.request.hash, ref=submitted.case.ref, stated=stated or at, accepts=accepts)
    return await world.take(seen, at=at)


@pytest.mark.law("S-request-accepted", "S-request-refused")
@pytest.mark.parametrize(("accepts", "state"), [(True, State.ACCEPTED), (False, State.REFUSED)])
async def test_an_answer_in_time_settles_the_request(hospital: World, *, accepts: bool, state: State) -> None:
    """It is acknowledged to the CNAS, told to the CNSE, and nothing is due any more."""
    submitted = await hospital.to_running()
    await hospital.deadlines.tick()
    row = await answered(hospital, submitted, at=START + timedelta(days=1), accepts=accepts)
    request = await hospital.request()
    assert row.verdict is Verdict.ACCEPTED
    assert (request.state, request.due_at, request.settled_at) == (state, None, START + timedelta(days=1))
    assert len(await hospital.all(Transmission, receipt=True, partner="cnas")) == 1
    await hospital.deadlines.tick()
    assert len(await hospital.all(Message, kind="STATUS_NOTICE")) == 2
    await hospital.at_ripe()
    await hospital.deadlines.tick()
    assert (await hospital.request()).state is state
    assert await hospital.all(Acceptance) == ()


@pytest.mark.law("M-EXTENSION_PARTIAL_ACCEPTANCE")
@pytest.mark.parametrize(
    ("granted", "state"),
    [
        ({"granted_from": "2026-02-21", "granted_until": "2026-03-20"}, State.ACCEPTED),
        ({"granted_until": "2026-03-25"}, State.ACCEPTED),
        ({"granted_until": "2026-03-19"}, State.PARTLY_ACCEPTED),
        ({"granted_from": "2026-02-22", "granted_until": "2026-03-20"}, State.PARTLY_ACCEPTED),
    ],
)
async def test_an_acceptance_of_fewer_days_is_a_partial_one(
    hospital: World, cnas: World, granted: dict[str, str], state: State
) -> None:
    """Whatever its kind is called, it has refused the other days, for who sends it and for who gets it (A9)."""
    submitted = await hospital.to_running()
    await hospital.take(
        answer_mail(submitted.request.hash, ref=submitted.case.ref, stated=START, accepts=True, values=granted)
    )
    assert (await hospital.request()).state is state
    await cnas.take(request_mail())
    await cnas.answer(EXTENSION_ACCEPTANCE, granted)
    assert (await cnas.request()).state is state


@pytest.mark.law("R11", "S-request-motive")
@pytest.mark.parametrize("motive", ["soins possibles au pays", None])
async def test_a_refusal_without_its_motive_is_flagged(hospital: World, motive: str | None) -> None:
    """R11: the texts demand a medical motive and give no sanction: it holds, and a person sees that it lacks."""
    submitted = await hospital.to_running()
    values = {"motive": motive} if motive else {}
    await hospital.take(
        answer_mail(submitted.request.hash, ref=submitted.case.ref, stated=START, accepts=False, values=values)
    )
    assert (await hospital.request()).state is State.REFUSED
    assert len(await hospital.events("alarm.refusal_not_motivated")) == (motive is None)


@pytest.mark.law("K1")
async def test_the_last_second_is_in_time_and_the_end_itself_is_late(build: Build, tmp_path: Path) -> None:
    """The period is half-open."""
    world = await build()
    submitted = await world.to_running()
    await answered(world, submitted, at=END - SECOND)
    assert (await world.request()).state is State.ACCEPTED
    async with open_world(Path(mkdtemp(dir=tmp_path))) as late:
        submitted = await late.to_running()
        late.clock.go_to(END)
        await late.deadlines.tick()
        await answered(late, submitted, at=END)
        assert (await late.request()).state is State.ELAPSED


@pytest.mark.parametrize("ticked", [True, False])
async def test_a_late_answer_is_recorded_and_changes_nothing(hospital: World, *, ticked: bool) -> None:
    """Also when it comes before the tick has noticed the end: flagged, acknowledged, and silence is still recorded."""
    submitted = await hospital.to_running()
    hospital.clock.go_to(END)
    if ticked:
        await hospital.deadlines.tick()
    row = await answered(hospital, submitted, at=END + MINUTE)
    assert (row.verdict, row.held_back) == (Verdict.ACCEPTED, False)
    assert len(await hospital.events("request.late_answer")) == 1
    assert len(await hospital.events("alarm.late_answer")) == 1
    await hospital.at_ripe()
    await hospital.deadlines.tick()
    assert (await hospital.request()).state is State.TACITLY_ACCEPTED


@pytest.mark.parametrize("ticked", [True, False])
async def test_an_answer_between_earliest_and_latest_end_is_disputed(build: Build, *, ticked: bool) -> None:
    """Nobody knows yet whether it is in time: nothing is recorded, and a person is called."""
    world = await build(calendar=UNCERTAIN)
    submitted = await world.to_running()
    request = await world.request()
    assert (request.earliest_at, request.latest_at) == (END, LATEST)
    world.clock.go_to(END + MINUTE)
    if ticked:
        await world.deadlines.tick()
    await answered(world, submitted, at=END + 2 * MINUTE)
    assert (await world.request()).state is State.ANSWER_DISPUTED
    assert len(await world.events("alarm.answer_disputed")) == 1
    await world.at_ripe(RIPE + timedelta(days=2))
    await world.deadlines.tick()
    assert await world.all(Acceptance) == ()


async def test_an_answer_before_the_earliest_end_is_in_time(build: Build) -> None:
    """Whatever the feast does."""
    world = await build(calendar=UNCERTAIN)
    submitted = await world.to_running()
    await answered(world, submitted, at=END - SECOND)
    assert (await world.request()).state is State.ACCEPTED


async def test_an_answer_stated_in_time_and_received_late_is_disputed(hospital: World) -> None:
    """Signed before the end, on the way during it: a person decides."""
    submitted = await hospital.to_running()
    hospital.clock.go_to(END)
    await hospital.deadlines.tick()
    await answered(hospital, submitted, at=END + MINUTE, stated=END - MINUTE)
    assert (await hospital.request()).state is State.ANSWER_DISPUTED


async def test_an_answer_found_after_the_record_contradicts_it(hospital: World) -> None:
    """Our server had stamped it in time: the record stays, is marked, and a person is called."""
    submitted = await hospital.to_running()
    await hospital.at_ripe()
    await hospital.deadlines.tick()
    accepted = await hospital.only(Acceptance)
    row = await answered(hospital, submitted, at=END - timedelta(hours=1))
    assert row.verdict is Verdict.ACCEPTED
    assert (await hospital.request()).state is State.TACITLY_ACCEPTED
    assert await hospital.only(Acceptance) == accepted
    found = await hospital.only(Challenge)
    assert (found.acceptance, found.ground, found.raised_at) == (accepted.id, Ground.ANSWER_IN_TIME, RIPE)
    assert len(await hospital.events("alarm.acceptance_challenged")) == 1


@pytest.mark.law("S-request-late")
async def test_a_late_answer_after_the_record_contradicts_nothing(hospital: World) -> None:
    """It is flagged, and the silence stands."""
    submitted = await hospital.to_running()
    await hospital.at_ripe()
    await hospital.deadlines.tick()
    await answered(hospital, submitted, at=RIPE + MINUTE, accepts=False)
    assert (await hospital.request()).state is State.TACITLY_ACCEPTED
    assert await hospital.all(Challenge) == ()
    assert len(await hospital.events("alarm.late_answer")) == 1


async def test_a_second_answer_changes_nothing(hospital: World) -> None:
    """The first one counts; the same again is kept, the contrary is kept and flagged."""
    submitted = await hospital.to_running()
    await answered(hospital, submitted, at=START + MINUTE)
    await answered(hospital, submitted, at=START + 2 * MINUTE)
    assert await hospital.events("alarm.answer_contrary") == ()
    await answered(hospital, submitted, at=START + 3 * MINUTE, accepts=False)
    assert (await hospital.request()).state is State.ACCEPTED
    assert len(await hospital.events("request.answer_repeated")) == 1
    assert len(await hospital.events("alarm.answer_contrary")) == 1


async def test_an_answer_before_any_receipt_is_an_answer(hospital: World) -> None:
    """The receipt that comes later is kept and moves nothing."""
    submitted = await hospital.submit()
    await hospital.send_all()
    await answered(hospital, submitted, at=START + MINUTE)
    assert (await hospital.request()).state is State.ACCEPTED
    await hospital.take(receipt(submitted.message, received_at=START))
    assert (await hospital.request()).state is State.ACCEPTED
    assert len(await hospital.all(StoredEvidence)) == 1


async def test_the_cnse_learns_the_answer_from_its_own_copy(cnse: World) -> None:
    """A follower mirrors what it receives."""
    await cnse.take(request_mail())
    request = await cnse.request()
    await cnse.take(answer_mail(request.hash))
    assert (await cnse.request()).state is State.ACCEPTED


async def test_a_person_may_say_that_a_mail_found_after_the_record_was_an_answer(hospital: World) -> None:
    """A plain mail of the CNAS, stamped in time and moved into the folder afterwards, contradicts the record."""
    submitted = await hospital.to_running()
    await hospital.at_ripe()
    await hospital.deadlines.tick()
    row = await hospital.take(plain_mail("conv@cnas.test"), at=END - timedelta(hours=1))
    await hospital.triage.classify(row.id, "refusal", actor="alice", ref=submitted.case.ref)
    assert (await hospital.only(Challenge)).ground is Ground.ANSWER_IN_TIME


async def test_a_person_settles_a_dispute(build: Build) -> None:
    """A second mail of the CNAS that a person classifies ends the dispute, one way or the other."""
    world = await build(calendar=UNCERTAIN)
    submitted = await world.to_running()
    await answered(world, submitted, at=END + MINUTE)
    row = await world.take(plain_mail("conv@cnas.test"), at=START + MINUTE)
    await world.triage.classify(row.id, "refusal", actor="alice", ref=submitted.case.ref)
    assert (await world.request()).state is State.REFUSED


# --- every order

Step = Callable[[], Awaitable[object]]


async def outcome_of(world: World, order: tuple[str, ...]) -> tuple[Request, sending.State, int]:
    """What is known of a new request in the end, after these steps of it in this order."""
    now = world.clock.now()
    submitted = await world.submit()
    row = (await world.all(Transmission, message=submitted.message.id, partner="cnas"))[0]
    async with world.store.act() as act:
        claimed = await world.sender._claim(act, row)
    assert claimed is not None
    outcome = HandOverOutcome(result=HandOver.ACCEPTED, code=250, text="ok")
    world.clock.advance(MINUTE)
    answer = answer_mail(submitted.request.hash, ref=submitted.case.ref, stated=now)
    steps: dict[str, Step] = {
        "handed_over": lambda: world.sender._settle(claimed, outcome),
        "receipt": lambda: world.take(receipt(submitted.message, received_at=now + 30 * SECOND)),
        "answer": lambda: world.take(answer),
        "failed": lambda: world.take(delivery_report(action="failed", envid=row.envid)),
        "delivered": lambda: world.take(delivery_report(action="delivered", envid=row.envid, at=now + MINUTE)),
    }
    for name in order:
        await steps[name]()
    request = await world.only(Request, id=submitted.request.id)
    state = (await world.only(Transmission, id=row.id)).state
    return request, state, len(await world.all(StoredEvidence, request_hash=request.hash))


async def test_all_orders_of_hand_over_receipt_answer_and_report_end_alike(hospital: World) -> None:
    """24 orders: answered, evidenced, one evidence, nothing due."""
    for order in permutations(("handed_over", "receipt", "answer", "failed")):
        request, state, evidence = await outcome_of(hospital, order)
        found = (request.state, request.due_at, state, evidence)
        assert found == (State.ACCEPTED, None, sending.State.EVIDENCED, 1), order


async def test_all_orders_of_hand_over_receipt_and_report_know_the_same(hospital: World) -> None:
    """Six orders: the period runs to the same end, and the request is known to have been handed over."""
    for order in permutations(("handed_over", "receipt", "delivered")):
        request, state, evidence = await outcome_of(hospital, order)
        assert (state, evidence) == (sending.State.EVIDENCED, 2), order
        assert (request.state, request.nominal_at) == (State.RUNNING, END), order
        assert request.handed_over_at is not None, order


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(["answer", "refusal", "receipt", "mdn", "bounce", "tick", "send", "day"]), max_size=9))
async def test_no_sequence_of_events_leaves_the_table(
    tmp_path_factory: pytest.TempPathFactory, names: list[str]
) -> None:
    """Whatever comes in whatever order, every mail has one row, the log verifies, and what is settled stays."""
    async with open_world(tmp_path_factory.mktemp("story")) as world:
        submitted = await world.submit()
        envid = (await world.outbox("cnas"))[0].envid
        mails = 0
        settled: State | None = None
        for name in names:
            now = world.clock.now()
            mail = {
                "answer": answer_mail(submitted.request.hash, ref=submitted.case.ref, stated=now),
                "refusal": answer_mail(submitted.request.hash, ref=submitted.case.ref, stated=now, accepts=False),
                "receipt": receipt(submitted.message, received_at=now),
                "mdn": receipt(submitted.message, received_at=now, sender=Role.CNSE),
                "bounce": delivery_report(action="failed", envid=envid),
            }.get(name)
            if mail is not None:
                await world.take(mail)
                mails += 1
            elif name == "tick":
                await world.deadlines.tick()
            elif name == "send":
                await world.send_all()
            else:
                world.clock.advance(timedelta(days=1, hours=1))
            state = (await world.request()).state
            assert settled is None or state is settled
            if state in {State.ACCEPTED, State.REFUSED, State.TACITLY_ACCEPTED}:
                settled = state
        assert len(await world.all(Mail)) == mails
        entries = await world.events()
        assert [entry.index for entry in entries] == list(range(len(entries)))
