"""Both mail servers as we reach them: encryption, login, watched folders, size limits, delivery reports, the time.

Nothing is sent. The one change is the passing message by which the mailbox is asked for the time, in our own folder.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from gateway.adapters.imap import ImapFactory
from gateway.adapters.smtp import Announced, SmtpCourier
from gateway.doctor.finding import Finding, blocking, fine, of_error, to_know, to_mend
from gateway.doctor.installation import Installation
from gateway.doctor.rules import MEGABYTE
from gateway.domain.errors import GatewayError
from gateway.domain.words import said
from gateway.mailservers import DEFAULT_LIMIT
from gateway.ports import Courier, Folder, PeerTls, Survey
from gateway.servers import clocks, imap_settings, smtp_settings, token_provider
from gateway.services.timekeeping import STEP_LIMIT

PATIENCE = 15.0
"""Seconds that a server may stay silent: a person waits, and the daemon's own patience is for busy days."""

RENEWED = timedelta(days=14)
"""A server's certificate that is nearer to its end was forgotten by whoever renews it."""

SLIGHT = timedelta(seconds=30)
"""Two clocks kept by NTP differ by far less."""

_CLOCKS = {"ntp": said("le serveur de temps"), "tsa": said("le service d'horodatage")}

JUNK_NAMES = frozenset({"junk", "spam", "junk e-mail", "courrier indésirable", "indésirables", "pourriel", "bulk mail"})
SENT_NAMES = frozenset({"sent", "sent items", "sent messages", "éléments envoyés", "envoyés", "messages envoyés"})


class Mailboxes(Protocol):
    """Opens sessions that can survey a mailbox."""

    async def connect(self) -> Survey:
        """Raises what ``MailboxFactory.connect`` raises."""
        ...


class Submission(Courier, Protocol):
    """A courier that can say what its server announces."""

    async def announced(self) -> Announced:
        """Raises what ``hand_over`` raises."""
        ...


def mailboxes(installation: Installation) -> Mailboxes:
    """The mailbox of the configuration, with a person's patience.

    Raises:
        SecretUnreadable.
    """
    token = token_provider(installation.settings, installation.clock)
    settings = imap_settings(installation.settings.imap, token)
    return ImapFactory(settings=replace(settings, timeout=min(PATIENCE, settings.timeout)), clock=installation.clock)


def submission(installation: Installation) -> Submission:
    """The submission server of the configuration, with a person's patience.

    Raises:
        SecretUnreadable.
    """
    settings = smtp_settings(installation.settings, token_provider(installation.settings, installation.clock))
    return SmtpCourier(replace(settings, timeout=min(PATIENCE, settings.timeout), answer_timeout=PATIENCE * 4))


# --- The mailbox.


async def mailbox(
    installation: Installation, reach: Callable[[Installation], Mailboxes] = mailboxes
) -> AsyncIterator[Finding]:
    """Encryption, login, folders, the largest message.

    Raises:
        SecretUnreadable, ServerError.
    """
    watch = installation.settings.imap.watch
    factory = reach(installation)
    session = await factory.connect()
    try:
        for finding in _reached("imap.login", "IMAP", session.tls, installation.clock.now()):
            yield finding
        listed = await session.folders()
        for finding in (*_unwatched(listed, watch), *_absent(listed, watch)):
            yield finding
        if named(watch[0], listed):
            ours = DEFAULT_LIMIT if installation.lacks(("smtp",)) else installation.settings.smtp.max_bytes
            yield _append_limit(await session.append_limit(watch[0]), ours)
    finally:
        await session.close()
    there = [folder for folder in watch if named(folder, listed)]
    refused = [finding for folder in there for finding in await _opened(factory, folder)]
    for finding in refused:
        yield finding
    if not refused and len(there) == len(watch):
        yield fine("imap.folders", said("Dossiers relevés : {folders}.", folders=", ".join(watch)), folders=list(watch))


