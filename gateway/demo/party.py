"""One party of the demonstration: installed as ``gateway init`` does, on a database marked as a rehearsal's.

Its gateway runs on the daemon's own composition; only the clock is another.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterable
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager
from dataclasses import dataclass
from gettext import gettext as _
from itertools import product
from pathlib import Path

import structlog

from gateway import app, records
from gateway.adapters import database
from gateway.adapters.log_key import generate_log_key
from gateway.adapters.master_key import generate_master_key
from gateway.adapters.openpgp.keyfiles import export_public, generate, read_public_key
from gateway.config import Settings, load
from gateway.core import Core
from gateway.demo.cast import console_sections
from gateway.demo.clock import VirtualClock
from gateway.demo.servers import HOST, RELAY, MailServer
from gateway.domain.parties import Suite
from gateway.services.dossier import Archive

POLL_SECONDS = 1.0
"""IDLE tells of new mail at once; this is only how often the mailbox is asked when nothing comes."""

TICK_SECONDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Who a party is. ``folder`` is where its files lie, in the language of the reader."""

    role: str
    folder: str
    id: str
    name: str
    address: str


PROFILES = (
    Profile(
        role="hospital",
        folder="hopital",
        id="hopital-demo",
        name="Hôpital de démonstration",
        address="soins@hopital.demo.test",
    ),
    Profile(role="cnas", folder="cnas", id="cnas-demo", name="CNAS (démonstration)", address="soins@cnas.demo.test"),
    Profile(
        role="cnse", folder="cnse", id="cnse-demo", name="CNSE, pôle médical (démo)", address="medical@cnse.demo.test"
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """A party's files."""

    profile: Profile
    config: Path
    settings: Settings
    public_key: str
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A running party."""

    profile: Profile
    config: Path
    core: Core
    archive: Archive


def install(
    profile: Profile,
    folder: Path,
    server: MailServer,
    ca: Path,
    *,
    by_mail: AbstractSet[str] = frozenset(),
    served: bool = False,
) -> Installed:
    """Configuration, keys and data folder, without the database. Blocks for about a second: call it in a thread.

    ``by_mail`` are the roles that have a mail program and no gateway; ``served`` gives the party a console.

    Raises:
        ConfigError, OwnKeyUnusable, StorageFailed.
    """
    keys = folder / "keys"
    keys.mkdir(mode=0o700, parents=True)
    passphrase = secrets.token_urlsafe(32)
    for name, secret in (("passphrase", passphrase), ("mail-password", server.accounts[profile.address])):
        path = keys / name
        path.touch(mode=0o600)
        path.write_text(f"{secret}\n", encoding="utf-8")
    generate_master_key(keys / "master.key")
    generate_log_key(keys / "audit.key")
    config = folder / "gateway.toml"
    told = _configuration(profile, server, ca, by_mail)
    config.write_text(told + (console_sections(profile.role) if served else ""), encoding="utf-8")
    settings = load(config)
    generate(keys, settings.gateway.name, settings.gateway.address, passphrase)
    settings.gateway.data.mkdir(mode=0o700)
    for reader in settings.readership.readers:
        Path(reader.place).mkdir(mode=0o700, parents=True)
    public = export_public(settings.openpgp.folder)
    return Installed(
        profile=profile,
        config=config,
        settings=settings,
        public_key=public,
        fingerprint=read_public_key(public.encode()).fingerprint,
    )


@asynccontextmanager
async def running(installed: Installed, others: Iterable[Installed], clock: VirtualClock) -> AsyncIterator[Actor]:
    """This party's gateway at work, its partners' keys pinned.

    Raises:
        GatewayError: it could not start.
    """
    structlog.contextvars.bind_contextvars(party=installed.profile.id)
    async with app.open_daemon(installed.settings, clock=clock) as daemon:
        # Where two persons are named, a key counts once both have checked it.
        checkers = ("demo", "demo-2") if installed.settings.four_eyes else ("demo",)
        for other, checker in product(others, checkers):
            await daemon.core.pins.pin(
                other.profile.role, Suite.OPENPGP.value, other.fingerprint, other.public_key, actor=checker
            )
        stop = asyncio.Event()
        work = asyncio.create_task(daemon.tasks.work_until(stop))
        try:
            yield Actor(
                profile=installed.profile,
                config=installed.config,
                core=daemon.core,
                archive=records.archive(daemon.core.base),
            )
        finally:
            stop.set()
            await work


async def install_all(
    folder: Path, server: MailServer, ca: Path, *, by_mail: AbstractSet[str] = frozenset(), served: bool = False
) -> dict[str, Installed]:
    """All three, by role; ``by_mail`` and ``served`` as of ``install``.

    Raises:
        ConfigError, OwnKeyUnusable, StorageFailed, DatabaseDamaged.
    """
    work = [
        asyncio.to_thread(install, profile, folder / profile.folder, server, ca, by_mail=by_mail, served=served)
        for profile in PROFILES
    ]
    made = await asyncio.gather(*work)
    for party in made:
        # One after the other: Alembic keeps what it works on in its module.
        await asyncio.to_thread(
            database.create, party.settings.database_url, records.identity(party.settings, rehearsal=True)
        )
    return {party.profile.role: party for party in made}


def _configuration(profile: Profile, server: MailServer, ca: Path, by_mail: AbstractSet[str]) -> str:
    partners = "\n".join(
        f'[partners.{other.role}]\nrole = "{other.role}"\nkind = "{"mail" if other.role in by_mail else "gateway"}"\n'
        f'address = "{other.address}"\n'
        for other in PROFILES
        if other is not profile
    )
    return _TEMPLATE.format(
        comment=_("Configuration de la démonstration ; config/gateway.example.toml explique chaque clé."),
        profile=profile,
        host=HOST,
        relay=RELAY,
        imap=server.imap_port,
        smtp=server.smtp_port,
        ca=f"../{ca.name}",
        poll=POLL_SECONDS,
        tick=TICK_SECONDS,
        partners=partners,
    )


_TEMPLATE = """\
# {comment}
[gateway]
party = "{profile.id}"
role = "{profile.role}"
name = "{profile.name}"
address = "{profile.address}"
data = "data"

[imap]
host = "{host}"
port = {imap}
user = "{profile.address}"
password = {{ file = "keys/mail-password" }}
ca = "{ca}"
watch = ["INBOX"]
poll_seconds = {poll}

[smtp]
host = "{host}"
port = {smtp}
user = "{profile.address}"
password = {{ file = "keys/mail-password" }}
ca = "{ca}"

[vault]
master_key = {{ file = "keys/master.key" }}

[openpgp]
folder = "keys/openpgp"
passphrase = {{ file = "keys/passphrase" }}

[reception]
own_mta = ["{relay}"]

[audit]
key = {{ file = "keys/audit.key" }}
anchor_file = "../{profile.folder}-ancres.txt"

[deadlines]
grace_hours = 12
tick_seconds = {tick}

{partners}"""
