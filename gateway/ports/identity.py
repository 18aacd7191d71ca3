"""The hospital's identity provider: it knows its people, and says who came."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """What ties an answer of the provider to the question: all of it is kept on our side."""

    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Who came, as the provider vouches: a lasting id, their login there, and when they proved who they are."""

    subject: str
    login: str | None
    proved_at: datetime | None


class IdentityProvider(Protocol):
    """One provider (OpenID Connect Core 1.0: authorization code, with PKCE)."""

    async def address(self, leaving: Departure, *, afresh: bool) -> str:
        """Where the person goes; ``afresh``: they must prove there who they are, whatever the provider remembers.

        Raises:
            ProviderRefused: it cannot be reached, or is not what the configuration says.
        """
        ...

    async def who(self, code: str, leaving: Departure, *, at: datetime) -> Known:
        """Who came back with this code.

        Raises:
            ProviderRefused: the code or what it gave is not to be believed.
        """
        ...
