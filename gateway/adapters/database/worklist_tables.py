"""The tables of the kept worklist; see :mod:`gateway.adapters.database.tables`. They can be emptied at any time."""

from datetime import date, datetime

from sqlalchemy import BigInteger, Index, UniqueConstraint
from sqlmodel import Field

from gateway.adapters.database.columns import instant
from gateway.adapters.database.row import Row


class CaseTaskRow(Row):
    """What cases have to do."""

    __tablename__ = "case_tasks"
    # All of a task, by day: the index answers alone, and what begins later is not looked at.
    __table_args__ = (
        Index(
            "case_tasks_of_day",
            *("site", "since", "until", "urgency", "due_at", "case_id", "rank", "request", "code", "id"),
        ),
    )
    id: int | None = Field(default=None, primary_key=True)
    site: str
    case_id: int = Field(foreign_key="cases.id", index=True)
    code: str
    rank: int
    request: str
    urgency: int
    due_at: datetime = Field(sa_column=instant(optional=False))
    since: date
    until: date


class WorklistMarkRow(Row):
    """How far it is true: one row a site."""

    __tablename__ = "worklist_marks"
    __table_args__ = (UniqueConstraint("site"),)
    id: int | None = Field(default=None, primary_key=True)
    site: str
    seen: int = Field(sa_type=BigInteger)
    reached: int
    whole: bool
    edition: str
