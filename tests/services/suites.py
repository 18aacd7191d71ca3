"""Real keys of three parties in both suites, and an opener that does what the worker does, in this process.

Signatures are dated by the machine's clock, which both suites read by themselves; a story's clock is another, so the
opener here tells the story's instant in their place.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from email.utils import format_datetime
from pathlib import Path

from gateway.adapters.clock import SystemClock
from gateway.adapters.openpgp.home import Home, open_home
from gateway.adapters.openpgp.keyfiles import export_public, generate
from gateway.adapters.openpgp.open import OpenLimits
from gateway.adapters.openpgp.seal import OpenPgpSealer
from gateway.adapters.smime import identity
from gateway.adapters.smime.bench import SmimeBench
from gateway.adapters.smime.certificates import Correspondent, pem
from gateway.adapters.smime.identity import Identity
from gateway.adapters.smime.seal import Agreed, Cipher, SmimeSealer
from gateway.domain.parties import Role, Suite
from gateway.ports import PublicKey
from gateway.services.receive import Arrival
from gateway.services.suites import Suites
from gateway.storage import Mail
from gateway.wire.incoming import Incoming
from gateway.worker import Bench, read
from tests.services.fakes import FakeClock
from tests.services.mails import ADDRESSES
from tests.services.world import OWN_MTA, World

PASSPHRASE = "kf8sQ2LxVb71-mZp0aYt6RwC3"
LIMITS = OpenLimits(max_plain=1024 * 1024)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """What one party holds, in both suites."""

    home: Home
    openpgp: PublicKey
    own: Identity
    smime: PublicKey

    def of(self, suite: Suite) -> PublicKey:
        """What partners pin."""
        return self.openpgp if suite is Suite.OPENPGP else self.smime

    def sealer(self) -> Suites:
        """As the composition root makes it."""
        by_smime = SmimeSealer(self.own, agreed={"cnas": Agreed(cipher=Cipher.AES256_GCM)}, clock=SystemClock())
        by_gpg = OpenPgpSealer(self.home, fingerprint=self.openpgp.fingerprint, passphrase=PASSPHRASE)
        return Suites({Suite.OPENPGP: by_gpg, Suite.SMIME: by_smime})


class RealOpener:
    """What the worker does, in this process."""

    def __init__(self, keys: Keys, others: list[Keys], clock: FakeClock) -> None:
        known = tuple(Correspondent(certificate=other.own.certificate) for other in others)
        smime = SmimeBench(own=keys.own, known=known)
        home = keys.home
        self._clock = clock
        self._bench = Bench(home=home.path, passphrase=PASSPHRASE, own=home.own, limits=LIMITS, smime=smime)

    async def open(self, raw: bytes) -> Incoming:
        """The facts of a mail."""
        seen = read(raw, self._bench)
        return seen if seen.signed_at is None else replace(seen, signed_at=self._clock.now())

    async def signed(self, raw: bytes) -> bytes | None:
        """The signature with what it covers."""
        return read(raw, self._bench, whole=True).whole


@contextmanager
def parties(root: Path) -> Iterator[dict[Role, Keys]]:
    """Three parties with keys in both suites, below this folder."""
    folders = {role: root / role.value for role in ADDRESSES}
    public: dict[Role, PublicKey] = {}
    for role, folder in folders.items():
        folder.mkdir()
        printed = generate(folder, f"Essai {role.value}", ADDRESSES[role], PASSPHRASE)
        material = export_public(folder / "openpgp")
        public[role] = PublicKey(suite=Suite.OPENPGP, fingerprint=printed, material=material)
    made: dict[Role, Keys] = {}
    for role, folder in folders.items():
        identity.generate(folder, role.value, ADDRESSES[role], PASSPHRASE, at=SystemClock().now(), days=30)
        own = identity.load_files(folder / "smime.pem", (folder / "smime.key").read_text(), PASSPHRASE)
        home = open_home(folder / "openpgp", [key for other, key in public.items() if other is not role])
        smime = PublicKey(suite=Suite.SMIME, fingerprint=own.fingerprint, material=pem(own.certificate))
        made[role] = Keys(home=home, openpgp=public[role], own=own, smime=smime)
    try:
        yield made
    finally:
        for keys in made.values():
            keys.home.close()


async def arrive(world: World, raw: bytes) -> Mail:
    """A mail as the mailbox's own server delivers it, now."""
    now = world.clock.now()
    data = f"Received: by {OWN_MTA}; {format_datetime(now)}\r\n".encode() + raw
    arrival = Arrival(
        mailbox=world.party.address,
        folder="INBOX",
        uidvalidity=7,
        uid=next(world.numbers),
        internaldate=now,
        size=len(data),
        raw=data,
        too_large=False,
        not_before=None,
        seen_at=now,
    )
    return await world.receiver.take(arrival)
