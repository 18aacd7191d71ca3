"""Who gets how much of a message inside our own party: never a medical part to anyone but a physician."""

from itertools import product

import pytest

from gateway.domain.kinds import KINDS, Kind
from gateway.domain.parties import Function, Role
from gateway.domain.readers import Due, Reader, Readership, Share, Way, has_medical

WHOLE, PLAIN, NOTICE = Share.WHOLE, Share.WITHOUT_MEDICAL, Share.NOTICE


def reader(name: str, *functions: Function, way: Way = Way.FOLDER, people: tuple[str, ...] = ()) -> Reader:
    """A reader with a folder."""
    return Reader(id=name, functions=frozenset(functions), way=way, place=f"/drop/{name}", people=frozenset(people))


FABRE = reader("dr-fabre", Function.TREATING_PHYSICIAN)
LEROY = reader("dr-leroy", Function.TREATING_PHYSICIAN)
OFFICE = reader("bureau", Function.ADMINISTRATION)


def shares(
    kind: str, *readers: Reader, sender: Role = Role.CNAS, medical: bool = True, physician: str | None = None
) -> set[tuple[str | None, Share]]:
    """Who gets what at the hospital, or at the role of the first reader's function."""
    role = next(iter(readers[0].functions)).role if readers else Role.HOSPITAL
    found = Readership(role=role, readers=readers).shares(KINDS[kind], sender, medical=medical, physician=physician)
    assert len(found) == len(set(found))
    return {(due.reader, due.share) for due in found}


def test_a_request_of_care_goes_to_both_each_with_its_share() -> None:
    """M01: the physician decides, the administration has its parallel information (003:L180)."""
    assert shares("CARE_REQUEST", FABRE, OFFICE) == {("dr-fabre", WHOLE), ("bureau", PLAIN)}


def test_an_answer_goes_to_the_physician_alone() -> None:
    """M16 must reach the physician in person; nobody else is told when they do (003:L280)."""
    assert shares("EXTENSION_ACCEPTANCE", FABRE, OFFICE, medical=False) == {("dr-fabre", WHOLE)}


def test_a_certificate_goes_to_the_administration_alone() -> None:
    """M08 is addressed to it (003:L248)."""
    assert shares("ENTITLEMENT_CERTIFICATE", FABRE, OFFICE, medical=False) == {("bureau", PLAIN)}


def test_without_a_physician_medical_parts_wait() -> None:
    """The administration has its share; where it has none, it learns that a mail waits."""
    assert shares("CARE_REQUEST", OFFICE) == {(None, WHOLE), ("bureau", PLAIN)}
    assert shares("EXTENSION_ACCEPTANCE", OFFICE) == {(None, WHOLE), ("bureau", NOTICE)}


def test_of_two_physicians_nobody_gets_it_before_one_is_chosen() -> None:
    """Both learn that a mail waits; the chosen one gets it alone."""
    assert shares("INFO_REQUEST", FABRE, LEROY) == {(None, WHOLE), ("dr-fabre", NOTICE), ("dr-leroy", NOTICE)}
    assert shares("INFO_REQUEST", FABRE, LEROY, physician="dr-leroy") == {("dr-leroy", WHOLE)}


def test_a_physician_who_is_no_reader_any_more_is_nobody() -> None:
    """The configuration lost the one who was chosen: the sole other one stands in, of two nobody does."""
    assert shares("INFO_REQUEST", FABRE, physician="dr-parti") == {("dr-fabre", WHOLE)}
    assert (None, WHOLE) in shares("INFO_REQUEST", FABRE, LEROY, physician="dr-parti")


def test_without_an_administration_its_mail_waits_and_is_told() -> None:
    """Nothing lies unseen; but where the physician has the whole, nobody is missed."""
    assert shares("ENTITLEMENT_CERTIFICATE", FABRE, medical=False) == {(None, PLAIN), ("dr-fabre", NOTICE)}
    assert shares("CARE_REQUEST", FABRE) == {("dr-fabre", WHOLE)}


def test_a_medical_part_of_a_mail_for_an_office_goes_to_the_physician_of_that_party() -> None:
    """M12 is addressed to the agreements unit of the CNAS; its medical report is for the medical service."""
    office = reader("cellule", Function.AGREEMENTS_UNIT)
    doctor = reader("medecin-conseil", Function.MEDICAL_SERVICE)
    kind = "EXTENSION_REQUEST"
    assert shares(kind, office, doctor, sender=Role.HOSPITAL) == {("medecin-conseil", WHOLE), ("cellule", PLAIN)}
    assert shares(kind, office, doctor, sender=Role.HOSPITAL, medical=False) == {("cellule", PLAIN)}
    assert shares(kind, office, sender=Role.HOSPITAL) == {(None, WHOLE), ("cellule", PLAIN)}


