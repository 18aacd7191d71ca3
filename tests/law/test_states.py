"""The states of a case, a request, a receipt and a vital dispute, line by line, as a hospital lives them."""

from datetime import timedelta

import pytest

from gateway.domain.beside import Return
from gateway.domain.case import State as CaseState
from gateway.domain.coverage import Payer, Reason
from gateway.domain.errors import FicheInvalid, IllegalTransition, NotAllowed
from gateway.domain.parties import Role
from gateway.domain.period import compute
from gateway.domain.request import State
from gateway.storage import Case, Fact, Message, Request
from tests.law.papers import cover, fact, fiche, mail
from tests.services.mails import REF, START, delivery_report, receipt
from tests.services.world import END, MINUTE, SHIPPED, World


async def state(world: World) -> CaseState:
    """Where the only case stands."""
    return (await world.only(Case)).state


async def sends(world: World, kind: str, **told: str) -> None:
    """A person sends a message on the only case."""
    await world.desk.submit(fiche(kind, **told), actor="alice")


async def notes(world: World, kind: str, on: str = "2026-01-26", **told: str) -> None:
    """A person notes a fact of the only case."""
    await world.desk.note(fact(kind, on=on, **told), actor="alice")


async def admitted(hospital: World) -> None:
    """Certified from 26 January to 20 February 2026, admitted on the second day of that."""
    await hospital.take(mail("ENTITLEMENT_CERTIFICATE", Role.CNAS))
    await notes(hospital, "ADMISSION", "2026-01-27")


async def disputed(hospital: World) -> str:
    """A vital request whose emergency the CNAS disputes; returns its hash."""
    await admitted(hospital)
    sent = await hospital.desk.submit(fiche("EXTENSION_REQUEST.vital"), actor="alice")
    await hospital.take(mail("VITAL_DISPUTE", Role.CNAS, request=sent.request.hash))
    return sent.request.hash


@pytest.mark.law("S-case-information", "M03", "M04")
async def test_information_is_asked_for_before_the_patient_comes(hospital: World) -> None:
    """003:L206-212. Received, then awaiting; what comes puts the case under review."""
    await hospital.take(mail("CARE_REQUEST", Role.CNAS))
    assert await state(hospital) is CaseState.RECEIVED
    await sends(hospital, "PRE_ADMISSION_INFO_REQUEST")
    assert await state(hospital) is CaseState.AWAITING_INFORMATION
    await hospital.take(mail("PRE_ADMISSION_INFO_RESPONSE", Role.CNAS))
    assert await state(hospital) is CaseState.UNDER_REVIEW


@pytest.mark.law("S-case-declined", "M05", "M-REVIEW_STARTED")
async def test_a_hospital_declines_with_its_reasons(hospital: World) -> None:
    """003:L194. Without them nothing leaves; with them the case is over here, and can be closed."""
    await hospital.take(mail("CARE_REQUEST", Role.CNAS))
    await notes(hospital, "REVIEW_STARTED")
    assert await state(hospital) is CaseState.UNDER_REVIEW
    with pytest.raises(FicheInvalid, match=r"decision\.motif"):
        await sends(hospital, "CARE_REFUSAL", motive="")
    assert await state(hospital) is CaseState.UNDER_REVIEW
    await sends(hospital, "CARE_REFUSAL")
    assert await state(hospital) is CaseState.DECLINED
    assert (await hospital.desk.close(REF, actor="alice")).state is CaseState.CLOSED


