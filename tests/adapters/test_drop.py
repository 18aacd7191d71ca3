"""The folders of readers: private or refused, whole messages or nothing, the same names again, nothing overwritten."""

import errno
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from gateway.adapters.drop import FolderDrop
from gateway.domain.errors import DropRefused, StorageFailed
from gateway.ports import DROP, DropFile

NAME = "2027-03-13_7F3K-Q2_M08_12"
FILES = (DropFile(name="lettre.txt", data=b"Courrier\n"), DropFile(name="formulaire.pdf", data=b"%PDF" * 1000))
WHOLE = {file.name: file.data for file in FILES}

Fake = Callable[..., Any]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A reader's folder."""
    path = tmp_path / "medecin"
    path.mkdir(mode=0o700)
    return path


def contents(folder: Path) -> dict[str, dict[str, bytes]]:
    """Every message folder, hidden ones too."""
    return {each.name: {file.name: file.read_bytes() for file in each.iterdir()} for each in folder.iterdir()}


def allow(folder: Path, mode: int) -> None:
    """Somebody changes who may look in."""
    folder.chmod(mode)


def names(folder: Path) -> list[str]:
    """What lies in a folder."""
    return [path.name for path in folder.iterdir()]


def written_at(folder: Path) -> dict[str, int]:
    """When each file of the message was written."""
    return {path.name: path.stat().st_mtime_ns for path in (folder / NAME).iterdir()}


async def test_a_message_is_a_private_folder_of_private_files(folder: Path) -> None:
    """Exactly these files, under exactly this name, for this account alone."""
    await FolderDrop().put(str(folder), NAME, FILES)
    assert contents(folder) == {NAME: WHOLE}
    assert stat.S_IMODE((folder / NAME).stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in (folder / NAME).iterdir()} == {0o600}


@pytest.mark.parametrize("mode", [0o750, 0o701, 0o770, 0o755, 0o777, 0o500, 0o600])
async def test_a_folder_with_another_mode_is_refused(folder: Path, mode: int) -> None:
    """Whoever else can look in, or a mode that is not the one agreed; nothing is written."""
    allow(folder, mode)
    with pytest.raises(DropRefused, match=f"0{mode:o}"):
        await FolderDrop().put(str(folder), NAME, FILES)
    allow(folder, 0o700)
    assert contents(folder) == {}


async def test_a_folder_of_another_account_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its owner could take the mode back."""
    monkeypatch.setattr(os, "geteuid", lambda: folder.stat().st_uid + 1)
    with pytest.raises(DropRefused, match="autre compte"):
        await FolderDrop().put(str(folder), NAME, FILES)
    assert contents(folder) == {}


async def test_a_folder_that_is_not_there_is_refused_and_not_made(tmp_path: Path) -> None:
    """A disk that is not mounted must not fill the one below."""
    with pytest.raises(DropRefused, match="n'existe pas"):
        await FolderDrop().put(str(tmp_path / "absent"), NAME, FILES)
    assert names(tmp_path) == []


async def test_a_link_in_place_of_the_folder_is_refused(folder: Path, tmp_path: Path) -> None:
    """It could lead to a folder that others read."""
    link = tmp_path / "lien"
    link.symlink_to(folder)
    with pytest.raises(DropRefused):
        await FolderDrop().put(str(link), NAME, FILES)
    assert contents(folder) == {}


async def test_the_same_message_again_changes_nothing(folder: Path) -> None:
    """After a crash between the rename and the commit."""
    await FolderDrop().put(str(folder), NAME, FILES)
    before = written_at(folder)
    await FolderDrop().put(str(folder), NAME, FILES)
    assert written_at(folder) == before
    assert contents(folder) == {NAME: WHOLE}


async def test_what_was_taken_away_comes_again(folder: Path) -> None:
    """At least once: we cannot know who took it."""
    await FolderDrop().put(str(folder), NAME, FILES)
    (folder / NAME / "formulaire.pdf").unlink()
    await FolderDrop().put(str(folder), NAME, FILES)
    assert contents(folder) == {NAME: WHOLE}


@pytest.mark.parametrize("size", ["same", "other"])
async def test_another_content_under_our_name_is_never_overwritten(folder: Path, size: str) -> None:
    """Somebody's notes, or a database that was restored and counts again: refused, and nothing is left behind."""
    (folder / NAME).mkdir()
    other = b"N" * len(WHOLE["lettre.txt"]) if size == "same" else b"Notes"
    (folder / NAME / "lettre.txt").write_bytes(other)
    with pytest.raises(DropRefused, match="porte déjà le nom"):
        await FolderDrop().put(str(folder), NAME, FILES)
    assert contents(folder)[NAME]["lettre.txt"] == other
    assert set(contents(folder)) == {NAME}


