"""One sealed mail to one recipient, as one table: (state, event) -> state.

``sending`` is committed before the first byte leaves, so a crash there is an unknown outcome like a connection lost
after the final dot: the same bytes may go out once more, never silently lost, never blindly repeated.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import Enum
from types import MappingProxyType

from gateway.domain.errors import IllegalTransition
from gateway.domain.words import said


class State(Enum):
    """Where a transmission stands."""

    READY = "ready"
    SENDING = "sending"
    HANDED_OVER = "handed_over"
    UNKNOWN = "unknown"
    REFUSED = "refused"
    HELD = "held"
    RETURNED = "returned"
    EVIDENCED = "evidenced"


NOT_GONE = (State.READY, State.SENDING, State.HELD)
"""What has not left yet."""


class Event(Enum):
    """What happens to a transmission."""

    CLAIMED = "claimed"
    ACCEPTED = "accepted"
    NOT_HANDED_OVER = "not_handed_over"
    DOUBT = "doubt"
    REFUSED = "refused"
    KEY_REFUSED = "key_refused"
    UNREADABLE = "unreadable"
    BOUNCED = "bounced"
    EVIDENCE = "evidence"
    RETRIED = "retried"
    RELEASED = "released"
    RESENT = "resent"


TRANSITIONS: Mapping[tuple[State, Event], State] = MappingProxyType(
    {
        (State.READY, Event.CLAIMED): State.SENDING,
        (State.READY, Event.KEY_REFUSED): State.HELD,
        (State.READY, Event.UNREADABLE): State.HELD,
        (State.HELD, Event.RELEASED): State.READY,
        (State.SENDING, Event.ACCEPTED): State.HANDED_OVER,
        (State.SENDING, Event.NOT_HANDED_OVER): State.READY,
        (State.SENDING, Event.DOUBT): State.UNKNOWN,
        (State.SENDING, Event.REFUSED): State.REFUSED,
        (State.UNKNOWN, Event.RETRIED): State.READY,
        # A person sends the same bytes again, to whoever has not confirmed them.
        (State.HANDED_OVER, Event.RESENT): State.READY,
        (State.REFUSED, Event.RESENT): State.READY,
        (State.RETURNED, Event.RESENT): State.READY,
        (State.UNKNOWN, Event.RESENT): State.READY,
    }
    # A report that it failed may come before we have noted that it left; a receipt is worth more than such a report.
    | {(state, Event.BOUNCED): State.RETURNED for state in State if state is not State.EVIDENCED}
    | {(State.EVIDENCED, Event.BOUNCED): State.EVIDENCED}
    | {(state, Event.EVIDENCE): State.EVIDENCED for state in State}
)

UNKNOWN_RETRY = timedelta(minutes=15)
"""How long an unknown outcome waits for evidence before the same bytes go out once more."""

MAX_DOUBTS = 2
"""After the second unknown outcome a person decides."""

HELD_RETRY = timedelta(minutes=15)
"""How long a held mail waits before it is looked at again while nobody pins another key."""

_FIRST_DELAY = timedelta(minutes=1)
_LONGEST_DELAY = timedelta(minutes=30)


def step(state: State, event: Event) -> State:
    """The next state.

    Raises:
        IllegalTransition: the table has no such pair.
    """
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise IllegalTransition(table=said("envoi"), state=state, event=event) from None


def next_attempt(now: datetime, attempts: int) -> datetime:
    """When to try again after ``attempts`` temporary failures: 1, 2, 4 … at most 30 minutes."""
    delay = min(_FIRST_DELAY * (1 << min(attempts - 1, 10)), _LONGEST_DELAY)
    return now + delay