def _reached(check: str, protocol: object, tls: PeerTls, now: datetime) -> Iterator[Finding]:
    told: dict[str, object] = {"tls": tls.version, "certificate_ends": tls.certificate_ends}
    yield fine(
        check,
        said("{protocol} : connexion chiffrée ({tls}), compte accepté.", protocol=protocol, tls=tls.version),
        **told,
    )
    left = tls.certificate_ends - now
    if left < RENEWED:
        yield to_know(
            check,
            said("{protocol} : le certificat du serveur expire dans {days} jours.", protocol=protocol, days=left.days),
            said("Après cette date, la passerelle refusera de s'y connecter."),
            said("Vérifiez avec l'administrateur du serveur qu'il sera renouvelé."),
            **told,
        )


def named(name: str, listed: Iterable[Folder]) -> Folder | None:
    """The folder of this name; only INBOX is written as one likes (RFC 3501 section 5.1)."""
    wanted = name.upper() if name.upper() == "INBOX" else name
    return next((f for f in listed if wanted == (f.name.upper() if f.name.upper() == "INBOX" else f.name)), None)


def is_junk(folder: Folder) -> bool:
    """Whether unwanted mail goes there, by what the server says or else by its name."""
    return folder.use == "junk" or (folder.use is None and folder.name.rpartition("/")[2].lower() in JUNK_NAMES)


def is_copy(folder: Folder) -> bool:
    """Whether it holds copies of what was sent, or of everything: a mail found there has not arrived."""
    if folder.use is None:
        return folder.name.rpartition("/")[2].lower() in SENT_NAMES
    return folder.use in {"sent", "drafts", "all"}


def _unwatched(listed: Iterable[Folder], watch: tuple[str, ...]) -> Iterator[Finding]:
    for folder in listed:
        if is_junk(folder) and folder.name not in watch:
            yield to_mend(
                "imap.junk",
                said("Le dossier des indésirables « {folder} » n'est pas relevé.", folder=folder.name),
                said("Une réponse de la CNAS prise pour indésirable resterait inconnue, et son silence serait faux."),
                said("Ajoutez ce nom à [imap] watch."),
                folder=folder.name,
            )


def _absent(listed: tuple[Folder, ...], watch: tuple[str, ...]) -> Iterator[Finding]:
    names = [folder.name for folder in listed]
    for folder in watch:
        if named(folder, listed):
            continue
        tell = blocking if folder == watch[0] else to_mend
        yield tell(
            "imap.folders",
            said("Le dossier « {folder} » n'existe pas dans la boîte.", folder=folder),
            said("Tous les dossiers de [imap] watch doivent être relevés pour qu'un silence s'enregistre."),
            said("Créez-le, ou corrigez [imap] watch. Dossiers de la boîte : {names}.", names=", ".join(names[:30])),
            folder=folder,
            folders=names,
        )


async def _opened(factory: Mailboxes, folder: str) -> list[Finding]:
    """In a session of its own, which a refusal ends."""
    session = await factory.connect()
    try:
        await session.examine(folder)
    except GatewayError as error:
        return [of_error("imap.folders", error, folder=folder)]
    finally:
        await session.close()
    return []


