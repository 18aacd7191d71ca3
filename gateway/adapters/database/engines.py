"""How a database is opened, SQLite or PostgreSQL: what its connections promise, and how an act begins.

An act is alone in the database on both. SQLite: WAL, synchronous=FULL, and BEGIN IMMEDIATE, because a deferred
transaction that reads and then writes fails at once with BUSY_SNAPSHOT whatever the busy timeout says. PostgreSQL: one
advisory lock for the transaction, taken first, so that each statement of an act sees all that earlier acts committed.
"""

from functools import partial
from importlib import import_module
from typing import Any, cast

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, NullPool, Pool, StaticPool

from gateway.adapters.database import one_trip
from gateway.domain.errors import DatabaseUnreachable
from gateway.domain.words import said

BUSY_SECONDS = 30
"""How long an act waits for another process's act: longer than any act, shorter than a person's patience."""

IDLE_SECONDS = 60
"""After so long without a word in the middle of an act, its machine is taken for dead and the act is undone."""

CONNECT_SECONDS = 10
"""How long a server may take to accept a connection."""

_WRITERS = 0x736F696E73
"""The key of the advisory lock; keys are each database's own."""

_NETWORK = {
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": BUSY_SECONDS * 1000,
    "connect_timeout": CONNECT_SECONDS,
    "application_name": "soins-passerelle",
}
_WRITING = {
    # A commit that was acknowledged is on the disk, whatever the server's default is.
    "synchronous_commit": "on",
    "lock_timeout": f"{BUSY_SECONDS}s",
    "idle_in_transaction_session_timeout": f"{IDLE_SECONDS}s",
}


def is_sqlite(url: str) -> bool:
    """Whether the database is a file of this machine."""
    return make_url(url).get_backend_name() == "sqlite"


def writer(url: str) -> AsyncEngine:
    """For acts: one connection, one act at a time."""
    if is_sqlite(url):
        return _sqlite_async(url, alone=True, pool=StaticPool)
    _require_driver()
    engine = create_async_engine(url, pool_size=1, max_overflow=0, pool_pre_ping=True, connect_args=_session(url))
    _alone(engine.sync_engine)
    return engine


def reader(url: str) -> AsyncEngine:
    """For views: each sees the database as it was when it first looked."""
    if is_sqlite(url):
        return _sqlite_async(url, alone=False, pool=AsyncAdaptedQueuePool, max_overflow=-1, pool_use_lifo=True)
    _require_driver()
    return create_async_engine(
        url,
        pool_pre_ping=True,
        isolation_level="REPEATABLE READ",
        execution_options={"postgresql_readonly": True},
        connect_args=_network(url),
    )


def plain(url: str, *, writes: bool) -> Engine:
    """Without asyncio, for what runs before there is a loop; ``writes`` makes its transactions acts."""
    parsed = make_url(url)
    if not is_sqlite(url):
        _require_driver()
        level = "READ COMMITTED" if writes else "REPEATABLE READ"
        engine = create_engine(parsed, poolclass=NullPool, connect_args=_session(url), isolation_level=level)
        if writes:
            _alone(engine)
        return engine
    engine = create_engine(parsed.set(drivername="sqlite"))
    _prepare(engine)
    _begin_with(engine, "BEGIN IMMEDIATE" if writes else "BEGIN")
    return engine


def driver_of(connection: AsyncConnection) -> one_trip.Connection:
    """SQLite's connection below one of SQLAlchemy's."""
    return cast("one_trip.Connection", _driver(connection))


def line_to_server(connection: AsyncConnection) -> int:
    """The socket of PostgreSQL's connection below one of SQLAlchemy's, by its number."""
    return cast("int", _driver(connection).fileno())


def _driver(connection: AsyncConnection) -> Any:
    return cast("Any", connection.sync_connection).connection.driver_connection


# --- SQLite


def _sqlite_async(url: str, *, alone: bool, pool: type[Pool], **sized: object) -> AsyncEngine:
    connect = partial(one_trip.connect, str(make_url(url).database), timeout=BUSY_SECONDS, alone=alone)
    engine = create_async_engine(url, poolclass=pool, async_creator=connect, **sized)
    # secure_delete: what is forgotten must not stay in a freed page.
    wanted = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON")
    _prepare(engine.sync_engine, *wanted, f"busy_timeout={BUSY_SECONDS * 1000}")
    return engine


def _prepare(engine: Engine, *pragmas: str) -> None:
    """Python's driver begins no transaction before CREATE TABLE: each would be committed alone."""

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()


def _begin_with(engine: Engine, statement: str) -> None:
    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(statement)


# --- PostgreSQL


def _require_driver() -> None:
    """Few need it, so that it is not installed by itself.

    Raises:
        DatabaseUnreachable: it is not there.
    """
    try:
        import_module("psycopg")
    except ImportError as error:
        reason = said("Le pilote manque : pip install 'soins-gateway[postgresql]'.")
        raise DatabaseUnreachable(place=said("la base de données"), reason=reason) from error


def _alone(engine: Engine) -> None:
    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # Ends with the transaction, whoever ends it: a process that is killed leaves it to the next at once.
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITERS})")


def _network(url: str) -> dict[str, object]:
    """What the administrator wrote in the URL stands."""
    given: URL = make_url(url)
    return {name: value for name, value in _NETWORK.items() if name not in given.query}


def _session(url: str) -> dict[str, object]:
    return {**_network(url), "options": " ".join(f"-c {name}={value}" for name, value in _WRITING.items())}
