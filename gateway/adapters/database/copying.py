"""Copies a whole database, in one transaction, compared row by row before it is committed.

The original of a move is held meanwhile and closed to acts afterwards: there are never two databases that both go on.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Connection, Table, func, insert, inspect, select, type_coerce
from sqlalchemy.types import NullType

from gateway.adapters.database import schema
from gateway.adapters.database.refusals import translated
from gateway.adapters.database.tables import METADATA, AuditEntryRow, LogHeadRow
from gateway.domain.errors import DatabaseNotCopied
from gateway.domain.log_check import COLUMNS, LogCheck
from gateway.domain.merkle import Frontier
from gateway.domain.words import said

PAGE = 1000
"""Rows read at a time."""

_LOG, _HEAD = AuditEntryRow.__table__, LogHeadRow.__table__

_NOT_EMPTY = said("La base d'arrivée n'est pas vide ; rien n'y est jamais écrasé.")

CLOSED = ".copied"
"""What the name of the original ends in afterwards."""


def copy(path: Path, url: str, identity: dict[str, str]) -> dict[str, int]:
    """Copy this SQLite file to the empty database of a server; returns how many rows each table has.

    A copy that was finished, and killed before the original was closed, is only finished.

    Raises:
        DatabaseMissing, DatabaseDamaged, RehearsalOnly: the original is not there, not whole, or not ours.
        DatabaseNotCopied: the target holds something else, or did not come out equal.
        DatabaseUnreachable.
    """
    source_url = f"sqlite+aiosqlite:///{path}"
    schema.upgrade(source_url, identity)
    with schema.connected(source_url, writes=True) as source:
        with schema.connected(url, writes=True) as target:
            if inspect(target).get_table_names():
                _require_the_same(source, target)
            else:
                _fill_all(source, target)
            counts = _compared_all(source, target)
        # The target is committed first: killed here, the original is still open, and the command is given again.
        _close(source)
    path.rename(path.with_name(path.name + CLOSED))
    return counts


def snapshot(url: str, path: Path) -> None:
    """The whole database as it is at one instant, whoever writes meanwhile, as a new SQLite file that proves itself.

    Raises:
        DatabaseUnreachable, DatabaseDamaged, AuditBroken, DatabaseNotCopied.
        StorageFailed: there is no room for it.
    """
    file_url = f"sqlite+aiosqlite:///{path}"
    with schema.connected(url) as source:
        if source.dialect.name == "sqlite":
            # Its own way: page by page, as of one instant.
            with translated(), closing(sqlite3.connect(path)) as made:
                cast("sqlite3.Connection", source.connection.driver_connection).backup(made)
            with schema.connected(file_url) as target:
                _verify(target)
            return
        with schema.connected(file_url, writes=True) as target:
            _fill_all(source, target)
            _compared_all(source, target)


def load(path: Path, url: str) -> None:
    """Put a snapshot into an empty database of a server.

    Raises:
        DatabaseUnreachable, AuditBroken, DatabaseNotCopied.
    """
    with schema.connected(f"sqlite+aiosqlite:///{path}") as source, schema.connected(url, writes=True) as target:
        if inspect(target).get_table_names():
            raise DatabaseNotCopied(reason=_NOT_EMPTY)
        _fill_all(source, target)
        _compared_all(source, target)


def is_empty(url: str) -> bool:
    """Whether a database of a server holds nothing yet. Raises DatabaseUnreachable."""
    with schema.connected(url) as connection:
        return not inspect(connection).get_table_names()


def _fill_all(source: Connection, target: Connection) -> None:
    schema.run_scripts(target)
    for table in METADATA.sorted_tables:
        _fill(source, target, table)


def _compared_all(source: Connection, target: Connection) -> dict[str, int]:
    """How many rows each table has. Raises DatabaseNotCopied, AuditBroken."""
    counts = {table.name: _compared(source, target, table) for table in METADATA.sorted_tables}
    _verify(target)
    return counts


def _fill(source: Connection, target: Connection, table: Table) -> None:
    names = table.columns.keys()
    for page in _pages(source, table):
        target.execute(insert(table), [dict(zip(names, row, strict=True)) for row in page])
    numbers = target.dialect.name == "postgresql" and "id" in table.c and _numbered(table)
    last = target.scalar(select(func.max(table.c.id))) if numbers else None
    if last is not None:
        # Rows that brought their own numbers did not ask the sequence for any.
        target.execute(select(func.setval(func.pg_get_serial_sequence(table.name, "id"), last)))


def _numbered(table: Table) -> bool:
    return all(column.type.python_type is int for column in table.primary_key.columns)


def _pages(connection: Connection, table: Table, *names: str) -> Iterator[list[tuple[Any, ...]]]:
    """The rows, or these columns of them, in the order of the key; a text has another order on each server."""
    key = next(iter(table.primary_key.columns))
    query = select(*(table.c[name] for name in names or table.columns.keys()), key.label("_key"))
    if not _numbered(table):
        if rows := connection.execute(query).all():
            yield sorted((tuple(row)[:-1] for row in rows), key=lambda row: str(row[0]))
        return
    last: Any = -1
    while page := connection.execute(query.where(key > last).order_by(key).limit(PAGE)).all():
        last = page[-1][-1]
        yield [tuple(row)[:-1] for row in page]


def _rows(connection: Connection, table: Table, *names: str) -> Iterator[tuple[Any, ...]]:
    return chain.from_iterable(_pages(connection, table, *names))


def _compared(source: Connection, target: Connection, table: Table) -> int:
    count = 0
    for one, other in zip_longest(_rows(source, table), _rows(target, table)):
        if one != other:
            raise DatabaseNotCopied(reason=said("La table {table} n'est pas la même.", table=table.name))
        count += 1
    return count


def _verify(target: Connection) -> None:
    """The copied log proves itself, whatever the original said.

    Raises:
        AuditBroken: the original's log was altered already.
    """
    ((frontier,),) = _rows(target, _HEAD, "frontier")
    check = LogCheck(Frontier.decode(frontier))
    raw = select(*(type_coerce(_LOG.c[name], NullType()) for name in COLUMNS)).order_by(_LOG.c.index).limit(PAGE)
    last: Any = -1
    while page := target.execute(raw.where(_LOG.c.index > last)).fetchall():
        check.take(page)
        last = page[-1][0]
    check.end()


def _require_the_same(source: Connection, target: Connection) -> None:
    names = set(inspect(target).get_table_names())
    same = names >= set(METADATA.tables) and all(
        list(_rows(source, table)) == list(_rows(target, table)) for table in (METADATA.tables["meta"], _HEAD)
    )
    if not same:
        raise DatabaseNotCopied(reason=_NOT_EMPTY)


def _close(source: Connection) -> None:
    """A command that waits for its turn would otherwise write into a database that nobody reads any more."""
    source.exec_driver_sql(
        # Killed after this and before it was renamed, it has one already.
        "CREATE TRIGGER IF NOT EXISTS copied "
        "BEFORE UPDATE ON log_head BEGIN SELECT RAISE(ABORT, 'copied to a server'); END"
    )
