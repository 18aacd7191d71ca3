"""The outbox: each outcome of a hand-over, doubts, interruptions, keys that expire, and evidence that is faster."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.domain.errors import LoginRefused, ServerUnreachable, StorageFailed
from gateway.domain.request import State as Life
from gateway.domain.transmission import State
from gateway.ports import Envelope, HandOverOutcome, SpoolFile
from gateway.services.desk import Submitted
from gateway.services.leases import Alone
from gateway.storage import Act, Store, Transmission, View
from tests.services.fakes import ACCEPTED, DEFERRED, REFUSED, UNKNOWN
from tests.services.mails import ADDRESSES, START, receipt, request_mail
from tests.services.world import MINUTE, SECOND, World

pytestmark = pytest.mark.both_databases

QUARTER = 15 * MINUTE


class HookedStore:
    """A store in which something happens just before the next act."""

    def __init__(self, inner: Store, hook: Callable[[], Awaitable[object]]) -> None:
        self._inner = inner
        self._hook: Callable[[], Awaitable[object]] | None = hook

    @asynccontextmanager
    async def view(self) -> AsyncIterator[View]:
        """As the inner one."""
        async with self._inner.view() as view:
            yield view

    async def wait_for_post(self, seconds: float) -> None:
        """As the inner one."""
        await self._inner.wait_for_post(seconds)

    @asynccontextmanager
    async def act(self) -> AsyncIterator[Act]:
        """The hook once, then as the inner one."""
        hook, self._hook = self._hook, None
        if hook is not None:
            await hook()
        async with self._inner.act() as act:
            yield act


async def only_to_cnas(world: World) -> Submitted:
    """A submitted request whose copy to the CNSE has left already."""
    submitted = await world.submit()
    (copy,) = await world.outbox("cnse")
    await world.change(replace(copy, state=State.HANDED_OVER))
    return submitted


async def row(world: World) -> Transmission:
    """The transmission to the CNAS."""
    return (await world.outbox("cnas"))[0]


async def test_a_request_goes_to_each_recipient_in_its_own_transaction(hospital: World) -> None:
    """One recipient, the bounce address ours, the envelope id of the row, the sealed bytes of the vault."""
    await hospital.submit()
    assert await hospital.sender.round() == 2
    first, second = hospital.courier.taken
    assert [first.recipient, second.recipient] == ["conv@cnas.test", "medical@cnse.test"]
    assert {first.sender, second.sender} == {"soins@hopital.test"}
    assert first.dsn
    assert first.envid == (await row(hospital)).envid
    assert b"BENALI" not in first.data
    request = await hospital.request()
    assert (request.state, request.handed_over_at) == (Life.SENT, START)
    assert await hospital.sender.round() == 0


async def test_a_receipt_leaves_with_the_null_return_path(cnas: World) -> None:
    """RFC 8098: nobody answers a receipt, not even with a bounce."""
    await cnas.take(request_mail())
    await cnas.send_all()
    (envelope,) = cnas.courier.taken
    assert (envelope.sender, envelope.recipient, envelope.dsn) == ("", "soins@hopital.test", False)


@pytest.mark.fault("F24")
async def test_a_temporary_refusal_waits_longer_each_time(hospital: World) -> None:
    """1, 2, 4 minutes; the same bytes; never early."""
    await only_to_cnas(hospital)
    hospital.courier.script = [DEFERRED, DEFERRED, DEFERRED]
    for attempts, minutes in ((1, 1), (2, 2), (3, 4)):
        await hospital.sender.round()
        found = await row(hospital)
        assert (found.state, found.attempts) == (State.READY, attempts)
        assert found.next_at == hospital.clock.now() + minutes * MINUTE
        hospital.clock.advance(minutes * MINUTE - SECOND)
        assert await hospital.sender.round() == 0
        hospital.clock.advance(SECOND)
    await hospital.sender.round()
    assert (await row(hospital)).state is State.HANDED_OVER
    assert len({envelope.data for envelope in hospital.courier.tried}) == 1
    assert (await hospital.request()).handed_over_at == START + 7 * MINUTE


@pytest.mark.fault("F26", "F37")
@pytest.mark.parametrize(
    "error", [ServerUnreachable(server="s", reason="r"), LoginRefused(server="s", reason="r")], ids=["away", "login"]
)
async def test_a_server_out_of_reach_is_told_and_nothing_was_handed_over(hospital: World, error: Exception) -> None:
    """The one that was tried waits a minute; the others go at once when the server is there again."""
    await hospital.submit()
    hospital.courier.script = [error]
    with pytest.raises(type(error)):
        await hospital.sender.round()
    assert [each.state for each in await hospital.all(Transmission)] == [State.READY, State.READY]
    assert await hospital.sender.round() == 1
    assert hospital.courier.taken[0].recipient == "medical@cnse.test"
    hospital.clock.advance(MINUTE)
    assert await hospital.sender.round() == 1


@pytest.mark.fault("F25")
async def test_a_permanent_refusal_is_an_alarm_and_never_tried_again(hospital: World) -> None:
    """The request stands as not delivered; the copy to the CNSE goes its own way."""
    await hospital.submit()
    hospital.courier.script = [REFUSED]
    await hospital.sender.round()
    assert ((await row(hospital)).state, (await row(hospital)).code) == (State.REFUSED, 550)
    assert (await hospital.outbox("cnse"))[0].state is State.HANDED_OVER
    assert (await hospital.request()).state is Life.DELIVERY_FAILED
    hospital.clock.advance(timedelta(days=2))
    assert await hospital.sender.round() == 0


@pytest.mark.fault("F25")
async def test_a_refused_copy_to_the_cnse_moves_no_request(hospital: World) -> None:
    """Only the CNAS's copy is the request's own."""
    await hospital.submit()
    hospital.courier.script = [ACCEPTED, REFUSED]
    await hospital.sender.round()
    assert (await hospital.request()).state is Life.SENT


async def test_an_unknown_outcome_goes_out_once_more_then_waits_for_a_person(hospital: World) -> None:
    """After 15 minutes the same bytes, once; after the second doubt nothing, however long."""
    await only_to_cnas(hospital)
    hospital.courier.script = [UNKNOWN, UNKNOWN]
    await hospital.sender.round()
    assert ((await row(hospital)).state, (await row(hospital)).doubts) == (State.UNKNOWN, 1)
    hospital.clock.advance(QUARTER - SECOND)
    assert await hospital.sender.round() == 0
    hospital.clock.advance(SECOND)
    assert await hospital.sender.round() == 1
    assert ((await row(hospital)).state, (await row(hospital)).doubts) == (State.UNKNOWN, 2)
    hospital.clock.advance(timedelta(days=3))
    assert await hospital.sender.round() == 0
    first, second = hospital.courier.taken
    assert first == second


@pytest.mark.fault("F23")
async def test_an_unknown_outcome_that_had_worked_is_not_sent_again(hospital: World) -> None:
    """The answer of the server was lost, the receipt came: nothing goes out twice, and the hand-over is known."""
    submitted = await only_to_cnas(hospital)
    hospital.courier.script = [UNKNOWN]
    await hospital.sender.round()
    hospital.clock.advance(MINUTE)
    await hospital.take(receipt(submitted.message, received_at=START + SECOND))
    assert (await row(hospital)).state is State.EVIDENCED
    hospital.clock.advance(QUARTER)
    await hospital.send_all()
    assert [envelope.recipient for envelope in hospital.courier.taken].count("conv@cnas.test") == 1
    request = await hospital.request()
    assert request.state is Life.RUNNING
    assert request.handed_over_at is not None


class Killed(BaseException):
    """The process is gone: nothing after it runs."""


@pytest.mark.fault("F2", "F3")
async def test_a_send_that_was_interrupted_has_an_unknown_outcome(hospital: World) -> None:
    """Killed while the bytes were leaving: at the next start it waits for evidence, then goes once more."""
    await only_to_cnas(hospital)

    def die(_: Envelope) -> None:
        raise Killed

    hospital.courier.during = die
    with pytest.raises(Killed):
        await hospital.sender.round()
    hospital.courier.during = None
    assert (await row(hospital)).state is State.SENDING
    assert await hospital.sender.round() == 0
    assert await recovered(hospital) == 1
    assert await recovered(hospital) == 0
    assert ((await row(hospital)).state, (await row(hospital)).doubts) == (State.UNKNOWN, 1)
    hospital.clock.advance(QUARTER)
    assert await hospital.sender.round() == 1
    assert (await row(hospital)).state is State.HANDED_OVER


async def recovered(world: World) -> int:
    """What the next start finds interrupted."""
    return await Alone(world.store).begin(world.sender.recover)


async def test_the_receipt_of_an_interrupted_send_tells_when_it_was_handed_over(hospital: World) -> None:
    """At the latest when the CNAS received it; the step is recorded."""
    submitted = await only_to_cnas(hospital)
    async with hospital.store.act() as act:
        assert await hospital.sender._claim(act, await row(hospital)) is not None
    assert await recovered(hospital) == 1
    hospital.clock.advance(MINUTE)
    await hospital.take(receipt(submitted.message, received_at=START + SECOND))
    request = await hospital.request()
    assert (request.state, request.handed_over_at) == (Life.RUNNING, START + SECOND)
    assert len(await hospital.events("request.handed_over")) == 1


@pytest.mark.fault("F35")
async def test_a_stop_before_the_content_is_no_doubt(hospital: World) -> None:
    """The courier was still waiting for its turn: it goes again after a minute, without a person or a doubt."""
    await only_to_cnas(hospital)
    inside = asyncio.Event()

    async def wait(_: Envelope) -> None:
        inside.set()
        await asyncio.Event().wait()

    hospital.courier.script, hospital.courier.during = [DEFERRED], wait
    task = asyncio.create_task(hospital.sender.round())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    found = await row(hospital)
    assert (found.state, found.doubts, found.text) == (State.READY, 0, "stopped")
    hospital.courier.during = None
    hospital.clock.advance(MINUTE)
    await hospital.sender.round()
    assert (await row(hospital)).state is State.HANDED_OVER


@pytest.mark.fault("F35")
async def test_a_stop_during_the_content_keeps_the_outcome(hospital: World) -> None:
    """The courier returns what it knows and puts the cancellation back: the outcome is noted, then the stop goes on."""
    await only_to_cnas(hospital)

    def stop(_: Envelope) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()

    hospital.courier.script, hospital.courier.during = [UNKNOWN], stop
    task = asyncio.create_task(hospital.sender.round())
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ((await row(hospital)).state, (await row(hospital)).text) == (State.UNKNOWN, "connection lost")


async def test_a_stop_goes_on_when_its_outcome_cannot_be_noted(hospital: World) -> None:
    """The disk is full at that very moment: the mail stays « sending », which the next start takes for a doubt."""
    await only_to_cnas(hospital)

    async def refuse() -> None:
        raise StorageFailed(place="la base de données", reason="plein")

    def stop(_: Envelope) -> None:
        hospital.sender._store = HookedStore(hospital.store, refuse)
        task = asyncio.current_task()
        assert task is not None
        task.cancel()

    hospital.courier.during = stop
    task = asyncio.create_task(hospital.sender.round())
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await row(hospital)).state is State.SENDING


@pytest.mark.fault("F7")
@pytest.mark.parametrize("answer", [ACCEPTED, DEFERRED], ids=lambda answer: answer.result.value)
async def test_an_outcome_that_could_not_be_noted_is_in_doubt_without_a_restart(
    hospital: World, monkeypatch: pytest.MonkeyPatch, answer: HandOverOutcome
) -> None:
    """The disk is full after the server's answer: at the next beat the mail waits its quarter of an hour, then goes."""
    await only_to_cnas(hospital)
    turns = Alone(hospital.store)
    await turns.begin(hospital.sender.recover)
    hospital.courier.script = [answer]

    async def fail(*_: object) -> None:
        raise StorageFailed(place="la base de données", reason="plein")

    with monkeypatch.context() as full:
        full.setattr(hospital.sender, "_settle", fail)
        with pytest.raises(StorageFailed):
            await hospital.sender.round()
    assert (await row(hospital)).state is State.SENDING
    assert await turns.beat() == 1
    assert (await row(hospital)).state is State.UNKNOWN
    hospital.clock.advance(QUARTER)
    await hospital.send_all()
    assert (await row(hospital)).state is State.HANDED_OVER


