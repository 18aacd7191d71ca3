"""From the request of the CNAS to the end of a stay that went as planned; and the ways in which a stay never begins."""

from datetime import timedelta

import pytest

from gateway.domain.errors import IllegalTransition, PreconditionMissing
from tests.journeys.trio import CPAM, Three, Trio, all_three


@pytest.mark.law("M01", "M06", "M08", "M09", "M10", "M-ADMISSION", "M-DISCHARGE", "M32", "M33", "S-case-chain")
async def test_a_stay_that_goes_as_planned(trio: Trio) -> None:
    """M01 to M11: asked, quoted, certified, admitted, discharged, closed; the CNAS pays from admission to discharge."""
    hospital, cnas, cnse = trio.hospital, trio.cnas, trio.cnse

    asked = await cnas.sends("CARE_REQUEST")
    assert await trio.who_got(asked) == ["hospital"]
    assert await trio.case() == Three("received", "received", None)
    await hospital.notes("REVIEW_STARTED")

    quote = await hospital.sends("CARE_ACCEPTANCE_WITH_QUOTE")
    assert await trio.who_got(quote) == ["cnas"]
    assert await trio.case() == Three("quoted", "quoted", None)

    await trio.until("2026-01-11")
    certificate = await cnas.sends("ENTITLEMENT_CERTIFICATE")
    assert await trio.who_got(certificate) == ["hospital", "cnse"]
    assert await trio.case() == all_three("authorised")
    assert await hospital.who_pays("2026-01-20") == "patient: not_admitted"

    await trio.until("2026-01-18")
    await hospital.notes("ENTITLEMENT_PRESENTED")
    await hospital.notes("ADMISSION")
    await hospital.sends("ENTITLEMENT_TO_CPAM")
    assert [letter.address for letter in trio.elsewhere] == [CPAM]
    await hospital.notes("PROVISIONAL_ID", provisional_number="580059900000012")
    assert await trio.case() == Three("admitted", "authorised", "authorised")
    assert await hospital.who_pays("2026-01-17") == "patient: not_admitted"
    assert await hospital.who_pays("2026-02-20") == "cnas: authorised"
    assert await hospital.who_pays("2026-02-21") == "hospital: uncovered"

    await trio.until("2026-02-15")
    await hospital.notes("DISCHARGE")
    report = await hospital.sends("MEDICAL_REPORT")
    assert await trio.who_got(report) == ["cnse"]
    relayed = await cnse.sends("MEDICAL_REPORT_RELAY")
    assert await trio.who_got(relayed) == ["cnas"]
    assert await hospital.who_pays("2026-02-15") == "cnas: authorised"
    assert await hospital.who_pays("2026-02-16") == "patient: discharged"

    for party in (hospital, cnas, cnse):
        await party.closes()
    assert await trio.case() == all_three("closed")
    assert await trio.troubles() == []


@pytest.mark.law("M05", "S-case-declined")
async def test_the_hospital_declines(trio: Trio) -> None:
    """M05 is motivated, ends the case for this hospital, and is nobody's but the CNAS's."""
    await trio.cnas.sends("CARE_REQUEST", urgent="oui")
    refusal = await trio.hospital.sends("CARE_REFUSAL")
    assert await trio.who_got(refusal) == ["cnas"]
    assert await trio.case() == Three("declined", "declined", None)
    with pytest.raises(IllegalTransition):
        await trio.hospital.sends("CARE_ACCEPTANCE_WITH_QUOTE")
    assert await trio.hospital.who_pays("2026-01-20") == "patient: not_admitted"
    await trio.hospital.closes()
    await trio.cnas.closes()
    assert await trio.case() == Three("closed", "closed", None)
    assert await trio.troubles() == []


