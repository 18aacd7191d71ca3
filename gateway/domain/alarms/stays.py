"""Alarms about cases: authorisations and periods that end, forms and copies that do not come, silences that wait."""

from collections.abc import Iterator
from datetime import timedelta

from gateway.domain.alarms.facts import Asked, Facts, Stay
from gateway.domain.alarms.shape import Desk, Find, Kind, Severity, Sighting
from gateway.domain.case import State as Staying
from gateway.domain.duties.stay import CARRYING
from gateway.domain.feasts import ONE_DAY
from gateway.domain.parties import Role
from gateway.domain.request import State
from gateway.domain.words import french
from gateway.domain.workdays import algiers_day

_HOSPITAL, _CNAS = frozenset({Role.HOSPITAL}), frozenset({Role.CNAS})
_STAYING = (Staying.ADMITTED, Staying.INTERRUPTED, Staying.REPATRIATION_PENDING)
_GRANTED = frozenset({State.ACCEPTED, State.PARTLY_ACCEPTED, State.REGULARISED})

UNRECORDED = timedelta(hours=24)
"""How long a silence that could be recorded may wait for a person before that is an alarm."""


def _authorisation(facts: Facts) -> Iterator[Sighting]:
    for stay in facts.stays:
        end = stay.authorised_until
        if stay.state is not Staying.ADMITTED or end is None:
            continue
        if end - facts.today > timedelta(days=facts.limits.authorisation_days):
            continue
        if not any(asked.prolongs and asked.state in CARRYING for asked in stay.requests):
            yield Sighting(kind="authorisation_ends", case=stay.ref, values={"day": end})


def _last_days(kind: str) -> Find:
    """The day before a period ends, and that day itself, in Algiers."""

    def find(facts: Facts) -> Iterator[Sighting]:
        for asked in facts.requests:
            if asked.state is not State.RUNNING or asked.ends_at is None or facts.now >= asked.ends_at:
                continue
            last = algiers_day(asked.ends_at) - ONE_DAY
            if algiers_day(facts.now) >= last - ONE_DAY:
                yield Sighting(kind=kind, case=asked.case, request=asked.hash, values={"day": last})

    return find


def _unrecorded(facts: Facts) -> Iterator[Sighting]:
    for asked in facts.requests:
        ripe = asked.due_at is not None and facts.now >= asked.due_at + UNRECORDED
        if asked.state is State.ELAPSED and ripe:
            yield Sighting(kind="silence_waits", case=asked.case, request=asked.hash)


def _disputed(facts: Facts) -> Iterator[Sighting]:
    for asked in facts.requests:
        if asked.state is State.ANSWER_DISPUTED:
            yield Sighting(kind="answer_disputed", case=asked.case, request=asked.hash)


def _challenged(facts: Facts) -> Iterator[Sighting]:
    for found in facts.challenged:
        yield Sighting(kind="acceptance_challenged", case=found.case, request=found.request)


def _regularisation(facts: Facts) -> Iterator[Sighting]:
    patience = timedelta(days=facts.limits.follow_up_days)
    for asked in facts.requests:
        if asked.state is State.TACITLY_ACCEPTED and asked.settled_at and facts.now - asked.settled_at >= patience:
            yield Sighting(kind="regularisation_missing", case=asked.case, request=asked.hash)


def _rights(facts: Facts) -> Iterator[Sighting]:
    for stay in facts.stays:
        for asked in stay.requests:
            if _unextended(stay, asked, facts):
                yield Sighting(kind="cpam_rights_missing", case=stay.ref, request=asked.hash)


def _unextended(stay: Stay, asked: Asked, facts: Facts) -> bool:
    if not asked.prolongs or asked.state not in _GRANTED or asked.form_owed:
        return False
    sent = stay.first("EXTENSION_TO_CPAM", asked.hash)
    if sent is None or facts.today - sent < timedelta(days=facts.limits.follow_up_days):
        return False
    return stay.first("RIGHTS_EXTENDED", asked.hash) is None


def _copy(kind: str, lacking: str) -> Find:
    """Whoever was admitted before today should have brought copy 1 and been announced by copy 2 (003:L242-248)."""

    def find(facts: Facts) -> Iterator[Sighting]:
        for stay in facts.stays:
            admitted = stay.first("ADMISSION")
            here = stay.state in _STAYING and admitted is not None and admitted < facts.today
            if here and stay.first(lacking) is None:
                yield Sighting(kind=kind, case=stay.ref)

    return find


