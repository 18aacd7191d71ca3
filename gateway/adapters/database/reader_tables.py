"""The table of what readers of our own party are owed; see :mod:`gateway.adapters.database.tables`."""

from datetime import datetime

from sqlalchemy import Column, UniqueConstraint
from sqlmodel import Field

from gateway.adapters.database.columns import Choice, Instant
from gateway.adapters.database.row import Row
from gateway.domain import readers


class ReaderHandoverRow(Row):
    """What readers are owed: each share of a message once for each reader."""

    __tablename__ = "handovers"
    __table_args__ = (UniqueConstraint("site", "message", "reader", "share"),)
    id: int | None = Field(default=None, primary_key=True)
    site: str
    message: int = Field(foreign_key="messages.id")
    reader: str | None = None
    share: readers.Share = Field(sa_column=Column(Choice(readers.Share), nullable=False))
    way: readers.Way | None = Field(sa_column=Column(Choice(readers.Way), nullable=True))
    state: readers.State = Field(sa_column=Column(Choice(readers.State), nullable=False, index=True))
    due_at: datetime = Field(sa_column=Column(Instant, nullable=False))
    attempts: int
    place: str | None = None
    transmission: int | None = Field(default=None, foreign_key="transmissions.id", index=True)
    handed_at: datetime | None = Field(sa_column=Column(Instant, nullable=True))
    failing_since: datetime | None = Field(sa_column=Column(Instant, nullable=True))
    alarmed: bool
