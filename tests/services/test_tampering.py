"""A thousand tamperings of a real log in its database, by somebody without the log's key and its anchors.

Each must be detected and placed: at its very record while the leaves are honest, between two checkpoints where the
cheat wrote every hash anew, at its checkpoint or anchor otherwise. What comes after the last anchor is told as exposed.
"""

# ruff: noqa: S608  the names of columns are the test's own

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random

import pytest

from gateway.adapters.log_key import LogKey, generate_log_key, verify_note
from gateway.domain.audit import Record, canonical, instant, parse
from gateway.domain.errors import AuditBroken, CheckpointInvalid, GatewayError
from gateway.domain.merkle import Frontier, leaf_hash
from gateway.ports import Stamp
from gateway.services.anchors import Outside
from gateway.services.auditing import Audited, Auditor
from gateway.services.witness import Rule, Witness
from tests.services.world import World

NEVER = datetime.min.replace(tzinfo=UTC)
SEED = 20260204
RECORDS, EVERY, TAIL = 60, 12, 7
COLUMNS = (
    "at",
    "event",
    "actor",
    '"case"',
    "request",
    "message",
    "partner",
    "outcome",
    "canonical",
    "leaf",
    "purged_by",
)


@dataclass
class Elsewhere:
    """An anchor file and an authority."""

    lines: list[str] = field(default_factory=list)

    def append(self, text: str) -> None:
        """Keep it."""
        self.lines.append(text)

    async def stamp(self, data: bytes) -> Stamp:
        """Vouch for it, without a word of the time."""
        return Stamp(at=NEVER, response=b"stamp of " + data)


def stamped(response: bytes, data: bytes) -> datetime:
    """The authority's own word, or not."""
    if response != b"stamp of " + data:
        raise CheckpointInvalid(reason="autre chose")
    return NEVER


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """What was done: from which record on, or to no record; whether every hash was written anew."""

    told: str
    first: int | None = None
    anew: bool = False


@dataclass
class Log:
    """The honest log, what stands outside, and older copies of the whole database."""

    path: Path
    store: World
    key: LogKey
    outside: Elsewhere
    honest: sqlite3.Connection
    older: list[tuple[int, sqlite3.Connection]]

    async def verified(self) -> Audited:
        """By the service of ``gateway audit verify``."""
        auditor = Auditor(store=self.store.store, key=self.key.verifier, verify_note=verify_note, verify_stamp=stamped)
        return await auditor.verify(Outside(book=tuple(self.outside.lines)))


@pytest.fixture
async def log(hospital: World, tmp_path: Path) -> Log:
    """A log of several checkpoints, each anchored twice, and a tail that nobody outside knows."""
    generate_log_key(tmp_path / "audit.key")
    key = LogKey.load("chu/s", (tmp_path / "audit.key").read_text(), source="x")
    outside, older, path = Elsewhere(), [], tmp_path / "hospital.sqlite3"
    rule = Rule(records=EVERY, age=timedelta(hours=1))
    witness = Witness(store=hospital.store, signer=key, clock=hospital.clock, rule=rule, book=outside, stamper=outside)
    for number in range(RECORDS + TAIL):
        async with hospital.store.act() as act:
            await act.record(
                "test.event" if number % 3 else "test.other",
                actor="gateway" if number % 2 else 'Élodie « Q"uote\\ »',
                case=f"7F3K-Q{number % 4}" if number % 5 else None,
                message=f"<m{number}@chu.test>" if number % 7 == 0 else None,
                partner="cnas" if number % 4 else None,
                outcome="done" if number % 6 else None,
                request="ab" * 32 if number % 8 == 0 else None,
                details={"number": number, "event": "test.event", "nested": {"site": "s", "v": 1}},
            )
        hospital.clock.advance(timedelta(seconds=1))
        if number % EVERY == EVERY - 1 and number < RECORDS:
            await witness.round()
            older.append((number + 1, copied(path)))
    return Log(path=path, store=hospital, key=key, outside=outside, honest=copied(path), older=older)


def copied(path: Path) -> sqlite3.Connection:
    """The whole database as it is now."""
    copy = sqlite3.connect(":memory:")
    with closing(sqlite3.connect(path)) as source:
        source.backup(copy)
    return copy


