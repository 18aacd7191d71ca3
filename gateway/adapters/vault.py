"""What lies on the disk, sealed: spool files, short columns, and the keys that open them (AES-256-GCM, HKDF-SHA256).

The master key wraps vault keys (a case's, the quarantine's, the evidence's), a vault key wraps the key of each of its
files: destroying one wrapped key makes all below it unreadable for ever. A file is a magic number, a random prefix and
chunks of 1 MiB sealed in the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár 2015): a chunk's nonce is prefix,
number, last; its associated data is the header. Nothing is ever written in clear.
"""

import asyncio
import errno
import fcntl
import hashlib
import hmac
import os
import re
import secrets
import stat
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from io import BytesIO
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.domain.errors import SecretUnreadable, StorageFailed, VaultClosed
from gateway.domain.reasons import system_reason
from gateway.domain.words import said
from gateway.ports import SpoolFile, WrappedKey
from gateway.reliance import Reliance

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
PREFIX_BYTES = 7  # Leaves four bytes of the nonce for the number of the chunk and one for "last".
MAGIC = b"SGVAULT\x01"
HEADER_BYTES = len(MAGIC) + PREFIX_BYTES
CHUNK = 1024 * 1024
FILE_BYTES = 4 * 1024**3  # Far above any mail; a damaged row must not make us reserve more.

_PLACE = "spool"
_WRAPPING = b"soins-gateway vault wrapping v1"
_NAME = re.compile(r"[0-9a-f]{32}")
_FOLDER = re.compile(r"[0-9a-f]{2}")
_PURPOSE = re.compile(r"[a-z][a-z0-9_.:-]{0,63}")
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # A planted FIFO must not make us wait.


