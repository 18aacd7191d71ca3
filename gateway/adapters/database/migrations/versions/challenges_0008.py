"""An acceptance may be withdrawn and another recorded; answers, challenges and what persons said of them are kept."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema forward; an acceptance that an answer contradicted becomes a challenged one."""
    # Made anew: the constraint that goes has no name, and no other table refers to this one yet.
    op.rename_table("acceptances", "former_acceptances")
    op.create_table(
        "acceptances",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("request_hash", sa.String(), nullable=False),
        sa.Column("effective_at", sa.String(length=27), nullable=False),
        sa.Column("recorded_at", sa.String(length=27), nullable=False),
        sa.Column("withdrawn_at", sa.String(length=27), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "acceptances_standing",
        "acceptances",
        ["site", "request_hash"],
        unique=True,
        sqlite_where=sa.text("withdrawn_at IS NULL"),
        postgresql_where=sa.text("withdrawn_at IS NULL"),
    )
    op.execute(
        "INSERT INTO acceptances (site, request_hash, effective_at, recorded_at) "
        "SELECT site, request_hash, effective_at, recorded_at FROM former_acceptances ORDER BY id"
    )
    op.create_table(
        "heard_answers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("request_hash", sa.String(), nullable=False),
        sa.Column("says", sa.String(length=40), nullable=False),
        sa.Column("taken_as", sa.String(length=40), nullable=False),
        sa.Column("granted_from", sa.Date(), nullable=True),
        sa.Column("granted_until", sa.Date(), nullable=True),
        sa.Column("form_owed", sa.Boolean(), nullable=False),
        sa.Column("earliest", sa.String(length=27), nullable=False),
        sa.Column("latest", sa.String(length=27), nullable=False),
        sa.Column("stated", sa.String(length=27), nullable=False),
        sa.Column("doubtful", sa.Boolean(), nullable=False),
        sa.Column("partner", sa.String(), nullable=False),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("heard_at", sa.String(length=27), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_heard_answers_request_hash"), "heard_answers", ["request_hash"], unique=False)
    op.create_table(
        "challenges",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("acceptance", sa.Integer(), nullable=False),
        sa.Column("request_hash", sa.String(), nullable=False),
        sa.Column("ground", sa.String(length=40), nullable=False),
        sa.Column("about", sa.String(), nullable=False),
        sa.Column("words", sa.LargeBinary(), nullable=True),
        sa.Column("raised_at", sa.String(length=27), nullable=False),
        sa.Column("raised_by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["acceptance"], ["acceptances.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("acceptance", "ground", "about"),
    )
    op.create_index(op.f("ix_challenges_request_hash"), "challenges", ["request_hash"], unique=False)
    op.execute(
        "INSERT INTO challenges (site, acceptance, request_hash, ground, about, raised_at, raised_by) "
        "SELECT a.site, a.id, a.request_hash, 'answer_in_time', 'audit', f.contradicted_at, 'gateway' "
        "FROM former_acceptances f JOIN acceptances a ON a.site = f.site AND a.request_hash = f.request_hash "
        "WHERE f.contradicted_at IS NOT NULL ORDER BY f.id"
    )
    op.drop_table("former_acceptances")
    op.create_table(
        "rulings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("request_hash", sa.String(), nullable=False),
        sa.Column("matter", sa.String(length=40), nullable=False),
        sa.Column("about", sa.Integer(), nullable=False),
        sa.Column("binding", sa.String(), nullable=False),
        sa.Column("finding", sa.String(length=40), nullable=False),
        sa.Column("words", sa.LargeBinary(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("at", sa.String(length=27), nullable=False),
        sa.Column("decides", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_rulings_request_hash"), "rulings", ["request_hash"], unique=False)
    with op.batch_alter_table("mails") as table:
        table.add_column(sa.Column("dated_by", sa.Text(), nullable=False, server_default="[]"))
