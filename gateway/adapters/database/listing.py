"""The queries of the kept worklist, and of the periods that run: in their order, some at a time."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, func, insert, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway import storage
from gateway.adapters.database.tables import TABLES
from gateway.domain.ledger import READINGS
from gateway.domain.request import State
from gateway.storage import CaseTask, Named, TaskKey

_TASKS, _LOG, _REQUESTS = (TABLES[kind].__table__ for kind in (CaseTask, storage.AuditEntry, storage.Request))
_ORDER = tuple(_TASKS.c[name] for name in ("urgency", "due_at", "case_id", "rank", "request"))


def running(site: str, limit: int) -> Select[Any]:
    """The requests whose period runs, the nearest end first."""
    wanted = select(_REQUESTS).where(_REQUESTS.c.site == site, _REQUESTS.c.state == State.RUNNING)
    return wanted.order_by(_REQUESTS.c.earliest_at, _REQUESTS.c.id).limit(limit)


def _of_day(site: str, day: date, without: Collection[int]) -> list[ColumnElement[bool]]:
    found = [_TASKS.c.site == site, _TASKS.c.since <= day, _TASKS.c.until > day]
    return [*found, _TASKS.c.case_id.not_in(sorted(without))] if without else found


def tasks(site: str, day: date, without: Collection[int], after: TaskKey | None, limit: int) -> Select[Any]:
    """The tasks of a day after a place."""
    wanted = select(_TASKS).where(*_of_day(site, day, without))
    if after is not None:
        # A mail stands after the tasks of cases that are as urgent and due at the same time.
        case_id = after.number if not after.mail else literal(2**31 - 1)
        key = (after.urgency, literal(after.due_at, _TASKS.c.due_at.type), case_id, after.rank, after.request)
        wanted = wanted.where(tuple_(*_ORDER) > tuple_(*key))
    return wanted.order_by(*_ORDER).limit(limit)


async def task_counts(connection: AsyncConnection, site: str, day: date, without: Collection[int]) -> Mapping[int, int]:
    """How many of each urgency."""
    query = select(_TASKS.c.urgency, func.count()).where(*_of_day(site, day, without)).group_by(_TASKS.c.urgency)
    return {row[0]: row[1] for row in await connection.execute(query)}


async def named_since(connection: AsyncConnection, index: int, limit: int) -> Named | None:
    """What the records from this index on are about; who only reads changes nothing."""
    query = select(_LOG.c.case, _LOG.c.request, _LOG.c.event).where(_LOG.c.index >= index)
    found = (await connection.execute(query.order_by(_LOG.c.index).limit(limit + 1))).all()
    if len(found) > limit:
        return None
    told = [(case, request) for case, request, event in found if event not in READINGS]
    return Named(
        cases=frozenset(case for case, _ in told if case is not None),
        requests=frozenset(request for case, request in told if case is None and request is not None),
        erased=any(not event for _, _, event in found),
    )


async def keep_tasks(connection: AsyncConnection, cases: Collection[int], tasks_: Sequence[CaseTask]) -> None:
    """Instead of those that were kept."""
    await connection.execute(delete(_TASKS).where(_TASKS.c.case_id.in_(sorted(cases))))
    if tasks_:
        rows = [{name: value for name, value in asdict(task).items() if name != "id"} for task in tasks_]
        await connection.execute(insert(_TASKS), rows)