@pytest.mark.law("S-case-authorised", "M07", "M08")
@pytest.mark.parametrize("granted", [True, False])
async def test_the_cnas_certifies_or_refuses_what_was_quoted(hospital: World, *, granted: bool) -> None:
    """003:L232-236, 002:L75-77. Only after a quote; who is refused is not admitted."""
    await hospital.take(mail("CARE_REQUEST", Role.CNAS))
    await sends(hospital, "CARE_ACCEPTANCE_WITH_QUOTE")
    assert await state(hospital) is CaseState.QUOTED
    await hospital.take(mail("ENTITLEMENT_CERTIFICATE" if granted else "ENTITLEMENT_REFUSAL", Role.CNAS))
    assert await state(hospital) is (CaseState.AUTHORISED if granted else CaseState.ENTITLEMENT_REFUSED)
    if not granted:
        with pytest.raises(IllegalTransition):
            await notes(hospital, "ADMISSION")
        assert (await cover(hospital, "2026-02-01")).payer is Payer.PATIENT


@pytest.mark.law("S-case-admitted")
async def test_cover_starts_on_the_day_of_the_admission(hospital: World) -> None:
    """003:L350. Not on the first day of the rights, and not before the patient is there."""
    await hospital.take(mail("ENTITLEMENT_CERTIFICATE", Role.CNAS))
    assert (await cover(hospital, "2026-01-28")).reason is Reason.NOT_ADMITTED
    await notes(hospital, "ADMISSION", "2026-01-27")
    assert await state(hospital) is CaseState.ADMITTED
    assert (await cover(hospital, "2026-01-26")).reason is Reason.NOT_ADMITTED
    assert (await cover(hospital, "2026-01-27")).payer is Payer.CNAS


@pytest.mark.law("S-case-interrupted", "S-case-readmitted")
async def test_an_interruption_suspends_the_length_until_the_readmission(hospital: World) -> None:
    """003:L350-352. Ten days away are ten days more at the end, within the year; away, nothing is covered."""
    await admitted(hospital)
    await notes(hospital, "INTERRUPTION", "2026-02-01")
    assert await state(hospital) is CaseState.INTERRUPTED
    assert (await cover(hospital, "2026-02-05")).reason is Reason.INTERRUPTED
    await notes(hospital, "READMISSION", "2026-02-11")
    assert await state(hospital) is CaseState.ADMITTED
    assert (await cover(hospital, "2026-03-02")).reason is Reason.AUTHORISED
    assert (await cover(hospital, "2026-03-03")).reason is Reason.UNCOVERED


@pytest.mark.law("S-case-transferred")
async def test_a_transfer_is_covered_by_the_same_certificate(hospital: World) -> None:
    """003:L356. The case stays where it stands, and so does who pays."""
    await admitted(hospital)
    before = await cover(hospital, "2026-02-10")
    await notes(hospital, "TRANSFER", "2026-02-05", establishment="CHU voisin")
    assert await state(hospital) is CaseState.ADMITTED
    assert await cover(hospital, "2026-02-10") == before


@pytest.mark.law("S-case-chain", "X-000-authorisation")
async def test_a_case_goes_through_its_whole_life(hospital: World) -> None:
    """003:L172-356. From the request for care to the closure, which an open request forbids."""
    await hospital.take(mail("CARE_REQUEST", Role.CNAS))
    await notes(hospital, "REVIEW_STARTED")
    await sends(hospital, "CARE_ACCEPTANCE_WITH_QUOTE")
    await hospital.take(mail("ENTITLEMENT_CERTIFICATE", Role.CNAS))
    await notes(hospital, "ADMISSION", "2026-01-27")
    submitted = await hospital.to_running(ref=REF)
    with pytest.raises(NotAllowed, match="encore ouvert"):
        await hospital.desk.close(REF, actor="alice")
    await hospital.take(mail("EXTENSION_REFUSAL", Role.CNAS, request=submitted.request.hash))
    await sends(hospital, "REPATRIATION_REQUEST")
    assert await state(hospital) is CaseState.REPATRIATION_PENDING
    await notes(hospital, "REPATRIATION_DONE", "2026-02-28")
    assert await state(hospital) is CaseState.REPATRIATED
    assert (await hospital.desk.close(REF, actor="alice")).state is CaseState.CLOSED


