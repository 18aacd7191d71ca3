"""Backups: all that the gateway remembers as of one instant, in one sealed file; and how one is put back.

A backup holds the database and the sealed files of the vault, sealed under a key of the master key, which is never in
it. Nothing that is there is ever overwritten: whoever puts a backup back has moved away what it replaces.
"""

import asyncio
import fcntl
import io
import json
import os
import re
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from gateway import vouching
from gateway.adapters import daemon_lock, database, sealed_file
from gateway.adapters.log_key import AnchorFile
from gateway.adapters.master_key import master_key_of
from gateway.config import Settings
from gateway.databank import SQLITE_FILE
from gateway.domain.audit import iso
from gateway.domain.checkpoint import notes_in, read_note
from gateway.domain.errors import BackupUnusable, NotRestored, StorageFailed
from gateway.domain.words import said
from gateway.ports import Clock, SpoolFile
from gateway.records import Base, identity, require_owner
from gateway.services.anchors import Outside
from gateway.services.restoring import settle
from gateway.storage import Detail

VERSION = 1
MIB = 1024 * 1024
ROOM = 64 * MIB
"""What the service may write while a backup is made: its largest mail."""

_MANIFEST, _SPOOL = "manifest.json", "spool"
_SEALED = re.compile(r"spool/([0-9a-f]{2})/\1[0-9a-f]{30}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A new backup. ``absent`` counts the files of the vault that are missing on this machine."""

    path: Path
    bytes: int
    records: int
    files: int
    absent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What was put back: as of when, how many records, and how many of those that stand outside it lacks."""

    made_at: datetime
    records: int
    files: int
    lost: int
    doubtful: int
    aside: tuple[Path, ...]


# --- making


async def make(base: Base, folder: Path) -> Made:
    """Back up while everything goes on.

    Raises:
        AuditBroken: what is there does not prove itself; nothing is written.
        StorageFailed, OSError: the disk refuses.
    """
    settings, now = base.settings, base.clock.now()
    _require_room(settings)
    path = folder / f"{settings.gateway.party}-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}.backup"
    with _scratch(settings.gateway.data, "backup-") as scratch:
        snapshot = scratch / SQLITE_FILE
        await asyncio.to_thread(database.snapshot, settings.database_url, snapshot)
        store = _store_of(settings, snapshot, base.clock)
        try:
            async with store.view() as view:
                size, head, _ = await view.head()
                sealed = [file.name for file in await view.all(SpoolFile) if file.wrapped]
        finally:
            await store.close()
        facts: dict[str, Any] = {
            "version": VERSION,
            "identity": identity(settings, rehearsal=base.rehearsal),
            "made_at": iso(now),
            "size": size,
            "root": head.head().root.hex(),
        }
        archive = partial(_write, snapshot=snapshot, data=settings.gateway.data, sealed=sealed, facts=facts)
        gone = await asyncio.to_thread(archive, path, master_key_of(settings.vault.master_key))
    async with base.store.view() as view:
        # What was forgotten since the snapshot is not missing.
        absent = [name for name in gone if (row := await view.one(SpoolFile, name=name)) is not None and row.wrapped]
    async with base.store.act() as act:
        await act.record("backup.made", actor="gateway", outcome="made", details={"size": size, "root": facts["root"]})
    return Made(
        path=path,
        bytes=path.stat().st_size,
        records=size,
        files=len(sealed) - len(gone),
        absent=len(absent),
    )


def _require_room(settings: Settings) -> None:
    """The snapshot is made beside the database: it must not take the room that the service needs meanwhile.

    Raises:
        StorageFailed: there is too little.
    """
    data = settings.gateway.data
    # Of a server's database nothing is known before it was read.
    size = 0 if settings.database.shared else sum(file.stat().st_size for file in data.glob(f"{SQLITE_FILE}*"))
    free = shutil.disk_usage(data).free
    if free < size + ROOM:
        reason = said(
            "Il y reste {free} Mio ; il en faut {need} : la base s'y copie d'abord, et le service continue.",
            free=free // MIB,
            need=(size + ROOM) // MIB,
        )
        raise StorageFailed(place=said("le dossier des données"), reason=reason)


def _write(
    path: Path, master: bytes, *, snapshot: Path, data: Path, sealed: list[str], facts: dict[str, Any]
) -> list[str]:
    gone = []
    with sealed_file.writing(path, master) as file, tarfile.open(fileobj=file, mode="w|") as archive:
        archive.add(snapshot, SQLITE_FILE)
        for name in sealed:
            inside = f"{_SPOOL}/{name[:2]}/{name}"
            try:
                archive.add(data / inside, inside, recursive=False)
            except FileNotFoundError:
                gone.append(name)
        manifest = json.dumps(facts, sort_keys=True).encode()
        head = tarfile.TarInfo(_MANIFEST)
        head.size = len(manifest)
        archive.addfile(head, io.BytesIO(manifest))
    return gone


# --- putting back


async def restore(settings: Settings, path: Path, *, clock: Clock, actor: str, accept_loss: bool) -> Restored:
    """Put a backup back where there is nothing now, and record who did it.

    Raises:
        BackupUnusable: it does not open to its end, or is another gateway's.
        NotRestored: something is there already, or records that stand outside would be lost without a word.
        AuditBroken, CheckpointInvalid: its log does not prove itself, or contradicts what stands outside.
        AlreadyRunning, DatabaseUnreachable.
        OSError: the disk refuses.
    """
    data = settings.gateway.data
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    require_owner(data)
    with ExitStack() as stack:
        stack.enter_context(daemon_lock.held(data))
        await asyncio.to_thread(_require_nothing, settings)
        scratch = stack.enter_context(_scratch(data, "restore-"))
        facts = await asyncio.to_thread(_read, path, _masters(settings), scratch)
        if facts["identity"] != identity(settings):
            raise BackupUnusable(reason=said("Elle est celle d'une autre partie, d'un autre rôle ou d'un autre site."))
        snapshot, now = scratch / SQLITE_FILE, clock.now()
        await asyncio.to_thread(database.upgrade, f"sqlite+aiosqlite:///{snapshot}", identity(settings))
        kept, lost = _outside(settings, facts["size"])
        if lost and not accept_loss:
            raise _loses(lost, facts["size"])
        details: dict[str, Detail] = {
            "made_at": facts["made_at"],
            "size": facts["size"],
            "root": facts["root"],
            "lost": max(map(_size, lost), default=facts["size"]) - facts["size"],
        }
        doubtful = await _settled(settings, snapshot, clock, actor=actor, kept=kept, details=details)
        aside = [await asyncio.to_thread(_keep_aside, data / _SPOOL, now)]
        (scratch / _SPOOL).mkdir(mode=0o700, exist_ok=True)
        (scratch / _SPOOL).rename(data / _SPOOL)
        await asyncio.to_thread(_new_anchors, settings, kept, lost)
        # The database comes last: whatever ends before it leaves nothing that could be taken for the whole.
        await asyncio.to_thread(_put_in_place, snapshot, settings)
        aside.append(await asyncio.to_thread(_keep_former_anchors, settings, now))
        return Restored(
            made_at=datetime.fromisoformat(facts["made_at"]),
            records=facts["size"],
            files=facts["files"],
            lost=int(str(details["lost"])),
            doubtful=doubtful,
            aside=tuple(each for each in aside if each is not None),
        )


def _put_in_place(snapshot: Path, settings: Settings) -> None:
    if settings.database.shared:
        database.load(snapshot, settings.database_url)
    else:
        snapshot.rename(settings.gateway.data / SQLITE_FILE)
        _fsync(settings.gateway.data)


async def _settled(
    settings: Settings,
    snapshot: Path,
    clock: Clock,
    *,
    actor: str,
    kept: tuple[str, ...],
    details: dict[str, Detail],
) -> int:
    store = _store_of(settings, snapshot, clock)
    try:
        outside = Outside(book=kept) if _anchors(settings) is not None else Outside()
        verified = await vouching.auditor(settings, store).verify(outside)
        if (verified.head.size, verified.head.root.hex()) != (details["size"], details["root"]):
            raise BackupUnusable(reason=said("Son journal n'est pas celui qu'elle annonce."))
        return await settle(store, site=settings.gateway.site, actor=actor, at=clock.now(), details=details)
    finally:
        await store.close()


def _require_nothing(settings: Settings) -> None:
    database_file = settings.gateway.data / SQLITE_FILE
    if settings.database.shared:
        there = None if database.is_empty(settings.database_url) else said("La base du serveur n'est pas vide.")
    else:
        there = said("Il y a déjà une base : {path}.", path=database_file) if database_file.exists() else None
    if there is not None:
        raise NotRestored(reason=there, act=said("Mettez-la de côté, puis relancez : rien n'est jamais écrasé."))


def _masters(settings: Settings) -> tuple[bytes, ...]:
    """A backup from before the master key was changed is put back while the former one is still named."""
    now, former = settings.vault.master_key, settings.vault.former_master_key
    return tuple(master_key_of(key) for key in (now, former) if key is not None)


def _read(path: Path, masters: tuple[bytes, ...], scratch: Path) -> dict[str, Any]:
    """Take everything out, to the very end: only then is it known to be whole."""
    facts: dict[str, Any] | None = None
    files = 0
    with sealed_file.reading(path, *masters) as content:
        with tarfile.open(fileobj=content, mode="r|") as archive:
            for member in archive:
                source = archive.extractfile(member) if member.isreg() else None
                if source is None or not (member.name in {_MANIFEST, SQLITE_FILE} or _SEALED.fullmatch(member.name)):
                    raise BackupUnusable(reason=said("Elle contient autre chose qu'une sauvegarde."))
                if member.name == _MANIFEST:
                    facts = json.loads(source.read())
                    continue
                _take_out(source, scratch / member.name)
                files += member.name != SQLITE_FILE
        while content.read(sealed_file.CHUNK):
            pass
    if facts is None or facts["version"] != VERSION or not (scratch / SQLITE_FILE).exists():
        raise BackupUnusable(reason=said("Elle est d'une autre version de la passerelle."))
    return {**facts, "files": files}


def _take_out(source: Any, place: Path) -> None:
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as target:
        shutil.copyfileobj(source, target, sealed_file.CHUNK)
        target.flush()
        os.fsync(target.fileno())
    _fsync(place.parent)


# --- what stands outside


def _anchors(settings: Settings) -> Path | None:
    return settings.audit.anchor_file if settings.audit is not None else None


def _size(note: str) -> int:
    return read_note(note).checkpoint.head.size


def _outside(settings: Settings, size: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The anchors that the backup can answer for, and those of records that came after it."""
    path = _anchors(settings)
    places = () if path is None else (path, _former(path))
    read = [notes_in(AnchorFile(path=place).read())[0] for place in places if place.exists()]
    notes = sorted({note for each in read for note in each}, key=_size)
    return tuple(note for note in notes if _size(note) <= size), tuple(note for note in notes if _size(note) > size)


def _loses(lost: tuple[str, ...], size: int) -> NotRestored:
    newest = read_note(lost[-1]).checkpoint
    reason = said(
        "Elle a {size} enregistrements du journal ; l'ancre du {at:%d/%m/%Y %H:%M} UTC en atteste {anchored}.",
        size=size,
        at=newest.at,
        anchored=newest.head.size,
    )
    act = said("Prenez une sauvegarde plus récente, ou acceptez la perte : --accept-loss. Elle restera inscrite.")
    return NotRestored(reason=reason, act=act)


def _former(path: Path) -> Path:
    """Where anchors wait until the database is in place: a restoration that dies before is asked the same again."""
    return path.with_name(f"{path.name}.restoring")


def _new_anchors(settings: Settings, kept: tuple[str, ...], lost: tuple[str, ...]) -> None:
    """The log goes on from the backup: anchors of what is lost stay in the file of before, for the auditor."""
    path = _anchors(settings)
    if path is None or not lost:
        return
    if _former(path).exists():
        path.unlink(missing_ok=True)
    else:
        path.rename(_former(path))
    _fsync(path.parent)
    for note in kept:
        AnchorFile(path=path).append(note)


def _keep_former_anchors(settings: Settings, now: datetime) -> Path | None:
    path = _anchors(settings)
    if path is None or not _former(path).exists():
        return None
    return _named_before(_former(path), path, now)


def _keep_aside(path: Path, now: datetime) -> Path | None:
    if path.is_dir() and not any(each.is_file() for each in path.rglob("*")):
        shutil.rmtree(path)
    if not path.exists():
        return None
    return _named_before(path, path, now)


def _named_before(there: Path, path: Path, now: datetime) -> Path:
    name = f"{path.name}.before-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    names = (path.with_name(name + (f"-{number}" if number > 1 else "")) for number in count(1))
    return there.rename(next(each for each in names if not each.exists()))


# --- places


@contextmanager
def _scratch(data: Path, prefix: str) -> Iterator[Path]:
    """A private folder of this process, gone afterwards; those that killed ones left go first."""
    for left in data.glob(f"{prefix}*"):
        with _locked(left) as ours:
            if ours:
                shutil.rmtree(left, ignore_errors=True)
    path = Path(mkdtemp(prefix=prefix, dir=data))
    with _locked(path):
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)


@contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Whether no other process uses this folder."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield True
    finally:
        os.close(handle)


def _store_of(settings: Settings, path: Path, clock: Clock) -> database.DatabaseStore:
    us = settings.party
    return database.DatabaseStore(f"sqlite+aiosqlite:///{path}", clock=clock, site=us.site, party=us.id)


def _fsync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
