"""The catalogue against the texts, written out a second time: who writes to whom, who reads a copy, what is owed.

The other tests take the catalogue at its word; this one is what the word must be. A change of either is a change of the
law as the gateway reads it, and is made in both places.
"""

from dataclasses import dataclass

import pytest

from gateway.domain.case import Event as CaseEvent
from gateway.domain.kinds import KINDS, Answer, Kind, Travel
from gateway.domain.parties import Role
from gateway.domain.request import Event as RequestEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the texts. ``ways`` are "sender > addressees / copies", ``noted`` who notes it, ``owed`` the content.

    ``does`` is the event of the case or of the request that it is, or the answer that it gives.
    """

    id: str
    ways: tuple[str, ...] = ()
    noted: str = ""
    form: str | None = None
    owed: str = ""
    does: CaseEvent | RequestEvent | Answer | None = None


PATIENT = "patient_name patient_first_name patient_born insurance_number"
TERMS = (
    f"{PATIENT} authorised_from authorised_until nature requested_from requested_until care reason quote_eur physician"
)
CERTIFIED = "issued_on covered_from covered_until length_days repatriation_accepted quote_accepted"
ALL_DESKS = "cnas cnse hospital"
ANSWER = ("cnas > treating_physician medical_unit",)
DOCTORS = ("hospital > medical_service / medical_unit", "cnas > treating_physician / medical_unit")

TEXTS: dict[str, tuple[Line, ...]] = {
    "M01": (
        Line(
            id="CARE_REQUEST",
            ways=("cnas > treating_physician / administration",),
            owed=f"{PATIENT} nationality pathology treatments examinations +medical_file",
            does=CaseEvent.CARE_REQUESTED,
        ),
    ),
    "M02": (Line(id="CARE_REQUEST.urgent"),),
    "M03": (
        Line(
            id="PRE_ADMISSION_INFO_REQUEST",
            ways=("hospital > medical_service / agreements_unit",),
            owed="wanted",
            does=CaseEvent.INFORMATION_ASKED,
        ),
    ),
    "M04": (
        Line(
            id="PRE_ADMISSION_INFO_RESPONSE",
            ways=("cnas > treating_physician",),
            owed="+medical_file",
            does=CaseEvent.INFORMATION_GIVEN,
        ),
    ),
    "M05": (
        Line(
            id="CARE_REFUSAL",
            ways=("hospital > medical_service agreements_unit",),
            owed="motive",
            does=CaseEvent.DECLINED,
        ),
    ),
    "M06": (
        Line(
            id="CARE_ACCEPTANCE_WITH_QUOTE",
            ways=("hospital > medical_service agreements_unit",),
            owed="care length_days appointment quote_eur physician +quote",
            does=CaseEvent.QUOTED,
        ),
    ),
    "M07": (
        Line(
            id="ENTITLEMENT_REFUSAL",
            ways=("cnas > administration treating_physician",),
            does=CaseEvent.ENTITLEMENT_REFUSED,
        ),
    ),
    "M08": (
        Line(
            id="ENTITLEMENT_CERTIFICATE",
            ways=("cnas > administration / medical_unit",),
            form="SE 352-301",
            owed=f"{PATIENT} {CERTIFIED} +form",
            does=CaseEvent.ENTITLED,
        ),
    ),
    "M09": (
        Line(
            id="ENTITLEMENT_PRESENTED",
            noted="hospital",
            form="SE 352-301 (cadre 4)",
            owed="on signed",
            does=CaseEvent.ENTITLED,
        ),
    ),
    "M10": (
        Line(
            id="ENTITLEMENT_TO_CPAM",
            ways=("hospital > international_relations",),
            noted="hospital",
            form="SE 352-301",
            owed="covered_from covered_until +form",
        ),
    ),
    "M11": (Line(id="PROVISIONAL_ID", ways=("cpam > administration",), noted="hospital"),),
    "M12": (
        Line(
            id="EXTENSION_REQUEST",
            ways=("hospital > agreements_unit / medical_unit",),
            form="SE 352-302 (partie A)",
            owed=f"{TERMS} +form +medical_report +quote +care_protocol",
            does=CaseEvent.EXTENSION_ASKED,
        ),
    ),
    "M13": (Line(id="RECEIPT_ACK"),),
    "M14": (
        Line(
            id="INFO_REQUEST",
            ways=("cnas > treating_physician / medical_unit",),
            owed="wanted",
            does=RequestEvent.INFORMATION_ASKED,
        ),
    ),
    "M15": (
        Line(
            id="INFO_RESPONSE",
            ways=("hospital > agreements_unit / medical_unit",),
            owed="information",
            does=RequestEvent.INFORMATION_GIVEN,
        ),
    ),
    "M16": (Line(id="EXTENSION_ACCEPTANCE", ways=ANSWER, form="SE 352-302 (partie 7)", does=Answer.ACCEPTED),),
    "M17": (Line(id="EXTENSION_REFUSAL", ways=ANSWER, form="SE 352-302", does=Answer.REFUSED),),
    "M18": (
        Line(id="TACIT_ACCEPTANCE", owed="requested_from requested_until nature quote_eur", does=CaseEvent.EXTENDED),
    ),
    "M19": (
        Line(
            id="EXTENSION_REGULARISATION",
            ways=ANSWER,
            form="SE 352-302 dûment rempli",
            owed="+form",
            does=RequestEvent.REGULARISED,
        ),
    ),
    "M20": (
        Line(
            id="EXTENSION_TO_CPAM",
            ways=("hospital > international_relations",),
            noted="hospital",
            form="SE 352-302 validé par la CNAS",
            owed="covered_from covered_until +form",
        ),
    ),
    "M21": (
        Line(
            id="EXTENSION_REQUEST.vital",
            ways=("hospital > medical_service agreements_unit / medical_unit",),
            form="SE 352-302 (partie A)",
            owed=f"{TERMS} length_days vital +form +medical_report +quote",
            does=CaseEvent.EXTENSION_ASKED,
        ),
    ),
    "M22": (
        Line(
            id="VITAL_INFO_REQUEST",
            ways=("cnas > treating_physician / medical_adviser",),
            owed="wanted",
            does=RequestEvent.INFORMATION_ASKED,
        ),
        Line(
            id="VITAL_INFO_RESPONSE",
            ways=("hospital > medical_service / medical_adviser",),
            owed="information",
            does=RequestEvent.INFORMATION_GIVEN,
        ),
    ),
    "M23": (Line(id="VITAL_DISPUTE", ways=("cnas > treating_physician / medical_unit",), does=Answer.VITAL_DISPUTED),),
    "M24": (
        Line(
            id="MEDIATION",
            ways=DOCTORS,
            noted="cnas hospital",
            owed="result=ouverte|accord|echec on",
        ),
    ),
    "M25": (
        Line(
            id="EXPERT_REQUEST",
            ways=("cnas > treating_physician / medical_unit",),
            noted="hospital",
            owed="on independent=oui",
            does=RequestEvent.EXPERT_ASKED,
        ),
    ),
    "M26": (Line(id="EXPERT_OPINION", ways=DOCTORS, noted="cnas hospital", owed="result=confirmee|niee on"),),
    "M27": (
        Line(
            id="SUPPLEMENTARY_AUTHORISATION",
            ways=("cnas > treating_physician administration / medical_unit",),
            owed="covered_from +authorisation",
        ),
    ),
    "M28": (
        Line(
            id="REPATRIATION_REQUEST",
            ways=("hospital > agreements_unit medical_service",),
            does=CaseEvent.REPATRIATION_REQUESTED,
        ),
    ),
    "M29": (
        Line(
            id="REPATRIATION_CONDITIONS",
            ways=("hospital > medical_service", "cnas > treating_physician"),
            owed="conditions",
            does=CaseEvent.REPATRIATION_PREPARED,
        ),
    ),
    "M30": (Line(id="INCIDENT_REPORT", ways=("hospital > agreements_unit medical_unit",), owed="difficulty"),),
    "M31": (Line(id="REPATRIATION_DONE", noted=ALL_DESKS, owed="on", does=CaseEvent.REPATRIATED),),
    "M32": (Line(id="MEDICAL_REPORT", ways=("hospital > medical_unit",), owed="+medical_report"),),
    "M33": (Line(id="MEDICAL_REPORT_RELAY", ways=("cnse > medical_service",), owed="+medical_report"),),
    "M34": (Line(id="INVOICE", noted=ALL_DESKS, owed="on"),),
    "M35": (Line(id="PAYMENT_RETURN", noted=ALL_DESKS, owed="on"),),
    "M36": (Line(id="HALF_YEARLY_STATEMENT", noted=ALL_DESKS, owed="on"),),
    "M37": (
        Line(id="CONSOLIDATED_CLAIM", noted=ALL_DESKS, owed="on"),
        Line(id="REIMBURSEMENT", noted=ALL_DESKS, owed="on"),
    ),
    "M38": (
        Line(
            id="CLAIM_DISPUTE",
            ways=("cnas > medical_unit", "cnse > administration"),
            noted="hospital",
            owed="motive",
        ),
        Line(id="CLAIM_REPRESENTED", noted=ALL_DESKS, owed="on"),
        Line(id="CLAIM_DISPUTE_ACCEPTED", noted=ALL_DESKS, owed="on"),
    ),
    "M39": (Line(id="DISPUTE_EVIDENCE", ways=("hospital > medical_unit",), owed="content"),),
    "M40": (Line(id="OVERPAYMENT_RECOVERY", ways=("cpam > administration",), noted="hospital", owed="on"),),
    "M41": (Line(id="HELPDESK_QUERY", ways=("hospital > helpdesk",), owed="question"),),
    "M42": (Line(id="OUT_OF_PROTOCOL", noted="hospital", owed="on issuer refused=annulee|retardee"),),
    "M-EXTENSION_PARTIAL_ACCEPTANCE": (
        Line(
            id="EXTENSION_PARTIAL_ACCEPTANCE",
            ways=ANSWER,
            form="SE 352-302 (partie 7)",
            owed="granted_from granted_until",
            does=Answer.PARTLY_ACCEPTED,
        ),
    ),
    "M-RIGHTS_EXTENDED": (Line(id="RIGHTS_EXTENDED", noted="cnse hospital", owed="on"),),
    "M-REVIEW_STARTED": (Line(id="REVIEW_STARTED", noted="hospital", owed="on", does=CaseEvent.REVIEW_STARTED),),
    "M-ADMISSION": (Line(id="ADMISSION", noted="hospital", owed="on", does=CaseEvent.ADMITTED),),
    "M-INTERRUPTION": (Line(id="INTERRUPTION", noted="hospital", owed="on", does=CaseEvent.INTERRUPTED),),
    "M-READMISSION": (Line(id="READMISSION", noted="hospital", owed="on", does=CaseEvent.READMITTED),),
    "M-TRANSFER": (Line(id="TRANSFER", noted="hospital", owed="on", does=CaseEvent.TRANSFERRED),),
    "M-DISCHARGE": (Line(id="DISCHARGE", noted=ALL_DESKS, owed="on", does=CaseEvent.DISCHARGED),),
    "M-NOTE": (Line(id="NOTE", noted=ALL_DESKS, owed="on note"),),
    "M-RESIDENCE_TRANSFER": (Line(id="RESIDENCE_TRANSFER", noted=ALL_DESKS, form="SE 352-04 I", owed="on"),),
    "M-RESIDENCE_TRANSFER_EXTENSION": (
        Line(id="RESIDENCE_TRANSFER_EXTENSION", noted=ALL_DESKS, form="SE 352-04 II", owed="on"),
    ),
    "M-FAMILY_BENEFITS": (Line(id="FAMILY_BENEFITS", noted=ALL_DESKS, form="SE 352-06 I", owed="on"),),
    "M-FAMILY_BENEFITS_EXTENSION": (
        Line(id="FAMILY_BENEFITS_EXTENSION", noted=ALL_DESKS, form="SE 352-06 II", owed="on"),
    ),
    "M-WORK_INJURY_BENEFITS": (Line(id="WORK_INJURY_BENEFITS", noted=ALL_DESKS, form="SE 352-16 I", owed="on"),),
    "M-STATUS_NOTICE": (Line(id="STATUS_NOTICE", ways=("hospital > medical_unit",), owed="state"),),
    "M-TACIT_ACCEPTANCE_NOTICE": (
        Line(
            id="TACIT_ACCEPTANCE_NOTICE",
            ways=("hospital > agreements_unit / medical_unit",),
            owed="started_at effective_at requested_from requested_until",
        ),
    ),
    "M-TACIT_ACCEPTANCE_WITHDRAWAL": (
        Line(
            id="TACIT_ACCEPTANCE_WITHDRAWAL",
            ways=("hospital > agreements_unit / medical_unit",),
            owed="effective_at withdrawn_at reason",
        ),
    ),
    "M-REPAIRED_COPY": (
        Line(
            id="REPAIRED_COPY",
            ways=(
                "hospital > medical_unit medical_adviser",
                "cnas > medical_unit medical_adviser",
                "cnse > treating_physician administration",
            ),
            owed="copied_kind copied_from +copy",
        ),
    ),
}


def ways(kind: Kind) -> tuple[str, ...]:
    """The routes of a kind, as the table above writes them."""
    found = []
    for route in kind.routes:
        to, copy = ([item.value.partition(".")[2] for item in items] for items in (route.to, route.copy))
        told = f"{route.sender.value} > {' '.join(to)}"
        found.append(f"{told} / {' '.join(copy)}" if copy else told)
    return tuple(found)


def owed(kind: Kind) -> set[str]:
    """The mandatory fields and pieces of a kind; where only some words decide something, with them."""
    decisive = {"result", "independent", "refused"}
    fields = {
        f"{field.id}={'|'.join(field.choices)}" if field.id in decisive else field.id
        for field in kind.fields
        if field.required
    }
    return fields | {f"+{piece.role}" for piece in kind.pieces if piece.required}


def does(kind: Kind) -> set[CaseEvent | RequestEvent | Answer]:
    """What an exchange of this kind does, whatever its fields."""
    return {done for done in (kind.answer, kind.outcome.case, kind.outcome.request) if done is not None}


@pytest.mark.law("M*")
@pytest.mark.parametrize("row", TEXTS)
def test_the_catalogue_says_what_the_texts_say(row: str) -> None:
    """001, 002, 003: senders, addressees by function, mandatory copies, form, mandatory content, effect."""
    found = [kind for kind in KINDS.values() if row in {kind.number, f"M-{kind.id}"}]
    assert [kind.id for kind in found] == [line.id for line in TEXTS[row]]
    for kind, line in zip(found, TEXTS[row], strict=True):
        assert (ways(kind), kind.form) == (line.ways, line.form)
        assert kind.noted_by == {Role(name) for name in line.noted.split()}
        assert owed(kind) == set(line.owed.split())
        assert line.does in does(kind) if line.does else not does(kind)


def test_no_kind_is_missing_from_the_texts() -> None:
    """Nor is there one twice."""
    assert sorted(line.id for lines in TEXTS.values() for line in lines) == sorted(KINDS)


def test_what_is_neither_sent_nor_noted_is_what_the_gateway_does_itself() -> None:
    """The mention of an urgency, the receipt, the silence: no desk, no address."""
    assert {kind.travel for kind in KINDS.values() if not kind.routes and not kind.noted_by} == {
        Travel.MENTION,
        Travel.RECEIPT,
        Travel.RECORDED,
    }
