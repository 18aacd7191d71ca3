"""The physicians' mailboxes that are watched: entered as the daemon does, and left as they are."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace

from gateway.adapters.imap import ImapFactory
from gateway.doctor.finding import Finding, fine, of_error, to_mend
from gateway.doctor.installation import Installation
from gateway.doctor.servers import PATIENCE, Mailboxes, is_junk, named
from gateway.domain.errors import GatewayError
from gateway.domain.words import said
from gateway.mailservers import MailboxSection
from gateway.ports import Folder
from gateway.servers import imap_settings, token_provider

CHECK = "imap.physician"


def mailboxes(installation: Installation, section: MailboxSection) -> Mailboxes:
    """One of them, with a person's patience.

    Raises:
        SecretUnreadable.
    """
    settings = imap_settings(section, token_provider(installation.settings, installation.clock))
    return ImapFactory(settings=replace(settings, timeout=min(PATIENCE, settings.timeout)), clock=installation.clock)


async def watched(
    installation: Installation, reach: Callable[[Installation, MailboxSection], Mailboxes] = mailboxes
) -> AsyncIterator[Finding]:
    """Whether each can be entered and has the folders that are read; one that cannot does not hide the others."""
    for name, section in installation.settings.mailboxes.items():
        try:
            listed = await _folders(reach(installation, section))
        except GatewayError as error:
            yield of_error(CHECK, error, mailbox=name)
        else:
            yield _judged(name, section, listed)


async def _folders(factory: Mailboxes) -> tuple[Folder, ...]:
    session = await factory.connect()
    try:
        return await session.folders()
    finally:
        await session.close()


def _judged(name: str, section: MailboxSection, listed: tuple[Folder, ...]) -> Finding:
    place = f"[mailboxes.{name}] watch"
    absent = [folder for folder in section.watch if named(folder, listed) is None]
    unread = [folder.name for folder in listed if is_junk(folder) and folder.name not in section.watch]
    if absent:
        return to_mend(
            CHECK,
            said("La boîte du médecin {name} n'a pas de dossier « {folders} ».", name=name, folders=", ".join(absent)),
            said("Tant qu'un dossier relevé manque, aucun silence ne s'enregistre."),
            said("Créez-le, ou corrigez {place}.", place=place),
            mailbox=name,
            folders=absent,
        )
    if unread:
        return to_mend(
            CHECK,
            said(
                "Le dossier des indésirables « {folders} » du médecin {name} n'est pas relevé.",
                name=name,
                folders=", ".join(unread),
            ),
            said("Une réponse prise pour indésirable resterait inconnue, et le silence serait faux."),
            said("Ajoutez ce nom à {place}.", place=place),
            mailbox=name,
            folders=unread,
        )
    return fine(
        CHECK,
        said("Boîte du médecin {name} relevée : {folders}.", name=name, folders=", ".join(section.watch)),
        mailbox=name,
    )
