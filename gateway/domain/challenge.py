"""Why a recorded silence may not stand, and what persons can say of it, or of an answer that came near the end.

A record is never undone by a machine: what is found later is a challenge, and a person upholds the acceptance or
withdraws it. Nothing here looks at a clock.
"""

from collections.abc import Iterable
from datetime import datetime
from enum import Enum

from gateway.domain.period import Period
from gateway.domain.words import french


class Ground(Enum):
    """What was found after the record; stable English ids."""

    ANSWER_IN_TIME = "answer_in_time"
    ANSWER_IN_DISPUTE = "answer_in_dispute"
    RECEIVED_LATER = "received_later"
    RECEIVED_EARLIER = "received_earlier"
    EVIDENCE_IN_DOUBT = "evidence_in_doubt"
    CALENDAR_CHANGED = "calendar_changed"
    CLOCK_WRONG = "clock_wrong"
    PERSON = "person"


GROUNDS = {
    Ground.ANSWER_IN_TIME: french("une réponse reçue dans le délai a été trouvée depuis"),
    Ground.ANSWER_IN_DISPUTE: french("une réponse trouvée depuis est peut-être dans le délai"),
    Ground.RECEIVED_LATER: french("la demande a été reçue plus tard que ce qui a été enregistré"),
    Ground.RECEIVED_EARLIER: french("la demande a été reçue plus tôt que ce qui a été enregistré"),
    Ground.EVIDENCE_IN_DOUBT: french("une preuve de réception arrivée depuis est douteuse"),
    Ground.CALENDAR_CHANGED: french("le calendrier corrigé termine le délai plus tard"),
    Ground.CLOCK_WRONG: french("l'horloge était fausse au moment de l'enregistrement"),
    Ground.PERSON: french("une personne met l'acceptation en cause"),
}
"""The same for people."""


class Finding(Enum):
    """What a person says."""

    IN_TIME = "in_time"
    LATE = "late"
    UPHELD = "upheld"
    WITHDRAWN = "withdrawn"


def shaken_by_evidence(
    effective_at: datetime, former: Period, found: Period, doubts: Iterable[str], confirmed: Iterable[str]
) -> Ground | None:
    """What another evidence of reception shows of an acceptance that took effect at ``effective_at``.

    ``former`` is the period that was recorded and ``found`` the one that all evidence gives, both under one calendar;
    ``doubts`` are those that a person would have to confirm now, ``confirmed`` those that were known at the record.
    """
    if found.tacit_at > former.tacit_at and ends_after(effective_at, found):
        return Ground.RECEIVED_LATER
    if found.tacit_at < former.tacit_at:
        return Ground.RECEIVED_EARLIER
    if set(doubts) - set(confirmed):
        return Ground.EVIDENCE_IN_DOUBT
    return None


def ends_after(effective_at: datetime, found: Period) -> bool:
    """Whether a period ends after the acceptance took effect, or may; an earlier end takes nothing from it."""
    return found.latest_tacit_at is None or found.latest_tacit_at > effective_at
