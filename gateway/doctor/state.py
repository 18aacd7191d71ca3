"""What the gateway remembers: its database, whether the service runs and reads mail, whether it trusts its clock."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

from gateway import records
from gateway.adapters import database
from gateway.adapters.daemon_lock import is_held
from gateway.doctor.finding import Finding, fine, to_know, to_mend
from gateway.doctor.installation import Installation
from gateway.domain.alarms.machine import UNREAD
from gateway.domain.errors import DatabaseDamaged
from gateway.domain.words import said
from gateway.services.polls import last_poll
from gateway.services.timekeeping import STEP_LIMIT
from gateway.storage import ClockMark

FORGOTTEN = timedelta(days=1)
"""A service that was stopped for longer was perhaps forgotten."""


async def integrity(installation: Installation) -> AsyncIterator[Finding]:
    """The database is there, whole, ours, of this version, and its log's head can be read.

    Raises:
        NotAllowed, DatabaseMissing, DatabaseDamaged, RehearsalOnly, StorageFailed.
    """
    settings = installation.settings
    records.require_owner(settings.gateway.data)
    version = await asyncio.to_thread(database.check, settings.database_url)
    if version is not None and version < database.HEAD:
        yield to_know(
            "state.database",
            said(
                "Base intacte, de la version {version} ; cette passerelle écrit la version {wanted}.",
                version=version,
                wanted=database.HEAD,
            ),
            said("Elle est mise à jour au prochain démarrage du service."),
            said("Sauvegardez les données, puis redémarrez « gateway run »."),
            version=version,
        )
        return
    if version is None:
        raise DatabaseDamaged(reason=said("Elle n'a pas de schéma."))
    async with installation.reading() as view:
        size, _, last = await view.head()
    yield fine(
        "state.database",
        said("Base intacte, version {version}, {size} enregistrements d'audit.", version=version, size=size),
        version=version,
        audit_size=size,
        audit_last_at=last,
    )


async def service(installation: Installation) -> AsyncIterator[Finding]:
    """Whether the daemon runs, and when each watched folder was last read.

    Raises:
        NotAllowed, DatabaseMissing, DatabaseDamaged, RehearsalOnly, StorageFailed.
    """
    settings = installation.settings
    now, running = installation.clock.now(), is_held(settings.gateway.data)
    async with installation.reading() as view:
        polled = {place.name: await last_poll(view, settings.gateway.site, place) for place in settings.watched}
    times = {folder: poll.last_at if poll else None for folder, poll in polled.items()}
    stale = [folder for folder, at in times.items() if at is None or now - at > UNREAD]
    facts = {"running": running, "polled_at": times}
    if running and stale:
        yield to_mend(
            "state.service",
            said("Le service tourne, mais ne relève pas : {folders}.", folders=", ".join(stale)),
            said("Ce qui arrive dans ces dossiers n'est pas lu, et aucun silence ne peut être enregistré."),
            said(
                "Voyez plus bas ce que dit le serveur IMAP, et dans le journal « task.failing » et « folder.refused »."
            ),
            **facts,
        )
    elif running:
        yield fine("state.service", said("Le service tourne et relève tous les dossiers."), **facts)
    else:
        yield _stopped(now, [at for at in times.values() if at is not None], facts)


def _stopped(now: datetime, polled: list[datetime], facts: dict[str, object]) -> Finding:
    start = said("Démarrez-le : systemctl start soins-passerelle, ou gateway run.")
    if polled and now - max(polled) > FORGOTTEN:
        return to_mend(
            "state.service",
            said(
                "Le service est arrêté ; le courrier n'a pas été relevé depuis {days} jours.",
                days=(now - max(polled)).days,
            ),
            said("Les réponses attendent dans la boîte, et rien ne part."),
            start,
            **facts,
        )
    return to_know(
        "state.service", said("Le service ne tourne pas."), said("Rien n'est relevé ni envoyé."), start, **facts
    )


async def clock(installation: Installation) -> AsyncIterator[Finding]:
    """Whether recording is suspended because the clock is in doubt, and whether it is behind the log.

    Raises:
        NotAllowed, DatabaseMissing, DatabaseDamaged, RehearsalOnly, StorageFailed.
    """
    now, site = installation.clock.now(), installation.settings.gateway.site
    async with installation.reading() as view:
        mark = await view.one(ClockMark, site=site)
        _, _, last = await view.head()
    mend = said(
        "Tenez l'heure par NTP (timedatectl) ; la suspension finit quand le serveur de messagerie donne la même heure."
    )
    if last is not None and now < last - STEP_LIMIT:
        yield to_mend(
            "state.clock",
            said("L'heure de cette machine est avant le dernier enregistrement du journal."),
            said("Elle est fausse, ou l'était alors : aucun silence n'est enregistré."),
            mend,
            now=now,
            audit_last_at=last,
        )
    elif mark is not None and mark.suspended_at is not None:
        yield to_mend(
            "state.clock",
            said(
                "L'horloge est tenue pour douteuse depuis {at}.",
                at=said("{at:%d/%m/%Y %H:%M} UTC", at=mark.suspended_at),
            ),
            said("Elle a sauté, ou le serveur de messagerie donne une autre heure : aucun silence n'est enregistré."),
            mend,
            suspended_at=mark.suspended_at,
        )
    else:
        agreed = mark.agreed_at if mark else None
        yield fine("state.clock", said("L'horloge n'est pas mise en doute."), agreed_at=agreed)
