"""K2 to K11: every other delay of the texts. Only one of them is counted with consequences, and none is invented."""

from datetime import timedelta

import pytest

from gateway.domain.case import needs_new_certificate
from gateway.domain.coverage import Payer, Reason
from gateway.domain.errors import PreconditionMissing, RequestTooLate
from gateway.domain.kinds import KINDS
from gateway.domain.parties import Role
from gateway.domain.request import State
from gateway.storage import Acceptance, Case, Fact, Message, Request
from tests.law.papers import cover, fact, fiche, mail
from tests.services.mails import REF, START, receipt
from tests.services.world import RIPE, World

GONE = {"authorised_until": "2026-01-24", "requested_from": "2026-01-25", "requested_until": "2026-02-10"}
"""A request whose authorisation ended the day before it is made."""


@pytest.mark.law("K2", "M12")
async def test_k02_a_late_request_leaves_only_when_a_person_insists_with_a_reason(hospital: World) -> None:
    """003:L266, 002:L133-135. The reason is kept with the request; that somebody insisted is in the log."""
    with pytest.raises(RequestTooLate, match="24/01/2026"):
        await hospital.submit(**GONE)
    assert await hospital.all(Message) == ()

    await hospital.desk.submit(
        fiche("EXTENSION_REQUEST", ref=None, because="formulaire reçu hier", **GONE), actor="alice"
    )

    (record,) = await hospital.events("request.submitted")
    assert b'"insisted":true' in record.canonical
    kept = await hospital.only(Fact, kind="EXTENSION_REQUEST")
    async with hospital.store.view() as view:
        key = await hospital.cabinet.case_key(view, await hospital.only(Case))
    assert hospital.casework.details(kept, key)["insisted"] == "formulaire reçu hier"


@pytest.mark.law("K2", "M18", "S-case-uncovered")
async def test_k02_the_silence_on_a_late_request_is_recorded_by_a_person_alone(hospital: World) -> None:
    """003:L266. The delay runs and ends; no machine draws the conclusion, and nothing covers the days meanwhile."""
    submitted = await hospital.desk.submit(
        fiche("EXTENSION_REQUEST", ref=None, because="formulaire reçu hier", **GONE), actor="alice"
    )
    await hospital.send_all()
    await hospital.take(receipt(submitted.message, received_at=START))
    await hospital.at_ripe()
    await hospital.deadlines.tick()
    assert (await hospital.request()).state is State.ELAPSED
    assert await hospital.lacking() == ("handed_over_in_time", "acknowledged_in_time")
    found = await cover(hospital, "2026-02-01")
    assert (found.payer, found.reason) == (Payer.HOSPITAL, Reason.UNCOVERED)

    await hospital.confirmations.confirm(submitted.case.ref, actor="alice")
    await hospital.deadlines.tick()
    assert (await hospital.request()).state is State.TACITLY_ACCEPTED
    assert len(await hospital.all(Acceptance)) == 1


@pytest.mark.law("K4", "S-case-new-year")
async def test_k04_discontinuous_care_ends_with_the_calendar_year_of_the_certificate(hospital: World) -> None:
    """003:L352. Readmitted on 31 December it runs; on 1 January a new certificate is asked for, then covers."""
    changes = {"covered_until": "2026-12-31", "discontinuous": "oui"}
    await hospital.take(mail("ENTITLEMENT_CERTIFICATE", Role.CNAS, changes=changes))
    await hospital.desk.note(fact("ADMISSION", on="2026-01-26"), actor="alice")
    await hospital.desk.note(fact("INTERRUPTION", on="2026-12-20"), actor="alice")
    with pytest.raises(PreconditionMissing, match="autre année civile"):
        await hospital.desk.note(fact("READMISSION", on="2027-01-01"), actor="alice")

    new = {"issued_on": "2027-01-02", "covered_from": "2027-01-02", "covered_until": "2027-02-01"}
    await hospital.take(mail("ENTITLEMENT_CERTIFICATE", Role.CNAS, changes=new))
    await hospital.desk.note(fact("READMISSION", on="2027-01-02"), actor="alice")
    assert (await cover(hospital, "2027-01-03")).reason is Reason.AUTHORISED
    found = await hospital.all(Fact, kind="ENTITLEMENT_CERTIFICATE")
    assert [needs_new_certificate(row.day, row.day.replace(year=2027)) for row in found] == [True, False]


