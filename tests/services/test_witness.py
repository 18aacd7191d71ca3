"""Checkpoints of the log: when they are signed, that they continue each other, what is owed until it is anchored."""

import base64
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.adapters.log_key import LogKey, generate_log_key, verify_note
from gateway.domain.errors import AuditBroken, CheckpointInvalid, ServerUnreachable, StorageFailed
from gateway.domain.merkle import Frontier
from gateway.ports import Stamp
from gateway.services.alarms.words import told
from gateway.services.anchors import Outside
from gateway.services.auditing import Audited, Auditor
from gateway.services.witness import Rule, Witness
from gateway.storage import Alarm, Anchor, LogPoint, Way
from tests.services.fakes import FakeClock
from tests.services.world import MINUTE, World

HOUR = timedelta(hours=1)
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Elsewhere:
    """An anchor file and an authority that can both fail."""

    clock: FakeClock
    lines: list[str] = field(default_factory=list)
    stamped: list[bytes] = field(default_factory=list)
    fails: bool = False
    ahead: timedelta = timedelta()

    def append(self, text: str) -> None:
        """Keep it, or fail."""
        if self.fails:
            raise StorageFailed(place="/mnt", reason="plein")
        self.lines.append(text)

    async def stamp(self, data: bytes) -> Stamp:
        """Answer with the data itself."""
        if self.fails:
            raise ServerUnreachable(server="tsa", reason="non")
        self.stamped.append(data)
        return Stamp(at=self.clock.now() + self.ahead, response=b"stamp of " + data)


@dataclass
class Bench:
    """The hospital's log, its key, and what stands outside."""

    world: World
    key: LogKey
    outside: Elsewhere
    witness: Witness
    database: Path

    async def add(self, count: int, event: str = "test.event") -> None:
        """Append records."""
        for _ in range(count):
            async with self.world.store.act() as act:
                await act.record(event, actor="gateway")

    async def points(self) -> tuple[LogPoint, ...]:
        """What was signed."""
        return await self.world.all(LogPoint)

    async def verified(
        self, written: tuple[str, ...] | None = None, later: Callable[[], tuple[str, ...]] | None = None
    ) -> Audited:
        """The whole log, checkpoints and anchors included; ``later`` reads the anchor file again."""

        def stamped(response: bytes, data: bytes) -> datetime:
            if response != b"stamp of " + data:
                raise CheckpointInvalid(reason="autre chose")
            return self.world.clock.now()

        auditor = Auditor(
            store=self.world.store,
            key=self.key.verifier,
            verify_note=verify_note,
            verify_stamp=stamped,
        )
        return await auditor.verify(Outside(book=written, later=later))


@pytest.fixture
async def bench(hospital: World, tmp_path: Path) -> Bench:
    """A rule of ten records or an hour."""
    path = tmp_path / "audit.key"
    generate_log_key(path)
    key = LogKey.load("chu/s", path.read_text(), source=path)
    outside = Elsewhere(hospital.clock)
    witness = Witness(
        store=hospital.store,
        signer=key,
        clock=hospital.clock,
        rule=Rule(records=10, age=HOUR),
        book=outside,
        stamper=outside,
    )
    return Bench(world=hospital, key=key, outside=outside, witness=witness, database=tmp_path / "hospital.sqlite3")


async def test_it_is_signed_after_so_many_records_or_so_long_and_not_before(bench: Bench) -> None:
    """An empty log has none; an unchanged one gets no second."""
    await bench.witness.round()
    await bench.add(9)
    await bench.witness.round()
    assert await bench.points() == ()
    await bench.add(1)
    await bench.witness.round()
    await bench.witness.round()
    assert [point.size for point in await bench.points()] == [10]
    await bench.add(1)
    bench.world.clock.advance(HOUR - MINUTE)
    await bench.witness.round()
    assert len(await bench.points()) == 1
    bench.world.clock.advance(MINUTE)
    await bench.witness.round()
    bench.world.clock.advance(timedelta(days=3))
    await bench.witness.round()
    assert [point.size for point in await bench.points()] == [10, 11]


async def test_a_recorded_silence_does_not_wait(bench: Bench) -> None:
    """The record that a dispute will be about is vouched for at once."""
    await bench.add(1)
    await bench.witness.round()
    await bench.add(1, "request.silence_recorded")
    await bench.witness.round()
    assert [point.size for point in await bench.points()] == [2]


