"""What is found after a silence was recorded: the record stays, a person is called, and it is upheld or withdrawn."""

from dataclasses import replace
from datetime import date, timedelta
from functools import partial

import pytest

from gateway.domain import case as stay
from gateway.domain import request as life
from gateway.domain.amendments import Applied, overlaid
from gateway.domain.calendar_plans import setting
from gateway.domain.challenge import GROUNDS, Finding, Ground
from gateway.domain.coverage import Payer, Reason
from gateway.domain.errors import AlreadyThere, NotAllowed
from gateway.domain.feasts import RowStatus
from gateway.domain.parties import Grade
from gateway.domain.request import State
from gateway.services.almanac import Almanac
from gateway.services.desk import Submitted
from gateway.services.request_view import RequestView
from gateway.storage import (
    Acceptance,
    Case,
    Challenge,
    Fact,
    HeardAnswer,
    Message,
    Ruling,
    StoredEvidence,
)
from tests.services.conftest import Build
from tests.services.mails import START, answer_mail, plain_mail, receipt
from tests.services.test_answers import LATEST, UNCERTAIN
from tests.services.test_calendar_acts import amend, day_off
from tests.services.test_follow import form
from tests.services.world import END, GRACE, MINUTE, RIPE, SHIPPED, World

DAY = timedelta(days=1)
WHY = "Mme Haddad a retrouvé la télécopie"


async def recorded(world: World) -> Submitted:
    """A silence is on record, and told."""
    submitted = await world.to_running()
    await silent(world)
    return submitted


async def silent(world: World) -> None:
    """Nothing came: the silence is recorded and told."""
    await world.at_ripe()
    await world.deadlines.tick()
    assert (await world.request()).state is State.TACITLY_ACCEPTED
    await world.deadlines.tick()


async def found(world: World, submitted: Submitted, *, accepts: bool = False) -> None:
    """An answer that lay in another folder: our server had stamped it before the end."""
    seen = answer_mail(submitted.request.hash, ref=submitted.case.ref, accepts=accepts, stated=END - 2 * MINUTE)
    await world.take(seen, at=END - MINUTE)


async def view_of(world: World, submitted: Submitted) -> RequestView:
    """The request as it is shown."""
    return (await world.archive.case(submitted.case.ref)).requests[0]


async def rule(world: World, submitted: Submitted, finding: Finding, *, by: str = "alice") -> Ruling:
    """A person's word."""
    return (await world.challenges.rule(submitted.case.ref, finding, because=WHY, actor=by)).ruling


async def doubts(world: World) -> list[str]:
    """The codes of what a hospital must do now."""
    return [item.duty.code for item in await world.archive.worklist.todo()]


# --- what challenges


@pytest.mark.law("S-request-challenged")
async def test_an_answer_found_late_challenges_and_undoes_nothing(hospital: World) -> None:
    """The state and the record are as they were; the finding names its answer, once for each mail."""
    submitted = await recorded(hospital)
    before, request = await hospital.only(Acceptance), await hospital.request()
    await found(hospital, submitted)
    assert await hospital.only(Acceptance) == before
    assert await hospital.request() == request
    answer, challenge = await hospital.only(HeardAnswer), await hospital.only(Challenge)
    assert (answer.says, answer.taken_as) == (life.Event.REFUSED, life.Event.CHALLENGED)
    assert (challenge.ground, challenge.about) == (Ground.ANSWER_IN_TIME, f"answer-{answer.id}")
    (record,) = await hospital.events("request.acceptance_challenged")
    assert b'"ground":"answer_in_time"' in record.canonical
    assert len(await hospital.events("alarm.acceptance_challenged")) == 1
    assert "acceptance_contested" in await doubts(hospital)
    await hospital.watch()
    assert [kind for kind in await hospital.open_alarms() if kind.startswith("acceptance_")] == [
        "acceptance_challenged"
    ]


