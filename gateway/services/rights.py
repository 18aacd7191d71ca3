"""Whether a person may do what they ask for, asked inside the act itself, so that it is true when it is done.

Accounts decide as soon as there is one: before that, whoever may run our commands may do everything, as the machine
decides. A program has the rights of its scopes, always. The gateway itself acts for nobody.
"""

from dataclasses import dataclass

from gateway.domain.errors import NotAllowed
from gateway.domain.parties import Party, Role
from gateway.domain.rights import RIGHT_WORDS, Post, Right, rights_of
from gateway.domain.scopes import Scope, known_scopes, rights_of_program
from gateway.domain.words import Said, said
from gateway.storage import Account, Token, View

GATEWAY = "gateway"
"""Who acts when nobody does."""

PROGRAM = "programme:"
"""What the name of a program begins with in the audit log: no person is called so."""


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
    if actor.startswith(PROGRAM):
        held = await _of_program(view, party, actor)
    elif await view.all(Account, site=party.site, limit=1):
        found = await view.one(Account, site=party.site, name=actor, disabled_at=None)
        held = rights_of(party.role, found.posts) if found else frozenset()
    else:
        return True
    return bool(held & set(wanted))


async def _of_program(view: View, party: Party, actor: str) -> frozenset[Right]:
    found = await view.one(Token, site=party.site, name=actor.removeprefix(PROGRAM), revoked_at=None)
    return rights_of_program(known_scopes(found.scopes)) if found else frozenset()


def in_person(actor: str, act: Said) -> None:
    """Four eyes are eyes: a program is no second person.

    Raises:
        NotAllowed.
    """
    if actor.startswith(PROGRAM):
        raise NotAllowed(act=act, reason=said("Il faut une seconde personne ; un programme n'en est pas une."))