class FileVault:
    """``gateway.ports.Vault`` over one folder, which it makes private (0700).

    ``former`` is the master key before this one: what is still under it opens too.
    The id of a vault key begins with its purpose, and both are bound to the wrapped key. A file is bound to its name
    and its vault key by its own wrapped key.

    Raises:
        SecretUnreadable: ``master`` has not 32 bytes.
        StorageFailed: the folder cannot be made.
    """

    def __init__(
        self, *, folder: Path, master: bytes, former: bytes | None = None, reliance: Reliance | None = None
    ) -> None:
        if {len(key) for key in (master, former or master)} != {KEY_BYTES}:
            raise SecretUnreadable(
                source=said("clé maîtresse"), reason=said("La clé maîtresse doit avoir {size} octets.", size=KEY_BYTES)
            )
        self._folder = folder
        self._wrapping = _derive(master, _WRAPPING)
        self._former = None if former is None else _derive(former, _WRAPPING)
        self._lookup = _derive(master, b"soins-gateway vault lookup v1")
        self._durable: set[str] = set()
        self._reliance = reliance or Reliance()
        with _storage():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)
            with _opened(folder.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC) as parent:
                self._reliance.sync(parent, _PLACE)

    # --- keys

    def new_key(self, purpose: str) -> WrappedKey:
        """A fresh vault key under the master key, for "case", "quarantine", "evidence".

        Raises:
            ValueError: ``purpose`` is not a short lower-case word (a defect of the caller).
        """
        if _PURPOSE.fullmatch(purpose) is None:
            raise ValueError("a purpose is a short lower-case word")
        name = f"{purpose}-{secrets.token_hex(16)}"
        return WrappedKey(id=name, wrapped=_seal(self._wrapping, secrets.token_bytes(KEY_BYTES), _bound("key", name)))

    def _unwrap(self, key: WrappedKey) -> bytes:
        bound = _bound("key", key.id)
        try:
            return _open(self._wrapping, key.wrapped, bound, item=key.id)
        except VaultClosed:
            if self._former is None:
                raise
            return _open(self._former, key.wrapped, bound, item=key.id)

    def renewed(self, key: WrappedKey) -> WrappedKey | None:
        """See :meth:`gateway.ports.Vault.renewed`."""
        plain, bound = self._unwrap(key), _bound("key", key.id)
        with suppress(VaultClosed):
            _open(self._wrapping, key.wrapped, bound, item=key.id)
            return None
        return replace(key, wrapped=_seal(self._wrapping, plain, bound))

    def _file_key(self, file: SpoolFile, key: WrappedKey) -> bytes:
        if file.vault_key != key.id:
            raise VaultClosed(item=file.name, reason=said("Ce fichier dépend d'une autre clé."))
        return _open(self._unwrap(key), file.wrapped, _bound("file", file.name, key.id), item=file.name)

    def rewrap(self, file: SpoolFile, old: WrappedKey, new: WrappedKey) -> SpoolFile:
        """The same file under another vault key; the file itself is not touched.

        Raises:
            VaultClosed: one of the keys does not open.
        """
        wrapped = _seal(self._unwrap(new), self._file_key(file, old), _bound("file", file.name, new.id))
        return replace(file, vault_key=new.id, wrapped=wrapped)

    # --- columns

    def seal_text(self, text: str, key: WrappedKey) -> bytes:
        """A short column under a vault key; lone surrogates of a badly coded mail survive.

        Raises:
            VaultClosed: the key does not open.
        """
        return _seal(self._unwrap(key), text.encode("utf-8", "surrogatepass"), _bound("text", key.id))

    def open_text(self, sealed: bytes, key: WrappedKey) -> str:
        """The reverse of ``seal_text``.

        Raises:
            VaultClosed: the key does not open, or the column was altered.
        """
        return _open(self._unwrap(key), sealed, _bound("text", key.id), item=key.id).decode("utf-8", "surrogatepass")

    def lookup(self, text: str) -> str:
        """HMAC-SHA256 (hex) of the text without regard to case and compatibility forms (NFKC, case folded)."""
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
        return hmac.new(self._lookup, folded.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()

    # --- files

    async def store(self, data: bytes, key: WrappedKey) -> SpoolFile:
        """Seal, write and fsync in a thread. Cancelled or killed on the way, it leaves a file that no row names.

        Raises:
            StorageFailed: nothing of the file is left.
            VaultClosed: the key does not open.
        """
        return await asyncio.to_thread(self._store, data, key)

    def _store(self, data: bytes, key: WrappedKey) -> SpoolFile:
        if len(data) > FILE_BYTES:
            raise StorageFailed(place=_PLACE, reason=system_reason(OSError(errno.EFBIG, "")))
        vault_key, own, name = self._unwrap(key), secrets.token_bytes(KEY_BYTES), secrets.token_hex(16)
        with _storage(), self._subfolder(name, create=True) as folder:
            _write_durably(folder, name, _sealed_chunks(data, own), self._reliance)
        wrapped = _seal(vault_key, own, _bound("file", name, key.id))
        digest = hashlib.sha256(data).hexdigest()
        return SpoolFile(name=name, vault_key=key.id, wrapped=wrapped, size=len(data), sha256=digest)

    async def load(self, file: SpoolFile, key: WrappedKey) -> bytes:
        """Read, open and check in a thread.

        Raises:
            VaultClosed: the key does not open, the file is absent, or not what was stored.
            StorageFailed: the disk does not read.
        """
        return await asyncio.to_thread(self._load, file, key)

    def _load(self, file: SpoolFile, key: WrappedKey) -> bytes:
        own = self._file_key(file, key)
        try:
            with self._subfolder(file.name) as folder, _opened(file.name, _READ, folder) as handle:
                data = _open_chunks(handle, file, own)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise VaultClosed(item=file.name, reason=said("Le fichier est absent.")) from error
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise VaultClosed(
                    item=file.name, reason=said("Un lien symbolique a pris la place du fichier.")
                ) from error
            raise _failed(error) from error
        if hashlib.sha256(data).hexdigest() != file.sha256:
            raise VaultClosed(item=file.name, reason=said("L'empreinte du contenu a changé."))
        return data

    def remove(self, name: str) -> None:
        """Delete a file; absent is fine.

        Raises:
            StorageFailed: the disk refuses.
            VaultClosed: ``name`` is not a name of the spool.
        """
        with _storage(), suppress(FileNotFoundError), self._subfolder(name) as folder:
            os.unlink(name, dir_fd=folder)

    def names(self) -> frozenset[str]:
        """Names of all whole files.

        Raises:
            StorageFailed: the disk does not read.
        """
        with _storage():
            return frozenset(path.name for path in self._entries() if _NAME.fullmatch(path.name))

    def sweep(self) -> int:
        """Delete partial files that a killed process left, and say how many; a file being written now is left alone.

        Raises:
            StorageFailed: the disk refuses.
        """
        with _storage():
            return sum(_removed_if_abandoned(path) for path in self._entries() if path.suffix == ".part")

    def _entries(self) -> Iterator[Path]:
        for folder in self._folder.iterdir():
            if _FOLDER.fullmatch(folder.name) and folder.is_dir() and not folder.is_symlink():
                yield from folder.iterdir()

    def _make_durable(self, folder: str, spool: int) -> None:
        """Once a process: a folder that was there may be another's, which has not reached the disk yet."""
        try:
            os.mkdir(folder, 0o700, dir_fd=spool)
        except FileExistsError:
            if folder in self._durable:
                return
        self._reliance.sync(spool, _PLACE)
        self._durable.add(folder)

    @contextmanager
    def _subfolder(self, name: str, *, create: bool = False) -> Iterator[int]:
        """The two-letter folder of a name, as a descriptor; no link is followed on the way."""
        if _NAME.fullmatch(name) is None:
            raise VaultClosed(item="spool", reason=said("Ce nom n'est pas celui d'un fichier du coffre."))
        with _opened(self._folder, _DIRECTORY) as spool:
            if create:
                self._make_durable(name[:2], spool)
            with _opened(name[:2], _DIRECTORY, spool) as folder:
                yield folder


# --- keys and boxes


def _derive(master: bytes, label: bytes) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=KEY_BYTES, salt=None, info=label).derive(master)


