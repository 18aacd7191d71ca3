"""Stays that are no single block: interrupted and resumed, over New Year, in two hospitals."""

import pytest

from gateway.domain.errors import PreconditionMissing
from tests.journeys.trio import Trio


@pytest.mark.law("M-INTERRUPTION", "M-READMISSION", "S-case-interrupted", "S-case-readmitted")
async def test_a_stay_is_interrupted_and_resumed(trio: Trio) -> None:
    """The length granted is suspended while the patient is away, and runs again from the readmission (003:L350)."""
    hospital = trio.hospital
    await trio.admitted()
    await trio.until("2026-02-01")
    await hospital.notes("INTERRUPTION")
    assert await hospital.case() == "interrupted"
    assert await hospital.who_pays("2026-02-05") == "patient: interrupted"
    await trio.until("2026-02-11")
    await hospital.notes("READMISSION")
    assert await hospital.case() == "admitted"
    assert await hospital.who_pays("2026-02-01") == "cnas: authorised"
    assert await hospital.who_pays("2026-02-05") == "patient: interrupted"
    assert await hospital.who_pays("2026-02-11") == "cnas: authorised"
    assert await hospital.who_pays("2026-03-02") == "cnas: authorised"
    assert await hospital.who_pays("2026-03-03") == "hospital: uncovered"
    assert await trio.troubles() == []


async def test_a_wrong_date_of_interruption_is_corrected(trio: Trio) -> None:
    """The old fact stays in the file, the new one counts; the days of the certificate follow."""
    hospital = trio.hospital
    await trio.admitted()
    await trio.until("2026-02-01")
    await hospital.notes("INTERRUPTION")
    await trio.until("2026-02-11")
    await hospital.notes("READMISSION")
    await hospital.corrects("INTERRUPTION", "2026-02-06")
    assert await hospital.case() == "admitted"
    assert await hospital.who_pays("2026-02-05") == "cnas: authorised"
    assert await hospital.who_pays("2026-02-08") == "patient: interrupted"
    assert await hospital.who_pays("2026-02-25") == "cnas: authorised"
    assert await hospital.who_pays("2026-02-26") == "hospital: uncovered"
    assert await trio.troubles() == []


@pytest.mark.law("K4", "S-case-new-year")
async def test_discontinuous_care_over_new_year(trio: Trio) -> None:
    """K4: a certificate serves readmissions of its own calendar year; the next year wants a new one (003:L352)."""
    hospital, cnas = trio.hospital, trio.cnas
    await trio.admitted(covered_until="2026-12-31", discontinuous="oui")
    await trio.until("2026-02-01")
    await hospital.notes("INTERRUPTION")
    await trio.until("2026-06-07")
    await hospital.notes("READMISSION")
    await trio.until("2026-06-14")
    await hospital.notes("INTERRUPTION")
    await trio.until("2027-01-10")
    with pytest.raises(PreconditionMissing):
        await hospital.notes("READMISSION")
    await hospital.notes("READMISSION", because="la CNAS a promis l'attestation par téléphone")
    assert await hospital.who_pays("2026-06-10") == "cnas: authorised"
    assert await hospital.who_pays("2027-01-10") == "hospital: calendar_year_limit"

    certificate = await cnas.sends(
        "ENTITLEMENT_CERTIFICATE",
        issued_on="2027-01-10",
        covered_from="2027-01-10",
        covered_until="2027-02-12",
        discontinuous="oui",
    )
    assert await trio.who_got(certificate) == ["hospital", "cnse"]
    assert await hospital.who_pays("2027-01-10") == "cnas: authorised"
    assert await hospital.who_pays("2027-02-13") == "hospital: uncovered"
    assert await trio.troubles() == []


@pytest.mark.law("M-TRANSFER", "S-case-transferred")
async def test_a_patient_is_transferred(trio: Trio) -> None:
    """Another hospital takes over, medically justified: the same certificate covers the stay (003:L356)."""
    hospital, cnas = trio.hospital, trio.cnas
    await trio.admitted()
    await trio.until("2026-02-01")
    await hospital.notes("TRANSFER")
    assert await hospital.case() == "admitted"
    assert await hospital.who_pays("2026-02-10") == "cnas: authorised"
    asked = await hospital.sends("EXTENSION_REQUEST")
    await cnas.sends("EXTENSION_ACCEPTANCE", also=("form",))
    assert await hospital.who_pays("2026-03-10") == "cnas: extended"
    await trio.until("2026-03-12")
    await hospital.notes("DISCHARGE")
    assert (await trio.request(asked)).hospital == "accepted"
    assert await trio.troubles() == []
