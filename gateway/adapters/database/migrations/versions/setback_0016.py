"""By how much the clock was ever set back in the log, so that a period is found without reading all before it."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward; the log so far is read once."""
    op.add_column("log_head", sa.Column("setback", sa.BigInteger(), nullable=False, server_default="0"))
    connection = op.get_bind()
    latest, setback = datetime.min.replace(tzinfo=UTC), timedelta()
    query = sa.text('SELECT at FROM audit ORDER BY "index"').execution_options(yield_per=10_000)
    for (text,) in connection.execute(query):
        # What somebody made of a log is told when it is verified, not here.
        with suppress(TypeError, ValueError):
            at = datetime.fromisoformat(text)
            setback, latest = max(setback, latest - at), max(latest, at)
    heads = sa.table("log_head", sa.column("setback", sa.BigInteger()))
    connection.execute(sa.update(heads).values(setback=setback // timedelta(microseconds=1)))
