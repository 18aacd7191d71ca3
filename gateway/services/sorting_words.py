"""What a person may say that a mail is, each with what it does in words: what stops the clock, and what does not."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from gateway.domain.kinds import KINDS, Kind
from gateway.domain.parties import Role
from gateway.domain.settlements import NOT_AN_ANSWER, WORDS, name_of, receivable
from gateway.domain.words import french

TITLES: Mapping[str, str] = MappingProxyType(
    {
        "acceptance": french("Une acceptation"),
        "partial": french("Une acceptation partielle"),
        "refusal": french("Un refus"),
        "vital-dispute": french("Un désaccord sur l'urgence vitale"),
        "question": french("Une question"),
        "regularisation": french("Le formulaire rendu après coup"),
        NOT_AN_ANSWER: french("Pas une réponse"),
    }
)

_DOES: Mapping[str, str] = MappingProxyType(
    {
        "acceptance": french("Le délai s'arrête, la réponse compte : la demande est acceptée."),
        "partial": french("Le délai s'arrête : les dates accordées comptent, le reste est refusé."),
        "refusal": french("Le délai s'arrête. Le motif médical est lu par le médecin. Le rapatriement se prépare."),
        "vital-dispute": french("Le délai s'arrête. La conciliation entre médecins s'ouvre."),
        "question": french("Le délai continue : une question n'est pas une réponse."),
        "regularisation": french("Le formulaire attendu est reçu. Aucun délai ne change."),
        NOT_AN_ANSWER: french(
            "Absence, publicité, accusé, autre affaire : il ne compte jamais comme réponse. Le délai continue."
        ),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One thing that a mail may be. ``two``: a second person must say the same. ``main``: an answer to a request."""

    what: str
    title: str
    does: str
    kind: Kind | None
    main: bool
    two: bool = False


def choices(us: Role, author: Role | None) -> tuple[Choice, ...]:
    """What a mail to us may be, from an author of this role or from anyone; answers first."""
    known = receivable(us, author) or receivable(us)
    plain = [
        Choice(what=what, title=TITLES[what], does=_DOES[what], kind=kind, main=True)
        for what, kind in WORDS.items()
        if kind in known
    ]
    order = list(TITLES)
    plain.sort(key=lambda choice: order.index(choice.what))
    none = Choice(what=NOT_AN_ANSWER, title=TITLES[NOT_AN_ANSWER], does=_DOES[NOT_AN_ANSWER], kind=None, main=True)
    others = [
        Choice(what=kind.id, title=kind.title, does=kind.effect, kind=kind, main=False)
        for kind in known
        if name_of(kind) == kind.id
    ]
    return (*plain, none, *others)


def title_of(settled_as: str) -> str:
    """How a settlement is called."""
    if settled_as in TITLES:
        return TITLES[settled_as]
    return KINDS[settled_as].title if settled_as in KINDS else settled_as
