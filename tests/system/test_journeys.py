"""Four journeys on real mail, with the commands that people type: planned, refused, disputed, answered by silence."""

from functools import partial
from pathlib import Path

import pytest

from tests.mailserver import Machine
from tests.system.gateways import Gateway, Trio, together
from tests.system.people import case_becomes, day, got, notes, troubles, who_pays, writes
from tests.system.steps import move_to, over_at, reaches, settles

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def silent(trio: Trio, place: Path) -> dict[str, str]:
    """All daemons run, and the CNAS has received a request that it will not answer."""
    trio.start()
    told = writes(trio.hospital, place, "EXTENSION_REQUEST")
    for gateway in trio:
        settles(gateway, told["request"], "running")
    return told


def test_a_stay_that_goes_as_planned(trio: Trio, place: Path, silent: dict[str, str]) -> None:
    """Asked, quoted, certified with copy 3 to the CNSE, admitted, discharged, reported, closed by all three."""
    assert silent["case"]
    hospital, cnas, cnse = trio
    case = writes(cnas, place, "CARE_REQUEST")["case"]
    case_becomes(hospital, case, "received")
    writes(hospital, place, "CARE_ACCEPTANCE_WITH_QUOTE", case=case)
    case_becomes(cnas, case, "quoted")
    writes(cnas, place, "ENTITLEMENT_CERTIFICATE", case=case)
    for gateway in trio:
        case_becomes(gateway, case, "authorised")
    notes(hospital, "ENTITLEMENT_PRESENTED", case)
    assert notes(hospital, "ADMISSION", case) == "admitted"
    assert notes(hospital, "ENTITLEMENT_TO_CPAM", case) == "admitted"
    assert who_pays(hospital, case, "2026-02-20") == "cnas: authorised"
    assert who_pays(hospital, case, "2026-02-21") == "hospital: uncovered"
    assert notes(hospital, "DISCHARGE", case) == "discharged"
    writes(hospital, place, "MEDICAL_REPORT", case=case)
    got(cnse, case, "MEDICAL_REPORT")
    assert who_pays(hospital, case, "2026-01-19") == "patient: discharged"
    together([partial(gateway.call, "close", case) for gateway in trio])
    for gateway in trio:
        case_becomes(gateway, case, "closed")


def test_a_refusal_and_the_way_home(trio: Trio, place: Path, silent: dict[str, str]) -> None:
    """The CNAS refuses with its motive, pays until the return, fixes its conditions, authorises the days that lack."""
    hospital, cnas, cnse = trio
    told = writes(hospital, place, "EXTENSION_REQUEST")
    case, digest = told["case"], told["request"]
    assert case != silent["case"]
    for gateway in trio:
        settles(gateway, digest, "running")
    cnas.call("answer", case, "--refuse", "--motive", "Soins possibles à Tlemcen")
    for gateway in trio:
        settles(gateway, digest, "refused")
    assert who_pays(hospital, case, "2026-02-20") == "cnas: authorised"
    assert who_pays(hospital, case, "2026-03-01") == "cnas: until_effective_repatriation"
    writes(hospital, place, "REPATRIATION_REQUEST", case=case)
    case_becomes(cnas, case, "repatriation_pending")
    writes(cnas, place, "REPATRIATION_CONDITIONS", case=case)
    writes(cnas, place, "SUPPLEMENTARY_AUTHORISATION", case=case, told={"covered_from": "2026-02-21"})
    for gateway in (hospital, cnse):
        got(gateway, case, "SUPPLEMENTARY_AUTHORISATION")
    got(hospital, case, "REPATRIATION_CONDITIONS")
    assert who_pays(hospital, case, "2026-03-01") == "cnas: supplementary"
    assert notes(hospital, "REPATRIATION_DONE", case) == "repatriated"
    assert who_pays(hospital, case, "2026-01-19") == "patient: repatriated"


def test_a_vital_emergency_that_an_expert_denies(trio: Trio, place: Path, silent: dict[str, str]) -> None:
    """Every mail of the dispute reaches the CNSE; the hospital pays until the expert decided, the CNAS from then on."""
    hospital, cnas, _ = trio
    told = writes(hospital, place, "EXTENSION_REQUEST.vital")
    case, digest = told["case"], told["request"]
    assert case != silent["case"]
    for gateway in trio:
        settles(gateway, digest, "running")

    def spoken(author: Gateway, kind: str, state: str, **fields: str) -> None:
        writes(author, place, kind, case=case, told=fields)
        for gateway in trio:
            settles(gateway, digest, state)

    spoken(cnas, "VITAL_DISPUTE", "vital_disputed")
    assert who_pays(hospital, case, "2026-02-25") == "undecided: vital_under_discussion"
    spoken(hospital, "MEDIATION", "mediation_failed", result="echec")
    assert who_pays(hospital, case, "2026-02-25") == "hospital: failed_mediation"
    spoken(cnas, "EXPERT_REQUEST", "expertise")
    spoken(cnas, "EXPERT_OPINION", "vital_denied", result="niee", on="2026-03-01")
    assert who_pays(hospital, case, "2026-02-28") == "hospital: expert_decision"
    assert who_pays(hospital, case, "2026-03-01") == "cnas: until_effective_repatriation"


def test_a_silence_that_the_cnas_regularises(
    trio: Trio, place: Path, silent: dict[str, str], mail_machine: Machine
) -> None:
    """Four working days, the grace, the record; then the form, the CPAM, and nothing that anybody must look at."""
    hospital, cnas, cnse = trio
    case, digest = silent["case"], silent["request"]
    first, until = day(hospital, "2026-02-21"), day(hospital, "2026-03-20")
    to_cpam = (
        "note",
        "EXTENSION_TO_CPAM",
        "--case",
        case,
        "--set",
        f"droits.debut={first}",
        "--set",
        f"droits.fin={until}",
    )
    assert who_pays(hospital, case, "2026-03-20") == "cnas: maintained_during_period"
    move_to(mail_machine, over_at(reaches(hospital, digest, "running")))
    for gateway in trio:
        settles(gateway, digest, "tacitly_accepted")
    refused = hospital.call(*to_cpam, ok=False)
    assert (refused.returncode, "SE 352-302" in refused.stderr) == (2, True)
    writes(cnas, place, "EXTENSION_REGULARISATION", case=case)
    for gateway in trio:
        settles(gateway, digest, "regularised")
    hospital.call(*to_cpam)
    cnse.call("note", "RIGHTS_EXTENDED", "--case", case, "--on", until, "--set", f"droits.fin={until}")
    found = hospital.json("coverage", case, "--at", until)
    assert (found["covered"], found["decides"]["reason"]) == (True, "tacitly_extended")
    assert together([partial(troubles, gateway) for gateway in trio]) == [[], [], []]
