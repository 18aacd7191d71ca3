"""What a database's refusal is told as: a full disk, a turn that does not come, or damage; each has its own mend."""

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from gateway.adapters.database import create, schema
from gateway.domain.errors import DatabaseBusy, DatabaseDamaged, DatabaseUnfit, GatewayError, StorageFailed

IDENTITY = {"party": "chu-essai", "role": "hospital", "site": "main"}


@pytest.fixture(name="url")
def _url(tmp_path: Path) -> str:
    url = f"sqlite+aiosqlite:///{tmp_path / 'gateway.sqlite3'}"
    create(url, IDENTITY)
    return url


@pytest.mark.fault("F7")
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("SQLITE_FULL", StorageFailed),
        ("SQLITE_IOERR_SHMSIZE", StorageFailed),
        ("SQLITE_CANTOPEN", StorageFailed),
        ("SQLITE_READONLY_DBMOVED", StorageFailed),
        ("SQLITE_BUSY", DatabaseBusy),
        ("SQLITE_LOCKED", DatabaseBusy),
        ("SQLITE_CORRUPT_INDEX", DatabaseDamaged),
        ("SQLITE_NOTADB", DatabaseDamaged),
        ("SQLITE_IOERR_READ", DatabaseDamaged),
    ],
)
def test_only_damage_asks_for_a_backup(url: str, name: str, kind: type[GatewayError]) -> None:
    """A person who is told to put a backup back because the disk is full loses what came since."""

    class _Raised(sqlite3.OperationalError):
        sqlite_errorname = name

    with pytest.raises(GatewayError) as caught, schema.connected(url):
        raise OperationalError("SELECT", {}, _Raised("Mme Secrète"))
    assert type(caught.value) is kind
    assert ("Restaurez" in caught.value.sentence()) == (kind is DatabaseDamaged)


@pytest.mark.parametrize(
    ("version", "mend"), [("0001", "« gateway run »"), ("9999", "Installez cette version")], ids=["older", "newer"]
)
def test_a_database_of_another_version_asks_for_that_version(url: str, version: str, mend: str) -> None:
    """An older one is brought up by the service; of a newer one nothing is known here."""
    with schema.connected(url, writes=True) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = ?", (version,))
    with pytest.raises(DatabaseUnfit, match=mend):
        schema.recognise(url, IDENTITY)


def test_the_database_of_another_party_asks_for_the_configuration(url: str) -> None:
    """It is whole: no backup would make it ours."""
    with pytest.raises(DatabaseUnfit, match=r"\[gateway\]"):
        schema.recognise(url, {**IDENTITY, "party": "autre"})