@pytest.mark.parametrize(
    ("received", "stated", "ground"),
    [
        (END - MINUTE, END - MINUTE, Ground.ANSWER_IN_TIME),
        (END, END - MINUTE, Ground.ANSWER_IN_DISPUTE),
        (END, END, None),
    ],
)
async def test_only_an_answer_that_was_or_may_have_been_in_time_challenges(
    hospital: World, received: object, stated: object, ground: Ground | None
) -> None:
    """Received before the end, or only signed before it; at the end itself it is late."""
    submitted = await recorded(hospital)
    seen = answer_mail(submitted.request.hash, ref=submitted.case.ref, stated=stated)  # type: ignore[arg-type]
    await hospital.take(seen, at=received)  # type: ignore[arg-type]
    assert [row.ground for row in await hospital.all(Challenge)] == ([ground] if ground else [])


async def test_a_form_that_came_before_the_end_challenges(hospital: World) -> None:
    """It was the CNAS's express acceptance: silence it was not."""
    submitted = await recorded(hospital)
    await hospital.take(form(submitted.request.hash, submitted.case.ref), at=END - MINUTE)
    assert (await hospital.only(Challenge)).ground is Ground.ANSWER_IN_TIME
    assert (await hospital.request()).state is State.TACITLY_ACCEPTED


async def test_an_unsettled_mail_challenges_once_a_person_says_that_it_was_an_answer(hospital: World) -> None:
    """A clerk's letter, moved into the folder long after: until it is sorted nobody knows what it is."""
    submitted = await recorded(hospital)
    row = await hospital.take(plain_mail("clerc@cnas.test"), at=END - MINUTE)
    assert row.held_back
    assert await hospital.all(Challenge) == ()
    await hospital.triage.classify(row.id, "refusal", actor="alice", ref=submitted.case.ref)
    assert (await hospital.only(Challenge)).ground is Ground.ANSWER_IN_TIME


async def test_a_reception_that_was_later_challenges(by_mail: World) -> None:
    """The MDN said the first day; the signed statement, which replaces it, says two days later: recorded too early."""
    submitted = await by_mail.to_running_by_mdn()
    await by_mail.watched_until(RIPE)
    await by_mail.at_ripe()
    await by_mail.confirmations.confirm(submitted.case.ref, actor="alice")
    await by_mail.deadlines.tick()
    later = receipt(submitted.message, received_at=START + 2 * DAY, mic=None, mic_algorithm=None)
    await by_mail.take(later)
    challenge, evidence = await by_mail.only(Challenge), await by_mail.all(StoredEvidence)
    assert (challenge.ground, challenge.about) == (Ground.RECEIVED_LATER, f"evidence-{evidence[-1].id}")
    request = await by_mail.request()
    assert (request.state, request.started_at, request.grade) == (State.TACITLY_ACCEPTED, START, Grade.MDN)


async def test_a_reception_that_was_earlier_challenges(hospital: World) -> None:
    """The period had ended before what was recorded: what took effect when is no longer true."""
    submitted = await hospital.submit()
    await hospital.send_all()
    hospital.clock.advance(DAY)
    await hospital.take(receipt(submitted.message, received_at=START + DAY))
    hospital.clock.go_to(RIPE + DAY)
    await hospital.at_ripe(RIPE + DAY)
    await hospital.deadlines.tick()
    await hospital.take(receipt(submitted.message, received_at=START))
    assert (await hospital.only(Challenge)).ground is Ground.RECEIVED_EARLIER


async def test_a_proof_of_the_same_day_shakes_nothing(hospital: World) -> None:
    """More receipts, of some hours later: the end is the same."""
    submitted = await recorded(hospital)
    for hours in (1, 2):
        await hospital.take(receipt(submitted.message, received_at=START + timedelta(hours=hours)), at=START + DAY)
    assert len(await hospital.all(StoredEvidence)) == 3
    assert await hospital.all(Challenge) == ()


