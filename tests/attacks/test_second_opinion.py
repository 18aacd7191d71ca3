"""Another implementation of OpenPGP, Sequoia's ``sqop``, on the same ciphertexts: we never believe what it does not."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.adapters.openpgp.open import OpenLimits
from gateway.adapters.smime.bench import SmimeBench
from gateway.domain.errors import MailRefused
from gateway.domain.parties import Role, Suite
from gateway.wire import mangled, mime, sealed
from gateway.worker import Bench, read
from tests.attacks.make import made, rows
from tests.attacks.scene import Scene, scene
from tests.services.suites import PASSPHRASE

pytestmark = pytest.mark.skipif(
    shutil.which("sqop") is None and os.environ.get("CI") != "true", reason="needs sqop; in CI its absence is a failure"
)

CRYPTOGRAPHY = {"worker", "structure", "encrypted", "decrypt", "signed", "signature"}
"""Steps at which we find that a mail is not sealed and signed by the partner; later ones are not cryptography."""

STRICTER = {
    "a8-literal": "nothing was encrypted",
    "a8-compressed": "nothing was encrypted",
    "a8-signed-only": "nothing was encrypted",
    "a8-symmetric-too": "it was encrypted by a phrase as well",
    "a13-partner-and-stranger": "one good signature among several is enough for it",
    "a13-stranger-last": "the same",
    "a13-partner-twice": "the same",
    "a13-two-one-pass": "the same",
}
"""What we refuse and the other takes, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Second:
    """The other program, with our key and the partner's certificate in files."""

    folder: Path

    def run(self, *arguments: str, data: bytes) -> bytes | None:
        """What it writes, None when it refuses."""
        done = subprocess.run(["sqop", *arguments], cwd=self.folder, input=data, capture_output=True, check=False)
        return done.stdout if done.returncode == 0 else None

    def believes(self, mail: bytes) -> bool:
        """Whether it opens the mail with our key, and finds the partner's signature on what is inside."""
        try:
            armour = sealed.read_encrypted(mangled.as_written(mime.parse(mail)))
        except MailRefused:
            return False
        told = self.folder / "verifications"
        told.unlink(missing_ok=True)
        verify = ("--verify-with", "cnas.asc", "--verifications-out", told.name)
        plain = self.run("decrypt", *verify, "--with-key-password", "phrase", "--", "us.key", data=armour)
        if plain is None:
            plain = self.run("decrypt", "--with-key-password", "phrase", "--", "us.key", data=armour)
        if plain is None:
            return False
        if told.exists() and told.read_bytes():
            return True
        try:
            signed = sealed.read_signed(mime.parse(plain))
        except MailRefused:
            return False
        if signed.suite is not Suite.OPENPGP:
            return False
        (self.folder / "signature.asc").write_bytes(signed.signature)
        return self.run("verify", "signature.asc", "cnas.asc", data=signed.entity) is not None


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """All keys."""
    with scene(tmp_path_factory.mktemp("scene")) as made_keys:
        yield made_keys


@pytest.fixture(scope="module")
def second(keys: Scene, tmp_path_factory: pytest.TempPathFactory) -> Second:
    """It knows our private key and the partner's public one."""
    folder = tmp_path_factory.mktemp("second")
    (folder / "us.key").write_bytes(keys.gpg(Role.HOSPITAL, "--export-secret-keys", data=b""))
    (folder / "cnas.asc").write_text(keys.of(Role.CNAS).openpgp.material)
    (folder / "phrase").write_text(PASSPHRASE)
    return Second(folder=folder)


async def test_whatever_we_believe_the_other_believes_and_what_it_does_not_we_do_not(
    keys: Scene, second: Second
) -> None:
    """Over every mail of the table; where we are stricter, it is meant."""
    ours = keys.of(Role.HOSPITAL)
    bench = Bench(
        home=ours.home.path,
        passphrase=PASSPHRASE,
        own=ours.home.own,
        limits=OpenLimits(max_plain=1024 * 1024),
        smime=SmimeBench(own=ours.own, known=()),
    )
    partner = keys.of(Role.CNAS).openpgp.fingerprint
    differ: dict[str, tuple[bool, bool]] = {}
    believed = 0
    for row in rows():
        mail = (await made(row.name, keys))[-1]
        seen = read(mail, bench)
        if seen.structure != "openpgp-encrypted":
            continue
        here = seen.failed_step not in CRYPTOGRAPHY and seen.fingerprint in {None, partner}
        there = second.believes(mail)
        believed += here and there
        if here is not there:
            differ[row.name] = (here, there)
    assert [name for name, (here, _) in differ.items() if here] == []
    assert set(differ) == set(STRICTER)
    assert believed > 40
