"""Words of the protocol for people: functions, states of a case, who pays and why. Ids stay English everywhere else."""

from gateway.domain.beside import Claim, Flag, Return
from gateway.domain.case import State
from gateway.domain.coverage import Payer, Reason
from gateway.domain.evidence import ReceptionSource
from gateway.domain.parties import Function
from gateway.domain.words import french
from gateway.storage import Hint

FUNCTIONS = {
    Function.AGREEMENTS_UNIT: french("CNAS, cellule de conventionnement"),
    Function.MEDICAL_SERVICE: french("CNAS, service médical"),
    Function.MEDICAL_UNIT: french("CNSE, pôle médical"),
    Function.MEDICAL_ADVISER: french("CNSE, médecin conseil"),
    Function.HELPDESK: french("CNSE, boîte médico-administrative"),
    Function.CPAM: french("CPAM, relations internationales"),
    Function.TREATING_PHYSICIAN: french("hôpital, médecin qui suit le patient"),
    Function.ADMINISTRATION: french("hôpital, administration"),
}

CASE_STATES = {
    State.RECEIVED: french("demande reçue"),
    State.UNDER_REVIEW: french("à l'étude"),
    State.AWAITING_INFORMATION: french("informations attendues"),
    State.DECLINED: french("décliné par l'hôpital"),
    State.QUOTED: french("devis envoyé"),
    State.ENTITLEMENT_REFUSED: french("autorisation refusée"),
    State.AUTHORISED: french("autorisé"),
    State.ADMITTED: french("patient admis"),
    State.INTERRUPTED: french("séjour interrompu"),
    State.REPATRIATION_PENDING: french("rapatriement attendu"),
    State.REPATRIATED: french("patient rapatrié"),
    State.DISCHARGED: french("patient sorti"),
    State.CLOSED: french("clos"),
}

RETURNS = {
    Return.NEEDED: french("à demander"),
    Return.REQUESTED: french("demandé"),
    Return.CONDITIONS_AGREED: french("conditions fixées"),
    Return.SUPPLEMENTARY_AUTHORISATION: french("autorisation supplémentaire reçue"),
    Return.EFFECTIVE: french("effectif"),
}

CLAIMS = {
    Claim.INVOICED: french("facturée"),
    Claim.PAID: french("payée par la CPAM"),
    Claim.STATED: french("au relevé semestriel"),
    Claim.CLAIMED: french("présentée à la CNAS"),
    Claim.REIMBURSED: french("remboursée"),
    Claim.DISPUTED: french("contestée"),
    Claim.REPRESENTED: french("représentée avec ses preuves"),
    Claim.ACCEPTED: french("contestation acceptée"),
    Claim.OVERPAYMENT: french("indu demandé à l'hôpital"),
}

FLAGS = {
    Flag.VITAL_EMERGENCY: french("urgence vitale"),
    Flag.MEDIATION: french("conciliation entre médecins"),
    Flag.EXPERTISE: french("expertise"),
    Flag.CLAIM_DISPUTED: french("créance contestée"),
}

PAYERS = {
    Payer.CNAS: french("pris en charge par la CNAS"),
    Payer.HOSPITAL: french("à la charge de l'hôpital"),
    Payer.PATIENT: french("hors de la prise en charge"),
    Payer.UNDECIDED: french("pas encore décidé"),
}

COVER_REASONS = {
    Reason.AUTHORISED: french("attestation SE 352-301"),
    Reason.EXTENDED: french("prolongation acceptée"),
    Reason.TACITLY_EXTENDED: french("prolongation réputée acceptée"),
    Reason.VITAL_CONFIRMED: french("urgence vitale confirmée par l'expert"),
    Reason.SUPPLEMENTARY: french("autorisation supplémentaire"),
    Reason.MAINTAINED: french("maintenu pendant le délai de réponse"),
    Reason.UNTIL_REPATRIATION: french("jusqu'au rapatriement effectif"),
    Reason.SETTLED_MEDIATION: french("accord entre médecins, jusqu'au rapatriement"),
    Reason.VITAL_DISCUSSED: french("urgence vitale discutée : les soins continuent"),
    Reason.FAILED_MEDIATION: french("conciliation échouée, soins maintenus par l'hôpital"),
    Reason.EXPERT_DECISION: french("urgence vitale niée par l'expert"),
    Reason.NOT_ADMITTED: french("patient pas encore admis"),
    Reason.INTERRUPTED: french("séjour interrompu : durée suspendue"),
    Reason.CALENDAR_YEAR: french("attestation d'une autre année civile"),
    Reason.DISCHARGED: french("patient sorti"),
    Reason.REPATRIATED: french("patient rapatrié"),
    Reason.NOT_AUTHORISED: french("aucune autorisation de la CNAS"),
    Reason.UNCOVERED: french("autorisation finie, aucune demande faite à temps"),
}

HINTS = {
    Hint.SIGNED_REFERENCE: french("il cite notre courrier, signé"),
    Hint.UNSIGNED_REFERENCE: french("il cite notre courrier, sans signature : à vérifier"),
    Hint.SUBJECT_TOKEN: french("son objet porte le numéro du dossier : à vérifier"),
}

DATED_BY = {
    ReceptionSource.RECEIVED.value: french("selon nos serveurs"),
    ReceptionSource.INTERNALDATE.value: french("selon la boîte, ou qui l'y a mis"),
    ReceptionSource.POLL_BEFORE.value: french("pas encore là à la relève"),
    ReceptionSource.POLL_AFTER.value: french("là à la relève"),
}
"""Who says when a mail was received."""

MAIL_REASONS = {
    "not-sealed": french("courrier ordinaire, ni scellé ni signé"),
    "no-manifest": french("courrier signé, écrit par une personne"),
    "unknown-request": french("message d'une demande inconnue ici"),
    "repaired-copy": french("copie relayée d'un message qui ne nous est pas parvenu"),
    "copy-unverified": french("copie relayée d'un message dont la signature n'est pas vérifiée"),
    "auto-reply": french("réponse automatique d'absence, jamais une réponse"),
    "matches-nothing": french("accusé qui ne répond à aucun de nos courriers"),
    "dsn-matches-nothing": french("avis de remise d'un courrier qui n'est pas le nôtre"),
    "not-positive": french("accusé signé, négatif"),
    "vanished": french("disparu de la boîte avant d'être lu"),
    "too-large": french("trop lourd pour être lu"),
    "unknown-partner": french("scellé par un inconnu"),
    "key-not-pinned": french("signé par une clé qui n'est pas celle du partenaire"),
    "unknown-key": french("signé par une clé inconnue"),
    "not-signed": french("chiffré mais non signé"),
    "not-for-us": french("scellé pour quelqu'un d'autre"),
    "same-id-other-content": french("identifiant déjà reçu, contenu différent"),
    "unexpected-in-this-state": french("message impossible dans l'état du dossier"),
    "sender-role": french("type de message que ce partenaire n'envoie pas"),
    "manifest-mismatch": french("les pièces ne sont pas celles que le message annonce"),
    "missing-attachment": french("une pièce obligatoire manque"),
    "fields": french("des champs obligatoires manquent ou sont faux"),
    "unknown-case": french("dossier inconnu ici"),
}
"""Why a mail waits for a person, where a plain word says it; other codes are shown as they are."""
