"""Alarms about mail: what waits for a person, what cannot leave, what a reader of ours did not get."""

from collections.abc import Callable, Iterator
from datetime import timedelta

from gateway.domain.alarms.facts import Facts, Handed, Outgoing
from gateway.domain.alarms.shape import PREFIX, Desk, Find, Kind, Severity, Sighting
from gateway.domain.words import french

UNSORTED = timedelta(hours=1)
"""How long a mail may wait to be sorted: somebody who is at it needs no alarm."""

COPY_WITHIN = timedelta(minutes=15)
"""How long a forgotten copy may wait: it leaves at the next tick unless something is wrong."""

STUCK = timedelta(minutes=15)
"""How long mail may be tried in vain: a server that restarts is back before."""

NO_READER = timedelta(hours=1)
"""How long a share may wait for a reader who is named."""


def _to_partner(partner: str | None) -> bool:
    """Readers of ours and those who are told of alarms have names with a colon, and alarms of their own."""
    return partner is not None and ":" not in partner


def _to_staff(partner: str | None) -> bool:
    return partner is not None and partner.startswith(PREFIX)


def _unsorted(facts: Facts) -> Iterator[Sighting]:
    for mail in facts.mails:
        begins = facts.now - mail.since >= UNSORTED
        yield Sighting(kind="mail_to_sort", message=f"mail-{mail.mail}", begins=begins)


def _stuck(facts: Facts) -> Iterator[Sighting]:
    waiting = [each for each in facts.outgoing if each.tried and not (each.held or each.doubt)]
    if waiting:
        oldest = min(each.since for each in waiting)
        values = {"count": len(waiting)}
        yield Sighting(kind="outbox_stuck", values=values, begins=facts.now - oldest >= STUCK)


def _outgoing(kind: str, chosen: Callable[[Outgoing], bool]) -> Find:
    def find(facts: Facts) -> Iterator[Sighting]:
        for each in facts.outgoing:
            if chosen(each):
                yield Sighting(kind=kind, request=each.request, message=each.message, partner=each.partner)

    return find


def _copies(facts: Facts) -> Iterator[Sighting]:
    for copy in facts.copies:
        yield Sighting(
            kind="copy_not_repaired",
            case=copy.case,
            request=copy.request,
            message=copy.message,
            partner=copy.partner,
            begins=facts.now - copy.since >= COPY_WITHIN,
        )


def _notices(facts: Facts) -> Iterator[Sighting]:
    for asked in facts.requests:
        if asked.unsealed:
            # The tick pays this debt at once; only its own word that it cannot makes an alarm of it.
            yield Sighting(kind="notice_not_sealed", case=asked.case, request=asked.hash, begins=False)


def _handovers(kind: str, chosen: Callable[[Handed], bool], patience: timedelta = timedelta()) -> Find:
    def find(facts: Facts) -> Iterator[Sighting]:
        for each in facts.handovers:
            if chosen(each):
                yield Sighting(
                    kind=kind,
                    case=each.case,
                    request=each.request,
                    message=each.message,
                    partner=each.reader,
                    begins=facts.now - each.since >= patience,
                )

    return find