@pytest.mark.parametrize("kind", ["link", "folder", "fifo"])
async def test_something_else_under_a_files_name_is_refused(folder: Path, tmp_path: Path, kind: str) -> None:
    """A link to the outside is not written through, a fifo does not make us wait."""
    (folder / NAME).mkdir()
    place = folder / NAME / "lettre.txt"
    outside = tmp_path / "dehors"
    outside.write_bytes(WHOLE["lettre.txt"])
    if kind == "link":
        place.symlink_to(outside)
    elif kind == "folder":
        place.mkdir()
    else:
        os.mkfifo(place)
    with pytest.raises(DropRefused):
        await FolderDrop().put(str(folder), NAME, FILES)
    assert outside.read_bytes() == WHOLE["lettre.txt"]


@pytest.mark.parametrize("kind", ["file", "link"])
async def test_something_else_under_the_messages_name_is_refused(folder: Path, tmp_path: Path, kind: str) -> None:
    """A link to another folder is not followed."""
    outside = tmp_path / "dehors"
    outside.mkdir()
    if kind == "file":
        (folder / NAME).write_bytes(b"x")
    else:
        (folder / NAME).symlink_to(outside)
    with pytest.raises(DropRefused):
        await FolderDrop().put(str(folder), NAME, FILES)
    assert (names(outside), names(folder)) == ([], [NAME])


BAD_NAMES = ["", ".", "..", ".hidden", "a/b", "../a", "/etc/passwd", "a\0b", "a" * 300, "é" * 130]


@pytest.mark.parametrize("name", BAD_NAMES)
async def test_a_name_that_could_lead_elsewhere_is_our_defect(folder: Path, name: str) -> None:
    """Whoever chose it did not make it safe: nothing is written, nothing removed."""
    with pytest.raises(ValueError, match="one visible component"):
        await FolderDrop().put(str(folder), name, FILES)
    with pytest.raises(ValueError, match="one visible component"):
        await FolderDrop().put(str(folder), NAME, (DropFile(name=name, data=b"x"),))
    with pytest.raises(ValueError, match="one visible component"):
        await FolderDrop().remove(str(folder), name)
    assert contents(folder) == {}


