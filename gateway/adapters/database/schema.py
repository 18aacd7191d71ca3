"""Creating, upgrading and recognising a database. Alembic's scripts are the only definition of the schema in use.

A migration is one transaction: interrupted anywhere, it leaves the database as it was.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, insert, inspect, make_url, select, text
from sqlalchemy.exc import DBAPIError

from gateway.adapters.database import engines
from gateway.adapters.database.legality import require_legal_states
from gateway.adapters.database.refusals import driver_reason, failure, speaks_of_damage
from gateway.adapters.database.tables import LogHeadRow, MetaRow
from gateway.domain.errors import DatabaseDamaged, DatabaseMissing, DatabaseUnfit, RehearsalOnly
from gateway.domain.merkle import Frontier
from gateway.domain.words import said

HEAD = "0021"
"""The schema that this version writes; a test compares it with the scripts."""

REHEARSAL = "rehearsal"
"""Key of an identity that marks a database in which time was not the world's: nothing in it has legal worth."""

_MIGRATIONS = Path(__file__).parent / "migrations"
_META = MetaRow.__table__
_LOG_HEAD = LogHeadRow.__table__


def create(url: str, identity: dict[str, str]) -> None:
    """Make the schema and say whose database it is (``party``, ``role``, ``site``); what is there already stays.

    Raises:
        DatabaseDamaged: it belongs to somebody else.
    """
    with connected(url, writes=True) as connection:
        run_scripts(connection)
        if connection.execute(select(_LOG_HEAD)).first() is None:
            connection.execute(
                insert(_LOG_HEAD).values(id=1, size=0, frontier=Frontier().encode(), last_at=None, setback=0)
            )
            connection.execute(insert(_META), [{"key": key, "value": value} for key, value in identity.items()])
        _recognise(connection, identity)


def upgrade(url: str, identity: dict[str, str]) -> None:
    """Bring an existing database to this version's schema, after checking that it is whole and ours.

    Raises:
        DatabaseMissing: there is none; ``gateway init`` makes one.
        DatabaseDamaged: corrupt, of a newer version, somebody else's, or with a row in a state that is not legal.
        RehearsalOnly: a demonstration made it.
    """
    _require_file(url)
    with connected(url) as connection:
        _require_whole(connection)
        current = _revision(connection) == HEAD
        if current:
            _recognise(connection, identity)
    if not current:
        with connected(url, writes=True) as connection:
            run_scripts(connection)
            _recognise(connection, identity)
    with connected(url) as connection:
        require_legal_states(connection)


def check(url: str) -> str | None:
    """Look for damage, without changing anything, and return the schema's version; None for a database without any.

    Raises:
        DatabaseMissing: there is none.
        DatabaseDamaged: corrupt or unreadable.
    """
    _require_file(url)
    with connected(url) as connection:
        _require_whole(connection)
        return _revision(connection)


def _require_whole(connection: Connection) -> None:
    if connection.dialect.name == "sqlite" and connection.exec_driver_sql("PRAGMA quick_check(1)").scalar() != "ok":
        raise DatabaseDamaged(reason=said("La vérification d'intégrité de SQLite échoue."))


def recognise(url: str, *identities: dict[str, str]) -> dict[str, str]:
    """Which of these it is. Checks cheaply that the database is there and of this version, for use beside a daemon.

    Raises:
        DatabaseMissing: there is none.
        DatabaseDamaged: unreadable, of another version, or somebody else's.
        RehearsalOnly: a demonstration made it.
    """
    _require_file(url)
    with connected(url) as connection:
        revision = _revision(connection)
        if revision is None:
            raise _empty(connection)
        if revision > HEAD:
            raise _newer()
        if revision != HEAD:
            act = said("Démarrez « gateway run », qui la met à jour.")
            raise DatabaseUnfit(reason=said("Une version plus ancienne de la passerelle l'a écrite."), act=act)
        return _recognise(connection, *identities)


@contextmanager
def connected(url: str, *, writes: bool = False) -> Iterator[Connection]:
    """One transaction; with ``writes`` it is alone, as an act.

    Raises:
        DatabaseDamaged: the file is not whole.
        StorageFailed, DatabaseBusy, DatabaseUnreachable: the disk, another process, or the server refuses.
    """
    engine = engines.plain(url, writes=writes)
    try:
        with engine.begin() as connection:
            yield connection
    except DBAPIError as error:
        if engine.dialect.name == "sqlite" and speaks_of_damage(error):
            raise DatabaseDamaged(reason=driver_reason(error)) from error
        raise failure(error) from None
    finally:
        engine.dispose()


def _require_file(url: str) -> None:
    path = make_url(url).database
    if engines.is_sqlite(url) and not (path and Path(path).exists()):
        raise DatabaseMissing(path=path)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def run_scripts(connection: Connection) -> None:
    """Bring the schema to this version, in the caller's transaction.

    Raises:
        DatabaseDamaged: a later version wrote it.
    """
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
        raise _newer()
    command.upgrade(config, "head")


def _recognise(connection: Connection, *identities: dict[str, str]) -> dict[str, str]:
    stored = {row.key: row.value for row in connection.execute(select(_META))}
    if not stored:
        raise _empty(connection)
    if stored in identities:
        return stored
    if stored.pop(REHEARSAL, None) and stored in identities:
        raise RehearsalOnly
    raise DatabaseUnfit(
        reason=said("Elle est celle d'une autre partie, d'un autre rôle ou d'un autre site."),
        act=said("Vérifiez party, role, site et data dans [gateway], et [database] ; rien n'a été changé."),
    )


def _newer() -> DatabaseUnfit:
    return DatabaseUnfit(
        reason=said("Elle a été écrite par une version plus récente de la passerelle."),
        act=said("Installez cette version-là ; rien n'a été changé."),
    )


def _empty(connection: Connection) -> DatabaseDamaged:
    if connection.dialect.name == "sqlite":
        return DatabaseDamaged(reason=said("Elle est vide."))
    act = said("« gateway db copy » y porte la base SQLite, « gateway restore » une sauvegarde.")
    return DatabaseUnfit(reason=said("Elle est vide."), act=act)
