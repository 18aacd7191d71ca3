"""How persons prove who they are: a password, kept so that nobody can read it, and a code that changes."""

from datetime import datetime
from typing import Protocol


class Passwords(Protocol):
    """Passwords; each call takes a fraction of a second on purpose, and does not hold up others."""

    async def kept(self, password: str) -> str:
        """The form in which it is kept."""
        ...

    async def fits(self, password: str, kept: str) -> bool:
        """Whether this password was kept so. What was kept in no known form fits nothing."""
        ...


class Factors(Protocol):
    """Codes of six digits that change every thirty seconds (RFC 6238)."""

    def address(self, secret: str, *, login: str, house: str) -> str:
        """What an authenticator takes in, as an otpauth address."""
        ...

    def step(self, secret: str, code: str, at: datetime) -> int | None:
        """The time step of which this is the code, close to ``at``; None when it is of none."""
        ...
