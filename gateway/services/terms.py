"""Words of the protocol for people: functions, states, events, who pays and why. Ids stay English everywhere else."""

from collections.abc import Mapping
from enum import Enum
from typing import Any

from gateway.domain import case, request, transmission
from gateway.domain.beside import Claim, Flag, Return
from gateway.domain.coverage import Payer, Reason
from gateway.domain.errors import IllegalTransition
from gateway.domain.evidence import ReceptionSource
from gateway.domain.labels import STATES
from gateway.domain.parties import Function
from gateway.domain.words import Said, french, said
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
    case.State.RECEIVED: french("demande reçue"),
    case.State.UNDER_REVIEW: french("à l'étude"),
    case.State.AWAITING_INFORMATION: french("informations attendues"),
    case.State.DECLINED: french("décliné par l'hôpital"),
    case.State.QUOTED: french("devis envoyé"),
    case.State.ENTITLEMENT_REFUSED: french("autorisation refusée"),
    case.State.AUTHORISED: french("autorisé"),
    case.State.ADMITTED: french("patient admis"),
    case.State.INTERRUPTED: french("séjour interrompu"),
    case.State.REPATRIATION_PENDING: french("rapatriement attendu"),
    case.State.REPATRIATED: french("patient rapatrié"),
    case.State.DISCHARGED: french("patient sorti"),
    case.State.CLOSED: french("clos"),
}

CHOICES = {
    "accord": french("accord"),
    "algerienne": french("algérienne"),
    "annulee": french("annulée"),
    "confirmee": french("confirmée"),
    "echec": french("échec"),
    "modification": french("modification"),
    "niee": french("niée"),
    "non": french("non"),
    "oui": french("oui"),
    "ouverte": french("ouverte"),
    "prolongation": french("prolongation"),
    "retardee": french("retardée"),
}
"""What a fiche writes without accents, as people read it."""

CASE_EVENTS = {
    case.Event.CARE_REQUESTED: french("demande de programmation (M01)"),
    case.Event.REVIEW_STARTED: french("examen commencé"),
    case.Event.INFORMATION_ASKED: french("informations demandées (M03)"),
    case.Event.INFORMATION_GIVEN: french("informations reçues (M04)"),
    case.Event.DECLINED: french("refus motivé (M05)"),
    case.Event.QUOTED: french("acceptation, devis et rendez-vous (M06)"),
    case.Event.ENTITLEMENT_REFUSED: french("refus d'autorisation (M07)"),
    case.Event.ENTITLED: french("attestation SE 352-301 (M08)"),
    case.Event.ADMITTED: french("admission"),
    case.Event.INTERRUPTED: french("interruption"),
    case.Event.READMITTED: french("réadmission"),
    case.Event.TRANSFERRED: french("transfert"),
    case.Event.EXTENSION_ASKED: french("demande de poursuite (M12, M21)"),
    case.Event.EXTENDED: french("prolongation accordée (M16, M18, M19)"),
    case.Event.REPATRIATION_REQUESTED: french("rapatriement demandé (M28)"),
    case.Event.REPATRIATION_PREPARED: french("conditions de rapatriement (M29)"),
    case.Event.REPATRIATED: french("rapatriement effectif (M31)"),
    case.Event.DISCHARGED: french("sortie"),
    case.Event.CLOSED: french("clôture"),
}

