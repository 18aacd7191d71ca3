"""Several gateways on one database: one does what only one may do, the dead are buried, the late are refused."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.adapters.database import DatabaseStore
from gateway.domain.errors import LeaseLost, StorageFailed
from gateway.domain.transmission import State
from gateway.ports import Envelope
from gateway.services.inbox import InboxPoller
from gateway.services.leases import INBOUND, LEASE_SECONDS, ROUNDS, Fenced, Shared
from gateway.services.receive import Receiver
from gateway.services.send import Sender
from gateway.storage import Lease, Mail, Poll, Store, Transmission
from tests.services.fakes import FakeCourier
from tests.services.mails import plain_mail
from tests.services.world import FOLDERS, MAX_MAIL, World

pytestmark = pytest.mark.both_databases

LONG = timedelta(seconds=LEASE_SECONDS)
SHORT = timedelta(seconds=LEASE_SECONDS - 1)


async def _nothing(_act: object, _living: frozenset[str]) -> int:
    return 0


class Gateway:
    """One of several: a store, a clock that runs with the world's, a sender and a poller of its own."""

    def __init__(self, world: World, holder: str) -> None:
        self.world = world
        self.store = DatabaseStore(world.url, clock=world.clock, site="s", party=world.party.id)
        self.turns = Shared(store=self.store, clock=world.clock, site="s", holder=holder)
        self.courier = FakeCourier()
        self.sender = Sender(
            store=self.store,
            cabinet=world.cabinet,
            composer=world.composer,
            courier=self.courier,
            sealer=world.sealer,
            requests=world.requests,
            clock=world.clock,
            party=world.party,
            directory=world.directory,
            turns=self.turns,
        )

    async def begin(self) -> int:
        """As at its start."""
        return await self.turns.begin(self.sender.recover)


@pytest.fixture(name="pair")
async def _pair(hospital: World) -> AsyncIterator[tuple[Gateway, Gateway]]:
    first, second = Gateway(hospital, "first"), Gateway(hospital, "second")
    await first.begin()
    await second.begin()
    yield first, second
    await first.store.close()
    await second.store.close()


async def live(gateway: Gateway, times: int = 8, by: timedelta = timedelta(seconds=4)) -> None:
    """It beats while time goes by."""
    for _ in range(times):
        gateway.world.clock.advance(by)
        await gateway.turns.beat()


# --- who does what


async def test_the_first_does_it_and_the_second_waits(pair: tuple[Gateway, Gateway], hospital: World) -> None:
    """Both have a place; each work has one holder."""
    first, second = pair
    assert (first.turns.has(INBOUND), first.turns.has(ROUNDS)) == (True, True)
    assert not second.turns.has(INBOUND)
    leases = {row.name: row.holder for row in await hospital.all(Lease)}
    assert leases == {"inbound": "first", "rounds": "first", "gateway/1": "first", "gateway/2": "second"}


async def test_who_lives_keeps_it_whatever_the_wall_clocks_say(pair: tuple[Gateway, Gateway]) -> None:
    """An hour of beats, each seen by the other: nothing changes hands."""
    first, second = pair
    for _ in range(30):
        await live(first, 1, timedelta(seconds=15))
        await second.turns.beat()
    assert first.turns.has(INBOUND)
    assert not second.turns.has(INBOUND)


async def test_a_beat_that_stands_still_frees_the_work_and_not_before(
    pair: tuple[Gateway, Gateway], hospital: World
) -> None:
    """The other watched it stand still for the whole time; the log says who took over."""
    _first, second = pair
    await second.turns.beat()
    hospital.clock.advance(SHORT)
    await second.turns.beat()
    assert not second.turns.has(INBOUND)
    hospital.clock.advance(LONG - SHORT)
    await second.turns.beat()
    assert second.turns.has(INBOUND)
    assert second.turns.has(ROUNDS)
    assert sorted(str(entry.outcome) for entry in await hospital.events("gateway.took_over")) == ["inbound", "rounds"]
    assert [entry.outcome for entry in await hospital.events("gateway.lost")] == ["gateway-1"]


