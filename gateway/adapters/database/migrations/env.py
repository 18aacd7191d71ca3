"""Alembic's environment: migrations run on the connection that the caller opened, in its transaction."""

from typing import Any, Literal

from alembic import context
from sqlalchemy.types import TypeDecorator

from gateway.adapters.database.tables import METADATA


def _plain_type(kind: str, item: Any, _context: object) -> str | Literal[False]:
    """Scripts keep plain SQL types: they must run unchanged when our column types have moved on."""
    if kind == "type" and isinstance(item, TypeDecorator):
        return f"sa.{item.impl!r}"
    return False


connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=METADATA, transactional_ddl=True, render_item=_plain_type)
with context.begin_transaction():
    context.run_migrations()
