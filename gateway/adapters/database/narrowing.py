"""A question about the log in the form in which a database answers it quickly, each form written once.

No database finds by itself that the log's index and its instants grow together: a question about one kind of event on
one day would read every such event since the beginning. Instants may step back, but never by more than the head says.
SQLite has no idea which of two values is rare; PostgreSQL knows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Integer, bindparam, func, select

from gateway.adapters.database.hints import unindexed
from gateway.adapters.database.statements import Line, Statement, made, once, table_of
from gateway.adapters.database.tables import LogHeadRow
from gateway.domain.errors import AuditBroken
from gateway.domain.words import said
from gateway.storage import AuditEntry, Question

COMMON = ("event", "actor", "partner", "outcome")
"""Columns of which one value may stand in most of the records."""

MICROSECOND = timedelta(microseconds=1)

ONE = frozenset({"case", "request", "message"})
"""Columns of which each value names one thing, and stands in few records."""

RARE = 1000
"""Records that are read one by one in a millisecond or two."""

_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_HEAD = LogHeadRow.__table__
_LOG = table_of(AuditEntry)


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What a question compares, without the values; ``aside``: columns whose indexes are left alone."""

    equal: tuple[str, ...]
    aside: frozenset[str] = frozenset()
    begins: bool = False
    since: bool = False
    until: bool = False
    before: bool = False


async def answer(line: Line, dialect: str, question: Question) -> Sequence[dict[str, Any]]:
    """The rows that a question is about."""
    form, values = await _asked(line, dialect, question)
    statement = _answering(dialect, form, newest=question.newest, limited=question.limit is not None)
    done = await statement.run(line, **values, at_most=question.limit)
    return [statement.read(row) for row in done.rows]


async def count(line: Line, dialect: str, question: Question) -> int:
    """How many they are."""
    form, values = await _asked(line, dialect, question)
    ((found,),) = (await _counting(dialect, form).run(line, **values)).rows
    return int(found)


async def setback(line: Line, dialect: str) -> timedelta:
    """By how much instants step back at most.

    Raises:
        AuditBroken: the log's head does not say.
    """
    rows = (await _setback(dialect).run(line)).rows
    found = rows[0][0] if rows else None
    if type(found) is not int or not 0 <= found <= timedelta.max // MICROSECOND:
        raise AuditBroken(index=0, reason=said("La tête du journal est illisible."))
    return found * MICROSECOND


async def _asked(line: Line, dialect: str, question: Question) -> tuple[Form, Mapping[str, object]]:
    question = await _narrowed(line, dialect, question)
    form = Form(
        equal=tuple(question.equal),
        aside=await _aside(line, dialect, question),
        begins=question.begins is not None,
        since=question.since is not None,
        until=question.until is not None,
        before=question.before is not None,
    )
    values: dict[str, object] = {f"is_{name}": value for name, value in question.equal.items()}
    for name in ("after", "before", "since", "until", "begins"):
        values[name] = getattr(question, name)
    # A range instead of LIKE: it goes by the index, and no character of the text has a meaning of its own.
    values["beyond"] = None if question.begins is None else question.begins + "\U0010ffff"
    return form, values


async def _narrowed(line: Line, dialect: str, question: Question) -> Question:
    """The same question, with bounds of the index that hold its period."""
    if question.since is None and question.until is None:
        return question
    step = await setback(line, dialect)
    before, after = question.before, question.after
    since = question.since - step if question.since is not None and question.since - _FIRST > step else None
    until = question.until + step if question.until is not None and _LAST - question.until > step else None
    ((first, last),) = (await _bounds(dialect).run(line, since=since, until=until)).rows
    after = after if first is None else max(after, first)
    before = before if last is None else min(last, before if before is not None else last)
    return replace(question, after=after, before=before)


async def _aside(line: Line, dialect: str, question: Question) -> frozenset[str]:
    """The columns of a question whose indexes SQLite must leave alone, because another leads to few records."""
    names = tuple(name for name in COMMON if name in question.equal)
    if dialect != "sqlite" or len(names) < 2 or not ONE.isdisjoint(question.equal):  # noqa: PLR2004
        return frozenset()
    statement = _many(dialect, names, before=question.before is not None)
    values = {f"is_{name}": question.equal[name] for name in names}
    done = await statement.run(line, **values, after=question.after, before=question.before, rare=RARE)
    rare = next((name for name, more in zip(names, done.rows[0], strict=True) if more is None), None)
    return frozenset() if rare is None else frozenset(COMMON) - {rare}


# --- each form once


@once
def _answering(dialect: str, form: Form, *, newest: bool, limited: bool) -> Statement:
    index = _LOG.c.index
    query = select(_LOG).where(*_conditions(form)).order_by(index.desc() if newest else index)
    return made(dialect, query.limit(bindparam("at_most", type_=Integer)) if limited else query)


@once
def _counting(dialect: str, form: Form) -> Statement:
    return made(dialect, select(func.count()).select_from(_LOG).where(*_conditions(form)))


@once
def _setback(dialect: str) -> Statement:
    return made(dialect, select(_HEAD.c.setback))


@once
def _bounds(dialect: str) -> Statement:
    """All up to the one are earlier: none before it is later by more than a step; likewise from the other on."""
    at, index = _LOG.c.at, _LOG.c.index
    earlier = select(index).where(at < bindparam("since", type_=at.type)).order_by(at.desc()).limit(1)
    later = select(index).where(at >= bindparam("until", type_=at.type)).order_by(at).limit(1)
    return made(dialect, select(earlier.scalar_subquery().label("first"), later.scalar_subquery().label("last")))


@once
def _many(dialect: str, names: tuple[str, ...], *, before: bool) -> Statement:
    """Of each column, whether there are many: the index alone is read, and no further than that."""
    within = _within(Form(equal=(), before=before))
    some = [select(_LOG.c.index).where(_equal(name, _LOG.c[name]), *within) for name in names]
    beyond = [each.offset(bindparam("rare", type_=Integer)).limit(1).scalar_subquery() for each in some]
    return made(dialect, select(*(each.label(name) for name, each in zip(names, beyond, strict=True))))


def _conditions(form: Form) -> list[ColumnElement[bool]]:
    columns = {name: unindexed(column) if name in form.aside else column for name, column in _LOG.c.items()}
    found = [*_within(form), *(_equal(name, columns[name]) for name in form.equal)]
    event = columns["event"]
    if form.begins:
        found += [event >= bindparam("begins", type_=event.type), event < bindparam("beyond", type_=event.type)]
    # The index has the period already: by the instants, PostgreSQL would read all of it and sort.
    at = unindexed(_LOG.c.at)
    if form.since:
        found.append(at >= bindparam("since", type_=at.type))
    if form.until:
        found.append(at < bindparam("until", type_=at.type))
    return found


def _within(form: Form) -> list[ColumnElement[bool]]:
    index = _LOG.c.index
    found = [index > bindparam("after", type_=index.type)]
    return [*found, index < bindparam("before", type_=index.type)] if form.before else found


def _equal(name: str, column: ColumnElement[Any]) -> ColumnElement[bool]:
    return column == bindparam(f"is_{name}", type_=column.type)
