"""A partner who writes with mutt: its letter, signed and sealed by a real mutt on a terminal, is read and believed."""

import os
import pty
import select
import shutil
import subprocess
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.adapters.openpgp import keyfiles
from gateway.adapters.openpgp.home import open_home
from gateway.adapters.openpgp.keyfiles import export_public, generate
from gateway.adapters.openpgp.open import OpenLimits
from gateway.domain.parties import Role, Suite
from gateway.ports import PublicKey
from gateway.storage import Verdict
from gateway.wire.incoming import Incoming
from gateway.worker import Bench, read
from tests.services.mails import ADDRESSES
from tests.services.suites import PASSPHRASE, arrive
from tests.services.world import World, open_world, partner

pytestmark = pytest.mark.skipif(
    shutil.which("mutt") is None and os.environ.get("CI") != "true", reason="needs mutt; in CI its absence is a failure"
)

US, THEM = ADDRESSES[Role.HOSPITAL], ADDRESSES[Role.CNAS]
SETTINGS = """
set from="{them}" realname="CNAS" use_from=yes
set crypt_use_gpgme=yes crypt_autosign=yes crypt_autoencrypt=yes
set crypt_protected_headers_write=yes crypt_protected_headers_subject="Soins"
set sendmail="{folder}/sendmail" sendmail_wait=0
set editor=true abort_unmodified=no copy=no record="" folder="{folder}" spoolfile="{folder}/spool" tmpdir="{folder}"
"""
ASKED = {b"To:": b"\r", b"Subject:": b"\r", b"y:Send": b"y", b"PGP keys matching <": b"\r", b"really want": b"y"}
"""What mutt asks, or may ask, and the key that answers."""

PATIENCE = 60.0


class Opener:
    """Opens with our key alone."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    async def open(self, raw: bytes) -> Incoming:
        """What the worker would see."""
        return read(raw, self._bench)

    async def signed(self, raw: bytes) -> bytes | None:
        """What its signature covers, with it."""
        return read(raw, self._bench, whole=True).whole


def written(folder: Path, home: Path) -> bytes:
    """The mail that mutt hands to its sendmail."""
    sendmail, mail = folder / "sendmail", folder / "mail.eml"
    sendmail.write_text(f"#!/bin/sh\ncat > {mail}.part && mv {mail}.part {mail}\n")
    sendmail.chmod(0o755)
    (folder / "rc").write_text(SETTINGS.format(them=THEM, folder=folder))
    (folder / "text").write_text("Accord pour le dossier 7F3K-Q2.\n")
    command = [
        "setsid",
        "--ctty",
        "--wait",
        "mutt",
        "-n",
        "-F",
        str(folder / "rc"),
        "-s",
        "Réponse",
        "-i",
        str(folder / "text"),
        US,
    ]
    keyboard, terminal = pty.openpty()
    environment = os.environ | {"GNUPGHOME": str(home), "TERM": "vt100", "HOME": str(folder), "LC_ALL": "C.UTF-8"}
    mutt = subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal, env=environment, close_fds=True)
    os.close(terminal)
    shown, asked, end = b"", dict(ASKED), time.monotonic() + PATIENCE
    try:
        while not mail.exists() and time.monotonic() < end:
            if select.select([keyboard], [], [], 0.1)[0]:
                try:
                    shown += os.read(keyboard, 65536)
                except OSError:  # mutt has ended
                    break
            for question in [each for each in asked if each in shown]:
                os.write(keyboard, asked.pop(question))
    finally:
        mutt.kill()
        mutt.wait()
        os.close(keyboard)
    assert mail.exists(), shown[-2000:]
    return mail.read_bytes()


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A letter by mutt, the key that signed it, and our own folder."""

    mail: bytes
    key: PublicKey
    ours: Path


@pytest.fixture(scope="module")
def letter(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """By somebody who has nothing but gpg and mutt, and our key."""
    folder = tmp_path_factory.mktemp("mutt")
    fingerprint = generate(folder, "Hôpital", US, PASSPHRASE)
    ours = export_public(folder / "openpgp").encode()
    with keyfiles.short_home() as theirs:
        (theirs / "gpg.conf").write_text("trust-model always\n")

        def gpg(*arguments: str, data: bytes = b"") -> str:
            head = ["gpg", "--homedir", str(theirs), "--batch", "--passphrase", "", "--pinentry-mode", "loopback"]
            return subprocess.run([*head, *arguments], input=data, capture_output=True, check=True).stdout.decode()

        gpg("--quick-generate-key", THEM, "future-default", "default", "0")
        listed, material = gpg("--with-colons", "--list-keys"), gpg("--armor", "--export")
        gpg("--import", data=ours)
        gpg("--import-ownertrust", data=f"{fingerprint}:6:\n".encode())
        gpg("--check-trustdb")
        mail = written(folder, theirs)
    own = next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr:"))
    key = PublicKey(suite=Suite.OPENPGP, fingerprint=own, material=material)
    return Written(mail=mail, key=key, ours=folder / "openpgp")


@pytest.fixture
async def hospital(tmp_path: Path, letter: Written) -> AsyncIterator[World]:
    """A hospital that pinned that key to its CNAS."""
    home = open_home(letter.ours, [letter.key])
    try:
        bench = Bench(home=home.path, passphrase=PASSPHRASE, own=home.own, limits=OpenLimits(max_plain=1024 * 1024))
        async with open_world(tmp_path, pinned=False, opener=Opener(bench)) as world:
            await world.pin(partner(Role.CNAS), letter.key.fingerprint)
            yield world
    finally:
        home.close()


async def test_a_letter_by_mutt_is_believed_once(hospital: World, letter: Written) -> None:
    """It signs no Message-ID: what is signed stands for it, and the same letter again is the same."""
    first = await arrive(hospital, letter.mail)
    again = await arrive(hospital, letter.mail)
    assert (first.verdict, first.reason, first.partner) == (Verdict.TRIAGE, "no-manifest", "cnas")
    assert again.verdict is Verdict.DUPLICATE
