"""The tables of signed checkpoints and of their anchors; see :mod:`gateway.adapters.database.tables`."""

from datetime import datetime

from sqlalchemy import BigInteger, Column, UniqueConstraint
from sqlmodel import Field

from gateway.adapters.database.columns import Choice, Instant
from gateway.adapters.database.row import Row
from gateway.storage import Way


class LogPointRow(Row):
    """Signed checkpoints of the log, each of a size of its own."""

    __tablename__ = "log_points"
    id: int | None = Field(default=None, primary_key=True)
    size: int = Field(sa_type=BigInteger, unique=True)
    at: datetime = Field(sa_column=Column(Instant, nullable=False))
    note: str
    frontier: bytes


class AnchorRow(Row):
    """Where each checkpoint is, or is to be, written down outside."""

    __tablename__ = "anchors"
    __table_args__ = (UniqueConstraint("point", "way"),)
    id: int | None = Field(default=None, primary_key=True)
    point: int = Field(foreign_key="log_points.id")
    way: Way = Field(sa_column=Column(Choice(Way), nullable=False))
    failing_since: datetime | None = Field(sa_column=Column(Instant, nullable=True))
    done_at: datetime | None = Field(sa_column=Column(Instant, nullable=True, index=True))
    proof: bytes | None = None
    transmission: int | None = Field(default=None, foreign_key="transmissions.id")
