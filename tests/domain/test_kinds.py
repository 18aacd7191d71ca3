"""The catalogue of message kinds, and the faults of a form."""

from collections.abc import Mapping
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.kinds import (
    EXTENSION_ACCEPTANCE,
    EXTENSION_REFUSAL,
    EXTENSION_REQUEST,
    EXTENSION_REQUEST_VITAL,
    KINDS,
    STATUS_NOTICE,
    TACIT_ACCEPTANCE_NOTICE,
    Answer,
    Kind,
    Subject,
    Travel,
    addressees,
    as_kept,
    faults,
    parse_date,
    parse_instant,
    recipients,
)
from gateway.domain.parties import Function, Role

GOOD: Mapping[str, str] = {
    "patient_name": "BENALI",
    "patient_first_name": "Amine",
    "patient_born": "1980-05-01",
    "insurance_number": "démuni",
    "authorised_from": "2026-01-02",
    "authorised_until": "2026-02-20",
    "nature": "prolongation",
    "requested_from": "2026-02-21",
    "requested_until": "2026-03-20",
    "care": "rééducation",
    "reason": "complication",
    "quote_eur": "12500.00",
    "physician": "Dr Martin",
}


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_every_kind_is_whole(kind: Kind) -> None:
    """Each row cites its source, names who sends and who gets it, or who notes it, and nothing twice."""
    assert KINDS[kind.id] is kind
    assert kind.source
    assert bool(kind.routes) is (kind.travel is Travel.MAIL)
    assert bool(kind.noted_by) or kind.travel not in {Travel.FACT, Travel.ELSEWHERE}
    for names in (
        [field.id for field in kind.fields],
        [field.fiche for field in kind.fields],
        [piece.role for piece in kind.pieces],
        [piece.fiche for piece in kind.pieces],
        [route.sender for route in kind.routes],
    ):
        assert len(set(names)) == len(names)
    assert (kind.answer is not None) is (kind.subject is Subject.ANSWER)


@pytest.mark.parametrize(
    ("kind", "sender"),
    [(kind, route.sender) for kind in KINDS.values() for route in kind.routes],
    ids=lambda each: str(getattr(each, "id", each)),
)
def test_nobody_writes_to_himself(kind: Kind, sender: Role) -> None:
    """Each route leads to others, each function once."""
    functions = addressees(kind, sender)
    assert functions
    assert len(set(functions)) == len(functions)
    assert sender not in recipients(kind, sender)


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_what_a_row_points_at_exists(kind: Kind) -> None:
    """The fields that date it, span it and decide it are fields of its own; every choice has its outcome."""
    ids = {field.id for field in kind.fields}
    assert {name for name in (kind.dated, kind.decides, *(kind.span or ())) if name} <= ids
    if kind.decides is not None:
        field = kind.field(kind.decides)
        assert field is not None
        assert set(kind.outcomes or {}) == set(field.choices)


def test_the_whole_catalogue_is_there() -> None:
    """M01 to M42, none missing."""
    assert {kind.number for kind in KINDS.values()} - {None} == {f"M{number:02}" for number in range(1, 43)}


@pytest.mark.parametrize(
    "number", ["M08", "M12", "M14", "M15", "M16", "M17", "M19", "M21", "M22", "M23", "M24", "M25", "M26", "M27"]
)
def test_the_cnse_gets_what_the_texts_say(number: str) -> None:
    """Its medical unit gets the whole extension procedure, and copy 3 of the certificate."""
    rows = [kind for kind in KINDS.values() if kind.number == number]
    assert all(Role.CNSE in recipients(kind, route.sender) for kind in rows for route in kind.routes)


def test_the_vital_request_goes_to_the_medical_service_too() -> None:
    """The ordinary one goes to the agreements unit (003:L264), the vital one to the medical service (003:L300)."""
    assert addressees(EXTENSION_REQUEST, Role.HOSPITAL) == (Function.AGREEMENTS_UNIT, Function.MEDICAL_UNIT)
    assert addressees(EXTENSION_REQUEST_VITAL, Role.HOSPITAL)[0] is Function.MEDICAL_SERVICE


def test_who_sends_what() -> None:
    """A hospital asks and tells, the CNAS answers; nobody else decides."""
    assert EXTENSION_REQUEST.senders == STATUS_NOTICE.senders == TACIT_ACCEPTANCE_NOTICE.senders == {Role.HOSPITAL}
    assert EXTENSION_ACCEPTANCE.senders == EXTENSION_REFUSAL.senders == {Role.CNAS}
    assert (EXTENSION_ACCEPTANCE.answer, EXTENSION_REFUSAL.answer) == (Answer.ACCEPTED, Answer.REFUSED)


def test_the_catalogue_cannot_be_changed() -> None:
    """It is a constant of the law."""
    with pytest.raises(TypeError):
        KINDS["X"] = EXTENSION_REQUEST  # type: ignore[index]  # that is the point


def test_a_complete_form_has_no_fault() -> None:
    """The positive control."""
    assert faults(EXTENSION_REQUEST, GOOD) == ()


