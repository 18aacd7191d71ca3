"""What the parties of a story write unless it says otherwise: one invented patient, one stay of spring 2026."""

from collections.abc import Mapping

from gateway.domain.kinds import Kind
from gateway.wire.payload import Attachment

PATIENT = {
    "patient_name": "BENALI",
    "patient_first_name": "Amine",
    "patient_born": "1980-05-01",
    "insurance_number": "démuni",
}
STAY = {"authorised_from": "2026-01-18", "authorised_until": "2026-02-20"}
ASKED = {"requested_from": "2026-02-21", "requested_until": "2026-03-20"}
REQUEST = {
    **PATIENT,
    **STAY,
    **ASKED,
    "nature": "prolongation",
    "care": "rééducation après reprise chirurgicale",
    "reason": "infection du site opératoire, imprévisible au départ",
    "quote_eur": "12500.00",
    "physician": "Dr Martin",
}

WRITTEN: Mapping[str, Mapping[str, str]] = {
    "CARE_REQUEST": {
        **PATIENT,
        "nationality": "algerienne",
        "pathology": "sténose aortique",
        "treatments": "traitement médical depuis 2019",
        "examinations": "échographie du 12 décembre 2025",
        "length_days": "34",
    },
    "PRE_ADMISSION_INFO_REQUEST": {"wanted": "coronarographie récente"},
    "CARE_REFUSAL": {"motive": "plateau technique indisponible avant six mois"},
    "CARE_ACCEPTANCE_WITH_QUOTE": {
        "care": "remplacement valvulaire aortique",
        "length_days": "34",
        "appointment": "2026-01-18",
        "quote_eur": "41800.00",
        "physician": "Dr Martin",
    },
    "ENTITLEMENT_CERTIFICATE": {
        **PATIENT,
        "issued_on": "2026-01-11",
        "covered_from": STAY["authorised_from"],
        "covered_until": STAY["authorised_until"],
        "length_days": "34",
        "repatriation_accepted": "oui",
        "quote_accepted": "oui",
    },
    "ENTITLEMENT_PRESENTED": {"signed": "oui"},
    "ENTITLEMENT_TO_CPAM": {"covered_from": STAY["authorised_from"], "covered_until": STAY["authorised_until"]},
    "EXTENSION_REQUEST": REQUEST,
    "EXTENSION_REQUEST.vital": {**REQUEST, "length_days": "28", "vital": "oui"},
    "INFO_REQUEST": {"wanted": "compte rendu opératoire"},
    "INFO_RESPONSE": {"information": "compte rendu joint"},
    "VITAL_INFO_REQUEST": {"wanted": "bilan de réanimation"},
    "VITAL_INFO_RESPONSE": {"information": "bilan joint"},
    "EXTENSION_PARTIAL_ACCEPTANCE": {"granted_from": ASKED["requested_from"], "granted_until": "2026-03-06"},
    "EXTENSION_REGULARISATION": {},
    "EXTENSION_TO_CPAM": {"covered_from": ASKED["requested_from"], "covered_until": ASKED["requested_until"]},
    "VITAL_DISPUTE": {"motive": "le pronostic vital n'était pas engagé le jour de la demande"},
    "EXPERT_REQUEST": {"independent": "oui"},
    "REPATRIATION_REQUEST": {"conditions": "transport allongé, oxygène"},
    "REPATRIATION_CONDITIONS": {"conditions": "vol sanitaire, un infirmier accompagne"},
    "INCIDENT_REPORT": {"difficulty": "aucune place de retour avant dix jours"},
    "SUPPLEMENTARY_AUTHORISATION": {},
    "CLAIM_DISPUTE": {"motive": "formulaire SE 352-302 non joint", "wanted": "formulaire et compte rendu"},
    "DISPUTE_EVIDENCE": {"content": "formulaire SE 352-302 et compte rendu de séjour"},
    "TRANSFER": {"establishment": "Centre de rééducation de la Côte"},
    "NOTE": {"note": "famille prévenue"},
}


def values(kind: Kind, today: str, told: Mapping[str, str]) -> dict[str, str]:
    """The fields of a message or fact: what the story tells, what is usual, and today where the kind is dated."""
    found = {**WRITTEN.get(kind.id, {}), **told}
    dated = kind.field(kind.dated) if kind.dated else None
    if dated is not None and dated.id not in found:
        found[dated.id] = today
    return found


def pieces(kind: Kind, also: tuple[str, ...]) -> tuple[Attachment, ...]:
    """Every file that the kind demands, and those that the story adds."""
    return tuple(
        Attachment(
            name=f"{piece.fiche}.pdf",
            media_type="application/pdf",
            data=f"%PDF {piece.title}".encode(),
            role=piece.role,
        )
        for piece in kind.pieces
        if piece.required or piece.role in also
    )
