"""A whole audit log: honest, and under a thousand alterations."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gateway.domain.audit import Record, canonical, instant, parse
from gateway.domain.errors import AuditBroken
from gateway.domain.log_check import Attested, LogCheck
from gateway.domain.merkle import Frontier, Head, Tree, leaf_hash
from gateway.domain.words import said

AT = datetime(2024, 4, 10, 23, tzinfo=UTC)
SIZE = 41


def sample(index: int) -> Record:
    """One honest record."""
    return Record(
        site="chu-test",
        party="hospital",
        actor="gateway",
        index=index,
        at=AT + timedelta(minutes=index),
        event="mail.received",
        case=f"C{index}",
        outcome="accepted",
        salt=sha256(bytes([index])).hexdigest()[:32],
        details={"size": index * 100, "days": ["2024-04-10"]},
    )


LOG = [canonical(sample(index)) for index in range(SIZE)]
LEAVES = [leaf_hash(data) for data in LOG]
TREE = Tree.of(LEAVES)


def frontier_of(log: list[bytes]) -> Frontier:
    """The head after these records."""
    frontier = Frontier()
    for data in log:
        frontier = frontier.append(leaf_hash(data))
    return frontier


HEAD = frontier_of(LOG)


def check(
    log: list[bytes], head: Frontier, *, leaves: list[bytes] | None = None, points: Sequence[Head] = ()
) -> Frontier:
    """Verify a table of these records, in this order, whose columns are as they were; without ``leaves`` they fit."""
    rows = []
    for index, data in enumerate(log):
        try:
            record = parse(data)
        except AuditBroken:
            record = sample(min(index, SIZE - 1))
        leaf = leaf_hash(data) if leaves is None else leaves[index] if index < len(leaves) else b""
        told = (instant(record.at), record.event, record.actor, record.case, record.request)
        rows.append((index, *told, record.message, record.partner, record.outcome, data, leaf, None))
    walk = LogCheck(head, [Attested(head=point, by=said("Un point de contrôle")) for point in points])
    walk.take(rows)
    return walk.end()


Alteration = Callable[[Random, list[bytes], int], int | None]


def flip(random: Random, log: list[bytes], at: int) -> None:
    """One bit."""
    data = bytearray(log[at])
    data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    log[at] = bytes(data)


def edit(random: Random, log: list[bytes], at: int) -> None:
    """A well-made record that says something else."""
    log[at] = canonical(replace(parse(log[at]), outcome=f"refused-{random.randrange(100)}"))


def delete(_: Random, log: list[bytes], at: int) -> None:
    """One record less."""
    del log[at]


def insert(random: Random, log: list[bytes], at: int) -> None:
    """A copy of another record."""
    log.insert(at, random.choice([one for one in LOG if one != log[at]]))


def slip(_: Random, log: list[bytes], at: int) -> None:
    """A forged record that carries the right number."""
    log.insert(at, canonical(replace(sample(at), outcome="forged")))


def swap(random: Random, log: list[bytes], at: int) -> int:
    """Two records change places."""
    other = random.choice([n for n in range(SIZE) if n != at])
    log[at], log[other] = log[other], log[at]
    return min(at, other)


def truncate(_: Random, log: list[bytes], at: int) -> None:
    """The end is cut off."""
    del log[at:]


def renumber(_: Random, log: list[bytes], at: int) -> None:
    """One record less, and all that follow get new numbers."""
    log[:] = [canonical(replace(parse(one), index=n)) for n, one in enumerate(log[:at] + log[at + 1 :])]


def append(_: Random, log: list[bytes], at: int) -> int:
    """A forged record at the end; ``at`` plays no part."""
    del at
    log.append(canonical(sample(SIZE)))
    return SIZE


ALTERATIONS: tuple[Alteration, ...] = (flip, edit, delete, insert, slip, swap, truncate, renumber, append)


def tampered(random: Random) -> tuple[Alteration, list[bytes], int]:
    """One alteration: its kind, the log after it, and the first record that is not as it was."""
    log, at, alter = list(LOG), random.randrange(SIZE), random.choice(ALTERATIONS)
    first = alter(random, log, at)
    return alter, log, at if first is None else first


@pytest.mark.fault("F40")
def test_a_thousand_alterations_are_detected_and_located() -> None:
    """With the honest leaves beside, each at its very record; where they fit the forgery, no later than it shows."""
    random = Random(6962)  # noqa: S311 (reproducible, not secret)
    kinds = set()
    for _ in range(1000):
        kind, log, first = tampered(random)
        kinds.add(kind)
        with pytest.raises(AuditBroken) as exact:
            check(log, HEAD, leaves=LEAVES)
        assert exact.value.fields["index"] == first
        with pytest.raises(AuditBroken) as near:
            check(log, HEAD)
        found = near.value.fields["index"]
        assert isinstance(found, int)
        if kind in {delete, insert, swap, truncate, append}:
            assert found == first
        elif kind is slip:
            assert found == first + 1
        elif kind in {edit, flip}:
            # A flipped bit shows where the bytes are no record any more, or else as an edit does.
            # The frontier of 41 leaves has subtrees of 32, 8 and 1.
            assert found in {first, 0 if first < 32 else 32 if first < 40 else 40}
    assert kinds == set(ALTERATIONS)


def test_an_untouched_log_verifies() -> None:
    """Under every head that it ever had; and an empty one."""
    points = [TREE.head(size) for size in range(SIZE + 1)]
    assert check(LOG, HEAD, leaves=LEAVES, points=points) == HEAD
    assert check([], Frontier()) == Frontier()


def test_heads_that_are_vouched_for_narrow_the_place() -> None:
    """A well-made edit lies between the last one that holds and the first that does not."""
    log = list(LOG)
    log[13] = canonical(replace(sample(13), outcome="refused"))
    points = [TREE.head(20), TREE.head(10)]
    with pytest.raises(AuditBroken, match="10 à 19") as refusal:
        check(log, frontier_of(log), points=points)
    assert refusal.value.fields["index"] == 10
    with pytest.raises(AuditBroken, match="10 à 31"):
        check(log, HEAD, points=points[1:])


@pytest.mark.fault("F15", "F40")
def test_a_database_put_back_to_yesterday_is_detected_by_what_is_vouched_for() -> None:
    """Records, head and leaves agree with one another; the anchored checkpoint is ahead of them."""
    yesterday = LOG[:30]
    assert check(yesterday, frontier_of(yesterday), leaves=LEAVES[:30]).size == 30
    with pytest.raises(AuditBroken, match="41") as refusal:
        check(yesterday, frontier_of(yesterday), points=[TREE.head(SIZE), TREE.head(20)])
    assert refusal.value.fields["index"] == 20


def test_a_head_or_leaves_that_do_not_match_are_refused() -> None:
    """An honest log under another head; a leaf altered or missing."""
    other = frontier_of([*LOG[:-1], canonical(replace(sample(SIZE - 1), outcome="forged"))])
    with pytest.raises(AuditBroken):
        check(LOG, other)
    for leaves in (LEAVES[:-1], [*LEAVES[:5], LEAVES[4], *LEAVES[6:]]):
        with pytest.raises(AuditBroken):
            check(LOG, HEAD, leaves=leaves)


COLUMN_NAMES = ("at", "event", "actor", "case", "request", "message", "partner", "outcome")


@settings(max_examples=300)
@given(
    st.integers(0, SIZE - 1),
    st.integers(1, 8),
    st.none()
    | st.text()
    | st.binary()
    | st.integers()
    | st.sampled_from(['C1","details":{', "mail.received", '"', "C1"]),
)
def test_a_column_says_what_the_record_says_or_is_found(index: int, column: int, value: object) -> None:
    """Whatever it holds instead, what would pass for JSON included."""
    rows: list[list[object]] = []
    for number, data in enumerate(LOG):
        record = sample(number)
        told = (instant(record.at), record.event, record.actor, record.case, record.request)
        rows.append([number, *told, record.message, record.partner, record.outcome, data, LEAVES[number], None])
    assume(value != rows[index][column])
    rows[index][column] = value
    walk = LogCheck(HEAD)
    with pytest.raises(AuditBroken, match=COLUMN_NAMES[column - 1]) as refusal:
        walk.take(rows)
    assert refusal.value.fields["index"] == index


@settings(max_examples=200)
@given(st.integers(0, SIZE - 1), st.data())
def test_no_byte_of_the_log_can_change(index: int, data: st.DataObject) -> None:
    """Any other byte at any place of any record."""
    at = data.draw(st.integers(0, len(LOG[index]) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != LOG[index][at]))
    log = list(LOG)
    log[index] = log[index][:at] + bytes([byte]) + log[index][at + 1 :]
    with pytest.raises(AuditBroken) as refusal:
        check(log, HEAD, leaves=LEAVES)
    assert refusal.value.fields["index"] == index
