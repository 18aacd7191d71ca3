"""A copy of the certificate that lacks after the admission is told once, on the day after, to a hospital."""

from datetime import timedelta

import pytest

from gateway.domain.parties import Role
from tests.law.papers import fact, fiche, mail
from tests.services.conftest import Build
from tests.services.mails import START
from tests.services.world import World

ALARMS = ("alarm.copy_1_not_presented", "alarm.copy_2_not_received")
ONE_DAY = timedelta(days=1)


async def told(world: World) -> tuple[int, int]:
    """How often each alarm was raised."""
    return len(await world.events(ALARMS[0])), len(await world.events(ALARMS[1]))


async def days_pass(world: World, days: int) -> None:
    """The daemon looks at each day, twice."""
    for _ in range(days):
        await world.watch(ONE_DAY)
        await world.watch()


@pytest.mark.law("C-copies-alarm")
async def test_copy_1_that_nobody_brought_is_told(hospital: World) -> None:
    """Not on the day of the admission, for it may come any minute."""
    await hospital.take(mail("ENTITLEMENT_CERTIFICATE", Role.CNAS))
    await hospital.desk.note(fact("ADMISSION", on="2026-01-25"), actor="alice")
    await hospital.watch()
    assert await told(hospital) == (0, 0)
    await days_pass(hospital, 3)
    assert await told(hospital) == (1, 0)


@pytest.mark.law("C-copies-alarm")
async def test_copy_2_that_the_cnas_never_sent_is_told(hospital: World) -> None:
    """The patient's own copy lets him be admitted; the one that binds the CNAS is missed."""
    await hospital.take(mail("CARE_REQUEST", Role.CNAS))
    await hospital.desk.submit(fiche("CARE_ACCEPTANCE_WITH_QUOTE"), actor="alice")
    await hospital.desk.note(fact("ENTITLEMENT_PRESENTED", on="2026-01-25"), actor="alice")
    await hospital.desk.note(fact("ADMISSION", on="2026-01-25"), actor="alice")
    await days_pass(hospital, 3)
    assert await told(hospital) == (0, 1)


@pytest.mark.law("C-copies-alarm")
async def test_both_copies_are_never_missed(hospital: World) -> None:
    """In whatever order they came."""
    await hospital.take(mail("ENTITLEMENT_CERTIFICATE", Role.CNAS))
    await hospital.desk.note(fact("ADMISSION", on="2026-01-25"), actor="alice")
    await hospital.desk.note(fact("ENTITLEMENT_PRESENTED", on="2026-01-25"), actor="alice")
    await days_pass(hospital, 3)
    assert await told(hospital) == (0, 0)


async def test_who_was_not_admitted_owes_no_copy(hospital: World) -> None:
    """The certificate comes before the patient."""
    await hospital.take(mail("ENTITLEMENT_CERTIFICATE", Role.CNAS))
    await days_pass(hospital, 3)
    assert await told(hospital) == (0, 0)


async def test_a_lack_is_told_once_whatever_was_restarted(build: Build) -> None:
    """Another process on the same database finds it told."""
    first = await build(at=START)
    await first.take(mail("ENTITLEMENT_CERTIFICATE", Role.CNAS))
    await first.desk.note(fact("ADMISSION", on="2026-01-25"), actor="alice")
    await days_pass(first, 1)
    first.alarms = first.new_watch()
    await first.watch()
    assert await told(first) == (1, 0)
