"""A life is at stake: care goes on without waiting; the CNAS disputes it; physicians talk, an expert decides."""

import pytest

from gateway.domain.errors import IllegalTransition, PreconditionMissing
from tests.journeys.trio import Sent, Three, Trio, all_three


async def disputed(trio: Trio) -> Sent:
    """A vital request that the CNAS disputes on the second day, after a question between physicians."""
    await trio.admitted()
    await trio.until("2026-02-15")
    asked = await trio.hospital.sends("EXTENSION_REQUEST.vital")
    assert await trio.who_got(asked) == ["cnas", "cnse"]
    assert await trio.request(asked) == all_three("running")
    question = await trio.cnas.sends("VITAL_INFO_REQUEST")
    assert await trio.who_got(question) == ["hospital", "cnse"]
    answer = await trio.hospital.sends("VITAL_INFO_RESPONSE", also=("medical_file",))
    assert await trio.who_got(answer) == ["cnas", "cnse"]
    await trio.until("2026-02-16")
    dispute = await trio.cnas.sends("VITAL_DISPUTE")
    assert await trio.who_got(dispute) == ["hospital", "cnse"]
    assert await trio.request(asked) == all_three("vital_disputed")
    assert await trio.hospital.who_pays("2026-02-20") == "cnas: authorised"
    assert await trio.hospital.who_pays("2026-02-25") == "undecided: vital_under_discussion"
    return asked


@pytest.mark.law("M21", "M22", "M23", "M24", "S-vital-mediation")
async def test_physicians_come_to_an_agreement(trio: Trio) -> None:
    """M23, M24 opened then settled: the CNAS pays until the return, and authorises the days that lack (M27)."""
    hospital, cnas = trio.hospital, trio.cnas
    asked = await disputed(trio)
    opened = await cnas.sends("MEDIATION", result="ouverte")
    assert await trio.who_got(opened) == ["hospital", "cnse"]
    assert await trio.request(asked) == all_three("mediation")
    await trio.until("2026-02-19")
    settled = await hospital.sends("MEDIATION", result="accord", terms="retour sous quinze jours")
    assert await trio.who_got(settled) == ["cnas", "cnse"]
    assert await trio.request(asked) == all_three("mediation_settled")
    assert await hospital.who_pays("2026-02-25") == "cnas: settled_mediation"
    more = await cnas.sends("SUPPLEMENTARY_AUTHORISATION", covered_from="2026-02-21", covered_until="2026-03-05")
    assert await trio.who_got(more) == ["hospital", "cnse"]
    await hospital.sends("REPATRIATION_REQUEST")
    assert await trio.case() == Three("repatriation_pending", "repatriation_pending", "authorised")
    await trio.until("2026-03-04")
    await hospital.notes("REPATRIATION_DONE")
    assert await hospital.who_pays("2026-03-04") == "cnas: supplementary"
    assert await hospital.who_pays("2026-03-05") == "patient: repatriated"
    await trio.until("2026-03-15")
    assert await trio.request(asked) == all_three("mediation_settled")
    assert await trio.troubles() == []


@pytest.mark.law("M25", "M26", "R18", "S-vital-expertise")
async def test_mediation_fails_and_the_expert_denies_the_emergency(trio: Trio) -> None:
    """M25 is the last resort (R17); M26 denies: the hospital pays until the expert decided, the CNAS from then on."""
    hospital, cnas = trio.hospital, trio.cnas
    asked = await disputed(trio)
    with pytest.raises(PreconditionMissing):
        await cnas.sends("EXPERT_REQUEST")
    await cnas.sends("MEDIATION", result="ouverte")
    failed = await hospital.sends("MEDIATION", result="echec")
    assert await trio.who_got(failed) == ["cnas", "cnse"]
    assert await trio.request(asked) == all_three("mediation_failed")
    assert await hospital.who_pays("2026-02-25") == "hospital: failed_mediation"

    await trio.until("2026-02-22")
    expert = await cnas.sends("EXPERT_REQUEST")
    assert await trio.who_got(expert) == ["hospital", "cnse"]
    assert await trio.request(asked) == all_three("expertise")
    assert await hospital.who_pays("2026-02-25") == "undecided: vital_under_discussion"
    await trio.until("2026-03-02")
    opinion = await cnas.sends("EXPERT_OPINION", also=("opinion",), result="niee", on="2026-03-01")
    assert await trio.who_got(opinion) == ["hospital", "cnse"]
    assert await trio.request(asked) == all_three("vital_denied")
    assert await hospital.who_pays("2026-02-20") == "cnas: authorised"
    assert await hospital.who_pays("2026-02-21") == "hospital: expert_decision"
    assert await hospital.who_pays("2026-02-28") == "hospital: expert_decision"
    assert await hospital.who_pays("2026-03-01") == "cnas: until_effective_repatriation"
    await hospital.sends("REPATRIATION_REQUEST")
    await trio.until("2026-03-08")
    await hospital.notes("REPATRIATION_DONE")
    assert await hospital.who_pays("2026-03-08") == "cnas: until_effective_repatriation"
    assert await hospital.who_pays("2026-03-09") == "patient: repatriated"
    assert await trio.troubles() == []


@pytest.mark.law("M26", "S-vital-expertise")
async def test_the_expert_confirms_the_emergency(trio: Trio) -> None:
    """The opinion binds both countries: the days asked for are the CNAS's."""
    hospital, cnas = trio.hospital, trio.cnas
    asked = await disputed(trio)
    await hospital.notes("MEDIATION", result="echec")
    assert (await trio.request(asked)).cnse == "mediation_failed"
    await cnas.notes("MEDIATION", result="echec")
    await cnas.sends("EXPERT_REQUEST")
    await cnas.sends("EXPERT_OPINION", result="confirmee")
    assert await trio.request(asked) == all_three("vital_confirmed")
    assert await hospital.who_pays("2026-03-20") == "cnas: vital_confirmed"
    assert await trio.troubles() == []


@pytest.mark.law("M23")
async def test_only_a_vital_request_can_be_disputed_as_one(trio: Trio) -> None:
    """An ordinary request gets an answer; nothing of a dispute leaves the CNAS."""
    await trio.admitted()
    asked = await trio.hospital.sends("EXTENSION_REQUEST")
    with pytest.raises(IllegalTransition):
        await trio.cnas.sends("VITAL_DISPUTE")
    assert await trio.request(asked) == all_three("running")
    assert await trio.troubles() == []
