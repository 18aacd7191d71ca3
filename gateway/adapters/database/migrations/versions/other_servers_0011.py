"""What PostgreSQL asks beyond SQLite: room for every UID, and event names in the order of their code points."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_NUMBERS = {
    "mails": ("uidvalidity", "uid", "size"),
    "polls": ("uidvalidity", "uidnext", "count", "longest_gap"),
    "files": ("size",),
    "audit": ("index",),
    "log_head": ("size",),
    "log_points": ("size",),
    "alarm_marks": ("seen",),
}


def upgrade() -> None:
    """Bring the schema forward; SQLite's integers have 64 bits, and its texts no language, from the start."""
    if op.get_bind().dialect.name != "postgresql":
        return
    for table, columns in _NUMBERS.items():
        for column in columns:
            # UIDs and UIDVALIDITY go up to 2^32 - 1, PostgreSQL's INTEGER to 2^31 - 1.
            op.alter_column(table, column, type_=sa.BigInteger())
    # Questions for the events of a subject are a range, by the index.
    op.alter_column("audit", "event", type_=sa.String(collation="C"))
