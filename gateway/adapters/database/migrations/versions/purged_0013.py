"""Records of the log that were erased after their time: which event tells of each."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward; nothing was erased so far."""
    op.add_column("audit", sa.Column("purged_by", sa.Integer(), nullable=True))
