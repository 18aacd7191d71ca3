"""The stay and its end, M28 to M33 and the facts of the desk: admission, interruptions, transfer, return, reports."""

from gateway.domain import case
from gateway.domain.kinds.shape import Kind, Outcome, Route, Subject, Travel, day, piece, text
from gateway.domain.parties import Function, Role

_HOSPITAL = frozenset({Role.HOSPITAL})
_ANYONE = frozenset({Role.HOSPITAL, Role.CNAS, Role.CNSE})


def _fact(
    kind_id: str,
    title: str,
    event: case.Event,
    *,
    effect: str,
    source: str,
    precondition: str = "",
    more: bool = False,
    noted_by: frozenset[Role] = _HOSPITAL,
) -> Kind:
    """A dated fact of the stay that no mail carries."""
    other = (text("establishment", "fait.etablissement", "établissement", required=False),) if more else ()
    return Kind(
        id=kind_id,
        number=None,
        title=title,
        travel=Travel.FACT,
        noted_by=noted_by,
        fields=(day("on", "fait.date", "date"), *other),
        outcome=Outcome(case=event),
        dated="on",
        precondition=precondition,
        effect=effect,
        source=source,
    )


REVIEW_STARTED = _fact(
    "REVIEW_STARTED",
    "Examen de la demande commencé",
    case.Event.REVIEW_STARTED,
    effect="le dossier est à l'étude",
    precondition="M01",
    source="003:L188",
)
ADMISSION = _fact(
    "ADMISSION",
    "Admission",
    case.Event.ADMITTED,
    effect="la prise en charge court à compter de l'admission",
    precondition="M08",
    source="003:L350",
)
INTERRUPTION = _fact(
    "INTERRUPTION",
    "Interruption du séjour",
    case.Event.INTERRUPTED,
    effect="la durée de prise en charge est suspendue",
    source="003:L350",
)
READMISSION = _fact(
    "READMISSION",
    "Réadmission",
    case.Event.READMITTED,
    effect="la durée recommence à courir, dans l'année civile de l'attestation",
    precondition="nouvelle attestation si l'année a changé",
    source="003:L352",
)
TRANSFER = _fact(
    "TRANSFER",
    "Transfert dans un autre établissement",
    case.Event.TRANSFERRED,
    effect="même attestation",
    precondition="médicalement justifié",
    source="003:L356",
    more=True,
)
# The end of the stay ends the case for those who follow it as well, and no mail tells them of it.
DISCHARGE = _fact(
    "DISCHARGE",
    "Sortie",
    case.Event.DISCHARGED,
    effect="fin du séjour couvert",
    source="003:L350",
    noted_by=_ANYONE,
)

REPATRIATION_REQUEST = Kind(
    id="REPATRIATION_REQUEST",
    number="M28",
    title="Demande de rapatriement",
    routes=(Route(sender=Role.HOSPITAL, to=(Function.AGREEMENTS_UNIT, Function.MEDICAL_SERVICE)),),
    fields=(
        day("ready_on", "rapatriement.possible_le", "possible à partir du", required=False),
        text("conditions", "rapatriement.conditions", "conditions particulières", required=False, medical=True),
    ),
    outcome=Outcome(case=case.Event.REPATRIATION_REQUESTED),
    precondition="refus, ou fin des soins",
    deadline="au plus vite",
    effect="la CNAS paie séjour et soins jusqu'au rapatriement",
    source="003:L284, L338-344",
)

REPATRIATION_CONDITIONS = Kind(
    id="REPATRIATION_CONDITIONS",
    number="M29",
    title="Conditions particulières de rapatriement",
    routes=(
        Route(sender=Role.HOSPITAL, to=(Function.MEDICAL_SERVICE,)),
        Route(sender=Role.CNAS, to=(Function.TREATING_PHYSICIAN,)),
    ),
    fields=(text("conditions", "rapatriement.conditions", "conditions", medical=True),),
    outcome=Outcome(case=case.Event.REPATRIATION_PREPARED),
    effect="les conditions sont fixées entre médecins",
    source="003:L324, L336",
)

INCIDENT_REPORT = Kind(
    id="INCIDENT_REPORT",
    number="M30",
    title="Signalement de difficulté",
    routes=(Route(sender=Role.HOSPITAL, to=(Function.AGREEMENTS_UNIT, Function.MEDICAL_UNIT)),),
    fields=(text("difficulty", "signalement.difficulte", "difficulté rencontrée"),),
    deadline="au fil de l'eau",
    effect="peut être portée devant la commission mixte",
    source="003:L344, L412-414",
)

REPATRIATION_DONE = Kind(
    id="REPATRIATION_DONE",
    number="M31",
    title="Rapatriement effectif",
    travel=Travel.FACT,
    noted_by=_ANYONE,
    fields=(day("on", "fait.date", "date"),),
    outcome=Outcome(case=case.Event.REPATRIATED),
    dated="on",
    effect="fin de la prise en charge du séjour par la CNAS",
    source="003:L330-334",
)

MEDICAL_REPORT = Kind(
    id="MEDICAL_REPORT",
    number="M32",
    title="Comptes rendus médicaux au CNSE",
    routes=(Route(sender=Role.HOSPITAL, to=(Function.MEDICAL_UNIT,)),),
    pieces=(piece("medical_report", "compte_rendu", "comptes rendus médicaux", medical=True),),
    precondition="soins délivrés",
    effect="justifie la créance",
    source="002:L640, L667-672 ; 003:L96, L390",
)

MEDICAL_REPORT_RELAY = Kind(
    id="MEDICAL_REPORT_RELAY",
    number="M33",
    title="Comptes rendus médicaux relayés à la CNAS",
    routes=(Route(sender=Role.CNSE, to=(Function.MEDICAL_SERVICE,)),),
    pieces=(piece("medical_report", "compte_rendu", "comptes rendus médicaux", medical=True),),
    precondition="M32",
    effect="relève du CNSE",
    source="002:L745",
)

NOTE = Kind(
    id="NOTE",
    number=None,
    title="Note au dossier",
    subject=Subject.CASE,
    travel=Travel.FACT,
    noted_by=_ANYONE,
    fields=(day("on", "fait.date", "date"), text("note", "fait.note", "note", medical=True)),
    dated="on",
    effect="mémoire du dossier, sans effet",
    source="usage du bureau",
)

ROWS = (
    REVIEW_STARTED,
    ADMISSION,
    INTERRUPTION,
    READMISSION,
    TRANSFER,
    DISCHARGE,
    REPATRIATION_REQUEST,
    REPATRIATION_CONDITIONS,
    INCIDENT_REPORT,
    REPATRIATION_DONE,
    MEDICAL_REPORT,
    MEDICAL_REPORT_RELAY,
    NOTE,
)
