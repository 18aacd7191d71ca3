"""Answers that came another way: brought with a scan, they hold silences back, and count once two persons agree."""

from datetime import date, datetime, timedelta

import pytest

from gateway.domain.challenge import Ground
from gateway.domain.errors import NotAllowed, Unknown
from gateway.domain.parties import Role
from gateway.domain.request import State
from gateway.services.brought import Brought
from gateway.services.desk import Submitted
from gateway.services.entered import MAX_SCAN
from gateway.services.reading import Word
from gateway.storage import Acceptance, Challenge, Mail, Request, Verdict
from tests.services.conftest import Build
from tests.services.mails import START, request_mail
from tests.services.test_answers import LATEST, UNCERTAIN
from tests.services.world import END, GRACE, MINUTE, RIPE, SECOND, World

DAY = timedelta(days=1)
FAX = b"%PDF fax"


def fax(submitted: Submitted, received: date | datetime, *, what: str = "refusal", scan: bytes = FAX) -> Brought:
    """A fax of the CNAS."""
    return Brought(scan=scan, received=received, word=Word(what=what, ref=submitted.case.ref))


async def test_one_person_holds_the_silence_back_and_a_second_makes_it_an_answer(build: Build) -> None:
    """The fax lies in triage from the moment it is brought; the second person says the same, and it settles."""
    world = await build(persons=2)
    submitted = await world.to_running()
    await world.at_ripe()
    mail = await world.triage.bring(fax(submitted, END - MINUTE), actor="alice")
    assert (mail.verdict, mail.held_back, mail.settled_at) == (Verdict.ENTERED, True, None)
    await world.deadlines.tick()
    assert await world.lacking() == ("no_unsettled_mail",)
    assert await world.all(Acceptance) == ()
    assert "alice" in str([item.duty.sentence for item in await world.archive.worklist.todo()])
    with pytest.raises(NotAllowed, match="seconde personne"):
        await world.triage.classify(mail.id, "refusal", actor="alice")
    await world.triage.classify(mail.id, "refusal", actor="bob")
    assert (await world.request()).state is State.REFUSED
    (entered,) = await world.events("answer.entered")
    (classified,) = await world.events("triage.classified")
    assert (entered.actor, classified.actor) == ("alice", "bob")
    assert b'"proposed_by":"alice"' in classified.canonical


async def test_a_second_person_who_says_otherwise_settles_nothing(build: Build) -> None:
    """Neither another answer nor that it is none: each is a first word, and the silence stays held back."""
    world = await build(persons=2)
    submitted = await world.to_running()
    mail = await world.triage.bring(fax(submitted, START), actor="alice")
    for what in ("acceptance", "not-an-answer"):
        again = await world.triage.classify(mail.id, what, actor="bob")
        assert again.settled_at is None
    assert (await world.request()).state is State.RUNNING
    settled = await world.triage.classify(mail.id, "not-an-answer", actor="alice")
    assert settled.settled_at is not None
    assert (await world.request()).state is State.RUNNING


async def test_where_one_person_suffices_it_is_an_answer_at_once(hospital: World) -> None:
    """Four eyes are off: the record names who."""
    submitted = await hospital.to_running()
    mail = await hospital.triage.bring(fax(submitted, START), actor="alice")
    assert (mail.settled_by, (await hospital.request()).state) == ("alice", State.REFUSED)
    _, data = await hospital.archive.read_mail(mail.id, actor="bob", purpose="saved")
    assert data == FAX


@pytest.mark.parametrize(
    ("received", "state"),
    [
        (END - SECOND, State.REFUSED),
        (date(2026, 1, 28), State.REFUSED),
        (END, State.RUNNING),
        (date(2026, 1, 29), State.RUNNING),
    ],
)
async def test_it_counts_as_of_its_own_reception(hospital: World, received: date | datetime, state: State) -> None:
    """A day alone is in time when its last instant is; at the end itself it is late."""
    submitted = await hospital.to_running()
    hospital.clock.go_to(RIPE + DAY)
    await hospital.triage.bring(fax(submitted, received), actor="alice")
    assert (await hospital.request()).state is state


