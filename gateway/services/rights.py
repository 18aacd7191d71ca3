"""Whether a person may do what they ask for, asked inside the act itself, so that it is true when it is done.

Accounts decide as soon as there is one: before that, whoever may run our commands may do everything, as the machine
decides. The gateway itself acts for nobody; a program never has more than its scopes.
"""

from dataclasses import dataclass

from gateway.domain.errors import NotAllowed
from gateway.domain.parties import Party, Role
from gateway.domain.readers import Readership
from gateway.domain.rights import MEDICAL_POSTS, RIGHT_WORDS, Post, Right, rights_of
from gateway.domain.scopes import Scope, known_scopes, rights_of_program
from gateway.domain.words import Said, said
from gateway.storage import Account, Case, Mail, Token, View

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What somebody holds now; ``accounted`` is false while no account decides."""

    rights: frozenset[Right] = frozenset()
    posts: frozenset[Post] = frozenset()
    accounted: bool = True

    def any_of(self, *wanted: Right) -> bool:
        """Whether one of these rights is among them."""
        return not self.accounted or bool(self.rights & set(wanted))

    @property
    def medical(self) -> bool:
        """Whether their post is to read medical content, and nothing else."""
        return not self.accounted or bool(self.posts and self.posts <= MEDICAL_POSTS)


async def held(view: View, party: Party, actor: str) -> Held:
    """What this person or program holds, by name."""
    if actor == GATEWAY:
        return Held(accounted=False)
    if actor.startswith(PROGRAM):
        program = await view.one(Token, site=party.site, name=actor.removeprefix(PROGRAM), revoked_at=None)
        return Held() if program is None else Held(rights=rights_of_program(known_scopes(program.scopes)))
    if not await view.all(Account, site=party.site, limit=1):
        return Held(accounted=False)
    found = await view.one(Account, site=party.site, name=actor, disabled_at=None)
    return Held() if found is None else Held(rights=rights_of(party.role, found.posts), posts=frozenset(found.posts))


async def entitled(view: View, party: Party, actor: str, *wanted: Right) -> None:
    """Let through who may do one of these, inside the act that does it.

    Raises:
        NotAllowed: this person's account has none of these rights, or is disabled, or they have none; or it is a
            program whose scopes are others.
    """
    if not (await held(view, party, actor)).any_of(*wanted):
        raise NotAllowed(act=said(RIGHT_WORDS[wanted[0]]), reason=not_open())


def not_open() -> Said:
    """Why somebody may not, and who can change it."""
    return said("Ce n'est pas ouvert à votre compte ; un administrateur peut le changer (gateway users).")


async def opens_raw(view: View, party: Party, readership: Readership, actor: str, mail: Mail) -> bool:
    """Whether this person may open a mail as it came: nobody knows what is in it, so once accounts decide, physicians.

    Its case is the one that it is about, or seems to be.
    """
    about = mail.case_id or mail.likely_case
    case = None if about is None else await view.one(Case, id=about)
    who = await held(view, party, actor)
    physician = case.physician if case is not None else None
    return not who.accounted or (who.medical and readership.may_read_medical(actor, physician))


def not_opened(mail: Mail) -> NotAllowed:
    """Why a mail as it came stays closed."""
    return NotAllowed(
        act=said("lire le courrier {mail} tel qu'il est venu", mail=mail.id),
        reason=said("Il peut contenir du médical : un médecin le lit ; l'enveloppe suffit pour trier."),
    )


async def reads_medical(view: View, party: Party, readership: Readership, actor: str, physician: str | None) -> bool:
    """Whether this person is a physician of the case that is assigned to ``physician``, or to nobody."""
    return (await held(view, party, actor)).medical and readership.may_read_medical(actor, physician)


def in_person(actor: str, act: Said) -> None:
    """Four eyes are eyes: a program is no second person.

    Raises:
        NotAllowed.
    """
    if actor.startswith(PROGRAM):
        raise NotAllowed(act=act, reason=said("Il faut une seconde personne ; un programme n'en est pas une."))