# --- what a cheat does; each returns what came of it, or None where nothing changed

Cheat = Callable[[Random, sqlite3.Connection], Damage | None]


def record_at(base: sqlite3.Connection, index: int) -> Record:
    """A record as it is kept."""
    (data,) = base.execute('SELECT canonical FROM audit WHERE "index" = ?', (index,)).fetchone()
    return parse(data)


def rewritten(base: sqlite3.Connection, records: list[Record]) -> None:
    """All records, columns and leaves anew, and a head that fits them."""
    base.execute("DELETE FROM audit")
    frontier = Frontier()
    for index, one in enumerate(records):
        record = replace(one, index=index)
        data = canonical(record)
        leaf = leaf_hash(data)
        frontier = frontier.append(leaf)
        columns = (record.event, record.actor, record.case, record.request, record.message, record.partner)
        base.execute(
            "INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)",
            (index, instant(record.at), *columns, record.outcome, data, leaf),
        )
    last = instant(max(record.at for record in records)) if records else None
    base.execute("UPDATE log_head SET size = ?, frontier = ?, last_at = ?", (len(records), frontier.encode(), last))


def everything(base: sqlite3.Connection) -> list[Record]:
    """The records in order."""
    return [parse(data) for (data,) in base.execute('SELECT canonical FROM audit ORDER BY "index"')]


def edit_column(random: Random, base: sqlite3.Connection) -> Damage | None:
    """Any column of any record gets anything."""
    at, column = random.randrange(RECORDS + TAIL), random.choice(COLUMNS)
    (old,) = base.execute(f'SELECT {column} FROM audit WHERE "index" = ?', (at,)).fetchone()
    (other,) = base.execute(
        f'SELECT {column} FROM audit WHERE "index" = ?', (random.randrange(RECORDS + TAIL),)
    ).fetchone()
    new = random.choice(
        [other, None, "x", "", b"\xff\x00", random.randrange(2**60), 0.5, "test.event", flipped(random, old)]
    )
    if random.random() < 0.1:
        base.execute(f"UPDATE audit SET {column} = CAST(x'ff41' AS TEXT) WHERE \"index\" = ?", (at,))
    elif new == old:
        return None
    else:
        base.execute(f'UPDATE audit SET {column} = ? WHERE "index" = ?', (new, at))
    return Damage(told=f"column {column} of {at}: {new!r}", first=at)


def blank(random: Random, base: sqlite3.Connection) -> Damage:
    """A record is made to look as if its time had been over; another may be said to tell so."""
    at = random.randrange(RECORDS + TAIL)
    told_by = random.choice([at, 0, RECORDS + TAIL - 1, RECORDS + TAIL + 9])
    base.execute(
        "UPDATE audit SET event = '', actor = '', \"case\" = NULL, request = NULL, message = NULL, partner = NULL, "
        "outcome = NULL, canonical = x'', purged_by = ? WHERE \"index\" = ?",
        (told_by, at),
    )
    return Damage(told=f"blank {at} as {told_by} tells", first=at)


def flipped(random: Random, old: object) -> object:
    """One bit or letter of it."""
    if isinstance(old, bytes) and old:
        at = random.randrange(len(old))
        return old[:at] + bytes([old[at] ^ 1 << random.randrange(8)]) + old[at + 1 :]
    return f"{old}'"


def renumber(random: Random, base: sqlite3.Connection) -> Damage:
    """A record gets another number, a negative one too."""
    at = random.randrange(RECORDS + TAIL)
    to = random.choice([-1, -(2**40), RECORDS + TAIL, RECORDS + TAIL + random.randrange(2**40)])
    base.execute('UPDATE audit SET "index" = ? WHERE "index" = ?', (to, at))
    return Damage(told=f"{at} becomes {to}", first=0 if to < 0 else at)


def delete(random: Random, base: sqlite3.Connection) -> Damage:
    """One record less; the others stay, or move up one place."""
    at = random.randrange(RECORDS + TAIL)
    base.execute('DELETE FROM audit WHERE "index" = ?', (at,))
    if random.random() < 0.5 and at < RECORDS + TAIL - 1:
        for index in range(at + 1, RECORDS + TAIL):
            base.execute('UPDATE audit SET "index" = ? WHERE "index" = ?', (index - 1, index))
    return Damage(told=f"delete {at}", first=at)


