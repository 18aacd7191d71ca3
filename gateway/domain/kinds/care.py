"""Before the stay, M01 to M11: the CNAS asks, the hospital answers with a quote, the CNAS certifies."""

from gateway.domain import case
from gateway.domain.kinds.shape import (
    PATIENT,
    Field,
    FieldType,
    Kind,
    Outcome,
    Route,
    Travel,
    choice,
    day,
    piece,
    text,
)
from gateway.domain.parties import Function, Role

_TO_CNAS = (Function.MEDICAL_SERVICE, Function.AGREEMENTS_UNIT)

CARE_REQUEST = Kind(
    id="CARE_REQUEST",
    number="M01",
    title="Demande de programmation des soins",
    routes=(Route(sender=Role.CNAS, to=(Function.TREATING_PHYSICIAN,), copy=(Function.ADMINISTRATION,)),),
    fields=(
        *PATIENT,
        # The protocol concerns Algerian nationals alone (003, line 122); the certificate then attests the rest.
        choice("nationality", "patient.nationalite", "nationalité du patient", "algerienne"),
        text("pathology", "etat.pathologie", "pathologie ou acte, pathologies associées", medical=True),
        text("treatments", "etat.traitements", "traitements antérieurs et en cours", medical=True),
        text("examinations", "etat.examens", "examens récents", medical=True),
        Field(
            id="length_days",
            fiche="demande.duree_jours",
            title="durée que la CNAS peut accorder",
            type=FieldType.DAYS,
            required=False,
        ),
        choice("urgent", "demande.urgente", "prise en charge médicale urgente", "oui", "non", required=False),
    ),
    pieces=(piece("medical_file", "dossier_medical", "informations sur l'état de santé", medical=True),),
    outcome=Outcome(case=case.Event.CARE_REQUESTED),
    precondition="accord préalable de la commission nationale ; la CNAS seule prend l'initiative",
    effect="ouvre le dossier",
    source="003:L122, L164, L172-180, L433-438 ; 002:L488",
)

CARE_REQUEST_URGENT = Kind(
    id="CARE_REQUEST.urgent",
    number="M02",
    title="Mention « prise en charge médicale urgente »",
    travel=Travel.MENTION,
    precondition="portée par le médecin algérien sur M01",
    deadline="meilleurs délais",
    effect="priorité ; ce n'est pas la procédure d'urgence vitale de l'article 6",
    source="003:L178",
)

PRE_ADMISSION_INFO_REQUEST = Kind(
    id="PRE_ADMISSION_INFO_REQUEST",
    number="M03",
    title="Demande d'informations complémentaires avant la venue",
    routes=(Route(sender=Role.HOSPITAL, to=(Function.MEDICAL_SERVICE,), copy=(Function.AGREEMENTS_UNIT,)),),
    fields=(text("wanted", "demande.informations", "ce qui manque", medical=True),),
    outcome=Outcome(case=case.Event.INFORMATION_ASKED),
    precondition="pendant l'examen de M01",
    deadline="avant la venue du patient",
    effect="l'examen attend",
    source="003:L206-212",
)

PRE_ADMISSION_INFO_RESPONSE = Kind(
    id="PRE_ADMISSION_INFO_RESPONSE",
    number="M04",
    title="Compléments d'informations avant la venue",
    routes=(Route(sender=Role.CNAS, to=(Function.TREATING_PHYSICIAN,)),),
    fields=(text("information", "reponse.informations", "informations données", required=False, medical=True),),
    pieces=(piece("medical_file", "documents", "documents ou examens", medical=True),),
    outcome=Outcome(case=case.Event.INFORMATION_GIVEN),
    precondition="M03",
    effect="l'examen reprend",
    source="003:L208-210",
)

CARE_REFUSAL = Kind(
    id="CARE_REFUSAL",
    number="M05",
    title="Refus motivé de prise en charge",
    routes=(Route(sender=Role.HOSPITAL, to=_TO_CNAS),),
    fields=(text("motive", "decision.motif", "motif du refus", medical=True),),
    outcome=Outcome(case=case.Event.DECLINED),
    precondition="M01",
    deadline="meilleurs délais",
    effect="la CNAS cherche un autre établissement",
    source="003:L180, L194",
)

CARE_ACCEPTANCE_WITH_QUOTE = Kind(
    id="CARE_ACCEPTANCE_WITH_QUOTE",
    number="M06",
    title="Acceptation, devis détaillé et proposition de rendez-vous",
    routes=(Route(sender=Role.HOSPITAL, to=_TO_CNAS),),
    fields=(
        text("care", "soins.nature", "nature des soins", medical=True),
        Field(id="length_days", fiche="soins.duree_jours", title="durée prévisible", type=FieldType.DAYS),
        day("appointment", "rendez_vous.date", "rendez-vous proposé"),
        Field(id="quote_eur", fiche="devis.montant_eur", title="devis détaillé", type=FieldType.AMOUNT),
        choice("discontinuous", "soins.discontinus", "soins discontinus", "oui", "non", required=False),
        text("physician", "medecin.nom", "médecin qui suivra le patient"),
    ),
    pieces=(piece("quote", "devis", "devis détaillé (TJP non majoré, liste en sus, sans frais de confort)"),),
    outcome=Outcome(case=case.Event.QUOTED),
    dated="appointment",
    precondition="la durée accordée par la CNAS est celle que le médecin prévoit",
    effect="base de l'attestation SE 352-301",
    source="003:L198-204, L218-228 ; 002:L75-79, L490",
)

