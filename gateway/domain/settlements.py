"""What a person may say that a mail is: a few plain words for the answers to a request, or a kind of the catalogue."""

from collections.abc import Mapping
from types import MappingProxyType

from gateway.domain.kinds import (
    EXTENSION_ACCEPTANCE,
    EXTENSION_PARTIAL_ACCEPTANCE,
    EXTENSION_REFUSAL,
    EXTENSION_REGULARISATION,
    EXTENSION_REQUEST_VITAL,
    KINDS,
    Kind,
    Subject,
    recipients,
)
from gateway.domain.kinds.extension import INFO_REQUEST
from gateway.domain.kinds.vital import VITAL_DISPUTE, VITAL_INFO_REQUEST
from gateway.domain.parties import Role

NOT_AN_ANSWER = "not-an-answer"

WORDS: Mapping[str, Kind] = MappingProxyType(
    {
        "acceptance": EXTENSION_ACCEPTANCE,
        "partial": EXTENSION_PARTIAL_ACCEPTANCE,
        "refusal": EXTENSION_REFUSAL,
        "question": INFO_REQUEST,
        "vital-dispute": VITAL_DISPUTE,
        "regularisation": EXTENSION_REGULARISATION,
    }
)
"""The words for what the CNAS says of a request; these may come another way than from its own address."""

_SUBJECTS = frozenset({Subject.CASE, Subject.ANSWER, Subject.EXCHANGE})


def receivable(us: Role, author: Role | None = None) -> tuple[Kind, ...]:
    """Kinds that a mail to us may be, from an author of this role or from anyone.

    A request is its exact signed bytes, and a notice only a gateway writes: neither is a person's word.
    """
    return tuple(kind for kind in KINDS.values() if kind.subject in _SUBJECTS and authors(kind, us, author))


def authors(kind: Kind, us: Role, author: Role | None = None) -> frozenset[Role]:
    """The roles (of this one, or of all) that may send this kind to us."""
    found = frozenset(role for role in kind.senders if us in recipients(kind, role))
    return found if author is None else found & {author}


def meaning(word: str, us: Role) -> Kind | None:
    """The kind that a word, an identifier in any case or a number of one kind alone (M08) names; None when none is."""
    named = WORDS.get(word)
    if named is not None:
        return named if authors(named, us) else None
    wanted = word.strip().lower()
    known = receivable(us)
    found = [kind for kind in known if kind.id.lower() == wanted] or [
        kind for kind in known if (kind.number or "").lower() == wanted
    ]
    return found[0] if len(found) == 1 else None


def name_of(kind: Kind) -> str:
    """The word for a kind, or its identifier."""
    return next((word for word, named in WORDS.items() if named is kind), kind.id)


def fitting(kind: Kind, request_kind: str) -> Kind:
    """A question about a vital emergency is a kind of its own, answered by another way (003:L306)."""
    vital = request_kind == EXTENSION_REQUEST_VITAL.id
    return VITAL_INFO_REQUEST if kind is INFO_REQUEST and vital else kind
