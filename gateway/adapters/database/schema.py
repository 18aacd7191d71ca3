"""Creating, upgrading and recognising a database. Alembic's scripts are the only definition of the schema in use.

A migration is one transaction: interrupted anywhere, it leaves the database as it was.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Connection, Engine, Table, create_engine, event, insert, inspect, make_url, select, text
from sqlalchemy.exc import DBAPIError

from gateway.adapters.database.tables import LogHeadRow, MetaRow
from gateway.domain.errors import DatabaseDamaged, DatabaseMissing, RehearsalOnly
from gateway.domain.merkle import Frontier
from gateway.domain.words import Said, said

HEAD = "0010"
"""The schema that this version writes; a test compares it with the scripts."""

REHEARSAL = "rehearsal"
"""Key of an identity that marks a database in which time was not the world's: nothing in it has legal worth."""

_REASONS = {
    "SQLITE_NOTADB": said("Ce n'est pas une base SQLite."),
    "SQLITE_CORRUPT": said("Le fichier est abîmé."),
    "SQLITE_CANTOPEN": said("Le fichier ne s'ouvre pas."),
    "SQLITE_READONLY": said("Le fichier est en lecture seule."),
    "SQLITE_PERM": said("L'accès est refusé à ce compte."),
    "SQLITE_FULL": said("Le disque est plein."),
    "SQLITE_IOERR": said("Le disque signale une erreur."),
    "SQLITE_BUSY": said("Un autre processus écrit depuis trop longtemps."),
    "SQLITE_LOCKED": said("Un autre processus écrit depuis trop longtemps."),
}
_MIGRATIONS = Path(__file__).parent / "migrations"
_META = cast("Table", MetaRow.__table__)  # type: ignore[attr-defined]  # SQLModel adds it
_LOG_HEAD = cast("Table", LogHeadRow.__table__)  # type: ignore[attr-defined]  # SQLModel adds it


def create(url: str, identity: dict[str, str]) -> None:
    """Make the schema and say whose database it is (``party``, ``role``, ``site``); what is there already stays.

    Raises:
        DatabaseDamaged: it belongs to somebody else.
    """
    with _connection(url, writes=True) as connection:
        _run_scripts(connection)
        if connection.execute(select(_LOG_HEAD)).first() is None:
            connection.execute(insert(_LOG_HEAD).values(id=1, size=0, frontier=Frontier().encode(), last_at=None))
            connection.execute(insert(_META), [{"key": key, "value": value} for key, value in identity.items()])
        _recognise(connection, identity)


def upgrade(url: str, identity: dict[str, str]) -> None:
    """Bring an existing database to this version's schema, after checking that it is whole and ours.

    Raises:
        DatabaseMissing: there is none; ``gateway init`` makes one.
        DatabaseDamaged: corrupt, of a newer version, or somebody else's.
        RehearsalOnly: a demonstration made it.
    """
    _require_file(url)
    with _connection(url) as connection:
        _require_whole(connection)
        current = _revision(connection) == HEAD
        if current:
            _recognise(connection, identity)
    if not current:
        with _connection(url, writes=True) as connection:
            _run_scripts(connection)
            _recognise(connection, identity)


def check(url: str) -> str | None:
    """Look for damage, without changing anything, and return the schema's version; None for a database without any.

    Raises:
        DatabaseMissing: there is none.
        DatabaseDamaged: corrupt or unreadable.
    """
    _require_file(url)
    with _connection(url) as connection:
        _require_whole(connection)
        return _revision(connection)


def _require_whole(connection: Connection) -> None:
    if connection.dialect.name == "sqlite" and connection.exec_driver_sql("PRAGMA quick_check(1)").scalar() != "ok":
        raise DatabaseDamaged(reason=said("La vérification d'intégrité de SQLite échoue."))


def driver_reason(error: DBAPIError) -> Said | str:
    """Why the database refused, without the driver's own words: these may quote bound values or rows."""
    return reason_of(error.orig)


def reason_of(error: BaseException | None) -> Said | str:
    """The same of the driver's own error."""
    kind = type(error).__name__
    name = str(getattr(error, "sqlite_errorname", ""))
    # Extended names add to the primary ones: SQLITE_IOERR_FSYNC.
    primary = "_".join(name.split("_")[:2])
    return _REASONS.get(primary) or (f"{kind} {name}." if name else f"{kind}.")


def recognise(url: str, *identities: dict[str, str]) -> dict[str, str]:
    """Which of these it is. Checks cheaply that the database is there and of this version, for use beside a daemon.

    Raises:
        DatabaseMissing: there is none.
        DatabaseDamaged: unreadable, of another version, or somebody else's.
        RehearsalOnly: a demonstration made it.
    """
    _require_file(url)
    with _connection(url) as connection:
        if _revision(connection) != HEAD:
            raise DatabaseDamaged(reason=said("Son schéma est d'une autre version ; « gateway run » la met à jour."))
        return _recognise(connection, *identities)


@contextmanager
def _connection(url: str, *, writes: bool = False) -> Iterator[Connection]:
    plain = make_url(url)
    engine = create_engine(plain.set(drivername=plain.drivername.replace("+aiosqlite", "")))
    if engine.dialect.name == "sqlite":
        _begin_ourselves(engine, "BEGIN IMMEDIATE" if writes else "BEGIN")
    try:
        with engine.begin() as connection:
            yield connection
    except DBAPIError as error:
        raise DatabaseDamaged(reason=driver_reason(error)) from error
    finally:
        engine.dispose()


def _begin_ourselves(engine: Engine, statement: str) -> None:
    """Python's driver begins no transaction before CREATE TABLE: each would be committed alone."""

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(statement)


def _require_file(url: str) -> None:
    path = make_url(url).database
    if url.startswith("sqlite") and not (path and Path(path).exists()):
        raise DatabaseMissing(path=path)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _run_scripts(connection: Connection) -> None:
    # Alembic costs a third of a second to import: only those who migrate pay it.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    found = _revision(connection)
    if found is not None and found not in known:
        raise DatabaseDamaged(reason=said("Elle a été écrite par une version plus récente de la passerelle."))
    command.upgrade(config, "head")


def _recognise(connection: Connection, *identities: dict[str, str]) -> dict[str, str]:
    stored = {row.key: row.value for row in connection.execute(select(_META))}
    if stored in identities:
        return stored
    if stored.pop(REHEARSAL, None) and stored in identities:
        raise RehearsalOnly
    raise DatabaseDamaged(reason=said("Elle est celle d'une autre partie, d'un autre rôle ou d'un autre site."))