ENTITLEMENT_REFUSAL = Kind(
    id="ENTITLEMENT_REFUSAL",
    number="M07",
    title="Refus d'autorisation par la CNAS",
    routes=(Route(sender=Role.CNAS, to=(Function.ADMINISTRATION, Function.TREATING_PHYSICIAN)),),
    fields=(text("motive", "decision.motif", "motif", required=False, medical=True),),
    outcome=Outcome(case=case.Event.ENTITLEMENT_REFUSED),
    precondition="M06",
    effect="le patient ne doit pas venir, ou paie lui-même",
    source="002:L75-77 ; 003:L112-114",
)

ENTITLEMENT_CERTIFICATE = Kind(
    id="ENTITLEMENT_CERTIFICATE",
    number="M08",
    title="Attestation de droits aux soins programmés (exemplaire 2)",
    routes=(Route(sender=Role.CNAS, to=(Function.ADMINISTRATION,), copy=(Function.MEDICAL_UNIT,)),),
    form="SE 352-301",
    fields=(
        *PATIENT,
        day("issued_on", "attestation.delivree_le", "délivrée le"),
        day("covered_from", "attestation.debut", "début des droits"),
        day("covered_until", "attestation.fin", "fin des droits"),
        # Without its length the certificate is not one (003, line 236).
        Field(id="length_days", fiche="attestation.duree_jours", title="durée accordée", type=FieldType.DAYS),
        choice("discontinuous", "attestation.soins_discontinus", "soins discontinus", "oui", "non", required=False),
        choice("repatriation_accepted", "attestation.rapatriement_accepte", "rapatriement accepté", "oui", "non"),
        choice("quote_accepted", "attestation.devis_accepte", "termes du devis acceptés", "oui"),
    ),
    pieces=(piece("form", "formulaire", "SE 352-301, exemplaire 2"),),
    outcome=Outcome(case=case.Event.ENTITLED),
    dated="issued_on",
    span=("covered_from", "covered_until"),
    precondition="M06 ; seule la CNAS délivre, tout autre formulaire est sans valeur",
    deadline="avant le départ du patient",
    effect="la CNAS est engagée, même si le patient ne présente ou ne signe pas l'original",
    source="003:L232-250 ; 002:L85-109",
)

ENTITLEMENT_PRESENTED = Kind(
    id="ENTITLEMENT_PRESENTED",
    number="M09",
    title="Remise du SE 352-301 par le patient (exemplaire 1)",
    travel=Travel.FACT,
    noted_by=frozenset({Role.HOSPITAL}),
    form="SE 352-301 (cadre 4)",
    fields=(
        day("on", "fait.date", "remis le"),
        choice("signed", "fait.signe", "cadre 4 signé par le patient", "oui", "non"),
        # Copy 2 may never come: copy 1 is the same certificate, and says for which days.
        day("covered_from", "attestation.debut", "début des droits", required=False),
        day("covered_until", "attestation.fin", "fin des droits", required=False),
    ),
    outcome=Outcome(case=case.Event.ENTITLED),
    dated="on",
    span=("covered_from", "covered_until"),
    precondition="M08",
    deadline="à l'admission",
    effect="déclaration du patient, dont l'acceptation du rapatriement ; tient lieu d'exemplaire 2 s'il manque",
    source="003:L152, L242-246, L350 ; 002:L507",
)

ENTITLEMENT_TO_CPAM = Kind(
    id="ENTITLEMENT_TO_CPAM",
    number="M10",
    title="Transmission du SE 352-301 à la CPAM",
    routes=(Route(sender=Role.HOSPITAL, to=(Function.CPAM,)),),
    noted_by=frozenset({Role.HOSPITAL}),
    form="SE 352-301",
    fields=(
        day("covered_from", "droits.debut", "début des droits"),
        day("covered_until", "droits.fin", "fin des droits"),
    ),
    pieces=(piece("form", "formulaire", "SE 352-301 rempli et signé, original ou copie"),),
    span=("covered_from", "covered_until"),
    precondition="M08 ou M09 ; formulaire vérifié",
    effect="droits ouverts, numéro provisoire",
    source="002:L91-99, L119-125, L598-609",
)

PROVISIONAL_ID = Kind(
    id="PROVISIONAL_ID",
    number="M11",
    title="Données d'identification provisoire",
    routes=(Route(sender=Role.CPAM, to=(Function.ADMINISTRATION,)),),
    noted_by=frozenset({Role.HOSPITAL}),
    fields=(text("provisional_number", "droits.numero_provisoire", "numéro provisoire", required=False),),
    precondition="M10",
    effect="permet la facturation",
    source="002:L123-125, L607",
)

ROWS = (
    CARE_REQUEST,
    CARE_REQUEST_URGENT,
    PRE_ADMISSION_INFO_REQUEST,
    PRE_ADMISSION_INFO_RESPONSE,
    CARE_REFUSAL,
    CARE_ACCEPTANCE_WITH_QUOTE,
    ENTITLEMENT_REFUSAL,
    ENTITLEMENT_CERTIFICATE,
    ENTITLEMENT_PRESENTED,
    ENTITLEMENT_TO_CPAM,
    PROVISIONAL_ID,
)
