"""Tables of those who may use the console and the API."""

from datetime import datetime

from sqlalchemy import BigInteger, Column, UniqueConstraint
from sqlmodel import Field

from gateway.adapters.database.columns import Choices, Words, instant
from gateway.adapters.database.row import Row
from gateway.domain.rights import Post


class AccountRow(Row):
    """Persons."""

    __tablename__ = "accounts"
    __table_args__ = (UniqueConstraint("site", "login"), UniqueConstraint("site", "name"))
    id: int | None = Field(default=None, primary_key=True)
    site: str
    login: str
    name: str
    posts: tuple[Post, ...] = Field(sa_column=Column(Choices(Post), nullable=False))
    created_at: datetime = Field(sa_column=instant(optional=False))
    created_by: str
    password: str | None = None
    totp: bytes | None = None
    steps: int = Field(sa_type=BigInteger)
    subject: str | None = None
    invitation: str | None = None
    invited_until: datetime | None = Field(sa_column=instant())
    disabled_at: datetime | None = Field(sa_column=instant())


class SignInRow(Row):
    """Their presence in the console."""

    __tablename__ = "sign_ins"
    __table_args__ = (UniqueConstraint("secret"),)
    id: int | None = Field(default=None, primary_key=True)
    site: str
    account: int = Field(foreign_key="accounts.id", index=True)
    secret: str
    started_at: datetime = Field(sa_column=instant(optional=False))
    seen_at: datetime = Field(sa_column=instant(optional=False))
    proved_at: datetime = Field(sa_column=instant(optional=False))
    ended_at: datetime | None = Field(sa_column=instant())


class TokenRow(Row):
    """Programs."""

    __tablename__ = "tokens"
    __table_args__ = (UniqueConstraint("secret"), UniqueConstraint("site", "name"))
    id: int | None = Field(default=None, primary_key=True)
    site: str
    name: str
    secret: str
    scopes: tuple[str, ...] = Field(sa_column=Column(Words, nullable=False))
    created_at: datetime = Field(sa_column=instant(optional=False))
    created_by: str
    expires_at: datetime = Field(sa_column=instant(optional=False))
    revoked_at: datetime | None = Field(sa_column=instant())


class AskedOnceRow(Row):
    """Acts that were asked for under a key."""

    __tablename__ = "asked_once"
    __table_args__ = (UniqueConstraint("site", "by", "key"),)
    id: int | None = Field(default=None, primary_key=True)
    site: str
    key: str
    by: str
    body: str
    at: datetime = Field(sa_column=instant(optional=False, index=True))
    answer: str | None = None
