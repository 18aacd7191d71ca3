"""Keys from the configuration: both suites at work in the real capped worker, and authorities' files that go bad."""

import asyncio
import base64
import json
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gateway import app
from gateway.adapters.clock import SystemClock
from gateway.adapters.sandbox.pool import WorkerPool
from gateway.adapters.smime import identity
from gateway.adapters.smime.certificates import fingerprint, pem
from gateway.adapters.smime.seal import Agreed, Cipher, SmimeSealer
from gateway.config import Settings, load
from gateway.core import open_core
from gateway.domain.errors import AuthorityUnusable, KeyUnusable, OwnKeyUnusable, StorageFailed
from gateway.domain.parties import Suite
from gateway.keyring import PublicKeys, former_certificate, own_certificate
from gateway.ports import PublicKey
from gateway.storage import Pin
from gateway.wire import sealed
from tests.adapters.smime.forge import ENTITY, OUTER
from tests.adapters.smime.people import Person, person, rsa_key
from tests.cli.test_keys_smime import install, keys

NOW = SystemClock().now()
START, END = NOW - timedelta(days=1), NOW + timedelta(days=90)
ROOT = person("racine", authority=True, purpose=None, start=START, end=END)
CNAS = person("cnas", key=rsa_key(), issuer=ROOT, start=START, end=END)
ALONE = person("cnas-seule", key=rsa_key(), start=START, end=END)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hospital whose CNAS is in S/MIME, under an authority."""
    path = install(tmp_path_factory.mktemp("hopital"), "--smime-partner", "cnas")
    (path.parent / "ca.pem").write_text(pem(ROOT.certificate))
    path.write_text(path.read_text().replace('suite = "smime"\n', 'suite = "smime"\nca = "ca.pem"\n'))
    return path


@pytest.fixture
def settings(config: Path) -> Settings:
    """What its configuration says."""
    return load(config)


def pin(who: Person = CNAS) -> Pin:
    """As a person pinned it."""
    return Pin(
        site="principal",
        partner="cnas",
        suite="smime",
        fingerprint=fingerprint(who.certificate),
        material=pem(who.certificate),
        pinned_at=NOW,
        pinned_by="alice",
        confirmed_by="alice",
    )


@asynccontextmanager
async def workers(settings: Settings, who: Person = CNAS) -> AsyncIterator[WorkerPool]:
    """The pool as the daemon starts it, with this certificate pinned to the CNAS."""
    async with open_core(settings) as core:
        async with core.base.store.act() as act:
            known = await act.one(Pin, fingerprint=fingerprint(who.certificate))
            if known is None:
                await act.add(pin(who))
        async with app._pool(core) as pool:
            yield pool


async def mail(settings: Settings, cipher: Cipher, entity: bytes = ENTITY, who: Person = CNAS) -> bytes:
    """A mail of the CNAS to the hospital."""
    own = own_certificate(settings)
    assert own is not None
    sealer = SmimeSealer(who.identity(), agreed={"chu": Agreed(cipher=cipher)}, clock=SystemClock())
    signature = await sealer.sign(entity, Suite.SMIME)
    signed = sealed.signed(entity, signature.data, signature.micalg, "bord-signe", Suite.SMIME)
    key = PublicKey(suite=Suite.SMIME, fingerprint=own.fingerprint, material=pem(own.certificate))
    return sealed.outer(OUTER, await sealer.encrypt(signed, key, partner="chu"), "", Suite.SMIME)


async def test_the_capped_worker_opens_each_cipher(settings: Settings) -> None:
    """AES-CBC in its own process, AES-GCM by openssl under the same caps; garbage beside harms nobody."""
    async with workers(settings) as pool:
        for cipher in Cipher:
            seen = await pool.open(await mail(settings, cipher))
            assert (seen.failed_reason, seen.entity) == (None, ENTITY)
            assert seen.fingerprint == fingerprint(CNAS.certificate)
            raw = await mail(settings, cipher)
            changed = raw[:-300] + raw[-300:].swapcase()
            assert (await pool.open(changed)).entity is None
        await _by_another_authority(settings, pool)


async def test_our_own_key_is_read_and_checked_once(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A start that seals and opens does it for both: it takes a tenth of a second of processor each time."""
    read: list[object] = []

    def counting(*arguments: object) -> identity.Identity:
        read.append(arguments)
        return identity.load_files(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("gateway.keyring.load_files", counting)
    async with workers(settings) as pool:
        assert (await pool.open(await mail(settings, Cipher.AES256_CBC))).entity == ENTITY
    assert len(read) == 1 + 1, "the second is this test's own, to write the mail"


def test_our_next_certificate_serves_beside_the_former_one(settings: Settings, tmp_path: Path) -> None:
    """Made and named as the command says it: the new one signs, the worker opens what is sealed for either."""
    place = tmp_path / "hopital"
    shutil.copytree(settings.gateway.data.parent, place, ignore=shutil.ignore_patterns("S.*"))
    config = place / "gateway.toml"
    said = keys(config, "generate", str(place / "next"), "--suite", "smime")
    lines = "".join(line.strip() + "\n" for line in said.splitlines() if " = " in line)
    head, _, rest = config.read_text().partition("[smime]\n")
    after_section = rest.partition("\n\n")[2]
    config.write_text(f"{head}[smime]\n{lines}\n{after_section}")
    after = load(config)

    own, former = own_certificate(after), former_certificate(after)
    before = own_certificate(settings)
    assert own is not None
    assert former is not None
    assert before is not None
    assert former.fingerprint == before.fingerprint != own.fingerprint
    rows = [row for row in json.loads(keys(config, "list", "--json")) if row["suite"] == "smime"]
    assert [(row["fingerprint"], row["state"]) for row in rows if row["owner"] == "nous"] == [
        (own.fingerprint, "usable"),
        (former.fingerprint, "former"),
    ]
    assert keys(config, "export", "--suite", "smime") == pem(own.certificate)

    async def work() -> None:
        async with open_core(after) as core:
            assert (await core.sealer.sign(ENTITY, Suite.SMIME)).fingerprint == own.fingerprint
        async with workers(after) as pool:
            for name in (settings, after):
                seen = await pool.open(await mail(name, Cipher.AES256_GCM))
                assert (seen.failed_reason, seen.entity) == (None, ENTITY)

    asyncio.run(work())
    with pytest.raises(StorageFailed, match="existe déjà"):
        keys(config, "generate", str(place / "next"), "--suite", "smime")


async def _by_another_authority(settings: Settings, pool: WorkerPool) -> None:
    """Pinned, but not under the configured authority: the worker refuses once its keys are told anew."""
    await pool.refresh(PublicKeys(settings).of([pin(ALONE)]))
    seen = await pool.open(await mail(settings, Cipher.AES256_CBC, who=ALONE))
    assert (seen.failed_step, seen.failed_reason) == ("signature", "untrusted-authority")


@pytest.mark.parametrize("cipher", Cipher)
async def test_a_large_mail_fits_into_the_workers_memory(settings: Settings, cipher: Cipher) -> None:
    """25 MB as [smtp] max_bytes allows, under the default of [worker] memory_mb."""
    data = await asyncio.to_thread(os.urandom, 13_000_000)
    body = base64.encodebytes(data).replace(b"\n", b"\r\n")
    entity = ENTITY.replace(
        b"--bord-charge--",
        b"--bord-charge\r\nContent-Type: application/pdf; name=a.pdf\r\nContent-Disposition: attachment\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n" + body + b"\r\n--bord-charge--",
    )
    async with workers(settings) as pool:
        raw = await mail(settings, cipher, entity)
        seen = await pool.open(raw)
    assert len(raw) > 24_000_000
    assert (seen.failed_reason, seen.mic) == (None, sealed.mic(entity))


async def test_the_whole_core_checks_a_certificate_before_it_writes_to_it(settings: Settings) -> None:
    """The authority of the configuration counts when we seal as well."""
    async with open_core(settings) as core:
        good, bad = (
            PublicKey(suite=Suite.SMIME, fingerprint=fingerprint(who.certificate), material=pem(who.certificate))
            for who in (CNAS, ALONE)
        )
        await core.sealer.check(good, partner="cnas")
        with pytest.raises(KeyUnusable, match="autorité"):
            await core.sealer.check(bad, partner="cnas")


async def test_a_suite_without_our_key_seals_nothing(settings: Settings) -> None:
    """A partner cannot be written to, and nothing signed, in a suite that the configuration lacks."""
    bare = settings.model_copy(update={"smime": None})
    async with open_core(bare) as core:
        key = PublicKey(suite=Suite.SMIME, fingerprint=fingerprint(CNAS.certificate), material=pem(CNAS.certificate))
        with pytest.raises(KeyUnusable, match="smime"):
            await core.sealer.encrypt(ENTITY, key, partner="cnas")
        with pytest.raises(OwnKeyUnusable, match="smime"):
            await core.sealer.sign(ENTITY, Suite.SMIME)


# --- authorities' files


def test_a_pin_becomes_a_key_with_its_authority(settings: Settings) -> None:
    """And partners whom the configuration forgot have none."""
    keys = PublicKeys(settings)
    (key,) = keys.of([pin(), replace(pin(), partner="ancien")])
    assert (key.authorities, key.revoked) == (pem(ROOT.certificate), False)


def test_a_file_that_goes_bad_leaves_what_it_said(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    """It is told once; a gateway that starts on it refuses."""
    place = settings.gateway.data.parent / "ca.pem"
    whole = place.read_text()
    keys = PublicKeys(settings)
    before = keys.of([pin()])
    try:
        place.write_text("moitié d'un fichier")
        assert keys.of([pin()]) == keys.of([pin()]) == before
        assert capsys.readouterr().out.count("authority.unusable") == 1
        with pytest.raises(AuthorityUnusable):
            PublicKeys(settings).of([pin()])
    finally:
        place.write_text(whole)


@pytest.mark.parametrize("name", ["smime.pem", "smime.key"])
def test_a_certificate_of_ours_that_cannot_be_used_is_told(settings: Settings, name: str) -> None:
    """Before anything starts."""
    place = settings.gateway.data.parent / "keys" / name
    whole = place.read_bytes()
    try:
        place.write_bytes(b"autre chose")
        with pytest.raises(OwnKeyUnusable):
            own_certificate(settings)
        if name == "smime.pem":
            place.unlink()
            with pytest.raises(OwnKeyUnusable, match="existe"):
                own_certificate(settings)
    finally:
        place.write_bytes(whole)
