"""The tables of what comes in: mails of the watched folders, what is proved of signed letters, and the polls."""

from datetime import datetime

from sqlalchemy import BigInteger, Column, Index, UniqueConstraint
from sqlmodel import Field

from gateway import storage
from gateway.adapters.database.columns import Choice, Words
from gateway.adapters.database.columns import instant as _instant
from gateway.adapters.database.row import Row


class MailRow(Row):
    """Incoming mails, one row for each UID of each watched folder."""

    __tablename__ = "mails"
    __table_args__ = (
        UniqueConstraint("site", "mailbox", "folder", "uidvalidity", "uid"),
        Index("mails_held_back", "site", "settled_at", "held_back"),
        Index("mails_by_verdict", "site", "verdict", "recorded_at"),
        Index("mails_by_reason", "site", "settled_at", "reason"),
    )
    id: int | None = Field(default=None, primary_key=True)
    site: str
    mailbox: str
    folder: str
    uidvalidity: int = Field(sa_type=BigInteger)
    uid: int = Field(sa_type=BigInteger)
    verdict: storage.Verdict = Field(sa_column=Column(Choice(storage.Verdict), nullable=False, index=True))
    step: str | None = None
    reason: str | None = None
    partner: str | None = None
    held_back: bool
    internaldate: datetime | None = Field(sa_column=_instant())
    received_earliest: datetime | None = Field(sa_column=_instant())
    received_latest: datetime | None = Field(sa_column=_instant())
    recorded_at: datetime = Field(sa_column=_instant(optional=False))
    sha256: str | None = Field(default=None, index=True)
    size: int = Field(sa_type=BigInteger)
    file: str | None = Field(default=None, foreign_key="files.name")
    message: int | None = Field(default=None, foreign_key="messages.id", index=True)
    case_id: int | None = Field(default=None, foreign_key="cases.id", index=True)
    settled_at: datetime | None = Field(sa_column=_instant())
    settled_as: str | None = None
    settled_by: str | None = None
    likely_case: int | None = Field(default=None, index=True)
    likely_request: str | None = None
    likely_by: storage.Hint | None = Field(sa_column=Column(Choice(storage.Hint), nullable=True))
    proposal: str | None = None
    dated_by: tuple[str, ...] = Field(sa_column=Column(Words, nullable=False))


class LetterRow(Row):
    """Signed letters among the mails that wait for a person."""

    __tablename__ = "letters"
    id: int | None = Field(default=None, primary_key=True)
    site: str
    mail: int = Field(foreign_key="mails.id", unique=True)
    author: str
    message_id: str = Field(index=True)
    mic: str
    signed_at: datetime = Field(sa_column=_instant(optional=False))
    reached: tuple[str, ...] = Field(sa_column=Column(Words, nullable=False))
    kind: str | None = None
    copied: bool
    entity: str = Field(foreign_key="files.name")
    receipt: int | None = Field(default=None, foreign_key="messages.id")


class PollRow(Row):
    """Successful polls."""

    __tablename__ = "polls"
    __table_args__ = (
        Index("polls_folder", "site", "mailbox", "folder", "last_at"),
        Index("polls_newest", "site", "mailbox", "folder", "id"),
    )
    id: int | None = Field(default=None, primary_key=True)
    site: str
    mailbox: str
    folder: str
    uidvalidity: int = Field(sa_type=BigInteger)
    uidnext: int = Field(sa_type=BigInteger)
    first_at: datetime = Field(sa_column=_instant(optional=False))
    last_at: datetime = Field(sa_column=_instant(optional=False))
    answered_at: datetime = Field(sa_column=_instant(optional=False))
    count: int = Field(sa_type=BigInteger)
    longest_gap: int = Field(sa_type=BigInteger)
