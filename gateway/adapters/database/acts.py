"""Writing: one transaction that leaves new state, its audit records and its outbox rows together, or nothing."""

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway import storage
from gateway.adapters.database import listing
from gateway.adapters.database.narrowing import MICROSECOND
from gateway.adapters.database.refusals import translated
from gateway.adapters.database.statements import (
    Statement,
    adding,
    columns_of,
    compared,
    expiring,
    form_of,
    made,
    once,
    saving,
    table_of,
)
from gateway.adapters.database.views import HEAD, View
from gateway.domain import audit, transmission
from gateway.domain.errors import AlreadyThere
from gateway.domain.merkle import Frontier, leaf_hash
from gateway.ports import Clock
from gateway.storage import V

ERASED_AT_ONCE = 500
"""Records of the log named in one statement: SQLite takes no more than some thousand values."""


@once
def _growing(dialect: str) -> Statement:
    grown = (HEAD.c.size, HEAD.c.frontier, HEAD.c.last_at, HEAD.c.setback)
    return made(dialect, update(HEAD).values({each.name: bindparam(each.name, type_=each.type) for each in grown}))


@once
def _locking(dialect: str) -> Statement:
    table = table_of(storage.Case)
    wanted = table.c.id == bindparam("id", type_=table.c.id.type)
    return made(dialect, select(table.c.id).where(wanted).with_for_update())


class Act(View):
    """Implements :class:`gateway.storage.Act` on one transaction that writes."""

    def __init__(self, connection: AsyncConnection, *, clock: Clock, site: str, party: str) -> None:
        super().__init__(connection)
        self._clock = clock
        self._site = site
        self._party = party
        self.posted = False
        self._log: dict[str, Any] | None = None

    async def add(self, value: V) -> V:
        """See :meth:`gateway.storage.Act.add`."""
        self._notice(value)
        kind, columns = type(value), columns_of(value)
        numbered = "id" in columns and not columns["id"]
        if numbered:
            del columns["id"]
        with translated():
            done = await adding(self._dialect, kind, numbered=numbered).run(self._line, **columns)
        if not done.rows:
            raise AlreadyThere(table=table_of(kind).name)
        return replace(value, id=done.rows[0][0]) if numbered else value

    def _notice(self, value: object) -> None:
        if isinstance(value, storage.Transmission) and value.state is transmission.State.READY:
            self.posted = True

    async def save(self, value: V) -> V:
        """See :meth:`gateway.storage.Act.save`."""
        self._notice(value)
        with translated():
            done = await saving(self._dialect, type(value)).run(self._line, **columns_of(value))
        if done.rowcount != 1:
            raise LookupError(f"no such row in {table_of(type(value)).name}")
        return value

    async def keep_tasks(self, cases: Collection[int], tasks: Sequence[storage.CaseTask]) -> None:
        """See :meth:`gateway.storage.Act.keep_tasks`."""
        with translated():
            await listing.keep_tasks(self._connection, cases, tasks)

    async def expire(self, kind: type[V], /, *, by: str, before: datetime, **equal: object) -> int:
        """See :meth:`gateway.storage.Act.expire`."""
        over = expiring(self._dialect, kind, form_of(equal), by=by)
        with translated():
            return (await over.run(self._line, before=before, **compared(equal))).rowcount

    async def lock(self, case_id: int) -> None:
        """See :meth:`gateway.storage.Act.lock`."""
        if self._dialect != "sqlite":
            # SQLite has no rows to lock: an act has the whole database.
            await _locking(self._dialect).run(self._line, id=case_id)

    async def record(
        self,
        event: str,
        *,
        actor: str,
        case: str | None = None,
        request: str | None = None,
        message: str | None = None,
        partner: str | None = None,
        outcome: str | None = None,
        details: Mapping[str, storage.Detail] | None = None,
    ) -> storage.AuditEntry:
        """See :meth:`gateway.storage.Act.record`."""
        # Locked by the first record of the act, it grows by this act alone until the end.
        head = self._log or await self._head(locked=True)
        record = audit.Record(
            index=head["size"],
            at=self._clock.now(),
            site=self._site,
            party=self._party,
            event=event,
            actor=actor,
            salt=secrets.token_hex(16),
            case=case,
            request=request,
            message=message,
            partner=partner,
            outcome=outcome,
            details=details or {},
        )
        canonical = audit.canonical(record)
        leaf = leaf_hash(canonical)
        entry = storage.AuditEntry(
            index=record.index,
            at=record.at,
            event=event,
            actor=record.actor,
            case=case,
            request=request,
            message=message,
            partner=partner,
            outcome=outcome,
            canonical=canonical,
            leaf=leaf,
        )
        added = adding(self._dialect, storage.AuditEntry, numbered=False)
        with translated():
            done = await added.run(self._line, **columns_of(entry))
        if not done.rows:
            raise LookupError("the log has a record of this number already")
        grown = Frontier.decode(head["frontier"]).append(leaf)
        # The latest instant that the log knows, whatever the clock says now: it betrays a clock that was set back.
        last = max(record.at, head["last_at"] or record.at)
        back = max(head["setback"], (last - record.at) // MICROSECOND)
        log = {"size": record.index + 1, "frontier": grown.encode(), "last_at": last, "setback": back}
        with translated():
            await _growing(self._dialect).run(self._line, **log)
        self._log = log
        return entry

    async def erase(self, indexes: Sequence[int], *, told_by: int) -> int:
        """See :meth:`gateway.storage.Act.erase`."""
        table = table_of(storage.AuditEntry)
        blank = dict.fromkeys(("case", "request", "message", "partner", "outcome"))
        columns = {"event": "", "actor": "", "canonical": b"", "purged_by": told_by, **blank}
        erased = 0
        for start in range(0, len(indexes), ERASED_AT_ONCE):
            some = indexes[start : start + ERASED_AT_ONCE]
            these = update(table).where(table.c.index.in_(some), table.c.purged_by.is_(None))
            erased += (await self._connection.execute(these.values(**columns))).rowcount
        return erased
