"""The log's part of a dossier: proofs as text agree with the tree at every size, what does not belong is refused."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.adapters.log_key import LogKey, generate_log_key
from gateway.domain import audit, exhibit
from gateway.domain.checkpoint import Checkpoint
from gateway.domain.errors import AuditBroken, CheckpointInvalid
from gateway.domain.merkle import Tree, inclusion_proof, leaf_hash, node_hash

AT = datetime(2026, 1, 25, 9, 0, tzinfo=UTC)


def record(index: int) -> bytes:
    """A record of the log."""
    made = audit.Record(
        index=index, at=AT, site="s", party="chu", event="test.event", actor="gateway", salt=f"{index:032x}"
    )
    return audit.canonical(made)


@pytest.fixture
def key(tmp_path: Path) -> LogKey:
    """The log's key."""
    generate_log_key(tmp_path / "audit.key")
    return LogKey.load("chu/s", (tmp_path / "audit.key").read_text(), source="audit.key")


def made(key: LogKey, size: int, shown: tuple[int, ...]) -> exhibit.Exhibit:
    """Some records of a log of this size."""
    tree = Tree.of(leaf_hash(record(index)) for index in range(size))
    note = key.sign(Checkpoint(origin=key.name, head=tree.head(size), at=AT))
    return exhibit.Exhibit(
        records={index: record(index) for index in shown},
        proofs={index: inclusion_proof(tree, index, size) for index in shown if index < size},
        note=note,
        key=key.verifier,
        stamps=(b"one", b"two"),
    )


def climbed(data: bytes, lines: list[str]) -> str:
    """What a person computes who knows nothing of trees."""
    found = leaf_hash(data)
    for line in lines:
        side, _, other = line.partition(" ")
        sibling = bytes.fromhex(other)
        found = node_hash(sibling, found) if side == "gauche" else node_hash(found, sibling)
    return found.hex()


def test_every_proof_of_every_small_log_climbs_to_its_root(key: LogKey) -> None:
    """All positions of all sizes to 33, lone right edges included."""
    for size in range(1, 34):
        shown = made(key, size, tuple(range(size)))
        files = exhibit.written(shown)
        root = Tree.of(leaf_hash(record(index)) for index in range(size)).head(size).root.hex()
        for index in range(size):
            *steps, last = files[exhibit.proof_name(index)].decode().splitlines()
            assert climbed(record(index), steps) == root
            assert last == f"racine {root}"
        assert exhibit.read(files) == shown


def test_a_record_newer_than_the_checkpoint_is_named(key: LogKey) -> None:
    """It has no proof, and the text for persons says so."""
    shown = made(key, 5, (1, 4, 5, 8))
    assert shown.unproved == (5, 8)
    assert "sans preuve : 5, 8" in exhibit.written(shown)[exhibit.STATE].decode()
    without = exhibit.Exhibit(records={1: record(1)}, proofs={})
    assert "aucun n'est prouvé" in exhibit.written(without)[exhibit.STATE].decode()


def test_a_record_that_is_not_in_the_log_is_refused(key: LogKey) -> None:
    """Changed, under another number, without its proof, or with that of another."""
    shown = made(key, 9, (2, 7))
    head = Tree.of(leaf_hash(record(index)) for index in range(9)).head(9)
    for index in (2, 7):
        assert exhibit.verify_record(shown, index, head).index == index
    bad = [
        replace(shown, records={2: record(2).replace(b"gateway", b"gatewaz"), 7: record(7)}),
        replace(shown, records={2: record(7), 7: record(7)}),
        replace(shown, proofs={7: shown.proofs[7]}),
        replace(shown, proofs={2: shown.proofs[7], 7: shown.proofs[7]}),
        replace(shown, records={2: record(2) + b" ", 7: record(7)}),
    ]
    for each in bad:
        with pytest.raises(AuditBroken):
            exhibit.verify_record(each, 2, head)
    with pytest.raises(AuditBroken, match="Aucun point"):
        exhibit.verify_record(shown, 2, None)


def test_files_that_are_not_what_their_name_says_are_refused(key: LogKey) -> None:
    """A proof, a note, a key."""
    files = exhibit.written(made(key, 9, (2,)))
    with pytest.raises(AuditBroken, match="illisible"):
        exhibit.read({**files, exhibit.proof_name(2): b"gauche 00\nracine 00\n"})
    for name in (exhibit.NOTE, exhibit.KEY):
        for junk in (b"", b"\xff\xff", b"x\n"):
            with pytest.raises(CheckpointInvalid):
                exhibit.read({**files, name: junk})
