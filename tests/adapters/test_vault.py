"""The vault on a real folder: what is stored comes back, and nothing else does."""

import asyncio
import fcntl
import hashlib
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.adapters import vault as module
from gateway.adapters.vault import CHUNK, FILE_BYTES, HEADER_BYTES, TAG_BYTES, FileVault
from gateway.domain.errors import SecretUnreadable, VaultClosed
from gateway.ports import SpoolFile, Vault, WrappedKey

MASTER = bytes(range(32))
MARKER = b"Patiente Marqueur, lit 12"
SMALL_CHUNK = 64


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
    monkeypatch.setattr(module, "CHUNK", SMALL_CHUNK)


def path_of(spool: Path, file: SpoolFile) -> Path:
    """Where a file lies."""
    return spool / file.name[:2] / file.name


def mode_of(path: Path) -> int:
    """Its rights."""
    return stat.S_IMODE(path.stat().st_mode)


def loosen(path: Path) -> None:
    """Let everybody in."""
    path.chmod(0o755)


def everything(spool: Path) -> list[Path]:
    """All files below the spool, whole or partial."""
    return [path for path in spool.rglob("*") if not path.is_dir()]


async def refused(vault: FileVault, file: SpoolFile, key: WrappedKey) -> VaultClosed:
    """The vault does not open this file."""
    with pytest.raises(VaultClosed) as refusal:
        await vault.load(file, key)
    return refusal.value


# --- what is stored comes back


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 17])
async def test_what_is_stored_comes_back(vault: FileVault, spool: Path, size: int) -> None:
    """At every edge of the chunks; facts of the file as promised, rights private."""
    port: Vault = vault
    data, key = os.urandom(size), port.new_key("case")
    file = await port.store(data, key)
    assert await port.load(file, key) == data
    assert (file.size, file.sha256) == (size, hashlib.sha256(data).hexdigest())
    assert file.vault_key == key.id
    path = path_of(spool, file)
    assert len(path_of(spool, file).read_bytes()) == HEADER_BYTES + size + max(1, -(-size // CHUNK)) * TAG_BYTES
    assert mode_of(path) == 0o600
    assert mode_of(path.parent) == mode_of(spool) == 0o700


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=400))
def test_any_bytes_come_back(vault: FileVault, small_chunks: None, data: bytes) -> None:  # noqa: ARG001 (fixture)
    """Property, over small chunks."""
    key = vault.new_key("quarantine")
    file = asyncio.run(vault.store(data, key))
    assert asyncio.run(vault.load(file, key)) == data


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters()))
def test_any_text_comes_back(vault: FileVault, text: str) -> None:
    """Lone surrogates too; the same text never gives the same bytes twice."""
    key = vault.new_key("case")
    sealed = vault.seal_text(text, key)
    assert vault.open_text(sealed, key) == text
    assert vault.seal_text(text, key) != sealed


async def test_nothing_is_readable_on_the_disk(vault: FileVault, spool: Path) -> None:
    """Neither content nor keys in the file, nor the content in what the database keeps."""
    key = vault.new_key("case")
    file = await vault.store(MARKER * 50, key)
    raw = path_of(spool, file).read_bytes()
    for kept in (raw, file.wrapped, key.wrapped, vault.seal_text(MARKER.decode(), key)):
        assert MARKER not in kept
        assert MASTER not in kept


async def test_another_start_opens_the_same_vault(vault: FileVault, spool: Path) -> None:
    """Nothing lives in memory only; a folder left too open is closed again."""
    key = vault.new_key("evidence")
    file = await vault.store(MARKER, key)
    loosen(spool)
    again = FileVault(folder=spool, master=MASTER)
    assert await again.load(file, key) == MARKER
    assert mode_of(spool) == 0o700


async def test_many_files_at_once(vault: FileVault) -> None:
    """Stores in parallel threads do not disturb one another."""
    key = vault.new_key("case")
    files = await asyncio.gather(*(vault.store(bytes([n]) * 1000, key) for n in range(40)))
    assert vault.names() == {file.name for file in files}
    assert [await vault.load(file, key) for file in files] == [bytes([n]) * 1000 for n in range(40)]


# --- what was altered is refused


async def test_every_bit_of_a_file_counts(vault: FileVault, spool: Path) -> None:
    """Each bit flip of a small sealed file is refused: magic, prefix, content and tag."""
    key = vault.new_key("case")
    file = await vault.store(b"petit", key)
    path = path_of(spool, file)
    honest = path.read_bytes()
    for bit in range(len(honest) * 8):
        damaged = bytearray(honest)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        await refused(vault, file, key)
    path.write_bytes(honest)
    assert await vault.load(file, key) == b"petit"


