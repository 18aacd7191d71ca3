"""Duties around the stay: the first demand, the certificate and its copies, the CPAM, the return, the reports."""

from collections.abc import Iterator
from datetime import date, timedelta

from gateway.domain.case import State
from gateway.domain.duties.shape import REMIND, File, Found, Urgency, day, look, note, rule, write
from gateway.domain.parties import Role
from gateway.domain.request import DISCUSSING, OPEN
from gateway.domain.request import State as Asking
from gateway.domain.words import french, said

_H, _A, _E = Role.HOSPITAL, Role.CNAS, Role.CNSE
_CERTIFIED = "ENTITLEMENT_CERTIFICATE"
_PRESENTED = "ENTITLEMENT_PRESENTED"
_OVER = ("DISCHARGE", "REPATRIATION_DONE")

ENDS_SOON, ENDS_NOW = timedelta(days=7), timedelta(days=2)
"""How long before its last day an authorisation is spoken of, and loudly: a request must leave before it (K2)."""

CARRYING = OPEN | {*DISCUSSING, Asking.REFUSED, Asking.MEDIATION_SETTLED, Asking.VITAL_DENIED}
"""States of a request to prolong under which the end of the authorisation is no news: it is asked, or cannot be."""


def _care_asked(file: File) -> Iterator[Found]:
    if file.state in {State.RECEIVED, State.UNDER_REVIEW}:
        yield Found(sentence=said("Répondre à la demande de soins : acceptation avec devis et rendez-vous, ou refus."))


def _complement(file: File) -> Iterator[Found]:
    if file.state is State.AWAITING_INFORMATION:
        yield Found(sentence=said("Donner les informations demandées par l'hôpital avant la venue."))


def _quoted(file: File) -> Iterator[Found]:
    if file.state is State.QUOTED:
        yield Found(sentence=said("Délivrer l'attestation SE 352-301, ou la refuser."))


def _no_copy_2(file: File) -> Iterator[Found]:
    shown = file.newest(_PRESENTED)
    if shown is not None and not file.of(_CERTIFIED):
        yield Found(
            sentence=said(
                "Exemplaire 1 du SE 352-301 remis le {day}, exemplaire 2 jamais reçu de la CNAS.", day=day(shown.day)
            ),
            urgency=Urgency.NOW,
        )


def _no_copy_1(file: File) -> Iterator[Found]:
    if file.of(_CERTIFIED) and file.of("ADMISSION") and not file.of(_PRESENTED):
        sentence = said("Patient admis, exemplaire 1 du SE 352-301 jamais remis par le patient.")
        yield Found(sentence=sentence)


def _unsigned(file: File) -> Iterator[Found]:
    shown = file.newest(_PRESENTED)
    if shown is not None and shown.values.get("signed") == "non":
        yield Found(sentence=said("Exemplaire 1 du SE 352-301 remis sans la signature du patient (cadre 4)."))


def _no_repatriation(file: File) -> Iterator[Found]:
    certified = file.newest(_CERTIFIED)
    if certified is not None and certified.values.get("repatriation_accepted") == "non":
        yield Found(
            sentence=said("L'attestation SE 352-301 ne porte pas l'acceptation du rapatriement par le patient.")
        )


def _length(file: File) -> Iterator[Found]:
    quoted, certified = file.newest("CARE_ACCEPTANCE_WITH_QUOTE"), file.newest(_CERTIFIED)
    foreseen = quoted.values.get("length_days") if quoted else None
    granted = certified.values.get("length_days") if certified else None
    if foreseen and granted and foreseen != granted:
        told = said(
            "L'attestation accorde {granted} jours, le devis en prévoit {foreseen} : il faut un accord.",
            granted=granted,
            foreseen=foreseen,
        )
        yield Found(sentence=told)


def _certificate_to_cpam(file: File) -> Iterator[Found]:
    # Either copy does (002:L119-125), one for each certificate: a new year has a new one.
    due = max(len(file.of(_CERTIFIED)), min(len(file.of(_PRESENTED)), 1))
    if len(file.of("ENTITLEMENT_TO_CPAM")) < due:
        admitted = bool(file.of("ADMISSION"))
        told = said("Transmettre l'attestation SE 352-301 à la CPAM.")
        yield Found(sentence=told, urgency=Urgency.SOON if admitted else Urgency.LATER)


def _no_number(file: File) -> Iterator[Found]:
    if file.of("ENTITLEMENT_TO_CPAM") and not file.of("PROVISIONAL_ID"):
        yield Found(sentence=said("La CPAM n'a pas encore donné le numéro provisoire."), urgency=Urgency.LATER)