async def test_an_impossible_statement_after_the_record_challenges(hospital: World) -> None:
    """Had it been there, a person would have been asked."""
    submitted = await recorded(hospital)
    await hospital.take(receipt(submitted.message, received_at=START - 9 * DAY))
    assert (await hospital.only(Challenge)).ground is Ground.EVIDENCE_IN_DOUBT


async def test_a_day_that_turns_out_to_have_been_off_challenges_until_a_person_rules(hospital: World) -> None:
    """Once, however often the gateway ticks or restarts; a further day off after the ruling is another doubt."""
    submitted = await recorded(hospital)
    hospital.clock.advance(2 * DAY)
    await amend(hospital, day_off(status=RowStatus.OBSERVED))
    await restarted(hospital)
    assert (await hospital.only(Challenge)).ground is Ground.CALENDAR_CHANGED
    await rule(hospital, submitted, Finding.UPHELD)
    await restarted(hospital)
    assert len(await hospital.all(Challenge)) == 1
    await amend(hospital, day_off(date(2026, 1, 29), status=RowStatus.OBSERVED))
    assert len(await hospital.all(Challenge)) == 2


async def restarted(world: World) -> None:
    """Another process ticks, three times."""
    world.deadlines._calendar._followed = None
    for _ in range(3):
        await world.deadlines.tick()


async def test_a_calendar_file_that_was_replaced_while_the_gateway_was_down_challenges(hospital: World) -> None:
    """No act of a person says so: the first tick compares what is on record with the calendar in force."""
    await recorded(hospital)
    change = day_off(status=RowStatus.OFFICIAL)(SHIPPED)
    other = overlaid(SHIPPED, [Applied(change=change, at=START, by="alice")])
    hospital.requests.almanac = Almanac(base=other, site="s")
    await restarted(hospital)
    assert (await hospital.only(Challenge)).ground is Ground.CALENDAR_CHANGED


async def test_an_earlier_end_by_the_calendar_shakes_nothing(build: Build) -> None:
    """It was recorded at the latest end that a feast allowed: that the feast fell otherwise was foreseen."""
    world = await build(calendar=UNCERTAIN)
    await world.to_running()
    await world.at_ripe(LATEST + GRACE + MINUTE)
    await world.deadlines.tick()
    thursday = date(2026, 1, 29)
    await amend(world, partial(setting, first=thursday, feast="f", source="constat", status=RowStatus.OBSERVED))
    assert (await world.only(Acceptance)).effective_at == LATEST
    assert await world.all(Challenge) == ()


async def test_what_was_recorded_at_a_time_that_has_not_come_is_challenged(hospital: World) -> None:
    """The clock was two days ahead, and so was the mail server's beside it; once put right, the log betrays them."""
    await recorded(hospital)
    hospital.clock.reboot(wall=-2 * DAY)
    for _ in range(3):
        await hospital.deadlines.tick()
    assert (await hospital.only(Challenge)).ground is Ground.CLOCK_WRONG


async def test_a_person_who_knows_what_no_machine_sees_challenges_alone(build: Build) -> None:
    """One person suffices to cast doubt, four eyes or not; the reason is sealed, and stands in no record."""
    world = await build(persons=2)
    submitted = await recorded(world)
    await world.challenges.cast(submitted.case.ref, because=WHY, actor="alice")
    challenge = await world.only(Challenge)
    assert (challenge.ground, challenge.raised_by) == (Ground.PERSON, "alice")
    assert b"Haddad" not in (challenge.words or b"")
    assert all(b"Haddad" not in entry.canonical for entry in await world.events())
    (contest,) = await world.archive.contests.all()
    assert contest.words[challenge] == WHY
    (record,) = await world.events("request.acceptance_challenged")
    assert record.actor == "alice"


