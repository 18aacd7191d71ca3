"""Who gets which copy: the four of SE 352-301, the ways of SE 352-302, and the matrix of copies to the CNSE."""

import pytest

from gateway.domain.case import State as CaseState
from gateway.domain.errors import PreconditionMissing
from gateway.domain.kinds import KINDS, addressees, recipients
from gateway.domain.parties import Function, Role
from gateway.services.desk import Submitted
from gateway.storage import Case, Fact, Verdict
from tests.law.papers import cover, fact, fiche, mail
from tests.services.mails import REF
from tests.services.world import World


async def certified_by(cnas: World) -> Submitted:
    """The CNAS issues a certificate."""
    return await cnas.desk.submit(fiche("ENTITLEMENT_CERTIFICATE", ref=None), actor="carol")


@pytest.mark.law("C-copy-1", "M09", "M10", "X-001-planned")
async def test_copy_1_comes_with_the_patient_and_goes_on_to_the_cpam(hospital: World) -> None:
    """003:L242-246, 002:L507. Noted at the admission; nothing goes to the CPAM before there is a certificate."""
    await hospital.take(mail("CARE_REQUEST", Role.CNAS))
    await hospital.desk.submit(fiche("CARE_ACCEPTANCE_WITH_QUOTE"), actor="alice")
    with pytest.raises(PreconditionMissing, match="SE 352-301"):
        await hospital.desk.note(fact("ENTITLEMENT_TO_CPAM"), actor="alice")
    await hospital.desk.note(fact("ENTITLEMENT_PRESENTED"), actor="alice")
    await hospital.desk.note(fact("ENTITLEMENT_TO_CPAM"), actor="alice")
    assert [row.kind for row in await hospital.all(Fact)][-2:] == ["ENTITLEMENT_PRESENTED", "ENTITLEMENT_TO_CPAM"]
    assert addressees(KINDS["ENTITLEMENT_TO_CPAM"], Role.HOSPITAL) == (Function.CPAM,)


@pytest.mark.law("C-copy-2", "M08")
async def test_copy_2_goes_to_the_administration_of_the_hospital_and_binds_the_cnas(
    hospital: World, cnas: World
) -> None:
    """003:L248. It is the message itself; with it alone the days are the CNAS's."""
    sent = await certified_by(cnas)
    assert KINDS["ENTITLEMENT_CERTIFICATE"].routes[0].to == (Function.ADMINISTRATION,)
    assert sent.message.partner == "hospital+cnse"
    await hospital.take(mail("ENTITLEMENT_CERTIFICATE", Role.CNAS))
    await hospital.desk.note(fact("ADMISSION"), actor="alice")
    assert (await cover(hospital, "2026-02-01")).payer.value == "cnas"


@pytest.mark.law("C-copy-3", "M08")
async def test_copy_3_goes_to_the_medical_unit_of_the_cnse(cnse: World) -> None:
    """003:L249. Its gateway opens the case by it."""
    row = await cnse.take(mail("ENTITLEMENT_CERTIFICATE", Role.CNAS))
    assert row.verdict is Verdict.ACCEPTED
    assert (await cnse.only(Case)).state is CaseState.AUTHORISED


@pytest.mark.law("C-copy-4", "M08", "X-000-visa")
@pytest.mark.parametrize("role", [Role.CNAS, Role.HOSPITAL])
async def test_a_certificate_is_found_by_its_case_and_opens_with_its_form(
    hospital: World, cnas: World, role: Role
) -> None:
    """003:L250, 000:L25. The CNAS keeps what it sent, the hospital what it got: a consulate that asks is answered."""
    world = cnas if role is Role.CNAS else hospital
    if role is Role.CNAS:
        await certified_by(cnas)
    else:
        await hospital.take(mail("ENTITLEMENT_CERTIFICATE", Role.CNAS))
    found = await world.archive.case((await world.only(Case)).ref)
    (message,) = [row for row in found.messages if row.kind == "ENTITLEMENT_CERTIFICATE"]
    assert found.patient is not None
    assert found.patient["patient_name"] == "BENALI"
    if role is Role.CNAS:
        payload = (await world.archive.read(message.id, actor="carol", purpose="save")).payload
        assert [piece.role for piece in payload.attachments] == ["form"]


@pytest.mark.law("C-302-a", "C-matrix-request", "M12")
async def test_a_request_goes_to_the_agreements_unit_and_in_copy_to_the_cnse(hospital: World) -> None:
    """003:L264, 002:L133-139. One message, two readers, and no third."""
    sent = await hospital.submit()
    assert sent.message.partner == "cnas+cnse"
    assert addressees(KINDS["EXTENSION_REQUEST"], Role.HOSPITAL) == (Function.AGREEMENTS_UNIT, Function.MEDICAL_UNIT)


