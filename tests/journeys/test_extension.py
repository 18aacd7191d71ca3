"""Care must go on longer than was agreed: the CNAS accepts, in whole or in part, or asks something first."""

import pytest

from gateway.domain.errors import NotAllowed, PreconditionMissing, RequestTooLate
from tests.journeys.trio import Trio, all_three


@pytest.mark.law("M12", "M16", "M20", "M-RIGHTS_EXTENDED", "S-request-accepted")
async def test_the_cnas_accepts(trio: Trio) -> None:
    """M12, M16 with its form, M20: the days asked for are covered, and the CNSE sees that the CPAM followed."""
    hospital, cnas, cnse = trio.hospital, trio.cnas, trio.cnse
    await trio.admitted()

    await trio.until("2026-02-08")
    asked = await hospital.sends("EXTENSION_REQUEST")
    assert await trio.who_got(asked) == ["cnas", "cnse"]
    assert await trio.request(asked) == all_three("running")
    assert await trio.ends(asked) == all_three("2026-02-11T23:00:00Z")
    assert await hospital.who_pays("2026-02-21") == "cnas: maintained_during_period"

    await trio.until("2026-02-10")
    accepted = await cnas.sends("EXTENSION_ACCEPTANCE", also=("form",))
    assert await trio.who_got(accepted) == ["hospital", "cnse"]
    assert await trio.request(asked) == all_three("accepted")
    assert await hospital.who_pays("2026-03-20") == "cnas: extended"
    assert await hospital.who_pays("2026-03-21") == "hospital: uncovered"

    await hospital.sends("EXTENSION_TO_CPAM")
    await cnse.notes("RIGHTS_EXTENDED", covered_until="2026-03-20")
    await trio.until("2026-03-18")
    await hospital.notes("DISCHARGE")
    for party in (hospital, cnas, cnse):
        await party.closes()
    assert await trio.troubles() == []


async def test_the_cnas_accepts_without_the_form(trio: Trio) -> None:
    """The clock stops, the days are covered, and the CPAM waits for the form that is still owed (M16, then M19)."""
    hospital, cnas = trio.hospital, trio.cnas
    await trio.admitted()
    asked = await hospital.sends("EXTENSION_REQUEST")
    await cnas.sends("EXTENSION_ACCEPTANCE")
    assert await trio.request(asked) == all_three("accepted")
    assert await hospital.who_pays("2026-03-01") == "cnas: extended"
    with pytest.raises(PreconditionMissing):
        await hospital.sends("EXTENSION_TO_CPAM")
    form = await cnas.sends("EXTENSION_REGULARISATION")
    assert await trio.who_got(form) == ["hospital", "cnse"]
    assert await trio.request(asked) == all_three("accepted")
    await hospital.sends("EXTENSION_TO_CPAM")
    assert await trio.troubles() == []


@pytest.mark.law("M-EXTENSION_PARTIAL_ACCEPTANCE")
async def test_the_cnas_accepts_a_part(trio: Trio) -> None:
    """Its own dates hold; for the rest it has refused, and pays until the patient is home (reading A9, 003:L284)."""
    hospital, cnas = trio.hospital, trio.cnas
    await trio.admitted()
    asked = await hospital.sends("EXTENSION_REQUEST")
    partly = await cnas.sends("EXTENSION_PARTIAL_ACCEPTANCE", also=("form",), granted_until="2026-03-06")
    assert await trio.who_got(partly) == ["hospital", "cnse"]
    assert await trio.request(asked) == all_three("partly_accepted")
    assert await hospital.who_pays("2026-03-06") == "cnas: extended"
    assert await hospital.who_pays("2026-03-07") == "cnas: until_effective_repatriation"
    await trio.until("2026-03-09")
    await hospital.sends("REPATRIATION_REQUEST")
    await hospital.notes("REPATRIATION_DONE")
    assert await hospital.who_pays("2026-03-09") == "cnas: until_effective_repatriation"
    assert await hospital.who_pays("2026-03-10") == "patient: repatriated"
    assert await trio.troubles() == []


