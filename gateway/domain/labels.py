"""How states and grades are called, in French; who shows them translates."""

from gateway.domain.parties import Grade
from gateway.domain.request import State
from gateway.domain.words import french

STATES = {
    State.SUBMITTED: french("prête à partir"),
    State.SENT: french("partie, sans accusé de réception"),
    State.DELIVERY_FAILED: french("non remise"),
    State.RUNNING: french("délai en cours"),
    State.ELAPSED: french("délai écoulé, silence à enregistrer"),
    State.ANSWER_DISPUTED: french("réponse à départager"),
    State.ACCEPTED: french("acceptée"),
    State.REFUSED: french("refusée"),
    State.TACITLY_ACCEPTED: french("réputée acceptée"),
    State.SUPERSEDED: french("remplacée par une autre"),
    State.PARTLY_ACCEPTED: french("acceptée en partie"),
    State.REGULARISED: french("réputée acceptée, formulaire reçu"),
    State.VITAL_DISPUTED: french("urgence vitale contestée"),
    State.MEDIATION: french("conciliation entre médecins"),
    State.MEDIATION_SETTLED: french("conciliation réussie"),
    State.MEDIATION_FAILED: french("conciliation échouée"),
    State.EXPERTISE: french("expertise demandée"),
    State.VITAL_CONFIRMED: french("urgence vitale confirmée par l'expert"),
    State.VITAL_DENIED: french("urgence vitale niée par l'expert"),
}

GRADES = {
    Grade.NONE: french("aucune"),
    Grade.AUTO_REPLY: french("réponse automatique"),
    Grade.DSN_DELIVERED: french("avis de remise"),
    Grade.MDN: french("accusé de lecture non signé"),
    Grade.SIGNED_REPLY: french("réponse signée"),
    Grade.SIGNED_RECEIPT: french("accusé de réception signé"),
}
