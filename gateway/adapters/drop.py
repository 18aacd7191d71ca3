"""The folders in which readers of our own party find their opened mail: private (0700), whole messages only.

A message is written under a hidden name, synced, and renamed: it appears at once, complete. Done again after a crash,
the same message has the same name, and nothing that lies there is overwritten.
"""

import asyncio
import errno
import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from gateway.domain.errors import DropRefused, StorageFailed
from gateway.domain.reasons import system_reason
from gateway.domain.words import said
from gateway.ports import DROP, DropFile

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NAME = re.compile(r"(?!\.)[^/\x00]+")
_LONGEST = 255  # Bytes of a name on common file systems.
_OCCUPIED = frozenset({errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR})
_NOT_A_FILE = frozenset({errno.ELOOP, errno.ENXIO, errno.EISDIR})


class FolderDrop:
    """Implements ``gateway.ports.Drop``; the disk is used in a thread, since it may be far away."""

    async def put(self, folder: str, name: str, files: Sequence[DropFile]) -> None:
        """See :meth:`gateway.ports.Drop.put`.

        Raises:
            DropRefused, StorageFailed.
            ValueError: a name that could lead elsewhere (a defect of the caller).
        """
        await asyncio.to_thread(_put, folder, name, tuple(files))

    async def remove(self, folder: str, name: str) -> None:
        """See :meth:`gateway.ports.Drop.remove`.

        Raises:
            DropRefused, StorageFailed.
            ValueError: a name that could lead elsewhere (a defect of the caller).
        """
        await asyncio.to_thread(_remove, folder, name)


def _put(folder: str, name: str, files: tuple[DropFile, ...]) -> None:
    for each in (name, *(file.name for file in files)):
        _require_component(each)
    partial = _partial(name)
    with _told(), _private(folder) as drop:
        _clear(drop, partial)
        os.mkdir(partial, 0o700, dir_fd=drop)
        try:
            with _opened(partial, _FOLDER, drop) as made:
                for file in files:
                    _write(made, file)
                os.fsync(made)
            _appear(drop, partial, name, files)
        finally:
            # Opened content under a hidden name is found by nobody; what cannot go now goes at the next try.
            with suppress(OSError):
                _clear(drop, partial)
        os.fsync(drop)


def _remove(folder: str, name: str) -> None:
    _require_component(name)
    with _told(), _private(folder) as drop:
        for each in (_partial(name), name):
            _clear(drop, each)
        os.fsync(drop)


def _partial(name: str) -> str:
    return f".{name}.part"


def _require_component(name: str) -> None:
    if not _NAME.fullmatch(name) or len(_partial(name).encode()) > _LONGEST:
        raise ValueError("a name in a drop is one visible component of a path")


@contextmanager
def _private(folder: str) -> Iterator[int]:
    """The reader's folder, if nobody else can look into it."""
    with _opened(folder, _FOLDER) as drop:
        facts = os.fstat(drop)
        if facts.st_uid != os.geteuid():
            raise DropRefused(reason=said("Il appartient à un autre compte."))
        if stat.S_IMODE(facts.st_mode) & 0o777 != stat.S_IRWXU:
            raise DropRefused(reason=said("Ses droits sont {mode}.", mode=f"{facts.st_mode & 0o777:04o}"))
        yield drop


def _appear(drop: int, partial: str, name: str, files: tuple[DropFile, ...]) -> None:
    """Give the whole folder its name; after a crash it may bear it already."""
    try:
        os.rename(partial, name, src_dir_fd=drop, dst_dir_fd=drop)
    except OSError as error:
        if error.errno not in _OCCUPIED:
            raise
        with _opened(partial, _FOLDER, drop) as made, _opened(name, _FOLDER, drop) as target:
            for file in files:
                if not _is_there(target, file):
                    os.rename(file.name, file.name, src_dir_fd=made, dst_dir_fd=target)
            os.fsync(target)


def _is_there(target: int, file: DropFile) -> bool:
    """Whether exactly this file is there.

    Raises:
        DropRefused: something else has its name.
    """
    other = DropRefused(reason=said("Autre chose y porte déjà le nom d'un courrier : rien n'a été remplacé."))
    try:
        with _opened(file.name, _READ, target) as handle:
            facts = os.fstat(handle)
            same = stat.S_ISREG(facts.st_mode) and facts.st_size == len(file.data) and _read(handle) == file.data
    except FileNotFoundError:
        return False
    except OSError as error:
        if error.errno in _NOT_A_FILE:
            raise other from error
        raise
    if not same:
        raise other
    return True


def _clear(drop: int, name: str) -> None:
    """Delete a folder of ours with its files; what nobody of us makes inside, a folder, is left and told."""
    try:
        with _opened(name, _FOLDER, drop) as folder, os.scandir(folder) as entries:
            for entry in entries:
                os.unlink(entry.name, dir_fd=folder)
    except FileNotFoundError:
        return
    os.rmdir(name, dir_fd=drop)


def _write(folder: int, file: DropFile) -> None:
    with _opened(file.name, _NEW, folder) as handle:
        view = memoryview(file.data)
        while view:
            view = view[os.write(handle, view) :]
        os.fsync(handle)


def _read(handle: int) -> bytes:
    parts = []
    while part := os.read(handle, 1024 * 1024):
        parts.append(part)
    return b"".join(parts)


@contextmanager
def _opened(path: str, flags: int, folder: int | None = None) -> Iterator[int]:
    handle = os.open(path, flags, 0o600, dir_fd=folder)
    try:
        yield handle
    finally:
        os.close(handle)


@contextmanager
def _told() -> Iterator[None]:
    """What the disk says, in words; a missing or replaced folder is the operator's to mend."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EACCES, errno.EPERM, errno.EISDIR}:
            raise DropRefused(reason=system_reason(error)) from error
        raise StorageFailed(place=DROP, reason=system_reason(error)) from error
