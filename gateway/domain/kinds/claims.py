"""Money and neighbours, M34 to M42 and seed 001: what other systems carry, known here so that a person can ask."""

from gateway.domain.kinds.shape import Field, FieldType, Kind, Outcome, Route, Travel, choice, day, piece, text
from gateway.domain.parties import Function, Role

_DESKS = frozenset({Role.HOSPITAL, Role.CNAS, Role.CNSE})
_HOSPITAL = frozenset({Role.HOSPITAL})
_NOTED = (
    day("on", "fait.date", "date"),
    text("reference", "fait.reference", "référence dans l'autre circuit", required=False),
)


def _elsewhere(
    kind_id: str,
    number: str | None,
    title: str,
    *,
    source: str,
    form: str | None = None,
    precondition: str = "",
    deadline: str = "",
    effect: str = "",
    noted_by: frozenset[Role] = _DESKS,
    fields: tuple[Field, ...] = (),
) -> Kind:
    """An exchange of another circuit, of which a person notes the date and a reference."""
    return Kind(
        id=kind_id,
        number=number,
        title=title,
        travel=Travel.ELSEWHERE,
        noted_by=noted_by,
        form=form,
        fields=_NOTED + fields,
        outcome=Outcome(),
        dated="on",
        precondition=precondition,
        deadline=deadline,
        effect=effect,
        source=source,
    )


INVOICE = _elsewhere(
    "INVOICE",
    "M34",
    "Facture B2",
    precondition="M11",
    effect="payée par la CPAM ; peut différer du devis (liste en sus à cette date) ; jamais les frais de confort",
    source="002:L175-372, L619 ; 003:L104, L360, L376",
    fields=(Field(id="amount_eur", fiche="fait.montant_eur", title="montant", type=FieldType.AMOUNT, required=False),),
)
PAYMENT_RETURN = _elsewhere(
    "PAYMENT_RETURN", "M35", "Retour RSP, paiement", precondition="M34", effect="payée", source="002:L212-216, L623-625"
)
HALF_YEARLY_STATEMENT = _elsewhere(
    "HALF_YEARLY_STATEMENT",
    "M36",
    "Relevés semestriels",
    deadline="semestriel, présenté au semestre suivant",
    source="002:L388-392, L734-741 ; 003:L384",
)
CONSOLIDATED_CLAIM = _elsewhere(
    "CONSOLIDATED_CLAIM", "M37", "Facture consolidée", precondition="M36", source="002:L740-743"
)
REIMBURSEMENT = _elsewhere(
    "REIMBURSEMENT", "M37", "Remboursement par la CNAS", precondition="facture consolidée", source="002:L740-743"
)

CLAIM_DISPUTE = Kind(
    id="CLAIM_DISPUTE",
    number="M38",
    title="Contestation de créance",
    routes=(
        Route(sender=Role.CNAS, to=(Function.MEDICAL_UNIT,)),
        Route(sender=Role.CNSE, to=(Function.ADMINISTRATION,)),
    ),
    noted_by=_HOSPITAL,
    fields=(
        text("motive", "contestation.motif", "motif"),
        text("wanted", "contestation.pieces", "pièces demandées", required=False),
    ),
    precondition="M37",
    # Six months are an observed mean, not a limit (002:L392-394); the legal length is in neither text.
    deadline="délai non fixé par les textes connus (six mois : moyenne observée)",
    effect="représentée avec ses preuves, ou acceptée",
    source="002:L392-400 ; 003:L98-100, L394",
)

DISPUTE_EVIDENCE = Kind(
    id="DISPUTE_EVIDENCE",
    number="M39",
    title="Pièces justificatives pour une contestation",
    routes=(Route(sender=Role.HOSPITAL, to=(Function.MEDICAL_UNIT,)),),
    fields=(text("content", "pieces_jointes.objet", "pièces envoyées"),),
    pieces=(
        piece("form", "formulaire", "formulaire manquant", required=False),
        piece("medical_report", "compte_rendu", "compte rendu", required=False, medical=True),
    ),
    precondition="M38",
    effect="la créance peut être représentée",
    source="002:L394-398",
)

CLAIM_REPRESENTED = _elsewhere(
    "CLAIM_REPRESENTED",
    "M38",
    "Créance représentée avec ses preuves",
    precondition="M38 ; pièces réunies (M39)",
    effect="la CNAS se prononce de nouveau",
    source="002:L394-400",
)
CLAIM_DISPUTE_ACCEPTED = _elsewhere(
    "CLAIM_DISPUTE_ACCEPTED",
    "M38",
    "Contestation acceptée",
    precondition="M38",
    effect="la créance est retirée ; indu à l'hôpital si la procédure n'a pas été suivie (M40)",
    source="002:L400-409",
)