NEIGHBOURS = {
    "K5": ("RESIDENCE_TRANSFER", "trois mois au plus"),
    "K6": ("RESIDENCE_TRANSFER_EXTENSION", "trois mois de plus"),
    "K7": ("RESIDENCE_TRANSFER_EXTENSION", "au-delà de six mois, exceptionnelle gravité"),
    "K9": ("OVERPAYMENT_RECOVERY", "trois ans (CSS, art. L. 133-4)"),
    "K10": ("HALF_YEARLY_STATEMENT", "présenté au semestre suivant"),
}


@pytest.mark.law("K*")
@pytest.mark.parametrize("row", NEIGHBOURS)
async def test_a_delay_that_another_circuit_keeps_is_told_and_never_counted(hospital: World, row: str) -> None:
    """001:L7-17, 002:L388-409. Its length stands in the catalogue; noted, it runs no period and settles nothing."""
    kind, told = NEIGHBOURS[row]
    assert told in KINDS[kind].deadline
    await hospital.take(mail("ENTITLEMENT_CERTIFICATE", Role.CNAS))
    await hospital.desk.note(fact(kind), actor="alice")
    before = await hospital.only(Case)

    await hospital.at_ripe(RIPE + timedelta(days=4 * 365))

    assert await hospital.only(Case) == before
    assert await hospital.all(Request) == ()
    assert await hospital.all(Acceptance) == ()


@pytest.mark.law("K8", "M38")
async def test_k08_six_months_are_an_observed_mean_and_no_limit(hospital: World) -> None:
    """002:L392-394, 003:L98-100. A dispute that is older changes nothing by itself: the legal length is in no text."""
    assert "six mois : moyenne observée" in KINDS["CLAIM_DISPUTE"].deadline
    await hospital.take(mail("ENTITLEMENT_CERTIFICATE", Role.CNAS))
    await hospital.take(mail("CLAIM_DISPUTE", Role.CNSE))
    names = await hospital.names()

    await hospital.at_ripe(START + timedelta(days=400))

    new = (await hospital.names())[len(names) :]
    assert [name for name in new if name.startswith(("request.", "case."))] == []
    assert (await hospital.only(Case)).state.value == "authorised"


SOON = [kind.id for kind in KINDS.values() if kind.deadline in {"meilleurs délais", "au plus vite"}]


@pytest.mark.law("K11")
async def test_k11_as_soon_as_possible_is_no_number(hospital: World) -> None:
    """003:L178, L194, L284, L344. What is owed « au plus vite » never lapses and is never taken for a consent."""
    assert {"CARE_REFUSAL", "CARE_REQUEST.urgent", "REPATRIATION_REQUEST"} <= set(SOON)
    await hospital.take(mail("CARE_REQUEST", Role.CNAS, changes={"urgent": "oui"}))
    await hospital.at_ripe(START + timedelta(days=100))
    assert (await hospital.only(Case)).state.value == "received"
    assert await hospital.all(Request) == ()
    assert await hospital.all(Acceptance) == ()
    await hospital.desk.submit(fiche("CARE_REFUSAL", ref=REF), actor="alice")
    assert (await hospital.only(Case)).state.value == "declined"


CONVENTION = {
    "X-001-transfer": {"RESIDENCE_TRANSFER": "SE 352-04 I"},
    "X-001-late": {"RESIDENCE_TRANSFER": "SE 352-04 I", "WORK_INJURY_BENEFITS": "SE 352-16 I"},
    "X-001-extension": {"RESIDENCE_TRANSFER_EXTENSION": "SE 352-04 II"},
    "X-001-six-months": {"RESIDENCE_TRANSFER_EXTENSION": "SE 352-04 II"},
    "X-001-family": {"FAMILY_BENEFITS": "SE 352-06 I", "FAMILY_BENEFITS_EXTENSION": "SE 352-06 II"},
    "X-001-work": {"WORK_INJURY_BENEFITS": "SE 352-16 I"},
}


@pytest.mark.law("X-001-*")
@pytest.mark.parametrize("row", CONVENTION)
async def test_what_cpam_and_cnas_exchange_beside_the_protocol_is_noted_with_its_form(
    hospital: World, row: str
) -> None:
    """001:L4-24. It goes another way; a person may note date and reference, also of one that came late."""
    await hospital.take(mail("ENTITLEMENT_CERTIFICATE", Role.CNAS))
    for kind, form in CONVENTION[row].items():
        assert KINDS[kind].form == form
        assert KINDS[kind].routes == ()
        await hospital.desk.note(fact(kind, on="2026-03-01", reference="CPAM 31, dossier 12"), actor="alice")
        kept = await hospital.only(Fact, kind=kind)
        assert (kept.day.isoformat(), kept.by) == ("2026-03-01", "alice")
