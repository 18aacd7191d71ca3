"""What acts of persons need beside the records: keys, sealing, and the services that stand on them.

The service, the commands and the console open the same parts here, so that an act is the same wherever it comes from.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from gateway import legal_time
from gateway.adapters.clock import SystemClock
from gateway.adapters.openpgp.home import Home, open_home
from gateway.adapters.smime.identity import Identity
from gateway.config import Settings
from gateway.domain.parties import Suite
from gateway.keyring import PublicKeys, make_sealer, of_suite, own_certificate
from gateway.ports import Clock, PublicKey, Sealer
from gateway.records import Base, open_base
from gateway.services.casework import Casework
from gateway.services.compose import Composer
from gateway.services.confirm import Confirmations
from gateway.services.deadlines import Deadlines
from gateway.services.desk import Desk
from gateway.services.once import OnceStore
from gateway.services.pins import Pins
from gateway.services.placing import Placing
from gateway.services.readers import Readers
from gateway.services.requests import Requests
from gateway.services.timekeeping import Timekeeper
from gateway.services.triage import Triage
from gateway.services.verify import pins_in_force


@dataclass(frozen=True, slots=True, kw_only=True)
class Core:
    """What a command that seals needs beside the base; ``certificate`` is None for a gateway without S/MIME."""

    base: Base
    home: Home
    certificate: Identity | None
    keys: PublicKeys
    sealer: Sealer
    composer: Composer
    requests: Requests
    casework: Casework
    timekeeper: Timekeeper
    deadlines: Deadlines
    placing: Placing
    desk: Desk
    triage: Triage
    confirmations: Confirmations
    pins: Pins
    readers: Readers

    @property
    def fingerprints(self) -> frozenset[str]:
        """Of our own keys."""
        ours = (self.home.own, self.certificate)
        return frozenset(key.fingerprint for key in ours if key is not None)


@asynccontextmanager
async def open_core(settings: Settings, *, clock: Clock | None = None, once: bool = False) -> AsyncIterator[Core]:
    """Open what sealing needs as well; ``clock`` as in :func:`open_base`.

    With ``once`` the acts of persons keep the key under which they were asked for (gateway.services.once).

    Raises:
        ConfigError, DatabaseDamaged, SecretUnreadable, OwnKeyUnusable.
    """
    async with open_base(settings, clock=clock) as opened:
        keeping = OnceStore(opened.store, clock=opened.clock, site=settings.gateway.site)
        base = replace(opened, store=keeping) if once else opened
        passphrase, keys = settings.openpgp.passphrase.read(), PublicKeys(settings)
        pinned = of_suite(await pinned_keys(base, keys), Suite.OPENPGP)
        certificate = await asyncio.to_thread(own_certificate, settings)
        home = await asyncio.to_thread(open_home, settings.openpgp.folder, pinned)
        try:
            yield _core(base, home, certificate, keys, passphrase)
        finally:
            await asyncio.to_thread(home.close)


async def pinned_keys(base: Base, keys: PublicKeys) -> tuple[PublicKey, ...]:
    """The public keys in force of all partners of the configuration.

    Raises:
        KeyFileInvalid, AuthorityUnusable.
    """
    async with base.store.view() as view:
        pins = await pins_in_force(view, base.settings.gateway.site, None)
    return await asyncio.to_thread(keys.of, pins)


def _core(base: Base, home: Home, certificate: Identity | None, keys: PublicKeys, passphrase: str) -> Core:
    settings, clock, store, cabinet = base.settings, base.clock, base.store, base.cabinet
    us, directory = settings.party, settings.directory
    # ``cryptography`` dates signatures by the machine's clock, so certificates are judged by that clock too.
    sealer = make_sealer(settings, home, certificate, SystemClock(), passphrase)
    composer = Composer(
        party=us,
        directory=directory,
        sealer=sealer,
        cabinet=cabinet,
        clock=clock,
        noise=secrets.token_bytes,
        max_bytes=settings.smtp.max_bytes,
    )
    requests = legal_time.requests(settings, clock)
    casework = Casework(party=us, cabinet=cabinet, clock=clock)
    persons_needed = 2 if settings.four_eyes else 1
    timekeeper = Timekeeper(store=store, clock=clock, site=us.site)
    deadlines = Deadlines(
        store=store,
        requests=requests,
        composer=composer,
        casework=casework,
        cabinet=cabinet,
        timekeeper=timekeeper,
        clock=clock,
        party=us,
        directory=directory,
        watched=settings.watched,
        readership=settings.readership,
        persons_needed=persons_needed,
    )
    placing = Placing(
        cabinet=cabinet, casework=casework, clock=clock, noise=secrets.token_bytes, party=us, directory=directory
    )
    desk = Desk(
        store=store,
        cabinet=cabinet,
        composer=composer,
        requests=requests,
        casework=casework,
        clock=clock,
        placing=placing,
        party=us,
    )
    readers = Readers(store=store, clock=clock, party=us, directory=directory, readership=settings.readership)
    triage = Triage(
        store=store,
        cabinet=cabinet,
        requests=requests,
        casework=casework,
        clock=clock,
        readers=readers,
        noise=secrets.token_bytes,
        party=us,
        directory=directory,
        persons_needed=persons_needed,
    )
    return Core(
        base=base,
        home=home,
        certificate=certificate,
        keys=keys,
        sealer=sealer,
        composer=composer,
        requests=requests,
        casework=casework,
        timekeeper=timekeeper,
        deadlines=deadlines,
        placing=placing,
        desk=desk,
        triage=triage,
        confirmations=Confirmations(store=store, deadlines=deadlines, clock=clock, party=us),
        pins=Pins(store=store, clock=clock, party=us, directory=settings.outbox, persons_needed=persons_needed),
        readers=readers,
    )
