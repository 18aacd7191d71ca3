"""The tables, the values of the storage port and the migrations say the same thing."""

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, Table, create_engine, inspect

from gateway.adapters import database
from gateway.adapters.database import schema
from gateway.adapters.database.row import Row
from gateway.adapters.database.tables import METADATA, TABLES, LogHeadRow, MetaRow
from gateway.domain.errors import DatabaseDamaged, DatabaseMissing

IDENTITY = {"party": "chu-exemple", "role": "hospital", "site": "principal"}


def table_of(row: type[Row]) -> Table:
    """SQLAlchemy's table of a model."""
    return row.__table__


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """A database that the migrations made."""
    path = tmp_path / "gateway.sqlite3"
    database.create(f"sqlite+aiosqlite:///{path}", IDENTITY)
    made = create_engine(f"sqlite:///{path}")
    yield made
    made.dispose()


@pytest.mark.parametrize(("value", "row"), TABLES.items(), ids=lambda item: item.__name__)
def test_a_table_has_the_columns_of_its_value(value: type, row: type[Row]) -> None:
    """Names and nothing but the names: the store copies one to the other without knowing them."""
    assert {field.name for field in fields(value)} == set(table_of(row).columns.keys())


@pytest.mark.parametrize(("value", "row"), TABLES.items(), ids=lambda item: item.__name__)
def test_a_column_may_be_null_only_where_the_value_may_be_none(value: type, row: type[Row]) -> None:
    """A value read from the database is as its type says."""
    columns = table_of(row).columns
    optional = {field.name for field in fields(value) if "None" in str(field.type)}

    assert optional == {column.name for column in columns if column.nullable}


def test_every_table_holds_a_value_or_is_the_log_head_or_the_identity() -> None:
    """No table that nobody reads."""
    known = {table_of(row).name for row in TABLES.values()}

    assert known | {table_of(LogHeadRow).name, table_of(MetaRow).name} == set(METADATA.tables)


def test_the_migrations_make_exactly_the_tables(engine: Engine) -> None:
    """Alembic finds no difference; types are plain text in the scripts, so they are not compared."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False, "target_metadata": METADATA})

        assert compare_metadata(context, METADATA) == []


def test_constraints_of_the_tables_are_in_the_database(engine: Engine) -> None:
    """Unique and foreign keys, which Alembic compares loosely on SQLite, are compared by their columns."""
    found = inspect(engine)

    for name, table in METADATA.tables.items():
        wanted = {
            tuple(sorted(str(column.parent.name) for column in key.elements)) for key in table.foreign_key_constraints
        }
        made = {tuple(sorted(key["constrained_columns"])) for key in found.get_foreign_keys(name)}
        assert wanted == made, name


def test_there_is_one_line_of_migrations() -> None:
    """Two heads would leave the order of an upgrade open."""
    assert len(ScriptDirectory(str(Path(schema.__file__).parent / "migrations")).get_heads()) == 1


def test_creating_twice_changes_nothing(engine: Engine) -> None:
    """``init`` that was interrupted can be run again."""
    url = f"sqlite+aiosqlite:///{engine.url.database}"
    with engine.connect() as connection:
        before = connection.exec_driver_sql("SELECT * FROM meta ORDER BY key").all()

    database.create(url, IDENTITY)
    database.upgrade(url, IDENTITY)

    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT * FROM meta ORDER BY key").all() == before
        assert connection.exec_driver_sql("SELECT count(*) FROM log_head").scalar_one() == 1


def test_another_party_is_refused(engine: Engine) -> None:
    """A configuration that names the wrong folder must not write into somebody else's database."""
    with pytest.raises(DatabaseDamaged):
        database.upgrade(f"sqlite+aiosqlite:///{engine.url.database}", IDENTITY | {"party": "autre"})


def test_a_newer_schema_is_refused(engine: Engine) -> None:
    """A version that this program does not know is not touched."""
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(DatabaseDamaged):
        database.upgrade(f"sqlite+aiosqlite:///{engine.url.database}", IDENTITY)


def test_an_older_database_keeps_its_rows_through_each_migration(tmp_path: Path) -> None:
    """The first schema with a row of every table it must carry over, brought forward one script after the other."""
    path = tmp_path / "old.sqlite3"
    engine = create_engine(f"sqlite:///{path}")
    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.exec_driver_sql("INSERT INTO log_head VALUES (1, 0, x'', NULL)")
        for index, at in enumerate(("10:00:07", "10:00:09", "what somebody made of it", "10:00:08.5", "10:00:12")):
            connection.exec_driver_sql(
                "INSERT INTO audit VALUES (?, ?, '', '', NULL, NULL, NULL, NULL, NULL, x'', x'')",
                (index, f"2026-02-04T{at}Z"),
            )
        for key, value in IDENTITY.items():
            connection.exec_driver_sql("INSERT INTO meta VALUES (?, ?)", (key, value))
        connection.exec_driver_sql("INSERT INTO vault_keys VALUES ('k', 'case', x'00', '2026-01-01', NULL)")
    engine.dispose()
    url = f"sqlite+aiosqlite:///{path}"

    with pytest.raises(DatabaseDamaged, match="gateway run"):
        database.recognise(url, IDENTITY)
    database.upgrade(url, IDENTITY)
    database.recognise(url, IDENTITY)

    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT id FROM vault_keys").scalars().all() == ["k"]
        assert connection.exec_driver_sql("SELECT setback FROM log_head").scalar_one() == 500_000
        context = MigrationContext.configure(connection, opts={"compare_type": False, "target_metadata": METADATA})
        assert compare_metadata(context, METADATA) == []
    engine.dispose()


def test_a_missing_database_is_never_created_by_an_upgrade(tmp_path: Path) -> None:
    """It would hide the real one."""
    path = tmp_path / "absent.sqlite3"

    with pytest.raises(DatabaseMissing):
        database.upgrade(f"sqlite+aiosqlite:///{path}", IDENTITY)

    assert not path.exists()
