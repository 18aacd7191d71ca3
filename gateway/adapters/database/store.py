"""The store: reads on one engine, acts on another, on SQLAlchemy Core over the tables.

Commits are shielded from cancellation: a commit under a time-out may have happened although the time-out was raised.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, fields, replace
from datetime import date, datetime, timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, Select, Table, delete, func, insert, select, type_coerce, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import NullType

from gateway import storage
from gateway.adapters.database import engines, listing, outdated
from gateway.adapters.database.narrowing import MICROSECOND, NAMING, asked, plainly, setback
from gateway.adapters.database.refusals import translated
from gateway.adapters.database.tables import TABLES, LogHeadRow
from gateway.adapters.database.uncut import to_its_end
from gateway.domain import audit, transmission
from gateway.domain.errors import AlreadyThere, AuditBroken, DiskUnreliable
from gateway.domain.log_check import COLUMNS, Row
from gateway.domain.merkle import Frontier, leaf_hash
from gateway.domain.words import said
from gateway.ports import Clock
from gateway.storage import V

ERASED_AT_ONCE = 500
"""Records of the log named in one statement: SQLite takes no more than some thousand values."""


def _table(kind: type) -> Table:
    return cast("Table", TABLES[kind].__table__)  # type: ignore[attr-defined]  # SQLModel adds it


_INSERT: dict[str, Callable[[Table], "sqlite.Insert | postgresql.Insert"]] = {
    "sqlite": sqlite.insert,
    "postgresql": postgresql.insert,
}
_HEAD = cast("Table", LogHeadRow.__table__)  # type: ignore[attr-defined]  # SQLModel adds it


def _conditions(table: Table, equal: Mapping[str, object]) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    for name, value in equal.items():
        column = plainly(table.c[name]) if name == "site" and not NAMING.isdisjoint(equal) else table.c[name]
        if value is None:
            found.append(column.is_(None))
        elif isinstance(value, tuple | frozenset):
            found.append(column.in_(tuple(value)))
        else:
            found.append(column == value)
    return found


class _View:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def _values(self, kind: type[V], query: Select[Any]) -> tuple[V, ...]:
        with translated():
            rows = await self._connection.execute(query)
            names = tuple(rows.keys())
            # Named here, once: asking each row for its names takes most of the time of a long answer.
            return tuple(kind(**dict(zip(names, row, strict=True))) for row in rows)

    async def one(self, kind: type[V], /, **equal: object) -> V | None:
        table = _table(kind)
        found = await self._values(kind, select(table).where(*_conditions(table, equal)).limit(2))
        if len(found) > 1:
            raise LookupError(f"several {kind.__name__} match {sorted(equal)}")
        return found[0] if found else None

    async def all(
        self, kind: type[V], /, *, limit: int | None = None, newest: bool = False, **equal: object
    ) -> tuple[V, ...]:
        table = _table(kind)
        order = next(iter(table.primary_key.columns))
        query = select(table).where(*_conditions(table, equal)).limit(limit)
        return await self._values(kind, query.order_by(order.desc() if newest else order))

    async def before(self, kind: type[V], /, number: int | None, *, limit: int, **equal: object) -> tuple[V, ...]:
        table = _table(kind)
        order = next(iter(table.primary_key.columns))
        earlier = [] if number is None else [order < number]
        query = select(table).where(*_conditions(table, equal), *earlier).order_by(order.desc()).limit(limit)
        return await self._values(kind, query)

    async def following(self, kind: type[V], /, number: int, *, limit: int, **equal: object) -> tuple[V, ...]:
        table = _table(kind)
        order = next(iter(table.primary_key.columns))
        query = select(table).where(*_conditions(table, equal), order > number).order_by(order).limit(limit)
        return await self._values(kind, query)

    async def ending(self, site: str, *, limit: int) -> tuple[storage.Request, ...]:
        return await self._values(storage.Request, listing.running(site, limit))

    async def tasks(
        self, site: str, day: date, *, without: Collection[int], after: storage.TaskKey | None, limit: int
    ) -> tuple[storage.CaseTask, ...]:
        return await self._values(storage.CaseTask, listing.tasks(site, day, without, after, limit))

    async def task_counts(self, site: str, day: date, *, without: Collection[int]) -> Mapping[int, int]:
        return await listing.task_counts(self._connection, site, day, without)

    async def named_since(self, index: int, *, limit: int) -> storage.Named | None:
        return await listing.named_since(self._connection, index, limit)

    async def tally(self, kind: type[V], /, *, by: str, oldest: str, **equal: object) -> tuple[storage.Tally, ...]:
        table = _table(kind)
        query = select(table.c[by], func.count(), func.min(table.c[oldest])).where(*_conditions(table, equal))
        with translated():
            found = await self._connection.execute(query.group_by(table.c[by]).order_by(table.c[by]))
            return tuple(storage.Tally(value=value, count=count, oldest=first) for value, count, first in found)

    async def due(self, site: str, at: datetime) -> tuple[int, ...]:
        table = _table(storage.Request)
        query = select(table.c.id).where(table.c.site == site, table.c.due_at <= at).order_by(table.c.due_at)
        return tuple((await self._connection.execute(query)).scalars())

    async def sendable(self, site: str, at: datetime, limit: int) -> tuple[storage.Transmission, ...]:
        table = _table(storage.Transmission)
        ready = (table.c.site == site, table.c.state == transmission.State.READY, table.c.next_at <= at)
        return await self._values(
            storage.Transmission, select(table).where(*ready).order_by(table.c.next_at, table.c.id).limit(limit)
        )

    async def unsettled(self, site: str, *, since: datetime, before: datetime) -> tuple[storage.Mail, ...]:
        table = _table(storage.Mail)
        query = select(table).where(
            table.c.site == site,
            table.c.held_back.is_(True),
            table.c.settled_at.is_(None),
            table.c.received_earliest.is_(None) | (table.c.received_earliest < before),
            table.c.received_latest.is_(None) | (table.c.received_latest >= since),
        )
        return await self._values(storage.Mail, query.order_by(table.c.id))

    async def stale(self, site: str, *, strangers: datetime, settled: datetime, limit: int) -> tuple[storage.Mail, ...]:
        return await self._values(storage.Mail, outdated.mails(site, strangers, settled).limit(limit))

    async def served(self, site: str, *, kind: str, before: datetime, limit: int) -> tuple[storage.Transmission, ...]:
        return await self._values(storage.Transmission, outdated.transmissions(site, kind, before).limit(limit))

    async def entries(
        self, *, after: int = -1, limit: int | None = None, newest: bool = False, **equal: object
    ) -> tuple[storage.AuditEntry, ...]:
        table = _table(storage.AuditEntry)
        query = select(table).where(table.c.index > after, *_conditions(table, equal)).limit(limit)
        order = table.c.index.desc() if newest else table.c.index
        rows = await self._connection.execute(query.order_by(order))
        return tuple(storage.AuditEntry(**row) for row in rows.mappings())

    async def leaves(self, *, after: int, limit: int) -> Sequence[bytes]:
        table = _table(storage.AuditEntry)
        query = select(table.c.leaf).where(table.c.index > after).order_by(table.c.index).limit(limit)
        return (await self._connection.execute(query)).scalars().all()

    async def answer(self, question: storage.Question) -> tuple[storage.AuditEntry, ...]:
        table = _table(storage.AuditEntry)
        order = table.c.index.desc() if question.newest else table.c.index
        conditions = await asked(self._connection, table, question)
        rows = await self._connection.execute(select(table).where(*conditions).order_by(order).limit(question.limit))
        return tuple(storage.AuditEntry(**row) for row in rows.mappings())

    async def count(self, question: storage.Question) -> int:
        table = _table(storage.AuditEntry)
        conditions = await asked(self._connection, table, question)
        query = select(func.count()).select_from(table).where(*conditions)
        return int((await self._connection.execute(query)).scalar_one())

    async def logged(self, *, after: int | None, limit: int) -> Sequence[Row]:
        table = _table(storage.AuditEntry)
        query = (
            select(*(type_coerce(table.c[name], NullType()) for name in COLUMNS)).order_by(table.c.index).limit(limit)
        )
        # Translated here already: whoever verifies reads on after a row that cannot be read.
        with translated():
            rows = await self._connection.execute(query if after is None else query.where(table.c.index > after))
            return rows.fetchall()

    async def head(self) -> tuple[int, Frontier, datetime | None]:
        row = (await self._connection.execute(select(_HEAD))).mappings().one_or_none()
        if row is None:
            raise AuditBroken(index=0, reason=said("La tête du journal manque."))
        return row["size"], Frontier.decode(row["frontier"]), row["last_at"]

    async def setback(self) -> timedelta:
        return await setback(self._connection)


class _Act(_View):
    def __init__(self, connection: AsyncConnection, *, clock: Clock, site: str, party: str) -> None:
        super().__init__(connection)
        self._clock = clock
        self._site = site
        self._party = party
        self.posted = False

    async def add(self, value: V) -> V:
        self._notice(value)
        table = _table(type(value))
        columns = {field.name: getattr(value, field.name) for field in fields(value)}
        generated = "id" in columns and not columns["id"]
        if generated:
            del columns["id"]
        # A statement that fails would end the whole act on PostgreSQL; one that does nothing ends nothing.
        new = _INSERT[self._connection.dialect.name](table).values(**columns).on_conflict_do_nothing()
        result = await self._connection.execute(new, execution_options={"preserve_rowcount": True})
        if result.rowcount == 0:
            raise AlreadyThere(table=table.name)
        return replace(value, id=cast("Any", result.inserted_primary_key)[0]) if generated else value

    def _notice(self, value: object) -> None:
        if isinstance(value, storage.Transmission) and value.state is transmission.State.READY:
            self.posted = True

    async def save(self, value: V) -> V:
        self._notice(value)
        table = _table(type(value))
        key = next(iter(table.primary_key.columns))
        columns = {field.name: getattr(value, field.name) for field in fields(value)}
        result = await self._connection.execute(update(table).where(key == columns.pop(key.name)).values(**columns))
        if result.rowcount != 1:
            raise LookupError(f"no such row in {table.name}")
        return value

    async def keep_tasks(self, cases: Collection[int], tasks: Sequence[storage.CaseTask]) -> None:
        await listing.keep_tasks(self._connection, cases, tasks)

    async def expire(self, kind: type[V], /, *, by: str, before: datetime, **equal: object) -> int:
        table = _table(kind)
        over = delete(table).where(table.c[by] < before, *_conditions(table, equal))
        return (await self._connection.execute(over)).rowcount

    async def lock(self, case_id: int) -> None:
        table = _table(storage.Case)
        await self._connection.execute(select(table.c.id).where(table.c.id == case_id).with_for_update())

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
        head = (await self._connection.execute(select(_HEAD).with_for_update())).mappings().one()
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
        await self._connection.execute(insert(_table(storage.AuditEntry)).values(**asdict(entry)))
        grown = Frontier.decode(head["frontier"]).append(leaf)
        # The latest instant that the log knows, whatever the clock says now: it betrays a clock that was set back.
        last = max(record.at, head["last_at"] or record.at)
        back = max(head["setback"], (last - record.at) // MICROSECOND)
        await self._connection.execute(
            update(_HEAD).values(size=record.index + 1, frontier=grown.encode(), last_at=last, setback=back)
        )
        return entry

    async def erase(self, indexes: Sequence[int], *, told_by: int) -> int:
        table = _table(storage.AuditEntry)
        blank = dict.fromkeys(("case", "request", "message", "partner", "outcome"))
        columns = {"event": "", "actor": "", "canonical": b"", "purged_by": told_by, **blank}
        erased = 0
        for start in range(0, len(indexes), ERASED_AT_ONCE):
            some = indexes[start : start + ERASED_AT_ONCE]
            these = update(table).where(table.c.index.in_(some), table.c.purged_by.is_(None))
            erased += (await self._connection.execute(these.values(**columns))).rowcount
        return erased


class DatabaseStore:
    """Implements :class:`gateway.storage.Store` on a database URL of SQLAlchemy.

    ``committed`` is called with the seconds of each commit.
    """

    def __init__(
        self, url: str, *, clock: Clock, site: str, party: str, committed: Callable[[float], None] | None = None
    ) -> None:
        self._clock = clock
        self._site = site
        self._party = party
        # One writer a process: two would only wait for each other inside the database.
        self._writer, self._reader = engines.writer(url), engines.reader(url)
        self._writing = asyncio.Lock()
        self._unreliable: DiskUnreliable | None = None
        self._posted = asyncio.Event()
        self._committed = committed

    @asynccontextmanager
    async def view(self) -> AsyncIterator[storage.View]:
        """See :meth:`gateway.storage.Store.view`."""
        with translated():
            async with self._reader.begin() as connection:
                yield _View(connection)

    @asynccontextmanager
    async def act(self) -> AsyncIterator[storage.Act]:
        """See :meth:`gateway.storage.Store.act`; after a disk that confirmed nothing, there are no more acts."""
        if self._unreliable is not None:
            raise DiskUnreliable(**self._unreliable.fields)
        try:
            async with self._writing, self._transaction() as act:
                yield act
        except DiskUnreliable as error:
            # The kernel may have forgotten what it could not write: a second sync would confirm it.
            self._unreliable = error
            raise

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[storage.Act]:
        with translated():
            connection = await self._writer.connect()
            try:
                await connection.begin()
                act = _Act(connection, clock=self._clock, site=self._site, party=self._party)
                yield act
                began = self._clock.uptime()
                await to_its_end(connection.commit())
                if self._committed is not None:
                    self._committed(self._clock.uptime() - began)
                if act.posted:
                    self._posted.set()
            finally:
                # Rolls back what was not committed; shielded, because a half-closed connection would keep the lock.
                await to_its_end(connection.close())

    async def wait_for_post(self, seconds: float) -> None:
        """See :meth:`gateway.storage.Store.wait_for_post`."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._posted.wait(), seconds)
        self._posted.clear()

    async def close(self) -> None:
        """Give the connections back."""
        await self._reader.dispose()
        await self._writer.dispose()