def _append_limit(limit: int | None, max_bytes: int) -> Finding:
    if limit is None:
        return fine("imap.size", said("La boîte n'annonce pas de taille maximale."), limit=None)
    told: dict[str, object] = {"limit": limit, "smtp_max_bytes": max_bytes}
    if limit < max_bytes:
        return to_know(
            "imap.size",
            said("La boîte ne prend pas de courrier de plus de {limit} octets.", limit=limit),
            said(
                "C'est moins que ce que nous envoyons ({ours} octets) : une réponse de même taille serait refusée.",
                ours=max_bytes,
            ),
            said("Augmentez la limite de la boîte, ou convenez d'une taille avec vos partenaires."),
            **told,
        )
    return fine("imap.size", said("La boîte prend des courriers jusqu'à {limit} Mo.", limit=limit // MEGABYTE), **told)


async def time(
    installation: Installation, reach: Callable[[Installation], Mailboxes] = mailboxes
) -> AsyncIterator[Finding]:
    """The mail server's clock against ours, where it is asked before a silence is recorded.

    Raises:
        SecretUnreadable, ServerError.
    """
    if not installation.settings.time.mailbox:
        return
    folder, clock = installation.settings.imap.clock_folder, installation.clock
    session = await reach(installation).connect()
    try:
        before = clock.now()
        told = await session.server_time(folder)
        after = clock.now()
    finally:
        await session.close()
    off = difference(told, before.replace(microsecond=0), after)
    yield agreement("imap.clock", said("le serveur de messagerie"), off, told=told, now=after)


async def other_clock(name: str, installation: Installation) -> AsyncIterator[Finding]:
    """A time server (``ntp``) or a time-stamping authority (``tsa``) against our clock, where [time] names one.

    Raises:
        ServerError, SecretUnreadable.
    """
    clock = installation.clock
    for source in clocks(installation.settings, clock):
        if source.name == name:
            before = clock.now()
            told = await source.tell()
            after = clock.now()
            off = difference(told, before.replace(microsecond=0), after)
            yield agreement(f"time.{name}", _CLOCKS[name], off, told=told, now=after)


def difference(told: datetime, earliest: datetime, latest: datetime) -> timedelta:
    """How far an instant lies outside of what is possible; zero inside."""
    if told < earliest:
        return told - earliest
    return max(told - latest, timedelta(0))


def agreement(check: str, source: object, off: timedelta, **facts: object) -> Finding:
    """Whether another clock agrees with ours."""
    told = {"seconds": round(off.total_seconds()), **facts}
    if abs(off) <= SLIGHT:
        return fine(check, said("Même heure ici et selon {source}.", source=source), **told)
    what = said("Écart de {seconds} s entre cette machine et {source}.", seconds=told["seconds"], source=source)
    mend = said("Réglez par NTP celle des deux machines qui a tort.")
    if abs(off) <= STEP_LIMIT:
        return to_know(
            check, what, said("Au-delà de cinq minutes, plus aucun silence ne s'enregistrerait."), mend, **told
        )
    return to_mend(
        check,
        what,
        said("Plus de cinq minutes : aucun silence n'est enregistré, une réception est douteuse."),
        mend,
        **told,
    )


# --- The submission server.


async def outgoing(
    installation: Installation, reach: Callable[[Installation], Submission] = submission
) -> AsyncIterator[Finding]:
    """Encryption, login, the largest mail, delivery reports.

    Raises:
        SecretUnreadable, ServerError.
    """
    courier = reach(installation)
    try:
        told = await courier.announced()
    finally:
        await courier.close()
    for finding in _reached("smtp.login", "SMTP", told.tls, installation.clock.now()):
        yield finding
    yield _size(told.size, installation.settings.smtp.max_bytes)
    yield _reports(offered=told.dsn)


def _size(announced: int | None, max_bytes: int) -> Finding:
    told: dict[str, object] = {"size": announced, "smtp_max_bytes": max_bytes}
    if announced is None:
        return fine("smtp.size", said("Le serveur d'envoi n'annonce pas de taille maximale."), **told)
    if announced < max_bytes:
        return to_mend(
            "smtp.size",
            said(
                "Le serveur d'envoi refuse au-delà de {size} octets ; [smtp] max_bytes en dit {ours}.",
                size=announced,
                ours=max_bytes,
            ),
            said("Une demande trop lourde serait scellée et gardée, puis refusée par le serveur."),
            said("Écrivez max_bytes = {size} dans [smtp], ou augmentez la limite du serveur.", size=announced),
            **told,
        )
    return fine(
        "smtp.size",
        said("Le serveur d'envoi prend des courriers jusqu'à {size} Mo.", size=announced // MEGABYTE),
        **told,
    )


def _reports(*, offered: bool) -> Finding:
    if offered:
        what = said("Avis de remise (DSN) offerts : ils prouvent la remise, jamais la réception par la CNAS.")
        return fine("smtp.reports", what, dsn=True)
    return to_know(
        "smtp.reports",
        said("Le serveur d'envoi n'offre pas d'avis de remise (DSN)."),
        said("Une non-remise ne se saura que par un courrier d'erreur ordinaire, qu'une personne devra lire."),
        said("Si possible, activez DSN (RFC 3461) sur ce serveur."),
        dsn=False,
    )
