"""Alarms about the machine: mailbox, clock, keys and certificates, calendar."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from gateway.domain.alarms.facts import Facts
from gateway.domain.alarms.shape import Desk, Find, Kind, Severity, Sighting, Value
from gateway.domain.lifetimes import Lifetime
from gateway.domain.words import french
from gateway.domain.workdays import algiers_day

UNREAD = timedelta(minutes=10)
"""Without a successful poll for so long, the mailbox counts as not watched."""

HORIZON = timedelta(days=90)
"""How long before the last complete day of the calendar a person is told: time enough to find next year's feasts."""

KEY_SOON, KEY_NOW = timedelta(days=60), timedelta(days=7)
"""How long before its end a key is spoken of, and loudly: an exchange of keys takes telephone calls."""

SERVER_SOON = timedelta(days=14)
"""Machines renew a server's certificate a month before its end: then somebody has forgotten."""


MIB = 1024 * 1024
LITTLE_ROOM, ROOM_AGAIN = 1024 * MIB, 1280 * MIB
"""Bytes: when a person is told that the disk fills up, and from when there is enough again: it comes and goes."""


def _unreachable(facts: Facts) -> Iterator[Sighting]:
    if facts.mail_unread_for > UNREAD:
        yield Sighting(kind="mailbox_unreachable", begins=facts.unreachable)


def _clock(kind: str) -> Find:
    """The record that tells which doubt it is starts it; it lasts as long as the clock is in doubt."""

    def find(facts: Facts) -> Iterator[Sighting]:
        if not facts.clock_trusted:
            yield Sighting(kind=kind, begins=False)

    return find


def _calendar(facts: Facts) -> Iterator[Sighting]:
    until = facts.calendar_covers_until
    if until - algiers_day(facts.now) < HORIZON:
        yield Sighting(kind="calendar_horizon", values={"day": until, "year": until.year + 1})


def _key_rung(key: Lifetime, now: datetime) -> str | None:
    if not key.usable or (key.ends_at is not None and key.ends_at <= now):
        return "key_unusable"
    if key.ends_at is None:
        return "key_never_ends"
    if key.ends_at - now > KEY_SOON:
        return None
    return "key_ends_now" if key.ends_at - now <= KEY_NOW else "key_ends"


def _key(rung: str) -> Find:
    def find(facts: Facts) -> Iterator[Sighting]:
        for key in facts.lifetimes:
            if _key_rung(key, facts.now) == rung:
                values: dict[str, Value] = {"suite": key.suite}
                if key.ends_at is not None:
                    values["day"] = key.ends_at.date()
                yield Sighting(kind=rung, partner=key.owner, part=key.suite, values=values)

    return find


def _server(facts: Facts) -> Iterator[Sighting]:
    for met in facts.servers:
        if met.ends_at is None:
            # Not met since the daemon started: what was told of it stands.
            yield Sighting(kind="server_certificate_ends", partner=met.server, begins=False)
        elif met.ends_at - facts.now <= SERVER_SOON:
            values = {"day": met.ends_at.date()}
            yield Sighting(kind="server_certificate_ends", partner=met.server, values=values)