def _ends(file: File) -> Iterator[Found]:
    """Nothing prolongs the authorisation of a patient who is there: from its end on, the hospital pays (003:L200)."""
    end = file.authorised_until
    if file.state is not State.ADMITTED or end is None or end - file.today > ENDS_SOON:
        return
    if any(asked.prolongs and asked.state in CARRYING for asked in file.requests):
        return
    told = french("L'autorisation finit le {day} : demander la prolongation avant, ou noter la sortie.")
    if end < file.today:
        told = french(
            "Autorisation finie depuis le {day} : l'hôpital supporte le séjour ; noter la sortie si elle a eu lieu."
        )
    soon = end - file.today > ENDS_NOW
    yield Found(sentence=said(told, day=day(end)), urgency=Urgency.SOON if soon else Urgency.NOW, due=end)


def _end_nears(file: File) -> Iterator[date]:
    end = file.authorised_until
    if file.state is State.ADMITTED and end is not None:
        yield from (end - ENDS_SOON, end - ENDS_NOW, end + timedelta(days=1))


def _return(file: File) -> Iterator[Found]:
    if file.state is State.REPATRIATION_PENDING:
        yield Found(sentence=said("Organiser le rapatriement du patient."))


def _reports(file: File) -> Iterator[Found]:
    if file.of(*_OVER) and not file.of("MEDICAL_REPORT"):
        told = said("Envoyer les comptes rendus médicaux au CNSE : ils justifient la créance.")
        yield Found(sentence=told, urgency=Urgency.LATER)


def _relay(file: File) -> Iterator[Found]:
    if file.place("MEDICAL_REPORT") > file.place("MEDICAL_REPORT_RELAY"):
        yield Found(sentence=said("Relayer les comptes rendus médicaux à la CNAS (M33)."))


def _evidence(file: File) -> Iterator[Found]:
    if file.place("CLAIM_DISPUTE") > file.place("DISPUTE_EVIDENCE"):
        yield Found(sentence=said("Répondre à la contestation de la créance par les pièces demandées."))


def _pass_on(file: File) -> Iterator[Found]:
    if file.place("CLAIM_DISPUTE", sent=False) > file.place("CLAIM_DISPUTE", sent=True):
        yield Found(sentence=said("Transmettre à l'hôpital la contestation de la CNAS."))


RULES = (
    rule("authorisation_ends", _H, _ends, "003:L200, L266", {_H: write("EXTENSION_REQUEST")}, turns=_end_nears),
    rule("care_to_answer", _H, _care_asked, "003:L194-204", {_H: write("CARE_ACCEPTANCE_WITH_QUOTE"), _A: look}),
    rule("complement_to_give", _A, _complement, "003:L206-210", {_A: write("PRE_ADMISSION_INFO_RESPONSE"), _H: look}),
    rule("entitlement_to_decide", _A, _quoted, "003:L232-236", {_A: write(_CERTIFIED), _H: look}),
    rule("copy_2_missing", _A, _no_copy_2, "003:L240-250", {_H: REMIND}),
    rule("copy_1_missing", _H, _no_copy_1, "003:L242-246", {_H: note(_PRESENTED, "fait.signe=oui")}),
    rule("copy_1_unsigned", _H, _unsigned, "003:L242-246", {_H: note(_PRESENTED, "fait.signe=oui")}),
    rule("repatriation_not_accepted", _A, _no_repatriation, "003:L152", {_H: REMIND}),
    rule("length_differs", _A, _length, "003:L198", {_H: REMIND, _A: write(_CERTIFIED)}),
    rule("certificate_to_cpam", _H, _certificate_to_cpam, "002:L91-99", {_H: write("ENTITLEMENT_TO_CPAM")}),
    rule("number_awaited", Role.CPAM, _no_number, "002:L123-125", {_H: note("PROVISIONAL_ID")}),
    rule("repatriation_to_organise", _A, _return, "003:L284, L338-344", {_A: note("REPATRIATION_DONE"), _H: REMIND}),
    rule("reports_to_send", _H, _reports, "002:L640, L667-672", {_H: write("MEDICAL_REPORT")}),
    rule("reports_to_relay", _E, _relay, "002:L745", {_E: write("MEDICAL_REPORT_RELAY")}),
    rule("dispute_to_answer", _H, _evidence, "002:L394-398", {_H: write("DISPUTE_EVIDENCE")}),
    rule("dispute_to_pass_on", _E, _pass_on, "003:L394", {_E: write("CLAIM_DISPUTE")}),
)
