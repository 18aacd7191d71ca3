"""The database: tables, migrations, copies, and the store that implements :mod:`gateway.storage` on SQLAlchemy."""

from gateway.adapters.database.copying import CLOSED, copy, is_empty, load, snapshot
from gateway.adapters.database.schema import HEAD, REHEARSAL, check, create, recognise, upgrade
from gateway.adapters.database.scrub import scrub
from gateway.adapters.database.store import DatabaseStore

__all__ = [
    "CLOSED",
    "HEAD",
    "REHEARSAL",
    "DatabaseStore",
    "check",
    "copy",
    "create",
    "is_empty",
    "load",
    "recognise",
    "scrub",
    "snapshot",
    "upgrade",
]