async def test_an_acceptance_of_fewer_days_is_a_partial_one(trio: Trio) -> None:
    """A clerk of the CNAS who accepts and writes an earlier end has refused the rest, whatever the kind is called."""
    await trio.admitted()
    asked = await trio.hospital.sends("EXTENSION_REQUEST")
    await trio.cnas.sends("EXTENSION_ACCEPTANCE", granted_from="2026-02-21", granted_until="2026-03-06")
    assert await trio.request(asked) == all_three("partly_accepted")
    assert await trio.hospital.who_pays("2026-03-07") == "cnas: until_effective_repatriation"
    assert await trio.troubles() == []


@pytest.mark.law("M14", "M15", "R7")
async def test_a_question_during_the_period_does_not_stop_it(trio: Trio) -> None:
    """M14 and M15 go to the CNSE as well and move nothing: the fourth day stays the fourth day (003:L282)."""
    hospital, cnas = trio.hospital, trio.cnas
    await trio.admitted()
    await trio.until("2026-02-08")
    asked = await hospital.sends("EXTENSION_REQUEST")
    with pytest.raises(PreconditionMissing):
        await hospital.sends("INFO_RESPONSE")
    ends = await trio.ends(asked)

    await trio.until("2026-02-09")
    question = await cnas.sends("INFO_REQUEST")
    assert await trio.who_got(question) == ["hospital", "cnse"]
    assert await trio.request(asked) == all_three("running")
    await trio.until("2026-02-10")
    answer = await hospital.sends("INFO_RESPONSE", also=("medical_file",))
    assert await trio.who_got(answer) == ["cnas", "cnse"]
    assert await trio.request(asked) == all_three("running")
    assert await trio.ends(asked) == ends == all_three("2026-02-11T23:00:00Z")

    await trio.until("2026-02-12")
    assert (await trio.request(asked)).hospital == "elapsed"
    await trio.until("2026-02-13")
    assert await trio.request(asked) == all_three("tacitly_accepted")
    assert await trio.troubles() == []


@pytest.mark.law("K2")
async def test_a_request_after_the_end_of_the_authorisation(trio: Trio) -> None:
    """K2: it does not leave unless a person insists, with a reason; then nothing is kept up, no silence grants."""
    hospital = trio.hospital
    await trio.admitted()
    await trio.until("2026-02-22")
    with pytest.raises(RequestTooLate):
        await hospital.sends("EXTENSION_REQUEST")
    asked = await hospital.sends("EXTENSION_REQUEST", because="le médecin l'avait demandée par téléphone le 19")
    assert await trio.request(asked) == all_three("running")
    assert await hospital.who_pays("2026-02-25") == "hospital: uncovered"
    await trio.until("2026-02-27")
    assert (await trio.request(asked)).hospital == "elapsed"
    assert await trio.troubles() == []


@pytest.mark.law("R15")
async def test_a_costly_drug_beside_an_open_prolongation(trio: Trio) -> None:
    """Two requests in one case, two periods: an answer names one of them, and the other goes on (003:L262)."""
    hospital, cnas = trio.hospital, trio.cnas
    await trio.admitted()
    await trio.until("2026-02-08")
    longer = await hospital.sends("EXTENSION_REQUEST")
    await trio.until("2026-02-09")
    drug = await hospital.sends(
        "EXTENSION_REQUEST",
        nature="modification",
        requested_from="2026-02-10",
        requested_until="2026-02-20",
        costly_items="immunoglobulines intraveineuses",
        quote_eur="31000.00",
    )
    assert await trio.ends(longer) == all_three("2026-02-11T23:00:00Z")
    assert await trio.ends(drug) == all_three("2026-02-12T23:00:00Z") != await trio.ends(longer)

    with pytest.raises(NotAllowed):
        await cnas.sends("EXTENSION_ACCEPTANCE", also=("form",))
    await cnas.sends("EXTENSION_ACCEPTANCE", about=drug, also=("form",))
    assert await trio.request(drug) == all_three("accepted")
    assert await trio.request(longer) == all_three("running")
    assert await hospital.who_pays("2026-02-15") == "cnas: authorised"
    assert await hospital.who_pays("2026-02-25") == "cnas: maintained_during_period"

    await trio.until("2026-02-10")
    await cnas.sends("EXTENSION_REFUSAL", motive="soins possibles en Algérie")
    assert await trio.request(drug) == all_three("accepted")
    assert await trio.request(longer) == all_three("refused")
    assert await hospital.who_pays("2026-02-25") == "cnas: until_effective_repatriation"
    assert await trio.troubles() == []
