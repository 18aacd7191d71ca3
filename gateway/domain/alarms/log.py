"""Alarms about the audit log: what should stand outside and does not, and a log that contradicts its checkpoints."""

from collections.abc import Iterator
from datetime import timedelta

from gateway.domain.alarms.facts import Facts
from gateway.domain.alarms.shape import Desk, Kind, Severity, Sighting, Value
from gateway.domain.words import french

FAILS_FOR, WAITS_FOR = timedelta(hours=1), timedelta(hours=6)
"""How long writing an anchor down may fail, and how long one may wait: a night's maintenance is over before."""


def _late(facts: Facts) -> Iterator[Sighting]:
    for each in facts.unanchored:
        failing = each.failing_since is not None and facts.now - each.failing_since >= FAILS_FOR
        values: dict[str, Value] = {"setting": each.setting, "count": each.count, "day": each.since.date()}
        begins = failing or facts.now - each.since >= WAITS_FOR
        yield Sighting(kind="anchor_late", part=each.setting, values=values, begins=begins)


def _broken(facts: Facts) -> Iterator[Sighting]:
    if facts.log_sound is not True:
        # Not signed since the daemon started: what was told of it stands.
        yield Sighting(kind="log_broken", begins=facts.log_sound is False)


KINDS = (
    Kind(
        name="log_broken",
        severity=Severity.URGENT,
        desk=Desk.ADMINISTRATOR,
        condition=french(
            "Le journal ne continue plus son dernier point de contrôle signé : il a été modifié ou remplacé."
        ),
        sentence=french("Le journal d'audit contredit ce qui en fut signé : plus rien n'y est attesté."),
        mend=french(
            "Gardez la base telle qu'elle est, et les sauvegardes ; gateway audit verify dit où. Prévenez l'auditeur, "
            "et ne restaurez rien avant lui."
        ),
        find=_broken,
    ),
    Kind(
        name="anchor_late",
        severity=Severity.WARNING,
        desk=Desk.ADMINISTRATOR,
        condition=french(
            "Un point de contrôle du journal attend son ancre depuis 6 heures, ou elle est refusée depuis une heure."
        ),
        sentence=french(
            "Le journal n'est plus ancré par {setting} depuis le {day} ({count} en attente) : la suite n'est garantie "
            "que par cette machine."
        ),
        mend=french(
            "Voyez [audit] {setting} : le disque, la boîte aux lettres ou le service d'horodatage ; l'essai se refait "
            "seul. État : gateway audit verify"
        ),
        find=_late,
    ),
)