REQUEST_EVENTS = {
    request.Event.HANDED_OVER: french("le serveur a pris le courrier"),
    request.Event.DELIVERY_FAILED: french("avis de non-remise"),
    request.Event.ACKNOWLEDGED: french("preuve de réception"),
    request.Event.MOVED: french("le délai est déplacé"),
    request.Event.REFINED: french("preuve meilleure, même délai"),
    request.Event.PERIOD_OVER: french("fin du délai"),
    request.Event.ACCEPTED: french("acceptation expresse"),
    request.Event.REFUSED: french("refus"),
    request.Event.DISPUTED: french("réponse à départager"),
    request.Event.LATE_ANSWER: french("réponse tardive"),
    request.Event.ANSWER_REPEATED: french("la même réponse, encore"),
    request.Event.ANSWER_CONTRARY: french("une réponse contraire, ensuite"),
    request.Event.FOUND_LATE: french("réponse départagée : tardive"),
    request.Event.CHALLENGED: french("acceptation mise en cause"),
    request.Event.UPHELD: french("acceptation maintenue"),
    request.Event.WITHDRAWN: french("acceptation retirée"),
    request.Event.SILENCE_RECORDED: french("silence enregistré"),
    request.Event.SILENCE_NOTIFIED: french("silence notifié par l'hôpital"),
    request.Event.SUPERSEDED: french("demande corrigée envoyée"),
    request.Event.INFORMATION_ASKED: french("informations demandées (M14, M22)"),
    request.Event.INFORMATION_GIVEN: french("informations données (M15, M22)"),
    request.Event.PARTLY_ACCEPTED: french("acceptation partielle"),
    request.Event.VITAL_DISPUTED: french("urgence vitale contestée (M23)"),
    request.Event.ANSWER_SUPERSEDED: french("réponse à une demande remplacée"),
    request.Event.REGULARISED: french("formulaire reçu (M19)"),
    request.Event.MEDIATION_OPENED: french("conciliation ouverte (M24)"),
    request.Event.MEDIATION_SETTLED: french("accord entre médecins (M24)"),
    request.Event.MEDIATION_FAILED: french("conciliation échouée (M24)"),
    request.Event.EXPERT_ASKED: french("expertise demandée (M25)"),
    request.Event.VITAL_CONFIRMED: french("urgence confirmée (M26)"),
    request.Event.VITAL_DENIED: french("urgence niée (M26)"),
}

SENDING_STATES = {
    transmission.State.READY: french("prêt"),
    transmission.State.SENDING: french("en cours d'envoi"),
    transmission.State.HANDED_OVER: french("pris par le serveur"),
    transmission.State.UNKNOWN: french("issue inconnue"),
    transmission.State.REFUSED: french("refusé par le serveur"),
    transmission.State.HELD: french("retenu (clé inutilisable)"),
    transmission.State.RETURNED: french("revenu, non remis"),
    transmission.State.EVIDENCED: french("réception prouvée"),
}

SENDING_EVENTS = {
    transmission.Event.CLAIMED: french("envoi commencé"),
    transmission.Event.ACCEPTED: french("accepté par le serveur"),
    transmission.Event.NOT_HANDED_OVER: french("échec passager"),
    transmission.Event.DOUBT: french("liaison perdue, issue incertaine"),
    transmission.Event.REFUSED: french("refus définitif"),
    transmission.Event.KEY_REFUSED: french("clé du partenaire inutilisable"),
    transmission.Event.UNREADABLE: french("fichier illisible dans le coffre"),
    transmission.Event.BOUNCED: french("avis de non-remise"),
    transmission.Event.EVIDENCE: french("preuve de réception"),
    transmission.Event.RETRIED: french("mêmes octets une fois de plus"),
    transmission.Event.RELEASED: french("obstacle levé, ou scellé de nouveau"),
    transmission.Event.RESENT: french("une personne renvoie les mêmes octets"),
}

