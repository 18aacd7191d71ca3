"""Creating, upgrading and recognising a database. Alembic's scripts are the only definition of the schema in use."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Table, create_engine, insert, make_url, select
from sqlalchemy.exc import DBAPIError

from gateway.adapters.database.tables import LogHeadRow, MetaRow
from gateway.domain.errors import DatabaseDamaged, DatabaseMissing
from gateway.domain.merkle import Frontier

_MIGRATIONS = Path(__file__).parent / "migrations"


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def _sync_url(url: str) -> str:
    return str(make_url(url).set(drivername=make_url(url).drivername.replace("+aiosqlite", "")).render_as_string(False))


def create(url: str, identity: dict[str, str]) -> None:
    """Make the schema and say whose database it is (``party``, ``role``, ``site``); what is there already stays.

    Raises:
        DatabaseDamaged: it belongs to somebody else.
    """
    engine = create_engine(_sync_url(url))
    try:
        with engine.begin() as connection:
            command.upgrade(_config(connection), "head")
            meta: Table = MetaRow.__table__  # type: ignore[attr-defined]  # SQLModel adds it
            head: Table = LogHeadRow.__table__  # type: ignore[attr-defined]  # SQLModel adds it
            if connection.execute(select(head)).first() is None:
                connection.execute(insert(head).values(id=1, size=0, frontier=Frontier().encode(), last_at=None))
                connection.execute(insert(meta), [{"key": key, "value": value} for key, value in identity.items()])
            _recognise(connection, identity)
    finally:
        engine.dispose()


def upgrade(url: str, identity: dict[str, str]) -> None:
    """Bring an existing database to this version's schema, after checking that it is whole and ours.

    Raises:
        DatabaseMissing: there is none; ``gateway init`` makes one.
        DatabaseDamaged: corrupt, of a newer version, or somebody else's.
    """
    path = make_url(url).database
    if url.startswith("sqlite") and not (path and Path(path).exists()):
        raise DatabaseMissing(path=path)
    engine = create_engine(_sync_url(url))
    try:
        with engine.begin() as connection:
            if url.startswith("sqlite"):
                _check_whole(connection)
            _check_known(connection)
            command.upgrade(_config(connection), "head")
            _recognise(connection, identity)
    except DBAPIError as error:
        raise DatabaseDamaged(reason=type(error.orig).__name__) from error
    finally:
        engine.dispose()


def _check_whole(connection: Connection) -> None:
    found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
    if found != "ok":
        raise DatabaseDamaged(reason="quick_check")


def _check_known(connection: Connection) -> None:
    current = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in ScriptDirectory(str(_MIGRATIONS)).walk_revisions()}
    if current not in known:
        raise DatabaseDamaged(reason=f"version du schéma inconnue : {current}")


def _recognise(connection: Connection, identity: dict[str, str]) -> None:
    meta: Table = MetaRow.__table__  # type: ignore[attr-defined]  # SQLModel adds it
    stored = {row.key: row.value for row in connection.execute(select(meta))}
    if stored != identity:
        raise DatabaseDamaged(reason="cette base est celle d'une autre partie, d'un autre rôle ou d'un autre site")
