"""Continuing or changing care, M12 to M20: the request, its answers, the silence, and the way to the CPAM."""

from gateway.domain import case, request
from gateway.domain.kinds.shape import (
    PATIENT,
    Answer,
    Field,
    FieldType,
    Kind,
    Outcome,
    Route,
    Subject,
    Travel,
    choice,
    day,
    piece,
    text,
)
from gateway.domain.parties import Function, Role

_GRANTED = (
    day("granted_from", "decision.du", "début accordé", required=False),
    day("granted_until", "decision.au", "fin accordée", required=False),
)
_TO_HOSPITAL = (Function.TREATING_PHYSICIAN, Function.MEDICAL_UNIT)
_ANSWERS = (Route(sender=Role.CNAS, to=_TO_HOSPITAL),)
_FOUR_DAYS = "quatre jours ouvrables algériens"

REQUEST_FIELDS = (
    *PATIENT,
    day("authorised_from", "autorisation.debut", "début autorisé (301)"),
    day("authorised_until", "autorisation.fin", "fin autorisée (301)"),
    choice("nature", "demande.nature", "nature de la demande", "prolongation", "modification"),
    day("requested_from", "demande.du", "début demandé"),
    day("requested_until", "demande.au", "fin demandée"),
    text("care", "demande.soins", "soins demandés", medical=True),
    text("reason", "demande.motif", "motif médical, imprévu au départ", medical=True),
    Field(id="quote_eur", fiche="demande.devis_eur", title="devis complémentaire", type=FieldType.AMOUNT),
    # Costly molecules, devices and innovative protocols that the quote did not hold need the same agreement (003:L262).
    text("costly_items", "demande.produits_onereux", "molécules ou dispositifs onéreux", required=False, medical=True),
    text("physician", "medecin.nom", "médecin qui suit le patient"),
    text("supersedes", "demande.remplace", "demande remplacée (début de son empreinte)", required=False),
)
"""Part A of SE 352-302."""

REQUEST_PIECES = (
    piece("form", "formulaire", "formulaire SE 352-302"),
    piece("medical_report", "compte_rendu", "compte-rendu médical détaillé", medical=True),
    piece("quote", "devis", "devis complémentaire (sans frais de confort)"),
)

EXTENSION_REQUEST = Kind(
    id="EXTENSION_REQUEST",
    number="M12",
    title="Demande de poursuite ou de modification des soins programmés",
    subject=Subject.REQUEST,
    routes=(Route(sender=Role.HOSPITAL, to=(Function.AGREEMENTS_UNIT,), copy=(Function.MEDICAL_UNIT,)),),
    form="SE 352-302 (partie A)",
    fields=REQUEST_FIELDS,
    pieces=(
        *REQUEST_PIECES,
        piece("care_protocol", "protocole", "protocole détaillé de poursuite des soins", medical=True),
    ),
    outcome=Outcome(case=case.Event.EXTENSION_ASKED),
    span=("requested_from", "requested_until"),
    precondition="imprévu et médicalement justifié",
    deadline="impérativement avant la fin de l'autorisation",
    effect="le délai court à partir de l'accusé de réception",
    source="003:L202, L258-266 ; 002:L128-139, L757-759 ; 001:L34",
)

RECEIPT_ACK = Kind(
    id="RECEIPT_ACK",
    number="M13",
    title="Accusé de réception",
    travel=Travel.RECEIPT,
    precondition="un message vérifié",
    effect="fait foi pour faire courir le délai",
    source="003:L142, L270, L446",
)

INFO_REQUEST = Kind(
    id="INFO_REQUEST",
    number="M14",
    title="Demande d'informations complémentaires de la CNAS",
    subject=Subject.EXCHANGE,
    routes=(Route(sender=Role.CNAS, to=(Function.TREATING_PHYSICIAN,), copy=(Function.MEDICAL_UNIT,)),),
    fields=(text("wanted", "demande.informations", "informations demandées", medical=True),),
    outcome=Outcome(request=request.Event.INFORMATION_ASKED),
    precondition="le délai court",
    effect="n'arrête pas le délai",
    source="003:L282",
)

INFO_RESPONSE = Kind(
    id="INFO_RESPONSE",
    number="M15",
    title="Réponse à la demande d'informations",
    subject=Subject.EXCHANGE,
    routes=(Route(sender=Role.HOSPITAL, to=(Function.AGREEMENTS_UNIT,), copy=(Function.MEDICAL_UNIT,)),),
    fields=(text("information", "reponse.informations", "informations données", medical=True),),
    pieces=(piece("medical_file", "documents", "données médicales", required=False, medical=True),),
    outcome=Outcome(request=request.Event.INFORMATION_GIVEN),
    precondition="M14",
    deadline="au plus vite, dans les quatre jours",
    effect="sans effet sur le délai",
    source="003:L282",
)

EXTENSION_ACCEPTANCE = Kind(
    id="EXTENSION_ACCEPTANCE",
    number="M16",
    title="Acceptation expresse",
    subject=Subject.ANSWER,
    routes=_ANSWERS,
    form="SE 352-302 (partie 7)",
    fields=_GRANTED,
    # An acceptance without its form still stops the clock; the form stays owed.
    pieces=(piece("form", "formulaire", "formulaire SE 352-302, partie 7", required=False),),
    answer=Answer.ACCEPTED,
    outcome=Outcome(case=case.Event.EXTENDED),
    span=("granted_from", "granted_until"),
    precondition="M12",
    deadline=_FOUR_DAYS,
    effect="nouvelle fin des droits",
    source="003:L280, L446 ; 002:L761",
)

