"""Vital emergency, M21 to M27: care goes on without waiting; a disagreement is mediated before an expert decides."""

from types import MappingProxyType

from gateway.domain import case, request
from gateway.domain.kinds.extension import REQUEST_FIELDS, REQUEST_PIECES
from gateway.domain.kinds.shape import (
    Answer,
    Field,
    FieldType,
    Kind,
    Outcome,
    Route,
    Subject,
    choice,
    day,
    piece,
    text,
)
from gateway.domain.parties import Function, Role

_CNSE = (Function.MEDICAL_UNIT,)
_DOCTORS = (
    Route(sender=Role.HOSPITAL, to=(Function.MEDICAL_SERVICE,), copy=_CNSE),
    Route(sender=Role.CNAS, to=(Function.TREATING_PHYSICIAN,), copy=_CNSE),
)

EXTENSION_REQUEST_VITAL = Kind(
    id="EXTENSION_REQUEST.vital",
    number="M21",
    title="Demande de poursuite ou de modification en urgence vitale",
    subject=Subject.REQUEST,
    # The 302 of a vital emergency goes to the medical service; both get it, which is safe (003:L264, L300).
    routes=(Route(sender=Role.HOSPITAL, to=(Function.MEDICAL_SERVICE, Function.AGREEMENTS_UNIT), copy=_CNSE),),
    form="SE 352-302 (partie A)",
    fields=(
        *REQUEST_FIELDS,
        Field(id="length_days", fiche="demande.duree_jours", title="durée prévisible", type=FieldType.DAYS),
        choice("vital", "demande.pronostic_vital_engage", "pronostic vital engagé au moment de la demande", "oui"),
    ),
    pieces=REQUEST_PIECES,
    outcome=Outcome(case=case.Event.EXTENSION_ASKED),
    span=("requested_from", "requested_until"),
    precondition="pronostic vital engagé au moment de la demande",
    deadline="dans le même temps que les soins",
    effect="les soins continuent sans autorisation préalable ; le même délai court",
    source="003:L292-304",
)

VITAL_INFO_REQUEST = Kind(
    id="VITAL_INFO_REQUEST",
    number="M22",
    title="Demande de données médicales (urgence vitale)",
    subject=Subject.EXCHANGE,
    routes=(Route(sender=Role.CNAS, to=(Function.TREATING_PHYSICIAN,), copy=(Function.MEDICAL_ADVISER,)),),
    fields=(text("wanted", "demande.informations", "données demandées", medical=True),),
    outcome=Outcome(request=request.Event.INFORMATION_ASKED),
    precondition="M21",
    effect="n'arrête pas le délai",
    source="003:L306",
)

VITAL_INFO_RESPONSE = Kind(
    id="VITAL_INFO_RESPONSE",
    number="M22",
    title="Données médicales complémentaires (urgence vitale)",
    subject=Subject.EXCHANGE,
    routes=(Route(sender=Role.HOSPITAL, to=(Function.MEDICAL_SERVICE,), copy=(Function.MEDICAL_ADVISER,)),),
    fields=(text("information", "reponse.informations", "données données", medical=True),),
    pieces=(piece("medical_file", "documents", "données médicales", required=False, medical=True),),
    outcome=Outcome(request=request.Event.INFORMATION_GIVEN),
    precondition="M21",
    effect="sans effet sur le délai",
    source="003:L306",
)

VITAL_DISPUTE = Kind(
    id="VITAL_DISPUTE",
    number="M23",
    title="Désaccord sur le caractère vital de l'urgence",
    subject=Subject.ANSWER,
    routes=(Route(sender=Role.CNAS, to=(Function.TREATING_PHYSICIAN,), copy=_CNSE),),
    fields=(text("motive", "decision.motif", "motif médical du désaccord", required=False, medical=True),),
    answer=Answer.VITAL_DISPUTED,
    precondition="M21",
    deadline="quatre jours ouvrables algériens",
    effect="ouvre la médiation, puis l'expertise",
    source="003:L308-316",
)

