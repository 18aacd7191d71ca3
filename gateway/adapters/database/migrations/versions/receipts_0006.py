"""Receipts for letters of persons, counted by partner; proofs of reception that persons bring with a scan."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward; letters that came before were not acknowledged."""
    with op.batch_alter_table("letters") as table:
        table.add_column(sa.Column("receipt", sa.Integer(), nullable=True))
        table.create_foreign_key("letters_receipt", "messages", ["receipt"], ["id"])
    op.create_index(op.f("ix_letters_message_id"), "letters", ["message_id"], unique=False)
    op.create_index("transmissions_to_partner", "transmissions", ["site", "partner", "receipt"], unique=False)
