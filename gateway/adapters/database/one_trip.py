"""SQLite's connection for asyncio: a statement runs where it is asked, unless it may take long.

The driver makes four trips to a thread for each, and a trip, for which two threads take turns, costs more than most
statements. Only what waits for another's act (BEGIN IMMEDIATE) or for the disk (COMMIT), and what reads the log, which
may be as long as the log is, goes there: one trip.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple, Self

import aiosqlite

from gateway.adapters.database.uncut import to_its_end

BEGIN, BEGIN_ALONE = "BEGIN", "BEGIN IMMEDIATE"

_LOG = "FROM audit"


async def connect(path: str, *, timeout: float, alone: bool) -> "Connection":  # noqa: ASYNC109  SQLite itself waits
    """A connection to this file; ``timeout`` seconds for another's lock, if its transactions are ``alone``."""
    # Used by one thread at a time.
    connector = partial(sqlite3.connect, path, timeout=timeout, check_same_thread=False)
    made = Connection(connector, alone=alone, patience=round(timeout * 1000))
    try:
        await to_its_end(made.opened())
    except asyncio.CancelledError:
        # Nobody will have it: left to itself, its thread would answer a loop that may be closed by then.
        await to_its_end(made.close())
        raise
    return made


class _Done(NamedTuple):
    """What a statement left."""

    rows: Sequence[Any] = ()
    description: Any = None
    rowcount: int = -1
    lastrowid: int | None = None


class Connection(aiosqlite.Connection):
    """What SQLAlchemy asks of a connection."""

    def __init__(self, connector: Any, *, alone: bool, patience: int) -> None:
        super().__init__(connector, iter_chunk_size=1)
        self._alone = alone
        self._patience = patience
        # A process that ends without closing must not wait for it.
        self._thread.daemon = True
        self._begins = self._writing = False
        # Works given to the thread, counted here, and finished, counted there: who asked may be cancelled meanwhile.
        self._given = self._finished = 0

    async def opened(self) -> None:
        """Open it.

        Raises:
            sqlite3.Error: as the driver raises it.
        """
        await self

    def cursor(self) -> "Cursor":  # type: ignore[override]  # aiosqlite's has methods that SQLAlchemy does not use
        """Costs no trip."""
        return Cursor(self)

    async def begin(self) -> None:
        """A transaction that is not alone takes no lock yet: it begins with its first statement.

        Raises:
            sqlite3.Error: as the driver raises it.
        """
        if not self._alone:
            self._begins = True
            return
        self._writing = True
        if self._is_away() or not self._begun_at_once():
            await self._there(partial(self._run, "execute", BEGIN_ALONE, ()))

    def _begun_at_once(self) -> bool:
        """Whether nobody else was writing: then the lock costs no trip."""
        self._conn.execute("PRAGMA busy_timeout = 0")
        try:
            self._conn.execute(BEGIN_ALONE)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname != "SQLITE_BUSY":
                raise
            return False
        finally:
            self._conn.execute(f"PRAGMA busy_timeout = {self._patience}")
        return True

    async def run(self, what: str, statement: str, values: Iterable[Any]) -> _Done:
        """Execute (or executemany) and fetch all.

        Raises:
            sqlite3.Error: as the driver raises it.
        """
        work = partial(self._run, what, statement, values)
        long = _LOG in statement and statement.startswith("SELECT")
        return await self._there(work) if long or self._is_away() else work()

    async def commit(self) -> None:
        """End the transaction; one that wrote waits for the disk."""
        await self._end(self._conn.commit)

    async def rollback(self) -> None:
        """Undo the transaction."""
        if not self.undone():
            await self._end(self._conn.rollback)

    def undone(self) -> bool:
        """Whether it could be undone at once: it wrote nothing, and nothing of it is under way."""
        if self._writing or self._is_away():
            return False
        self._begins = False
        self._conn.rollback()
        return True

    async def _end(self, work: Callable[[], None]) -> None:
        await self._there(work)
        self._begins = self._writing = False

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

    def _run(self, what: str, statement: str, values: Iterable[Any]) -> _Done:
        cursor = self._conn.cursor()
        try:
            if self._begins:
                self._begins = False
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