KINDS = (
    Kind(
        name="authorisation_ends",
        severity=Severity.URGENT,
        desk=Desk.SECRETARIAT,
        condition=french(
            "L'autorisation d'un patient présent finit bientôt ou est finie, et aucune prolongation n'est demandée."
        ),
        setting="authorisation_days",
        sentence=french("Dossier {case} : l'autorisation finit le {day} et aucune prolongation n'est demandée."),
        mend=french(
            "Demandez la prolongation avant cette date, ou notez la sortie : ensuite l'hôpital supporte le séjour."
        ),
        find=_authorisation,
        roles=_HOSPITAL,
    ),
    Kind(
        name="period_ends",
        severity=Severity.NOTICE,
        desk=Desk.SECRETARIAT,
        condition=french("Le délai d'une demande sans réponse finit demain, ou aujourd'hui."),
        sentence=french(
            "Dossier {case} : le délai de la demande {request} finit le {day} à 23 h 59, heure d'Alger, et aucune "
            "réponse n'est connue."
        ),
        mend=french("Triez le courrier en attente, et voyez si une réponse est venue par une autre voie."),
        find=_last_days("period_ends"),
        roles=_HOSPITAL,
    ),
    Kind(
        name="answer_due",
        severity=Severity.URGENT,
        desk=Desk.SECRETARIAT,
        condition=french(
            "À la CNAS : le délai d'une demande à laquelle il faut répondre finit demain, ou aujourd'hui."
        ),
        sentence=french(
            "Dossier {case} : il faut répondre à la demande {request} avant le {day} à 23 h 59, heure d'Alger ; sans "
            "réponse elle sera réputée acceptée."
        ),
        mend=french("Répondez : gateway answer {case} --accept, --partial ou --refuse"),
        find=_last_days("answer_due"),
        roles=_CNAS,
    ),
    Kind(
        name="silence_waits",
        severity=Severity.WARNING,
        desk=Desk.SECRETARIAT,
        condition=french("Un silence qui pourrait être enregistré attend une personne depuis 24 heures."),
        sentence=french("Dossier {case} : le silence sur la demande {request} n'est toujours pas enregistré."),
        mend=french("Voyez ce qui manque et confirmez-le : gateway confirm {case} --list"),
        find=_unrecorded,
        roles=_HOSPITAL,
    ),
    Kind(
        name="answer_disputed",
        severity=Severity.URGENT,
        desk=Desk.SECRETARIAT,
        condition=french("On ne peut dire si une réponse est venue à temps."),
        sentence=french("Dossier {case} : la réponse à la demande {request} est à temps ou tardive, à départager."),
        mend=french(
            "Rien ne s'enregistre avant que calendrier, preuve ou personne tranche : gateway settle {case} --in-time "
            "--because RAISON, ou --late"
        ),
        find=_disputed,
        signals=("alarm.answer_disputed",),
    ),
    Kind(
        name="acceptance_challenged",
        severity=Severity.URGENT,
        desk=Desk.SECRETARIAT,
        condition=french(
            "Ce qui a été trouvé depuis aurait changé un silence enregistré, et personne n'a encore statué."
        ),
        sentence=french("Dossier {case} : le silence enregistré sur la demande {request} est mis en cause."),
        mend=french("Rien n'est défait ; une personne le maintient ou le retire : gateway challenge list"),
        find=_challenged,
        signals=("alarm.acceptance_challenged",),
        roles=_HOSPITAL,
    ),
    Kind(
        name="regularisation_missing",
        severity=Severity.WARNING,
        desk=Desk.SECRETARIAT,
        condition=french("Un silence est enregistré, et le formulaire de régularisation n'est pas venu."),
        setting="follow_up_days",
        sentence=french(
            "Dossier {case} : la demande {request} est réputée acceptée, et le formulaire SE 352-302 de "
            "régularisation n'est pas venu."
        ),
        mend=french("Rappelez à la CNAS qu'elle le doit : la CPAM ne prolonge les droits que sur lui."),
        find=_regularisation,
        roles=_HOSPITAL,
    ),
    Kind(
        name="cpam_rights_missing",
        severity=Severity.WARNING,
        desk=Desk.SECRETARIAT,
        condition=french(
            "Le formulaire d'une prolongation est parti à la CPAM, et aucune prolongation des droits n'est notée."
        ),
        setting="follow_up_days",
        sentence=french(
            "Dossier {case} : la CPAM a le formulaire de la demande {request}, et la prolongation des droits n'est "
            "pas notée."
        ),
        mend=french("Vérifiez auprès d'elle, puis notez-le : gateway note RIGHTS_EXTENDED --case {case}"),
        find=_rights,
        roles=_HOSPITAL,
    ),
    Kind(
        name="copy_1_not_presented",
        severity=Severity.WARNING,
        desk=Desk.SECRETARIAT,
        condition=french(
            "Un patient est admis depuis la veille au moins, et l'exemplaire 1 du SE 352-301 n'est pas noté."
        ),
        sentence=french("Dossier {case} : patient admis, exemplaire 1 du SE 352-301 jamais remis."),
        mend=french("Demandez-le au patient, puis notez-le : gateway note ENTITLEMENT_PRESENTED --case {case}"),
        find=_copy("copy_1_not_presented", "ENTITLEMENT_PRESENTED"),
        roles=_HOSPITAL,
    ),
    Kind(
        name="copy_2_not_received",
        severity=Severity.WARNING,
        desk=Desk.SECRETARIAT,
        condition=french(
            "Un patient est admis depuis la veille au moins, et l'exemplaire 2 du SE 352-301 n'est pas venu de la CNAS."
        ),
        sentence=french("Dossier {case} : patient admis, exemplaire 2 du SE 352-301 jamais reçu de la CNAS."),
        mend=french("Réclamez-le à la CNAS : c'est lui qui l'engage."),
        find=_copy("copy_2_not_received", "ENTITLEMENT_CERTIFICATE"),
        roles=_HOSPITAL,
    ),
)
