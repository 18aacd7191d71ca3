"""A partner's former key goes on counting for a while beside the new one."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward; keys that were replaced so far were retired at once."""
    op.add_column("pins", sa.Column("superseded_at", sa.String(length=27), nullable=True))
