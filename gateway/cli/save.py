"""Writes a message to a folder: names are ours or made safe, never a sender's path; nothing is overwritten."""

import re
from pathlib import Path

from gateway.cli.files import make_folder, write_new
from gateway.storage import Mail, Message
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
    """The raw bytes of an incoming mail.

    Raises:
        FileUnwritten.
    """
    make_folder(folder)
    return [write_new(folder / f"mail-{mail.id}.eml", raw)]


def _safe(name: str) -> str:
    # The first character is never a dot: no hidden file, no parent folder.
    return _UNSAFE.sub("_", name)[-_LONGEST_NAME:].lstrip(". ") or "piece"
