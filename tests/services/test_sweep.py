"""The hourly sweep of the spool: what no row names goes, however much lies there."""

from datetime import timedelta

import pytest

from gateway.ports import SpoolFile
from gateway.services import cabinet
from gateway.services.cabinet import QUARANTINE
from tests.services.world import World

HOUR = timedelta(hours=1)


async def test_files_are_looked_up_a_few_at_a_time(hospital: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that rows name stay, those that were destroyed or never named go after an hour, across all questions."""
    monkeypatch.setattr(cabinet, "SWEPT_AT_ONCE", 2)
    key = await hospital.cabinet.standing_key(QUARANTINE)
    files = [await hospital.cabinet.put(bytes([number]), key) for number in range(7)]
    async with hospital.store.act() as act:
        for file in files[:4]:
            await act.add(file)
        await act.save(SpoolFile(name=files[3].name, vault_key=key.id, wrapped=b"", size=1, sha256=files[3].sha256))
    assert await hospital.cabinet.sweep() == 0
    hospital.clock.advance(HOUR)
    assert await hospital.cabinet.sweep() == 4
    assert hospital.vault.names() == {file.name for file in files[:3]}
    hospital.clock.advance(HOUR)
    assert await hospital.cabinet.sweep() == 0


async def test_a_file_that_gets_its_row_in_time_stays(hospital: World) -> None:
    """Another process was between file and commit."""
    key = await hospital.cabinet.standing_key(QUARANTINE)
    file = await hospital.cabinet.put(b"x", key)
    assert await hospital.cabinet.sweep() == 0
    async with hospital.store.act() as act:
        await act.add(file)
    hospital.clock.advance(2 * HOUR)
    assert await hospital.cabinet.sweep() == 0
    assert hospital.vault.names() == {file.name}
