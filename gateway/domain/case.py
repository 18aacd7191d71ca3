"""The case (dossier): one patient's stay, its opaque token, and its life as one table (state, event) -> state.

The token is all that an outsider sees of a case: it stands in subjects, logs and audit records. Every party keeps the
case with this table, from what it sends, receives and notes. An illegal pair raises and changes nothing. What is true
beside the state (coverage, vital emergency, mediation, expertise, disputed claim) is computed, see
``domain/coverage.py``. Source: instruction 2019/224, lines 172-356.
"""

import re
from collections.abc import Mapping
from datetime import date
from enum import Enum
from types import MappingProxyType

from gateway.domain.errors import IllegalTransition, Unknown
from gateway.domain.words import said

# Crockford's base 32: no I, L, O, U, so that a token can be read aloud over a telephone.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
TOKEN_LENGTH = 6
_TOKEN = re.compile(rf"[{ALPHABET}]{{4}}-[{ALPHABET}]{{2}}")


class State(Enum):
    """Where a case stands."""

    RECEIVED = "received"
    UNDER_REVIEW = "under_review"
    AWAITING_INFORMATION = "awaiting_information"
    DECLINED = "declined"
    QUOTED = "quoted"
    ENTITLEMENT_REFUSED = "entitlement_refused"
    AUTHORISED = "authorised"
    ADMITTED = "admitted"
    INTERRUPTED = "interrupted"
    REPATRIATION_PENDING = "repatriation_pending"
    REPATRIATED = "repatriated"
    DISCHARGED = "discharged"
    CLOSED = "closed"


class Event(Enum):
    """What happens to a case."""

    CARE_REQUESTED = "care_requested"
    REVIEW_STARTED = "review_started"
    INFORMATION_ASKED = "information_asked"
    INFORMATION_GIVEN = "information_given"
    DECLINED = "declined"
    QUOTED = "quoted"
    ENTITLEMENT_REFUSED = "entitlement_refused"
    ENTITLED = "entitled"
    ADMITTED = "admitted"
    INTERRUPTED = "interrupted"
    READMITTED = "readmitted"
    TRANSFERRED = "transferred"
    EXTENSION_ASKED = "extension_asked"
    EXTENDED = "extended"
    REPATRIATION_REQUESTED = "repatriation_requested"
    REPATRIATION_PREPARED = "repatriation_prepared"
    REPATRIATED = "repatriated"
    DISCHARGED = "discharged"
    CLOSED = "closed"


OPENINGS: Mapping[Event, State] = MappingProxyType(
    {
        Event.CARE_REQUESTED: State.RECEIVED,
        # The exchanges before the stay went another way: the CNAS's own certificate binds it all the same (003:L248).
        Event.ENTITLED: State.AUTHORISED,
        # A stay that began before the gateway did: its first exchange is a request about care under way.
        Event.EXTENSION_ASKED: State.ADMITTED,
    }
)
"""Events that make a case, and where it then stands."""

_REVIEWED = (State.RECEIVED, State.UNDER_REVIEW, State.AWAITING_INFORMATION)
_STAYING = (State.ADMITTED, State.INTERRUPTED, State.REPATRIATION_PENDING)
# Those who follow a case are not told of the admission: to them the stay may still be only authorised.
_AUTHORISED = (State.AUTHORISED, *_STAYING)


def _table() -> dict[tuple[State, Event], State]:
    table = {
        (State.RECEIVED, Event.REVIEW_STARTED): State.UNDER_REVIEW,
        (State.QUOTED, Event.QUOTED): State.QUOTED,
        (State.QUOTED, Event.DECLINED): State.DECLINED,
        (State.QUOTED, Event.ENTITLEMENT_REFUSED): State.ENTITLEMENT_REFUSED,
        (State.QUOTED, Event.ENTITLED): State.AUTHORISED,
        # The hospital may offer other terms to a CNAS that refused the first ones.
        (State.ENTITLEMENT_REFUSED, Event.QUOTED): State.QUOTED,
        (State.AUTHORISED, Event.ADMITTED): State.ADMITTED,
        (State.ADMITTED, Event.INTERRUPTED): State.INTERRUPTED,
        (State.INTERRUPTED, Event.READMITTED): State.ADMITTED,
        (State.ADMITTED, Event.TRANSFERRED): State.ADMITTED,
        (State.REPATRIATION_PENDING, Event.TRANSFERRED): State.REPATRIATION_PENDING,
        # A second request may be accepted while repatriation is being prepared: care goes on.
        (State.REPATRIATION_PENDING, Event.EXTENDED): State.ADMITTED,
    }
    for state in _REVIEWED:
        table[state, Event.INFORMATION_ASKED] = State.AWAITING_INFORMATION
        table[state, Event.DECLINED] = State.DECLINED
        table[state, Event.QUOTED] = State.QUOTED
    # Information comes in several mails, and may cross the hospital's decision.
    table[State.AWAITING_INFORMATION, Event.INFORMATION_GIVEN] = State.UNDER_REVIEW
    for state in (State.UNDER_REVIEW, State.QUOTED, State.DECLINED):
        table[state, Event.INFORMATION_GIVEN] = state
    for state in _STAYING:
        table[state, Event.DISCHARGED] = State.DISCHARGED
    for state in (*_AUTHORISED, State.DISCHARGED):
        table[state, Event.REPATRIATION_REQUESTED] = State.REPATRIATION_PENDING
        table[state, Event.REPATRIATION_PREPARED] = State.REPATRIATION_PENDING
        table[state, Event.REPATRIATED] = State.REPATRIATED
    for state in _AUTHORISED:
        # Another certificate for the same stay: copy 2 after copy 1, or the new one that a new year asks for.
        table[state, Event.ENTITLED] = state
        table[state, Event.EXTENSION_ASKED] = state
    # A request's outcome never depends on where the stay stands: it is known, whatever else happened.
    for state in State:
        table.setdefault((state, Event.EXTENDED), state)
    for state in (
        *(State.DECLINED, State.ENTITLEMENT_REFUSED, State.AUTHORISED, State.DISCHARGED, State.REPATRIATED),
        *(State.RECEIVED, State.UNDER_REVIEW, State.AWAITING_INFORMATION, State.QUOTED),
    ):
        table[state, Event.CLOSED] = State.CLOSED
    return table


TRANSITIONS: Mapping[tuple[State, Event], State] = MappingProxyType(_table())


def step(state: State, event: Event) -> State:
    """The next state.

    Raises:
        IllegalTransition: the table has no such pair.
    """
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise IllegalTransition(table=said("dossier"), state=state, event=event) from None


def needs_new_certificate(issued_on: date, readmitted_on: date) -> bool:
    """K4: discontinuous care runs only within the calendar year in which the 301 was issued (003, line 352)."""
    return readmitted_on.year != issued_on.year


def token(noise: bytes) -> str:
    """A token such as ``7F3K-Q2`` from six random bytes; 30 bits, unique by constraint in the database."""
    letters = "".join(ALPHABET[byte % len(ALPHABET)] for byte in noise[:TOKEN_LENGTH])
    return f"{letters[:4]}-{letters[4:]}"


def parse_token(text: str) -> str:
    """The token as stored, from what a person typed.

    Raises:
        Unknown: it cannot be a token.
    """
    wanted = text.strip().upper().replace("O", "0").replace("I", "1").replace("L", "1")
    if len(wanted) == TOKEN_LENGTH:
        wanted = f"{wanted[:4]}-{wanted[4:]}"
    if not _TOKEN.fullmatch(wanted):
        raise Unknown(kind=said("dossier"), ref=text[:20])
    return wanted
