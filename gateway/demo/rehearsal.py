"""The whole demonstration in one process and one event loop: server, three gateways, two stories, and nothing left.

With a folder to keep, everything that was made stays there; otherwise it lies in a temporary folder that is removed.
"""

import asyncio
import logging
import secrets
import signal
import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from gettext import gettext as _
from pathlib import Path
from typing import TextIO

import structlog

from gateway.adapters import log
from gateway.adapters.clock import SystemClock
from gateway.demo import story
from gateway.demo.clock import VirtualClock, gnupg_follows
from gateway.demo.party import PROFILES, install_all, running
from gateway.demo.screen import Screen, moment
from gateway.demo.servers import MailServer, open_server
from gateway.demo.stage import Commands, DemonstrationFailed, Stage

AUTHORITY = "autorite.pem"


def perform(*, keep: Path | None, speed: float, out: TextIO, commands: Commands) -> None:
    """Play both stories. ``speed`` is in virtual hours a second, 0 for as fast as possible.

    ``commands`` runs the program's own commands; it is an argument because the command line lies above this room.

    Raises:
        GatewayError, DemonstrationFailed: the story did not end as it must.
    """
    screen = Screen(out)
    try:
        asyncio.run(_perform(keep, speed, screen, commands))
    except asyncio.CancelledError as error:
        screen.end_clock()
        raise DemonstrationFailed(_("Elle a été interrompue ; tout ce qui tournait est arrêté.")) from error


async def _perform(keep: Path | None, speed: float, screen: Screen, commands: Commands) -> None:
    _put_away_on_a_signal()
    began = SystemClock().uptime()
    with _place(keep) as folder, (folder / "journal-technique.jsonl").open("w", encoding="utf-8") as stream:
        _log_into(stream)
        async with AsyncExitStack() as stack:
            stage = await _set_up(stack, folder, speed, screen, commands)
            await story.silence(stage)
            await story.answer(stage)
        seconds = SystemClock().uptime() - began
        _close(stage, seconds, kept=keep)
        if keep is not None:
            _store(stage)


def _put_away_on_a_signal() -> None:
    """The first Ctrl-C or SIGTERM ends the stories; an impatient second one does not interrupt the putting away."""
    task = asyncio.current_task()
    stopping = False

    def stop() -> None:
        nonlocal stopping
        if task is not None and not stopping:
            stopping = task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop)


async def _set_up(stack: AsyncExitStack, folder: Path, speed: float, screen: Screen, commands: Commands) -> Stage:
    screen.title(_("Passerelle des soins programmés : la démonstration"))
    screen.say(
        _(
            "Trois passerelles (un hôpital, la CNAS, le CNSE) vont s'écrire, avec le code du service réel, par un vrai "
            "serveur SMTP et un vrai serveur IMAP, sur cette machine seulement. Seule l'horloge est virtuelle."
        )
    )
    clock = VirtualClock(SystemClock(), story.START)
    stack.enter_context(gnupg_follows(clock))
    accounts = {profile.address: secrets.token_urlsafe(24) for profile in PROFILES}
    ca = folder / AUTHORITY
    server = await stack.enter_async_context(open_server(clock, accounts, ca))
    screen.scene(_("Trois établissements, une messagerie"))
    installed = await install_all(folder, server, ca)
    for party in installed.values():
        who = {"name": party.profile.name, "address": party.profile.address, "fingerprint": party.fingerprint}
        screen.say(_("{name} <{address}>, clé {fingerprint}").format(**who))
    actors = {}
    for role, party in installed.items():
        others = [other for other in installed.values() if other is not party]
        actors[role] = await stack.enter_async_context(running(party, others, clock))
    screen.say(
        _(
            "Chacun a ses clés et celles des deux autres. SMTP sur le port {smtp}, IMAP sur le port {imap}, TLS "
            "partout. L'horloge virtuelle dit : {now}."
        ).format(smtp=server.smtp_port, imap=server.imap_port, now=moment(clock.now()))
    )
    screen.real_life(
        _("« gateway init » pose ces questions une fois ; « gateway keys import », l'empreinte au téléphone.")
    )
    return Stage(
        folder=folder, clock=clock, screen=screen, server=server, actors=actors, speed=speed, commands=commands
    )


@contextmanager
def _place(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(mode=0o700, parents=True, exist_ok=True)
        yield keep.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="demo-") as folder:
        yield Path(folder)


def _log_into(stream: TextIO) -> None:
    """The technical log goes beside the rest, not over the story."""
    log.configure("INFO")
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(file=stream))
    logging.getLogger("pymap").setLevel(logging.CRITICAL)


def _close(stage: Stage, seconds: float, *, kept: Path | None) -> None:
    screen = stage.screen
    sent = sum(len(mails) for mails in stage.server.delivered.values())
    screen.title(_("Fin"))
    done = _("Deux histoires, {sent} courriers scellés ou signés, en {seconds:.0f} secondes.")
    screen.done(done.format(sent=sent, seconds=seconds))
    if kept is None:
        screen.say(_("Rien n'est resté : ni processus, ni fichier. Pour tout garder : gateway demo --keep DOSSIER."))
        return
    screen.say(
        _("Tout est gardé dans {folder} : configurations, clés, bases, courriers (mails/), récit, journaux.").format(
            folder=stage.folder
        )
    )
    screen.say(
        _(
            "Par exemple : gateway cases --config {folder}/hopital/gateway.toml. Ces bases sont marquées "
            "« démonstration » : « gateway run » les refuse."
        ).format(folder=stage.folder)
    )


def _store(stage: Stage) -> None:
    """What was on the wire, what was told, and what the audit said."""
    for actor in stage.actors.values():
        _store_mails(stage.server, actor.profile.address, stage.folder / "mails" / actor.profile.folder)
    (stage.folder / "recit.txt").write_text("\n".join(stage.screen.transcript) + "\n", encoding="utf-8")
    (stage.folder / "journaux-verifies.txt").write_text("".join(stage.audits), encoding="utf-8")


def _store_mails(server: MailServer, address: str, folder: Path) -> None:
    folder.mkdir(parents=True)
    for number, raw in enumerate(server.delivered[address], 1):
        (folder / f"{number:02}.eml").write_bytes(raw)