async def test_each_is_written_down_outside_once(bench: Bench) -> None:
    """In the file and by the authority; the proof is kept."""
    await bench.add(25)
    await bench.witness.round()
    await bench.witness.round()
    (point,) = await bench.points()
    assert bench.outside.lines == [point.note]
    assert bench.outside.stamped == [point.note.encode()]
    file, stamp = await bench.world.all(Anchor)
    assert (file.way, file.proof, stamp.way, stamp.proof) == (
        Way.FILE,
        None,
        Way.TIMESTAMP,
        b"stamp of " + point.note.encode(),
    )
    found = await bench.verified(tuple(bench.outside.lines))
    assert (found.points, found.owed, found.exposed) == (1, {}, found.head.size - 25)


@pytest.mark.fault("F21")
async def test_an_anchor_that_fails_is_owed_until_it_is_written(bench: Bench) -> None:
    """Nothing is faked; what waits is told, with the first instant since; later ones come in order."""
    bench.outside.fails = True
    await bench.add(10)
    await bench.witness.round()
    first = bench.world.clock.now()
    bench.world.clock.advance(HOUR)
    await bench.add(10)
    await bench.witness.round()
    found = await bench.verified()
    assert (found.owed, found.owed_since, found.exposed) == ({Way.FILE: 2, Way.TIMESTAMP: 2}, first, 20)
    assert found.outside == {}
    bench.outside.fails = False
    await bench.witness.round()
    points = await bench.points()
    assert bench.outside.lines == [point.note for point in points]
    assert all(row.done_at is not None and row.failing_since is None for row in await bench.world.all(Anchor))
    assert (await bench.verified()).exposed == 0


async def test_two_gateways_of_one_database_sign_one_size_once(bench: Bench) -> None:
    """The second finds it there."""
    await bench.add(10)
    other = Witness(store=bench.world.store, signer=bench.key, clock=bench.world.clock, rule=Rule(records=10, age=HOUR))
    await bench.witness.round()
    await other.round()
    assert len(await bench.points()) == 1


# --- what a cheat would do