async def test_a_beat_leaves_what_is_under_way_alone(hospital: World) -> None:
    """The server is just taking the mail."""
    await only_to_cnas(hospital)
    turns = Alone(hospital.store)
    await turns.begin(hospital.sender.recover)
    settled: list[int] = []

    async def meanwhile(_: Envelope) -> None:
        settled.append(await turns.beat())

    hospital.courier.during = meanwhile
    await hospital.sender.round()
    assert settled == [0]
    assert (await row(hospital)).state is State.HANDED_OVER


async def test_only_the_last_doubt_is_an_alarm(hospital: World) -> None:
    """The first one mends itself; after the second a person must look."""
    await only_to_cnas(hospital)
    hospital.courier.script = [UNKNOWN, UNKNOWN]
    await hospital.sender.round()
    assert await hospital.events("alarm.transmission_doubtful") == ()
    hospital.clock.advance(QUARTER)
    await hospital.sender.round()
    (alarm,) = await hospital.events("alarm.transmission_doubtful")
    assert alarm.partner == "cnas"


async def test_sending_is_committed_before_the_first_byte_leaves(hospital: World) -> None:
    """What the courier sees in the database while it works."""
    await only_to_cnas(hospital)
    seen: list[State] = []

    async def look(_: Envelope) -> None:
        seen.append((await row(hospital)).state)

    hospital.courier.during = look
    await hospital.sender.round()
    assert seen == [State.SENDING]


