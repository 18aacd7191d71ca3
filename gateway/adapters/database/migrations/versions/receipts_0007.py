"""Receipts for letters of persons, counted by partner; proofs of reception that persons bring with a scan."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward; letters that came before were not acknowledged."""
    with op.batch_alter_table("letters") as table:
        table.add_column(sa.Column("receipt", sa.Integer(), nullable=True))
        table.create_foreign_key("letters_receipt", "messages", ["receipt"], ["id"])
    op.create_index(op.f("ix_letters_message_id"), "letters", ["message_id"], unique=False)
    op.create_index("transmissions_to_partner", "transmissions", ["site", "partner", "receipt"], unique=False)
    op.create_table(
        "entered_proofs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("request_hash", sa.String(), nullable=False),
        sa.Column("partner", sa.String(), nullable=False),
        sa.Column("received_at", sa.String(length=27), nullable=False),
        sa.Column("file", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("mail", sa.Integer(), nullable=True),
        sa.Column("entered_at", sa.String(length=27), nullable=False),
        sa.Column("entered_by", sa.String(), nullable=False),
        sa.Column("settled_at", sa.String(length=27), nullable=True),
        sa.Column("settled_by", sa.String(), nullable=True),
        sa.Column("counted", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"]),
        sa.ForeignKeyConstraint(["file"], ["files.name"]),
        sa.ForeignKeyConstraint(["mail"], ["mails.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_entered_proofs_case_id"), "entered_proofs", ["case_id"], unique=False)
    op.create_index(op.f("ix_entered_proofs_request_hash"), "entered_proofs", ["request_hash"], unique=False)
