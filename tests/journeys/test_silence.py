"""The CNAS does not answer in its four working days: its silence is an acceptance, which it regularises afterwards."""

import pytest

from gateway.domain.errors import PreconditionMissing
from gateway.storage import Acceptance
from tests.journeys.trio import Trio, all_three


@pytest.mark.law("M18", "M19", "R10", "M-TACIT_ACCEPTANCE_NOTICE", "M-STATUS_NOTICE")
async def test_silence_is_an_acceptance_that_the_cnas_regularises(trio: Trio) -> None:
    """M18, notified to both; M19 to the physician and the CNSE; M20 to the CPAM, not before; rights extended."""
    hospital, cnas, cnse = trio.hospital, trio.cnas, trio.cnse
    await trio.admitted()
    await trio.until("2026-02-15")
    asked = await hospital.sends("EXTENSION_REQUEST")
    assert await trio.ends(asked) == all_three("2026-02-18T23:00:00Z")

    await trio.until("2026-02-19")
    assert (await trio.request(asked)).hospital == "elapsed"
    assert await hospital.world.all(Acceptance) == ()
    await trio.until("2026-02-20")
    assert await trio.request(asked) == all_three("tacitly_accepted")
    (notice,) = await hospital.sent("TACIT_ACCEPTANCE_NOTICE")
    assert await trio.who_got(notice) == ["cnas", "cnse"]
    assert await hospital.who_pays("2026-03-20") == "cnas: tacitly_extended"
    assert await hospital.who_pays("2026-03-21") == "hospital: uncovered"
    with pytest.raises(PreconditionMissing):
        await hospital.sends("EXTENSION_TO_CPAM")

    await trio.until("2026-02-24")
    form = await cnas.sends("EXTENSION_REGULARISATION")
    assert await trio.who_got(form) == ["hospital", "cnse"]
    assert await trio.request(asked) == all_three("regularised")
    await hospital.sends("EXTENSION_TO_CPAM")
    await cnse.notes("RIGHTS_EXTENDED", covered_until="2026-03-20")
    assert await hospital.who_pays("2026-03-01") == "cnas: tacitly_extended"
    (acceptance,) = await hospital.world.all(Acceptance)
    assert acceptance.effective_at.isoformat() == "2026-02-18T23:00:00+00:00"
    assert await trio.troubles() == []


async def test_the_form_comes_before_the_silence_is_recorded(trio: Trio) -> None:
    """After the end, during the grace: the silence is recorded all the same, and nothing is owed any more."""
    hospital, cnas = trio.hospital, trio.cnas
    await trio.admitted()
    await trio.until("2026-02-15")
    asked = await hospital.sends("EXTENSION_REQUEST")
    await trio.until("2026-02-19")
    await cnas.sends("EXTENSION_REGULARISATION")
    assert (await trio.request(asked)).hospital == "elapsed"
    await trio.until("2026-02-20")
    assert await trio.request(asked) == all_three("regularised")
    await hospital.sends("EXTENSION_TO_CPAM")
    assert await trio.troubles() == []


@pytest.mark.law("S-request-late")
async def test_an_answer_that_comes_too_late(trio: Trio) -> None:
    """A refusal after the end changes nothing for anyone: kept, flagged, and the silence stands (003:L286)."""
    hospital, cnas = trio.hospital, trio.cnas
    await trio.admitted()
    await trio.until("2026-02-15")
    asked = await hospital.sends("EXTENSION_REQUEST")
    await trio.until("2026-02-19")
    refusal = await cnas.sends("EXTENSION_REFUSAL", motive="soins possibles en Algérie")
    assert await trio.who_got(refusal) == ["hospital", "cnse"]
    await trio.until("2026-02-20")
    assert await trio.request(asked) == all_three("tacitly_accepted")
    assert await hospital.who_pays("2026-03-01") == "cnas: tacitly_extended"
    assert await trio.troubles() == [
        "hospital: alarm late_answer",
        "cnas: alarm late_answer",
        "cnse: alarm late_answer",
    ]
