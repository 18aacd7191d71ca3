"""What persons note, correct and close: facts that stay, a state that follows from those that stand."""

from dataclasses import replace
from datetime import date

import pytest

from gateway.domain import case as life
from gateway.domain.errors import FicheInvalid, IllegalTransition, NotAllowed, PreconditionMissing, Unknown
from gateway.domain.kinds import EXTENSION_ACCEPTANCE, KINDS
from gateway.domain.parties import Role
from gateway.domain.request import State
from gateway.services.fiche import Fiche
from gateway.storage import Case, Fact
from tests.services.conftest import Build
from tests.services.mails import ADDRESSES, REF, START, answer_mail, request_mail, sealed_message
from tests.services.world import PIECES, World


def fact(kind: str, on: str = "2026-01-25", **values: str) -> Fiche:
    """A person fills the fiche of a fact."""
    because = values.pop("because", None)
    return Fiche(path="", kind=KINDS[kind], ref=REF, values={"on": on, **values}, because=because)


async def certified(hospital: World) -> None:
    """The hospital knows a case that is authorised from 10 January to 20 February 2026."""
    values = {
        "patient_name": "BENALI",
        "patient_first_name": "Amine",
        "patient_born": "1980-05-01",
        "insurance_number": "démuni",
        "issued_on": "2026-01-02",
        "covered_from": "2026-01-10",
        "covered_until": "2026-02-20",
        "length_days": "42",
        "repatriation_accepted": "oui",
        "quote_accepted": "oui",
    }
    to = (ADDRESSES[Role.HOSPITAL], ADDRESSES[Role.CNSE])
    await hospital.take(
        sealed_message("ENTITLEMENT_CERTIFICATE", sender=Role.CNAS, to=to, values=values, roles=("form",))
    )


async def state(world: World) -> life.State:
    """Where the only case stands."""
    return (await world.only(Case)).state


async def test_a_fact_is_kept_by_name_and_moves_the_case(hospital: World) -> None:
    """Its date is its own, its author is on record, and nothing of it leaves."""
    await certified(hospital)
    await hospital.desk.note(fact("ADMISSION", "2026-01-12"), actor="alice")
    kept = await hospital.only(Fact, kind="ADMISSION")
    assert (kept.day, kept.by, kept.message) == (date(2026, 1, 12), "alice", None)
    assert await state(hospital) is life.State.ADMITTED
    (record,) = await hospital.events("case.admitted")
    assert (record.actor, record.outcome) == ("alice", "admitted")


@pytest.mark.parametrize(
    ("fiche", "error"),
    [
        (fact("DISCHARGE"), IllegalTransition),
        (fact("ADMISSION", "hier"), FicheInvalid),
        (Fiche(path="", kind=KINDS["ADMISSION"], ref=None, values={"on": "2026-01-25"}), FicheInvalid),
        (Fiche(path="", kind=KINDS["ADMISSION"], ref="0000-00", values={"on": "2026-01-25"}), Unknown),
        (
            Fiche(path="", kind=KINDS["ADMISSION"], ref=REF, values={"on": "2026-01-25"}, attachments=PIECES[:1]),
            NotAllowed,
        ),
        (Fiche(path="", kind=KINDS["ENTITLEMENT_CERTIFICATE"], ref=REF, values={}), NotAllowed),
        (fact("EXPERT_OPINION", result="niee"), NotAllowed),
    ],
    ids=["too-early", "no-date", "no-case", "unknown-case", "with-a-file", "not-a-fact", "no-request"],
)
async def test_what_cannot_be_noted_changes_nothing(hospital: World, fiche: Fiche, error: type[Exception]) -> None:
    """Every refusal leaves facts, state and log as they were."""
    await certified(hospital)
    before = (await hospital.all(Fact), await hospital.names(), await state(hospital))
    with pytest.raises(error):
        await hospital.desk.note(fiche, actor="alice")
    assert (await hospital.all(Fact), await hospital.names(), await state(hospital)) == before


async def test_a_rule_warns_and_a_person_may_insist(hospital: World) -> None:
    """K4: readmitted in another year than the certificate's; the reason given is kept in the file."""
    await certified(hospital)
    await hospital.desk.note(fact("ADMISSION"), actor="alice")
    await hospital.desk.note(fact("INTERRUPTION"), actor="alice")
    with pytest.raises(PreconditionMissing):
        await hospital.desk.note(fact("READMISSION", "2027-01-04"), actor="alice")
    await hospital.desk.note(fact("READMISSION", "2027-01-04", because="promise de la CNAS"), actor="alice")
    (record,) = await hospital.events("case.readmitted")
    assert b'"insisted":true' in record.canonical
    assert await state(hospital) is life.State.ADMITTED


async def test_a_correction_names_what_it_replaces_once(hospital: World) -> None:
    """The old fact stays; the new one counts; a correction is corrected in its turn, never the old fact again."""
    await certified(hospital)
    await hospital.desk.note(fact("ADMISSION", "2026-01-12"), actor="alice")
    old = await hospital.only(Fact, kind="ADMISSION")
    new = await hospital.desk.correct(old.id, {"fait.date": "2026-01-13"}, actor="bob")
    assert (new.corrects, new.day, new.by) == (old.id, date(2026, 1, 13), "bob")
    assert len(await hospital.all(Fact, kind="ADMISSION")) == 2
    with pytest.raises(NotAllowed):
        await hospital.desk.correct(old.id, {"fait.date": "2026-01-14"}, actor="bob")
    with pytest.raises(FicheInvalid):
        await hospital.desk.correct(new.id, {"fait.lieu": "Lyon"}, actor="bob")
    await hospital.desk.correct(new.id, None, actor="bob")
    assert await state(hospital) is life.State.AUTHORISED