async def test_one_is_handed_over_while_the_file_of_the_next_is_read(
    hospital: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the one whose turn it is has been claimed: a process that dies leaves that one in doubt, no other."""
    await hospital.submit()
    seen: list[tuple[State, ...]] = []
    read, both = hospital.sender._cabinet.get, asyncio.Barrier(2)
    names: list[str] = []

    async def counted(view: View, name: str) -> bytes:
        names.append(name)
        if len(names) == 2:
            await both.wait()
        return await read(view, name)

    async def look(_: Envelope) -> None:
        seen.append(tuple(each.state for each in await hospital.all(Transmission)))
        if len(seen) == 1:
            async with asyncio.timeout(30):
                await both.wait()

    monkeypatch.setattr(hospital.sender._cabinet, "get", counted)
    hospital.courier.during = look
    await hospital.sender.round()
    assert seen == [(State.SENDING, State.READY), (State.HANDED_OVER, State.SENDING)]
    assert [envelope.recipient for envelope in hospital.courier.taken] == ["conv@cnas.test", "medical@cnse.test"]
    assert len(names) == 2


@pytest.mark.fault("F26")
async def test_a_file_that_was_read_ahead_in_vain_is_read_again_in_the_next_round(hospital: World) -> None:
    """The server went away meanwhile: nothing of it stays behind, and it leaves when the server is back."""
    await hospital.submit()
    hospital.courier.script = [ServerUnreachable(server="s", reason="r")]
    with pytest.raises(ServerUnreachable):
        await hospital.sender.round()
    assert len(asyncio.all_tasks()) == 1
    hospital.clock.advance(MINUTE)
    assert await hospital.sender.round() == 2
    assert len(hospital.courier.taken) == 2


async def test_a_receipt_that_is_faster_than_the_hand_over_is_worth_more(hospital: World) -> None:
    """It arrives while the server's answer is on its way: evidenced, running, and handed over in time."""
    submitted = await only_to_cnas(hospital)

    async def arrive(_: Envelope) -> None:
        hospital.courier.during = None
        hospital.clock.advance(SECOND)
        await hospital.take(receipt(submitted.message, received_at=START))

    hospital.courier.during = arrive
    await hospital.sender.round()
    request = await hospital.request()
    assert (await row(hospital)).state is State.EVIDENCED
    assert request.state is Life.RUNNING
    assert request.handed_over_at == START + SECOND
    assert ((await row(hospital)).code, (await row(hospital)).handed_over_at) == (250, START + SECOND)


async def test_evidence_that_comes_before_the_second_try_stops_it(hospital: World) -> None:
    """The receipt is committed between the look and the act: the same bytes do not leave again."""
    submitted = await only_to_cnas(hospital)
    hospital.courier.script = [UNKNOWN]
    await hospital.sender.round()
    hospital.clock.advance(QUARTER)
    hospital.sender._store = HookedStore(
        hospital.store, lambda: hospital.take(receipt(submitted.message, received_at=START))
    )
    await hospital.sender.round()
    assert (await row(hospital)).state is State.EVIDENCED
    assert [envelope.recipient for envelope in hospital.courier.taken].count("conv@cnas.test") == 1


async def test_no_two_rounds_send_the_same_mail(hospital: World) -> None:
    """Two senders look at the same rows at once: each mail is claimed by one of them."""
    await hospital.submit()
    await asyncio.gather(hospital.sender.round(), hospital.sender.round())
    assert sorted(envelope.recipient for envelope in hospital.courier.tried) == sorted(ADDRESSES.values())[:2]


async def test_the_record_of_a_hand_over_holds_no_address(hospital: World) -> None:
    """The server's text is kept beside the row, not in the log."""
    await hospital.submit()
    hospital.courier.script = [replace(REFUSED, text="550 conv@cnas.test unknown")]
    await hospital.sender.round()
    assert all(b"conv@cnas.test" not in entry.canonical for entry in await hospital.events())
    assert len(await hospital.all(SpoolFile)) == 3


async def test_what_this_process_posts_is_heard_at_once(hospital: World) -> None:
    """A receipt does not wait for the next look at the outbox; what is undone, and what is for nobody, is mute."""
    await hospital.submit()
    async with asyncio.timeout(30):
        await hospital.sender.wait(3600)
    waiting = asyncio.create_task(hospital.sender.wait(3600))
    first = (await hospital.all(Transmission))[0]
    async with hospital.store.act() as act:
        await act.record("test.done", actor="gateway")
        await act.save(replace(first, state=State.EVIDENCED))
    with pytest.raises(LookupError):
        await undone(hospital, first)
    await hospital.events()
    assert not waiting.done()
    await hospital.change(first)
    async with asyncio.timeout(30):
        await waiting


async def undone(world: World, value: Transmission) -> None:
    """An act that fails after it has written."""
    async with world.store.act() as act:
        await act.save(value)
        await act.save(replace(value, id=10**6))
