"""What stands beside the state of a case: its return home, its claim, what is disputed. Computed, kept nowhere.

Sources: instruction 2019/224, lines 284-344; circular 31/2021, lines 388-409. Whether cover is maintained is a matter
of days, see ``domain/coverage.py``.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from gateway.domain import case, request
from gateway.domain.kinds import EXTENSION_REQUEST_VITAL, KINDS, claims, stay, vital


class Return(Enum):
    """Where the patient's return to Algeria stands, in its order."""

    NEEDED = "needed"
    REQUESTED = "requested"
    CONDITIONS_AGREED = "conditions_agreed"
    SUPPLEMENTARY_AUTHORISATION = "supplementary_authorisation"
    EFFECTIVE = "effective"


class Claim(Enum):
    """Where the cost of the stay stands, on its way from the invoice to the CNAS and perhaps back."""

    INVOICED = "invoiced"
    PAID = "paid_by_cpam"
    STATED = "stated"
    CLAIMED = "claimed"
    REIMBURSED = "reimbursed"
    DISPUTED = "disputed"
    REPRESENTED = "re_presented"
    ACCEPTED = "dispute_accepted"
    OVERPAYMENT = "overpayment"


class Flag(Enum):
    """What is going on in a case, whatever its state."""

    VITAL_EMERGENCY = "vital_emergency"
    MEDIATION = "mediation"
    EXPERTISE = "expertise"
    CLAIM_DISPUTED = "claim_disputed"


RETURNS: Mapping[str, Return] = MappingProxyType(
    {
        stay.REPATRIATION_REQUEST.id: Return.REQUESTED,
        stay.REPATRIATION_CONDITIONS.id: Return.CONDITIONS_AGREED,
        vital.SUPPLEMENTARY_AUTHORISATION.id: Return.SUPPLEMENTARY_AUTHORISATION,
        stay.REPATRIATION_DONE.id: Return.EFFECTIVE,
    }
)
CLAIMS: Mapping[str, Claim] = MappingProxyType(
    {
        claims.INVOICE.id: Claim.INVOICED,
        claims.PAYMENT_RETURN.id: Claim.PAID,
        claims.HALF_YEARLY_STATEMENT.id: Claim.STATED,
        claims.CONSOLIDATED_CLAIM.id: Claim.CLAIMED,
        claims.REIMBURSEMENT.id: Claim.REIMBURSED,
        claims.CLAIM_DISPUTE.id: Claim.DISPUTED,
        claims.CLAIM_REPRESENTED.id: Claim.REPRESENTED,
        claims.CLAIM_DISPUTE_ACCEPTED.id: Claim.ACCEPTED,
        claims.OVERPAYMENT_RECOVERY.id: Claim.OVERPAYMENT,
    }
)
SENDS_HOME = frozenset({request.State.REFUSED, request.State.MEDIATION_SETTLED, request.State.VITAL_DENIED})
"""After these the CNAS takes the patient home, and the hospital asks it to (003:L284, L314, L328)."""

_ORDER = tuple(Return)


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What stands beside the state of a case; None where nothing has begun."""

    repatriation: Return | None
    claim: Claim | None
    flags: tuple[Flag, ...]


def beside(facts: Sequence[str], requests: Sequence[tuple[str, request.State]]) -> Beside:
    """From the kinds of the facts that stand and each request's kind and state, both in their order."""
    claim = next((CLAIMS[kind] for kind in reversed(facts) if kind in CLAIMS), None)
    return Beside(repatriation=_return(facts, requests), claim=claim, flags=tuple(_flags(claim, requests)))


def _return(facts: Sequence[str], requests: Sequence[tuple[str, request.State]]) -> Return | None:
    reached: Return | None = None
    for kind in facts:
        if kind in RETURNS:
            reached = max(reached or RETURNS[kind], RETURNS[kind], key=_ORDER.index)
        elif KINDS[kind].outcome.case is case.Event.EXTENDED and reached is not Return.EFFECTIVE:
            reached = None  # care goes on: nobody is taken home now
    if reached is None and requests and requests[-1][1] in SENDS_HOME:
        return Return.NEEDED
    return reached


def _flags(claim: Claim | None, requests: Sequence[tuple[str, request.State]]) -> Iterable[Flag]:
    states = {state for _, state in requests}
    alive = request.OPEN | frozenset(request.DISCUSSING)
    if any(kind == EXTENSION_REQUEST_VITAL.id and state in alive for kind, state in requests):
        yield Flag.VITAL_EMERGENCY
    if states & {request.State.VITAL_DISPUTED, request.State.MEDIATION}:
        yield Flag.MEDIATION
    if request.State.EXPERTISE in states:
        yield Flag.EXPERTISE
    if claim is Claim.DISPUTED:
        yield Flag.CLAIM_DISPUTED