async def test_nobody_challenges_without_a_reason_or_without_an_acceptance(hospital: World) -> None:
    """Nothing is recorded; the refusal says what is missing."""
    submitted = await hospital.to_running()
    with pytest.raises(NotAllowed, match="Aucune acceptation"):
        await hospital.challenges.cast(submitted.case.ref, because=WHY, actor="alice")
    await silent(hospital)
    for because in ("", "  \n ", "x" * 2001):
        with pytest.raises(NotAllowed):
            await hospital.challenges.cast(submitted.case.ref, because=because, actor="alice")
    assert await hospital.all(Challenge) == ()


# --- a person upholds


@pytest.mark.law("S-request-challenged")
async def test_an_acceptance_that_is_upheld_stands_as_it_was(hospital: World) -> None:
    """Nothing is owed, nothing is marked any more; the finding and the word stay in the file."""
    submitted = await recorded(hospital)
    await found(hospital, submitted)
    before = await hospital.only(Acceptance)
    assert (await rule(hospital, submitted, Finding.UPHELD)).decides
    assert await hospital.only(Acceptance) == before
    request = await hospital.request()
    assert (request.state, request.owes_notice) == (State.TACITLY_ACCEPTED, False)
    shown = await view_of(hospital, submitted)
    assert (shown.contested, len(shown.acceptances[0].challenges)) == (False, 1)
    assert "acceptance_contested" not in await doubts(hospital)
    (record,) = await hospital.events("request.acceptance_upheld")
    assert record.actor == "alice"
    with pytest.raises(NotAllowed, match="Rien ne la met en cause"):
        await rule(hospital, submitted, Finding.WITHDRAWN)


async def test_what_is_found_after_a_ruling_is_a_new_doubt(hospital: World) -> None:
    """The person did not know of it."""
    submitted = await recorded(hospital)
    await hospital.challenges.cast(submitted.case.ref, because=WHY, actor="alice")
    await rule(hospital, submitted, Finding.UPHELD)
    await found(hospital, submitted)
    assert (await view_of(hospital, submitted)).contested
    await rule(hospital, submitted, Finding.WITHDRAWN)
    assert (await hospital.request()).state is State.REFUSED


# --- a person withdraws


@pytest.mark.law("S-request-challenged")
async def test_a_withdrawal_leaves_the_request_to_the_answer_that_was_found(hospital: World) -> None:
    """Refused as of the CNAS's own word; the first record stays, nothing will be recorded of itself."""
    submitted = await recorded(hospital)
    before = await hospital.only(Acceptance)
    await found(hospital, submitted)
    await rule(hospital, submitted, Finding.WITHDRAWN)
    request, acceptance = await hospital.request(), await hospital.only(Acceptance)
    assert (request.state, request.due_at) == (State.REFUSED, None)
    assert acceptance == replace(before, withdrawn_at=hospital.clock.now())
    assert (await hospital.events("request.acceptance_withdrawn"))[0].actor == "alice"
    assert len(await hospital.events("request.silence_recorded")) == 1
    await hospital.at_ripe(RIPE + 9 * DAY)
    await hospital.deadlines.tick()
    assert (await hospital.request()).state is State.REFUSED


@pytest.mark.parametrize("accepts", [True, False])
async def test_an_answer_that_grants_other_days_grants_those(hospital: World, *, accepts: bool) -> None:
    """What the answer said when it was heard is what holds, and the authorisation ends accordingly."""
    submitted = await recorded(hospital)
    days = {"granted_from": "2026-02-21", "granted_until": "2026-03-05"}
    seen = answer_mail(
        submitted.request.hash,
        ref=submitted.case.ref,
        accepts=accepts,
        stated=END - MINUTE,
        values=days if accepts else {},
    )
    await hospital.take(seen, at=END - MINUTE)
    await rule(hospital, submitted, Finding.WITHDRAWN)
    request, case = await hospital.request(), await hospital.only(Case)
    if accepts:
        assert (request.state, request.granted_until) == (State.PARTLY_ACCEPTED, date(2026, 3, 5))
        assert request.form_owed
    assert case.authorised_until == (date(2026, 3, 5) if accepts else date(2026, 2, 20))


