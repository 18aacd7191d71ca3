"""The Ed25519 key that signs the audit log's checkpoints, and the verification of what it signed."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from gateway import private_file
from gateway.domain.checkpoint import Checkpoint, Note, VerifierKey, note, read_note
from gateway.domain.errors import CheckpointInvalid, SecretUnreadable, StorageFailed
from gateway.domain.reasons import system_reason
from gateway.domain.words import said


@dataclass(frozen=True, slots=True, kw_only=True)
class LogKey:
    """Implements ``gateway.ports.LogSigner``."""

    name: str
    private: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def load(cls, name: str, pem: str, *, source: object) -> "LogKey":
        """The key in a PEM text.

        Raises:
            SecretUnreadable: not an unencrypted Ed25519 key; the text itself is never quoted.
        """
        try:
            key = load_pem_private_key(pem.encode(), password=None)
        except (ValueError, TypeError):
            key = None
        if not isinstance(key, Ed25519PrivateKey):
            raise SecretUnreadable(source=source, reason=said("Il faut une clé Ed25519 en PEM, sans phrase secrète."))
        return cls(name=name, private=key)

    @property
    def verifier(self) -> VerifierKey:
        """The public half."""
        public = self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return VerifierKey(name=self.name, public=public)

    def sign(self, checkpoint: Checkpoint) -> str:
        """The signed note."""
        return note(checkpoint, self.verifier, self.private.sign(checkpoint.text().encode()))

    def attest(self, document: bytes) -> bytes:
        """The signature (Ed25519) of a JSON document.

        Raises:
            ValueError: it could be taken for a checkpoint (a defect of ours).
        """
        if not document.startswith(b'{\n  "'):
            raise ValueError("only an indented JSON object is attested")
        return self.private.sign(document)


def verify_note(text: str, key: VerifierKey) -> Note:
    """A note of this very key.

    Raises:
        CheckpointInvalid: another key's, or not signed by it.
    """
    found = read_note(text)
    if (found.name, found.key_id) != (key.name, key.id):
        raise CheckpointInvalid(reason=said("Un point de contrôle est signé d'une autre clé que celle du journal."))
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(found.signature, found.text.encode())
    except InvalidSignature:
        raise CheckpointInvalid(reason=said("La signature d'un point de contrôle est fausse.")) from None
    return found


def verify_attested(document: bytes, signature: bytes, key: VerifierKey) -> None:
    """A document that this key attested.

    Raises:
        CheckpointInvalid: it did not.
    """
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, document)
    except InvalidSignature:
        raise CheckpointInvalid(reason=said("La signature d'un certificat est fausse.")) from None


def generate_log_key(path: Path) -> None:
    """Write a new key in PEM; see :func:`gateway.private_file.create`.

    Raises:
        StorageFailed.
    """
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    private_file.create(path, pem)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorFile:
    """Implements ``gateway.ports.AnchorBook``: a file that only grows, best on another machine's disk."""

    path: Path
    open_file: Callable[[Path, int, int], int] = os.open

    def append(self, text: str) -> None:
        """Add a note, durably; what an earlier write left unfinished is ended first.

        Raises:
            StorageFailed: it may or may not be there; adding it again does no harm.
        """
        try:
            handle = self.open_file(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
            with os.fdopen(handle, "r+b") as file:
                size = file.seek(0, os.SEEK_END)
                if size:
                    file.seek(size - 1)
                    text = text if file.read(1) == b"\n" else f"\n{text}"
                file.write(text.encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StorageFailed(place=str(self.path), reason=system_reason(error)) from error

    def read(self) -> str:
        """All that stands there.

        Raises:
            StorageFailed: it cannot be read.
        """
        try:
            return self.path.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise StorageFailed(place=str(self.path), reason=system_reason(error)) from error