_TABLES: tuple[Mapping[Any, str], ...] = (
    *(CASE_STATES, CASE_EVENTS),
    *(STATES, REQUEST_EVENTS),
    *(SENDING_STATES, SENDING_EVENTS),
)

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
    Hint.ENTERED: french("une personne l'a saisi pour ce dossier"),
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
    "another-way": french("réponse venue par une autre voie, saisie par une personne"),
    "not-sealed": french("courrier ordinaire, ni scellé ni signé"),
    "no-manifest": french("courrier signé, écrit par une personne"),
    "unknown-request": french("message d'une demande inconnue ici"),
    "repaired-copy": french("copie relayée d'un message qui ne nous est pas parvenu"),
    "copy-unverified": french("copie relayée d'un message dont la signature n'est pas vérifiée"),
    "auto-reply": french("réponse automatique d'absence, jamais une réponse"),
    "mdn-displayed": french("accusé de lecture non signé"),
    "mdn-processed": french("accusé de traitement non signé"),
    "mdn-dispatched": french("accusé de transmission non signé"),
    "mdn-deleted": french("supprimé sans être lu, dit un accusé non signé"),
    "mdn-denied": french("accusé de lecture refusé"),
    "dsn-delivered": french("avis de remise"),
    "dsn-relayed": french("avis de passage à un autre serveur : ne prouve aucune réception"),
    "dsn-expanded": french("avis de distribution à une liste : ne prouve aucune réception"),
    "dsn-delayed": french("avis de retard : le serveur essaie encore"),
    "dsn-failed": french("avis de non-remise"),
    "dsn-failed-address": french("avis de non-remise : cette adresse n'existe pas là-bas"),
    "bounce-passing": french("avis de retard en texte libre : le serveur essaie encore"),
    "bounce-final": french("avis de non-remise en texte libre"),
    "bounce-address": french("avis de non-remise en texte libre : cette adresse n'existe pas là-bas"),
    "matches-nothing": french("accusé qui ne répond à aucun de nos courriers"),
    "dsn-matches-nothing": french("avis de remise d'un courrier qui n'est pas le nôtre"),
    "not-positive": french("accusé signé, négatif"),
    "forgotten-case": french("parle d'un dossier oublié"),
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
    "no-key": french("aucune clé ici pour l'ouvrir ou le vérifier"),
    "bad-signature": french("la signature n'est pas celle de ce texte"),
    "no-signature": french("aucune signature là où il en faut une"),
    "several": french("plusieurs là où il n'en faut qu'un"),
    "key-expired": french("la clé de l'auteur est périmée"),
    "key-revoked": french("la clé de l'auteur est révoquée"),
    "weak-digest": french("empreinte d'un genre trop faible"),
    "weak-cipher": french("chiffrement d'un genre trop faible"),
    "no-integrity": french("chiffré sans protection de l'intégrité"),
    "damaged": french("le contenu chiffré a été altéré"),
    "symmetric": french("chiffré par une phrase, non pour notre clé"),
    "not-encrypted": french("se dit chiffré et ne l'est pas"),
    "not-two-parts": french("autre chose à côté de ce qui est signé ou chiffré"),
    "not-closed": french("du texte après ce qui est signé ou chiffré"),
    "no-signed-headers": french("aucun en-tête sous la signature"),
    "not-one-sender": french("plusieurs expéditeurs"),
    "no-message-id": french("aucun identifiant sous la signature"),
    "duplicate": french("déjà reçu, à l'identique"),
    "own-probe": french("notre propre message d'essai"),
    "mic-mismatch": french("l'accusé décrit un autre contenu que le nôtre"),
    "mic-missing": french("l'accusé ne dit pas quel contenu a été reçu"),
    "header-line": french("une ligne d'en-tête n'en est pas une"),
    "header-control": french("un caractère interdit dans l'en-tête"),
    "header-too-long": french("en-tête trop long"),
    "header-line-too-long": french("ligne d'en-tête trop longue"),
    "too-deep": french("trop de parties l'une dans l'autre"),
    "too-many-parts": french("trop de parties"),
    "charset": french("jeu de caractères qui n'est pas admis"),
    "timeout": french("trop long à ouvrir"),
    "memory": french("trop grand une fois ouvert"),
    "died": french("le programme qui l'ouvrait s'est arrêté"),
}
"""Why a mail waits for a person, where a plain word says it; other codes are shown as they are."""


def worded(error: IllegalTransition) -> IllegalTransition:
    """The same refusal, its state and its event as people call them."""
    fields = {name: _word(value) if isinstance(value, Enum) else value for name, value in error.fields.items()}
    return IllegalTransition(**fields)


def _word(member: Enum) -> Said:
    return said(next(words[member] for words in _TABLES if member in words))
