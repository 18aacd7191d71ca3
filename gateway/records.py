"""The gateway's records, opened: what every command needs, and all that one which only reads does.

It knows nothing of servers, sealing or workers, so that a command which only shows is quickly there.
"""

import asyncio
import os
import resource
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway import legal_time
from gateway.adapters import database
from gateway.adapters.clock import SystemClock
from gateway.adapters.disk import Disk
from gateway.adapters.master_key import master_key_of
from gateway.adapters.vault import FileVault
from gateway.config import Settings
from gateway.domain.errors import NotAllowed
from gateway.domain.words import said
from gateway.ports import Clock, Keyholder
from gateway.reliance import Reliance
from gateway.services.alarms.book import AlarmBook
from gateway.services.cabinet import Cabinet
from gateway.services.contests import Contests
from gateway.services.dossier import Archive
from gateway.services.forget import Forgetting
from gateway.services.health import HealthReader
from gateway.services.pulse import Pulse
from gateway.storage import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """What every command needs: settings, clock, database, vault; ``rehearsal`` says that a demonstration made them."""

    settings: Settings
    rehearsal: bool
    clock: Clock
    store: Store
    cabinet: Cabinet
    pulse: Pulse


def identity(settings: Settings, *, rehearsal: bool = False) -> dict[str, str]:
    """Whose database it is, and whether it belongs to a rehearsal, where time is not the world's."""
    whose = {"party": settings.gateway.party, "role": settings.gateway.role, "site": settings.gateway.site}
    return whose | ({database.REHEARSAL: "true"} if rehearsal else {})


@asynccontextmanager
async def open_base(
    settings: Settings, *, clock: Clock | None = None, rehearsals_too: bool = False
) -> AsyncIterator[Base]:
    """Open database and vault.

    A ``clock`` of the caller opens the database of a rehearsal and no other; without one, the system's clock opens a
    real one, and with ``rehearsals_too`` either (for commands that only read).

    Raises:
        ConfigError, DatabaseDamaged.
    """
    _keep_to_ourselves()
    require_owner(settings.gateway.data)
    accepted = [identity(settings, rehearsal=clock is not None)]
    if rehearsals_too:
        accepted.append(identity(settings, rehearsal=True))
    found = await asyncio.to_thread(database.recognise, settings.database_url, *accepted)
    master, former = master_key_of(settings.vault.master_key), settings.vault.former_master_key
    clock = clock or SystemClock()
    us = settings.party
    pulse = Pulse(clock)
    reliance = Reliance()
    store = database.DatabaseStore(
        settings.database_url, clock=clock, site=us.site, party=us.id, committed=pulse.committed, reliance=reliance
    )
    vault = FileVault(
        folder=settings.gateway.data / "spool",
        master=master,
        former=master_key_of(former) if former else None,
        reliance=reliance,
    )
    try:
        cabinet = Cabinet(store=store, vault=vault, clock=clock)
        yield Base(
            settings=settings,
            rehearsal=database.REHEARSAL in found,
            clock=clock,
            store=store,
            cabinet=cabinet,
            pulse=pulse,
        )
    finally:
        await store.close()


def require_owner(data: Path) -> None:
    """Files written by another account would be unreadable for the daemon, and hold its outbox.

    Raises:
        NotAllowed: the folder is another account's.
    """
    if data.is_dir() and data.stat().st_uid != os.getuid():
        reason = said("Lancez la commande avec le compte de ce dossier : sudo -u {owner} gateway …", owner=data.owner())
        raise NotAllowed(act=said("ouvrir {path}", path=data), reason=reason)


def _keep_to_ourselves() -> None:
    """No file of this process is anybody else's, and no crash writes its memory, keys and mails in clear, to a disk."""
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def alarm_book(base: Base) -> AlarmBook:
    """The alarms, for whoever lists or takes them."""
    return AlarmBook(store=base.store, clock=base.clock, party=base.settings.party)


def forgetting(base: Base) -> Forgetting:
    """Forgets closed cases, for persons."""
    years = base.settings.retention.years_after_closure
    return Forgetting(store=base.store, cabinet=base.cabinet, clock=base.clock, party=base.settings.party, years=years)


def archive(base: Base) -> Archive:
    """What persons read."""
    settings = base.settings
    return Archive(
        store=base.store,
        cabinet=base.cabinet,
        clock=base.clock,
        party=settings.party,
        almanac=legal_time.almanac(settings),
        readership=settings.readership,
    )


def health(base: Base, keyholder: Keyholder | None = None) -> HealthReader:
    """The state of the gateway; ``keyholder`` reads until when keys last, for who has the time."""
    settings, party = base.settings, base.settings.party
    return HealthReader(
        store=base.store,
        clock=base.clock,
        party=party,
        directory=settings.directory,
        almanac=legal_time.almanac(settings),
        watched=settings.watched,
        contests=Contests(store=base.store, cabinet=base.cabinet, party=party),
        room=Disk(settings.gateway.data),
        keyholder=keyholder,
    )