@pytest.mark.law("S-request-return", "M17", "M28")
async def test_a_refusal_makes_the_hospital_ask_for_the_return(hospital: World) -> None:
    """003:L284, L338-344. The request ends refused; the case waits for the way home once it is asked for."""
    await admitted(hospital)
    submitted = await hospital.to_running(ref=REF)
    await hospital.take(mail("EXTENSION_REFUSAL", Role.CNAS, request=submitted.request.hash))
    assert (await hospital.request()).state is State.REFUSED
    assert await state(hospital) is CaseState.ADMITTED
    assert (await hospital.archive.case(REF)).beside.repatriation is Return.NEEDED
    await sends(hospital, "REPATRIATION_REQUEST")
    assert await state(hospital) is CaseState.REPATRIATION_PENDING
    assert (await hospital.archive.case(REF)).beside.repatriation is Return.REQUESTED


@pytest.mark.law("S-request-late")
async def test_a_refusal_after_the_silence_undoes_nothing(hospital: World) -> None:
    """003:L286. It is recorded, a person is told, and the request stays accepted."""
    submitted = await hospital.to_running()
    await hospital.at_ripe()
    await hospital.deadlines.tick()
    about = submitted.request.hash
    late = mail("EXTENSION_REFUSAL", Role.CNAS, ref=submitted.case.ref, request=about, signed=END + MINUTE)
    await hospital.take(late, at=END + MINUTE)
    assert (await hospital.request()).state is State.TACITLY_ACCEPTED
    assert len(await hospital.all(Fact, kind="EXTENSION_REFUSAL")) == 1
    assert len(await hospital.events("alarm.late_answer")) == 1


@pytest.mark.law("S-vital-care", "M21", "M23")
async def test_care_goes_on_while_a_vital_emergency_is_discussed(hospital: World) -> None:
    """003:L292-294, L310-322. Nobody is sent home, the case stays open, and who pays is not decided yet."""
    request = await disputed(hospital)
    for result, after in (("ouverte", State.MEDIATION), ("echec", State.MEDIATION_FAILED)):
        assert await state(hospital) is CaseState.ADMITTED
        assert (await cover(hospital, "2026-02-24")).payer is Payer.UNDECIDED
        with pytest.raises(NotAllowed, match="désaccord"):
            await hospital.desk.close(REF, actor="alice")
        await notes(hospital, "MEDIATION", request=request, result=result)
        assert (await hospital.request()).state is after


@pytest.mark.law("S-vital-mediation", "M24", "M27")
@pytest.mark.parametrize(("result", "payer"), [("accord", Payer.CNAS), ("echec", Payer.HOSPITAL)])
async def test_a_mediation_is_settled_or_fails(hospital: World, result: str, payer: Payer) -> None:
    """003:L318-328. Settled, the CNAS pays to the return and authorises the days more; failed, the hospital pays."""
    request = await disputed(hospital)
    await notes(hospital, "MEDIATION", request=request, result="ouverte")
    await notes(hospital, "MEDIATION", request=request, result=result)
    found = await hospital.request()
    assert found.state is (State.MEDIATION_SETTLED if result == "accord" else State.MEDIATION_FAILED)
    assert (await cover(hospital, "2026-02-25")).payer is payer
    more = {"covered_from": "2026-02-21", "covered_until": "2026-03-10"}
    await hospital.take(mail("SUPPLEMENTARY_AUTHORISATION", Role.CNAS, changes=more))
    assert (await cover(hospital, "2026-02-25")).reason in {Reason.SUPPLEMENTARY, Reason.SETTLED_MEDIATION}


