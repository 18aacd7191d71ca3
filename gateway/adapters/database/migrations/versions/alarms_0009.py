"""Alarms: those that stand or stood, and how far the log was read for what starts one."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward; what is recorded already starts no alarm before the watch looks at it."""
    op.create_table(
        "alarms",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("about", sa.String(), nullable=False),
        sa.Column("case", sa.String(), nullable=True),
        sa.Column("request", sa.String(), nullable=True),
        sa.Column("message", sa.String(), nullable=True),
        sa.Column("partner", sa.String(), nullable=True),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("started_at", sa.String(length=27), nullable=False),
        sa.Column("ended_at", sa.String(length=27), nullable=True),
        sa.Column("taken_at", sa.String(length=27), nullable=True),
        sa.Column("taken_by", sa.String(), nullable=True),
        sa.Column("told", sa.Text(), nullable=False),
        sa.Column("told_at", sa.String(length=27), nullable=True),
        sa.Column("mail", sa.Integer(), nullable=True),
        sa.Column("owes_call", sa.String(length=40), nullable=True),
        sa.Column("called_at", sa.String(length=27), nullable=True),
        sa.ForeignKeyConstraint(["mail"], ["messages.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    standing = sa.text("ended_at IS NULL")
    op.create_index(
        "one_standing_alarm",
        "alarms",
        ["site", "kind", "about"],
        unique=True,
        sqlite_where=standing,
        postgresql_where=standing,
    )
    op.create_index(op.f("ix_alarms_ended_at"), "alarms", ["ended_at"], unique=False)
    op.create_index(op.f("ix_alarms_owes_call"), "alarms", ["owes_call"], unique=False)
    op.create_table(
        "alarm_marks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("seen", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("site"),
    )
