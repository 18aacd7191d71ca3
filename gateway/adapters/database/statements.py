"""The statements of the hot paths, each made once: SQLAlchemy's Core writes it, and what it wrote is kept by its form.

A form is which columns are compared and how, never with what. What is kept is the text and what turns our values into
the driver's and back. Asking Core for the same statement again costs ten times what SQLite needs to run it. On SQLite
the text goes straight to the driver; on PostgreSQL by SQLAlchemy, which knows when a server's connection is lost.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from importlib import import_module
from typing import Any, NamedTuple, TypeVar, cast

from sqlalchemy import (
    URL,
    BindParameter,
    ColumnElement,
    Dialect,
    Integer,
    Table,
    bindparam,
    delete,
    false,
    func,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import TypeEngine

from gateway.adapters.database import engines, one_trip
from gateway.adapters.database.hints import NAMING, plainly
from gateway.adapters.database.tables import TABLES

FORMS = 2000
"""How many are kept: some hundred occur, and a list of ids to look for is a form for each length."""

ALONE = -1
"""One value, compared by equality."""

Form = tuple[tuple[str, int | None], ...]
"""Columns, each with how many values it may have; ``ALONE`` is one, None is NULL."""

_FLOAT8 = 701
"""PostgreSQL's number of the type that a Float column has there: SQLAlchemy asks for it, of numbers alone."""

_Change = Callable[[Any], Any]
_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+psycopg"}


_F = TypeVar("_F", bound=Callable[..., "Statement"])


def once(make: _F) -> _F:
    """What it makes is kept for whoever asks with the same words."""
    return cast("_F", lru_cache(FORMS)(make))


def table_of(kind: type) -> Table:
    """Where values of this kind lie."""
    return TABLES[kind].__table__


Line = one_trip.Connection | AsyncConnection
"""Where a statement goes: to SQLite's driver, or to SQLAlchemy's connection to a server."""


def line_of(connection: AsyncConnection) -> Line:
    """The shortest way on this transaction."""
    return engines.driver_of(connection) if connection.dialect.name == "sqlite" else connection


