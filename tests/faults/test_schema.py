"""A new version that is killed while it brings an old database forward leaves the old one, or the new one."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, inspect
from sqlalchemy.pool import NullPool

from gateway.adapters import database
from gateway.adapters.database import schema
from tests.faults.kernel import NAMES, SENDS, Fault
from tests.faults.stage import NEVER, Stage
from tests.faults.sweep import WHOLE, some
from tests.postgres import Server

Property = Callable[[str, object], None]

IDENTITY = {"party": "hopital-demo", "role": "hospital", "site": "principal"}
OLD = "0001"
DISK = frozenset(NAMES) - SENDS
LONG = {"timeout": 3600}


def first_schema(url: str) -> None:
    """The first schema, with the rows without which no gateway knows it."""
    engine = create_engine(url, poolclass=NullPool)
    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, OLD)
        connection.exec_driver_sql("INSERT INTO log_head VALUES (1, 0, '', NULL)")
        for key, value in IDENTITY.items():
            connection.exec_driver_sql(f"INSERT INTO meta VALUES ('{key}', '{value}')")  # noqa: S608  ours
    engine.dispose()


def in_file(path: Path) -> tuple[str, list[str]]:
    """Version and definitions, as SQLite holds them."""
    with closing(sqlite3.connect(path)) as connection:
        ((version,),) = connection.execute("SELECT version_num FROM alembic_version").fetchall()
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        rows = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    # Alembic, which makes a table anew, writes its constraints in any order.
    return version, sorted(" ".join(sorted(line.strip(" ,") for line in text.splitlines())) for (text,) in rows)


@pytest.mark.fault("F39")
@pytest.mark.timeout(3600)
def test_a_killed_migration_of_a_file_is_undone(stage: Stage, tmp_path: Path, record_property: Property) -> None:
    """At each write and sync; the next start brings it forward."""
    folder, old = tmp_path / "place", tmp_path / "old.sqlite3"
    folder.mkdir()
    path = folder / "gateway.sqlite3"
    first_schema(f"sqlite:///{old}")
    asked = {"within": str(folder), "url": f"sqlite+aiosqlite:///{path}", "identity": IDENTITY}

    def fresh(fault: Fault) -> int:
        shutil.rmtree(folder)
        folder.mkdir()
        shutil.copy(old, path)
        seen = stage.run("hospital", "migrate", fault, **asked)
        assert seen.code == (-9 if seen.fired else 0), seen
        return len(seen.calls)

    calls = fresh(NEVER)
    ends = {in_file(old)[0]: in_file(old)[1], in_file(path)[0]: in_file(path)[1]}
    assert set(ends) == {OLD, database.HEAD}
    points = range(1, calls + 1) if WHOLE else some(range(1, calls + 1), 3)
    for point in points:
        fresh(Fault(at=point))
        version, definitions = in_file(path)
        assert definitions == ends[version], point
        stage.works("hospital", "migrate", **asked)
        assert in_file(path) == (database.HEAD, ends[database.HEAD])
    record_property("points", len(points))


def on_server(url: str) -> tuple[str, list[str]]:
    """Version and tables with their columns, as PostgreSQL holds them."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        version = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one()
        looked = inspect(connection)
        tables = [
            f"{table}: {sorted(column['name'] for column in looked.get_columns(table))}"
            for table in looked.get_table_names()
        ]
    engine.dispose()
    return version, sorted(tables)


@pytest.mark.fault("F39")
@pytest.mark.timeout(3600)
def test_a_killed_migration_of_a_server_is_undone(
    stage: Stage, postgres: Server, tmp_path: Path, record_property: Property
) -> None:
    """At each statement that is sent: PostgreSQL takes back what was not committed."""
    old = postgres.empty()
    first_schema(old)

    def fresh(fault: Fault) -> tuple[str, int]:
        url = postgres.copy_of(old)
        seen = stage.run("hospital", "migrate", fault, within=str(tmp_path), url=url, identity=IDENTITY)
        assert seen.code == (-9 if seen.fired else 0), seen
        return url, len(seen.calls)

    forward, calls = fresh(Fault(at=10**9, only=SENDS))
    ends = dict([on_server(old), on_server(forward)])
    assert set(ends) == {OLD, database.HEAD}
    points = range(1, calls + 1) if WHOLE else some(range(1, calls + 1), 3)
    for point in points:
        url, _ = fresh(Fault(at=point, only=SENDS))
        version, tables = on_server(url)
        assert tables == ends[version], point
        database.upgrade(url, IDENTITY)
        assert on_server(url) == (database.HEAD, ends[database.HEAD])
    record_property("points", len(points))
