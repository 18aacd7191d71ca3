"""The extension request's life as one table: (state, event) -> (state, effects).

Every party keeps a request with this table: the hospital lives it, the CNAS and the CNSE follow it from what they
receive. An illegal pair raises and changes nothing. Source: instruction 2019/224, lines 258-290.
"""

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType

from gateway.domain.errors import IllegalTransition
from gateway.domain.words import said


class State(Enum):
    """Where a request stands."""

    SUBMITTED = "submitted"
    SENT = "sent"
    DELIVERY_FAILED = "delivery_failed"
    RUNNING = "running"
    ELAPSED = "elapsed"
    ANSWER_DISPUTED = "answer_disputed"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    TACITLY_ACCEPTED = "tacitly_accepted"


class Event(Enum):
    """What happens to a request."""

    HANDED_OVER = "handed_over"
    DELIVERY_FAILED = "delivery_failed"
    ACKNOWLEDGED = "acknowledged"
    MOVED = "period_moved"
    REFINED = "evidence_refined"
    PERIOD_OVER = "period_over"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    DISPUTED = "answer_disputed"
    LATE_ANSWER = "late_answer"
    ANSWER_REPEATED = "answer_repeated"
    ANSWER_CONTRARY = "answer_contrary"
    CONTRADICTED = "acceptance_contradicted"
    SILENCE_RECORDED = "silence_recorded"
    SILENCE_NOTIFIED = "silence_notified"


class Effect(Enum):
    """What the services must do in the same commit."""

    TELL_STARTED = "tell_started"
    TELL_MOVED = "tell_moved"
    TELL_ELAPSED = "tell_elapsed"
    TELL_OUTCOME = "tell_outcome"
    NOTIFY_SILENCE = "notify_silence"
    ALARM = "alarm"


Step = tuple[State, tuple[Effect, ...]]

UNANSWERED = (State.SUBMITTED, State.SENT, State.DELIVERY_FAILED, State.RUNNING, State.ELAPSED)
"""States in which nobody answered yet, so that the evidence still decides the period."""

_ANSWERED = (State.ACCEPTED, State.REFUSED)


def _table() -> dict[tuple[State, Event], Step]:
    table: dict[tuple[State, Event], Step] = {
        (State.SUBMITTED, Event.HANDED_OVER): (State.SENT, ()),
        (State.DELIVERY_FAILED, Event.HANDED_OVER): (State.SENT, ()),
        (State.SUBMITTED, Event.DELIVERY_FAILED): (State.DELIVERY_FAILED, (Effect.ALARM,)),
        (State.SENT, Event.DELIVERY_FAILED): (State.DELIVERY_FAILED, (Effect.ALARM,)),
        (State.RUNNING, Event.MOVED): (State.RUNNING, (Effect.TELL_MOVED,)),
        (State.ELAPSED, Event.MOVED): (State.RUNNING, (Effect.TELL_MOVED,)),
        (State.RUNNING, Event.REFINED): (State.RUNNING, ()),
        (State.ELAPSED, Event.REFINED): (State.ELAPSED, ()),
        (State.RUNNING, Event.PERIOD_OVER): (State.ELAPSED, (Effect.TELL_ELAPSED,)),
        (State.ELAPSED, Event.SILENCE_RECORDED): (State.TACITLY_ACCEPTED, (Effect.NOTIFY_SILENCE,)),
        # An answer found after the record that came in time: the record stays, a person must look (never undone alone).
        (State.TACITLY_ACCEPTED, Event.CONTRADICTED): (State.TACITLY_ACCEPTED, (Effect.ALARM,)),
    }
    for state in (State.SUBMITTED, State.SENT, State.DELIVERY_FAILED):
        table[state, Event.ACKNOWLEDGED] = (State.RUNNING, (Effect.TELL_STARTED,))
    # A hand-over can be learnt after the receipt or the answer that it caused; a late failure report changes nothing.
    for state in State:
        table.setdefault((state, Event.HANDED_OVER), (state, ()))
        table.setdefault((state, Event.DELIVERY_FAILED), (state, ()))
    for state in UNANSWERED:
        table[state, Event.ACCEPTED] = (State.ACCEPTED, (Effect.TELL_OUTCOME,))
        table[state, Event.REFUSED] = (State.REFUSED, (Effect.TELL_OUTCOME,))
        table[state, Event.SILENCE_NOTIFIED] = (State.TACITLY_ACCEPTED, ())
    for state in (State.RUNNING, State.ELAPSED, State.ANSWER_DISPUTED):
        table[state, Event.DISPUTED] = (State.ANSWER_DISPUTED, (Effect.ALARM,))
    # A dispute ends by an answer that is in time without doubt, or by a person who says what holds.
    table[State.ANSWER_DISPUTED, Event.ACCEPTED] = (State.ACCEPTED, (Effect.TELL_OUTCOME,))
    table[State.ANSWER_DISPUTED, Event.REFUSED] = (State.REFUSED, (Effect.TELL_OUTCOME,))
    for state in _ANSWERED:
        table[state, Event.ANSWER_REPEATED] = (state, ())
        table[state, Event.ANSWER_CONTRARY] = (state, (Effect.ALARM,))
    for state in (State.RUNNING, State.ELAPSED, State.ANSWER_DISPUTED, State.TACITLY_ACCEPTED, *_ANSWERED):
        table[state, Event.LATE_ANSWER] = (state, (Effect.ALARM,))
    return table


TRANSITIONS: Mapping[tuple[State, Event], Step] = MappingProxyType(_table())

OPEN: frozenset[State] = frozenset({*UNANSWERED, State.ANSWER_DISPUTED})
"""States in which an answer or silence is still awaited."""


def step(state: State, event: Event) -> Step:
    """The next state and what must be done in the same commit.

    Raises:
        IllegalTransition: the table has no such pair.
    """
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise IllegalTransition(table=said("demande"), state=state.value, event=event.value) from None