KINDS = (
    Kind(
        name="mail_to_sort",
        severity=Severity.WARNING,
        desk=Desk.SECRETARIAT,
        condition=french("Un courrier qui retient les silences attend d'être trié depuis une heure."),
        sentence=french("Le courrier {message} attend d'être trié ; il est peut-être une réponse de la CNAS."),
        mend=french("Dites ce qu'il est : gateway triage show {message}"),
        find=_unsorted,
    ),
    Kind(
        name="outbox_stuck",
        severity=Severity.URGENT,
        desk=Desk.ADMINISTRATOR,
        condition=french("Des courriers sont essayés depuis 15 minutes sans pouvoir partir."),
        sentence=french("Aucun courrier ne part : {count} attendent, essayés en vain."),
        mend=french("Voyez ce que dit le serveur d'envoi : gateway doctor ; les courriers repartent seuls."),
        find=_stuck,
        mail_fails=True,
    ),
    Kind(
        name="transmission_held",
        severity=Severity.URGENT,
        desk=Desk.ADMINISTRATOR,
        condition=french(
            "Un courrier est retenu : clé du partenaire inutilisable ou retirée, partenaire absent de la "
            "configuration, ou fichier illisible."
        ),
        sentence=french("Le message {message} pour {partner} est retenu : il ne part pas."),
        mend=french(
            "Importez la clé à jour ou remettez le partenaire : il repart seul. Fichier illisible : restaurez-le."
        ),
        find=_outgoing("transmission_held", lambda each: each.held),
        signals=("alarm.transmission_held",),
        hears=_to_partner,
    ),
    Kind(
        name="transmission_doubtful",
        severity=Severity.URGENT,
        desk=Desk.SECRETARIAT,
        condition=french("Deux fois, la liaison s'est perdue après l'envoi d'un courrier."),
        sentence=french("On ne sait pas si le message {message} est parti chez {partner}."),
        mend=french("Demandez-lui s'il l'a reçu ; sinon renvoyez-le : gateway message resend {message}"),
        find=_outgoing("transmission_doubtful", lambda each: each.doubt),
        signals=("alarm.transmission_doubtful",),
        hears=_to_partner,
    ),
    Kind(
        name="mail_refused",
        severity=Severity.URGENT,
        desk=Desk.ADMINISTRATOR,
        condition=french("Un courrier pour un partenaire est refusé par un serveur, ou revenu."),
        sentence=french("Le message {message} pour {partner} a été refusé ou est revenu."),
        mend=french("Vérifiez l'adresse et la taille, puis renvoyez-le : gateway message resend {message}"),
        signals=("transmission.refused", "transmission.bounced"),
        hears=_to_partner,
    ),
    Kind(
        name="notice_not_sealed",
        severity=Severity.WARNING,
        desk=Desk.ADMINISTRATOR,
        condition=french("Un avis dû aux partenaires ne peut pas être scellé."),
        sentence=french("Dossier {case} : un avis sur la demande {request} ne peut pas être scellé."),
        mend=french("Importez la clé qui manque : gateway keys list ; l'essai est refait à chaque passage."),
        find=_notices,
        signals=("alarm.notice_not_sealed",),
    ),
    Kind(
        name="copy_not_repaired",
        severity=Severity.WARNING,
        desk=Desk.ADMINISTRATOR,
        condition=french(
            "Une copie oubliée par son auteur n'est pas partie après 15 minutes, ou ne peut être scellée."
        ),
        sentence=french("La copie du message {message} que {partner} aurait dû recevoir ne part pas."),
        mend=french("Importez la clé qui manque : gateway keys list ; l'essai est refait à chaque passage."),
        find=_copies,
        signals=("alarm.copy_not_repaired",),
    ),
    Kind(
        name="handover_failed",
        severity=Severity.URGENT,
        desk=Desk.ADMINISTRATOR,
        condition=french(
            "Un lecteur n'a pas reçu un courrier : dossier inutilisable ou clé absente, autre cause depuis une heure, "
            "ou courrier revenu."
        ),
        sentence=french("Le message {message} n'a pas pu être remis à son lecteur."),
        mend=french("Voyez lequel : gateway message list ; réparez le dossier ou la clé, l'essai se refait seul."),
        find=_handovers("handover_failed", lambda each: each.failed),
        signals=("alarm.handover_failed",),
    ),
    Kind(
        name="handover_not_erased",
        severity=Severity.WARNING,
        desk=Desk.ADMINISTRATOR,
        condition=french("Une copie remise dont le temps est passé n'a pas pu être effacée."),
        sentence=french("La copie remise du message {message} n'a pas pu être effacée."),
        mend=french("Rétablissez l'accès au dossier de remise, videz ce qui n'est pas de la passerelle."),
        find=_handovers("handover_not_erased", lambda each: not each.failed and each.reader is not None),
        signals=("alarm.handover_not_erased",),
    ),
    Kind(
        name="handover_waiting",
        severity=Severity.WARNING,
        desk=Desk.SECRETARIAT,
        condition=french("La part d'un courrier attend depuis une heure qu'un lecteur soit désigné."),
        sentence=french("Dossier {case} : le message {message} attend qu'un médecin soit désigné."),
        mend=french("Désignez-le : gateway case assign {case} MÉDECIN"),
        find=_handovers("handover_waiting", lambda each: each.reader is None, NO_READER),
    ),
    Kind(
        name="staff_unreachable",
        severity=Severity.URGENT,
        desk=Desk.ADMINISTRATOR,
        condition=french("Un courrier d'alarme est refusé par un serveur, ou revenu."),
        sentence=french("Un courrier d'alarme pour {partner} a été refusé ou est revenu."),
        mend=french("Vérifiez l'adresse de cette personne dans [staff], puis relisez gateway alarms."),
        signals=("transmission.refused", "transmission.bounced"),
        hears=_to_staff,
        mail_fails=True,
    ),
)