@pytest.mark.usefixtures("small_chunks")
async def test_chunks_cannot_be_cut_added_repeated_or_moved(vault: FileVault, spool: Path) -> None:
    """Even if the row is altered to agree in size and digest, the chunks' numbers and the last flag do not."""
    key, data = vault.new_key("case"), os.urandom(4 * SMALL_CHUNK)
    file = await vault.store(data, key)
    path = path_of(spool, file)
    raw, step = path.read_bytes(), SMALL_CHUNK + TAG_BYTES
    header, sealed = raw[:HEADER_BYTES], [raw[at : at + step] for at in range(HEADER_BYTES, len(raw), step)]
    plain = [data[at : at + SMALL_CHUNK] for at in range(0, len(data), SMALL_CHUNK)]
    for order in ([0, 1, 2], [], [0, 1, 2, 3, 3], [1, 0, 2, 3], [0, 0, 2, 3], [3], [1, 2, 3], [0, 3]):
        path.write_bytes(header + b"".join(sealed[n] for n in order))
        told = b"".join(plain[n] for n in order)
        await refused(vault, file, key)
        await refused(vault, replace(file, size=len(told), sha256=hashlib.sha256(told).hexdigest()), key)
    for cut in range(len(raw)):
        path.write_bytes(raw[:cut])
        await refused(vault, file, key)
    path.write_bytes(raw + b"\x00")
    await refused(vault, file, key)


async def test_a_row_that_lies_is_refused(vault: FileVault, spool: Path) -> None:
    """Size, digest, name, key; a damaged row does not make us reserve memory or leave the folder."""
    key, other = vault.new_key("case"), vault.new_key("case")
    file, second = await vault.store(b"un", key), await vault.store(b"deux", key)
    for size in (-1, 0, 1, 3, FILE_BYTES + 1, 2**62):
        await refused(vault, replace(file, size=size), key)
    await refused(vault, replace(file, sha256=second.sha256), key)
    await refused(vault, replace(file, name=second.name), key)
    await refused(vault, replace(file, wrapped=second.wrapped), key)
    await refused(vault, replace(file, wrapped=b""), key)
    await refused(vault, replace(file, vault_key=other.id), other)
    await refused(vault, file, other)
    path_of(spool, second).replace(path_of(spool, file))
    await refused(vault, file, key)


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "ab/cd", "AB" * 16, "ab" * 15, "ab" * 16 + "\n"])
def test_a_name_of_another_kind_never_reaches_the_disk(vault: FileVault, name: str) -> None:
    """Names come from rows; a damaged one must not delete another file."""
    with pytest.raises(VaultClosed):
        vault.remove(name)


async def test_links_pipes_and_folders_in_place_of_a_file_are_refused(vault: FileVault, spool: Path) -> None:
    """No link is followed, no pipe waited for."""
    key = vault.new_key("case")
    file = await vault.store(b"contenu", key)
    path = path_of(spool, file)
    aside = path.rename(spool.parent / "aside")
    await refused(vault, file, key)
    path.symlink_to(aside)
    await refused(vault, file, key)
    path.unlink()
    os.mkfifo(path)
    await refused(vault, file, key)
    path.unlink()
    path.mkdir()
    await refused(vault, file, key)
    path.rmdir()
    aside.rename(path)
    assert await vault.load(file, key) == b"contenu"
    path.parent.rename(spool.parent / "folder")
    await refused(vault, file, key)
    path.parent.symlink_to(spool.parent / "folder", target_is_directory=True)
    await refused(vault, file, key)


def test_an_altered_column_is_refused(vault: FileVault) -> None:
    """Each bit, each shortening, another key."""
    key, other = vault.new_key("case"), vault.new_key("case")
    sealed = vault.seal_text("nom", key)
    for bit in range(len(sealed) * 8):
        damaged = bytearray(sealed)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(VaultClosed):
            vault.open_text(bytes(damaged), key)
    for cut in range(len(sealed)):
        with pytest.raises(VaultClosed):
            vault.open_text(sealed[:cut], key)
    with pytest.raises(VaultClosed):
        vault.open_text(sealed, other)


# --- keys