def test_each_function_of_the_cnse_has_its_own_physician() -> None:
    """The medical adviser follows vital emergencies; where the CNSE has one physician only, that one does."""
    unit = reader("pole", Function.MEDICAL_UNIT)
    adviser = reader("conseil", Function.MEDICAL_ADVISER)
    assert shares("VITAL_INFO_REQUEST", unit, adviser) == {("conseil", WHOLE)}
    assert shares("INFO_REQUEST", unit, adviser) == {("pole", WHOLE)}
    assert shares("VITAL_INFO_REQUEST", unit) == {("pole", WHOLE)}


def test_without_readers_nobody_is_owed_anything() -> None:
    """Then persons read with the commands, as before."""
    assert shares("CARE_REQUEST") == set()


ROLES = {
    Role.HOSPITAL: (FABRE, LEROY, OFFICE),
    Role.CNAS: (reader("conseil", Function.MEDICAL_SERVICE), reader("cellule", Function.AGREEMENTS_UNIT)),
    Role.CNSE: (
        reader("pole", Function.MEDICAL_UNIT),
        reader("adviser", Function.MEDICAL_ADVISER),
        reader("boite", Function.HELPDESK),
    ),
}
ROUTED = [(kind, route.sender) for kind in KINDS.values() for route in kind.routes]


@pytest.mark.parametrize(("kind", "sender"), ROUTED, ids=lambda item: item.id if isinstance(item, Kind) else item.value)
def test_no_kind_ever_gives_an_office_more_than_its_share(kind: Kind, sender: Role) -> None:
    """Every kind, every set of readers, every choice: whole shares to physicians only, and nothing gets lost."""
    for role, known in ROLES.items():
        for chosen in product([False, True], repeat=len(known)):
            readers = tuple(each for each, there in zip(known, chosen, strict=True) if there)
            readership = Readership(role=role, readers=readers)
            for medical, physician in product([False, True], [None, *(each.id for each in known)]):
                dues = readership.shares(kind, sender, medical=medical, physician=physician)
                _check(readership, kind, sender, dues, medical=medical)


def _check(readership: Readership, kind: Kind, sender: Role, dues: tuple[Due, ...], *, medical: bool) -> None:
    route = kind.route(sender)
    assert route is not None
    addressed = any(function.role is readership.role for function in (*route.to, *route.copy))
    for due in dues:
        found = readership.find(due.reader)
        if due.share is WHOLE:
            assert found is None or found.medical
        if due.share is PLAIN:
            assert found is None or not found.medical
    if readership.readers and (addressed or medical):
        assert dues
        told = {due.reader for due in dues} - {None}
        assert told, "somebody has it or knows that it waits"
    if medical and readership.readers:
        assert any(due.share is WHOLE for due in dues)
    if not readership.readers:
        assert dues == ()


def test_medical_content_is_known_by_the_catalogue_and_doubt_counts_as_medical() -> None:
    """A medical field or piece, a piece without a role or with one that the kind does not know."""
    kind = KINDS["CARE_REQUEST"]
    assert has_medical(kind, {"pathology": "x"}, ())
    assert not has_medical(kind, {"patient_name": "x", "pathology": ""}, ())
    certificate = KINDS["ENTITLEMENT_CERTIFICATE"]
    assert not has_medical(certificate, {}, ("form",))
    assert has_medical(certificate, {}, ("form", None))
    assert has_medical(certificate, {}, ("medical_report",))


def test_persons_may_read_medical_parts_when_a_physicians_reader_names_them() -> None:
    """While nobody is named, everyone who may act may read; a case that is assigned is for its own physician."""
    assert Readership(role=Role.HOSPITAL, readers=(FABRE,)).may_read_medical("Camille", None)
    fabre = reader("dr-fabre", Function.TREATING_PHYSICIAN, people=("Fabre",))
    leroy = reader("dr-leroy", Function.TREATING_PHYSICIAN, people=("Leroy",))
    both = Readership(role=Role.HOSPITAL, readers=(fabre, leroy, OFFICE))
    assert not both.may_read_medical("Camille", None)
    assert both.may_read_medical("Fabre", None)
    assert both.may_read_medical("Leroy", None)
    assert both.may_read_medical("Fabre", "dr-fabre")
    assert not both.may_read_medical("Leroy", "dr-fabre")


def test_a_reader_in_the_outbox_bears_a_name_that_no_partner_can_have() -> None:
    """Its key and its mail are never those of a partner; a folder needs neither."""
    mailed = reader("cnas", Function.TREATING_PHYSICIAN, way=Way.MAIL)
    (correspondent,) = Readership(role=Role.HOSPITAL, readers=(mailed, OFFICE)).correspondents(1000)
    assert correspondent.id == "reader:cnas"
    assert correspondent.role is Role.HOSPITAL


@pytest.mark.parametrize("function", Function)
def test_physicians_functions_are_those_of_the_texts(function: Function) -> None:
    """Whoever the texts call a physician or a medical service."""
    medical = {"hospital.treating_physician", "cnas.medical_service", "cnse.medical_unit", "cnse.medical_adviser"}
    assert function.medical is (function.value in medical)
