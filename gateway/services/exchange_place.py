"""Where an exchange happens, what it is about, and which right it takes: worked out before anything is sealed."""

from dataclasses import dataclass

from gateway.domain import case as stay
from gateway.domain import request as life
from gateway.domain.errors import IllegalTransition
from gateway.domain.parties import Party, Role
from gateway.domain.rights import Right
from gateway.domain.words import said
from gateway.services.compose import Draft
from gateway.services.fiche import Fiche
from gateway.storage import Case, Request, VaultKey

MOTIVE = "motive"
"""The field of an answer that says why, medically."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an exchange happens: the case with its key, whether it is new, and the requests that it concerns."""

    case: Case
    key: VaultKey
    opens: bool
    request: Request | None = None
    replaced: Request | None = None
    answers_to: str | None = None


def needed(party: Party, fiche: Fiche) -> Right:
    """The right to send it: at the CNAS, the motive of a refusal is its medical adviser's to give."""
    return Right.MOTIVE if party.role is Role.CNAS and fiche.values.get(MOTIVE) else Right.SEND


def foreseen(fiche: Fiche, place: Place) -> None:
    """What the table forbids is refused before anything is sealed; the commit looks again.

    Raises:
        IllegalTransition.
    """
    event = fiche.kind.outcome_of(fiche.values).case
    if event is not None and not place.opens:
        stay.step(place.case.state, event)
    asked = fiche.kind.outcome_of(fiche.values).request
    if asked is not None and place.request is not None and (place.request.state, asked) not in life.TRANSITIONS:
        raise IllegalTransition(table=said("demande"), state=place.request.state, event=asked)


def draft(fiche: Fiche, place: Place) -> Draft:
    """What is to be sealed."""
    values = dict(fiche.values)
    if place.replaced is not None:
        values["supersedes"] = place.replaced.hash
    return Draft(
        kind=fiche.kind,
        ref=place.case.ref,
        hospital=place.case.hospital,
        values=values,
        attachments=fiche.attachments,
        request_hash=place.request.hash if place.request else None,
        in_reply_to=place.answers_to,
    )