def insert(random: Random, base: sqlite3.Connection) -> Damage:
    """A copy of a record at the end, or in the middle with all that follow moved on."""
    at, source = random.randrange(RECORDS + TAIL + 1), random.randrange(RECORDS + TAIL)
    row = base.execute('SELECT * FROM audit WHERE "index" = ?', (source,)).fetchone()
    for index in range(RECORDS + TAIL - 1, at - 1, -1):
        base.execute('UPDATE audit SET "index" = ? WHERE "index" = ?', (index + 1, index))
    base.execute("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (at, *row[1:]))
    # A copy of the record that stood there looks the same: the next one is out of place.
    return Damage(told=f"insert {source} at {at}", first=at + 1 if source == at else at)


def swap(random: Random, base: sqlite3.Connection) -> Damage:
    """Two records change places."""
    one, other = sorted(random.sample(range(RECORDS + TAIL), 2))
    for old, new in ((one, -9), (other, one), (-9, other)):
        base.execute('UPDATE audit SET "index" = ? WHERE "index" = ?', (new, old))
    return Damage(told=f"swap {one} and {other}", first=one)


def truncate(random: Random, base: sqlite3.Connection) -> Damage:
    """The end is cut off, and the head is left as it was."""
    at = random.randrange(RECORDS + TAIL)
    base.execute('DELETE FROM audit WHERE "index" >= ?', (at,))
    return Damage(told=f"truncate to {at}", first=at)


def anew(random: Random, base: sqlite3.Connection) -> Damage | None:
    """Any of these, with every hash and the head written anew; and with the checkpoints that say otherwise removed."""
    records, at = everything(base), random.randrange(RECORDS + TAIL)
    how = random.choice(["edit", "delete", "insert", "swap", "truncate", "append"])
    match how:
        case "edit":
            records[at] = replace(records[at], outcome=f"forged-{random.randrange(9)}")
        case "delete":
            del records[at]
        case "insert":
            records.insert(at, replace(records[at], event="test.forged"))
        case "swap":
            other = random.choice([n for n in range(len(records)) if n != at])
            records[at], records[other] = records[other], records[at]
            at = min(at, other)
        case "truncate":
            del records[at:]
        case _:
            at = len(records)
            records.append(replace(records[-1], event="test.forged"))
    rewritten(base, records)
    if random.random() < 0.6:
        base.execute("DELETE FROM anchors WHERE point IN (SELECT id FROM log_points WHERE size > ?)", (at,))
        base.execute("DELETE FROM log_points WHERE size > ?", (at,))
    return Damage(told=f"{how} at {at}, anew", first=at, anew=True)


def roll_back(older: list[tuple[int, sqlite3.Connection]], random: Random, base: sqlite3.Connection) -> Damage:
    """The whole database of an earlier day, which agrees with itself; or one to which other things happened since."""
    size, copy = random.choice(older)
    copy.backup(base)
    if random.random() < 0.5:
        records = everything(base)
        records += [replace(records[-1], event="test.forged") for _ in range(random.randrange(1, 60))]
        rewritten(base, records)
    return Damage(told=f"back to {size}", first=size, anew=True)


def edit_head(random: Random, base: sqlite3.Connection) -> Damage | None:
    """The head alone."""
    column = random.choice(["size", "frontier", "last_at", "setback"])
    (old,) = base.execute(f"SELECT {column} FROM log_head").fetchone()
    new = random.choice([5, "x", b"", b"\x00" * 40, flipped(random, old), "2026-02-04T23:00:00.000000Z", None])
    if random.random() < 0.1:
        base.execute("DELETE FROM log_head")
    elif new == old:
        return None
    else:
        base.execute(f"UPDATE log_head SET {column} = ?", (new,))
    return Damage(told=f"head {column}: {new!r}")


def edit_point(random: Random, base: sqlite3.Connection) -> Damage | None:
    """A checkpoint: one of its columns, or all of it."""
    point = random.randrange(1, RECORDS // EVERY + 1)
    column = random.choice(["id", "size", '"at"', "note", "frontier"])
    (old,) = base.execute(f"SELECT {column} FROM log_points WHERE id = ?", (point,)).fetchone()
    (other,) = base.execute(
        f"SELECT {column} FROM log_points WHERE id = ?", (random.randrange(1, RECORDS // EVERY + 1),)
    ).fetchone()
    new = random.choice([flipped(random, old), 77, "x", b"\xff", other])
    if random.random() < 0.2:
        base.execute("DELETE FROM log_points WHERE id = ?", (point,))
        if random.random() < 0.5:
            base.execute("DELETE FROM anchors WHERE point = ?", (point,))
    elif new == old:
        return None
    else:
        base.execute(f"UPDATE log_points SET {column} = ? WHERE id = ?", (new, point))
    return Damage(told=f"checkpoint {point}, {column}: {new!r}")


def edit_anchor(random: Random, base: sqlite3.Connection) -> Damage | None:
    """An anchor: another checkpoint's, another way's, a proof of nothing; or its line in the file is gone."""
    anchor = random.randrange(1, 2 * RECORDS // EVERY + 1)
    (way,) = base.execute("SELECT way FROM anchors WHERE id = ?", (anchor,)).fetchone()
    match random.randrange(4):
        case 0:
            base.execute("UPDATE anchors SET point = 99 WHERE id = ?", (anchor,))
        case 1:
            base.execute("UPDATE anchors SET way = 'carrier pigeon' WHERE id = ?", (anchor,))
        case 2 if way == "timestamp":
            base.execute("UPDATE anchors SET proof = ? WHERE id = ?", (random.choice([b"x", "x", None, 3]), anchor))
        case 3 if way == "timestamp":
            base.execute("UPDATE anchors SET done_at = NULL WHERE id = ?", (anchor,))
        case _:
            return None
    return Damage(told=f"anchor {anchor}")


CHEATS: tuple[Cheat, ...] = (
    *(edit_column, edit_column, renumber, delete, insert, swap, truncate, anew, anew, anew),
    *(blank, edit_head, edit_point, edit_anchor),
)


def tamperings(random: Random, log: Log) -> Iterator[Damage]:
    """A thousand, each on the honest database."""
    done = 0
    cheats: tuple[Cheat, ...] = (*CHEATS, partial(roll_back, log.older[:-1]))
    while done < 1000:
        cheat = random.choice(cheats)
        with closing(sqlite3.connect(log.path)) as base:
            log.honest.backup(base)
            try:
                with base:
                    damage = cheat(random, base)
            except sqlite3.IntegrityError:
                # A constraint of the table refuses it already.
                continue
        if damage is not None:
            done += 1
            yield damage


def placed(damage: Damage, error: GatewayError, log: Log) -> bool:
    """Whether the refusal says where."""
    if damage.first is None:
        return isinstance(error, AuditBroken | CheckpointInvalid) and bool(error.fields["reason"])
    if not isinstance(error, AuditBroken):
        return False
    found = error.fields["index"]
    if not damage.anew:
        return found == damage.first
    # The last anchor before it.
    before = max(size for size in (0, *(size for size, _ in log.older)) if size <= damage.first)
    return found == before


async def answer(log: Log) -> Audited | GatewayError:
    """What the auditor says; anything else that is raised is a defect."""
    try:
        return await log.verified()
    except GatewayError as error:
        return error


@pytest.mark.fault("F40")
async def test_a_thousand_tamperings_are_detected_and_placed(log: Log) -> None:
    """None passes, but for what nobody outside could know; and that is told as exposed before."""
    honest = await log.verified()
    assert (honest.head.size, honest.exposed, honest.points) == (RECORDS + TAIL, TAIL, RECORDS // EVERY)
    random = Random(SEED)  # noqa: S311  reproducible, not secret
    passed = 0
    for number, damage in enumerate(tamperings(random, log)):
        where = f"seed {SEED}, number {number}: {damage.told}"
        found = await answer(log)
        if isinstance(found, GatewayError):
            assert placed(damage, found, log), f"{where}: {found.sentence()}"
            continue
        passed += 1
        assert damage.anew, where
        assert damage.first is not None, where
        assert damage.first >= honest.head.size - honest.exposed, where
        assert found.head.size - found.exposed == RECORDS, where
    assert 0 < passed < 100
