"""Checkpoints that leave by mail: queued with the checkpoint, anchored when taken, sent again as long as it takes."""

import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.adapters.log_key import LogKey, generate_log_key, verify_note
from gateway.domain import transmission as sending
from gateway.domain.checkpoint import LOG_ANCHOR, MAILBOX, notes_in
from gateway.domain.errors import CheckpointInvalid, ServerUnreachable, StorageFailed
from gateway.ports import HandOver, HandOverOutcome, SpoolFile
from gateway.services.anchor_mail import RETRY, AnchorPost
from gateway.services.anchors import Outside
from gateway.services.auditing import Audited, Auditor
from gateway.services.leases import Alone
from gateway.services.witness import Rule, Witness
from gateway.storage import Anchor, LogPoint, Message, Transmission, Way
from tests.services.fakes import FakeNoise
from tests.services.world import ANCHORS, MINUTE, World

HOUR = timedelta(hours=1)
REFUSED = HandOverOutcome(result=HandOver.REFUSED, code=550, text="no such user")
UNKNOWN = HandOverOutcome(result=HandOver.UNKNOWN, code=None, text="lost")


@dataclass
class Bench:
    """The hospital's log, whose checkpoints go by mail alone."""

    world: World
    key: LogKey
    witness: Witness
    database: Path

    async def add(self, count: int) -> None:
        """Append records."""
        for _ in range(count):
            async with self.world.store.act() as act:
                await act.record("test.event", actor="gateway")

    async def sends(self) -> None:
        """One round of the outbox, whatever the server says, then one of the witness."""
        with suppress(ServerUnreachable):
            await self.world.sender.round()
        await self.witness.round()

    async def verified(self, *brought: str) -> Audited:
        """The whole log."""
        auditor = Auditor(store=self.world.store, key=self.key.verifier, verify_note=verify_note)
        return await auditor.verify(Outside(brought=brought))

    async def anchor(self) -> Anchor:
        """The only one."""
        return await self.world.only(Anchor)


@pytest.fixture
async def bench(hospital: World, tmp_path: Path) -> Bench:
    """A rule of ten records or an hour."""
    generate_log_key(tmp_path / "audit.key")
    key = LogKey.load("chu/s", (tmp_path / "audit.key").read_text(), source="x")
    post = AnchorPost(
        store=hospital.store,
        cabinet=hospital.cabinet,
        clock=hospital.clock,
        party=hospital.party,
        noise=FakeNoise(),
        address=ANCHORS,
    )
    rule = Rule(records=10, age=HOUR)
    witness = Witness(store=hospital.store, signer=key, clock=hospital.clock, rule=rule, post=post)
    return Bench(world=hospital, key=key, witness=witness, database=tmp_path / "hospital.sqlite3")


async def test_it_is_pending_until_the_server_takes_it(bench: Bench) -> None:
    """The mail is in the outbox from the checkpoint's own act on; its instant is that of the hand-over."""
    await bench.add(10)
    await bench.witness.round()
    await bench.witness.round()
    assert (await bench.anchor()).done_at is None
    assert (await bench.verified()).owed == {Way.MAIL: 1}
    bench.world.clock.advance(MINUTE)
    await bench.sends()
    anchor, message = await bench.anchor(), await bench.world.only(Message, kind=LOG_ANCHOR)
    (mail,) = await bench.world.outbox(MAILBOX)
    assert (anchor.transmission, mail.message, anchor.done_at) == (mail.id, message.id, bench.world.clock.now())
    (envelope,) = bench.world.courier.taken
    assert envelope.recipient == ANCHORS
    assert message.message_id.encode() in envelope.data
    found = await bench.verified()
    assert (found.owed, found.outside[Way.MAIL].size) == ({}, 10)


async def test_what_the_mailbox_keeps_is_what_proves(bench: Bench) -> None:
    """The database's word that a mail left makes nothing safe; the mail as a mail program saves it does."""
    await bench.add(10)
    await bench.witness.round()
    await bench.sends()
    (envelope,) = bench.world.courier.taken
    point = await bench.world.only(LogPoint)
    notes, torn = notes_in(envelope.data.decode())
    assert (notes, torn) == ((point.note,), 0)
    two, _ = notes_in(envelope.data.decode().replace("\r\n", "\n") + "\n\n" + envelope.data.decode())
    assert two == (point.note, point.note)
    before, after = await bench.verified(), await bench.verified(*notes)
    assert (before.exposed, after.exposed) == (before.head.size, before.head.size - 10)


