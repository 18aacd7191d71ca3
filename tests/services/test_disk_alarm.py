"""A disk that fills up is an alarm while there is still room to say so."""

import pytest

from gateway.ports import Space
from tests.services.fakes import FakeRoom
from tests.services.world import MINUTE, World

MIB = 1024 * 1024


@pytest.mark.fault("F7")
async def test_a_disk_that_fills_up_is_told_before_it_is_full(hospital: World) -> None:
    """Once, with what is left; it ends when somebody made room, and a disk that does not tell changes nothing."""
    room = hospital.alarms._facts._room
    assert isinstance(room, FakeRoom)
    await hospital.watch(MINUTE)
    assert "disk_short" not in await hospital.open_alarms()
    for left in (700, 600, 1100):
        room.left = Space(free=left * MIB, total=10**12)
        await hospital.watch(MINUTE)
        assert "disk_short" in await hospital.open_alarms()
    (alarm,) = [row for row in await hospital.book.standing() if row.kind == "disk_short"]
    assert "700" in alarm.words
    room.left = Space(free=2000 * MIB, total=10**12)
    await hospital.watch(MINUTE)
    assert [entry.outcome for entry in await hospital.events("alarm.disk_short")] == ["started", "ended"]
