"""The whole protocol: the state of a case, its facts, what a request asks and was granted, copies that are owed."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward; what was kept so far is a stay under way with a request to prolong it."""
    op.create_table(
        "facts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("first", sa.Date(), nullable=True),
        sa.Column("last", sa.Date(), nullable=True),
        sa.Column("request_hash", sa.String(), nullable=True),
        sa.Column("message", sa.Integer(), nullable=True),
        sa.Column("details", sa.LargeBinary(), nullable=True),
        sa.Column("corrects", sa.Integer(), nullable=True),
        sa.Column("withdraws", sa.Boolean(), nullable=False),
        sa.Column("recorded_at", sa.String(length=27), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"]),
        sa.ForeignKeyConstraint(["corrects"], ["facts.id"]),
        sa.ForeignKeyConstraint(["message"], ["messages.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("corrects"),
    )
    op.create_index(op.f("ix_facts_case_id"), "facts", ["case_id"], unique=False)
    op.create_index(op.f("ix_facts_request_hash"), "facts", ["request_hash"], unique=False)
    with op.batch_alter_table("cases") as table:
        table.add_column(sa.Column("state", sa.String(length=40), nullable=False, server_default="admitted"))
        table.create_index(op.f("ix_cases_state"), ["state"], unique=False)
    with op.batch_alter_table("requests") as table:
        table.add_column(sa.Column("kind", sa.String(), nullable=False, server_default="EXTENSION_REQUEST"))
        table.add_column(sa.Column("nature", sa.String(), nullable=False, server_default="prolongation"))
        table.add_column(sa.Column("supersedes", sa.String(), nullable=True))
        table.add_column(sa.Column("granted_from", sa.Date(), nullable=True))
        table.add_column(sa.Column("granted_until", sa.Date(), nullable=True))
        table.add_column(sa.Column("form_owed", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "owed_copies",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("message", sa.Integer(), nullable=False),
        sa.Column("partner", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("noticed_at", sa.String(length=27), nullable=False),
        sa.Column("settled_at", sa.String(length=27), nullable=True),
        sa.ForeignKeyConstraint(["message"], ["messages.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("site", "message", "partner"),
    )
    op.create_index(op.f("ix_owed_copies_settled_at"), "owed_copies", ["settled_at"], unique=False)
    op.execute("UPDATE messages SET kind = 'RECEIPT_ACK' WHERE kind = 'RECEIPT'")