@pytest.mark.law("C-302-b", "C-matrix-answer", "M16")
async def test_an_answer_goes_to_the_physician_and_to_the_cnse(cnas: World) -> None:
    """003:L280. Both are addressees; the administration gets none of it."""
    await cnas.take(mail("EXTENSION_REQUEST", Role.HOSPITAL))
    sent = await cnas.desk.submit(fiche("EXTENSION_ACCEPTANCE"), actor="carol")
    assert sent.message.partner == "hospital+cnse"
    (route,) = KINDS["EXTENSION_ACCEPTANCE"].routes
    assert (route.to, route.copy) == ((Function.TREATING_PHYSICIAN, Function.MEDICAL_UNIT), ())


@pytest.mark.law("C-302-c", "M20")
async def test_an_answered_form_goes_to_the_cpam(hospital: World) -> None:
    """003:L264, L290. Once the CNAS validated it: an acceptance without its form does not yet let it go."""
    submitted = await hospital.to_running()
    about = submitted.request.hash
    ref = submitted.case.ref
    await hospital.take(mail("EXTENSION_ACCEPTANCE", Role.CNAS, ref=ref, request=about, without="form"))
    with pytest.raises(PreconditionMissing, match="validé"):
        await hospital.desk.note(fact("EXTENSION_TO_CPAM", ref=ref), actor="alice")
    await hospital.take(mail("EXTENSION_REGULARISATION", Role.CNAS, ref=ref, request=about))
    await hospital.desk.note(fact("EXTENSION_TO_CPAM", ref=ref), actor="alice")
    assert addressees(KINDS["EXTENSION_TO_CPAM"], Role.HOSPITAL) == (Function.CPAM,)


@pytest.mark.law("C-302-d", "M-RIGHTS_EXTENDED")
@pytest.mark.parametrize("role", [Role.HOSPITAL, Role.CNSE])
async def test_that_the_cpam_extended_the_rights_is_seen_and_noted(hospital: World, cnse: World, role: Role) -> None:
    """003:L290, 002:L141-144. By the hospital that bills, and by the CNSE that checks it was done."""
    await cnse.take(mail("EXTENSION_REQUEST", Role.HOSPITAL))
    await hospital.to_running()
    world = hospital if role is Role.HOSPITAL else cnse
    ref = (await world.only(Case)).ref
    await world.desk.note(fact("RIGHTS_EXTENDED", ref=ref), actor="alice")
    kept = await world.only(Fact, kind="RIGHTS_EXTENDED")
    assert kept.request_hash == (await world.request()).hash


MATRIX = {
    "C-matrix-request": ("EXTENSION_REQUEST",),
    "C-matrix-information": ("INFO_REQUEST", "INFO_RESPONSE"),
    "C-matrix-vital": (
        *("EXTENSION_REQUEST.vital", "VITAL_INFO_REQUEST", "VITAL_INFO_RESPONSE", "VITAL_DISPUTE"),
        *("MEDIATION", "EXPERT_REQUEST", "EXPERT_OPINION"),
    ),
    "C-matrix-answer": ("EXTENSION_ACCEPTANCE", "EXTENSION_PARTIAL_ACCEPTANCE", "EXTENSION_REFUSAL"),
    "C-matrix-supplementary": ("SUPPLEMENTARY_AUTHORISATION",),
    "C-matrix-tacit": ("TACIT_ACCEPTANCE_NOTICE", "TACIT_ACCEPTANCE_WITHDRAWAL"),
}


@pytest.mark.law("C-matrix-*")
@pytest.mark.parametrize("row", MATRIX)
def test_the_cnse_reads_every_exchange_of_the_matrix(row: str) -> None:
    """003:L264-328. Whoever writes it; the silence too, which no text states and everyone needs to know."""
    for kind in MATRIX[row]:
        assert KINDS[kind].routes
        for route in KINDS[kind].routes:
            assert Role.CNSE in recipients(KINDS[kind], route.sender), (kind, route.sender)


@pytest.mark.law("C-matrix-before", "M01", "M03", "M05", "M06")
def test_what_comes_before_the_stay_is_no_matter_of_the_cnse() -> None:
    """003:L180. Its copy is asked nowhere; each answer of the hospital reaches the agreements unit."""
    before = [kind for kind in KINDS.values() if kind.number in {"M01", "M03", "M04", "M05", "M06", "M07"}]
    assert len(before) == 6
    for kind in before:
        for route in kind.routes:
            assert Role.CNSE not in recipients(kind, route.sender), kind.id
            if route.sender is Role.HOSPITAL:
                assert Function.AGREEMENTS_UNIT in addressees(kind, Role.HOSPITAL), kind.id


@pytest.mark.law("C-addressee", "M21", "X-001-part-a")
async def test_a_vital_request_reaches_both_services_of_the_cnas(hospital: World) -> None:
    """003:L264, L300. The texts name two addressees for the same form: both get it, which is safe."""
    sent = await hospital.desk.submit(fiche("EXTENSION_REQUEST.vital", ref=None), actor="alice")
    readers = addressees(KINDS["EXTENSION_REQUEST.vital"], Role.HOSPITAL)
    assert readers == (Function.MEDICAL_SERVICE, Function.AGREEMENTS_UNIT, Function.MEDICAL_UNIT)
    assert addressees(KINDS["EXTENSION_REQUEST"], Role.HOSPITAL)[0] is Function.AGREEMENTS_UNIT
    assert sent.case.ref != REF
