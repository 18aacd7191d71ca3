"""What the databases are told about their indexes, because they cannot know it."""

from typing import Any

from sqlalchemy import ColumnElement, UnaryExpression
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.operators import custom_op

NAMING = frozenset({"id", "case_id", "message", "request_hash", "likely_case", "identity_lookup"})
"""Columns of other tables than the log of which each value names one thing; with one of them, the site says nothing."""

_NO_INDEX: custom_op[Any] = custom_op("+")


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