class Done(NamedTuple):
    """What a statement left."""

    rows: Sequence[Any]
    rowcount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A text, its values in their order or by their names, and the columns that it gives back."""

    text: str
    binds: tuple[tuple[str, _Change | None], ...]
    constants: Mapping[str, object]
    columns: tuple[str, ...]
    changes: tuple[tuple[str, _Change], ...]

    async def run(self, line: Line, **given: object) -> Done:
        """Run it with these values.

        Raises:
            DBAPIError, sqlite3.Error.
        """
        values = {**self.constants, **given}
        if isinstance(line, one_trip.Connection):
            listed = [values[name] if to is None else to(values[name]) for name, to in self.binds]
            done = await line.run("execute", self.text, listed)
            return Done(done.rows, done.rowcount)
        named = {name: values[name] if to is None else to(values[name]) for name, to in self.binds}
        found = await line.exec_driver_sql(self.text, named)
        return Done(found.fetchall() if found.returns_rows else (), found.rowcount)

    def read(self, row: Sequence[object]) -> dict[str, Any]:
        """A row by its columns, as values of ours."""
        found = dict(zip(self.columns, row, strict=True))
        for name, back in self.changes:
            found[name] = back(found[name])
        return found


def form_of(equal: Mapping[str, object]) -> Form:
    """How these columns are compared."""
    return tuple((name, _many(value)) for name, value in equal.items())


def _many(value: object) -> int | None:
    if value is None:
        return None
    return len(value) if isinstance(value, tuple | frozenset) else ALONE


def compared(equal: Mapping[str, object]) -> dict[str, object]:
    """The values of a form, by the names that its statement gives them."""
    found: dict[str, object] = {}
    for name, value in equal.items():
        if isinstance(value, tuple | frozenset):
            found |= {f"{name}_{number}": each for number, each in enumerate(value)}
        else:
            found[f"is_{name}"] = value
    return found


# --- each form once


@once
def selecting(
    dialect: str,
    kind: type,
    form: Form,
    *,
    newest: bool,
    limited: bool,
    later: bool = False,
    below: bool = False,
    above: bool = False,
) -> Statement:
    """The values of a form by their key, those ``below`` or ``above`` a ``number``; ``at_most`` so many.

    ``later``: without the first ``skip`` of them.
    """
    table = table_of(kind)
    order = next(iter(table.primary_key.columns))
    number = _bound("number", order)
    part = ([order < number] if below else []) + ([order > number] if above else [])
    query = select(table).where(*part, *_conditions(table, form)).order_by(order.desc() if newest else order)
    if limited:
        query = query.limit(bindparam("at_most", type_=Integer))
    return made(dialect, query.offset(bindparam("skip", type_=Integer)) if later else query)


@once
def counting(dialect: str, kind: type, form: Form, *, by: str, oldest: str) -> Statement:
    """How many of a form there are for each value of a column, and the earliest of another."""
    table = table_of(kind)
    query = select(table.c[by], func.count(), func.min(table.c[oldest]).label("oldest"))
    return made(dialect, query.where(*_conditions(table, form)).group_by(table.c[by]).order_by(table.c[by]))


@once
def finding(dialect: str, kind: type, form: Form) -> Statement:
    """At most two values of a form: one too many tells that it is not alone."""
    table = table_of(kind)
    return made(dialect, select(table).where(*_conditions(table, form)).limit(2))


@once
def adding(dialect: str, kind: type, *, numbered: bool) -> Statement:
    """A new row, which gives its key; ``numbered`` by the database. A row that is there already gives nothing."""
    table = table_of(kind)
    key = next(iter(table.primary_key.columns))
    given = [column for column in table.columns if not numbered or column is not key]
    # A statement that fails would end the whole act on PostgreSQL; one that does nothing ends nothing.
    insert = import_module(f"sqlalchemy.dialects.{dialect}").insert
    new = insert(table).values({column.name: _bound(column.name, column) for column in given})
    return made(dialect, new.on_conflict_do_nothing().returning(key))


@once
def expiring(dialect: str, kind: type, form: Form, *, by: str) -> Statement:
    """The rows of a form that are over: those of which a column is ``before`` an instant."""
    table = table_of(kind)
    over = delete(table).where(table.c[by] < _bound("before", table.c[by]), *_conditions(table, form))
    return made(dialect, over)


@once
def saving(dialect: str, kind: type) -> Statement:
    """All columns of the row that has this key."""
    table = table_of(kind)
    key = next(iter(table.primary_key.columns))
    values = {column.name: _bound(column.name, column) for column in table.columns if column is not key}
    return made(dialect, update(table).where(key == _bound(key.name, key)).values(values))


def made(dialect: str, query: Any) -> Statement:
    """A statement of one's own, to be kept by whoever asks."""
    spoken = _dialect(dialect)
    text = query.compile(dialect=spoken)
    names = text.positiontup if text.positional else list(text.binds)
    columns = list(getattr(query, "selected_columns", ()))
    back = ((column.name, _impl(column.type, spoken).result_processor(spoken, _FLOAT8)) for column in columns)
    return Statement(
        text=text.string,
        binds=tuple((each, _impl(text.binds[each].type, spoken).bind_processor(spoken)) for each in names),
        constants={each: text.binds[each].value for each in names if text.binds[each].value is not None},
        columns=tuple(column.name for column in columns),
        changes=tuple((column, change) for column, change in back if change is not None),
    )


def key_of(kind: type) -> str:
    """The name of the column that identifies a row."""
    return next(iter(table_of(kind).primary_key.columns)).name


def columns_of(value: object) -> dict[str, object]:
    """A value by its fields, which are its columns."""
    return {field.name: getattr(value, field.name) for field in fields(cast("Any", value))}


def _bound(name: str, column: ColumnElement[Any]) -> BindParameter[Any]:
    return bindparam(name, type_=column.type)


def _conditions(table: Table, form: Form) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    naming = not NAMING.isdisjoint(name for name, _many in form)
    for name, many in form:
        column = plainly(table.c[name]) if name == "site" and naming else table.c[name]
        if many is None:
            found.append(column.is_(None))
        elif many == ALONE:
            found.append(column == _bound(f"is_{name}", column))
        elif many == 0:
            found.append(false())
        else:
            found.append(column.in_([_bound(f"{name}_{number}", column) for number in range(many)]))
    return found


@lru_cache
def _dialect(name: str) -> Dialect:
    """Of no engine: a text must not depend on which database was asked first."""
    return URL.create(_DRIVERS[name]).get_dialect()()


def _impl(kind: TypeEngine[Any], dialect: Dialect) -> TypeEngine[Any]:
    return kind.dialect_impl(dialect)
