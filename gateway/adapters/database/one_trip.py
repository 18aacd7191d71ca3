"""SQLite's connection for asyncio: a statement runs where it is asked, unless it may take long.

The driver makes four trips to a thread for each, and a trip, for which two threads take turns, costs more than most
statements. Only what waits for another's act (BEGIN IMMEDIATE) or for the disk (COMMIT), and what reads the log, which
may be as long as the log is, goes there: one trip.
"""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple, Self

import aiosqlite

BEGIN, BEGIN_ALONE = "BEGIN", "BEGIN IMMEDIATE"

_LOG = "FROM audit"


async def connect(path: str, *, timeout: float) -> "Connection":  # noqa: ASYNC109  how long SQLite itself waits
    """A connection to this file; ``timeout`` seconds for another's lock."""
    # Used by one thread at a time.
    connector = partial(sqlite3.connect, path, timeout=timeout, check_same_thread=False)
    made = Connection(connector)
    await made
    return made


class _Done(NamedTuple):
    """What a statement left."""

    rows: Sequence[Any] = ()
    description: Any = None
    rowcount: int = -1
    lastrowid: int | None = None


class Connection(aiosqlite.Connection):
    """What SQLAlchemy asks of a connection."""

    def __init__(self, connector: Any) -> None:
        super().__init__(connector, iter_chunk_size=1)
        # A process that ends without closing must not wait for it.
        self._thread.daemon = True
        self._begins = self._writing = False
        # Works given to the thread, counted here, and finished, counted there: who asked may be cancelled meanwhile.
        self._given = self._finished = 0

    def cursor(self) -> "Cursor":  # type: ignore[override]  # aiosqlite's has methods that SQLAlchemy does not use
        """Costs no trip."""
        return Cursor(self)

    async def run(self, what: str, statement: str, values: Iterable[Any]) -> _Done:
        """Execute (or executemany) and fetch all. ``BEGIN`` takes no lock: it goes with the statement that follows.

        Raises:
            sqlite3.Error: as the driver raises it.
        """
        if statement == BEGIN:
            self._begins = True
            return _Done()
        begins, self._begins = self._begins, False
        self._writing = self._writing or statement == BEGIN_ALONE
        work = partial(self._run, begins, what, statement, values)
        long = statement == BEGIN_ALONE or (_LOG in statement and statement.startswith("SELECT"))
        return await self._there(work) if long or self._is_away() else work()

    async def commit(self) -> None:
        """End the transaction; one that wrote waits for the disk."""
        await self._end(self._conn.commit)

    async def rollback(self) -> None:
        """Undo the transaction."""
        await self._end(self._conn.rollback)

    async def _end(self, work: Callable[[], None]) -> None:
        writing, self._begins, self._writing = self._writing, False, False
        if writing or self._is_away():
            await self._there(work)
        else:
            work()

    async def _there(self, work: Callable[[], Any]) -> Any:
        """In the thread, after what it has to do already."""
        self._given += 1
        return await self._execute(self._back, work)  # type: ignore[no-untyped-call]

    def _back(self, work: Callable[[], Any]) -> Any:
        try:
            return work()
        finally:
            self._finished += 1

    def _is_away(self) -> bool:
        return self._given != self._finished

    def _run(self, begins: bool, what: str, statement: str, values: Iterable[Any]) -> _Done:  # noqa: FBT001
        cursor = self._conn.cursor()
        try:
            if begins:
                cursor.execute(BEGIN)
            getattr(cursor, what)(statement, values)
            rows = cursor.fetchall() if cursor.description else []
            return _Done(rows, cursor.description, cursor.rowcount, cursor.lastrowid)
        finally:
            cursor.close()


class Cursor:
    """What SQLAlchemy asks of a cursor; its rows are here when the statement is done."""

    arraysize = 1

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._done = _Done()

    async def __aenter__(self) -> Self:
        """Nothing to open."""
        return self

    async def execute(self, statement: str, values: Iterable[Any] = ()) -> Self:
        """One statement, and its rows."""
        self._done = await self._connection.run("execute", statement, values)
        return self

    async def executemany(self, statement: str, values: Iterable[Iterable[Any]]) -> Self:
        """One statement for many rows."""
        self._done = await self._connection.run("executemany", statement, values)
        return self

    async def fetchall(self) -> Sequence[Any]:
        """The rows, once."""
        return self._done.rows

    async def close(self) -> None:
        """Was closed when it was read."""

    @property
    def description(self) -> Any:
        """The columns."""
        return self._done.description

    @property
    def rowcount(self) -> int:
        """Rows changed."""
        return self._done.rowcount

    @property
    def lastrowid(self) -> int | None:
        """The number of a new row."""
        return self._done.lastrowid
