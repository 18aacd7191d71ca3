"""Tables of alarms: one standing of a kind about one thing, whoever watches."""

from datetime import datetime

from sqlalchemy import BigInteger, Column, Index, UniqueConstraint, text
from sqlmodel import Field

from gateway.adapters.database.columns import Choice, Words, instant
from gateway.adapters.database.row import Row
from gateway.storage import Call


class AlarmRow(Row):
    """Alarms."""

    __tablename__ = "alarms"
    __table_args__ = (
        Index("one_standing_alarm", "site", "kind", "about", unique=True, sqlite_where=text("ended_at IS NULL")),
    )
    id: int | None = Field(default=None, primary_key=True)
    site: str
    kind: str
    about: str
    case: str | None = None
    request: str | None = None
    message: str | None = None
    partner: str | None = None
    words: str
    started_at: datetime = Field(sa_column=instant(optional=False))
    ended_at: datetime | None = Field(sa_column=instant(index=True))
    taken_at: datetime | None = Field(sa_column=instant())
    taken_by: str | None = None
    told: tuple[str, ...] = Field(sa_column=Column(Words, nullable=False))
    told_at: datetime | None = Field(sa_column=instant())
    mail: int | None = Field(default=None, foreign_key="messages.id")
    owes_call: Call | None = Field(sa_column=Column(Choice(Call), nullable=True, index=True))
    called_at: datetime | None = Field(sa_column=instant())


class AlarmMarkRow(Row):
    """How far the log was read: one row a site."""

    __tablename__ = "alarm_marks"
    __table_args__ = (UniqueConstraint("site"),)
    id: int | None = Field(default=None, primary_key=True)
    site: str
    seen: int = Field(sa_type=BigInteger)
