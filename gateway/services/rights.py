"""Whether a person may do what they ask for, asked inside the act itself, so that it is true when it is done.

Accounts decide as soon as there is one: before that, whoever may run our commands may do everything, as the machine
decides. The gateway itself acts for nobody.
"""

from dataclasses import dataclass

from gateway.domain.errors import NotAllowed
from gateway.domain.parties import Party, Role
from gateway.domain.rights import RIGHT_WORDS, Post, Right, rights_of
from gateway.domain.scopes import Scope, known_scopes, rights_of_program
from gateway.domain.words import said
from gateway.storage import Account, Token, View

GATEWAY = "gateway"
"""Who acts when nobody does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A person who is here, with their posts, or a program, with its scopes; pages show what they may do."""

    name: str
    role: Role
    posts: tuple[Post, ...]
    scopes: frozenset[Scope] = frozenset()

    def may(self, *wanted: Right) -> bool:
        """Whether they may do one of these."""
        return bool((rights_of(self.role, self.posts) | rights_of_program(self.scopes)) & set(wanted))


async def entitled(view: View, party: Party, actor: str, *wanted: Right) -> None:
    """Let through who may do one of these, inside the act that does it.

    Raises:
        NotAllowed: this person's account has none of these rights, or is disabled, or they have none; or it is a
            program whose scopes are others.
    """
    if not await holds(view, party, actor, *wanted):
        reason = said("Ce n'est pas ouvert à votre compte ; un administrateur peut le changer (gateway users).")
        raise NotAllowed(act=said(RIGHT_WORDS[wanted[0]]), reason=reason)


async def holds(view: View, party: Party, actor: str, *wanted: Right) -> bool:
    """The same, for who does less instead of nothing."""
    if actor == GATEWAY:
        return True
    program = await view.one(Token, site=party.site, name=actor)
    if program is None and not await view.all(Account, site=party.site, limit=1):
        return True
    if program is not None:
        held = rights_of_program(() if program.revoked_at else known_scopes(program.scopes))
    else:
        found = await view.one(Account, site=party.site, name=actor, disabled_at=None)
        held = rights_of(party.role, found.posts) if found else frozenset()
    return bool(held & set(wanted))
