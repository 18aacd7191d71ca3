"""Mails that told of alarms go from the spool a month later; what has not left, and what is evidence, stays."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.adapters.database.views import View
from gateway.domain.alarms.staff import ALARM
from gateway.domain.transmission import MAX_DOUBTS, State
from gateway.ports import SpoolFile
from gateway.services.alarms import retention as module
from gateway.services.alarms.retention import KEPT, AlarmMailRetention
from gateway.storage import Message, Transmission
from tests.services.conftest import Build
from tests.services.test_alarms import STAFF, goes_by, polled, silent
from tests.services.world import MINUTE, World

pytestmark = pytest.mark.both_databases

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


def retention(world: World) -> AlarmMailRetention:
    """The daemon's own."""
    return AlarmMailRetention(store=world.store, cabinet=world.cabinet, clock=world.clock, party=world.party)


@pytest.fixture
async def told(build: Build) -> World:
    """A hospital whose people were told by mail that nobody acknowledges a request; all has left."""
    world = await polled(await build(staff=STAFF))
    await silent(world)
    await goes_by(world, HOUR + MINUTE)
    assert len(await alarm_mails(world)) >= 1
    return world


async def alarm_mails(world: World) -> list[Transmission]:
    """In the outbox."""
    numbers = {message.id for message in await world.all(Message, kind=ALARM)}
    return [row for row in await world.all(Transmission) if row.message in numbers]


async def readable(world: World) -> set[str]:
    """Files of the spool that open."""
    return {file.name for file in await world.all(SpoolFile) if file.wrapped}


async def test_an_alarm_mail_that_left_goes_after_a_month(told: World) -> None:
    """To the second, by the time at which it was written; every other file, the request's above all, still opens."""
    files = {row.file for row in await alarm_mails(told)}
    before = await readable(told)
    written = (await told.all(Message, kind=ALARM))[0].at
    told.clock.at = written + KEPT
    assert await retention(told).round() == 0
    told.clock.at += SECOND
    assert await retention(told).round() == len(files)
    assert await readable(told) == before - files
    assert not files & told.cabinet.vault.names()
    (record,) = await told.events("watch.mails_erased")
    assert f'"mails":{len(files)}'.encode() in record.canonical
    assert {row.state for row in await alarm_mails(told)} == {State.HANDED_OVER}
    assert await retention(told).round() == 0
    assert len(await told.events("watch.mails_erased")) == 1


@pytest.mark.parametrize(
    ("state", "doubts", "goes"),
    [
        (State.READY, 0, "stays"),
        (State.SENDING, 0, "stays"),
        (State.HELD, 0, "stays"),
        (State.UNKNOWN, 1, "stays"),
        (State.UNKNOWN, MAX_DOUBTS, "goes"),
        (State.REFUSED, 0, "goes"),
        (State.RETURNED, 0, "goes"),
        (State.EVIDENCED, 0, "goes"),
    ],
)
async def test_only_what_the_outbox_is_done_with_goes(told: World, state: State, doubts: int, goes: str) -> None:
    """What will still be sent needs its bytes, however old it is."""
    async with told.store.act() as act:
        for row in await alarm_mails(told):
            await act.save(replace(row, state=state, doubts=doubts))
    told.clock.advance(2 * KEPT)
    count = len(await alarm_mails(told))
    assert await retention(told).round() == (count if goes == "goes" else 0)


async def test_many_go_in_several_rounds(told: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """An act stays short; none is forgotten."""
    for _ in range(3):
        await goes_by(told, 12 * HOUR)
    told.clock.advance(2 * KEPT)
    count = len(await alarm_mails(told))
    assert count > 1
    monkeypatch.setattr(module, "BATCH", 1)
    assert [await retention(told).round() for _ in range(count + 1)] == [1] * count + [0]


async def test_a_mail_that_changes_meanwhile_stays_for_the_next_round(
    told: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A report came between the look and the act: nothing goes, and nothing is on record."""
    told.clock.advance(2 * KEPT)
    before, seen = await readable(told), await alarm_mails(told)
    async with told.store.act() as act:
        for row in seen:
            await act.save(replace(row, state=State.RETURNED))

    async def stale(*_: object, **__: object) -> tuple[Transmission, ...]:
        return tuple(seen)

    monkeypatch.setattr(View, "served", stale)
    assert await retention(told).round() == 0
    assert await readable(told) == before
    assert not await told.events("watch.mails_erased")
