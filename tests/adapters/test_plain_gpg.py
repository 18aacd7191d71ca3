"""A partner who has gpg and a shell: the commands of docs/wire-format.md open our mail, and write mail that we take."""

import asyncio
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.adapters.openpgp import keyfiles
from gateway.adapters.openpgp.home import Home, open_home
from gateway.adapters.openpgp.keyfiles import export_public, generate
from gateway.adapters.openpgp.open import OpenLimits
from gateway.adapters.openpgp.seal import OpenPgpSealer
from gateway.domain.parties import Suite
from gateway.ports import PublicKey
from gateway.wire import sealed
from gateway.worker import Bench, read
from tests.attacks.scene import LETTER, OUTER, letter
from tests.services.suites import PASSPHRASE

PAGE = Path(__file__).parents[2] / "docs" / "wire-format.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Us, and somebody with a home of gpg's own, without a passphrase that would be asked for."""

    ours: Home
    us: PublicKey
    theirs: Path
    them: PublicKey

    def type(self, folder: Path, commands: str) -> str:
        """Type these commands in a folder; what is printed."""
        environment = os.environ | {"GNUPGHOME": str(self.theirs), "LC_ALL": "C.UTF-8"}
        shell = ["sh", "-eu", "-c", commands]
        return subprocess.run(
            shell, cwd=folder, env=environment, capture_output=True, check=True, text=True, stdin=subprocess.DEVNULL
        ).stdout


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Each has the other's key."""
    folder = tmp_path_factory.mktemp("nous")
    printed = generate(folder, "Etablissement", "soins@hopital.example", PASSPHRASE)
    us = PublicKey(suite=Suite.OPENPGP, fingerprint=printed, material=export_public(folder / "openpgp"))
    with keyfiles.short_home() as theirs:
        gpg = ["gpg", "--homedir", str(theirs), "--batch", "--passphrase", "", "--pinentry-mode", "loopback"]
        make = [*gpg, "--quick-generate-key", "soins@cnas.example", "future-default", "default", "0"]
        subprocess.run(make, capture_output=True, check=True)
        told = subprocess.run([*gpg, "--with-colons", "--list-keys"], capture_output=True, check=True, text=True).stdout
        fingerprint = next(line.split(":")[9] for line in told.splitlines() if line.startswith("fpr:"))
        material = subprocess.run([*gpg, "--armor", "--export"], capture_output=True, check=True, text=True).stdout
        them = PublicKey(suite=Suite.OPENPGP, fingerprint=fingerprint, material=material)
        ours = open_home(folder / "openpgp", [them])
        try:
            yield Pair(ours=ours, us=us, theirs=theirs, them=them)
        finally:
            ours.close()


def block(after: str) -> str:
    """The first block of commands after these words of the page."""
    text = PAGE.read_text(encoding="utf-8")
    found = re.search(r"```\n(.*?)```", text[text.index(after) :], re.DOTALL)
    assert found is not None
    return found[1]


def test_the_documented_commands_open_and_verify_our_mail(pair: Pair, tmp_path: Path) -> None:
    """Run as they stand: the signer's fingerprint, the payload's bytes and both its digests come out."""
    sealer = OpenPgpSealer(pair.ours, fingerprint=pair.us.fingerprint, passphrase=PASSPHRASE)
    entity = letter()
    signature = asyncio.run(sealer.sign(entity))
    signed = sealed.signed(entity, signature.data, signature.micalg, "bord-signe")
    ciphertext = asyncio.run(sealer.encrypt(signed, pair.them, partner="cnas"))
    (tmp_path / "courrier.eml").write_bytes(sealed.outer(OUTER, ciphertext, "bord-chiffre"))
    (tmp_path / "hopital.asc").write_text(pair.us.material)
    printed = pair.type(tmp_path, block("## Ouvrir et vérifier avec gpg seul"))
    (valid,) = [line for line in printed.splitlines() if " VALIDSIG " in line]
    assert valid.split()[-1] == pair.us.fingerprint
    assert (tmp_path / "charge.bin").read_bytes() == entity
    assert sealed.mic(entity) in printed
    assert sealed.mic_base64(entity) in printed


def test_a_mail_by_the_documented_commands_is_read(pair: Pair, tmp_path: Path) -> None:
    """Signed and encrypted in one go, with the line ends that a shell writes."""
    (tmp_path / "nous.asc").write_text(pair.us.material)
    (tmp_path / "lettre.eml").write_bytes(letter())
    pair.type(tmp_path, block("`nous.asc` notre clé"))
    bench = Bench(
        home=pair.ours.path, passphrase=PASSPHRASE, own=pair.ours.own, limits=OpenLimits(max_plain=1024 * 1024)
    )
    seen = read((tmp_path / "envoi.eml").read_bytes(), bench)
    assert (seen.failed_step, seen.failed_reason, seen.shape) == (None, None, "ENCRYPTED_ONE_PASS")
    assert seen.fingerprint == pair.them.fingerprint
    assert seen.entity == letter()
    assert seen.inner is not None
    assert seen.inner.text == LETTER.text
