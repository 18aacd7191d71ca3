"""A new master key takes over while everything runs, and the former one opens nothing afterwards."""

from pathlib import Path

import pytest

from gateway.adapters.vault import FileVault
from gateway.domain.errors import SecretUnreadable, VaultClosed
from gateway.ports import SpoolFile
from gateway.services import rewrapping
from gateway.services.cabinet import wrapped
from gateway.services.rewrapping import Rewrapping
from gateway.storage import VaultKey
from tests.services.mails import REF, plain_mail
from tests.services.test_forget import forgetting, later
from tests.services.world import World

FORMER, NEW = b"m" * 32, b"n" * 32


def vault(folder: Path, master: bytes, former: bytes | None = None) -> FileVault:
    """The hospital's vault with these keys."""
    return FileVault(folder=folder / "spool-hospital", master=master, former=former)


async def readable(world: World, opened: FileVault) -> list[bool]:
    """Of each file of the spool, whether this vault opens it."""
    keys = {key.id: wrapped(key) for key in await world.all(VaultKey) if key.destroyed_at is None}
    found = []
    for file in await world.all(SpoolFile):
        try:
            await opened.load(file, keys[file.vault_key])
        except VaultClosed:
            found.append(False)
        else:
            found.append(True)
    return found


async def test_the_new_key_opens_all_and_the_former_nothing_any_more(hospital: World, tmp_path: Path) -> None:
    """Files and columns are as they were; what is made meanwhile, by either, is taken along."""
    await hospital.submit()
    await hospital.take(plain_mail("x@ailleurs.test"))
    files = {path: path.read_bytes() for path in _files(tmp_path)}
    both = vault(tmp_path, NEW, FORMER)
    assert all(await readable(hospital, both))
    assert not any(await readable(hospital, vault(tmp_path, NEW)))
    acts = Rewrapping(store=hospital.store, vault=both)
    count = len(await hospital.all(VaultKey))
    assert await acts.rewrap(actor="alice") == (count, count)
    assert all(await readable(hospital, vault(tmp_path, NEW)))
    assert not any(await readable(hospital, vault(tmp_path, FORMER)))
    assert {path: path.read_bytes() for path in _files(tmp_path)} == files
    assert await acts.rewrap(actor="alice") == (0, count)
    (record,) = await hospital.events("vault.rewrapped")
    assert (record.actor, f'"keys":{count}'.encode() in record.canonical) == ("alice", True)


def _files(folder: Path) -> list[Path]:
    return [path for path in (folder / "spool-hospital").rglob("*") if path.is_file()]


async def test_killed_in_the_middle_both_keys_open_what_they_must_and_it_goes_on(
    hospital: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One act at a time; the next run takes the rest."""
    await hospital.submit()
    await hospital.take(plain_mail("x@ailleurs.test"))
    monkeypatch.setattr(rewrapping, "BATCH", 1)
    both = vault(tmp_path, NEW, FORMER)
    renewed, calls = both.renewed, iter(range(10))

    def dies(key: object) -> object:
        if next(calls) == 1:
            raise KeyboardInterrupt
        return renewed(key)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(both, "renewed", dies)
        with pytest.raises(KeyboardInterrupt):
            await Rewrapping(store=hospital.store, vault=both).rewrap(actor="alice")
    assert all(await readable(hospital, both))
    assert len(set(await readable(hospital, vault(tmp_path, NEW)))) == 2
    count = len(await hospital.all(VaultKey))
    assert await Rewrapping(store=hospital.store, vault=both).rewrap(actor="alice") == (count - 1, count)


async def test_what_was_forgotten_stays_forgotten(hospital: World, tmp_path: Path) -> None:
    """A destroyed key is not among those that are renewed."""
    await later(hospital)
    await forgetting(hospital).forget(REF, actor="alice")
    left = len([key for key in await hospital.all(VaultKey) if key.destroyed_at is None])
    acts = Rewrapping(store=hospital.store, vault=vault(tmp_path, NEW, FORMER))
    assert (await acts.rewrap(actor="alice"))[1] == left


async def test_a_key_that_neither_opens_stops_it(hospital: World, tmp_path: Path) -> None:
    """Another machine's master key was given."""
    await hospital.submit()
    with pytest.raises(VaultClosed):
        await Rewrapping(store=hospital.store, vault=vault(tmp_path, NEW, b"x" * 32)).rewrap(actor="alice")
    assert await hospital.events("vault.rewrapped") == ()
    with pytest.raises(SecretUnreadable):
        vault(tmp_path, NEW, b"short")
