"""A whole audit log: honest, and under a thousand alterations."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.audit import Record, canonical, parse, verify_log
from gateway.domain.errors import AuditBroken
from gateway.domain.merkle import Frontier, Head, Tree, leaf_hash

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


def test_a_thousand_alterations_are_detected_and_located() -> None:
    """With the leaves kept beside, each at its very record; from the frontier alone, no later than where it shows."""
    random = Random(6962)  # noqa: S311 (reproducible, not secret)
    kinds = set()
    for _ in range(1000):
        kind, log, first = tampered(random)
        kinds.add(kind)
        with pytest.raises(AuditBroken) as exact:
            verify_log(log, HEAD, leaves=LEAVES)
        assert exact.value.fields["index"] == first
        with pytest.raises(AuditBroken) as near:
            verify_log(iter(log), HEAD)
        found = near.value.fields["index"]
        assert isinstance(found, int)
        if kind in {delete, insert, swap, truncate, append}:
            assert found == first
        elif kind is slip:
            assert found == first + 1
        elif kind is edit:
            # The frontier of 41 leaves has subtrees of 32, 8 and 1.
            assert found == (0 if first < 32 else 32 if first < 40 else 40)
        with pytest.raises(AuditBroken):
            verify_log(log, HEAD.head())
    assert kinds == set(ALTERATIONS)


def test_an_untouched_log_verifies() -> None:
    """Under the frontier, the bare head, with leaves and with every checkpoint that it ever had."""
    points = [TREE.head(size) for size in range(SIZE + 1)]
    for head in (HEAD, HEAD.head()):
        verified = verify_log(iter(LOG), head, leaves=iter(LEAVES), checkpoints=points)
        assert verified.frontier == HEAD
        assert verified.checkpoints == SIZE + 1
    assert verify_log([], Frontier()).frontier == Frontier()


def test_checkpoints_narrow_the_place() -> None:
    """A well-made edit lies between the last checkpoint that holds and the first that does not."""
    log = list(LOG)
    log[13] = canonical(replace(sample(13), outcome="refused"))
    points = [TREE.head(20), TREE.head(10)]
    with pytest.raises(AuditBroken, match="10 à 19") as refusal:
        verify_log(log, frontier_of(log), checkpoints=points)
    assert refusal.value.fields["index"] == 10
    with pytest.raises(AuditBroken, match="10 à 31"):
        verify_log(log, HEAD, checkpoints=points[1:])
    with pytest.raises(AuditBroken, match="10 à 40"):
        verify_log(log, HEAD.head(), checkpoints=points[1:])


def test_a_database_put_back_to_yesterday_is_detected_by_a_checkpoint() -> None:
    """Records, head and leaves agree with one another; the anchored checkpoint is ahead of them."""
    yesterday = LOG[:30]
    assert verify_log(yesterday, frontier_of(yesterday), leaves=LEAVES[:30]).frontier.size == 30
    with pytest.raises(AuditBroken, match="41") as refusal:
        verify_log(yesterday, frontier_of(yesterday), checkpoints=[TREE.head(SIZE)])
    assert refusal.value.fields["index"] == 30


def test_a_head_or_leaves_that_do_not_match_are_refused() -> None:
    """An honest log under another root; a leaf too many, too few, or altered."""
    with pytest.raises(AuditBroken):
        verify_log(LOG, Head(size=SIZE, root=LEAVES[0]))
    for leaves in ([*LEAVES, LEAVES[0]], LEAVES[:-1], [*LEAVES[:5], LEAVES[4], *LEAVES[6:]]):
        with pytest.raises(AuditBroken):
            verify_log(LOG, HEAD, leaves=leaves)


@settings(max_examples=200)
@given(st.integers(0, SIZE - 1), st.data())
def test_no_byte_of_the_log_can_change(index: int, data: st.DataObject) -> None:
    """Any other byte at any place of any record."""
    at = data.draw(st.integers(0, len(LOG[index]) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != LOG[index][at]))
    log = list(LOG)
    log[index] = log[index][:at] + bytes([byte]) + log[index][at + 1 :]
    with pytest.raises(AuditBroken) as refusal:
        verify_log(log, HEAD, leaves=LEAVES)
    assert refusal.value.fields["index"] == index
