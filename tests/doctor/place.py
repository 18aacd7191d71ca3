"""An installation as ``gateway init`` leaves it, in a folder of the test, with each part there to be broken."""

import shutil
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from gateway.adapters import database
from gateway.adapters.clock import SystemClock
from gateway.adapters.master_key import generate_master_key
from gateway.adapters.smime import identity as smime
from gateway.doctor.finding import Finding, Level
from gateway.doctor.installation import Installation, read
from gateway.records import identity
from gateway.storage import Act, Pin, Value
from tests.services.fakes import FakeClock

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
PASSPHRASE = "kf8sQ2LxVb71-mZp0aYt6RwC3"
US = "soins@hopital.test"

CONFIG = """\
[gateway]
party = "chu"
role = "hospital"
name = "CHU"
address = "soins@hopital.test"
data = "data"

[imap]
host = "127.0.0.1"
port = 1
user = "soins@hopital.test"
password = { file = "keys/mail-password" }
watch = ["INBOX", "Junk"]
poll_seconds = 0.1

[smtp]
host = "127.0.0.1"
port = 1
user = "soins@hopital.test"
password = { file = "keys/mail-password" }

[vault]
master_key = { file = "keys/master.key" }

[openpgp]
folder = "keys/openpgp"
passphrase = { file = "keys/passphrase" }

[reception]
own_mta = ["relais.demo.test"]

[partners.cnas]
role = "cnas"
kind = "gateway"
address = "conv@cnas.test"

[partners.cnse]
role = "cnse"
kind = "gateway"
address = "medical@cnse.test"
"""


SMIME = """\
[smime]
certificate = "keys/smime.pem"
key = { file = "keys/smime.key" }
passphrase = { file = "keys/passphrase" }
"""


class Place:
    """The folder. ``installation`` reads it as it is now."""

    def __init__(self, folder: Path, openpgp: Path | None = None) -> None:
        self.folder = folder
        self.clock = FakeClock(NOW)
        self.config = folder / "gateway.toml"
        self.keys = folder / "keys"
        self.data = folder / "data"
        for made in (self.keys, self.data):
            made.mkdir(mode=0o700)
        self.write(CONFIG)
        self.config.chmod(0o600)
        for name, secret in (("mail-password", "secret"), ("passphrase", PASSPHRASE)):
            path = self.keys / name
            path.touch(mode=0o600)
            path.write_text(f"{secret}\n")
        generate_master_key(self.keys / "master.key")
        if openpgp is not None:
            shutil.copytree(openpgp, self.keys / "openpgp")
        self.installation()

    def write(self, text: str) -> None:
        """Another configuration."""
        self.config.write_text(text)

    def change(self, old: str, new: str) -> None:
        """Another line in it."""
        text = self.config.read_text()
        if old not in text:
            raise ValueError(old)
        self.write(text.replace(old, new))

    def installation(self) -> Installation:
        """What the check-up examines."""
        return read(self.config, self.clock)

    def add_certificate(self) -> None:
        """S/MIME beside OpenPGP, with the CNAS; valid whatever the machine's own time is."""
        at = min(NOW, SystemClock().now())
        smime.generate(self.keys, "CHU", US, PASSPHRASE, at=at, days=20_000)
        self.change("[reception]\n", f"{SMIME}\n[reception]\n")
        self.change("[partners.cnas]\n", '[partners.cnas]\nsuite = "smime"\n')

    def create(self, **identity_changes: str) -> None:
        """Make the database."""
        settings = self.installation().settings
        database.create(settings.database_url, identity(settings) | identity_changes)
        (self.data / "gateway.sqlite3").chmod(0o600)

    async def store(self, *values: Value) -> None:
        """Rows of a gateway that has worked."""
        async with self._act() as act:
            for value in values:
                await act.add(value)

    async def record(self) -> None:
        """An audit record of now."""
        async with self._act() as act:
            await act.record("test.done", actor="gateway")

    @asynccontextmanager
    async def _act(self) -> AsyncIterator[Act]:
        url = self.installation().settings.database_url
        store = database.DatabaseStore(url, clock=self.clock, site="principal", party="chu")
        try:
            async with store.act() as act:
                yield act
        finally:
            await store.close()


def pin(partner: str, fingerprint: str, material: str, *, confirmed: bool = True, suite: str = "openpgp") -> Pin:
    """A partner's key."""
    return Pin(
        site="principal",
        partner=partner,
        suite=suite,
        fingerprint=fingerprint,
        material=material,
        pinned_at=NOW,
        pinned_by="alice",
        confirmed_by="alice" if confirmed else None,
    )


async def heard(findings: AsyncIterator[Finding] | Iterable[Finding]) -> list[Finding]:
    """Everything that a check finds."""
    if isinstance(findings, Iterable):
        return list(findings)
    return [finding async for finding in findings]


def levels(findings: Iterable[Finding]) -> dict[str, Level]:
    """The gravest level of each check."""
    order = list(Level)
    found: dict[str, Level] = {}
    for finding in findings:
        found[finding.check] = max(found.get(finding.check, Level.OK), finding.level, key=order.index)
    return found


def only(findings: Iterable[Finding], check: str, *, where: Callable[[Finding], bool] = lambda _: True) -> Finding:
    """The one finding of a check."""
    found = [finding for finding in findings if finding.check == check and where(finding)]
    if len(found) != 1:
        raise AssertionError(f"{check}: {[finding.words() for finding in found]}")
    return found[0]


def complete(finding: Finding) -> bool:
    """Whether it says what, why and the mend."""
    return all(finding.words().values())
