"""The system's clock, as the deadlines watch it: steps, a second source, and a clock behind the log."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from gateway.domain.errors import GatewayError, ServerUnreachable
from gateway.domain.parties import PartnerKind, Role
from gateway.domain.request import State
from gateway.services.timekeeping import ask
from gateway.storage import Acceptance, ClockMark
from tests.services.conftest import Build
from tests.services.mails import plain_mail
from tests.services.world import MINUTE, RIPE, World, partner


@pytest.mark.fault("F17")
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
    assert not await hospital.told(hospital.clock.now() - timedelta(hours=1))
    later = max(RIPE, hospital.clock.now())
    hospital.clock.go_to(later)
    await hospital.poll()
    await hospital.deadlines.tick()
    assert "clock_not_stepped" in await hospital.lacking()
    assert await hospital.all(Acceptance) == ()
    assert await hospital.told(later)
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
    assert not await hospital.told(RIPE - timedelta(hours=1))
    await hospital.deadlines.tick()
    assert await hospital.lacking() == ("clock_not_stepped",)
    assert len(await hospital.events("alarm.clock_disagrees")) == 1


@pytest.mark.fault("F18")
async def test_a_clock_before_the_last_record_suspends(hospital: World) -> None:
    """Set back while the machine was off: no second source helps before the clock has caught up with the log."""
    await hospital.to_running()
    await hospital.deadlines.tick()
    hospital.clock.reboot(wall=timedelta(hours=-2))
    await hospital.deadlines.tick()
    assert len(await hospital.events("alarm.clock_behind_log")) == 1
    assert not await hospital.told(hospital.clock.now())
    hospital.clock.advance(timedelta(hours=3))
    assert await hospital.told(hospital.clock.now())


async def test_a_clock_before_the_log_is_noticed_after_other_records_too(hospital: World) -> None:
    """A mail is recorded before the first tick: the log still knows the later instant."""
    await hospital.to_running()
    await hospital.deadlines.tick()
    hospital.clock.reboot(wall=timedelta(hours=-2))
    await hospital.take(plain_mail("x@ailleurs.test"))
    await hospital.deadlines.tick()
    assert (await hospital.only(ClockMark)).suspended_at is not None


@dataclass
class _Source:
    """A clock that tells what the test says, or fails."""

    name: str
    answer: datetime | GatewayError

    async def tell(self) -> datetime:
        """That."""
        if isinstance(self.answer, GatewayError):
            raise self.answer
        return self.answer


SILENT = _Source("ntp", ServerUnreachable(server="ntp", reason="non"))


async def test_one_source_that_answers_is_enough_and_the_log_names_it(hospital: World) -> None:
    """A time server that is down holds nothing back, and is told to the technical log."""
    await hospital.to_running()
    await hospital.at_ripe()
    told = await ask((SILENT, _Source("tsa", RIPE)))
    assert await hospital.timekeeper.agree(told)
    agreed = (await hospital.events("clock.agreed"))[-1]
    assert json.loads(agreed.canonical)["details"] == {"told_by_tsa": "2026-01-29T11:01:00Z"}


async def test_of_several_sources_the_one_that_disagrees_decides(hospital: World) -> None:
    """Two say the same hour and one another: which is wrong is for a person, and the alarm names it."""
    await hospital.to_running()
    await hospital.at_ripe()
    told = await ask((_Source("mailbox", RIPE), _Source("ntp", RIPE + timedelta(hours=1)), _Source("tsa", RIPE)))
    assert not await hospital.timekeeper.agree(told)
    (alarm,) = await hospital.events("alarm.clock_disagrees")
    assert json.loads(alarm.canonical)["details"] == {"told_by_ntp": "2026-01-29T12:01:00Z"}
    await hospital.deadlines.tick()
    assert await hospital.all(Acceptance) == ()
    assert await hospital.timekeeper.agree(await ask((_Source("ntp", RIPE),)))
    await hospital.deadlines.tick()
    assert (await hospital.request()).state is State.TACITLY_ACCEPTED


async def test_sources_that_all_fail_say_so_and_a_defect_is_never_silent(hospital: World) -> None:
    """The first failure is the task's; what is no failure of the world goes through."""
    with pytest.raises(ServerUnreachable):
        await ask((SILENT, SILENT))
    with pytest.raises(TypeError):
        await ask((_Source("tsa", RIPE), _Source("ntp", "midi")))  # type: ignore[arg-type]  # a defect
    assert not await hospital.timekeeper.agree(())


async def test_the_time_is_not_asked_again_while_only_a_person_is_waited_for(build: Build) -> None:
    """A period that needs a confirmation may wait for days: the mailbox must not get a message at each tick."""
    world = await build(partners=(partner(Role.CNAS, kind=PartnerKind.MAIL), partner(Role.CNSE)))
    await world.to_running_by_mdn()
    world.clock.go_to(RIPE)
    await world.poll()
    assert await world.deadlines.tick()
    assert await world.told(RIPE)
    assert not await world.deadlines.tick()
    assert await world.all(Acceptance) == ()
