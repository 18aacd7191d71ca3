"""Requests of one site in the order of their ends: SQLite went by the site alone, and read every request of it."""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward."""
    op.drop_index(op.f("ix_requests_due_at"), "requests")
    op.create_index("requests_due", "requests", ["site", "due_at"], unique=False)
