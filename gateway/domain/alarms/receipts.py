"""Alarms about requests that nobody acknowledges, and about partners who do not confirm what they get.

Without a receipt no period runs (003:L270), and the authorisation ends all the same: the loudest alarm of all.
"""

from collections.abc import Iterator
from datetime import timedelta

from gateway.domain.alarms.facts import Asked, Facts
from gateway.domain.alarms.shape import Desk, Find, Kind, Severity, Sighting, Value
from gateway.domain.parties import Role
from gateway.domain.request import UNACKNOWLEDGED, State
from gateway.domain.words import french

LATE, MISSING, UNCERTAIN = timedelta(hours=1), timedelta(hours=12), timedelta(hours=24)
"""After the hand-over: a machine has answered long ago, a working day has passed, the mail may be lost."""

_LADDER = "receipt"
_ENDING, _UNCERTAIN, _MISSING, _LATE = "receipt_missing_at_end", "receipt_uncertain", "receipt_missing", "receipt_late"


def _rung(asked: Asked, facts: Facts) -> str | None:
    """Which alarm a request without a receipt is worth now: one at a time."""
    if asked.state not in UNACKNOWLEDGED:
        return None
    waited = facts.now - (asked.handed_over_at or asked.submitted_at)
    ends = asked.authorised_until - facts.today <= timedelta(days=facts.limits.authorisation_days)
    if waited >= LATE and ends:
        return _ENDING
    if asked.handed_over_at is None or asked.state is State.DELIVERY_FAILED:
        # It has not arrived anywhere: that is another alarm's.
        return None
    if waited >= UNCERTAIN:
        return _UNCERTAIN
    if asked.quiet or waited < LATE:
        return None
    return _MISSING if waited >= MISSING else _LATE


def _on(rung: str) -> Find:
    def find(facts: Facts) -> Iterator[Sighting]:
        for asked in facts.requests:
            if _rung(asked, facts) == rung:
                values: dict[str, Value] = {"day": asked.authorised_until, "number": asked.message or "–"}
                yield Sighting(kind=rung, case=asked.case, request=asked.hash, values=values)

    return find


def _failed(facts: Facts) -> Iterator[Sighting]:
    for asked in facts.requests:
        if asked.state is State.DELIVERY_FAILED:
            values = {"number": asked.message or "–"}
            yield Sighting(kind="delivery_failed", case=asked.case, request=asked.hash, values=values)


def _never(facts: Facts) -> Iterator[Sighting]:
    for habit in facts.habits:
        if habit.never:
            yield Sighting(kind="partner_never_confirms", partner=habit.partner, values={"count": habit.sent})


def _unconfirmed(facts: Facts) -> Iterator[Sighting]:
    for found in facts.unconfirmed:
        yield Sighting(
            kind="partner_unconfirmed", partner=found.partner, values={"count": found.count, "number": found.message}
        )


def _proofs(facts: Facts) -> Iterator[Sighting]:
    for brought in facts.proofs:
        number = str(brought.proof)
        values = {"number": number}
        yield Sighting(kind="proof_waiting", case=brought.case, request=brought.request, part=number, values=values)


_RESEND = french(
    "Appelez la CNAS. Le même courrier se renvoie : gateway message resend {number} ; une preuve venue autrement "
    "s'apporte : gateway proof enter"
)
_HOSPITAL = frozenset({Role.HOSPITAL})