@pytest.mark.law("M03", "M04", "S-case-information")
async def test_the_hospital_asks_for_information_before_it_accepts(trio: Trio) -> None:
    """M03 puts the review on hold at both, M04 resumes it; the length that the CNAS can grant must be agreed (R25)."""
    hospital, cnas = trio.hospital, trio.cnas
    await cnas.sends("CARE_REQUEST")
    with pytest.raises(PreconditionMissing):
        await cnas.sends("PRE_ADMISSION_INFO_RESPONSE")
    await hospital.notes("REVIEW_STARTED")
    question = await hospital.sends("PRE_ADMISSION_INFO_REQUEST")
    assert await trio.who_got(question) == ["cnas"]
    assert await trio.case() == Three("awaiting_information", "awaiting_information", None)
    answer = await cnas.sends("PRE_ADMISSION_INFO_RESPONSE")
    assert await trio.who_got(answer) == ["hospital"]
    assert await trio.case() == Three("under_review", "under_review", None)
    with pytest.raises(PreconditionMissing):
        await hospital.sends("CARE_ACCEPTANCE_WITH_QUOTE", length_days="60")
    assert await trio.case() == Three("under_review", "under_review", None)
    await hospital.sends("CARE_ACCEPTANCE_WITH_QUOTE")
    assert await trio.case() == Three("quoted", "quoted", None)
    assert await trio.troubles() == []


@pytest.mark.law("M07")
async def test_the_cnas_refuses_the_first_quote_and_certifies_the_second(trio: Trio) -> None:
    """M07: the patient must not come; the hospital may offer other terms, and what was agreed last is certified."""
    hospital, cnas = trio.hospital, trio.cnas
    await cnas.sends("CARE_REQUEST")
    await hospital.sends("CARE_ACCEPTANCE_WITH_QUOTE", quote_eur="99000.00")
    refusal = await cnas.sends("ENTITLEMENT_REFUSAL", motive="devis trop élevé")
    assert await trio.who_got(refusal) == ["hospital"]
    assert await trio.case() == Three("entitlement_refused", "entitlement_refused", None)
    with pytest.raises(IllegalTransition):
        await hospital.notes("ADMISSION")
    await hospital.sends("CARE_ACCEPTANCE_WITH_QUOTE")
    await cnas.sends("ENTITLEMENT_CERTIFICATE")
    assert await trio.case() == all_three("authorised")
    assert await trio.troubles() == []


@pytest.mark.law("M09", "C-copies-alarm")
async def test_the_patient_brings_copy_1_and_copy_2_never_came(trio: Trio) -> None:
    """M09 alone lets the hospital admit and counts for its days: it is the CNAS's own form; copy 2 may follow."""
    hospital, cnas = trio.hospital, trio.cnas
    await cnas.sends("CARE_REQUEST")
    with pytest.raises(IllegalTransition):
        await hospital.notes("ENTITLEMENT_PRESENTED")
    await hospital.sends("CARE_ACCEPTANCE_WITH_QUOTE")
    await trio.until("2026-01-18")
    with pytest.raises(IllegalTransition):
        await hospital.notes("ADMISSION")
    await hospital.notes("ENTITLEMENT_PRESENTED", covered_from="2026-01-18", covered_until="2026-02-20")
    await hospital.notes("ADMISSION")
    assert await trio.case() == Three("admitted", "quoted", None)
    assert await hospital.who_pays("2026-02-20") == "cnas: authorised"
    assert await hospital.who_pays("2026-02-21") == "hospital: uncovered"
    await hospital.sends("ENTITLEMENT_TO_CPAM")
    assert await trio.troubles() == []

    await trio.until("2026-01-25")
    await hospital.world.watch()
    assert "copy_2_not_received" in await hospital.world.open_alarms()
    await cnas.sends("ENTITLEMENT_CERTIFICATE", covered_until="2026-02-18")
    assert await trio.case() == Three("admitted", "authorised", "authorised")
    assert await hospital.who_pays("2026-02-18") == "cnas: authorised"
    assert await hospital.who_pays("2026-02-19") == "hospital: uncovered"
    await hospital.world.watch(timedelta(hours=1))
    assert "copy_2_not_received" not in await hospital.world.open_alarms()
