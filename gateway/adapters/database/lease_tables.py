"""The table of works that one gateway does at a time; see :mod:`gateway.adapters.database.tables`."""

from sqlalchemy import UniqueConstraint
from sqlmodel import Field

from gateway.adapters.database.row import Row


class LeaseRow(Row):
    """Works and their holders."""

    __tablename__ = "leases"
    __table_args__ = (UniqueConstraint("site", "name"),)
    id: int | None = Field(default=None, primary_key=True)
    site: str
    name: str
    holder: str | None = None
    fence: int
    beat: int
