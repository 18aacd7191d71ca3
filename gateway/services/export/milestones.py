"""The checkpoints that were the first to cover the records of a case, and that left this machine at their time.

A dossier is signed when it is exported, years later perhaps: who doubts that a record stood in the log on its day needs
a checkpoint of that day, dated by somebody else.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.domain.checkpoint import VerifierKey, read_note
from gateway.storage import Anchor, LogPoint, View

PAGE = 500
"""Checkpoints read at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Covering:
    """A checkpoint, the anchors of it that were written, and the records that none before it covers."""

    point: LogPoint
    anchors: tuple[Anchor, ...]
    indexes: tuple[int, ...]


async def covering(view: View, indexes: Sequence[int], key: VerifierKey) -> tuple[Covering, ...]:
    """In order. Those that an authority dated, where there are such; else those that left in any way.

    Only what ``key`` signed is looked at: a former key's is another to be handed over.
    """
    dated = await _covering(view, indexes, key, stamped=True)
    return dated or await _covering(view, indexes, key, stamped=False)


async def _covering(view: View, indexes: Sequence[int], key: VerifierKey, *, stamped: bool) -> tuple[Covering, ...]:
    pending, found, number = sorted(indexes), list[Covering](), 0
    while pending and (page := await view.following(LogPoint, number, limit=PAGE)):
        number = page[-1].id
        points = [point for point in page if point.size > pending[0]]
        anchors = await view.all(Anchor, point=tuple(point.id for point in points)) if points else ()
        for point in points:
            done = tuple(row for row in anchors if row.point == point.id and row.done_at is not None)
            covered = tuple(index for index in pending if index < point.size)
            if covered and read_note(point.note).key_id == key.id and any(row.proof or not stamped for row in done):
                found.append(Covering(point=point, anchors=done, indexes=covered))
                pending = pending[len(covered) :]
    return tuple(found)