MEDIATION = Kind(
    id="MEDIATION",
    number="M24",
    title="Conciliation entre médecins",
    subject=Subject.EXCHANGE,
    routes=_DOCTORS,
    noted_by=frozenset({Role.HOSPITAL, Role.CNAS}),
    fields=(
        choice("result", "conciliation.issue", "issue", "ouverte", "accord", "echec"),
        day("on", "conciliation.date", "date"),
        text("terms", "conciliation.termes", "termes de l'accord", required=False, medical=True),
    ),
    decides="result",
    outcomes=MappingProxyType(
        {
            "ouverte": Outcome(request=request.Event.MEDIATION_OPENED),
            "accord": Outcome(request=request.Event.MEDIATION_SETTLED),
            "echec": Outcome(request=request.Event.MEDIATION_FAILED),
        }
    ),
    dated="on",
    precondition="premier recours",
    effect="accord : la CNAS paie jusqu'au rapatriement ; échec et soins maintenus : l'hôpital paie",
    source="003:L318-328",
)

EXPERT_REQUEST = Kind(
    id="EXPERT_REQUEST",
    number="M25",
    title="Demande d'expertise en France",
    subject=Subject.EXCHANGE,
    routes=(Route(sender=Role.CNAS, to=(Function.TREATING_PHYSICIAN,), copy=_CNSE),),
    noted_by=frozenset({Role.HOSPITAL}),
    fields=(
        day("on", "expertise.date", "demandée le"),
        choice("independent", "expertise.expert_independant", "expert étranger à la prise en charge", "oui"),
    ),
    outcome=Outcome(request=request.Event.EXPERT_ASKED),
    dated="on",
    precondition="désaccord ; dernier recours ; l'expert n'est pas intervenu dans les soins",
    effect="l'avis s'impose aux deux pays",
    source="003:L310-316",
)

EXPERT_OPINION = Kind(
    id="EXPERT_OPINION",
    number="M26",
    title="Conclusions de l'expertise",
    subject=Subject.EXCHANGE,
    routes=_DOCTORS,
    noted_by=frozenset({Role.HOSPITAL, Role.CNAS}),
    fields=(
        choice("result", "expertise.conclusion", "urgence vitale", "confirmee", "niee"),
        day("on", "expertise.date", "date de la décision"),
    ),
    pieces=(piece("opinion", "conclusions", "conclusions de l'expert", required=False, medical=True),),
    decides="result",
    outcomes=MappingProxyType(
        {
            "confirmee": Outcome(request=request.Event.VITAL_CONFIRMED),
            "niee": Outcome(request=request.Event.VITAL_DENIED),
        }
    ),
    dated="on",
    precondition="M25",
    effect="urgence niée : l'hôpital paie jusqu'à la décision, la CNAS de la décision au rapatriement",
    source="003:L312-314",
)

SUPPLEMENTARY_AUTHORISATION = Kind(
    id="SUPPLEMENTARY_AUTHORISATION",
    number="M27",
    title="Autorisation supplémentaire",
    routes=(Route(sender=Role.CNAS, to=(Function.TREATING_PHYSICIAN, Function.ADMINISTRATION), copy=_CNSE),),
    fields=(
        day("covered_from", "autorisation.debut", "début"),
        day("covered_until", "autorisation.fin", "fin, si elle est connue", required=False),
    ),
    pieces=(piece("authorisation", "autorisation", "autorisation signée par la CNAS"),),
    span=("covered_from", "covered_until"),
    precondition="attente du rapatriement",
    effect="couvre les jours supplémentaires jusqu'au rapatriement",
    source="003:L328",
)

ROWS = (
    EXTENSION_REQUEST_VITAL,
    VITAL_INFO_REQUEST,
    VITAL_INFO_RESPONSE,
    VITAL_DISPUTE,
    MEDIATION,
    EXPERT_REQUEST,
    EXPERT_OPINION,
    SUPPLEMENTARY_AUTHORISATION,
)