@pytest.mark.usefixtures("pair")
async def test_a_newcomer_believes_only_what_it_saw_itself(hospital: World) -> None:
    """However old the beat is that it finds, it watches first."""
    hospital.clock.advance(timedelta(days=1))
    third = Gateway(hospital, "third")
    await third.begin()
    assert not third.turns.has(INBOUND)
    hospital.clock.advance(LONG)
    await third.turns.beat()
    assert third.turns.has(INBOUND)
    await third.store.close()


async def test_who_stops_leaves_it_at_once(pair: tuple[Gateway, Gateway], hospital: World) -> None:
    """Without a word in the log: nothing was lost."""
    first, second = pair
    waiting = asyncio.create_task(second.turns.wait(INBOUND))
    await first.turns.release()
    assert not first.turns.has(INBOUND)
    await second.turns.beat()
    await asyncio.wait_for(waiting, 5)
    assert await hospital.events("gateway.took_over") == ()
    assert {row.holder for row in await hospital.all(Lease)} == {"second", None}


async def test_who_cannot_reach_the_database_stops_by_itself(pair: tuple[Gateway, Gateway], hospital: World) -> None:
    """It does not know what the others do meanwhile."""
    first, _ = pair
    hospital.clock.advance(SHORT)
    assert first.turns.has(INBOUND)
    hospital.clock.advance(LONG - SHORT)
    assert not first.turns.has(INBOUND)


async def test_places_are_used_again(hospital: World) -> None:
    """A gateway that is started every day does not leave a row behind each time."""
    for number in range(5):
        gateway = Gateway(hospital, f"start-{number}")
        await gateway.begin()
        await gateway.turns.release()
        await gateway.store.close()
    assert sorted(row.name for row in await hospital.all(Lease)) == ["gateway/1", "inbound", "rounds"]


async def test_one_that_was_taken_for_dead_comes_back(pair: tuple[Gateway, Gateway]) -> None:
    """It takes a place again, and its turn when there is one."""
    first, second = pair
    await second.turns.beat()
    await live(second)
    assert second.turns.has(INBOUND)
    await first.turns.beat()
    assert not first.turns.has(INBOUND)
    async with first.store.act() as act:
        await first.turns.check_member(act)
    await second.turns.release()
    await first.turns.beat()
    assert first.turns.has(INBOUND)


# --- the fence


def poller_of(gateway: Gateway) -> InboxPoller:
    """As the daemon composes it: everything that takes mails in goes by the fence."""
    world = gateway.world
    store: Store = Fenced(gateway.store, gateway.turns, INBOUND)
    old = world.receiver
    receiver = object.__new__(Receiver)
    receiver.__dict__.update(old.__dict__ | {"_store": store})
    return InboxPoller(
        store=store,
        receiver=receiver,
        clock=world.clock,
        party=world.party,
        mailbox=world.party.address,
        folders=FOLDERS,
        interval=15,
        max_bytes=MAX_MAIL,
    )


@pytest.mark.fault("F34")
async def test_a_poll_of_a_holder_that_was_overtaken_commits_nothing(
    pair: tuple[Gateway, Gateway], hospital: World
) -> None:
    """It stood still in the middle of a poll: neither the mail nor the poll is recorded twice, or by it."""
    first, second = pair
    slow, quick = poller_of(first), poller_of(second)
    assert await slow.poll(hospital.mailbox) == 0
    hospital.drop(plain_mail("a@cnas.test"))
    await second.turns.beat()
    await live(second)
    before = await hospital.all(Poll)
    with pytest.raises(LeaseLost):
        await slow.poll(hospital.mailbox)
    assert await hospital.all(Mail) == ()
    assert await hospital.all(Poll) == before
    assert await quick.poll(hospital.mailbox) == 1
    await hospital.only(Mail)