@pytest.mark.law("S-vital-expertise", "M25", "M26")
@pytest.mark.parametrize(
    ("result", "reason"), [("confirmee", Reason.VITAL_CONFIRMED), ("niee", Reason.EXPERT_DECISION)]
)
async def test_an_expert_confirms_or_denies_the_emergency(hospital: World, result: str, reason: Reason) -> None:
    """003:L310-316. What he finds decides who pays for the days from the end of the authorisation."""
    request = await disputed(hospital)
    await notes(hospital, "MEDIATION", request=request, result="echec")
    await hospital.take(mail("EXPERT_REQUEST", Role.CNAS, request=request))
    assert (await hospital.request()).state is State.EXPERTISE
    opinion = {"result": result, "on": "2026-03-05"}
    await hospital.take(mail("EXPERT_OPINION", Role.CNAS, request=request, changes=opinion))
    assert (await cover(hospital, "2026-02-25")).reason is reason


@pytest.mark.law("S-receipt-none", "S-receipt-relayed", "S-receipt-signed", "S-request-sent", "S-request-running")
async def test_a_relay_is_no_reception_and_a_signed_receipt_is(hospital: World) -> None:
    """003:L142, L270. What a server passed on proves nothing about its reader; the reader's own signature does."""
    submitted = await hospital.submit()
    assert (await hospital.request()).state is State.SUBMITTED
    await hospital.send_all()
    assert (await hospital.request()).state is State.SENT
    for action in ("relayed", "delayed", "delivered"):
        await hospital.take(delivery_report(action=action, message_id=submitted.message.message_id))
        hospital.clock.advance(timedelta(days=1))
        request = await hospital.request()
        assert (request.state, request.started_at) == (State.SENT, None)
    received = START + timedelta(days=2)
    await hospital.take(receipt(submitted.message, received_at=received))
    request = await hospital.request()
    assert (request.state, request.started_at) == (State.RUNNING, received)
    assert request.nominal_at == compute(received, SHIPPED).tacit_at


@pytest.mark.law("S-receipt-displayed")
async def test_what_a_mail_program_displayed_starts_a_delay_that_a_person_confirms(by_mail: World) -> None:
    """003:L142. An unsigned notification of a CNAS without gateway: it runs, and records nothing alone."""
    submitted = await by_mail.to_running_by_mdn()
    assert (await by_mail.request()).state is State.RUNNING
    await by_mail.at_ripe()
    await by_mail.deadlines.tick()
    assert (await by_mail.request()).state is State.ELAPSED
    assert "confirmed_grade_below_policy" in await by_mail.lacking()
    assert len(await by_mail.all(Message, kind=submitted.message.kind)) == 1


@pytest.mark.law("S-request-failed")
async def test_a_request_that_was_not_delivered_is_told_and_runs_no_delay(hospital: World) -> None:
    """003:L270. The loudest of alarms: nothing was received, and the authorisation goes on ending."""
    submitted = await hospital.submit()
    await hospital.send_all()
    row = (await hospital.outbox("cnas"))[0]
    await hospital.take(delivery_report(action="failed", envid=row.envid, message_id=submitted.message.message_id))
    request = await hospital.only(Request)
    assert (request.state, request.started_at) == (State.DELIVERY_FAILED, None)
    assert len(await hospital.events("alarm.delivery_failed")) == 1


@pytest.mark.law("S-request-accepted", "S-request-refused", "M16", "M17")
@pytest.mark.parametrize(
    ("kind", "after"),
    [
        ("EXTENSION_ACCEPTANCE", State.ACCEPTED),
        ("EXTENSION_PARTIAL_ACCEPTANCE", State.PARTLY_ACCEPTED),
        ("EXTENSION_REFUSAL", State.REFUSED),
    ],
)
async def test_an_express_answer_in_time_settles_the_request(hospital: World, kind: str, after: State) -> None:
    """003:L280, L284. A minute before the end is in time, and no silence follows."""
    submitted = await hospital.to_running()
    hospital.clock.go_to(END - MINUTE)
    await hospital.take(mail(kind, Role.CNAS, ref=submitted.case.ref, request=submitted.request.hash))
    assert (await hospital.request()).state is after
    await hospital.at_ripe()
    await hospital.deadlines.tick()
    assert (await hospital.request()).state is after