def _bound(kind: str, *names: str) -> bytes:
    """What a box is tied to: its kind and names, none of which can hold the separator."""
    return "\x00".join(("soins-gateway vault v1", kind, *names)).encode("utf-8", "surrogatepass")


def _seal(key: bytes, plain: bytes, bound: bytes) -> bytes:
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, bound)


def _open(key: bytes, sealed: bytes, bound: bytes, *, item: str) -> bytes:
    if len(sealed) < NONCE_BYTES + TAG_BYTES:
        raise VaultClosed(item=item, reason=said("La clé ou la donnée a été détruite."))
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound)
    except InvalidTag as error:
        raise VaultClosed(item=item, reason=said("La clé n'est pas la bonne, ou la donnée a été altérée.")) from error


# --- the file format


def _nonce(prefix: bytes, number: int, *, last: bool) -> bytes:
    return prefix + number.to_bytes(4, "big") + bytes([last])


def _chunks(size: int) -> int:
    """How many chunks a plain size takes; an empty file has one empty chunk."""
    return max(1, -(-size // CHUNK))


def _sealed_chunks(data: bytes, key: bytes) -> Iterator[bytes]:
    """Header, then sealed chunks: never more than one chunk in memory beside the mail itself."""
    cipher, prefix, view = AESGCM(key), secrets.token_bytes(PREFIX_BYTES), memoryview(data)
    header = MAGIC + prefix
    yield header
    count = _chunks(len(data))
    for number in range(count):
        nonce = _nonce(prefix, number, last=number == count - 1)
        yield cipher.encrypt(nonce, view[number * CHUNK : (number + 1) * CHUNK], header)


def _open_chunks(handle: int, file: SpoolFile, key: bytes) -> bytes:
    damaged = VaultClosed(item=file.name, reason=said("Le fichier est tronqué, allongé ou altéré."))
    count = _chunks(file.size)
    facts = os.fstat(handle)
    sealed_size = HEADER_BYTES + file.size + count * TAG_BYTES
    if not 0 <= file.size <= FILE_BYTES or not stat.S_ISREG(facts.st_mode) or facts.st_size != sealed_size:
        raise damaged
    header = _read(handle, HEADER_BYTES)
    if not header.startswith(MAGIC):
        raise damaged
    cipher, plain = AESGCM(key), BytesIO()
    for number in range(count):
        nonce = _nonce(header[len(MAGIC) :], number, last=number == count - 1)
        try:
            plain.write(
                cipher.decrypt(nonce, _read(handle, min(CHUNK, file.size - number * CHUNK) + TAG_BYTES), header)
            )
        except InvalidTag as error:
            raise damaged from error
    return plain.getvalue()


# --- the disk


def _failed(error: OSError, place: str = _PLACE) -> StorageFailed:
    return StorageFailed(place=place, reason=system_reason(error))


@contextmanager
def _storage(place: str = _PLACE) -> Iterator[None]:
    """Translate what the disk says."""
    try:
        yield
    except OSError as error:
        raise _failed(error, place) from error


@contextmanager
def _opened(path: str | Path, flags: int, folder: int | None = None) -> Iterator[int]:
    handle = os.open(path, flags, 0o600, dir_fd=folder)
    try:
        yield handle
    finally:
        os.close(handle)


def _read(handle: int, size: int) -> bytes:
    """This many bytes, or fewer at the end of the file."""
    parts = []
    while size and (part := os.read(handle, size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _write(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


def _write_durably(folder: int, name: str, chunks: Iterator[bytes], reliance: Reliance) -> None:
    """Temporary name, fsync, rename, fsync of the folder. After a failure nothing is left and no fsync is repeated."""
    partial = f"{name}.part"
    try:
        with _opened(partial, _NEW_FILE, folder) as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)  # Tells ``sweep`` that somebody is at work.
            for chunk in chunks:
                _write(handle, chunk)
            reliance.sync(handle, _PLACE)
            os.rename(partial, name, src_dir_fd=folder, dst_dir_fd=folder)
        reliance.sync(folder, _PLACE)
    except BaseException:
        for left in (partial, name):
            # The first error is the one to report; ``sweep`` takes what could not be removed now.
            with suppress(OSError):
                os.unlink(left, dir_fd=folder)
        raise


def _removed_if_abandoned(path: Path) -> bool:
    with suppress(FileNotFoundError), _opened(path, _READ) as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        path.unlink(missing_ok=True)
        return True
    return False
