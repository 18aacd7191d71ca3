"""The table of how far programs were told; see :mod:`gateway.adapters.database.tables`."""

from datetime import datetime

from sqlalchemy import BigInteger, UniqueConstraint
from sqlmodel import Field

from gateway.adapters.database.columns import instant
from gateway.adapters.database.row import Row


class WebhookMarkRow(Row):
    """One row a target."""

    __tablename__ = "webhook_marks"
    __table_args__ = (UniqueConstraint("site", "target"),)
    id: int | None = Field(default=None, primary_key=True)
    site: str
    target: str
    seen: int = Field(sa_type=BigInteger)
    attempts: int
    next_at: datetime | None = Field(sa_column=instant())
