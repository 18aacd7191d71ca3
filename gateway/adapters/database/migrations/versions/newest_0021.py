"""The newest look at a folder, and the mails of a message, a case or a reason, by their index: each read all rows."""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward."""
    op.create_index("polls_newest", "polls", ["site", "mailbox", "folder", "id"], unique=False)
    op.create_index("mails_by_reason", "mails", ["site", "settled_at", "reason"], unique=False)
    for column in ("message", "likely_case"):
        op.create_index(op.f(f"ix_mails_{column}"), "mails", [column], unique=False)
