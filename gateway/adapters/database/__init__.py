"""The database: tables, columns, migrations, and the store that implements :mod:`gateway.storage` on SQLAlchemy."""

from gateway.adapters.database.schema import REHEARSAL, create, recognise, upgrade
from gateway.adapters.database.store import DatabaseStore

__all__ = ["REHEARSAL", "DatabaseStore", "create", "recognise", "upgrade"]
