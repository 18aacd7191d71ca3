"""The system's clock, as the deadlines watch it: steps, a second source, and a clock behind the log."""

from datetime import timedelta

import pytest

from gateway.domain.request import State
from gateway.storage import Acceptance, ClockMark
from tests.services.mails import plain_mail
from tests.services.world import MINUTE, RIPE, World


@pytest.mark.parametrize("by", [timedelta(days=10), timedelta(days=-1), timedelta(minutes=6)])
async def test_a_step_of_the_clock_suspends_recording_until_a_second_source_agrees(
    hospital: World, by: timedelta
) -> None:
    """Set by hand while the machine runs: one alarm, nothing recorded, and a disagreeing source does not end it."""
    await hospital.to_running()
    await hospital.deadlines.tick()
    hospital.clock.step(by)
    await hospital.deadlines.tick()
    await hospital.deadlines.tick()
    assert (await hospital.only(ClockMark)).suspended_at is not None
    alarms = await hospital.events("alarm.clock_stepped")
    assert len(alarms) == 1
    assert not await hospital.deadlines.agree(hospital.clock.now() - timedelta(hours=1))
    later = max(RIPE, hospital.clock.now())
    hospital.clock.go_to(later)
    await hospital.poll()
    await hospital.deadlines.tick()
    assert "clock_not_stepped" in await hospital.lacking()
    assert await hospital.all(Acceptance) == ()
    assert await hospital.deadlines.agree(later)
    await hospital.deadlines.tick()
    assert (await hospital.request()).state is State.TACITLY_ACCEPTED


async def test_small_corrections_and_a_restart_are_no_step(hospital: World) -> None:
    """NTP moves a clock by seconds; a machine that was off has other seconds."""
    await hospital.to_running()
    await hospital.deadlines.tick()
    hospital.clock.step(4 * MINUTE)
    await hospital.deadlines.tick()
    hospital.clock.reboot(wall=timedelta(days=3))
    await hospital.deadlines.tick()
    assert (await hospital.only(ClockMark)).suspended_at is None


async def test_a_second_source_that_disagrees_suspends(hospital: World) -> None:
    """More than five minutes apart: one of the two is wrong, and nothing is recorded until they agree."""
    await hospital.to_running()
    await hospital.at_ripe()
    assert not await hospital.deadlines.agree(RIPE - timedelta(hours=1))
    await hospital.deadlines.tick()
    assert await hospital.lacking() == ("clock_not_stepped",)
    assert len(await hospital.events("alarm.clock_disagrees")) == 1


async def test_a_clock_before_the_last_record_suspends(hospital: World) -> None:
    """Set back while the machine was off: no second source helps before the clock has caught up with the log."""
    await hospital.to_running()
    await hospital.deadlines.tick()
    hospital.clock.reboot(wall=timedelta(hours=-2))
    await hospital.deadlines.tick()
    assert len(await hospital.events("alarm.clock_behind_log")) == 1
    assert not await hospital.deadlines.agree(hospital.clock.now())
    hospital.clock.advance(timedelta(hours=3))
    assert await hospital.deadlines.agree(hospital.clock.now())


async def test_a_clock_before_the_log_is_noticed_after_other_records_too(hospital: World) -> None:
    """A mail is recorded before the first tick: the log still knows the later instant."""
    await hospital.to_running()
    await hospital.deadlines.tick()
    hospital.clock.reboot(wall=timedelta(hours=-2))
    await hospital.take(plain_mail("x@ailleurs.test"))
    await hospital.deadlines.tick()
    assert (await hospital.only(ClockMark)).suspended_at is not None
