"""The worklist is kept, and the long tables are found by what pages ask for."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward."""
    op.create_table(
        "case_tasks",
        sa.Column("due_at", sa.String(length=27), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("request", sa.String(), nullable=False),
        sa.Column("urgency", sa.Integer(), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_case_tasks_case_id"), "case_tasks", ["case_id"], unique=False)
    columns = ["site", "since", "until", "urgency", "due_at", "case_id", "rank", "request", "code", "id"]
    op.create_index("case_tasks_of_day", "case_tasks", columns, unique=False)
    op.create_table(
        "worklist_marks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("seen", sa.BigInteger(), nullable=False),
        sa.Column("reached", sa.Integer(), nullable=False),
        sa.Column("whole", sa.Boolean(), nullable=False),
        sa.Column("edition", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("site"),
    )
    op.create_index("cases_by_ref", "cases", ["site", "ref"], unique=False)
    op.create_index("cases_open", "cases", ["site", "closed_at", "id"], unique=False)
    op.create_index("requests_ending", "requests", ["site", "state", "earliest_at"], unique=False)
    op.create_index(op.f("ix_acceptances_request_hash"), "acceptances", ["request_hash"], unique=False)
    op.create_index("cases_of_site", "cases", ["site", "id"], unique=False)
    op.create_index("messages_of_kind", "messages", ["site", "direction", "kind", "id"], unique=False)
    op.create_index("mails_by_verdict", "mails", ["site", "verdict", "recorded_at"], unique=False)
