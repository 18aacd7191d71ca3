"""Checkpoints that leave by mail: which mail carries each."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward; what was anchored before went another way."""
    with op.batch_alter_table("anchors") as table:
        table.add_column(sa.Column("transmission", sa.Integer(), nullable=True))
        table.create_foreign_key("anchors_by_mail", "transmissions", ["transmission"], ["id"])
