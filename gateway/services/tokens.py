"""Access of programs to the API: who keeps a secret, and what they may do with it."""

from dataclasses import dataclass

from gateway.domain.parties import Party
from gateway.domain.scopes import Scope, known_scopes
from gateway.ports import Clock
from gateway.services.once import digest
from gateway.storage import Store, Token


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program that asks, by its name, and what it may do."""

    name: str
    scopes: frozenset[Scope]


class Tokens:
    """Finds them."""

    def __init__(self, *, store: Store, clock: Clock, party: Party) -> None:
        self._store = store
        self._clock = clock
        self._party = party

    async def present(self, secret: str) -> Program | None:
        """The program whose secret this is; None when it is nobody's, or no longer."""
        async with self._store.view() as view:
            found = await view.one(Token, site=self._party.site, secret=digest(secret.encode()), revoked_at=None)
        if found is None or found.expires_at <= self._clock.now():
            return None
        return Program(name=found.name, scopes=known_scopes(found.scopes))
