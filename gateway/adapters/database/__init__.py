"""The database: tables, migrations, copies, and the store that implements :mod:`gateway.storage` on SQLAlchemy."""

from gateway.adapters.database.copying import CLOSED, copy
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
    "recognise",
    "scrub",
    "upgrade",
]