async def test_what_a_silence_granted_is_withdrawn_from_the_case(hospital: World) -> None:
    """The fact stays, another withdraws it; who pays a day follows."""
    submitted = await recorded(hospital)
    ref = submitted.case.ref
    granted = await hospital.archive.coverage(ref, "2026-03-10")
    assert (granted.decides.reason, granted.decides.contested) == (Reason.TACITLY_EXTENDED, False)
    await found(hospital, submitted)
    assert (await hospital.archive.coverage(ref, "2026-03-10")).decides.contested
    await rule(hospital, submitted, Finding.WITHDRAWN)
    facts = await hospital.all(Fact, kind="TACIT_ACCEPTANCE")
    assert [(fact.corrects, fact.withdraws) for fact in facts] == [(None, False), (facts[0].id, True)]
    assert (await hospital.only(Case)).authorised_until == date(2026, 2, 20)
    after = await hospital.archive.coverage(ref, "2026-03-10")
    assert (after.decides.payer, after.decides.reason) == (Payer.CNAS, Reason.UNTIL_REPATRIATION)


async def test_without_an_answer_the_silence_waits_for_a_persons_word(hospital: World) -> None:
    """Withdrawn once, no machine records it again by itself; a person who says so lets it, and both records stay."""
    submitted = await recorded(hospital)
    await hospital.challenges.cast(submitted.case.ref, because=WHY, actor="alice")
    await rule(hospital, submitted, Finding.WITHDRAWN)
    hospital.clock.advance(DAY)
    await hospital.at_ripe(hospital.clock.now())
    await hospital.deadlines.tick()
    assert (await hospital.request()).state is State.ELAPSED
    assert await hospital.lacking() == ("not_withdrawn_before",)
    await hospital.confirmations.confirm(submitted.case.ref, actor="alice", codes=("recorded_again",))
    await hospital.deadlines.tick()
    assert (await hospital.request()).state is State.TACITLY_ACCEPTED
    first, second = await hospital.all(Acceptance)
    assert (first.withdrawn_at is None, second.withdrawn_at is None) == (False, True)
    assert first.effective_at == second.effective_at == END


async def test_a_word_on_a_former_withdrawal_does_not_count_for_the_next(hospital: World) -> None:
    """Each time, somebody must say it anew."""
    submitted = await recorded(hospital)
    for _ in range(2):
        await hospital.challenges.cast(submitted.case.ref, because=WHY, actor="alice")
        await rule(hospital, submitted, Finding.WITHDRAWN)
        hospital.clock.advance(DAY)
        await hospital.at_ripe(hospital.clock.now())
        await hospital.deadlines.tick()
        assert await hospital.lacking() == ("not_withdrawn_before",)
        await hospital.confirmations.confirm(submitted.case.ref, actor="alice", codes=("recorded_again",))
        await hospital.deadlines.tick()
    assert len(await hospital.all(Acceptance)) == 3
    await hospital.deadlines.tick()
    kinds = [row.kind for row in await hospital.all(Message) if row.kind.startswith("TACIT")]
    assert kinds.count("TACIT_ACCEPTANCE_NOTICE") == 3
    assert kinds.count("TACIT_ACCEPTANCE_WITHDRAWAL") == 2


async def test_a_later_reception_runs_again_after_a_withdrawal(by_mail: World) -> None:
    """The period is computed from all proofs, the new one among them: it is not over yet."""
    submitted = await by_mail.to_running_by_mdn()
    await by_mail.watched_until(RIPE)
    await by_mail.at_ripe()
    await by_mail.confirmations.confirm(submitted.case.ref, actor="alice")
    await by_mail.deadlines.tick()
    await by_mail.take(receipt(submitted.message, received_at=START + 3 * DAY, mic=None, mic_algorithm=None))
    await rule(by_mail, submitted, Finding.WITHDRAWN)
    request = await by_mail.request()
    assert (request.state, request.started_at, request.grade) == (
        State.RUNNING,
        START + 3 * DAY,
        Grade.SIGNED_RECEIPT,
    )
    assert request.nominal_at is not None
    assert request.nominal_at > by_mail.clock.now()