def _short(facts: Facts) -> Iterator[Sighting]:
    free = facts.free_bytes
    if free is not None and free < ROOM_AGAIN:
        yield Sighting(kind="disk_short", values={"count": free // MIB}, begins=free < LITTLE_ROOM)


def _unsaved(facts: Facts) -> Iterator[Sighting]:
    days = facts.limits.backup_days
    if days is not None and facts.unsaved_for >= timedelta(days=days):
        yield Sighting(kind="backup_late", values={"count": facts.unsaved_for.days})


_DOUBT = french("Corrigez l'heure (NTP) : aucun silence ne s'enregistre tant qu'une seconde source ne la confirme pas.")
_RENEW = french(
    "La vôtre (us, imap, smtp) : prolongez-la ou renouvelez-la. Celle d'un partenaire : demandez-lui la nouvelle, et "
    "importez-la."
)

KINDS = (
    Kind(
        name="mailbox_unreachable",
        severity=Severity.URGENT,
        desk=Desk.ADMINISTRATOR,
        condition=french("Un dossier relevé ne l'a pas été depuis 10 minutes, service en marche."),
        sentence=french("La boîte aux lettres n'est plus relevée : les réponses n'arrivent pas ici."),
        mend=french("Voyez ce que dit le serveur IMAP : gateway doctor"),
        find=_unreachable,
        mail_fails=True,
    ),
    Kind(
        name="storage_failed",
        severity=Severity.URGENT,
        desk=Desk.ADMINISTRATOR,
        condition=french(
            "Le disque ou la base refuse d'écrire : rien ne s'enregistre, pas même les alarmes ; celle-ci n'est dite "
            "que par le journal technique et par l'autre voie."
        ),
        sentence=french("Le disque ou la base de la passerelle refuse d'écrire."),
        mend=french("Faites de la place, voyez les droits et le disque : gateway doctor"),
        recorded=False,
    ),
    Kind(
        name="clock_stepped",
        severity=Severity.URGENT,
        desk=Desk.ADMINISTRATOR,
        condition=french("L'heure a sauté de plus de 5 minutes."),
        sentence=french("L'heure de la machine a sauté de plus de 5 minutes."),
        mend=_DOUBT,
        find=_clock("clock_stepped"),
        signals=("alarm.clock_stepped",),
    ),
    Kind(
        name="clock_behind_log",
        severity=Severity.URGENT,
        desk=Desk.ADMINISTRATOR,
        condition=french("L'heure est avant le dernier enregistrement du journal."),
        sentence=french("L'heure de la machine est avant le dernier enregistrement du journal."),
        mend=_DOUBT,
        find=_clock("clock_behind_log"),
        signals=("alarm.clock_behind_log",),
    ),
    Kind(
        name="clock_disagrees",
        severity=Severity.URGENT,
        desk=Desk.ADMINISTRATOR,
        condition=french("Une seconde source donne une autre heure."),
        sentence=french("Une seconde source donne une autre heure que la machine."),
        mend=_DOUBT,
        find=_clock("clock_disagrees"),
        signals=("alarm.clock_disagrees",),
    ),
    Kind(
        name="key_unusable",
        severity=Severity.URGENT,
        desk=Desk.ADMINISTRATOR,
        condition=french("Une clé ou un certificat, de nous ou d'un partenaire, a expiré ou est révoqué."),
        sentence=french("La clé ou le certificat {suite} de {partner} n'est plus utilisable."),
        mend=_RENEW,
        find=_key("key_unusable"),
        ladder="key",
    ),
    Kind(
        name="key_ends_now",
        severity=Severity.URGENT,
        desk=Desk.ADMINISTRATOR,
        condition=french("Une clé ou un certificat, de nous ou d'un partenaire, finit dans 7 jours ou moins."),
        sentence=french("La clé ou le certificat {suite} de {partner} finit le {day}."),
        mend=_RENEW,
        find=_key("key_ends_now"),
        ladder="key",
    ),
    Kind(
        name="key_ends",
        severity=Severity.WARNING,
        desk=Desk.ADMINISTRATOR,
        condition=french("Une clé ou un certificat, de nous ou d'un partenaire, finit dans 60 jours ou moins."),
        sentence=french("La clé ou le certificat {suite} de {partner} finit le {day}."),
        mend=_RENEW,
        find=_key("key_ends"),
        ladder="key",
    ),
    Kind(
        name="key_never_ends",
        severity=Severity.NOTICE,
        desk=Desk.ADMINISTRATOR,
        condition=french("Une clé, de nous ou d'un partenaire, n'a pas de date de fin."),
        sentence=french("La clé {suite} de {partner} n'a pas de date de fin : rien ne rappellera de la changer."),
        mend=french("Convenez d'une clé qui finit ; sinon notez quand vous la changerez, et prenez l'alarme."),
        find=_key("key_never_ends"),
        ladder="key",
    ),
    Kind(
        name="server_certificate_ends",
        severity=Severity.WARNING,
        desk=Desk.ADMINISTRATOR,
        condition=french(
            "Le certificat d'un serveur de messagerie, tel qu'il s'est montré, finit dans 14 jours ou moins."
        ),
        sentence=french(
            "Le certificat du serveur {partner} finit le {day} : ensuite, la passerelle ne s'y connectera plus."
        ),
        mend=french("Demandez à l'administrateur de ce serveur s'il sera renouvelé."),
        find=_server,
    ),
    Kind(
        name="backup_late",
        severity=Severity.WARNING,
        desk=Desk.ADMINISTRATOR,
        condition=french("Aucune sauvegarde depuis plus de jours que permis."),
        setting="backup_days",
        sentence=french("Aucune sauvegarde depuis {count} jours : ce disque a seul les dossiers et leurs preuves."),
        mend=french(
            "gateway backup DOSSIER ; voyez aussi pourquoi celle de la nuit ne se fait plus (systemctl list-timers)."
        ),
        find=_unsaved,
    ),
    Kind(
        name="disk_short",
        severity=Severity.WARNING,
        desk=Desk.ADMINISTRATOR,
        condition=french("Il reste moins de 1 Gio sur le disque des données ; se termine quand il y en a 1,25."),
        sentence=french("Il reste {count} Mio sur le disque des données : plein, il arrête la passerelle."),
        mend=french("Libérez de la place, ou donnez-lui un disque plus grand ; gateway doctor dit ce qui reste."),
        find=_short,
    ),
    Kind(
        name="calendar_horizon",
        severity=Severity.WARNING,
        desk=Desk.ADMINISTRATOR,
        condition=french("Le calendrier algérien est complet pour moins de 90 jours."),
        sentence=french("Le calendrier algérien s'arrête le {day} : au-delà, aucun silence ne s'enregistre."),
        mend=french("Complétez-le : gateway calendar propose {year} --record"),
        find=_calendar,
    ),
)
