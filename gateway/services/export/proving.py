"""Audit records with what proves them: inclusion proofs under the newest signed checkpoint and under earlier ones."""

from collections.abc import Sequence

from gateway.domain import exhibit
from gateway.domain.checkpoint import VerifierKey
from gateway.domain.merkle import Prover
from gateway.services.export.milestones import Covering, covering
from gateway.storage import Anchor, AuditEntry, LogPoint, View

PAGE = 5000
"""Leaves read at a time."""


async def proved(view: View, records: Sequence[AuditEntry], key: VerifierKey | None) -> exhibit.Exhibit:
    """These records; without a checkpoint or a ``key`` nothing proves them."""
    canonical = {entry.index: entry.canonical for entry in records}
    points = await view.all(LogPoint, newest=True, limit=1)
    if not points or key is None:
        return exhibit.Exhibit(records=canonical, proofs={})
    (point,) = points
    indexes = [index for index in canonical if index < point.size]
    earlier = [each for each in await covering(view, indexes, key) if each.point.size < point.size]
    prover, taken = Prover(indexes, point.size, {each.point.size: each.indexes for each in earlier}), 0
    while taken < point.size and (leaves := await view.leaves(after=taken - 1, limit=min(PAGE, point.size - taken))):
        for leaf in leaves:
            prover.append(leaf)
        taken += len(leaves)
    return exhibit.Exhibit(
        records=canonical,
        proofs=prover.proofs(),
        note=point.note,
        key=key,
        stamps=_stamps(await view.all(Anchor, point=point.id)),
        milestones=tuple(_milestone(each, prover) for each in earlier),
    )


def _milestone(each: Covering, prover: Prover) -> exhibit.Milestone:
    proofs = prover.proofs(each.point.size)
    return exhibit.Milestone(note=each.point.note, proofs=proofs, stamps=_stamps(each.anchors))


def _stamps(anchors: Sequence[Anchor]) -> tuple[bytes, ...]:
    return tuple(anchor.proof for anchor in anchors if anchor.proof is not None)
