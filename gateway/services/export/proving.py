"""Audit records with what proves them: inclusion proofs under the newest signed checkpoint, and its stamps."""

from collections.abc import Sequence

from gateway.domain import exhibit
from gateway.domain.checkpoint import VerifierKey
from gateway.domain.merkle import Tree, inclusion_proof
from gateway.storage import Anchor, AuditEntry, LogPoint, View

PAGE = 1000
"""Leaves read at a time."""


async def proved(view: View, records: Sequence[AuditEntry], key: VerifierKey | None) -> exhibit.Exhibit:
    """These records; without a checkpoint or a ``key`` nothing proves them."""
    canonical = {entry.index: entry.canonical for entry in records}
    points = await view.all(LogPoint, newest=True, limit=1)
    if not points or key is None:
        return exhibit.Exhibit(records=canonical, proofs={})
    (point,) = points
    leaves = list[bytes]()
    while len(leaves) < point.size and (
        page := await view.entries(after=len(leaves) - 1, limit=min(PAGE, point.size - len(leaves)))
    ):
        leaves += [entry.leaf for entry in page]
    tree = Tree.of(leaves)
    anchors = await view.all(Anchor, point=point.id)
    return exhibit.Exhibit(
        records=canonical,
        proofs={index: inclusion_proof(tree, index, point.size) for index in canonical if index < point.size},
        note=point.note,
        key=key,
        stamps=tuple(anchor.proof for anchor in anchors if anchor.proof is not None),
    )
