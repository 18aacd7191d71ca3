"""Readers: what each is owed of a message, and the physician of a case."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward; messages that were received before are owed to nobody."""
    op.create_table(
        "handovers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("message", sa.Integer(), nullable=False),
        sa.Column("reader", sa.String(), nullable=True),
        sa.Column("share", sa.String(length=40), nullable=False),
        sa.Column("way", sa.String(length=40), nullable=True),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("due_at", sa.String(length=27), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("place", sa.String(), nullable=True),
        sa.Column("transmission", sa.Integer(), nullable=True),
        sa.Column("handed_at", sa.String(length=27), nullable=True),
        sa.Column("failing_since", sa.String(length=27), nullable=True),
        sa.Column("alarmed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["message"], ["messages.id"]),
        sa.ForeignKeyConstraint(["transmission"], ["transmissions.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("site", "message", "reader", "share"),
    )
    op.create_index(op.f("ix_handovers_state"), "handovers", ["state"], unique=False)
    op.create_index(op.f("ix_handovers_transmission"), "handovers", ["transmission"], unique=False)
    with op.batch_alter_table("cases") as table:
        table.add_column(sa.Column("physician", sa.String(), nullable=True))
