"""What SQLite keeps of what was deleted: nothing in its own pages (secure_delete), but former pages in its WAL."""

import sqlite3
from contextlib import closing

from sqlalchemy import make_url

from gateway.adapters.database.refusals import sqlite_reason
from gateway.domain.errors import StorageFailed
from gateway.domain.words import said

PATIENCE = 10.0
"""Seconds that a reader of another process is waited for."""


def scrub(url: str, *, patience: float = PATIENCE) -> bool:
    """Move the WAL into the database and cut it to nothing, so that no former page stays in it.

    ``patience`` is in seconds. False when a reader of another process kept the WAL from being cut: it is asked again
    later. On another database than SQLite nothing is done, and it is True: there, former row versions go with the
    server's own vacuum.

    Raises:
        StorageFailed: the database refuses.
    """
    place = make_url(url)
    if not place.drivername.startswith("sqlite") or place.database is None:
        return True
    try:
        with closing(sqlite3.connect(place.database, timeout=patience)) as connection:
            busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.Error as error:
        raise StorageFailed(place=said("la base de données"), reason=sqlite_reason(error)) from None
    return not busy