async def test_an_answer_in_dispute_stays_in_dispute_after_a_withdrawal(hospital: World) -> None:
    """To withdraw is not to say that the answer was in time."""
    submitted = await recorded(hospital)
    seen = answer_mail(submitted.request.hash, ref=submitted.case.ref, stated=END - MINUTE)
    await hospital.take(seen, at=END + MINUTE)
    await rule(hospital, submitted, Finding.WITHDRAWN)
    assert (await hospital.request()).state is State.ANSWER_DISPUTED


async def test_a_stay_that_went_on_does_not_keep_an_acceptance_from_being_withdrawn(hospital: World) -> None:
    """The patient left for a while after the extension had ended the preparation of the return."""
    submitted = await recorded(hospital)
    case = await hospital.only(Case)
    await hospital.change(replace(case, state=stay.State.INTERRUPTED))
    await found(hospital, submitted)
    await rule(hospital, submitted, Finding.WITHDRAWN)
    assert (await hospital.request()).state is State.REFUSED


async def test_a_closed_case_has_no_open_doubt(hospital: World) -> None:
    """It closes only once somebody has ruled."""
    submitted = await recorded(hospital)
    await found(hospital, submitted)
    await hospital.change(replace(await hospital.only(Case), state=stay.State.DISCHARGED))
    with pytest.raises(NotAllowed, match="mise en cause"):
        await hospital.desk.close(submitted.case.ref, actor="alice")
    await rule(hospital, submitted, Finding.UPHELD)
    await hospital.desk.close(submitted.case.ref, actor="alice")


# --- who is told


@pytest.mark.law("M-TACIT_ACCEPTANCE_WITHDRAWAL")
async def test_whoever_got_the_notice_gets_the_correction(hospital: World) -> None:
    """The CNAS, the CNSE in copy, in plain French; then the CNSE learns what came of the request."""
    submitted = await recorded(hospital)
    await found(hospital, submitted)
    await rule(hospital, submitted, Finding.WITHDRAWN)
    for _ in range(3):
        await hospital.deadlines.tick()
    told = [
        (row.kind, row.partner) for row in await hospital.all(Message) if "NOTICE" in row.kind or "WITHDR" in row.kind
    ]
    assert told[-3:] == [
        ("TACIT_ACCEPTANCE_NOTICE", "cnas+cnse"),
        ("TACIT_ACCEPTANCE_WITHDRAWAL", "cnas+cnse"),
        ("STATUS_NOTICE", "cnse"),
    ]
    message = await hospital.only(Message, kind="TACIT_ACCEPTANCE_WITHDRAWAL")
    payload = (await hospital.archive.read(message.id, actor="alice", purpose="shown")).payload
    assert GROUNDS[Ground.ANSWER_IN_TIME] in payload.text
    assert "ne vaut plus" in payload.text
    assert WHY not in payload.text
    assert not (await hospital.request()).owes_notice


async def test_who_was_never_told_is_told_nothing_of_the_withdrawal(hospital: World) -> None:
    """The notice could not be sealed: no correction of what nobody read, only where the request stands."""
    submitted = await hospital.to_running()
    await hospital.deadlines.tick()
    hospital.sealer.unusable = {"cnas", "cnse"}
    await silent(hospital)
    await found(hospital, submitted)
    await rule(hospital, submitted, Finding.WITHDRAWN)
    hospital.sealer.unusable = set()
    for _ in range(3):
        await hospital.deadlines.tick()
    kinds = [row.kind for row in await hospital.all(Message)]
    assert not [kind for kind in kinds if kind.startswith("TACIT")]
    assert kinds[-1] == "STATUS_NOTICE"