@pytest.mark.parametrize("field", [field for field in EXTENSION_REQUEST.fields if field.required], ids=lambda f: f.id)
@pytest.mark.parametrize("blank", ["", "  \t"])
def test_each_required_field_alone_is_missed(field: object, blank: str) -> None:
    """What lacks is named by its place in the form."""
    found = [str(fault) for fault in faults(EXTENSION_REQUEST, {**GOOD, field.id: blank})]  # type: ignore[attr-defined]  # a Field
    assert len(found) == 1
    assert found[0].startswith(f"{field.fiche} : manque")  # type: ignore[attr-defined]  # a Field


@pytest.mark.parametrize(
    ("field", "value", "place"),
    [
        ("patient_born", "01/05/1980", "patient.naissance"),
        ("authorised_until", "2026-02-30", "autorisation.fin"),
        ("requested_from", "demain", "demande.du"),
        ("nature", "autre", "demande.nature"),
        ("requested_until", "9999-12-31", "demande.au"),
        ("patient_born", "0001-01-01", "patient.naissance"),
        ("quote_eur", "12 500,00", "demande.devis_eur"),
        ("quote_eur", "-5", "demande.devis_eur"),
        ("quote_eur", "1.2.3", "demande.devis_eur"),
        ("quote_eur", ".", "demande.devis_eur"),
    ],
)
def test_a_value_of_the_wrong_type_is_a_fault(field: str, value: str, place: str) -> None:
    """Dates, amounts and choices are checked."""
    found = [str(fault) for fault in faults(EXTENSION_REQUEST, {**GOOD, field: value})]
    assert len(found) == 1
    assert found[0].startswith(place)


@pytest.mark.parametrize(
    ("first", "last", "place"),
    [
        ("authorised_from", "authorised_until", "autorisation.fin"),
        ("requested_from", "requested_until", "demande.au"),
    ],
)
def test_a_range_that_ends_before_it_begins_is_a_fault(first: str, last: str, place: str) -> None:
    """The same day is a range; the day before is not."""
    assert faults(EXTENSION_REQUEST, {**GOOD, first: "2026-03-01", last: "2026-03-01"}) == ()
    found = tuple(map(str, faults(EXTENSION_REQUEST, {**GOOD, first: "2026-03-02", last: "2026-03-01"})))
    assert found == (f"{place} : antérieur à {'autorisation.debut' if 'auth' in first else 'demande.du'}",)


def test_every_fault_is_told_at_once() -> None:
    """An empty form names every required field, in the order of the catalogue."""
    found = faults(EXTENSION_REQUEST, {})
    wanted = [field.fiche for field in EXTENSION_REQUEST.fields if field.required]
    assert [str(fault).partition(" ")[0] for fault in found] == wanted


def test_an_answer_may_leave_its_fields_out() -> None:
    """An acceptance without dates or form still stops the clock."""
    assert faults(EXTENSION_ACCEPTANCE, {}) == ()
    assert not any(piece.required for piece in EXTENSION_ACCEPTANCE.pieces)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "2026-01-01T00:00:00", "x"])
def test_an_instant_that_no_calendar_holds_is_none(text: str) -> None:
    """A partner's notice cannot make us compute beyond the years that exist."""
    assert parse_instant(text) is None


@given(st.text(max_size=12))
def test_a_date_is_a_date_or_nothing(text: str) -> None:
    """Any text gives a date that writes itself again, or None."""
    found = parse_date(text)
    assert found is None or isinstance(found, date)


@given(st.dictionaries(st.sampled_from([field.id for field in EXTENSION_REQUEST.fields]), st.text(max_size=20)))
def test_no_value_of_a_form_breaks_the_check(values: dict[str, str]) -> None:
    """Whatever is typed, the answer is a list of sentences."""
    assert all(" : " in str(fault) for fault in faults(EXTENSION_REQUEST, values))


@pytest.mark.parametrize(
    ("field", "told", "kept"),
    [
        ("requested_from", "21/12/2026", "2026-12-21"),
        ("requested_from", " 1/2/2027 ", "2027-02-01"),
        ("requested_from", "2026-12-21", "2026-12-21"),
        ("requested_from", "12/21/2026", "2026-21-12"),
        ("requested_from", "21/12/26", "21/12/26"),
        ("quote_eur", "12500", "12500"),
        ("quote_eur", "12 500,50 €", "12500.50"),
        ("quote_eur", "12\u202f500,5\u00a0€", "12500.5"),
        ("quote_eur", "12500.00", "12500.00"),
        ("quote_eur", "12.500,00", "12.500,00"),
        ("quote_eur", "12,500.00", "12,500.00"),
        ("quote_eur", "1 25", "1 25"),
        ("care", "21/12/2026", "21/12/2026"),
        ("nowhere", "21/12/2026", "21/12/2026"),
    ],
)
def test_what_a_person_types_is_kept_in_one_form(field: str, told: str, kept: str) -> None:
    """Days and euros as the French write them; what could mean two things stays as it is, for the check to refuse."""
    assert as_kept(EXTENSION_REQUEST, {field: told}) == {field: kept}


@given(values=st.dictionaries(st.sampled_from([field.id for field in EXTENSION_REQUEST.fields]), st.text(max_size=20)))
def test_the_kept_form_is_kept_as_it_is(values: dict[str, str]) -> None:
    """Read again from a fiche or a database, it does not change."""
    once = as_kept(EXTENSION_REQUEST, values)

    assert as_kept(EXTENSION_REQUEST, once) == once
