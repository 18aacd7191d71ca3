"""Where the vault's master key comes from: a private file, an environment variable, or a systemd credential.

The key is 32 random bytes, written as base64 or hexadecimal text, or raw. It is never logged, never part of an error.
"""

import base64
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path

from gateway import private_file
from gateway.domain.errors import SecretUnreadable
from gateway.domain.words import said
from gateway.setting import Secret

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
        return _decoded(str(file), private_file.read(file, ours=True, most=SOURCE_BYTES))
    if variable is not None:
        value = environ.get(variable)
        if value is None:
            raise SecretUnreadable(source=variable, reason=said("La variable d'environnement est absente."))
        return _decoded(variable, value.encode("utf-8", "surrogateescape"))
    return _from_credential(str(credential), environ)


def master_key_of(source: Secret) -> bytes:
    """The 32 bytes where the configuration says that they are.

    Raises:
        SecretUnreadable.
    """
    return load_master_key(file=source.file, variable=source.env, credential=source.credential)


def _from_credential(name: str, environ: Mapping[str, str]) -> bytes:
    folder = environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        raise SecretUnreadable(
            source=name, reason=said("CREDENTIALS_DIRECTORY est absent : lancez le service par systemd.")
        )
    if _CREDENTIAL.fullmatch(name) is None:
        raise SecretUnreadable(source=name, reason=said("Ce nom n'est pas celui d'un identifiant systemd."))
    found = private_file.read(Path(folder) / name, forbidden=private_file.WORLD, ours=True, most=SOURCE_BYTES)
    return _decoded(name, found)


def generate_master_key(path: Path) -> None:
    """Write a new key as base64 text; see :func:`gateway.private_file.create`.

    Raises:
        StorageFailed.
    """
    private_file.create(path, base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")


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