async def test_a_mailbox_that_refuses_for_ever_is_never_taken_for_an_anchor(bench: Bench) -> None:
    """Every hour the same bytes, and each try is recorded; the day it is mended, it is anchored."""
    await bench.add(10)
    await bench.witness.round()
    bench.world.courier.script = [REFUSED] * 1000
    began = bench.world.clock.now()
    for _ in range(24 * 6):
        await bench.sends()
        assert (await bench.anchor()).done_at is None
        bench.world.clock.advance(10 * MINUTE)
    tried = bench.world.courier.tried
    assert 22 <= len(tried) <= 25
    assert len({envelope.data for envelope in tried}) == 1
    assert (await bench.anchor()).failing_since == began
    assert len(await bench.world.events("transmission.resent")) == len(tried) - 1
    bench.world.courier.script = []
    bench.world.clock.advance(RETRY)
    await bench.sends()
    await bench.sends()
    anchor = next(iter(await bench.world.all(Anchor)))
    assert (anchor.done_at, anchor.failing_since) == (bench.world.clock.now(), None)


async def test_many_that_fail_are_tried_one_an_hour_and_all_leave_in_the_end(bench: Bench) -> None:
    """A mailbox that is full for days gets no flood, and its trail makes no checkpoints without end."""
    bench.world.courier.script = [REFUSED] * 1000
    for _ in range(5):
        await bench.add(10)
        await bench.sends()
        await bench.sends()
        bench.world.clock.advance(MINUTE)
    before = len(bench.world.courier.tried)
    for _ in range(24 * 6):
        await bench.sends()
        bench.world.clock.advance(10 * MINUTE)
    assert len(bench.world.courier.tried) - before <= 25
    assert len(await bench.world.all(LogPoint)) <= 6
    bench.world.courier.script = []
    bench.world.clock.advance(RETRY)
    for _ in range(20):
        await bench.sends()
    assert (await bench.verified()).owed == {}


async def test_an_anchor_that_is_late_is_an_alarm_once_until_it_is_written(bench: Bench) -> None:
    """Refused for an hour, or waiting for six; it says which setting; a day later it is still the same alarm."""
    await bench.add(10)
    bench.world.courier.script = [REFUSED] * 1000
    await bench.sends()
    await bench.sends()
    await bench.world.watch(59 * MINUTE)
    assert "anchor_late" not in await bench.world.open_alarms()
    for _ in range(24):
        await bench.sends()
        await bench.world.watch(HOUR)
    told = await bench.world.events("alarm.anchor_late")
    assert [entry.outcome for entry in told] == ["started"]
    bench.world.courier.script = []
    for _ in range(20):
        await bench.sends()
        bench.world.clock.advance(MINUTE)
    await bench.sends()
    await bench.world.watch(MINUTE)
    assert "anchor_late" not in await bench.world.open_alarms()
    assert [entry.outcome for entry in await bench.world.events("alarm.anchor_late")] == ["started", "ended"]


async def test_a_server_out_of_reach_keeps_it_pending(bench: Bench) -> None:
    """The outbox tries by itself; nothing is resent beside it."""
    await bench.add(10)
    await bench.witness.round()
    bench.world.courier.script = [ServerUnreachable(server="smtp", reason="non")] * 3
    for _ in range(3):
        await bench.sends()
        assert (await bench.anchor()).done_at is None
        assert (await bench.anchor()).failing_since is None
        bench.world.clock.advance(HOUR / 3)
    assert await bench.world.events("transmission.resent") == ()
    await bench.sends()
    assert all(row.done_at is not None for row in await bench.world.all(Anchor, point=1))


