"""The CNAS refuses: it pays until the patient is home, and the way home is arranged."""

import pytest

from tests.journeys.trio import Three, Trio, all_three


@pytest.mark.law("M17", "M27", "M28", "M29", "M30", "M31", "R12")
async def test_a_motivated_refusal_and_the_way_home(trio: Trio) -> None:
    """M17, then M28, M29, a difficulty told (M30), days authorised until the return (M27), the return itself (M31)."""
    hospital, cnas, cnse = trio.hospital, trio.cnas, trio.cnse
    await trio.admitted()
    await trio.until("2026-02-15")
    asked = await hospital.sends("EXTENSION_REQUEST")
    await trio.until("2026-02-17")
    refusal = await cnas.sends("EXTENSION_REFUSAL", motive="rééducation possible à Tlemcen")
    assert await trio.who_got(refusal) == ["hospital", "cnse"]
    assert await trio.request(asked) == all_three("refused")
    assert await hospital.who_pays("2026-02-20") == "cnas: authorised"
    assert await hospital.who_pays("2026-03-01") == "cnas: until_effective_repatriation"

    home = await hospital.sends("REPATRIATION_REQUEST")
    assert await trio.who_got(home) == ["cnas"]
    assert await trio.case() == Three("repatriation_pending", "repatriation_pending", "authorised")
    conditions = await cnas.sends("REPATRIATION_CONDITIONS")
    assert await trio.who_got(conditions) == ["hospital"]
    await trio.until("2026-02-22")
    difficulty = await hospital.sends("INCIDENT_REPORT")
    assert await trio.who_got(difficulty) == ["cnas", "cnse"]
    more = await cnas.sends("SUPPLEMENTARY_AUTHORISATION", covered_from="2026-02-21")
    assert await trio.who_got(more) == ["hospital", "cnse"]
    assert await hospital.who_pays("2026-03-01") == "cnas: supplementary"

    await trio.until("2026-03-03")
    for party in (hospital, cnas):
        await party.notes("REPATRIATION_DONE")
    assert await hospital.who_pays("2026-03-03") == "cnas: supplementary"
    assert await hospital.who_pays("2026-03-04") == "patient: repatriated"
    for party in (hospital, cnas, cnse):
        await party.closes()
    assert await trio.case() == all_three("closed")
    assert await trio.troubles() == []


@pytest.mark.law("R11", "S-request-motive")
async def test_a_refusal_without_a_motive(trio: Trio) -> None:
    """The texts demand a medical motive and give no sanction: it holds, flagged; the CNAS pays the way home."""
    hospital, cnas = trio.hospital, trio.cnas
    await trio.admitted()
    await trio.until("2026-02-15")
    asked = await hospital.sends("EXTENSION_REQUEST")
    await cnas.sends("EXTENSION_REFUSAL")
    assert await trio.request(asked) == all_three("refused")
    assert await hospital.who_pays("2026-03-01") == "cnas: until_effective_repatriation"
    await hospital.sends("REPATRIATION_REQUEST")
    await trio.until("2026-02-25")
    await hospital.notes("REPATRIATION_DONE")
    assert await hospital.who_pays("2026-02-25") == "cnas: until_effective_repatriation"
    assert await hospital.who_pays("2026-02-26") == "patient: repatriated"
    assert await trio.troubles() == [
        "hospital: alarm refusal_not_motivated",
        "cnse: alarm refusal_not_motivated",
    ]


async def test_a_second_request_is_accepted_by_silence_while_the_way_home_is_prepared(trio: Trio) -> None:
    """What the silence grants, all three know: care goes on, and nobody waits for a return any more."""
    hospital, cnas = trio.hospital, trio.cnas
    await trio.admitted()
    await trio.until("2026-02-08")
    await hospital.sends("EXTENSION_REQUEST")
    await cnas.sends("EXTENSION_REFUSAL", motive="rééducation possible à Tlemcen")
    await hospital.sends("REPATRIATION_REQUEST")
    again = await hospital.sends("EXTENSION_REQUEST", reason="embolie pulmonaire : transport impossible")
    await trio.until("2026-02-13")
    assert await trio.request(again) == all_three("tacitly_accepted")
    assert await trio.case() == Three("admitted", "admitted", "authorised")
    assert await trio.troubles() == []
