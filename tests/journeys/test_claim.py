"""After the stay: the CNAS contests the claim, the hospital is asked for proofs that its archive still holds."""

import pytest

from gateway.domain.errors import PreconditionMissing
from tests.journeys.trio import Trio


@pytest.mark.law("M38", "M39")
async def test_a_contested_claim_is_proved(trio: Trio) -> None:
    """M38 from the CNAS to the CNSE, from there to the hospital; M39 back with the form and the report."""
    hospital, cnas, cnse = trio.hospital, trio.cnas, trio.cnse
    await trio.admitted()
    await hospital.sends("EXTENSION_REQUEST")
    await cnas.sends("EXTENSION_ACCEPTANCE", also=("form",))
    await trio.until("2026-03-15")
    await hospital.notes("DISCHARGE")
    await hospital.notes("INVOICE", reference="B2-2026-118")
    await hospital.notes("PAYMENT_RETURN", reference="RSP-77")
    await cnse.notes("HALF_YEARLY_STATEMENT", reference="S1-2026")
    with pytest.raises(PreconditionMissing):
        await hospital.sends("DISPUTE_EVIDENCE")

    await trio.until("2026-10-04")
    disputed = await cnas.sends("CLAIM_DISPUTE")
    assert await trio.who_got(disputed) == ["cnse"]
    relayed = await cnse.sends("CLAIM_DISPUTE")
    assert await trio.who_got(relayed) == ["hospital"]
    proofs = await hospital.sends("DISPUTE_EVIDENCE", also=("form", "medical_report"))
    assert await trio.who_got(proofs) == ["cnse"]
    assert await hospital.who_pays("2026-03-15") == "cnas: extended"
    await cnse.notes("REIMBURSEMENT")
    for party in (hospital, cnas, cnse):
        await party.closes()
    assert await trio.troubles() == []