EXTENSION_PARTIAL_ACCEPTANCE = Kind(
    id="EXTENSION_PARTIAL_ACCEPTANCE",
    number=None,
    title="Acceptation partielle",
    subject=Subject.ANSWER,
    routes=_ANSWERS,
    form="SE 352-302 (partie 7)",
    fields=(
        day("granted_from", "decision.du", "début accordé"),
        day("granted_until", "decision.au", "fin accordée"),
        text("motive", "decision.motif", "motif médical du refus partiel", required=False, medical=True),
    ),
    pieces=(piece("form", "formulaire", "formulaire SE 352-302, partie 7", required=False),),
    answer=Answer.PARTLY_ACCEPTED,
    outcome=Outcome(case=case.Event.EXTENDED),
    span=("granted_from", "granted_until"),
    precondition="M12",
    deadline=_FOUR_DAYS,
    effect="droits aux dates accordées, le reste est refusé (lecture A9)",
    source="non prévue par les textes ; 003:L280",
)

EXTENSION_REFUSAL = Kind(
    id="EXTENSION_REFUSAL",
    number="M17",
    title="Refus de prolongation ou de modification",
    subject=Subject.ANSWER,
    routes=_ANSWERS,
    form="SE 352-302",
    # A refusal must be medically motivated, and the texts give no sanction when it is not: it is flagged (003:L100).
    fields=(text("motive", "decision.motif", "motif médical du refus", required=False, medical=True),),
    answer=Answer.REFUSED,
    precondition="M12",
    deadline=_FOUR_DAYS,
    effect="la CNAS paie jusqu'au rapatriement effectif, que l'hôpital demande",
    source="003:L100, L284, L340 ; 002:L761",
)

TACIT_ACCEPTANCE = Kind(
    id="TACIT_ACCEPTANCE",
    number="M18",
    title="Acceptation réputée acquise",
    travel=Travel.RECORDED,
    # The terms are the request's own; what is medical stays in it, named by its hash (003:L286).
    fields=(
        day("requested_from", "demande.du", "début demandé"),
        day("requested_until", "demande.au", "fin demandée"),
        text("nature", "demande.nature", "nature de la demande"),
        Field(id="quote_eur", fiche="demande.devis_eur", title="devis complémentaire", type=FieldType.AMOUNT),
    ),
    outcome=Outcome(case=case.Event.EXTENDED),
    span=("requested_from", "requested_until"),
    precondition="délai écoulé sans réponse",
    deadline="fin du quatrième jour",
    effect="autorisation dans les termes de la demande",
    source="003:L272, L286",
)

EXTENSION_REGULARISATION = Kind(
    id="EXTENSION_REGULARISATION",
    number="M19",
    title="Régularisation a posteriori",
    subject=Subject.EXCHANGE,
    routes=_ANSWERS,
    form="SE 352-302 dûment rempli",
    fields=_GRANTED,
    pieces=(piece("form", "formulaire", "formulaire SE 352-302 dûment rempli"),),
    outcome=Outcome(case=case.Event.EXTENDED, request=request.Event.REGULARISED),
    span=("granted_from", "granted_until"),
    precondition="M18",
    effect="permet la prolongation des droits par la CPAM",
    source="003:L288-290",
)

EXTENSION_TO_CPAM = Kind(
    id="EXTENSION_TO_CPAM",
    number="M20",
    title="Transmission du SE 352-302 à la CPAM",
    subject=Subject.EXCHANGE,
    routes=(Route(sender=Role.HOSPITAL, to=(Function.CPAM,)),),
    noted_by=frozenset({Role.HOSPITAL}),
    form="SE 352-302 validé par la CNAS",
    fields=(
        day("covered_from", "droits.debut", "début des droits"),
        day("covered_until", "droits.fin", "fin des droits"),
    ),
    pieces=(piece("form", "formulaire", "SE 352-302 validé par la CNAS"),),
    span=("covered_from", "covered_until"),
    precondition="M16 ou M19",
    effect="la CPAM met à jour les droits ; le CNSE vérifie",
    source="003:L264, L290 ; 002:L141-144, L798-806",
)

RIGHTS_EXTENDED = Kind(
    id="RIGHTS_EXTENDED",
    number=None,
    title="Droits prolongés par la CPAM",
    subject=Subject.EXCHANGE,
    travel=Travel.FACT,
    noted_by=frozenset({Role.HOSPITAL, Role.CNSE}),
    fields=(
        day("on", "fait.date", "constaté le"),
        day("covered_until", "droits.fin", "nouvelle fin des droits", required=False),
    ),
    dated="on",
    precondition="M20",
    effect="la facturation peut être réalisée",
    source="003:L290 ; 002:L141-144",
)

ROWS = (
    EXTENSION_REQUEST,
    RECEIPT_ACK,
    INFO_REQUEST,
    INFO_RESPONSE,
    EXTENSION_ACCEPTANCE,
    EXTENSION_PARTIAL_ACCEPTANCE,
    EXTENSION_REFUSAL,
    TACIT_ACCEPTANCE,
    EXTENSION_REGULARISATION,
    EXTENSION_TO_CPAM,
    RIGHTS_EXTENDED,
)
