"""The Merkle tree against the published vectors of certificate transparency, and against a naive implementation."""

from dataclasses import replace
from hashlib import sha256
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import AuditBroken
from gateway.domain.merkle import (
    INTEGER,
    Consistent,
    Frontier,
    Head,
    Included,
    Prover,
    Tree,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root,
    verify_consistency,
    verify_inclusion,
)

# The test data of the certificate-transparency reference implementation (merkletree/merkle_tree_test).
INPUTS = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
LEAVES = [leaf_hash(bytes.fromhex(one)) for one in INPUTS]
MANY = [leaf_hash(bytes([n])) for n in range(40)]


def naive(data: list[bytes]) -> bytes:
    """RFC 6962 §2.1, as it is written there."""
    if not data:
        return sha256(b"").digest()
    if len(data) == 1:
        return sha256(b"\x00" + data[0]).digest()
    k = 1
    while k * 2 < len(data):
        k *= 2
    return sha256(b"\x01" + naive(data[:k]) + naive(data[k:])).digest()


@pytest.mark.parametrize("size", range(9))
def test_roots_are_the_published_ones(size: int) -> None:
    """Frontier, tree, fold and the naive recursion agree with the reference for 0 to 8 leaves."""
    expected = bytes.fromhex(ROOTS[size])
    assert naive([bytes.fromhex(one) for one in INPUTS[:size]]) == expected
    assert root(LEAVES[:size]) == expected
    assert Tree.of(LEAVES).head(size) == Head(size=size, root=expected)


A = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
B = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
C = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
D = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
E = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
F = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"


@pytest.mark.parametrize(
    ("leaf", "size", "path"),
    [
        (1, 1, []),
        (1, 8, [A, B, C]),
        (6, 8, [D, E, ROOTS[4]]),
        (3, 3, [ROOTS[2]]),
        (2, 5, [ROOTS[1], B, D]),
    ],
)
def test_the_published_audit_paths_are_ours(leaf: int, size: int, path: list[str]) -> None:
    """Every one of the reference, which counts leaves from one."""
    proof = inclusion_proof(Tree.of(LEAVES), leaf - 1, size)
    assert [one.hex() for one in proof.path] == path
    verify_inclusion(LEAVES[leaf - 1], proof, Head(size=size, root=bytes.fromhex(ROOTS[size])))


@pytest.mark.parametrize(
    ("old", "new", "path"), [(1, 1, []), (1, 8, [A, B, C]), (6, 8, [F, E, ROOTS[4]]), (2, 5, [B, D])]
)
def test_the_published_consistency_proofs_are_ours(old: int, new: int, path: list[str]) -> None:
    """Every one of the reference."""
    proof = consistency_proof(Tree.of(LEAVES), old, new)
    assert [one.hex() for one in proof.path] == path
    before, after = (Head(size=size, root=bytes.fromhex(ROOTS[size])) for size in (old, new))
    verify_consistency(before, proof, after)


@given(st.lists(st.binary(max_size=8), max_size=70))
def test_every_way_to_the_root_agrees(data: list[bytes]) -> None:
    """Appending, building the tree at once, and the naive recursion."""
    leaves = [leaf_hash(one) for one in data]
    assert root(leaves) == Tree.of(leaves).head(len(leaves)).root == naive(data)


def test_every_inclusion_proof_verifies_and_only_for_its_leaf() -> None:
    """All leaves of all trees up to forty, then another leaf, another place, another head."""
    tree = Tree.of(MANY)
    for size in range(1, 41):
        head = tree.head(size)
        for index in range(size):
            proof = inclusion_proof(tree, index, size)
            assert verify_inclusion(MANY[index], proof, head) == Included(leaf=MANY[index], index=index, head=head)
            wrong = [
                (MANY[(index + 1) % 40], proof, head),
                (MANY[index], replace(proof, path=(*proof.path, MANY[0])), head),
                (MANY[index], proof, Head(size=size, root=leaf_hash(b"other"))),
                (MANY[index], replace(proof, index=size), head),
                (MANY[index], replace(proof, index=-1), head),
                (MANY[index], replace(proof, size=size + 1), head),
            ]
            if proof.path:
                wrong += [
                    (MANY[index], replace(proof, path=proof.path[:-1]), head),
                    (MANY[index], replace(proof, path=(proof.path[0][:31], *proof.path[1:])), head),
                    (MANY[index], replace(proof, index=index ^ 1), head),
                ]
            for leaf, bad, under in wrong:
                with pytest.raises(AuditBroken):
                    verify_inclusion(leaf, bad, under)


def test_one_pass_also_makes_proofs_in_the_log_as_it_was() -> None:
    """At every size up to the last, each beside those of the whole log."""
    tree = Tree.of(MANY)
    prover = Prover(range(0, 40, 7), 40, {size: range(size) for size in range(1, 41)})
    for leaf in MANY[:40]:
        prover.append(leaf)
    for size in range(1, 40):
        assert prover.proofs(size) == {index: inclusion_proof(tree, index, size) for index in range(size)}
    assert prover.proofs() == {index: inclusion_proof(tree, index, 40) for index in range(40)}