def failing(real: Fake, code: int, *, at: int) -> Fake:
    """A system call that fails at its n-th use only."""
    calls = 0

    def call(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == at:
            raise OSError(code, os.strerror(code))
        return real(*args, **kwargs)

    return call


@pytest.mark.parametrize("call", ["mkdir", "open", "write", "fsync", "rename"])
@pytest.mark.parametrize("at", [1, 2, 3, 4, 5, 6])
async def test_a_call_that_fails_shows_nobody_half_a_message(
    folder: Path, monkeypatch: pytest.MonkeyPatch, call: str, at: int
) -> None:
    """Under its name the message is whole or absent, and no opened content stays hidden; the next try succeeds."""
    with monkeypatch.context() as patch:
        patch.setattr(os, call, failing(getattr(os, call), errno.ENOSPC, at=at))
        with suppress(StorageFailed):
            await FolderDrop().put(str(folder), NAME, FILES)
    assert contents(folder) in ({}, {NAME: WHOLE})
    await FolderDrop().put(str(folder), NAME, FILES)
    assert contents(folder) == {NAME: WHOLE}


class _Killed(BaseException):
    """What no handler of ours catches, as the end of the process."""


@pytest.mark.parametrize("call", ["mkdir", "open", "write", "fsync", "rename"])
@pytest.mark.parametrize("at", [1, 2, 3, 4, 5, 6])
async def test_a_kill_anywhere_leaves_what_the_next_try_completes(
    folder: Path, monkeypatch: pytest.MonkeyPatch, call: str, at: int
) -> None:
    """Even when nothing could be cleaned up: the partial folder of the dead process is replaced."""
    with monkeypatch.context() as patch:
        calls = 0
        real = getattr(os, call)

        def dying(*args: Any, **kwargs: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls >= at:
                patch.setattr(os, "unlink", _dead)
                patch.setattr(os, "rmdir", _dead)
                raise _Killed
            return real(*args, **kwargs)

        patch.setattr(os, call, dying)
        try:
            await FolderDrop().put(str(folder), NAME, FILES)
        except _Killed:
            assert NAME not in contents(folder) or contents(folder)[NAME] == WHOLE
    await FolderDrop().put(str(folder), NAME, FILES)
    assert contents(folder) == {NAME: WHOLE}


def _dead(*_: object, **__: object) -> None:
    raise _Killed


async def test_order_of_durability(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file is synced, then their folder, before the name appears; the reader's folder after."""
    calls: list[str] = []

    def noted(name: str, real: Fake) -> Fake:
        def call(*args: Any, **kwargs: Any) -> Any:
            kind = stat.S_ISDIR(os.fstat(args[0]).st_mode) if name == "fsync" else None
            calls.append(name if kind is None else f"{name} {'folder' if kind else 'file'}")
            return real(*args, **kwargs)

        return call

    for name in ("mkdir", "fsync", "rename"):
        monkeypatch.setattr(os, name, noted(name, getattr(os, name)))
    await FolderDrop().put(str(folder), NAME, FILES)
    assert calls == ["mkdir", "fsync file", "fsync file", "fsync folder", "rename", "fsync folder"]


async def test_what_was_put_is_removed_and_nothing_else(folder: Path) -> None:
    """Twice is fine, absent is fine, the neighbour stays."""
    drop = FolderDrop()
    await drop.put(str(folder), NAME, FILES)
    await drop.put(str(folder), "autre", FILES)
    (folder / f".{NAME}.part").mkdir()
    (folder / f".{NAME}.part" / "lettre.txt").write_bytes(b"half")
    await drop.remove(str(folder), NAME)
    await drop.remove(str(folder), NAME)
    assert contents(folder) == {"autre": WHOLE}


async def test_removing_never_follows_a_link(folder: Path, tmp_path: Path) -> None:
    """Neither in place of the message's folder, nor inside: the link goes, its target stays."""
    outside = tmp_path / "dehors"
    outside.mkdir()
    (outside / "precieux").write_bytes(b"x")
    drop = FolderDrop()
    (folder / NAME).mkdir()
    (folder / NAME / "lien").symlink_to(outside / "precieux")
    await drop.remove(str(folder), NAME)
    assert (outside / "precieux").exists()
    (folder / NAME).symlink_to(outside)
    with pytest.raises(DropRefused):
        await drop.remove(str(folder), NAME)
    assert (outside / "precieux").exists()


async def test_a_folder_that_somebody_made_inside_is_left_and_told(folder: Path) -> None:
    """We make none: it is not ours to delete."""
    (folder / NAME / "notes").mkdir(parents=True)
    (folder / NAME / "notes" / "a").write_bytes(b"x")
    with pytest.raises(DropRefused):
        await FolderDrop().remove(str(folder), NAME)
    assert (folder / NAME / "notes" / "a").exists()


async def test_nothing_is_removed_from_a_folder_that_others_read(folder: Path) -> None:
    """It may not be ours any more."""
    await FolderDrop().put(str(folder), NAME, FILES)
    allow(folder, 0o755)
    with pytest.raises(DropRefused):
        await FolderDrop().remove(str(folder), NAME)
    assert contents(folder) == {NAME: WHOLE}


async def test_a_full_disk_is_told_as_a_storage_fault_of_the_drop(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever pays the debt knows that it concerns this reader alone, and that time may mend it."""
    monkeypatch.setattr(os, "write", failing(os.write, errno.ENOSPC, at=1))
    with pytest.raises(StorageFailed) as caught:
        await FolderDrop().put(str(folder), NAME, FILES)
    assert {name: str(value) for name, value in caught.value.fields.items()} == {
        "place": DROP,
        "reason": "Le disque est plein.",
    }
