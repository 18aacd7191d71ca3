"""Files that nobody but their owner reads: secrets and keys. How one is read, and how a new one is made."""

import os
import stat
from contextlib import suppress
from pathlib import Path

from gateway.domain.errors import SecretUnreadable, StorageFailed
from gateway.domain.reasons import system_reason
from gateway.domain.words import said

OTHERS = 0o077
"""What a private file forbids: everything to everyone but its owner."""

WORLD = 0o007
"""What a systemd credential forbids: its group bits show the mask of the ACL by which systemd admits the service."""

MOST = 64 * 1024
"""Bytes of the longest secret: what is longer is another file."""


def read(path: Path, *, forbidden: int = OTHERS, ours: bool = False, most: int = MOST) -> bytes:
    """The file's bytes; the rights are those of the very file that is read.

    With ``ours`` it must belong to this account or to root. A folder or a pipe is read as empty.

    Raises:
        SecretUnreadable: absent, another account's, open to others, or longer than ``most``.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            facts = os.fstat(handle)
            data = os.read(handle, most + 1) if stat.S_ISREG(facts.st_mode) else b""
        finally:
            os.close(handle)
    except OSError as error:
        raise SecretUnreadable(source=str(path), reason=system_reason(error)) from error
    if ours and facts.st_uid not in (os.geteuid(), 0):
        raise SecretUnreadable(source=str(path), reason=said("Le fichier appartient à un autre compte."))
    if facts.st_mode & forbidden:
        reason = said("Ses droits sont trop ouverts ({mode:04o}).", mode=stat.S_IMODE(facts.st_mode))
        raise SecretUnreadable(source=str(path), reason=reason)
    if len(data) > most:
        raise SecretUnreadable(source=str(path), reason=said("C'est trop long pour un secret."))
    return data


def create(path: Path, data: bytes) -> None:
    """A new file of 0600 whatever the umask, durable with its name; neither a file nor a link is ever replaced.

    Raises:
        StorageFailed: something is there already, or the disk refuses; nothing is left of it.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except FileExistsError as error:
        reason = said("Ce fichier existe déjà ; il n'est jamais remplacé.")
        raise StorageFailed(place=str(path), reason=reason) from error
    except OSError as error:
        raise StorageFailed(place=str(path), reason=system_reason(error)) from error
    try:
        try:
            os.fchmod(handle, 0o600)
            while data:
                data = data[os.write(handle, data) :]
            os.fsync(handle)
        finally:
            os.close(handle)
        _fsync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            path.unlink(missing_ok=True)
        raise StorageFailed(place=str(path), reason=system_reason(error)) from error


def _fsync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
