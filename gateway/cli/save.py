"""Writes a message to a folder: names are ours or made safe, never a sender's path; nothing is overwritten."""

import re
from pathlib import Path

from gateway.cli.files import make_folder, write_new
from gateway.storage import EnteredProof, Mail, Message, Verdict
from gateway.wire.payload import Payload

_UNSAFE = re.compile(r"[^\w .()+-]")
_LONGEST_NAME = 100


def save_message(message: Message, payload: Payload, folder: Path) -> list[Path]:
    """Letter, manifest and attachments of a message.

    Raises:
        FileUnwritten: the folder or a file cannot be written.
    """
    prefix = f"message-{message.id}"
    files = [(f"{prefix}.txt", payload.text.encode())]
    if payload.manifest is not None:
        files.append((f"{prefix}.json", payload.manifest))
    for number, piece in enumerate(payload.attachments, 1):
        files.append((f"{prefix}-{number}-{_safe(piece.name)}", piece.data))
    make_folder(folder)
    return [write_new(folder / name, data) for name, data in files]


def save_mail(mail: Mail, raw: bytes, folder: Path) -> list[Path]:
    """The raw bytes of an incoming mail, or the file that a person brought instead of one.

    Raises:
        FileUnwritten.
    """
    make_folder(folder)
    extension = _extension(raw) if mail.verdict is Verdict.ENTERED else "eml"
    return [write_new(folder / f"mail-{mail.id}.{extension}", raw)]


def save_proof(proof: EnteredProof, data: bytes, folder: Path) -> Path:
    """The scan or mail that a person brought as a proof; what it is, its first bytes say.

    Raises:
        FileUnwritten.
    """
    make_folder(folder)
    extension = "eml" if proof.mail is not None else _extension(data)
    return write_new(folder / f"preuve-{proof.id}.{extension}", data)


def _extension(data: bytes) -> str:
    """What a file is, by its first bytes."""
    known = {b"%PDF": "pdf", b"\x89PNG": "png", b"\xff\xd8\xff": "jpg", b"II*\0": "tif", b"MM\0*": "tif"}
    return next((kind for start, kind in known.items() if data.startswith(start)), "bin")


def _safe(name: str) -> str:
    # The first character is never a dot: no hidden file, no parent folder.
    return _UNSAFE.sub("_", name)[-_LONGEST_NAME:].lstrip(". ") or "piece"
