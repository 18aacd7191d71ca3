"""The Merkle tree of RFC 6962 §2.1: leaf and node hashes, the growing frontier, proofs and their verification.

A leaf is SHA-256(0x00 || bytes), a node SHA-256(0x01 || left || right); a lone node on the right is carried up, never
doubled. Proofs are made from a ``Tree``, and verified against a ``Head`` as RFC 9162 §2.1.3.2 and §2.1.4.2 say.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from types import MappingProxyType

from gateway.domain.errors import AuditBroken
from gateway.domain.words import said

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()
INTEGER = 2**53 - 1  # The largest size and index: what every JSON reader keeps exact (RFC 7493 §2.2).


def leaf_hash(data: bytes) -> bytes:
    """SHA-256(0x00 || data), RFC 6962 §2.1."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right), RFC 6962 §2.1."""
    return sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What a checkpoint signs: the number of records and the root over their leaves."""

    size: int
    root: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Frontier:
    """The compact range of a growing tree: the roots of its perfect subtrees, the largest (leftmost) first."""

    size: int = 0
    nodes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if len(self.nodes) != self.size.bit_count():
            raise ValueError("a frontier has one node for each bit of its size")

    def append(self, leaf: bytes) -> "Frontier":
        """The frontier with one more leaf hash.

        Raises:
            ValueError: ``leaf`` is not a hash.
        """
        if len(leaf) != HASH_BYTES:
            raise ValueError("a leaf is a hash of 32 bytes")
        nodes, carry = self.nodes, self.size
        while carry & 1:
            leaf = node_hash(nodes[-1], leaf)
            nodes, carry = nodes[:-1], carry >> 1
        return Frontier(size=self.size + 1, nodes=(*nodes, leaf))

    def root(self) -> bytes:
        """The Merkle tree hash of RFC 6962 §2.1; SHA-256 of nothing when empty."""
        if not self.nodes:
            return EMPTY_ROOT
        root = self.nodes[-1]
        for node in reversed(self.nodes[:-1]):
            root = node_hash(node, root)
        return root

    def head(self) -> Head:
        """Size and root."""
        return Head(size=self.size, root=self.root())

    def encode(self) -> bytes:
        """For one database column: the size in 8 bytes, big-endian, then the nodes."""
        return self.size.to_bytes(8, "big") + b"".join(self.nodes)

    @classmethod
    def decode(cls, data: bytes) -> "Frontier":
        """The reverse of ``encode``.

        Raises:
            AuditBroken: not an encoded frontier.
        """
        size = int.from_bytes(data[:8], "big")
        if len(data) != 8 + size.bit_count() * HASH_BYTES or size > INTEGER:
            raise AuditBroken(index=0, reason=said("La tête du journal est illisible."))
        return cls(size=size, nodes=tuple(data[at : at + HASH_BYTES] for at in range(8, len(data), HASH_BYTES)))


class Growing:
    """A frontier that grows in place: a whole log makes a million steps."""

    __slots__ = ("nodes", "size")

    def __init__(self) -> None:
        self.size = 0
        self.nodes: list[bytes] = []

    def append(self, leaf: bytes) -> None:
        """One more leaf hash, of 32 bytes."""
        nodes, carry = self.nodes, self.size
        while carry & 1:
            leaf = sha256(b"\x01" + nodes.pop() + leaf).digest()
            carry >>= 1
        nodes.append(leaf)
        self.size += 1

    def frontier(self) -> Frontier:
        """What it is now."""
        return Frontier(size=self.size, nodes=tuple(self.nodes))


def root(leaves: Iterable[bytes]) -> bytes:
    """Merkle tree hash of leaf hashes in order."""
    growing = Growing()
    for leaf in leaves:
        growing.append(leaf)
    return growing.frontier().root()


# --- proofs


def _split(size: int) -> int:
    """The largest power of two smaller than ``size``."""
    return 1 << ((size - 1).bit_length() - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """All perfect subtrees of a log, level by level, so that many proofs cost one pass over the leaves."""

    levels: tuple[tuple[bytes, ...], ...]

    @classmethod
    def of(cls, leaves: Iterable[bytes]) -> "Tree":
        """The tree over these leaf hashes."""
        levels = [tuple(leaves)]
        while len(levels[-1]) > 1:
            below = levels[-1]
            levels.append(tuple(node_hash(below[at], below[at + 1]) for at in range(0, len(below) - 1, 2)))
        return cls(levels=tuple(levels))

    @property
    def size(self) -> int:
        """Number of leaves."""
        return len(self.levels[0])

    def head(self, size: int) -> Head:
        """The head that the log had with ``size`` leaves."""
        return Head(size=size, root=self.subtree(0, size))

    def subtree(self, start: int, end: int) -> bytes:
        """Hash of the leaves from ``start`` up to, not with, ``end``: a subtree of RFC 6962's recursion.

        Raises:
            ValueError: the tree has fewer leaves.
        """
        if not 0 <= start <= end <= self.size:
            raise ValueError("the tree has no such leaves")
        size = end - start
        if size == 0:
            return EMPTY_ROOT
        if size.bit_count() == 1:
            return self.levels[size.bit_length() - 1][start // size]
        middle = start + _split(size)
        return node_hash(self.subtree(start, middle), self.subtree(middle, end))


@dataclass(frozen=True, slots=True, kw_only=True)
class InclusionProof:
    """The audit path of one leaf in the tree of ``size`` leaves, from the leaf up (RFC 6962 §2.1.1)."""

    index: int
    size: int
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsistencyProof:
    """That the tree of ``new`` leaves starts with the tree of ``old`` leaves (RFC 6962 §2.1.2)."""

    old: int
    new: int
    path: tuple[bytes, ...]


def inclusion_proof(tree: Tree, index: int, size: int) -> InclusionProof:
    """The proof for leaf ``index`` in the first ``size`` leaves.

    Raises:
        ValueError: no such leaf.
    """
    if not 0 <= index < size <= tree.size:
        raise ValueError("the tree has no such leaf")
    path = (tree.subtree(start, end) for start, end in _siblings(index, size))
    return InclusionProof(index=index, size=size, path=tuple(path))


def _siblings(index: int, size: int) -> list[tuple[int, int]]:
    """The leaves below each step of a path, from the leaf up."""
    start, end, found = 0, size, list[tuple[int, int]]()
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            found.append((middle, end))
            end = middle
        else:
            found.append((start, middle))
            start = middle
    return found[::-1]


class Prover:
    """Makes some proofs of a large log in one pass: of its nodes, only those that they need are kept.

    ``earlier`` are leaves to be proved in the log as it was, by its size then.

    Raises:
        ValueError: no such leaf, or no such size.
    """

    def __init__(
        self, indexes: Iterable[int], size: int, earlier: Mapping[int, Iterable[int]] = MappingProxyType({})
    ) -> None:
        self._size, self._taken = size, 0
        wanted = {(index, at) for at, some in earlier.items() for index in some} | {(index, size) for index in indexes}
        if any(not 0 <= index < at <= size for index, at in wanted):
            raise ValueError("the log has no such leaf")
        self._paths = {(index, at): _siblings(index, at) for index, at in wanted}
        self._stack: list[bytes] = []
        self._kept: dict[tuple[int, int], bytes] = {}
        self._needed = {part for path in self._paths.values() for ends in path for part in _perfect(*ends)}

    def append(self, leaf: bytes) -> None:
        """The next leaf hash."""
        start, end, carry = self._taken, self._taken + 1, self._taken
        self._keep(start, end, leaf)
        while carry & 1:
            leaf = node_hash(self._stack.pop(), leaf)
            start, carry = 2 * start - end, carry >> 1
            self._keep(start, end, leaf)
        self._stack.append(leaf)
        self._taken = end

    def proofs(self, size: int | None = None) -> dict[int, InclusionProof]:
        """By index, once every leaf was given; ``size`` is one of ``earlier``.

        Raises:
            ValueError: not every one was.
        """
        if self._taken != self._size:
            raise ValueError("the log has another size")
        return {
            index: InclusionProof(index=index, size=at, path=tuple(self._hash(*ends) for ends in path))
            for (index, at), path in self._paths.items()
            if at == (self._size if size is None else size)
        }

    def _keep(self, start: int, end: int, node: bytes) -> None:
        if (start, end) in self._needed:
            self._kept[start, end] = node

    def _hash(self, start: int, end: int) -> bytes:
        if (end - start).bit_count() == 1:
            return self._kept[start, end]
        middle = start + _split(end - start)
        return node_hash(self._hash(start, middle), self._hash(middle, end))


def _perfect(start: int, end: int) -> list[tuple[int, int]]:
    """The perfect subtrees over these leaves."""
    if (end - start).bit_count() == 1:
        return [(start, end)]
    middle = start + _split(end - start)
    return [*_perfect(start, middle), *_perfect(middle, end)]


def consistency_proof(tree: Tree, old: int, new: int) -> ConsistencyProof:
    """The proof that the first ``new`` leaves begin with the first ``old`` ones; empty for ``old`` 0 or ``new``.

    Raises:
        ValueError: no such sizes.
    """
    if not 0 <= old <= new <= tree.size:
        raise ValueError("the tree has no such sizes")
    start, end, path = 0, new, list[bytes]()
    while 0 < old < end:
        middle = start + _split(end - start)
        if old <= middle:
            path.append(tree.subtree(middle, end))
            end = middle
        else:
            path.append(tree.subtree(start, middle))
            start = middle
    if start > 0:
        path.append(tree.subtree(start, end))
    return ConsistencyProof(old=old, new=new, path=tuple(reversed(path)))


# --- verification


@dataclass(frozen=True, slots=True, kw_only=True)
class Included:
    """Made by ``verify_inclusion`` only: this leaf is number ``index`` under this head."""

    leaf: bytes
    index: int
    head: Head


@dataclass(frozen=True, slots=True, kw_only=True)
class Consistent:
    """Made by ``verify_consistency`` only: the log under ``new`` begins with the whole log under ``old``."""

    old: Head
    new: Head


def _check_hashes(index: int, *hashes: bytes) -> None:
    # A "hash" of another length would let bytes move between the two sides of a node.
    if any(len(one) != HASH_BYTES for one in hashes):
        raise AuditBroken(index=index, reason=said("Une empreinte de la preuve n'a pas 32 octets."))


def verify_inclusion(leaf: bytes, proof: InclusionProof, head: Head) -> Included:
    """Check an audit path (RFC 9162 §2.1.3.2): leaf ``proof.index`` of the log under ``head`` is ``leaf``.

    Raises:
        AuditBroken: it does not prove that.
    """
    # (1) The proof speaks of this head, and of a leaf that it has.
    if proof.size != head.size or not 0 <= proof.index < proof.size:
        raise AuditBroken(index=proof.index, reason=said("La preuve ne concerne pas cette tête du journal."))
    _check_hashes(proof.index, leaf, head.root, *proof.path)
    # (2) Climb: at an odd position, or alone at the right edge, the sibling is on the left.
    position, last, found = proof.index, proof.size - 1, leaf
    for sibling in proof.path:
        if last == 0:
            raise AuditBroken(index=proof.index, reason=said("La preuve est trop longue."))
        if position & 1 or position == last:
            found = node_hash(sibling, found)
            while position and not position & 1:
                position, last = position >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        position, last = position >> 1, last >> 1
    # (3) At the top stands the root.
    if last != 0 or found != head.root:
        raise AuditBroken(index=proof.index, reason=said("La preuve ne mène pas à la tête du journal."))
    return Included(leaf=leaf, index=proof.index, head=head)


def verify_consistency(old: Head, proof: ConsistencyProof, new: Head) -> Consistent:
    """Check that nothing under ``old`` was changed or removed to get ``new`` (RFC 9162 §2.1.4.2).

    Raises:
        AuditBroken: it does not prove that; the index is the first record that is not proved to be the old one.
    """
    # (1) The proof speaks of these heads, in this order.
    if (proof.old, proof.new) != (old.size, new.size) or not 0 <= old.size <= new.size:
        raise AuditBroken(index=0, reason=said("La preuve ne concerne pas ces têtes du journal."))
    _check_hashes(0, old.root, new.root, *proof.path)
    # (2) Every log begins with the empty log and with itself: there is nothing to climb.
    if old.size in (0, new.size):
        expected = EMPTY_ROOT if old.size == 0 else new.root
        if proof.path or old.root != expected:
            raise AuditBroken(index=0, reason=said("Les deux têtes du journal se contredisent."))
        return Consistent(old=old, new=new)
    # (3) Climb both trees at once; (4) at the top stand both roots.
    if _climb(old, proof.path, new.size) != (old.root, new.root):
        raise AuditBroken(index=0, reason=said("Le journal d'aujourd'hui ne prolonge pas celui d'hier."))
    return Consistent(old=old, new=new)


def _climb(old: Head, path: tuple[bytes, ...], size: int) -> tuple[bytes, bytes] | None:
    """The old and new root that a path leads to; None when it has not the right length."""
    # A perfect old tree is itself the first step, which the proof leaves out.
    steps = (old.root, *path) if old.size.bit_count() == 1 else path
    if not steps:
        return None
    position, last = old.size - 1, size - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    before = after = steps[0]
    for step in steps[1:]:
        if last == 0:
            return None
        if position & 1 or position == last:
            before, after = node_hash(step, before), node_hash(step, after)
            while position and not position & 1:
                position, last = position >> 1, last >> 1
        else:
            after = node_hash(after, step)
        position, last = position >> 1, last >> 1
    return (before, after) if last == 0 else None
