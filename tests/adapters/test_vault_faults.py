"""The vault on a disk that fails: full, read-only, damaged, or slow to say everything."""

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.adapters import vault as module
from gateway.adapters.vault import FileVault
from gateway.domain.errors import DiskUnreliable, StorageFailed
from gateway.domain.reasons import system_reason
from gateway.reliance import Reliance

MASTER = bytes(range(32))
MARKER = b"Patiente Marqueur, lit 12"


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    """The folder of the vault."""
    return tmp_path / "spool"


@pytest.fixture
def vault(spool: Path) -> FileVault:
    """A vault that does not exist yet on the disk."""
    return FileVault(folder=spool, master=MASTER)


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of 64 bytes, so that a small file has many."""
    monkeypatch.setattr(module, "CHUNK", 64)


def everything(spool: Path) -> list[Path]:
    """All files below the spool, whole or partial."""
    return [path for path in spool.rglob("*") if not path.is_dir()]


Fake = Callable[..., Any]


def failing(real: Fake, code: int, *, at: int, partly: bool = False) -> Fake:
    """A system call that fails from its n-th use on; ``partly``: it takes some bytes at the n-th and fails after."""
    calls = 0

    def call(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == at and partly:
            return real(args[0], bytes(args[1])[: len(args[1]) // 2 + 1])
        if calls >= at:
            raise OSError(code, os.strerror(code))
        return real(*args, **kwargs)

    return call


@pytest.mark.fault("F7", "F8")
@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EDQUOT])
@pytest.mark.parametrize("partly", [False, True])
@pytest.mark.parametrize("at", [1, 2, 3])
async def test_a_failing_write_leaves_nothing(
    vault: FileVault, spool: Path, monkeypatch: pytest.MonkeyPatch, code: int, at: int, *, partly: bool
) -> None:
    """Failed, and failed after a partial write, at each write; when space returns the service goes on."""
    key = vault.new_key("case")
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", failing(os.write, code, at=at, partly=partly))
        with pytest.raises(StorageFailed) as failure:
            await vault.store(MARKER * 10, key)
    assert failure.value.fields == {"place": "spool", "reason": system_reason(OSError(code, os.strerror(code)))}
    assert everything(spool) == []
    assert await vault.load(await vault.store(MARKER, key), key) == MARKER


@pytest.mark.fault("F7")
@pytest.mark.parametrize("call", ["open", "mkdir", "fsync", "rename"])
@pytest.mark.parametrize("at", [1, 2, 3])
async def test_any_other_failing_call_leaves_nothing(
    vault: FileVault, spool: Path, monkeypatch: pytest.MonkeyPatch, call: str, at: int
) -> None:
    """Either the file is whole, with every fsync done, or nothing is there; no fsync is asked twice."""
    key = vault.new_key("case")
    with monkeypatch.context() as patch:
        patch.setattr(os, call, failing(getattr(os, call), errno.EIO, at=at))
        if call in {"mkdir", "rename"} and at > 1:
            await vault.store(MARKER, key)
            return
        with pytest.raises(StorageFailed):
            await vault.store(MARKER, key)
    assert everything(spool) == []


async def test_short_writes_and_short_reads_are_completed(vault: FileVault, monkeypatch: pytest.MonkeyPatch) -> None:
    """POSIX lets both happen at any time."""
    write, read = os.write, os.read
    monkeypatch.setattr(os, "write", lambda handle, data: write(handle, bytes(data)[:7]))
    monkeypatch.setattr(os, "read", lambda handle, size: read(handle, min(size, 11)))
    key = vault.new_key("case")
    assert await vault.load(await vault.store(MARKER * 20, key), key) == MARKER * 20


@pytest.mark.fault("F1")
async def test_order_of_durability(vault: FileVault, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is synced before its name appears, and the folder after."""
    calls: list[str] = []

    def noted(name: str, real: Fake) -> Fake:
        def call(*args: Any, **kwargs: Any) -> Any:
            kind = stat.S_ISDIR(os.fstat(args[0]).st_mode) if name == "fsync" else None
            calls.append(name if kind is None else f"{name} {'folder' if kind else 'file'}")
            return real(*args, **kwargs)

        return call

    for name in ("mkdir", "fsync", "rename"):
        monkeypatch.setattr(os, name, noted(name, getattr(os, name)))
    await vault.store(MARKER, vault.new_key("case"))
    assert calls == ["mkdir", "fsync folder", "fsync file", "rename", "fsync folder"]


async def test_a_disk_that_does_not_read_is_a_storage_fault(vault: FileVault, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trying again can help, unlike with a closed vault."""
    key = vault.new_key("case")
    file = await vault.store(MARKER, key)
    with monkeypatch.context() as patch:
        patch.setattr(os, "read", failing(os.read, errno.EIO, at=1))
        with pytest.raises(StorageFailed):
            await vault.load(file, key)
    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", failing(os.unlink, errno.EROFS, at=1))
        with pytest.raises(StorageFailed):
            vault.remove(file.name)
    assert await vault.load(file, key) == MARKER


def test_a_folder_that_cannot_be_made_is_a_storage_fault(tmp_path: Path) -> None:
    """A file is in its place."""
    (tmp_path / "spool").touch()
    with pytest.raises(StorageFailed):
        FileVault(folder=tmp_path / "spool", master=MASTER)


async def test_a_file_beyond_the_limit_is_not_stored(
    vault: FileVault, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The named limit, made small."""
    monkeypatch.setattr(module, "FILE_BYTES", 10)
    await vault.store(b"x" * 10, vault.new_key("case"))
    with pytest.raises(StorageFailed):
        await vault.store(b"x" * 11, vault.new_key("case"))
    assert len(everything(spool)) == 1


@pytest.mark.fault("F8")
@pytest.mark.parametrize("at", [1, 2, 3])
async def test_a_sync_that_fails_is_told_as_such(
    vault: FileVault, spool: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """Of the file or of a folder: nothing is left, and whoever works on must not."""
    key = vault.new_key("case")
    monkeypatch.setattr(os, "fsync", failing(os.fsync, errno.EIO, at=at))
    with pytest.raises(DiskUnreliable):
        await vault.store(MARKER, key)
    assert everything(spool) == []


@pytest.mark.fault("F8")
async def test_after_a_sync_that_failed_nothing_is_synced_again(
    vault: FileVault, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk confirms everything again, and is not asked: what it forgot it would confirm as well."""
    key = vault.new_key("case")
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", failing(os.fsync, errno.EIO, at=1))
        with pytest.raises(DiskUnreliable):
            await vault.store(MARKER, key)
    asked: list[int] = []
    monkeypatch.setattr(os, "fsync", asked.append)
    with pytest.raises(DiskUnreliable):
        await vault.store(MARKER, key)
    assert (asked, everything(spool)) == ([], [])


@pytest.mark.fault("F8")
async def test_a_database_that_was_not_confirmed_ends_the_vault_too(
    spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is being written then is not confirmed any more."""
    reliance, asked = Reliance(), list[int]()
    vault = FileVault(folder=spool, master=MASTER, reliance=reliance)
    reliance.lose(DiskUnreliable(place="base", reason="erreur"))
    monkeypatch.setattr(os, "fsync", asked.append)
    with pytest.raises(DiskUnreliable, match="base"):
        await vault.store(MARKER, vault.new_key("case"))
    assert (asked, everything(spool)) == ([], [])