@pytest.mark.parametrize(("day", "state"), [(28, State.REFUSED), (29, State.ANSWER_DISPUTED), (30, State.RUNNING)])
async def test_a_day_between_the_two_possible_ends_is_disputed(build: Build, day: int, state: State) -> None:
    """The feast may have been the Wednesday: the Thursday's fax is then in time."""
    world = await build(calendar=UNCERTAIN)
    submitted = await world.to_running()
    world.clock.go_to(LATEST + GRACE + DAY)
    await world.triage.bring(fax(submitted, date(2026, 1, day)), actor="alice")
    assert (await world.request()).state is state


async def test_today_is_worth_what_has_passed_of_it(hospital: World) -> None:
    """The last instant of today has not come."""
    submitted = await hospital.to_running()
    hospital.clock.go_to(END - 2 * MINUTE)
    mail = await hospital.triage.bring(fax(submitted, date(2026, 1, 28)), actor="alice")
    assert mail.received_latest == END - 2 * MINUTE


async def test_a_letter_found_after_the_record_challenges_it(hospital: World) -> None:
    """Brought with its stamp of reception: the record stays, a person rules."""
    submitted = await hospital.to_running()
    await hospital.at_ripe()
    await hospital.deadlines.tick()
    await hospital.triage.bring(fax(submitted, date(2026, 1, 27)), actor="alice")
    assert (await hospital.only(Challenge)).ground is Ground.ANSWER_IN_TIME
    assert (await hospital.request()).state is State.TACITLY_ACCEPTED


@pytest.mark.parametrize(
    ("brought", "why"),
    [
        ({"received": date(2026, 1, 24)}, "n'est partie que le 25/01/2026"),
        ({"received": START - timedelta(minutes=6)}, "n'est partie que"),
        ({"received": date(2026, 2, 1)}, "dans l'avenir"),
        ({"received": START + timedelta(days=30)}, "dans l'avenir"),
        ({"scan": b""}, "vide"),
        ({"scan": b"x" * (MAX_SCAN + 1)}, "dépasse"),
        ({"what": "not-an-answer"}, "Seule une réponse"),
        ({"what": "ENTITLEMENT_CERTIFICATE"}, "Seule une réponse"),
    ],
)
async def test_what_cannot_be_is_refused_and_nothing_is_kept(
    hospital: World, brought: dict[str, object], why: str
) -> None:
    """Before the request left, in the future, nothing, too much, or something that only the CNAS itself may send."""
    submitted = await hospital.to_running()
    mails = len(await hospital.all(Mail))
    told: dict[str, object] = {"received": START, "what": "refusal", "scan": FAX} | brought
    with pytest.raises(NotAllowed, match=why):
        await hospital.triage.bring(fax(submitted, **told), actor="alice")  # type: ignore[arg-type]  # a table
    assert len(await hospital.all(Mail)) == mails
    assert await hospital.events("answer.entered") == ()


async def test_the_same_file_is_brought_once(build: Build) -> None:
    """Whoever brings it again is told its number."""
    world = await build(persons=2)
    submitted = await world.to_running()
    first = await world.triage.bring(fax(submitted, START), actor="alice")
    with pytest.raises(NotAllowed, match=f"courrier {first.id}"):
        await world.triage.bring(fax(submitted, START, what="acceptance"), actor="bob")
    await world.triage.bring(fax(submitted, START, scan=b"%PDF another"), actor="alice")
    assert [row.uid for row in await world.all(Mail, verdict=Verdict.ENTERED)] == [1, 2]


async def test_only_a_hospital_brings_answers_to_its_own_cases(cnas: World, hospital: World) -> None:
    """The others follow; an unknown case is said."""
    await cnas.take(request_mail())
    request = await cnas.only(Request)
    word = Word(what="refusal", ref="7F3K-Q2", request_hash=request.hash)
    assert cnas.role is Role.CNAS
    with pytest.raises(NotAllowed, match="hôpital"):
        await cnas.triage.bring(Brought(scan=FAX, received=START, word=word), actor="carol")
    with pytest.raises(Unknown):
        await hospital.triage.bring(Brought(scan=FAX, received=START, word=word), actor="alice")
    with pytest.raises(NotAllowed, match="--case"):
        await hospital.triage.bring(Brought(scan=FAX, received=START, word=Word(what="refusal")), actor="alice")
