"""Rows of many cases, read at once: to whoever reads one case they look like the database, at the same instant.

A page of fifty cases costs as many queries as one case does.
"""

from collections.abc import Collection, Iterable
from typing import Any

from gateway.domain import request as life
from gateway.domain.amendments import CalendarAct
from gateway.storage import (
    Acceptance,
    Case,
    Challenge,
    Fact,
    HeardAnswer,
    Message,
    OwedCopy,
    ReaderHandover,
    Request,
    Rows,
    Ruling,
    StoredEvidence,
    Transmission,
    V,
    Value,
    VaultKey,
)

AT_ONCE = 500
"""Values named in one query: SQLite takes no more than some thousand."""


class Gathered:
    """Answers from what was taken, and asks the database for everything else."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._taken: dict[type, tuple[str, dict[object, list[Value]]]] = {}

    async def take(self, kind: type[V], column: str, wanted: Iterable[object]) -> tuple[V, ...]:
        """Read all values of a kind that have one of these in a column; from now on they are known."""
        values = tuple(dict.fromkeys(wanted))
        known: dict[object, list[Value]] = {value: [] for value in values}
        found: list[V] = []
        for start in range(0, len(values), AT_ONCE):
            equal: dict[str, Any] = {column: values[start : start + AT_ONCE]}
            found += await self._rows.all(kind, **equal)
        for row in found:
            known[getattr(row, column)].append(row)
        self._taken[kind] = (column, known)
        return tuple(found)

    async def one(self, kind: type[V], /, **equal: object) -> V | None:
        """See :meth:`gateway.storage.Rows.one`."""
        found = self._known(kind, equal)
        if found is None:
            return await self._rows.one(kind, **equal)
        if len(found) > 1:
            raise LookupError(f"several {kind.__name__} match {sorted(equal)}")
        return found[0] if found else None

    async def all(
        self, kind: type[V], /, *, limit: int | None = None, newest: bool = False, **equal: object
    ) -> tuple[V, ...]:
        """See :meth:`gateway.storage.Rows.all`."""
        found = self._known(kind, equal)
        if found is None:
            return await self._rows.all(kind, limit=limit, newest=newest, **equal)
        return tuple(found[::-1] if newest else found)[:limit]

    def _known(self, kind: type[V], equal: dict[str, object]) -> list[V] | None:
        """What was taken of it; None when that does not answer."""
        column, known = self._taken.get(kind, ("", {}))
        if column not in equal:
            return None
        wanted = _each(equal[column])
        if not all(value in known for value in wanted):
            return None
        rows = [row for value in dict.fromkeys(wanted) for row in known[value] if _matches(row, equal)]
        if len(wanted) > 1:
            rows.sort(key=lambda row: getattr(row, "id"))  # noqa: B009  not every kind of value has it
        return rows  # type: ignore[return-value]  # taken as values of this kind


def _each(value: object) -> tuple[object, ...]:
    return tuple(value) if isinstance(value, tuple | frozenset) else (value,)


def _matches(row: object, equal: dict[str, object]) -> bool:
    for name, value in equal.items():
        held = getattr(row, name)
        if isinstance(value, tuple | frozenset):
            if held not in value:
                return False
        elif held != value:
            return False
    return True


async def gathered(rows: Rows, site: str, cases: Collection[Case], *, whole: bool = False) -> Gathered:
    """All that says what these cases have to do; ``whole``: all that their pages show."""
    found = Gathered(rows)
    await found.take(VaultKey, "id", (case.vault_key for case in cases))
    await found.take(Fact, "case_id", (case.id for case in cases))
    messages = await found.take(Message, "case_id", (case.id for case in cases))
    requests = await found.take(Request, "case_id", (case.id for case in cases))
    # Of the others nobody says whether they are in doubt.
    doubtful = [row.hash for row in requests if whole or row.state in {*life.SILENT, life.State.ANSWER_DISPUTED}]
    for judged in (HeardAnswer, Acceptance, Challenge, Ruling):
        await found.take(judged, "request_hash", doubtful)
    if whole:
        await found.take(CalendarAct, "site", (site,))
        await found.take(StoredEvidence, "request_hash", (request.hash for request in requests))
        for sent in (Transmission, OwedCopy, ReaderHandover):
            await found.take(sent, "message", (message.id for message in messages))
    return found
