"""Where the vault's master key comes from: a private file, an environment variable, or a systemd credential.

The key is 32 random bytes, written as base64 or hexadecimal text, or raw. It is never logged, never part of an error.
"""

import base64
import os
import re
import secrets
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from gateway.domain.errors import SecretUnreadable, StorageFailed
from gateway.domain.reasons import system_reason
from gateway.domain.words import said

KEY_BYTES = 32
SOURCE_BYTES = 256  # The longest form is 64 characters and a line end; what is longer is another file.
_CREDENTIAL = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,254}")


def load_master_key(
    *,
    file: Path | None = None,
    variable: str | None = None,
    credential: str | None = None,
    environ: Mapping[str, str] = os.environ,
) -> bytes:
    """The 32 bytes, from exactly one source: a path, the name of a variable, or of a systemd credential.

    Raises:
        SecretUnreadable: no source or several; absent, readable by others, or not a key.
    """
    if [file, variable, credential].count(None) != 2:  # noqa: PLR2004 (one of the three)
        raise SecretUnreadable(source=said("clé maîtresse"), reason=said("Il faut une source, et une seule."))
    if file is not None:
        # Nobody but the owner: whoever reads this file reads every case.
        return _decoded(str(file), _read_private(file, forbidden=0o077))
    if variable is not None:
        value = environ.get(variable)
        if value is None:
            raise SecretUnreadable(source=variable, reason=said("La variable d'environnement est absente."))
        return _decoded(variable, value.encode("utf-8", "surrogateescape"))
    return _from_credential(str(credential), environ)


def _from_credential(name: str, environ: Mapping[str, str]) -> bytes:
    folder = environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        raise SecretUnreadable(
            source=name, reason=said("CREDENTIALS_DIRECTORY est absent : lancez le service par systemd.")
        )
    if _CREDENTIAL.fullmatch(name) is None:
        raise SecretUnreadable(source=name, reason=said("Ce nom n'est pas celui d'un identifiant systemd."))
    # The group bits show the mask of the ACL by which systemd admits the service's user: they say nothing here.
    return _decoded(name, _read_private(Path(folder) / name, forbidden=0o007))


def generate_master_key(path: Path) -> None:
    """Write a new key as base64 text, 0600, durably; a file that exists is never replaced.

    Raises:
        SecretUnreadable: something is already there, or the folder does not accept it.
        StorageFailed: the write failed; nothing is left.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except FileExistsError as error:
        raise SecretUnreadable(
            source=str(path), reason=said("Une clé existe déjà ; elle n'est jamais remplacée.")
        ) from error
    except OSError as error:
        raise SecretUnreadable(source=str(path), reason=system_reason(error)) from error
    try:
        try:
            os.fchmod(handle, 0o600)
            text = base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n"
            while text:
                text = text[os.write(handle, text) :]
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


def _read_private(path: Path, *, forbidden: int) -> bytes:
    """The file's bytes; the rights are those of the very file that is read."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            facts = os.fstat(handle)
            data = os.read(handle, SOURCE_BYTES + 1) if stat.S_ISREG(facts.st_mode) else b""
        finally:
            os.close(handle)
    except OSError as error:
        raise SecretUnreadable(source=str(path), reason=system_reason(error)) from error
    if facts.st_uid not in (os.geteuid(), 0):
        raise SecretUnreadable(source=str(path), reason=said("Le fichier appartient à un autre compte."))
    if facts.st_mode & forbidden:
        reason = said("Ses droits sont trop ouverts ({mode:04o}).", mode=stat.S_IMODE(facts.st_mode))
        raise SecretUnreadable(source=str(path), reason=reason)
    return data


def _decoded(source: str, data: bytes) -> bytes:
    """Raw, hexadecimal or base64. Thirty-two bytes that read as text are a typed password, not a key: refused."""
    wrong = SecretUnreadable(
        source=source, reason=said("Il faut {size} octets aléatoires, en base64 ou hexadécimal.", size=KEY_BYTES)
    )
    if len(data) > SOURCE_BYTES:
        raise wrong
    try:
        text = data.decode().strip()
    except UnicodeDecodeError:
        # Without its cause, here and below: a decoder's message can quote the secret.
        if len(data) != KEY_BYTES:
            raise wrong from None
        return data
    try:
        key = bytes.fromhex(text) if len(text) == 2 * KEY_BYTES else base64.b64decode(text, validate=True)
    except ValueError:
        raise wrong from None
    if len(key) != KEY_BYTES:
        raise wrong
    return key
