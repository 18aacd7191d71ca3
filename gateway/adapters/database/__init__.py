"""The database: tables, columns, migrations, and the store that implements :mod:`gateway.storage` on SQLAlchemy."""

from gateway.adapters.database.schema import HEAD, REHEARSAL, check, create, recognise, upgrade
from gateway.adapters.database.scrub import scrub
from gateway.adapters.database.store import DatabaseStore

__all__ = ["HEAD", "REHEARSAL", "DatabaseStore", "check", "create", "recognise", "scrub", "upgrade"]
