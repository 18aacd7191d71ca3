"""Our key before this one: for a while it opens what partners still seal for it, and it never signs."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.adapters.openpgp.home import Home, open_home
from gateway.adapters.openpgp.keyfiles import KeyFacts, all_own_facts, client, export_public, generate
from gateway.adapters.openpgp.open import OpenLimits, decrypt, verify_detached
from gateway.adapters.openpgp.seal import OpenPgpSealer
from gateway.adapters.sandbox.pool import WorkerPool
from gateway.domain.errors import MailRefused, OwnKeyUnusable
from gateway.domain.parties import Suite
from gateway.framing import Limits
from gateway.ports import PublicKey
from gateway.wire import sealed
from tests.adapters.smime.forge import ENTITY, OUTER
from tests.services.suites import PASSPHRASE

LIMITS = OpenLimits(max_plain=1024 * 1024)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """A new and a former key of ours in their folders, and a partner who knows both."""

    new: Path
    former: Path
    ours: dict[str, PublicKey]
    partner: PublicKey
    partner_home: Home

    def home(self, stack: ExitStack, *, with_former: bool = True) -> Home:
        """Ours."""
        made = open_home(self.new, [self.partner], former=self.former if with_former else None)
        stack.callback(made.close)
        return made

    def sealed_for(self, name: str) -> bytes:
        """A whole mail of the partner."""
        sealer = OpenPgpSealer(self.partner_home, fingerprint=self.partner.fingerprint, passphrase=PASSPHRASE)

        async def work() -> bytes:
            signature = await sealer.sign(ENTITY)
            whole = sealed.signed(ENTITY, signature.data, signature.micalg, "c" * 24)
            return await sealer.encrypt(whole, self.ours[name], partner="nous")

        return asyncio.run(work())


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keys]:
    """Made once."""
    root = tmp_path_factory.mktemp("keys")
    public = {}
    for name in ("new", "former", "partner"):
        fingerprint = generate(root / name, "Essai", f"{name}@hopital.test", PASSPHRASE)
        material = export_public(root / name / "openpgp")
        public[name] = PublicKey(suite=Suite.OPENPGP, fingerprint=fingerprint, material=material)
    home = open_home(root / "partner" / "openpgp", [public["new"], public["former"]])
    yield Keys(
        new=root / "new" / "openpgp",
        former=root / "former" / "openpgp",
        ours=public,
        partner=public["partner"],
        partner_home=home,
    )
    home.close()


@pytest.mark.parametrize("name", ["new", "former"])
def test_both_keys_open(keys: Keys, name: str) -> None:
    """Whichever the partner had at hand."""
    with ExitStack() as stack:
        home = keys.home(stack)
        own, former = home.own, _former(home)
        plain = decrypt(home.path, keys.sealed_for(name), PASSPHRASE, own, LIMITS, former=former)
    assert ENTITY in plain.data


def _former(home: Home) -> KeyFacts:
    return next(facts for facts in all_own_facts(client(home.path), home.path) if facts != home.own)


def test_without_its_folder_the_former_key_opens_nothing(keys: Keys) -> None:
    """The mail is for somebody else."""
    with ExitStack() as stack:
        home = keys.home(stack, with_former=False)
        with pytest.raises(MailRefused) as caught:
            decrypt(home.path, keys.sealed_for("former"), PASSPHRASE, home.own, LIMITS)
    assert caught.value.reason == "not-for-us"


def test_only_the_new_key_signs(keys: Keys) -> None:
    """Though the home holds both."""
    with ExitStack() as stack:
        home = keys.home(stack)
        assert home.own.fingerprint == keys.ours["new"].fingerprint
        sealer = OpenPgpSealer(home, fingerprint=home.own.fingerprint, passphrase=PASSPHRASE)
        signature = asyncio.run(sealer.sign(ENTITY))
        made = verify_detached(keys.partner_home.path, ENTITY, signature.data)
        assert made.fingerprint == keys.ours["new"].fingerprint
        wrong = OpenPgpSealer(home, fingerprint=keys.ours["former"].fingerprint, passphrase=PASSPHRASE)
        with pytest.raises(OwnKeyUnusable):
            asyncio.run(wrong.sign(ENTITY))


def test_the_capped_worker_opens_mail_for_either(keys: Keys) -> None:
    """As the daemon starts it."""
    pool = WorkerPool(
        slots=1,
        home_factory=lambda known: open_home(keys.new, list(known), former=keys.former),
        passphrase=PASSPHRASE,
        limits=Limits(),
        keys=[keys.partner],
    )
    mails = [sealed.outer(OUTER, keys.sealed_for(name), "d" * 24) for name in ("former", "new")]

    async def work() -> None:
        await pool.start()
        try:
            for raw in mails:
                seen = await pool.open(raw)
                assert (seen.failed_reason, seen.entity) == (None, ENTITY)
        finally:
            await pool.close()

    asyncio.run(work())


def test_a_folder_that_holds_no_whole_key_is_refused(keys: Keys, tmp_path: Path) -> None:
    """And leaves no home behind."""
    with pytest.raises(OwnKeyUnusable):
        open_home(keys.new, [keys.partner], former=tmp_path)
