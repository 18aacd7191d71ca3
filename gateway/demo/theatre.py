"""Where a play is performed: one process, one event loop, a mail server, the gateways that run, and nothing left after.

With a folder to keep, everything that was made stays there; otherwise it lies in a temporary folder that is removed.
"""

import asyncio
import logging
import secrets
import signal
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from gettext import gettext as _
from pathlib import Path
from typing import TextIO

import structlog

from gateway.adapters import log
from gateway.adapters.clock import SystemClock
from gateway.demo.clock import VirtualClock, gnupg_follows
from gateway.demo.mailprogram import opened
from gateway.demo.party import PROFILES, Installed, install_all, running
from gateway.demo.screen import Screen, moment
from gateway.demo.servers import MailServer, open_server
from gateway.demo.stage import Commands, DemonstrationFailed, Stage

AUTHORITY = "autorite.pem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """What is performed. ``begins`` is the virtual instant; ``by_mail`` are roles without a gateway, at a mail program.

    ``done`` says the last words, with the seconds that it took. ``after`` goes on until somebody ends it, the
    gateways still at work; ``served`` says that they then have consoles.
    """

    title: str
    introduction: str
    begins: datetime
    act: Callable[[Stage], Awaitable[None]]
    done: Callable[[Stage, float], None]
    by_mail: frozenset[str] = frozenset()
    after: Callable[[Stage], Awaitable[None]] | None = None

    @property
    def served(self) -> bool:
        """Whether the parties have consoles in the end."""
        return self.after is not None


def perform(play: Play, *, keep: Path | None, speed: float, out: TextIO, commands: Commands) -> None:
    """Perform it. ``speed`` is in virtual hours a second, 0 for as fast as possible.

    ``commands`` runs the program's own commands; it is an argument because the command line lies above this room.

    Raises:
        GatewayError, DemonstrationFailed: it did not end as it must.
    """
    screen = Screen(out)
    try:
        asyncio.run(_perform(play, keep, speed, screen, commands))
    except asyncio.CancelledError as error:
        screen.end_clock()
        raise DemonstrationFailed(_("Elle a été interrompue ; tout ce qui tournait est arrêté.")) from error


async def _perform(play: Play, keep: Path | None, speed: float, screen: Screen, commands: Commands) -> None:
    _put_away_on_a_signal()
    began = SystemClock().uptime()
    with _place(keep) as folder, (folder / "journal-technique.jsonl").open("w", encoding="utf-8") as stream:
        _log_into(stream)
        async with AsyncExitStack() as stack:
            stage = await _set_up(stack, play, folder, screen, speed=speed, commands=commands)
            await play.act(stage)
            if play.after is not None:
                await play.after(stage)
        play.done(stage, SystemClock().uptime() - began)
        if keep is not None:
            _store(stage)


def _put_away_on_a_signal() -> None:
    """The first Ctrl-C or SIGTERM ends the play; an impatient second one does not interrupt the putting away."""
    task = asyncio.current_task()
    stopping = False

    def stop() -> None:
        nonlocal stopping
        if task is not None and not stopping:
            stopping = task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop)


async def _set_up(
    stack: AsyncExitStack, play: Play, folder: Path, screen: Screen, *, speed: float, commands: Commands
) -> Stage:
    screen.title(play.title)
    screen.say(play.introduction)
    clock = VirtualClock(SystemClock(), play.begins)
    stack.enter_context(gnupg_follows(clock))
    accounts = {profile.address: secrets.token_urlsafe(24) for profile in PROFILES}
    ca = folder / AUTHORITY
    server = await stack.enter_async_context(open_server(clock, accounts, ca))
    screen.scene(_("Trois établissements, une messagerie"))
    installed = await install_all(folder, server, ca, by_mail=play.by_mail, served=play.served)
    for party in installed.values():
        who = {"name": party.profile.name, "address": party.profile.address, "fingerprint": party.fingerprint}
        screen.say(_("{name} <{address}>, clé {fingerprint}").format(**who))
    at_work = {role: party for role, party in installed.items() if role not in play.by_mail}
    actors = {
        role: await stack.enter_async_context(running(party, _others(party, installed), clock))
        for role, party in at_work.items()
    }
    programs = {}
    for role in sorted(play.by_mail):
        party = installed[role]
        programs[role] = await stack.enter_async_context(opened(party, _others(party, installed), server, clock))
    screen.say(
        _(
            "Chacun a ses clés et celles des deux autres. SMTP sur le port {smtp}, IMAP sur le port {imap}, TLS "
            "partout. L'horloge virtuelle dit : {now}."
        ).format(smtp=server.smtp_port, imap=server.imap_port, now=moment(clock.now()))
    )
    return Stage(
        folder=folder,
        clock=clock,
        screen=screen,
        server=server,
        actors=actors,
        programs=programs,
        speed=speed,
        commands=commands,
    )


def _others(party: Installed, installed: dict[str, Installed]) -> list[Installed]:
    return [other for other in installed.values() if other is not party]


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
    # The embedded server writes to connections that were just closed; an error would still be told.
    logging.getLogger("asyncio").setLevel(logging.ERROR)


def _store(stage: Stage) -> None:
    """What was on the wire, what was told, and what the audit said."""
    for profile in PROFILES:
        _store_mails(stage.server, profile.address, stage.folder / "mails" / profile.folder)
    (stage.folder / "recit.txt").write_text("\n".join(stage.screen.transcript) + "\n", encoding="utf-8")
    (stage.folder / "journaux-verifies.txt").write_text("".join(stage.audits), encoding="utf-8")


def _store_mails(server: MailServer, address: str, folder: Path) -> None:
    folder.mkdir(parents=True)
    for number, raw in enumerate(server.delivered[address], 1):
        (folder / f"{number:02}.eml").write_bytes(raw)
