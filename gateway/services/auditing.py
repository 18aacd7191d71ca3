"""Verifies the audit log: every record, every signed checkpoint, every anchor, and what is not yet anchored.

Nothing that the database holds is trusted, the type of a value included.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.domain.audit import instant
from gateway.domain.checkpoint import MAILBOX, Note, VerifierKey, read_note
from gateway.domain.errors import AuditBroken, CheckpointInvalid, StorageFailed
from gateway.domain.log_check import Attested, LogCheck
from gateway.domain.merkle import Frontier, Head
from gateway.domain.words import Said, said
from gateway.services.anchors import Anchored, Outside, Shelf, VerifyStamp, anchored
from gateway.storage import Anchor, LogPoint, Store, Transmission, V, View, Way

PAGE = 15_000
"""Records read at a time, in some 40 MB: on a busy machine it is the turns between two threads that take time."""

NOTHING = Outside()
"""Nothing that stands outside is at hand."""

NOWHERE = Anchored(newest={}, owed={}, owed_since=None, safe=0)
"""Where no checkpoint was looked at."""

VerifyNote = Callable[[str, VerifierKey], Note]


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """A whole log that verifies; of ``purged`` records only the hashes are left.

    ``unread`` counts checkpoints at which nobody looked, for want of the log's key: they vouch for nothing here.
    ``signed`` is the last checkpoint; ``outside`` the newest that went each way, as the database says; ``owed`` counts
    anchors that did not, the first since ``owed_since``. ``exposed`` counts records for which nothing that was looked
    up vouches but this machine, the first of ``exposed_since``.
    """

    head: Head
    purged: int
    unread: int
    points: int
    signed: LogPoint | None
    outside: Mapping[Way, LogPoint]
    owed: Mapping[Way, int]
    owed_since: datetime | None
    exposed: int
    exposed_since: datetime | None


class Auditor:
    """``key`` is the log's own, ``former`` those before it; without ``key`` no checkpoint is looked at."""

    def __init__(
        self,
        *,
        store: Store,
        key: VerifierKey | None,
        former: Sequence[VerifierKey] = (),
        verify_note: VerifyNote,
        verify_stamp: VerifyStamp | None = None,
    ) -> None:
        self._store = store
        self._keys = () if key is None else (key, *former)
        self._verify_note = verify_note
        self._verify_stamp = verify_stamp

    async def verify(self, outside: Outside = NOTHING) -> Audited:
        """Check everything, against what stands outside.

        Raises:
            AuditBroken: with the first bad record; also when a checkpoint vouches for more records than there are.
            CheckpointInvalid: a note that the log's key did not sign, a stamp of something else, an anchor that is not
                where the database says.
        """
        async with self._store.view() as view:
            head, last = await _head(view)
            points, anchors = await _read(view.all(LogPoint)), await _read(view.all(Anchor))
            mails = await _read(view.all(Transmission, partner=MAILBOX))
            check = LogCheck(head, self._attested(points, outside.notes))
            await _walk(view, check)
            frontier = check.end()
            if check.last_at != (instant(last) if last is not None else None):
                raise AuditBroken(
                    index=head.size, reason=said("La tête du journal dit un autre dernier instant que lui.")
                )
            if check.setback != await view.setback():
                raise AuditBroken(
                    index=head.size, reason=said("La tête du journal dit un autre recul de l'horloge que lui.")
                )
            if not self._keys:
                # A root that nobody compared says nothing, whoever wrote it down or dated it.
                return await _told(view, check, frontier, (), NOWHERE, unread=len(points))
            found = anchored(Shelf(points=points, anchors=anchors, mails=mails), outside, self._verify_stamp)
            return await _told(view, check, frontier, points, found)

    def _attested(self, points: Sequence[LogPoint], written: Sequence[str]) -> list[Attested]:
        if not self._keys:
            if written:
                raise CheckpointInvalid(reason=said("La clé du journal n'est pas donnée."))
            return []
        found = []
        for point in points:
            by = said("Le point de contrôle signé de {size} enregistrements", size=point.size)
            note = self._verified(point.note, by)
            stated = (note.checkpoint.head, note.checkpoint.at)
            if stated != (_decoded(point), point.at.replace(microsecond=0)) or point.size != stated[0].size:
                raise CheckpointInvalid(reason=said("{by} ne dit pas ce qui est gardé avec lui.", by=by))
            found.append(Attested(head=stated[0], by=by))
        for number, text in enumerate(written, start=1):
            by = said("L'ancre n° {number} du fichier", number=number)
            found.append(Attested(head=self._verified(text, by).checkpoint.head, by=by))
        return found

    def _verified(self, text: object, by: Said) -> Note:
        try:
            if type(text) is not str:
                raise CheckpointInvalid(reason=said("Le point de contrôle est mal formé."))  # noqa: TRY301  told below
            signer = read_note(text)
            known = (each for each in self._keys if (each.name, each.id) == (signer.name, signer.key_id))
            return self._verify_note(text, next(known, self._keys[0]))
        except CheckpointInvalid as error:
            raise CheckpointInvalid(reason=said("{by} : {why}", by=by, why=error.fields["reason"])) from error


async def _head(view: View) -> tuple[Frontier, datetime | None]:
    try:
        size, frontier, last = await view.head()
    except (TypeError, ValueError) as error:
        raise AuditBroken(index=0, reason=said("La tête du journal est illisible.")) from error
    if size != frontier.size:
        raise AuditBroken(index=frontier.size, reason=said("La tête du journal se contredit."))
    return frontier, last


async def _read(rows: Awaitable[tuple[V, ...]]) -> tuple[V, ...]:
    try:
        return await rows
    except (TypeError, ValueError, StorageFailed) as error:
        reason = said("Une ligne des points de contrôle ou des ancres est illisible.")
        raise CheckpointInvalid(reason=reason) from error


def _decoded(point: LogPoint) -> Head | None:
    try:
        return Frontier.decode(point.frontier).head()
    except (AuditBroken, TypeError):
        # Its caller compares with what was signed.
        return None


async def _walk(view: View, check: LogCheck) -> None:
    """Every row; where a page cannot be read, the rows one by one up to the one that cannot."""
    after, limit = None, PAGE
    while True:
        try:
            page = await view.logged(after=after, limit=limit)
        except StorageFailed as error:
            if limit > 1:
                limit = 1
                continue
            raise AuditBroken(index=check.size, reason=said("L'enregistrement est illisible.")) from error
        if not page:
            return
        check.take(page)
        after = page[-1][0]


async def _told(
    view: View,
    check: LogCheck,
    frontier: Frontier,
    points: Sequence[LogPoint],
    found: Anchored,
    *,
    unread: int = 0,
) -> Audited:
    first = await view.entries(after=found.safe - 1, limit=1)
    return Audited(
        head=frontier.head(),
        purged=check.purged,
        unread=unread,
        points=len(points),
        signed=max(points, key=lambda point: point.size, default=None),
        outside=found.newest,
        owed=found.owed,
        owed_since=found.owed_since,
        exposed=frontier.size - found.safe,
        exposed_since=first[0].at if first else None,
    )
