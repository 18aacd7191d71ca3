"""From a period to the records in it: no database finds by itself that the log's index and its instants grow together.

Without this, a question about one kind of event on one day reads every such event since the beginning. Instants may
step back, so that the bounds are looked up, never guessed.
"""

from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Table, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.storage import Question

PROBED = 10_000
"""Records of a period that are looked at, by its index alone: a millisecond. A longer one holds what is asked soon."""


async def narrowed(connection: AsyncConnection, table: Table, question: Question) -> Question:
    """The same question, with the first and last record of its period as bounds where it is short."""
    period: list[ColumnElement[bool]] = []
    if question.since is not None:
        period.append(table.c.at >= question.since)
    if question.until is not None:
        period.append(table.c.at < question.until)
    if not period:
        return question
    probe = select(table.c.index.label("found")).where(*period).limit(PROBED + 1).subquery()
    bounds = select(func.count(), func.min(probe.c.found), func.max(probe.c.found))
    count, first, last = (await connection.execute(bounds)).one()
    return question if count > PROBED else _within(question, first, last)


def _within(question: Question, first: Any, last: Any) -> Question:
    if first is None:
        return replace(question, before=0)
    before = last + 1 if question.before is None else min(question.before, last + 1)
    return replace(question, after=max(question.after, first - 1), before=before)
