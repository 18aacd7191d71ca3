"""Who plays in the attacks: a hospital with two partners and a request under way, and a stranger with keys of his own.

All keys are made when the tests start and thrown away; everything else is the same in each run.
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from gateway.adapters.clock import SystemClock
from gateway.adapters.openpgp.home import open_home
from gateway.adapters.openpgp.keyfiles import export_public, generate
from gateway.adapters.smime import identity
from gateway.adapters.smime.certificates import pem
from gateway.domain.parties import Role, Suite
from gateway.ports import PublicKey
from gateway.wire import sealed
from gateway.wire.fields import Mailbox
from gateway.wire.payload import Attachment, Payload, build_entity
from tests.services.mails import ADDRESSES, START
from tests.services.suites import PASSPHRASE, Keys, parties

HOSPITAL, CNAS, CNSE = ADDRESSES[Role.HOSPITAL], ADDRESSES[Role.CNAS], ADDRESSES[Role.CNSE]
EVE = "eve@ailleurs.test"
SECRET = "Accord pour le dossier canari-7f3a."
LETTER = Payload(
    sender=Mailbox(display="", address=CNAS),
    to=(Mailbox(display="", address=HOSPITAL),),
    date=START,
    message_id="<1@cnas.test>",
    subject="Réponse",
    text=f"{SECRET}\n",
)
OUTER = sealed.Outer(
    sender=LETTER.sender or Mailbox(display="", address=CNAS),
    to=LETTER.to,
    date=START,
    message_id="<1@cnas.test>",
    subject="Soins",
)


class Bytes(bytes):
    """What an attacker changes: a change that finds nothing to change is a mistake of ours."""

    def swap(self, old: bytes, new: bytes) -> bytes:
        """The first ``old`` becomes ``new``."""
        assert self.find(old) >= 0, (old, bytes(self[:800]))
        return self.replace(old, new, 1)


def letter(*pieces: Attachment, text: str = LETTER.text, sender: str = CNAS, to: str = HOSPITAL) -> Bytes:
    """A letter as its author's program signs it."""
    changed = replace(
        LETTER,
        sender=Mailbox(display="", address=sender),
        to=(Mailbox(display="", address=to),),
        text=text,
        attachments=pieces,
    )
    return Bytes(build_entity(changed, "charge"))


def headed(content: bytes, sender: str = CNAS, *more: str) -> bytes:
    """A mail with this content, header fields of its own included, under an outer header as anyone may write it."""
    fields = (f"From: {sender}", f"To: {HOSPITAL}", "Message-ID: <dehors@cnas.test>", *more, "MIME-Version: 1.0")
    return "".join(f"{field}\r\n" for field in fields).encode() + content


def mixed(*parts: bytes, subtype: str = "mixed") -> bytes:
    """Parts beside each other, whatever is in them."""
    body = b"".join(b"--dehors\r\n" + part + b"\r\n" for part in parts)
    return b'Content-Type: multipart/%s; boundary="dehors"\r\n\r\n' % subtype.encode() + body + b"--dehors--\r\n"


def html(text: str) -> bytes:
    """A part of markup."""
    return f"Content-Type: text/html\r\n\r\n{text}".encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What an attacker has at hand. Below ``root`` each party has its folder.

    ``sent`` is the Message-ID of our own mail to the CNAS, ``mic`` its digest.
    """

    keys: dict[Role, Keys]
    stranger: Keys
    root: Path
    sent: str = ""
    mic: str = ""

    def of(self, who: Role | None) -> Keys:
        """A party's keys; None is the stranger."""
        return self.stranger if who is None else self.keys[who]

    async def signed(self, entity: bytes, by: Role | None = Role.CNAS, suite: Suite = Suite.OPENPGP) -> Bytes:
        """A multipart/signed."""
        signature = await self.of(by).sealer().sign(entity, suite)
        return Bytes(sealed.signed(entity, signature.data, signature.micalg, "signe", suite))

    async def encrypted(self, content: bytes, suite: Suite = Suite.OPENPGP, *, partner: str = "hospital") -> bytes:
        """A ciphertext for the hospital. Anyone can make one; ``partner="cnas"`` makes it AES-GCM in S/MIME."""
        us = self.keys[Role.HOSPITAL].of(suite)
        return await self.keys[Role.CNAS].sealer().encrypt(content, us, partner=partner)

    async def sealed(
        self,
        entity: bytes,
        by: Role | None = Role.CNAS,
        suite: Suite = Suite.OPENPGP,
        outer: sealed.Outer = OUTER,
        partner: str = "hospital",
    ) -> Bytes:
        """A whole sealed mail."""
        inside = await self.signed(entity, by, suite)
        return wrapped(await self.encrypted(inside, suite, partner=partner), suite, outer)

    def gpg(self, by: Role | None, *arguments: str, data: bytes) -> bytes:
        """Any gpg command of a person with this party's keys, whose trust is no obstacle."""
        head = ("gpg", "--homedir", str(self.of(by).home.path), "--batch", "--yes", "--pinentry-mode", "loopback")
        trust = ("--passphrase", PASSPHRASE, "--trust-model", "always", "--armor")
        return subprocess.run([*head, *trust, *arguments], input=data, capture_output=True, check=True).stdout

    def gpg_to_us(self, *arguments: str, data: bytes, by: Role | None = Role.CNAS) -> bytes:
        """A ciphertext for the hospital, with options that our own sealer never gives."""
        us = self.keys[Role.HOSPITAL].openpgp.fingerprint
        return self.gpg(by, *arguments, "--recipient", us, "--encrypt", data=data)


def wrapped(ciphertext: bytes, suite: Suite = Suite.OPENPGP, outer: sealed.Outer = OUTER) -> Bytes:
    """The mail around a ciphertext."""
    if suite is Suite.OPENPGP:
        ciphertext = ciphertext.replace(b"\r\n", b"\n")
    return Bytes(sealed.outer(outer, ciphertext, "chiffre", suite))


@contextmanager
def scene(root: Path) -> Iterator[Scene]:
    """All keys, below this folder."""
    with parties(root) as keys:
        folder = root / "inconnu"
        folder.mkdir()
        printed = generate(folder, "CNAS", CNAS, PASSPHRASE)
        material = export_public(folder / "openpgp")
        identity.generate(folder, "CNAS", CNAS, PASSPHRASE, at=SystemClock().now(), days=30)
        own = identity.load_files(folder / "smime.pem", (folder / "smime.key").read_text(), PASSPHRASE)
        home = open_home(folder / "openpgp", [keys[Role.HOSPITAL].openpgp])
        stranger = Keys(
            home=home,
            openpgp=PublicKey(suite=Suite.OPENPGP, fingerprint=printed, material=material),
            own=own,
            smime=PublicKey(suite=Suite.SMIME, fingerprint=own.fingerprint, material=pem(own.certificate)),
        )
        try:
            yield Scene(keys=keys, stranger=stranger, root=root)
        finally:
            home.close()
