"""A record of the audit log as a person reads it: what it tells, and with what outcome, where there are words for it.

What has no words here is None, and whoever shows it shows the code: a record of another version, the fingerprint of a
key, the code of a fault, an outcome that only repeats what the event says.
"""

from collections.abc import Mapping

from gateway.domain.alarms import KINDS as ALARMS
from gateway.domain.events import EVENTS
from gateway.domain.kinds import KINDS
from gateway.domain.labels import ASKED, CONDITIONS, FINDINGS, GRADES, STATES
from gateway.domain.words import Said, french, said
from gateway.services.sorting_words import TITLES
from gateway.services.terms import MAIL_REASONS

ALARM = "alarm."

_ALARMED = {f"{ALARM}{name}": kind.condition for name, kind in ALARMS.items()}

_SEEN = {
    "printed": french("imprimé"),
    "saved": french("enregistré sur un poste"),
}

_SENDING = {
    "interrupted": french("interrompu"),
    "restored": french("une sauvegarde a été remise en place"),
    "partner-unknown": french("partenaire inconnu"),
    "same-bytes": french("à l'identique"),
    "same-bytes-again": french("à l'identique"),
    "sealed-again": french("scellé de nouveau"),
    "after-evidence": french("sa réception était déjà prouvée"),
    "after-return": french("il était déjà revenu"),
}

_RULED = {finding.value: words for finding, words in FINDINGS.items()}

_ENTRANCE = {
    "console": french("par la console"),
    "machine": french("par la ligne de commande"),
    "oidc": french("par la connexion de l'établissement"),
    "password": french("par mot de passe"),
}

_OUTCOMES: tuple[tuple[str, Mapping[str, str]], ...] = (
    ("request.confirmed", {code: CONDITIONS[condition] for code, condition in ASKED.items()}),
    (
        "request.confirmed",
        {name.removeprefix("confirmed_"): words for name, words in CONDITIONS.items() if name.startswith("confirmed_")},
    ),
    ("request.followed", {state.value: words for state, words in STATES.items()}),
    ("evidence.", {grade.name.lower(): words for grade, words in GRADES.items()}),
    ("proof.", {"waiting": french("attend une seconde personne")}),
    ("answer.entered", {"waiting": french("attend d'être triée")}),
    ("answer.", _RULED),
    ("challenge.", _RULED),
    (
        "calendar.",
        {
            "proposed": french("attend une seconde personne"),
            "in_force": french("en vigueur"),
        },
    ),
    ("mail.quarantine", MAIL_REASONS),
    ("triage.", {**TITLES, **{name: kind.title for name, kind in KINDS.items()}}),
    ("triage.passed", {"physician": french("au médecin du dossier")}),
    ("transmission.", _SENDING),
    (f"{ALARM}transmission_", _SENDING),
    (
        ALARM,
        {
            "started": french("commence"),
            "ended": french("finie"),
            "returned": french("le courrier est revenu"),
        },
    ),
    ("watch.", {name: kind.condition for name, kind in ALARMS.items()}),
    ("message.", {name: kind.title for name, kind in KINDS.items()}),
    ("notice.", {name: kind.title for name, kind in KINDS.items()} | {"forgotten": french("dossier effacé")}),
    (
        "copy.",
        {
            "owed": french("à transmettre par la passerelle"),
            "not-ours-to-send": french("à transmettre par son auteur"),
            "not-addressed": french("elle n'avait pas été adressée"),
            "answer-unseen": french("la réponse n'était pas arrivée"),
        },
    ),
    (
        "receipt.",
        {"later": french("celui-ci part plus tard"), "not-repeated": french("celui-ci n'est pas renvoyé")},
    ),
    (
        "draft.",
        {
            "sent": french("envoyé"),
            "dropped": french("abandonné"),
            "swept": french("effacé après son temps"),
            "forgotten": french("effacé avec le dossier"),
        },
    ),
    (
        "handover.",
        {
            "whole": french("en entier"),
            "without_medical": french("sans le contenu médical"),
            "notice": french("simple avis"),
        },
    ),
    ("account.", _ENTRANCE),
    ("console.", _ENTRANCE),
    (
        "dossier.",
        {"with-content": french("avec le contenu"), "without-content": french("sans le contenu")},
    ),
    (
        "certificate.",
        {"with-identity": french("avec l'identité"), "without-identity": french("sans l'identité")},
    ),
    (
        "log.purged",
        {"security": french("traces de sécurité"), "evidence": french("preuves")},
    ),
    ("", _SEEN),
)
"""By the beginning of an event, the words of its outcomes; the first that knows one tells it."""


def what(event: str) -> Said | None:
    """What a record tells, as a clause without a capital; of an alarm, when it is given."""
    if event in _ALARMED:
        return said("alarme : {condition}", condition=said(_ALARMED[event]))
    return said(EVENTS[event]) if event in EVENTS else None


def outcome_of(event: str, outcome: str | None) -> Said | None:
    """With what outcome."""
    for begins, words in _OUTCOMES:
        if outcome is not None and outcome in words and event.startswith(begins):
            return said(words[outcome])
    return None