OVERPAYMENT_RECOVERY = Kind(
    id="OVERPAYMENT_RECOVERY",
    number="M40",
    title="Demande de remboursement d'un indu",
    routes=(Route(sender=Role.CPAM, to=(Function.ADMINISTRATION,)),),
    noted_by=_HOSPITAL,
    fields=(
        day("on", "indu.date", "date de la demande"),
        Field(id="amount_eur", fiche="indu.montant_eur", title="montant", type=FieldType.AMOUNT, required=False),
    ),
    dated="on",
    precondition="contestation acceptée, procédure non suivie",
    deadline="trois ans (CSS, art. L. 133-4)",
    effect="l'hôpital rembourse",
    source="002:L403-409",
)

HELPDESK_QUERY = Kind(
    id="HELPDESK_QUERY",
    number="M41",
    title="Question médico-administrative au CNSE",
    routes=(Route(sender=Role.HOSPITAL, to=(Function.HELPDESK,)),),
    fields=(text("question", "question.texte", "question"),),
    pieces=(piece("liaison", "document_de_liaison", "document de liaison hôpitaux/CPAM", required=False),),
    precondition="doute sur une autorisation, patient sans rendez-vous",
    effect="conseil",
    source="002:L147-163",
)

OUT_OF_PROTOCOL = Kind(
    id="OUT_OF_PROTOCOL",
    number="M42",
    title="Prise en charge hors protocole, refusée",
    travel=Travel.FACT,
    noted_by=_HOSPITAL,
    fields=(
        day("on", "fait.date", "date"),
        text("issuer", "fait.emetteur", "organisme qui a délivré le formulaire"),
        choice("refused", "fait.venue", "venue du patient", "annulee", "retardee"),
    ),
    dated="on",
    precondition="formulaire qui n'est pas de la CNAS",
    effect="à refuser ; venue annulée ou retardée",
    source="003:L112-114, L232",
)

# --- seed 001: stays under the convention, between CPAM and CNAS

RESIDENCE_TRANSFER = _elsewhere(
    "RESIDENCE_TRANSFER",
    None,
    "Maintien des prestations, transfert de résidence",
    form="SE 352-04 I",
    deadline="K5 : trois mois au plus",
    source="001:L7, L11-13",
)
RESIDENCE_TRANSFER_EXTENSION = _elsewhere(
    "RESIDENCE_TRANSFER_EXTENSION",
    None,
    "Prorogation du maintien des prestations",
    form="SE 352-04 II",
    precondition="examen médical par la CPAM, dossier transmis à la CNAS",
    deadline="K6 : trois mois de plus ; K7 : au-delà de six mois, exceptionnelle gravité",
    effect="accordée, ou refusée avec motif et voies de recours",
    source="001:L14-17",
)
FAMILY_BENEFITS = _elsewhere(
    "FAMILY_BENEFITS", None, "Prestations des ayants droit qui accompagnent", form="SE 352-06 I", source="001:L8, L18"
)
FAMILY_BENEFITS_EXTENSION = _elsewhere(
    "FAMILY_BENEFITS_EXTENSION",
    None,
    "Maladie ou prorogation, ayants droit",
    form="SE 352-06 II",
    precondition="échanges entre caisses",
    source="001:L19-20",
)
WORK_INJURY_BENEFITS = _elsewhere(
    "WORK_INJURY_BENEFITS", None, "Accident du travail, transfert de résidence", form="SE 352-16 I", source="001:L21-24"
)

ROWS = (
    INVOICE,
    PAYMENT_RETURN,
    HALF_YEARLY_STATEMENT,
    CONSOLIDATED_CLAIM,
    REIMBURSEMENT,
    CLAIM_DISPUTE,
    DISPUTE_EVIDENCE,
    CLAIM_REPRESENTED,
    CLAIM_DISPUTE_ACCEPTED,
    OVERPAYMENT_RECOVERY,
    HELPDESK_QUERY,
    OUT_OF_PROTOCOL,
    RESIDENCE_TRANSFER,
    RESIDENCE_TRANSFER_EXTENSION,
    FAMILY_BENEFITS,
    FAMILY_BENEFITS_EXTENSION,
    WORK_INJURY_BENEFITS,
)
