"""What suggests that a mail is about a case, what a first person proposed, and what signatures prove of letters."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward; of the mails that came before, nothing is suggested."""
    with op.batch_alter_table("mails") as table:
        table.add_column(sa.Column("likely_case", sa.Integer(), nullable=True))
        table.add_column(sa.Column("likely_request", sa.String(), nullable=True))
        table.add_column(sa.Column("likely_by", sa.String(length=40), nullable=True))
        table.add_column(sa.Column("proposal", sa.String(), nullable=True))
    op.create_table(
        "letters",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("mail", sa.Integer(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("mic", sa.String(), nullable=False),
        sa.Column("signed_at", sa.String(length=27), nullable=False),
        sa.Column("reached", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(), nullable=True),
        sa.Column("copied", sa.Boolean(), nullable=False),
        sa.Column("entity", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["entity"], ["files.name"]),
        sa.ForeignKeyConstraint(["mail"], ["mails.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("mail"),
    )