def test_proofs_made_in_one_pass_are_those_of_the_tree() -> None:
    """All leaves of all trees up to forty, some of them, none; the whole log must be given."""
    tree = Tree.of(MANY)
    for size in range(1, 41):
        for indexes in (range(size), range(0, size, 3), ()):
            prover = Prover(indexes, size)
            for leaf in MANY[:size]:
                prover.append(leaf)
            assert prover.proofs() == {index: inclusion_proof(tree, index, size) for index in indexes}
    with pytest.raises(ValueError, match="leaf"):
        Prover([40], 40)
    with pytest.raises(ValueError, match="leaf"):
        Prover([], 40, {41: [3]})
    with pytest.raises(ValueError, match="leaf"):
        Prover([], 40, {3: [3]})
    with pytest.raises(ValueError, match="size"):
        Prover([0], 40).proofs()


def test_every_consistency_proof_verifies_and_only_for_its_heads() -> None:
    """All pairs up to forty; then a changed old log, a shortened and a lengthened proof."""
    tree = Tree.of(MANY)
    other = Tree.of([leaf_hash(b"other"), *MANY[1:]])
    for new in range(41):
        for old in range(new + 1):
            proof = consistency_proof(tree, old, new)
            before, after = tree.head(old), tree.head(new)
            assert verify_consistency(before, proof, after) == Consistent(old=before, new=after)
            wrong = [(before, replace(proof, path=(*proof.path, MANY[0])), after)]
            if old:
                wrong += [(other.head(old), proof, after), (before, proof, other.head(new))]
                wrong += [(other.head(old), consistency_proof(other, old, new), after)]
            if proof.path:
                wrong.append((before, replace(proof, path=proof.path[:-1]), after))
            if old != new:
                wrong.append((after, replace(proof, old=new, new=old), before))
            for first, bad, second in wrong:
                with pytest.raises(AuditBroken):
                    verify_consistency(first, bad, second)


def test_an_inner_node_does_not_pass_for_a_leaf() -> None:
    """A path that is right but one step short, from the parent of the leaf."""
    tree = Tree.of(LEAVES)
    proof = inclusion_proof(tree, 0, 8)
    with pytest.raises(AuditBroken):
        verify_inclusion(tree.subtree(0, 2), replace(proof, path=proof.path[1:]), tree.head(8))


def test_an_old_head_cannot_lie_about_its_size() -> None:
    """The root of four leaves, said to be that of two."""
    tree = Tree.of(LEAVES)
    proof = replace(consistency_proof(tree, 4, 8), old=2)
    with pytest.raises(AuditBroken):
        verify_consistency(replace(tree.head(4), size=2), proof, tree.head(8))


@given(st.integers(min_value=0, max_value=40))
def test_a_frontier_survives_its_column(size: int) -> None:
    """Encoding and decoding at every size; the frontier goes on growing to the same root."""
    frontier = Frontier()
    for leaf in MANY[:size]:
        frontier = frontier.append(leaf)
    again = Frontier.decode(frontier.encode())
    assert again == frontier
    for leaf in MANY[size:]:
        again = again.append(leaf)
    assert again.root() == root(MANY)


def test_a_damaged_frontier_column_is_refused() -> None:
    """Every shortening, a byte more, another size, and a size beyond the limit."""
    data = Frontier(size=3, nodes=(MANY[0], MANY[1])).encode()
    damaged = [data[:cut] for cut in range(len(data))] + [data + b"\x00", b"\x00" * 7 + b"\x01" + data[8:]]
    damaged.append((INTEGER + 1).to_bytes(8, "big") + MANY[0])
    for one in damaged:
        with pytest.raises(AuditBroken):
            Frontier.decode(one)


def test_what_is_not_a_hash_is_not_appended() -> None:
    """Record bytes given in place of their leaf hash are a defect of the caller; so is a frontier of a wrong shape."""
    with pytest.raises(ValueError, match="32 bytes"):
        Frontier().append(b"record")
    with pytest.raises(ValueError, match="one node"):
        Frontier(size=1)


def test_proofs_of_what_is_not_there_are_not_made() -> None:
    """Sizes beyond the tree, an index beyond the size, sizes the wrong way round."""
    tree = Tree.of(LEAVES)
    for index, size in ((8, 8), (0, 9), (-1, 8), (0, 0)):
        with pytest.raises(ValueError, match="no such"):
            inclusion_proof(tree, index, size)
    for old, new in ((5, 4), (-1, 3), (2, 9)):
        with pytest.raises(ValueError, match="no such"):
            consistency_proof(tree, old, new)
    with pytest.raises(ValueError, match="no such"):
        tree.head(9)


def test_heads_of_all_sizes_differ() -> None:
    """A shorter log never passes for a longer one."""
    tree = Tree.of(MANY)
    assert all(tree.head(a).root != tree.head(b).root for a, b in pairwise(range(41)))