def tampered(bench: Bench, *statements: str) -> None:
    """Somebody who has the file and the machine."""
    with closing(sqlite3.connect(bench.database)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


async def test_a_log_that_was_rewritten_is_not_signed_again(bench: Bench) -> None:
    """Records after the last checkpoint were changed with their leaves: the head betrays it; nothing is signed."""
    await bench.add(10)
    await bench.witness.round()
    await bench.add(10)
    tampered(bench, 'UPDATE audit SET leaf = (SELECT leaf FROM audit WHERE "index" = 3) WHERE "index" = 15')
    with pytest.raises(AuditBroken):
        await bench.witness.round()
    assert len(await bench.points()) == 1


async def test_a_log_that_lost_records_is_never_signed_again(bench: Bench) -> None:
    """What came after the last checkpoint is gone; the head still counts it."""
    await bench.add(10)
    await bench.witness.round()
    await bench.add(3)
    tampered(bench, 'DELETE FROM audit WHERE "index" >= 10')
    bench.world.clock.advance(HOUR)
    with pytest.raises(AuditBroken):
        await bench.witness.round()
    assert len(await bench.points()) == 1


async def test_a_log_that_was_put_back_below_its_checkpoint_is_told(bench: Bench) -> None:
    """Records and head go together again; the checkpoint in the same database says more."""
    await bench.add(10)
    await bench.witness.round()
    frontier = Frontier()
    for entry in (await bench.world.events())[:8]:
        frontier = frontier.append(entry.leaf)
    head = f"UPDATE log_head SET size = 8, frontier = x'{frontier.encode().hex()}'"  # noqa: S608  our own bytes
    tampered(bench, head, 'DELETE FROM audit WHERE "index" >= 8')
    with pytest.raises(AuditBroken, match="10"):
        await bench.witness.round()
    with pytest.raises(AuditBroken, match="10"):
        await bench.verified()


async def test_a_log_that_contradicts_its_checkpoint_is_an_alarm_until_it_does_not(bench: Bench) -> None:
    """Once, urgent, over a restart of the service too; the end comes with the next checkpoint that fits."""
    bench.world.alarms._facts._log_sound = lambda: bench.witness.sound
    await bench.add(10)
    await bench.witness.round()
    await bench.world.watch(MINUTE)
    assert "log_broken" not in await bench.world.open_alarms()
    await bench.add(10)
    leaf = (await bench.world.events())[15].leaf.hex()
    tampered(bench, 'UPDATE audit SET leaf = (SELECT leaf FROM audit WHERE "index" = 3) WHERE "index" = 15')
    for _ in range(3):
        with pytest.raises(AuditBroken):
            await bench.witness.round()
        await bench.world.watch(MINUTE)
    bench.witness.sound = None
    await bench.world.watch(MINUTE)
    (alarm,) = await bench.world.all(Alarm, kind="log_broken", ended_at=None)
    assert str(told(alarm)[0]).startswith("Le journal d'audit contredit")
    assert [entry.outcome for entry in await bench.world.events("alarm.log_broken")] == ["started"]
    tampered(bench, f"UPDATE audit SET leaf = x'{leaf}' WHERE \"index\" = 15")  # noqa: S608  our own bytes
    await bench.witness.round()
    await bench.world.watch(MINUTE)
    assert "log_broken" not in await bench.world.open_alarms()


@pytest.mark.fault("F40")
async def test_a_checkpoint_is_continued_only_from_what_was_signed(bench: Bench) -> None:
    """Whoever rewrites the signed part and every column that depends on it gets no signature for it."""
    await bench.add(10)
    await bench.witness.round()
    (point,) = await bench.points()
    await bench.add(10)
    events = await bench.world.events()
    forged, head = Frontier(), Frontier()
    for entry in events:
        head = head.append(events[0].leaf if entry.index == 3 else entry.leaf)
        forged = head if entry.index == 9 else forged
    rewritten = (
        'UPDATE audit SET leaf = (SELECT leaf FROM audit WHERE "index" = 0) WHERE "index" = 3',
        f"UPDATE log_head SET frontier = x'{head.encode().hex()}'",  # noqa: S608  our own bytes
        f"UPDATE log_points SET frontier = x'{forged.encode().hex()}'",  # noqa: S608  our own bytes
    )
    tampered(bench, *rewritten)
    with pytest.raises(AuditBroken, match="qui fut signé"):
        await bench.witness.round()
    told = base64.b64encode(forged.root()).decode()
    lines = point.note.split("\n")
    note = "\n".join((*lines[:2], told, *lines[3:]))
    tampered(bench, f"UPDATE log_points SET note = '{note}'")  # noqa: S608  our own text
    with pytest.raises(AuditBroken, match="qui fut signé"):
        await bench.witness.round()
    tampered(bench, "UPDATE log_points SET note = 'x'")
    with pytest.raises(AuditBroken, match="qui fut signé"):
        await bench.witness.round()
    assert [each.size for each in await bench.points()] == [10]


async def test_what_a_former_key_signed_verifies_beside_the_present_one(bench: Bench, tmp_path: Path) -> None:
    """A key that was lost is replaced: who kept both public keys verifies the whole log, with one of them nobody."""
    await bench.add(10)
    await bench.witness.round()
    generate_log_key(tmp_path / "new.key")
    new = LogKey.load("chu/s", (tmp_path / "new.key").read_text(), source="new.key")
    await bench.add(10)
    rule = Rule(records=1, age=HOUR)
    await Witness(store=bench.world.store, signer=new, clock=bench.world.clock, rule=rule).round()
    both = Auditor(store=bench.world.store, key=new.verifier, former=(bench.key.verifier,), verify_note=verify_note)
    assert (await both.verify()).points == 2
    for key in (new, bench.key):
        with pytest.raises(CheckpointInvalid, match="autre clé"):
            await Auditor(store=bench.world.store, key=key.verifier, verify_note=verify_note).verify()


async def test_what_nobody_looked_up_makes_nothing_safe(bench: Bench) -> None:
    """The database says that a file holds it: without the file, or without the key, every record is exposed."""
    await bench.add(20)
    await bench.witness.round()
    blind = Auditor(store=bench.world.store, key=bench.key.verifier, verify_note=verify_note)
    found = await blind.verify()
    assert (found.points, found.exposed) == (1, 20)
    assert (await blind.verify(Outside(book=tuple(bench.outside.lines)))).exposed == 0
    assert (await blind.verify(Outside(brought=tuple(bench.outside.lines)))).exposed == 0
    keyless = Auditor(store=bench.world.store, key=None, verify_note=verify_note, verify_stamp=lambda _a, _b: NOW)
    found = await keyless.verify()
    assert (found.points, found.unread, found.signed, found.outside, found.exposed) == (0, 1, None, {}, 20)


async def test_a_stamp_is_of_the_instant_that_it_says(bench: Bench) -> None:
    """Not of the one at which it came back."""
    bench.outside.ahead = MINUTE
    await bench.add(10)
    await bench.witness.round()
    (stamp,) = await bench.world.all(Anchor, way=Way.TIMESTAMP)
    assert stamp.done_at == bench.world.clock.now() + MINUTE


@pytest.mark.fault("F15", "F40")
async def test_a_rollback_past_an_anchor_is_found(bench: Bench) -> None:
    """The whole database is put back to yesterday's copy: inside all is well, outside stands more."""
    await bench.add(10)
    await bench.witness.round()
    before = (await bench.points())[0]
    with closing(sqlite3.connect(bench.database)) as old, closing(sqlite3.connect(":memory:")) as copy:
        old.backup(copy)
        await bench.add(10)
        await bench.witness.round()
        copy.backup(old)
    assert [point.size for point in await bench.points()] == [before.size]
    await bench.verified()
    with pytest.raises(AuditBroken, match="20"):
        await bench.verified(tuple(bench.outside.lines))


async def test_a_branch_that_was_signed_again_contradicts_what_stands_outside(bench: Bench) -> None:
    """Even with the key: another log of the same size has another root."""
    await bench.add(10)
    await bench.witness.round()
    with closing(sqlite3.connect(bench.database)) as old, closing(sqlite3.connect(":memory:")) as copy:
        old.backup(copy)
        await bench.add(10)
        await bench.witness.round()
        copy.backup(old)
    await bench.add(12, "test.other")
    bench.world.clock.advance(HOUR)
    silent = Witness(store=bench.world.store, signer=bench.key, clock=bench.world.clock, rule=Rule(records=1, age=HOUR))
    await silent.round()
    await bench.verified()
    with pytest.raises(AuditBroken):
        await bench.verified(tuple(bench.outside.lines))


async def test_a_checkpoint_a_stamp_or_a_note_of_somebody_else_is_found(bench: Bench, tmp_path: Path) -> None:
    """Another key; a proof of another note; a row that says another size; and a line of an honest file, changed."""
    await bench.add(10)
    await bench.witness.round()
    (point,) = await bench.points()
    generate_log_key(tmp_path / "other.key")
    other = LogKey.load("chu/s", (tmp_path / "other.key").read_text(), source="x")
    with pytest.raises(CheckpointInvalid):
        await replace(bench, key=other).verified()
    with pytest.raises(CheckpointInvalid):
        await bench.verified((point.note.replace("\n10\n", "\n11\n"),))
    tampered(bench, "UPDATE anchors SET proof = x'00' WHERE way = 'timestamp'")
    with pytest.raises(CheckpointInvalid):
        await bench.verified()


async def test_what_a_working_gateway_anchors_meanwhile_is_no_alteration(bench: Bench) -> None:
    """A checkpoint between the first look at the file and the database, and another before the second look."""
    await bench.add(10)
    await bench.witness.round()
    before = tuple(bench.outside.lines)
    await bench.add(10)
    await bench.witness.round()
    with pytest.raises(CheckpointInvalid):
        await bench.verified(before)
    now = tuple(bench.outside.lines)
    assert (await bench.verified(before, lambda: now)).head.size == 20
    assert (await bench.verified(before, lambda: (*now, "of a moment ago"))).head.size == 20
    for gone in now:
        kept = tuple(line for line in now if line != gone)
        with pytest.raises(CheckpointInvalid, match="n'est pas dans le fichier"):
            await bench.verified(before, lambda kept=kept: kept)  # type: ignore[misc]


async def test_a_line_that_is_gone_from_the_anchor_file_is_told(bench: Bench) -> None:
    """The database says that it was written; the file is asked, not believed."""
    await bench.add(10)
    await bench.witness.round()
    await bench.add(10)
    await bench.witness.round()
    with pytest.raises(CheckpointInvalid, match="20"):
        await bench.verified(tuple(bench.outside.lines[:1]))
    with pytest.raises(CheckpointInvalid, match="10"):
        await bench.verified(())
    assert (await bench.verified(tuple(bench.outside.lines))).exposed == 0