async def test_a_fence_holds_against_the_same_name(pair: tuple[Gateway, Gateway], hospital: World) -> None:
    """It lost the work and nobody else wanted it: only a beat gives it back."""
    first, _ = pair
    lease = await hospital.only(Lease, name=INBOUND)
    await hospital.change(replace(lease, fence=lease.fence + 1))
    store = Fenced(first.store, first.turns, INBOUND)
    with pytest.raises(LeaseLost, match="inbound"):
        async with store.act():
            pytest.fail("it went on")
    assert await hospital.all(Mail) == ()
    async with store.view() as view:
        assert await view.head()


# --- hand-overs


@pytest.mark.fault("F34")
async def test_both_send_and_each_mail_leaves_once(pair: tuple[Gateway, Gateway], hospital: World) -> None:
    """They look at the same outbox at the same time."""
    first, second = pair
    for _ in range(4):
        await hospital.submit()
    owed = len(await hospital.all(Transmission))
    for _ in range(3):
        await asyncio.gather(first.sender.round(), second.sender.round())
    sent = [envelope.envid for gateway in pair for envelope in gateway.courier.taken]
    assert (len(sent), len(set(sent))) == (owed, owed)
    assert {row.state for row in await hospital.all(Transmission)} == {State.HANDED_OVER}


async def test_what_a_dead_gateway_was_handing_over_is_in_doubt_for_the_others(
    pair: tuple[Gateway, Gateway], hospital: World
) -> None:
    """Not before it is taken for dead; what another hands over at that moment stays as it is."""
    first, second = pair
    await hospital.submit()
    mine, other = (await hospital.all(Transmission))[:2]
    for gateway, mail in ((first, mine), (second, other)):
        gateway.sender._under_way.add(mail.id)
        async with gateway.store.act() as act:
            assert await gateway.sender._claim(act, mail) is not None
    await second.turns.beat()
    assert (await hospital.only(Transmission, id=mine.id)).state is State.SENDING
    await live(second)
    now = {row.id: row for row in await hospital.all(Transmission)}
    assert (now[mine.id].state, now[mine.id].claimed_by) == (State.UNKNOWN, "first")
    assert (now[other.id].state, now[other.id].claimed_by) == (State.SENDING, "second")
    assert len(await hospital.events("transmission.doubt")) == 1


async def test_one_that_is_taken_for_dead_hands_nothing_over(pair: tuple[Gateway, Gateway], hospital: World) -> None:
    """Nobody would watch over it: it takes a place first."""
    first, second = pair
    await second.turns.beat()
    await live(second)
    await hospital.submit()
    with pytest.raises(LeaseLost):
        await first.sender.round()
    assert first.courier.taken == []
    await first.turns.beat()
    assert await first.sender.round() > 0


async def test_an_outcome_that_could_not_be_noted_is_in_doubt_at_the_next_beat(
    pair: tuple[Gateway, Gateway], hospital: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gateway lives, but it does not know any more what became of its mail."""
    first, _ = pair
    await hospital.submit()

    async def fail(*_: object) -> None:
        raise StorageFailed(place="x", reason="y")

    monkeypatch.setattr(first.sender, "_settle", fail)
    with pytest.raises(StorageFailed):
        await first.sender.round()
    assert len(await hospital.all(Transmission, state=State.SENDING)) == 1
    assert await first.turns.beat() == 1
    assert len(await hospital.all(Transmission, state=State.UNKNOWN)) == 1


async def test_what_is_under_way_is_not_in_doubt(pair: tuple[Gateway, Gateway], hospital: World) -> None:
    """A beat of its own gateway, and one of another, while the server takes the mail."""
    first, second = pair
    await hospital.submit()
    settled: list[int] = []

    async def meanwhile(_: Envelope) -> None:
        settled.extend([await first.turns.beat(), await second.turns.beat()])

    first.courier.during = meanwhile
    await first.sender.round()
    assert settled
    assert set(settled) == {0}
    assert {row.state for row in await hospital.all(Transmission)} == {State.HANDED_OVER}
