"""Checkpoints of the audit log, as the transparency logs write them: a text that says size and root, signed as a note.

Sources: C2SP tlog-checkpoint and signed-note (v1.0.0). A note is text that ends in a line end, an empty line, and one
signature a line: ``— name base64(key id || signature)``. Nothing here signs or verifies: the mathematics are an
adapter's.
"""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.domain.errors import CheckpointInvalid
from gateway.domain.merkle import HASH_BYTES, INTEGER, Head
from gateway.domain.words import Said, said

ED25519 = b"\x01"
"""The algorithm byte of Ed25519 in a verifier key (signed-note, "Signature types")."""

KEY_BYTES, ID_BYTES, SIGNATURE_BYTES = 32, 4, 64
_NAME = re.compile(r"[!-*,-~]{1,200}")
_SIZE = re.compile(r"0|[1-9][0-9]{0,15}")
_TIME = re.compile(r"time [0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_DASH = "\u2014"
_WHOLE = re.compile(rf"(?m)^[^\n]+\n[0-9]+\n[^\n]+\ntime [^\n]+\n\n{_DASH} [^\n]+\n")
LOG_ANCHOR = "LOG_ANCHOR"
"""Kind of the mails that carry a checkpoint; the catalogue does not know it: no rule of the protocol applies."""

MAILBOX = "anchor:mailbox"
"""To whom they go, in the outbox and in the audit log: no partner's id holds a colon."""

_MAIL = re.compile(r"(?mi)^content-transfer-encoding: *quoted-printable *$")
MAX_NOTE = 4096
"""Characters of a note of ours: four lines and one signature."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifierKey:
    """A public key and the name under which it signs, written ``name+id+base64`` (signed-note, "Verifier keys")."""

    name: str
    public: bytes

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or len(self.public) != KEY_BYTES:
            raise CheckpointInvalid(reason=said("La clé de vérification est mal formée."))

    @property
    def id(self) -> bytes:
        """The first four bytes of SHA-256(name || LF || algorithm || key)."""
        return hashlib.sha256(self.name.encode() + b"\n" + ED25519 + self.public).digest()[:ID_BYTES]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(ED25519 + self.public).decode()}"

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """The reverse of ``str``.

        Raises:
            CheckpointInvalid: not such a text, another algorithm, or an id that is not this key's.
        """
        name, _, rest = text.strip().partition("+")
        told, _, encoded = rest.partition("+")
        data = _decoded(encoded, said("La clé de vérification est mal formée."))
        if data[:1] != ED25519:
            raise CheckpointInvalid(reason=said("La clé de vérification n'est pas une clé Ed25519."))
        key = cls(name=name, public=data[1:])
        if key.id.hex() != told:
            raise CheckpointInvalid(reason=said("L'identifiant de la clé de vérification n'est pas le sien."))
        return key


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """What is signed: the log (``origin``), its head, and when, aware UTC to the second (an extension line)."""

    origin: str
    head: Head
    at: datetime

    def text(self) -> str:
        """The note's text, its final line end included."""
        stated = self.at.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat()
        root = base64.b64encode(self.head.root).decode()
        return f"{self.origin}\n{self.head.size}\n{root}\ntime {stated}Z\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A note read but not verified: the exact signed text, what it says, and the one signature with its key's id."""

    text: str
    checkpoint: Checkpoint
    name: str
    key_id: bytes
    signature: bytes


def note(checkpoint: Checkpoint, key: VerifierKey, signature: bytes) -> str:
    """The signed note."""
    return f"{checkpoint.text()}\n{_DASH} {key.name} {base64.b64encode(key.id + signature).decode()}\n"


def read_note(data: str) -> Note:
    """Take a note of ours apart, exactly as ``note`` writes it.

    Raises:
        CheckpointInvalid: anything else.
    """
    broken = said("Le point de contrôle est mal formé.")
    text, blank, signature = data.partition("\n\n")
    lines = text.split("\n")
    mark, _, rest = signature.removesuffix("\n").partition(" ")
    name, _, encoded = rest.partition(" ")
    if len(data) > MAX_NOTE or not blank or len(lines) != 4 or mark != _DASH or not _NAME.fullmatch(name):  # noqa: PLR2004  origin, size, root, time
        raise CheckpointInvalid(reason=broken)
    origin, size, root, time = lines
    signed = _decoded(encoded, broken)
    if not (_NAME.fullmatch(origin) and _SIZE.fullmatch(size) and _TIME.fullmatch(time)) or int(size) > INTEGER:
        raise CheckpointInvalid(reason=broken)
    hashed = _decoded(root, broken)
    if len(hashed) != HASH_BYTES or len(signed) != ID_BYTES + SIGNATURE_BYTES:
        raise CheckpointInvalid(reason=broken)
    try:
        at = datetime.fromisoformat(time.removeprefix("time "))
    except ValueError:
        raise CheckpointInvalid(reason=broken) from None
    checkpoint = Checkpoint(origin=origin, head=Head(size=int(size), root=hashed), at=at)
    found = Note(
        text=f"{text}\n",
        checkpoint=checkpoint,
        name=name,
        key_id=signed[:ID_BYTES],
        signature=signed[ID_BYTES:],
    )
    if found.text != checkpoint.text() or not data.endswith("\n"):
        raise CheckpointInvalid(reason=broken)
    return found


def notes_in(data: str) -> tuple[tuple[str, ...], int]:
    """The notes of an anchor file in order, and how many lines belong to none: a write that was cut leaves some.

    Mails that carry anchors, as a mail program saves them, are read too; their other lines are nobody's business.
    """
    data = data.replace("\r\n", "\n")
    if _MAIL.search(data):
        plain = binascii.a2b_qp(data.encode()).decode("utf-8", errors="replace")
        return tuple(match[0] for match in _WHOLE.finditer(plain)), 0
    found = tuple(match[0] for match in _WHOLE.finditer(data))
    rest = _WHOLE.sub("", data)
    return found, sum(1 for line in rest.split("\n") if line)


def _decoded(text: str, reason: Said) -> bytes:
    try:
        return base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError, ValueError):
        raise CheckpointInvalid(reason=reason) from None
