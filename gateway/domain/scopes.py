"""What a program may be allowed to do through the API, and the rights that this amounts to.

Medical content is in no scope: no machine ever reads it here. Nor does a program confirm anything: four eyes are eyes.
"""

from collections.abc import Iterable
from enum import StrEnum

from gateway.domain.rights import Right
from gateway.domain.words import french


class Scope(StrEnum):
    """One thing that a program may do."""

    CASES = "cases:read"
    REQUESTS = "requests:write"
    TRIAGE = "triage:write"
    PROOFS = "proofs:write"
    CALENDAR = "calendar:write"
    AUDIT = "audit:read"
    ALARMS = "alarms:write"
    KEYS = "keys:write"


SCOPE_WORDS = {
    Scope.CASES: french("lire les dossiers"),
    Scope.REQUESTS: french("envoyer des demandes et des messages"),
    Scope.TRIAGE: french("trier le courrier"),
    Scope.PROOFS: french("saisir des preuves"),
    Scope.CALENDAR: french("compléter le calendrier algérien"),
    Scope.AUDIT: french("lire le journal"),
    Scope.ALARMS: french("prendre une alarme"),
    Scope.KEYS: french("changer les clés"),
}

_RIGHTS = {
    Scope.CASES: Right.IDENTITY,
    Scope.REQUESTS: Right.SEND,
    Scope.TRIAGE: Right.SORT,
    Scope.PROOFS: Right.PROVE,
    Scope.CALENDAR: Right.CALENDAR,
    Scope.AUDIT: Right.AUDIT,
    Scope.ALARMS: Right.ALARMS,
    Scope.KEYS: Right.KEYS,
}


def rights_of_program(scopes: Iterable[Scope]) -> frozenset[Right]:
    """Everything that these scopes allow together."""
    return frozenset(_RIGHTS[scope] for scope in scopes)


def known_scopes(names: Iterable[str]) -> frozenset[Scope]:
    """The scopes of these names; a name of no scope allows nothing."""
    return frozenset(Scope(name) for name in names if name in set(Scope))