async def test_a_correction_that_could_not_leave_goes_before_the_next_notice(hospital: World) -> None:
    """Withdrawn and recorded again while a key was expired: the partners read each thing in its order."""
    submitted = await recorded(hospital)
    hospital.sealer.unusable = {"cnas", "cnse"}
    await hospital.challenges.cast(submitted.case.ref, because=WHY, actor="alice")
    await rule(hospital, submitted, Finding.WITHDRAWN)
    hospital.clock.advance(DAY)
    await hospital.at_ripe(hospital.clock.now())
    await hospital.deadlines.tick()
    await hospital.confirmations.confirm(submitted.case.ref, actor="alice", codes=("recorded_again",))
    await hospital.deadlines.tick()
    hospital.sealer.unusable = set()
    for _ in range(4):
        await hospital.deadlines.tick()
    kinds = [row.kind for row in await hospital.all(Message) if row.kind.startswith("TACIT")]
    assert kinds == ["TACIT_ACCEPTANCE_NOTICE", "TACIT_ACCEPTANCE_WITHDRAWAL", "TACIT_ACCEPTANCE_NOTICE"]
    assert not (await hospital.request()).owes_notice


# --- four eyes


@pytest.mark.parametrize("finding", [Finding.UPHELD, Finding.WITHDRAWN])
async def test_two_persons_must_say_the_same(build: Build, finding: Finding) -> None:
    """One alone changes nothing, the same twice is refused, another word is another word; the record names both."""
    world = await build(persons=2)
    submitted = await recorded(world)
    await found(world, submitted)
    other = Finding.UPHELD if finding is Finding.WITHDRAWN else Finding.WITHDRAWN
    assert not (await rule(world, submitted, finding)).decides
    assert (await world.request()).state is State.TACITLY_ACCEPTED
    assert [item.duty.sentence for item in await world.archive.worklist.todo() if "alice" in str(item.duty.sentence)]
    with pytest.raises(NotAllowed, match="seconde personne"):
        await rule(world, submitted, finding)
    assert not (await rule(world, submitted, other, by="bob")).decides
    assert (await rule(world, submitted, finding, by="carol")).decides
    state = State.REFUSED if finding is Finding.WITHDRAWN else State.TACITLY_ACCEPTED
    assert (await world.request()).state is state
    event = "upheld" if finding is Finding.UPHELD else "withdrawn"
    (record,) = await world.events(f"request.acceptance_{event}")
    assert (record.actor, b'"proposed_by":"alice"' in record.canonical) == ("carol", True)


async def test_who_changes_their_mind_is_heard_by_the_last_word(build: Build) -> None:
    """First upheld, then withdrawn: with another who withdraws, it is withdrawn."""
    world = await build(persons=2)
    submitted = await recorded(world)
    await found(world, submitted)
    await rule(world, submitted, Finding.UPHELD)
    await rule(world, submitted, Finding.WITHDRAWN)
    assert not (await rule(world, submitted, Finding.UPHELD, by="bob")).decides
    assert (await rule(world, submitted, Finding.WITHDRAWN, by="carol")).decides


async def test_a_word_given_before_something_else_was_found_counts_no_more(build: Build) -> None:
    """The first person did not know of it: two must speak again."""
    world = await build(persons=2)
    submitted = await recorded(world)
    await world.challenges.cast(submitted.case.ref, because=WHY, actor="alice")
    await rule(world, submitted, Finding.UPHELD)
    await found(world, submitted)
    assert not (await rule(world, submitted, Finding.UPHELD, by="bob")).decides
    assert (await view_of(world, submitted)).contested


# --- constraint


async def test_no_second_acceptance_stands_whoever_writes_it(hospital: World) -> None:
    """The database refuses it while the first stands, and takes it once that is withdrawn."""
    await recorded(hospital)
    first = await hospital.only(Acceptance)
    again = replace(first, id=0)
    with pytest.raises(AlreadyThere):
        async with hospital.store.act() as act:
            await act.add(again)
    await hospital.change(replace(first, withdrawn_at=RIPE))
    async with hospital.store.act() as act:
        await act.add(again)
    assert len(await hospital.all(Acceptance)) == 2
