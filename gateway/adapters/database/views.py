"""Reading: the questions that services ask, on one transaction of either database."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import Integer, Select, bindparam, select, type_coerce
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import NullType

from gateway import storage
from gateway.adapters.database import listing, narrowing, outdated, windows
from gateway.adapters.database.refusals import translated
from gateway.adapters.database.statements import (
    Statement,
    compared,
    counting,
    finding,
    form_of,
    line_of,
    made,
    once,
    selecting,
    table_of,
)
from gateway.adapters.database.tables import LogHeadRow
from gateway.domain import transmission
from gateway.domain.errors import AuditBroken
from gateway.domain.log_check import COLUMNS, Row
from gateway.domain.merkle import Frontier
from gateway.domain.watching import Place
from gateway.domain.words import said
from gateway.storage import V

_T = TypeVar("_T")

HEAD = LogHeadRow.__table__


@once
def _sendable(dialect: str) -> Statement:
    table = table_of(storage.Transmission)
    ready = (
        table.c.site == bindparam("site", type_=table.c.site.type),
        table.c.state == transmission.State.READY,
        table.c.next_at <= bindparam("at", type_=table.c.next_at.type),
    )
    query = select(table).where(*ready).order_by(table.c.next_at, table.c.id)
    return made(dialect, query.limit(bindparam("at_most", type_=Integer)))


@once
def _head(dialect: str, *, locked: bool) -> Statement:
    query = select(HEAD)
    return made(dialect, query.with_for_update() if locked else query)


class View:
    """Implements :class:`gateway.storage.View` on one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._dialect = connection.dialect.name
        self._line = line_of(connection)

    async def _values(self, kind: type[V], query: Select[Any]) -> tuple[V, ...]:
        with translated():
            rows = await self._connection.execute(query)
            names = tuple(rows.keys())
            # Named here, once: asking each row for its names takes most of the time of a long answer.
            return tuple(kind(**dict(zip(names, row, strict=True))) for row in rows)

    async def _found(self, kind: type[_T], statement: Statement, **given: object) -> tuple[_T, ...]:
        with translated():
            done = await statement.run(self._line, **given)
            return tuple(kind(**statement.read(row)) for row in done.rows)

    async def one(self, kind: type[V], /, **equal: object) -> V | None:
        """See :meth:`gateway.storage.View.one`."""
        found = await self._found(kind, finding(self._dialect, kind, form_of(equal)), **compared(equal))
        if len(found) > 1:
            raise LookupError(f"several {kind.__name__} match {sorted(equal)}")
        return found[0] if found else None

    async def all(
        self, kind: type[V], /, *, limit: int | None = None, newest: bool = False, **equal: object
    ) -> tuple[V, ...]:
        """See :meth:`gateway.storage.View.all`."""
        statement = selecting(self._dialect, kind, form_of(equal), newest=newest, limited=limit is not None)
        return await self._found(kind, statement, at_most=limit, **compared(equal))

    async def newest(self, kind: type[V], number: int, /, **equal: object) -> V | None:
        """See :meth:`gateway.storage.View.newest`."""
        statement = selecting(self._dialect, kind, form_of(equal), newest=True, limited=True, later=True)
        found = await self._found(kind, statement, at_most=1, skip=number - 1, **compared(equal))
        return found[0] if found else None

    async def before(self, kind: type[V], /, number: int | None, *, limit: int, **equal: object) -> tuple[V, ...]:
        """See :meth:`gateway.storage.View.before`."""
        form, below = form_of(equal), number is not None
        statement = selecting(self._dialect, kind, form, newest=True, limited=True, below=below)
        return await self._found(kind, statement, at_most=limit, number=number, **compared(equal))

    async def following(self, kind: type[V], /, number: int, *, limit: int, **equal: object) -> tuple[V, ...]:
        """See :meth:`gateway.storage.View.following`."""
        statement = selecting(self._dialect, kind, form_of(equal), newest=False, limited=True, above=True)
        return await self._found(kind, statement, at_most=limit, number=number, **compared(equal))

    async def ending(self, site: str, *, limit: int) -> tuple[storage.Request, ...]:
        """See :meth:`gateway.storage.View.ending`."""
        return await self._values(storage.Request, listing.running(site, limit))

    async def tasks(
        self, site: str, day: date, *, without: Collection[int], after: storage.TaskKey | None, limit: int
    ) -> tuple[storage.CaseTask, ...]:
        """See :meth:`gateway.storage.View.tasks`."""
        return await self._values(storage.CaseTask, listing.tasks(site, day, without, after, limit))

    async def task_counts(self, site: str, day: date, *, without: Collection[int]) -> Mapping[int, int]:
        """See :meth:`gateway.storage.View.task_counts`."""
        return await listing.task_counts(self._connection, site, day, without)

    async def named_since(self, index: int, *, limit: int) -> storage.Named | None:
        """See :meth:`gateway.storage.View.named_since`."""
        return await listing.named_since(self._connection, index, limit)

    async def tally(self, kind: type[V], /, *, by: str, oldest: str, **equal: object) -> tuple[storage.Tally, ...]:
        """See :meth:`gateway.storage.View.tally`."""
        statement = counting(self._dialect, kind, form_of(equal), by=by, oldest=oldest)
        with translated():
            done = await statement.run(self._line, **compared(equal))
            found = map(statement.read, done.rows)
            return tuple(storage.Tally(value=row[by], count=row["count"], oldest=row["oldest"]) for row in found)

    async def due(self, site: str, at: datetime) -> tuple[int, ...]:
        """See :meth:`gateway.storage.View.due`."""
        table = table_of(storage.Request)
        query = select(table.c.id).where(table.c.site == site, table.c.due_at <= at).order_by(table.c.due_at)
        return tuple((await self._connection.execute(query)).scalars())

    async def sendable(self, site: str, at: datetime, limit: int) -> tuple[storage.Transmission, ...]:
        """See :meth:`gateway.storage.View.sendable`."""
        return await self._found(storage.Transmission, _sendable(self._dialect), site=site, at=at, at_most=limit)

    async def unsettled(self, site: str, *, since: datetime, before: datetime) -> tuple[storage.Mail, ...]:
        """See :meth:`gateway.storage.View.unsettled`."""
        table = table_of(storage.Mail)
        query = select(table).where(
            table.c.site == site,
            table.c.held_back.is_(True),
            table.c.settled_at.is_(None),
            table.c.received_earliest.is_(None) | (table.c.received_earliest < before),
            table.c.received_latest.is_(None) | (table.c.received_latest >= since),
        )
        return await self._values(storage.Mail, query.order_by(table.c.id))

    async def looks(self, site: str, *, since: datetime, place: Place | None = None) -> tuple[storage.Poll, ...]:
        """See :meth:`gateway.storage.View.looks`."""
        query = windows.looks(site, since) if place is None else windows.looks_at(site, place, since)
        return await self._values(storage.Poll, query)

    async def highest(self, site: str, place: Place, uidvalidity: int, *, limit: int) -> tuple[storage.Mail, ...]:
        """See :meth:`gateway.storage.View.highest`."""
        return await self._values(storage.Mail, windows.highest(site, place, uidvalidity, limit))

    async def vanished(self, site: str, *, since: datetime) -> tuple[storage.Mail, ...]:
        """See :meth:`gateway.storage.View.vanished`."""
        return await self._values(storage.Mail, windows.vanished(site, since))

    async def stale(self, site: str, *, strangers: datetime, settled: datetime, limit: int) -> tuple[storage.Mail, ...]:
        """See :meth:`gateway.storage.View.stale`."""
        return await self._values(storage.Mail, outdated.mails(site, strangers, settled).limit(limit))

    async def served(self, site: str, *, kind: str, before: datetime, limit: int) -> tuple[storage.Transmission, ...]:
        """See :meth:`gateway.storage.View.served`."""
        return await self._values(storage.Transmission, outdated.transmissions(site, kind, before).limit(limit))

    async def entries(
        self, *, after: int = -1, limit: int | None = None, newest: bool = False, **equal: object
    ) -> tuple[storage.AuditEntry, ...]:
        """See :meth:`gateway.storage.View.entries`."""
        kind, form, limited = storage.AuditEntry, form_of(equal), limit is not None
        statement = selecting(self._dialect, kind, form, newest=newest, limited=limited, above=True)
        return await self._found(kind, statement, at_most=limit, number=after, **compared(equal))

    async def leaves(self, *, after: int, limit: int) -> Sequence[bytes]:
        """See :meth:`gateway.storage.View.leaves`."""
        table = table_of(storage.AuditEntry)
        query = select(table.c.leaf).where(table.c.index > after).order_by(table.c.index).limit(limit)
        return (await self._connection.execute(query)).scalars().all()

    async def answer(self, question: storage.Question) -> tuple[storage.AuditEntry, ...]:
        """See :meth:`gateway.storage.View.answer`."""
        with translated():
            found = await narrowing.answer(self._line, self._dialect, question)
            return tuple(storage.AuditEntry(**row) for row in found)

    async def count(self, question: storage.Question) -> int:
        """See :meth:`gateway.storage.View.count`."""
        with translated():
            return await narrowing.count(self._line, self._dialect, question)

    async def logged(self, *, after: int | None, limit: int) -> Sequence[Row]:
        """See :meth:`gateway.storage.View.logged`."""
        table = table_of(storage.AuditEntry)
        query = (
            select(*(type_coerce(table.c[name], NullType()) for name in COLUMNS)).order_by(table.c.index).limit(limit)
        )
        # Translated here already: whoever verifies reads on after a row that cannot be read.
        with translated():
            rows = await self._connection.execute(query if after is None else query.where(table.c.index > after))
            return rows.fetchall()

    async def head(self) -> tuple[int, Frontier, datetime | None]:
        """See :meth:`gateway.storage.View.head`."""
        row = await self._head()
        return row["size"], Frontier.decode(row["frontier"]), row["last_at"]

    async def _head(self, *, locked: bool = False) -> dict[str, Any]:
        statement = _head(self._dialect, locked=locked)
        with translated():
            done = await statement.run(self._line)
        if not done.rows:
            raise AuditBroken(index=0, reason=said("La tête du journal manque."))
        return statement.read(done.rows[0])

    async def setback(self) -> timedelta:
        """See :meth:`gateway.storage.View.setback`."""
        with translated():
            return await narrowing.setback(self._line, self._dialect)