async def test_a_wrong_master_key_opens_nothing(vault: FileVault, spool: Path) -> None:
    """The thief of the disk, and the operator who restored the wrong key."""
    key = vault.new_key("case")
    file, sealed = await vault.store(MARKER, key), vault.seal_text("nom", key)
    thief = FileVault(folder=spool, master=bytes(32))
    await refused(thief, file, key)
    with pytest.raises(VaultClosed):
        thief.open_text(sealed, key)
    with pytest.raises(VaultClosed):
        await thief.store(MARKER, key)
    assert len(everything(spool)) == 1
    assert thief.lookup("nom") != vault.lookup("nom")


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_a_master_key_of_another_length_is_refused(spool: Path, size: int) -> None:
    """Never padded, never stretched."""
    with pytest.raises(SecretUnreadable):
        FileVault(folder=spool, master=bytes(size))


async def test_a_destroyed_key_closes_all_that_it_wrapped_and_nothing_else(vault: FileVault) -> None:
    """``forget``: the wrapped bytes are gone, or overwritten."""
    key, kept = vault.new_key("case"), vault.new_key("evidence")
    file, receipt = await vault.store(MARKER, key), await vault.store(b"accuse", kept)
    sealed = vault.seal_text("nom", key)
    for gone in (replace(key, wrapped=b""), replace(key, wrapped=bytes(len(key.wrapped)))):
        await refused(vault, file, gone)
        with pytest.raises(VaultClosed):
            vault.open_text(sealed, gone)
        with pytest.raises(VaultClosed):
            vault.rewrap(file, gone, kept)
    assert await vault.load(receipt, kept) == b"accuse"


def test_a_key_is_bound_to_its_purpose_and_id(vault: FileVault) -> None:
    """A quarantine key cannot be passed off as a case's."""
    key = vault.new_key("quarantine")
    assert key.id.startswith("quarantine-")
    assert len({vault.new_key("case").id for _ in range(100)}) == 100
    with pytest.raises(VaultClosed):
        vault.seal_text("nom", replace(key, id=key.id.replace("quarantine", "case")))
    for purpose in ("", "Case", "a" * 65, "nom du patient"):
        with pytest.raises(ValueError, match="purpose"):
            vault.new_key(purpose)


async def test_rewrapping_moves_a_file_without_touching_it(vault: FileVault, spool: Path) -> None:
    """From quarantine to a case: the old key opens it no more through the new row."""
    old, new = vault.new_key("quarantine"), vault.new_key("case")
    file = await vault.store(MARKER, old)
    before = (path_of(spool, file).read_bytes(), path_of(spool, file).stat().st_mtime_ns)
    moved = vault.rewrap(file, old, new)
    assert (path_of(spool, file).read_bytes(), path_of(spool, file).stat().st_mtime_ns) == before
    assert moved == replace(file, vault_key=new.id, wrapped=moved.wrapped)
    assert await vault.load(moved, new) == MARKER
    await refused(vault, moved, old)


def test_lookups_ignore_case_and_forms_and_nothing_else(vault: FileVault) -> None:
    """NFKC and case folding; a keyed hash, not a plain one."""
    assert (
        vault.lookup("HÉLÈNE STRASSE") == vault.lookup("He\u0301le\u0300ne Straße") == vault.lookup("ｈélène strasse")
    )
    assert vault.lookup("Hélène") != vault.lookup("Helene")
    assert vault.lookup("a") != hashlib.sha256(b"a").hexdigest()
    assert len(vault.lookup("\udcff")) == 64


# --- the spool's list


async def test_names_and_removal(vault: FileVault, spool: Path) -> None:
    """Removing is repeatable; what is not a file of ours is not listed."""
    assert vault.names() == frozenset()
    key = vault.new_key("case")
    first, second = await vault.store(b"1", key), await vault.store(b"2", key)
    (spool / "lost+found").mkdir()
    (spool / "zz").mkdir()
    (path_of(spool, first).parent / "note.txt").touch()
    assert vault.names() == {first.name, second.name}
    vault.remove(first.name)
    vault.remove(first.name)
    vault.remove("00" * 16)
    assert vault.names() == {second.name}
    assert (await refused(vault, first, key)).fields["item"] == first.name


async def test_partial_files_of_a_killed_process_are_swept(vault: FileVault, spool: Path) -> None:
    """But not the one that somebody is writing."""
    file = await vault.store(b"1", vault.new_key("case"))
    folder = path_of(spool, file).parent
    (folder / ("ab" * 16 + ".part")).touch()
    busy = folder / ("cd" * 16 + ".part")
    with busy.open("wb") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        assert vault.names() == {file.name}
        assert vault.sweep() == 1
        assert busy.exists()
    assert vault.sweep() == 1
    assert everything(spool) == [path_of(spool, file)]
