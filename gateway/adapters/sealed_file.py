"""A large file sealed as a whole under the master key, written and read as a stream: what a backup is.

A magic number, a salt, a random prefix, then chunks of 1 MiB of AES-256-GCM in the STREAM construction: a chunk's nonce
is prefix, number, last. The file's own key comes from the master key and the salt (HKDF-SHA256). A file that was cut,
put together anew or altered anywhere does not open to its end.
"""

import io
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.domain.errors import BackupUnusable
from gateway.domain.words import said

MAGIC = b"SGBACK\x00\x01"
SALT_BYTES = 16
PREFIX_BYTES = 7
TAG_BYTES = 16
KEY_BYTES = 32
CHUNK = 1024 * 1024
_HEADER_BYTES = len(MAGIC) + SALT_BYTES + PREFIX_BYTES


class _Chunks:
    def __init__(self, header: bytes, master: bytes) -> None:
        salt = header[len(MAGIC) : len(MAGIC) + SALT_BYTES]
        info = b"soins-gateway backup v1"
        self._box = AESGCM(HKDF(algorithm=hashes.SHA256(), length=KEY_BYTES, salt=salt, info=info).derive(master))
        self._header = header
        self._number = 0

    def seal(self, data: bytes, *, last: bool) -> bytes:
        return self._box.encrypt(self._nonce(last=last), data, self._header)

    def open(self, data: bytes, *, last: bool) -> bytes:
        return self._box.decrypt(self._nonce(last=last), data, self._header)

    def _nonce(self, *, last: bool) -> bytes:
        nonce = self._header[-PREFIX_BYTES:] + self._number.to_bytes(4, "big") + bytes([last])
        self._number += 1
        return nonce


class _Writer(io.RawIOBase):
    def __init__(self, file: BinaryIO, master: bytes) -> None:
        header = MAGIC + secrets.token_bytes(SALT_BYTES + PREFIX_BYTES)
        file.write(header)
        self._file = file
        self._chunks = _Chunks(header, master)
        self._waiting = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: "bytes | bytearray | memoryview") -> int:  # type: ignore[override]  # what tarfile gives
        self._waiting += data
        # The last chunk is known only at the end: one always waits.
        while len(self._waiting) > CHUNK:
            self._file.write(self._chunks.seal(bytes(self._waiting[:CHUNK]), last=False))
            del self._waiting[:CHUNK]
        return len(data)

    def finish(self) -> None:
        self._file.write(self._chunks.seal(bytes(self._waiting), last=True))


class _Reader(io.RawIOBase):
    def __init__(self, file: BinaryIO, masters: Sequence[bytes]) -> None:
        header = file.read(_HEADER_BYTES)
        if len(header) != _HEADER_BYTES or not header.startswith(MAGIC):
            raise BackupUnusable(reason=said("Ce fichier n'est pas une sauvegarde de la passerelle."))
        self._file = file
        self._sealed_by = [_Chunks(header, master) for master in masters]
        self._next = file.read(CHUNK + TAG_BYTES)
        self._plain = b""
        self._over = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]  # what tarfile gives
        while not self._plain and not self._over:
            self._turn()
        taken = self._plain[: len(buffer)]
        buffer[: len(taken)] = taken
        self._plain = self._plain[len(taken) :]
        return len(taken)

    def _turn(self) -> None:
        sealed, self._next = self._next, self._file.read(CHUNK + TAG_BYTES)
        self._over = not self._next
        for chunks in self._sealed_by:
            with suppress(InvalidTag):
                self._plain = chunks.open(sealed, last=self._over)
                # The key of the first chunk is that of all.
                self._sealed_by = [chunks]
                return
        raise BackupUnusable(reason=said("Elle est abîmée ou coupée, ou la clé maîtresse n'est pas celle d'alors."))


@contextmanager
def writing(path: Path, master: bytes) -> Iterator[BinaryIO]:
    """A new sealed file, which has its name only when it is whole and on the disk. Raises OSError."""
    part = path.with_name(f".{path.name}.part")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            writer = _Writer(file, master)
            yield cast("BinaryIO", writer)
            writer.finish()
            file.flush()
            os.fsync(file.fileno())
        part.rename(path)
    finally:
        part.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def reading(path: Path, *masters: bytes) -> Iterator[BinaryIO]:
    """The content, under whichever of these keys it is. It is whole and unaltered only when its end was read.

    Raises:
        BackupUnusable: here, or at any read.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file, io.BufferedReader(_Reader(file, masters), CHUNK) as content:
        yield cast("BinaryIO", content)
