"""Days without a backup are an alarm where the house asked to be told, also where none was ever made."""

from datetime import timedelta

from gateway.domain.alarms.facts import Limits
from gateway.services.backups import last_backup, unsaved_for
from tests.services.world import MINUTE, World

DAY = timedelta(days=1)


async def backed_up(world: World) -> None:
    """As « gateway backup » tells it in the log."""
    async with world.store.act() as act:
        await act.record("backup.made", actor="gateway", outcome="made")


async def test_days_without_a_backup_are_told_until_there_is_one(hospital: World) -> None:
    """From the first record on; the number of days is that of the moment at which it is told."""
    hospital.alarms._facts._limits = Limits(backup_days=2)
    await hospital.submit()
    await hospital.watch(2 * DAY - MINUTE)
    assert "backup_late" not in await hospital.open_alarms()
    await hospital.watch(2 * MINUTE, times=2)
    assert "backup_late" in await hospital.open_alarms()
    await backed_up(hospital)
    await hospital.watch(MINUTE)
    assert "backup_late" not in await hospital.open_alarms()
    await hospital.watch(2 * DAY)
    assert [entry.outcome for entry in await hospital.events("alarm.backup_late")] == ["started", "ended", "started"]


async def test_a_log_without_a_record_waits_for_no_backup(hospital: World) -> None:
    """There is nothing to lose yet; and the latest backup is the one that counts."""
    async with hospital.store.view() as view:
        assert await unsaved_for(view, hospital.clock.now() + 900 * DAY) == timedelta()
        assert await last_backup(view) is None
    for _ in range(2):
        await backed_up(hospital)
        hospital.clock.advance(DAY)
    async with hospital.store.view() as view:
        assert await unsaved_for(view, hospital.clock.now()) == DAY