async def test_a_fact_that_others_rest_on_is_not_withdrawn(hospital: World) -> None:
    """Nobody is discharged who was never admitted: the correction is refused and changes nothing."""
    await certified(hospital)
    await hospital.desk.note(fact("ADMISSION", "2026-01-12"), actor="alice")
    await hospital.desk.note(fact("DISCHARGE", "2026-02-01"), actor="alice")
    admission = await hospital.only(Fact, kind="ADMISSION")
    with pytest.raises(IllegalTransition):
        await hospital.desk.correct(admission.id, None, actor="alice")
    assert len(await hospital.all(Fact)) == 3
    assert await state(hospital) is life.State.DISCHARGED


async def test_what_a_mail_brought_is_not_corrected_by_hand(hospital: World) -> None:
    """It is answered by another mail."""
    await certified(hospital)
    brought = await hospital.only(Fact)
    with pytest.raises(NotAllowed):
        await hospital.desk.correct(brought.id, None, actor="alice")
    with pytest.raises(Unknown):
        await hospital.desk.correct(999, None, actor="alice")


async def test_a_correction_leaves_a_closed_case_closed(hospital: World) -> None:
    """A date is put right afterwards; nobody opens the case again by that."""
    await certified(hospital)
    await hospital.desk.note(fact("ADMISSION", "2026-01-12"), actor="alice")
    await hospital.desk.note(fact("DISCHARGE", "2026-02-01"), actor="alice")
    await hospital.desk.close(REF, actor="alice")
    discharge = await hospital.only(Fact, kind="DISCHARGE")
    new = await hospital.desk.correct(discharge.id, {"fait.date": "2026-01-31"}, actor="alice")
    assert await state(hospital) is life.State.CLOSED
    with pytest.raises(IllegalTransition):
        await hospital.desk.correct(new.id, None, actor="alice")
    assert await state(hospital) is life.State.CLOSED


async def test_a_case_is_not_closed_while_something_is_open_in_it(hospital: World) -> None:
    """Neither during the stay, nor while a request waits for its answer."""
    await certified(hospital)
    await hospital.desk.note(fact("ADMISSION", "2026-01-12"), actor="alice")
    with pytest.raises(IllegalTransition):
        await hospital.desk.close(REF, actor="alice")
    submitted = await hospital.submit(ref=REF)
    await hospital.desk.note(fact("DISCHARGE", "2026-01-25"), actor="alice")
    with pytest.raises(NotAllowed):
        await hospital.desk.close(REF, actor="alice")
    await hospital.take(answer_mail(submitted.request.hash, stated=START))
    await hospital.desk.close(REF, actor="alice")
    assert await state(hospital) is life.State.CLOSED


@pytest.mark.parametrize("role", [Role.CNAS, Role.CNSE])
async def test_who_follows_a_stay_notes_its_end_and_closes(build: Build, role: Role) -> None:
    """No mail tells them that the patient left; a case that a request opened must not stay open for ever."""
    world = await build(role)
    await world.take(request_mail())
    if role is Role.CNAS:
        await world.answer(EXTENSION_ACCEPTANCE)
    else:
        await world.take(answer_mail((await world.request()).hash))
    assert (await world.request()).state is State.ACCEPTED
    with pytest.raises(IllegalTransition):
        await world.desk.close(REF, actor="carol")
    await world.desk.note(fact("DISCHARGE", "2026-03-01"), actor="carol")
    await world.desk.close(REF, actor="carol")
    assert await state(world) is life.State.CLOSED


async def test_copy_1_alone_opens_the_stay(hospital: World) -> None:
    """M09: the patient is there with the CNAS's form, and copy 2 never came by mail (003:L242-248)."""
    to = (ADDRESSES[Role.HOSPITAL],)
    values = {"nationality": "algerienne", "pathology": "p", "treatments": "t", "examinations": "e"} | {
        name: "2026-01-01" if name == "patient_born" else "démuni"
        for name in ("patient_name", "patient_first_name", "patient_born", "insurance_number")
    }
    await hospital.take(sealed_message("CARE_REQUEST", sender=Role.CNAS, to=to, values=values, roles=("medical_file",)))
    with pytest.raises(IllegalTransition):
        await hospital.desk.note(fact("ENTITLEMENT_PRESENTED", signed="oui"), actor="alice")
    case = await hospital.only(Case)
    await hospital.change(replace(case, state=life.State.QUOTED))
    days = {"covered_from": "2026-01-25", "covered_until": "2026-02-20"}
    await hospital.desk.note(fact("ENTITLEMENT_PRESENTED", signed="non", **days), actor="alice")
    known = await hospital.only(Case)
    assert (known.state, known.authorised_until) == (life.State.AUTHORISED, date(2026, 2, 20))
    await hospital.desk.note(fact("ADMISSION"), actor="alice")
    assert await state(hospital) is life.State.ADMITTED