async def test_a_crash_in_the_middle_of_sending_sends_the_same_again(bench: Bench) -> None:
    """Twice nobody knows what came of it: that is no anchor; the third time it is taken."""
    await bench.add(10)
    await bench.witness.round()
    (mail,) = await bench.world.outbox(MAILBOX)
    await bench.world.change(replace(mail, state=sending.State.SENDING, attempts=1))
    assert await Alone(bench.world.store).begin(bench.world.sender.recover) == 1
    await bench.sends()
    assert (await bench.anchor()).done_at is None
    bench.world.courier.script = [UNKNOWN]
    bench.world.clock.advance(sending.UNKNOWN_RETRY)
    await bench.sends()
    anchor = next(iter(await bench.world.all(Anchor)))
    assert (anchor.done_at, anchor.failing_since) == (None, bench.world.clock.now())
    bench.world.clock.advance(sending.UNKNOWN_RETRY + RETRY)
    await bench.sends()
    await bench.sends()
    assert next(iter(await bench.world.all(Anchor))).done_at == bench.world.clock.now()


async def test_a_crash_before_the_commit_leaves_neither_checkpoint_nor_mail(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Checkpoint, anchor and mail are one act; the next round makes all three."""
    await bench.add(10)

    async def full(*_: object, **__: object) -> SpoolFile:
        raise StorageFailed(place="spool", reason="plein")

    with monkeypatch.context() as patch:
        patch.setattr(bench.world.cabinet, "put", full)
        with pytest.raises(StorageFailed):
            await bench.witness.round()
    assert (await bench.world.all(LogPoint), await bench.world.all(Anchor), await bench.world.outbox(MAILBOX)) == (
        (),
    ) * 3
    await bench.witness.round()
    await bench.sends()
    assert (await bench.anchor()).done_at is not None


async def test_a_mail_that_comes_back_is_no_anchor_any_more(bench: Bench) -> None:
    """It was taken, and a report says that it did not arrive: it is owed again, and leaves again."""
    await bench.add(10)
    await bench.witness.round()
    await bench.sends()
    assert (await bench.anchor()).done_at is not None
    (mail,) = await bench.world.outbox(MAILBOX)
    await bench.world.change(replace(mail, state=sending.step(mail.state, sending.Event.BOUNCED)))
    bench.world.clock.advance(HOUR / 2)
    await bench.witness.round()
    anchor = await bench.anchor()
    assert (anchor.done_at, anchor.failing_since) == (None, bench.world.clock.now())
    assert (await bench.verified()).owed == {Way.MAIL: 1}
    bench.world.clock.advance(HOUR / 2)
    await bench.sends()
    await bench.sends()
    assert next(iter(await bench.world.all(Anchor))).done_at == bench.world.clock.now()
    assert len(bench.world.courier.taken) == 2


async def test_the_trail_of_an_anchor_asks_for_no_other(bench: Bench) -> None:
    """A gateway that does nothing writes to nobody, day after day; what else happens is signed with the trail."""
    await bench.add(10)
    for _ in range(48):
        await bench.sends()
        bench.world.clock.advance(HOUR)
    assert len(await bench.world.all(LogPoint)) == 1
    assert len(bench.world.courier.taken) == 1
    await bench.add(1)
    bench.world.clock.advance(HOUR)
    await bench.sends()
    assert [point.size for point in await bench.world.all(LogPoint)] == [10, (await bench.verified()).head.size]


async def test_a_mail_that_never_left_is_no_anchor_whatever_the_database_says(bench: Bench) -> None:
    """Somebody marks the anchor as done."""
    await bench.add(10)
    await bench.witness.round()
    with closing(sqlite3.connect(bench.database)) as connection, connection:
        connection.execute("UPDATE anchors SET done_at = '2026-01-25T09:00:00.000000Z'")
    with pytest.raises(CheckpointInvalid, match="10"):
        await bench.verified()


async def test_without_a_mailbox_any_more_it_waits(bench: Bench) -> None:
    """The section lost its address: the mail is held, the anchor owed, and nothing is claimed."""
    await bench.add(10)
    await bench.witness.round()
    bench.world.sender._directory = bench.world.directory
    await bench.sends()
    (mail,) = await bench.world.outbox(MAILBOX)
    assert mail.state is sending.State.HELD
    assert (await bench.verified()).owed == {Way.MAIL: 1}
    assert await bench.world.all(Transmission, state=sending.State.READY) == ()
