"""Signs checkpoints of the audit log and writes each down outside: what stands there cannot be taken back here.

A checkpoint is signed only if the log of now begins with the log of the last one. An anchor that cannot be written is
owed until it is; nothing is ever signed or stamped again in its place.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from gateway.domain.checkpoint import MAILBOX, Checkpoint, read_note
from gateway.domain.errors import AlreadyThere, AuditBroken, CheckpointInvalid, GatewayError
from gateway.domain.merkle import Frontier
from gateway.domain.words import said
from gateway.ports import AnchorBook, Clock, LogSigner, Stamper
from gateway.services.anchor_mail import AnchorPost
from gateway.storage import Anchor, LogPoint, Store, View, Way

_log = structlog.get_logger()

PAGE = 1000
"""Leaves read at a time."""

TRAIL = 100
"""More records of nothing but mail that carries anchors than this are signed like any others."""

SILENCE = "request.silence_recorded"
"""What must not wait for its checkpoint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """When a checkpoint is due: after so many records, or the first record that is so old."""

    records: int
    age: timedelta


class Witness:
    """One for a database. ``book``, ``stamper``, ``post``: where checkpoints go, None where that is not configured.

    ``sound`` says what was found of the log when it was last to be signed; None before the first time.
    """

    def __init__(
        self,
        *,
        store: Store,
        signer: LogSigner,
        clock: Clock,
        rule: Rule,
        book: AnchorBook | None = None,
        stamper: Stamper | None = None,
        post: AnchorPost | None = None,
    ) -> None:
        self._store = store
        self._signer = signer
        self._clock = clock
        self._rule = rule
        self._book = book
        self._stamper = stamper
        self._post = post
        self.sound: bool | None = None

    async def round(self, *, at_once: bool = False) -> None:
        """Sign what is due, then write down what is owed. An anchor that fails is told once, and tried again.

        ``at_once`` signs whatever is not signed yet, due or not.

        Raises:
            AuditBroken: the log of now does not continue the signed one; nothing is signed any more.
        """
        try:
            await self._sign(at_once=at_once)
        except AuditBroken:
            self.sound = False
            raise
        finally:
            await self._anchor()

    # --- signing

    async def _sign(self, *, at_once: bool) -> None:
        async with self._store.view() as view:
            last = await _last(view)
            size, head, _ = await view.head()
            if last is not None and size < last.size:
                signed = said("Un point de contrôle atteste {size} enregistrements.", size=last.size)
                raise AuditBroken(index=size, reason=signed)
            if not await self._due(view, last, size, at_once=at_once):
                return
            if last is not None:
                self._require_signed(last)
            proved = await _continued(view, last, size)
        if proved != head:
            reason = said("Ce qui suit le dernier point de contrôle ne mène pas à la tête du journal.")
            raise AuditBroken(index=last.size if last else 0, reason=reason)
        self.sound = True
        checkpoint = Checkpoint(origin=self._signer.verifier.name, head=head.head(), at=self._clock.now())
        point = LogPoint(size=size, at=checkpoint.at, note=self._signer.sign(checkpoint), frontier=head.encode())
        try:
            async with self._store.act() as act:
                kept = await act.add(point)
                for way in self._ways:
                    await act.add(Anchor(point=kept.id, way=way))
                if self._post is not None:
                    mail = await self._post.queue(act, kept)
                    await act.add(Anchor(point=kept.id, way=Way.MAIL, transmission=mail.id))
        except AlreadyThere:
            # Another gateway of this database was quicker.
            return
        _log.info("audit.checkpoint", size=size)

    def _require_signed(self, last: LogPoint) -> None:
        """The frontier from which the next checkpoint is proved is a column like others: the signed note decides.

        Of a former key only what the note says is looked at. Ed25519 gives one signature for one text.
        """
        broken = AuditBroken(index=last.size, reason=said("Le dernier point de contrôle n'est plus ce qui fut signé."))
        try:
            note = read_note(last.note)
        except CheckpointInvalid as error:
            raise broken from error
        forged = note.key_id == self._signer.verifier.id and self._signer.sign(note.checkpoint) != last.note
        if forged or note.checkpoint.head != Frontier.decode(last.frontier).head():
            raise broken

    async def _due(self, view: View, last: LogPoint | None, size: int, *, at_once: bool) -> bool:
        signed = last.size if last else 0
        if size == signed:
            return False
        if at_once:
            return True
        since = await view.entries(after=signed - 1, limit=TRAIL)
        # The trail of the last anchor's own mail asks for no other: there would be no end of it.
        first = next((entry for entry in since if entry.partner != MAILBOX), None)
        if first is None and 0 < len(since) < TRAIL:
            return False
        # A record that is not where it must be is for the proof to find.
        old = first is None or self._clock.now() - first.at >= self._rule.age
        if old or size - signed >= self._rule.records:
            return True
        return bool(await view.entries(after=signed - 1, limit=1, event=SILENCE))

    # --- writing down

    @property
    def _ways(self) -> tuple[Way, ...]:
        """Those that are tried from here; mail is the outbox's."""
        file = (Way.FILE,) if self._book is not None else ()
        return (*file, Way.TIMESTAMP) if self._stamper is not None else file

    async def _anchor(self) -> None:
        if self._post is not None:
            await self._post.round()
        async with self._store.view() as view:
            owed = [row for row in await view.all(Anchor, done_at=None) if row.way in self._ways]
            points = {point.id: point for point in await view.all(LogPoint, id=tuple(row.point for row in owed))}
        failed: set[Way] = set()
        for row in owed:
            if row.way not in failed and not await self._write(row, points):
                failed.add(row.way)

    async def _write(self, row: Anchor, points: Mapping[int, LogPoint]) -> bool:
        note = points[row.point].note
        try:
            proof, at = await self._written(row.way, note)
        except GatewayError as error:
            if row.failing_since is None:
                _log.warning("audit.anchor_failing", way=row.way.value, error=error.code, told=error.sentence())
                async with self._store.act() as act:
                    await act.save(replace(row, failing_since=self._clock.now()))
            return False
        async with self._store.act() as act:
            await act.save(replace(row, done_at=at, proof=proof, failing_since=None))
        return True

    async def _written(self, way: Way, note: str) -> tuple[bytes | None, datetime]:
        """What came back, and when it was written: a stamp says it itself."""
        if way is Way.TIMESTAMP and self._stamper is not None:
            stamp = await self._stamper.stamp(note.encode())
            return stamp.response, stamp.at
        if self._book is not None:
            await asyncio.to_thread(self._book.append, note)
        return None, self._clock.now()


async def _last(view: View) -> LogPoint | None:
    found = await view.all(LogPoint, newest=True, limit=1)
    return found[0] if found else None


async def _continued(view: View, last: LogPoint | None, size: int) -> Frontier:
    """The frontier to which the leaves after the last checkpoint lead from it."""
    frontier = Frontier.decode(last.frontier) if last else Frontier()
    while frontier.size < size and (
        page := await view.entries(after=frontier.size - 1, limit=min(PAGE, size - frontier.size))
    ):
        for entry in page:
            if entry.index != frontier.size:
                reason = said("Un enregistrement manque, est en trop ou n'est pas à sa place.")
                raise AuditBroken(index=frontier.size, reason=reason)
            frontier = frontier.append(entry.leaf)
    return frontier
