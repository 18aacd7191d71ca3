"""What the texts ask before a person may send or note an exchange, beyond its fields and the state tables.

A guard that fails is a sentence with its rule. A person may insist with a reason, which is kept: the texts bind the
partners, the gateway only warns. Rules R17, R24, R25, R26 and K4 (instruction 2019/224, circular 31/2021).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

from gateway.domain import request
from gateway.domain.case import needs_new_certificate
from gateway.domain.kinds import parse_date
from gateway.domain.words import Said, dated, said


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of the case: the newest details by kind, and the request that the exchange names."""

    facts: Mapping[str, Mapping[str, str]]
    state: request.State | None = None
    form_owed: bool = False
    certificates: tuple[date, ...] = ()


Guard = Callable[[Mapping[str, str], Known], Said | None]


def guard(kind: str, values: Mapping[str, str], known: Known) -> Said | None:
    """Why this exchange should not happen yet, or None."""
    check = _GUARDS.get(kind)
    return check(values, known) if check else None


def _after(*kinds: str) -> Guard:
    def check(_values: Mapping[str, str], known: Known) -> Said | None:
        if any(kind in known.facts for kind in kinds):
            return None
        return _MISSING[kinds[0]]

    return check


_MISSING = {
    "CARE_REQUEST": said("Aucune demande de programmation n'est dans ce dossier (M01)."),
    "PRE_ADMISSION_INFO_REQUEST": said("Aucune demande d'informations n'a été reçue pour ce dossier (M03)."),
    "ENTITLEMENT_CERTIFICATE": said("Aucune attestation SE 352-301 n'est dans ce dossier (M08 ou M09)."),
    "INFO_REQUEST": said("La CNAS n'a rien demandé pour ce dossier (M14)."),
    "VITAL_INFO_REQUEST": said("La CNAS n'a rien demandé pour ce dossier (M22)."),
    "MEDICAL_REPORT": said("Aucun compte rendu n'a été reçu pour ce dossier (M32)."),
    "CLAIM_DISPUTE": said("Aucune contestation n'est dans ce dossier (M38)."),
}


def _same_length(values: Mapping[str, str], known: Known) -> Said | None:
    """R25: the length granted is the length foreseen (003, line 198)."""
    asked = known.facts.get("CARE_REQUEST", {}).get("length_days")
    if asked and values.get("length_days") != asked:
        return said(
            "La CNAS accorde {asked} jours, vous en prévoyez {foreseen} : il faut un accord (instruction, § 4.1 b).",
            asked=asked,
            foreseen=values.get("length_days", "–"),
        )
    return None


def _certifiable(values: Mapping[str, str], known: Known) -> Said | None:
    """What a certificate should not say: another length than the one foreseen, days before it was asked for."""
    return _quoted_length(values, known) or _beforehand(values, known)


def _beforehand(values: Mapping[str, str], known: Known) -> Said | None:
    """R26: a stay that began without an agreement is not put right afterwards (003, line 166)."""
    issued, first = parse_date(values.get("issued_on", "")), parse_date(values.get("covered_from", ""))
    if known.certificates or issued is None or first is None or first >= issued:
        return None
    return said(
        "Les droits commenceraient le {first}, avant l'attestation : la commission nationale ne régularise pas "
        "un séjour commencé sans accord (instruction, § 4.1).",
        first=dated(first),
    )


def _quoted_length(values: Mapping[str, str], known: Known) -> Said | None:
    """R25 again, for the CNAS: its certificate grants the length that the hospital quoted."""
    quoted = known.facts.get("CARE_ACCEPTANCE_WITH_QUOTE", {}).get("length_days")
    if quoted and values.get("length_days") != quoted:
        return said(
            "L'hôpital prévoit {quoted} jours, l'attestation en accorde {granted} (instruction, § 4.1 b).",
            quoted=quoted,
            granted=values.get("length_days", "–"),
        )
    return None


def _validated(_values: Mapping[str, str], known: Known) -> Said | None:
    """M20: the form goes to the CPAM once validated by the CNAS (003, line 264)."""
    granted = known.state in {request.State.ACCEPTED, request.State.PARTLY_ACCEPTED, request.State.REGULARISED}
    if granted and not known.form_owed:
        return None
    return said("La CNAS n'a pas encore rendu le formulaire SE 352-302 validé (M16 ou M19).")


def _last_resort(_values: Mapping[str, str], known: Known) -> Said | None:
    """R17: mediation between physicians comes first (003, lines 316-322)."""
    if known.state is request.State.MEDIATION_FAILED:
        return None
    return said("L'expertise est le dernier recours : la conciliation entre médecins n'a pas échoué (§ 5.2 c).")


def _same_year(values: Mapping[str, str], known: Known) -> Said | None:
    """K4: readmission within the calendar year of a certificate (003, line 352)."""
    back = parse_date(values.get("on", ""))
    if back is None or not known.certificates:
        return None
    if all(needs_new_certificate(issued, back) for issued in known.certificates):
        return said("L'attestation est d'une autre année civile : il faut une nouvelle autorisation (§ 7).")
    return None


_GUARDS: Mapping[str, Guard] = MappingProxyType(
    {
        "CARE_REFUSAL": _after("CARE_REQUEST"),
        "CARE_ACCEPTANCE_WITH_QUOTE": _same_length,
        "PRE_ADMISSION_INFO_RESPONSE": _after("PRE_ADMISSION_INFO_REQUEST"),
        "ENTITLEMENT_CERTIFICATE": _certifiable,
        "ENTITLEMENT_TO_CPAM": _after("ENTITLEMENT_CERTIFICATE", "ENTITLEMENT_PRESENTED"),
        "INFO_RESPONSE": _after("INFO_REQUEST"),
        "VITAL_INFO_RESPONSE": _after("VITAL_INFO_REQUEST"),
        "EXTENSION_TO_CPAM": _validated,
        "EXPERT_REQUEST": _last_resort,
        "READMISSION": _same_year,
        "MEDICAL_REPORT_RELAY": _after("MEDICAL_REPORT"),
        "DISPUTE_EVIDENCE": _after("CLAIM_DISPUTE"),
    }
)

GUARDED = frozenset(_GUARDS)
"""The kinds that have a guard: for the others nobody need look up what is known of the case."""
