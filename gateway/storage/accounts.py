"""Who may use the console and the API: persons, their sign-ins, the tokens of programs, and acts asked for once."""

from dataclasses import dataclass
from datetime import datetime

from gateway.domain.rights import Post


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A person. ``name`` is theirs in the audit log, as [people] gives it; ``login`` is what they type.

    A person of this house signs in with a password (argon2id) and a second factor (``totp``, sealed), or is known to
    the identity provider as ``subject``. ``invitation`` is the keyed hash of a code that sets password and factor once.
    ``steps`` is the last time step of the second factor that was taken: no code counts twice.
    """

    id: int = 0
    site: str
    login: str
    name: str
    posts: tuple[Post, ...]
    created_at: datetime
    created_by: str
    password: str | None = None
    totp: bytes | None = None
    steps: int = 0
    subject: str | None = None
    invitation: str | None = None
    invited_until: datetime | None = None
    disabled_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """A person's presence in the console. ``secret`` is the hash of what the browser keeps.

    ``seen_at`` is the last page asked for, ``proved_at`` the last time when the person proved who they are.
    """

    id: int = 0
    site: str
    account: int
    secret: str
    started_at: datetime
    seen_at: datetime
    proved_at: datetime
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A program's access to the API: its secret's hash, what it may do, until when. ``name`` is its in the log."""

    id: int = 0
    site: str
    name: str
    secret: str
    scopes: tuple[str, ...]
    created_at: datetime
    created_by: str
    expires_at: datetime
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedOnce:
    """An act that somebody asked for under a key of their own, written in the commit of the act itself.

    ``body`` is the hash of what was asked. ``answer`` is what was answered, None while that is not known.
    """

    id: int = 0
    site: str
    key: str
    by: str
    body: str
    at: datetime
    answer: str | None = None