KINDS = (
    Kind(
        name=_ENDING,
        severity=Severity.URGENT,
        desk=Desk.SECRETARIAT,
        condition=french(
            "Une demande partie depuis une heure n'a pas d'accusé de réception, et l'autorisation finit bientôt "
            "ou est finie."
        ),
        setting="authorisation_days",
        sentence=french(
            "Dossier {case} : la demande {request} n'a pas d'accusé de réception, aucun délai ne court, et "
            "l'autorisation finit le {day}."
        ),
        mend=_RESEND,
        find=_on(_ENDING),
        roles=_HOSPITAL,
        ladder=_LADDER,
    ),
    Kind(
        name=_UNCERTAIN,
        severity=Severity.URGENT,
        desk=Desk.SECRETARIAT,
        condition=french("Une demande est remise depuis 24 heures, sans accusé de réception."),
        sentence=french(
            "Dossier {case} : la demande {request} est sans accusé de réception depuis plus de 24 heures ; il est "
            "incertain que la CNAS l'ait reçue."
        ),
        mend=_RESEND,
        find=_on(_UNCERTAIN),
        roles=_HOSPITAL,
        ladder=_LADDER,
    ),
    Kind(
        name=_MISSING,
        severity=Severity.WARNING,
        desk=Desk.SECRETARIAT,
        condition=french(
            "Une demande est remise depuis 12 heures, sans accusé de réception ; pas pour un partenaire qui n'en "
            "envoie jamais."
        ),
        sentence=french("Dossier {case} : la demande {request} est sans accusé de réception depuis plus de 12 heures."),
        mend=french("Appelez la CNAS : le délai ne part que de l'accusé de réception."),
        find=_on(_MISSING),
        roles=_HOSPITAL,
        ladder=_LADDER,
    ),
    Kind(
        name=_LATE,
        severity=Severity.NOTICE,
        desk=Desk.SECRETARIAT,
        condition=french(
            "Une demande est remise depuis une heure, sans accusé de réception ; pas pour un partenaire qui n'en "
            "envoie jamais."
        ),
        sentence=french("Dossier {case} : la demande {request} n'a pas encore d'accusé de réception."),
        mend=french("Rien à faire pour l'instant ; sans accusé, vous serez de nouveau prévenu."),
        find=_on(_LATE),
        roles=_HOSPITAL,
        ladder=_LADDER,
    ),
    Kind(
        name="delivery_failed",
        severity=Severity.URGENT,
        desk=Desk.SECRETARIAT,
        condition=french("Une demande n'a pas été remise à la CNAS."),
        sentence=french("Dossier {case} : la demande {request} n'a pas été remise à la CNAS."),
        mend=french(
            "Vérifiez l'adresse et la taille, puis renvoyez le même courrier : gateway message resend {number}"
        ),
        find=_failed,
        signals=("alarm.delivery_failed",),
    ),
    Kind(
        name="proof_waiting",
        severity=Severity.WARNING,
        desk=Desk.SECRETARIAT,
        condition=french("Une preuve de réception apportée par une personne attend qu'une seconde la regarde."),
        sentence=french(
            "Dossier {case} : la preuve {number} de réception de la demande {request} attend une seconde personne."
        ),
        mend=french("Regardez-la (gateway proof save {number}), puis : gateway proof confirm {number}, ou decline"),
        find=_proofs,
        roles=_HOSPITAL,
    ),
    Kind(
        name="partner_never_confirms",
        severity=Severity.NOTICE,
        desk=Desk.ADMINISTRATOR,
        condition=french(
            "Un partenaire n'a confirmé, de quelque manière que ce soit, aucune de nos dernières demandes : trois au "
            "moins, de plus de 24 heures."
        ),
        sentence=french(
            "{partner} n'a confirmé aucune de nos {count} dernières demandes ; les rappels d'une heure et de 12 heures "
            "sont tus pour lui."
        ),
        mend=french("Convenez avec lui d'un accusé de lecture ou d'une réponse signée ; sinon : gateway proof enter"),
        find=_never,
        roles=_HOSPITAL,
    ),
    Kind(
        name="partner_unconfirmed",
        severity=Severity.WARNING,
        desk=Desk.ADMINISTRATOR,
        condition=french(
            "Une passerelle partenaire n'a pas accusé réception de courriers remis depuis plus de 24 heures."
        ),
        sentence=french(
            "La passerelle de {partner} n'a pas accusé réception de {count} courriers remis depuis plus de 24 heures "
            "(le plus ancien : message {number})."
        ),
        mend=french(
            "Demandez-lui si sa passerelle tourne ; les mêmes courriers se renvoient : gateway message resend {number}"
        ),
        find=_unconfirmed,
    ),
)
