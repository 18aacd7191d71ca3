"""Verifies the audit log: every record, every signed checkpoint, every anchor, and what is not yet anchored."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.domain import audit
from gateway.domain.checkpoint import Note, VerifierKey
from gateway.domain.errors import AuditBroken, CheckpointInvalid
from gateway.domain.merkle import Frontier, Head
from gateway.domain.words import said
from gateway.storage import Anchor, LogPoint, Store, View, Way

PAGE = 1000
"""Records read at a time."""

VerifyNote = Callable[[str, VerifierKey], Note]
VerifyStamp = Callable[[bytes, bytes], datetime]
"""The instant of an authority's answer to some data; raises what ``gateway.ports.Stamper.stamp`` raises."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """A whole log that verifies.

    ``signed`` is the last checkpoint; ``outside`` the newest that is written down for each way; ``owed`` counts anchors
    that are not, the first since ``owed_since``. ``exposed`` counts records that only this machine vouches for, the
    first of ``exposed_since``.
    """

    head: Head
    points: int
    signed: LogPoint | None
    outside: Mapping[Way, LogPoint]
    owed: int
    owed_since: datetime | None
    exposed: int
    exposed_since: datetime | None


class Auditor:
    """``key`` is the log's own; without it no checkpoint is looked at."""

    def __init__(
        self,
        *,
        store: Store,
        key: VerifierKey | None,
        verify_note: VerifyNote,
        verify_stamp: VerifyStamp | None = None,
    ) -> None:
        self._store = store
        self._key = key
        self._verify_note = verify_note
        self._verify_stamp = verify_stamp

    async def verify(self, written: Sequence[str] = ()) -> Audited:
        """Check everything; ``written`` are notes that stand outside, as an anchor file has them.

        Raises:
            AuditBroken: with the first bad record; also when a checkpoint vouches for more records than there are.
            CheckpointInvalid: a note that the log's key did not sign, or a stamp of something else.
        """
        async with self._store.view() as view:
            size, frontier, _ = await view.head()
            rows: list[tuple[bytes, bytes]] = []
            while page := await view.entries(after=len(rows) - 1, limit=PAGE):
                rows += [(entry.canonical, entry.leaf) for entry in page]
            points = await view.all(LogPoint)
            anchors = await view.all(Anchor)
            heads = self._heads(points, written)
            self._stamps(points, anchors)
            if size != frontier.size:
                raise AuditBroken(index=min(size, frontier.size), reason=said("La tête du journal se contredit."))
            found = audit.verify_log(
                (row[0] for row in rows), frontier, leaves=(row[1] for row in rows), checkpoints=heads
            )
            return await _told(view, found.frontier, points, anchors)

    def _heads(self, points: Sequence[LogPoint], written: Sequence[str]) -> tuple[Head, ...]:
        if self._key is None:
            if written:
                raise CheckpointInvalid(reason=said("La clé du journal n'est pas donnée."))
            return ()
        heads = []
        for point in points:
            head = self._verify_note(point.note, self._key).checkpoint.head
            if head != Frontier.decode(point.frontier).head():
                raise CheckpointInvalid(reason=said("Un point de contrôle ne dit pas ce qui est gardé avec lui."))
            heads.append(head)
        heads += [self._verify_note(text, self._key).checkpoint.head for text in written]
        return tuple(sorted(set(heads), key=lambda head: head.size))

    def _stamps(self, points: Sequence[LogPoint], anchors: Sequence[Anchor]) -> None:
        if self._verify_stamp is None:
            return
        notes = {point.id: point.note for point in points}
        for anchor in anchors:
            if anchor.proof is not None:
                self._verify_stamp(anchor.proof, notes[anchor.point].encode())


async def _told(view: View, frontier: Frontier, points: Sequence[LogPoint], anchors: Sequence[Anchor]) -> Audited:
    by_id = {point.id: point for point in points}
    outside: dict[Way, LogPoint] = {}
    for anchor in anchors:
        point = by_id[anchor.point]
        if anchor.done_at is not None and (anchor.way not in outside or outside[anchor.way].size < point.size):
            outside[anchor.way] = point
    owed = [anchor for anchor in anchors if anchor.done_at is None]
    safe = max((point.size for point in outside.values()), default=0)
    first = await view.entries(after=safe - 1, limit=1)
    return Audited(
        head=frontier.head(),
        points=len(points),
        signed=max(points, key=lambda point: point.size, default=None),
        outside=outside,
        owed=len(owed),
        owed_since=min((by_id[anchor.point].at for anchor in owed), default=None),
        exposed=frontier.size - safe,
        exposed_since=first[0].at if first else None,
    )
