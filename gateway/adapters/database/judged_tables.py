"""The tables of what is recorded of a silence, of the answers that were heard, and of what persons said of either."""

from datetime import date, datetime

from sqlalchemy import Column, Index, LargeBinary, UniqueConstraint, text
from sqlmodel import Field

from gateway import storage
from gateway.adapters.database.columns import Choice
from gateway.adapters.database.columns import instant as _instant
from gateway.adapters.database.row import Row
from gateway.domain import challenge, request

_STANDING = text("withdrawn_at IS NULL")


class AcceptanceRow(Row):
    """Tacit acceptances: one standing per request, whoever tries."""

    __tablename__ = "acceptances"
    __table_args__ = (Index("acceptances_standing", "site", "request_hash", unique=True, sqlite_where=_STANDING),)
    id: int | None = Field(default=None, primary_key=True)
    site: str
    request_hash: str = Field(index=True)
    effective_at: datetime = Field(sa_column=_instant(optional=False))
    recorded_at: datetime = Field(sa_column=_instant(optional=False))
    withdrawn_at: datetime | None = Field(sa_column=_instant())


class HeardAnswerRow(Row):
    """Answers, in the order in which they were heard; append-only."""

    __tablename__ = "heard_answers"
    id: int | None = Field(default=None, primary_key=True)
    site: str
    request_hash: str = Field(index=True)
    says: request.Event = Field(sa_column=Column(Choice(request.Event), nullable=False))
    taken_as: request.Event = Field(sa_column=Column(Choice(request.Event), nullable=False))
    granted_from: date | None = None
    granted_until: date | None = None
    form_owed: bool
    earliest: datetime = Field(sa_column=_instant(optional=False))
    latest: datetime = Field(sa_column=_instant(optional=False))
    stated: datetime = Field(sa_column=_instant(optional=False))
    doubtful: bool
    partner: str
    message: str
    heard_at: datetime = Field(sa_column=_instant(optional=False))


class ChallengeRow(Row):
    """What was found after a record; append-only, the same finding once."""

    __tablename__ = "challenges"
    __table_args__ = (UniqueConstraint("acceptance", "ground", "about"),)
    id: int | None = Field(default=None, primary_key=True)
    site: str
    acceptance: int = Field(foreign_key="acceptances.id")
    request_hash: str = Field(index=True)
    ground: challenge.Ground = Field(sa_column=Column(Choice(challenge.Ground), nullable=False))
    about: str
    words: bytes | None = Field(sa_column=Column(LargeBinary, nullable=True))
    raised_at: datetime = Field(sa_column=_instant(optional=False))
    raised_by: str


class RulingRow(Row):
    """What persons said; append-only."""

    __tablename__ = "rulings"
    id: int | None = Field(default=None, primary_key=True)
    site: str
    request_hash: str = Field(index=True)
    matter: storage.Matter = Field(sa_column=Column(Choice(storage.Matter), nullable=False))
    about: int
    binding: str
    finding: challenge.Finding = Field(sa_column=Column(Choice(challenge.Finding), nullable=False))
    words: bytes
    person: str
    at: datetime = Field(sa_column=_instant(optional=False))
    decides: bool
