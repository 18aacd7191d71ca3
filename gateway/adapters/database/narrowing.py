"""From a period to the records in it, and from several conditions to the one to begin with.

No database finds by itself that the log's index and its instants grow together: a question about one kind of event on
one day would read every such event since the beginning. Instants may step back, but never by more than the head says.
SQLite has no idea which of two values is rare; PostgreSQL knows.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Table, UnaryExpression, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.operators import custom_op

from gateway.adapters.database.tables import LogHeadRow
from gateway.domain.errors import AuditBroken
from gateway.domain.words import said
from gateway.storage import Question

COMMON = ("event", "actor", "partner", "outcome")
"""Columns of which one value may stand in most of the records."""

MICROSECOND = timedelta(microseconds=1)

ONE = frozenset({"case", "request", "message"})
"""Columns of which each value names one thing, and stands in few records."""

NAMING = frozenset({"id", "case_id", "message", "request_hash", "likely_case", "identity_lookup"})
"""Columns of other tables than the log of which each value names one thing; with one of them, the site says nothing."""

RARE = 1000
"""Records that are read one by one in a millisecond or two."""

_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_HEAD = LogHeadRow.__table__
_NO_INDEX: custom_op[Any] = custom_op("+")


async def setback(connection: AsyncConnection) -> timedelta:
    """By how much instants step back at most.

    Raises:
        AuditBroken: the log's head does not say.
    """
    found = (await connection.execute(select(_HEAD.c.setback))).scalar_one_or_none()
    if type(found) is not int or not 0 <= found <= timedelta.max // MICROSECOND:
        raise AuditBroken(index=0, reason=said("La tête du journal est illisible."))
    return found * MICROSECOND


async def narrowed(connection: AsyncConnection, table: Table, question: Question) -> Question:
    """The same question, with bounds of the index that hold its period."""
    if question.since is None and question.until is None:
        return question
    step = await setback(connection)
    at, before, after = table.c.at, question.before, question.after
    since = question.since - step if question.since is not None and question.since - _FIRST > step else None
    until = question.until + step if question.until is not None and _LAST - question.until > step else None
    # All up to the one are earlier, because none before it is later by more than a step; likewise from the other on.
    earlier = select(table.c.index).where(at < literal(since, at.type)).order_by(at.desc()).limit(1)
    later = select(table.c.index).where(at >= literal(until, at.type)).order_by(at).limit(1)
    first, last = (await connection.execute(select(earlier.scalar_subquery(), later.scalar_subquery()))).one()
    after = after if first is None else max(after, first)
    before = before if last is None else min(last, before if before is not None else last)
    return replace(question, after=after, before=before)


async def aside(connection: AsyncConnection, table: Table, question: Question) -> frozenset[str]:
    """The columns of a question whose indexes SQLite must leave alone, because another leads to few records."""
    names = [name for name in COMMON if name in question.equal]
    if connection.dialect.name != "sqlite" or len(names) < 2 or not ONE.isdisjoint(question.equal):  # noqa: PLR2004
        return frozenset()
    within = [table.c.index > question.after]
    if question.before is not None:
        within.append(table.c.index < question.before)
    some = [select(table.c.index).where(table.c[name] == question.equal[name], *within) for name in names]
    # The index alone is read, and no further than that.
    beyond = (await connection.execute(select(*(each.offset(RARE).limit(1).scalar_subquery() for each in some)))).one()
    rare = next((name for name, more in zip(names, beyond, strict=True) if more is None), None)
    return frozenset() if rare is None else frozenset(COMMON) - {rare}


class unindexed(UnaryExpression[Any]):  # noqa: N801  used as a function
    """The same value; no database goes by its index."""

    inherit_cache = True

    def __init__(self, column: ColumnElement[Any]) -> None:
        super().__init__(column, operator=_NO_INDEX, type_=column.type)


@compiles(unindexed, "sqlite")
def _no_index_on_sqlite(element: unindexed, compiler: Any, **named: Any) -> str:
    return f"+{compiler.process(element.element, **named)}"


@compiles(unindexed, "postgresql")
def _no_index_on_postgresql(element: unindexed, compiler: Any, **named: Any) -> str:
    return f"({compiler.process(element.element, **named)} || '')"


class plainly(UnaryExpression[Any]):  # noqa: N801  used as a function
    """The same value, by which SQLite finds nothing: it holds any equality for rare, and a site has every row."""

    inherit_cache = True

    def __init__(self, column: ColumnElement[Any]) -> None:
        super().__init__(column, operator=_NO_INDEX, type_=column.type)


@compiles(plainly)
def _elsewhere(element: plainly, compiler: Any, **named: Any) -> str:
    return str(compiler.process(element.element, **named))


@compiles(plainly, "sqlite")
def _on_sqlite(element: plainly, compiler: Any, **named: Any) -> str:
    return f"+{compiler.process(element.element, **named)}"


async def asked(connection: AsyncConnection, table: Table, question: Question) -> list[ColumnElement[bool]]:
    """The conditions of a question, in the form in which the database answers it quickly."""
    question = await narrowed(connection, table, question)
    plain = await aside(connection, table, question)
    columns = {name: unindexed(column) if name in plain else column for name, column in table.c.items()}
    found = [table.c.index > question.after]
    found += [columns[name] == value for name, value in question.equal.items()]
    if question.begins is not None:
        # A range instead of LIKE: it goes by the index, and no character of the text has a meaning of its own.
        found += [columns["event"] >= question.begins, columns["event"] < question.begins + "\U0010ffff"]
    # The index has the period already: by the instants, PostgreSQL would read all of it and sort.
    at = unindexed(table.c.at)
    if question.since is not None:
        found.append(at >= literal(question.since, table.c.at.type))
    if question.until is not None:
        found.append(at < literal(question.until, table.c.at.type))
    if question.before is not None:
        found.append(table.c.index < question.before)
    return found
