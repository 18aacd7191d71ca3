"""What serves nobody any more is removed, an hour at the latest after its time."""

from dataclasses import replace
from pathlib import Path

from gateway.domain.rights import Post
from gateway.services.once import Asking, OnceStore, asked
from gateway.services.sign_ins import LAPSE, LONGEST, SignIns
from gateway.services.spent import KEYS_KEPT_FOR, SpentRows
from gateway.storage import Account, AskedOnce, SignIn
from tests.services.fakes import FakeNoise
from tests.services.world import SECOND, World, open_world


async def asked_for(world: World, key: str) -> None:
    """An act under this key."""
    store = OnceStore(world.store, clock=world.clock, site=world.party.site)
    with asked(Asking(key=key, by="programme:dpi", body="b")):
        async with store.act() as act:
            await act.record("test.done", actor="programme:dpi")


async def present(world: World) -> tuple[SignIns, str]:
    """Somebody is signed in; the secret that their browser keeps."""
    sign_ins = SignIns(store=world.store, clock=world.clock, noise=FakeNoise(), party=world.party)
    async with world.store.act() as act:
        row = Account(
            site=world.party.site,
            login="jeanne",
            name="jeanne",
            posts=(Post.ADMINISTRATOR,),
            created_at=world.clock.now(),
            created_by="root",
        )
        return sign_ins, await sign_ins.begin(act, await act.add(row))


async def test_the_key_of_an_act_is_kept_for_its_days_and_no_longer(tmp_path: Path) -> None:
    """A younger one stays, and so does what the log tells."""
    async with open_world(tmp_path) as world:
        spent = SpentRows(store=world.store, clock=world.clock, party=world.party)
        await asked_for(world, "old")
        world.clock.advance(KEYS_KEPT_FOR)
        await asked_for(world, "young")
        early = await spent.round()
        world.clock.advance(SECOND)

        assert (early, await spent.round(), await spent.round()) == (0, 1, 0)
        assert [row.key for row in await world.all(AskedOnce)] == ["young"]
        assert len(await world.events("test.done")) == 2


async def test_a_presence_is_removed_when_nothing_can_be_kept_for_it_any_more(tmp_path: Path) -> None:
    """Not while a form may still be kept for who typed it, ten hours after they came and twelve more."""
    async with open_world(tmp_path) as world:
        sign_ins, secret = await present(world)
        spent = SpentRows(store=world.store, clock=world.clock, party=world.party)
        world.clock.advance(LONGEST)
        row = await world.only(SignIn)
        async with world.store.act() as act:
            await act.save(replace(row, seen_at=world.clock.now()))
        world.clock.advance(LAPSE)
        kept = await sign_ins.lapsed(secret)
        early = await spent.round()
        world.clock.advance(SECOND)

        assert kept is not None
        assert (early, await spent.round()) == (0, 1)
        assert await world.all(SignIn) == ()
