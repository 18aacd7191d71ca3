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
    SUPERSEDED = "superseded"
    ACCEPTED = "accepted"
    PARTLY_ACCEPTED = "partly_accepted"
    REFUSED = "refused"
    TACITLY_ACCEPTED = "tacitly_accepted"
    REGULARISED = "regularised"
    VITAL_DISPUTED = "vital_disputed"
    MEDIATION = "mediation"
    MEDIATION_SETTLED = "mediation_settled"
    MEDIATION_FAILED = "mediation_failed"
    EXPERTISE = "expertise"
    VITAL_CONFIRMED = "vital_confirmed"
    VITAL_DENIED = "vital_denied"


class Event(Enum):
    """What happens to a request."""

    HANDED_OVER = "handed_over"
    DELIVERY_FAILED = "delivery_failed"
    ACKNOWLEDGED = "acknowledged"
    MOVED = "period_moved"
    REFINED = "evidence_refined"
    PERIOD_OVER = "period_over"
    SUPERSEDED = "superseded"
    INFORMATION_ASKED = "information_asked"
    INFORMATION_GIVEN = "information_given"
    ACCEPTED = "accepted"
    PARTLY_ACCEPTED = "partly_accepted"
    REFUSED = "refused"
    VITAL_DISPUTED = "vital_disputed"
    DISPUTED = "answer_disputed"
    LATE_ANSWER = "late_answer"
    ANSWER_REPEATED = "answer_repeated"
    ANSWER_CONTRARY = "answer_contrary"
    ANSWER_SUPERSEDED = "answer_to_superseded"
    FOUND_LATE = "answer_found_late"
    CHALLENGED = "acceptance_challenged"
    UPHELD = "acceptance_upheld"
    WITHDRAWN = "acceptance_withdrawn"
    SILENCE_RECORDED = "silence_recorded"
    SILENCE_NOTIFIED = "silence_notified"
    REGULARISED = "regularised"
    MEDIATION_OPENED = "mediation_opened"
    MEDIATION_SETTLED = "mediation_settled"
    MEDIATION_FAILED = "mediation_failed"
    EXPERT_ASKED = "expert_asked"
    VITAL_CONFIRMED = "vital_confirmed"
    VITAL_DENIED = "vital_denied"


class Effect(Enum):
    """What the services must do in the same commit."""

    TELL_STARTED = "tell_started"
    TELL_MOVED = "tell_moved"
    TELL_ELAPSED = "tell_elapsed"
    TELL_OUTCOME = "tell_outcome"
    NOTIFY_SILENCE = "notify_silence"
    NOTIFY_WITHDRAWAL = "notify_withdrawal"
    ALARM = "alarm"


Step = tuple[State, tuple[Effect, ...]]

UNACKNOWLEDGED = (State.SUBMITTED, State.SENT, State.DELIVERY_FAILED)
"""States in which no evidence of reception has started the period."""

UNANSWERED = (*UNACKNOWLEDGED, State.RUNNING, State.ELAPSED)
"""States in which nobody answered yet, so that the evidence still decides the period."""

ANSWERS: Mapping[Event, State] = MappingProxyType(
    {
        Event.ACCEPTED: State.ACCEPTED,
        Event.PARTLY_ACCEPTED: State.PARTLY_ACCEPTED,
        Event.REFUSED: State.REFUSED,
        Event.VITAL_DISPUTED: State.VITAL_DISPUTED,
    }
)
"""What an answer in time leads to."""

DISCUSSED = (
    *(State.MEDIATION, State.MEDIATION_SETTLED, State.MEDIATION_FAILED),
    *(State.EXPERTISE, State.VITAL_CONFIRMED, State.VITAL_DENIED),
)
"""What may follow a dispute on the vital emergency."""

DISCUSSING = (State.VITAL_DISPUTED, State.MEDIATION, State.MEDIATION_FAILED, State.EXPERTISE)
"""States in which the vital emergency is still discussed."""

ANSWERED = (*ANSWERS.values(), *DISCUSSED)
"""States after an express answer in time."""

SILENT = (State.TACITLY_ACCEPTED, State.REGULARISED)
"""States after a recorded silence."""


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
        (State.TACITLY_ACCEPTED, Event.REGULARISED): (State.REGULARISED, (Effect.TELL_OUTCOME,)),
    }
    for state in UNACKNOWLEDGED:
        table[state, Event.ACKNOWLEDGED] = (State.RUNNING, (Effect.TELL_STARTED,))
    # A hand-over can be learnt after the receipt or the answer that it caused; a late failure report changes nothing.
    # An exchange of information never touches the clock (003:L282).
    for state in State:
        for event in (
            *(Event.HANDED_OVER, Event.DELIVERY_FAILED),
            *(Event.INFORMATION_ASKED, Event.INFORMATION_GIVEN),
        ):
            table.setdefault((state, event), (state, ()))
    for state in (*UNACKNOWLEDGED, State.RUNNING):
        table[state, Event.SUPERSEDED] = (State.SUPERSEDED, ())
    table |= _answers() | _vital()
    return table


def _answers() -> dict[tuple[State, Event], Step]:
    table: dict[tuple[State, Event], Step] = {}
    # A dispute ends by an answer that is in time without doubt, or by a person who says what holds.
    for state in (*UNANSWERED, State.ANSWER_DISPUTED):
        for event, after in ANSWERS.items():
            table[state, event] = (after, (Effect.TELL_OUTCOME,))
    for state in UNANSWERED:
        table[state, Event.SILENCE_NOTIFIED] = (State.TACITLY_ACCEPTED, ())
    # What the hospital found undoubted ends the doubt of those who follow.
    table[State.ANSWER_DISPUTED, Event.SILENCE_NOTIFIED] = (State.TACITLY_ACCEPTED, ())
    for state in (State.RUNNING, State.ELAPSED, State.ANSWER_DISPUTED):
        table[state, Event.DISPUTED] = (State.ANSWER_DISPUTED, (Effect.ALARM,))
        # The form may come before the silence is recorded: it is kept, and the silence is recorded all the same.
        table[state, Event.REGULARISED] = (state, ())
    disputed = State.ANSWER_DISPUTED
    # The end may move while a person is awaited; the calendar, the evidence or that person then says what holds.
    table[disputed, Event.MOVED] = (disputed, (Effect.TELL_MOVED,))
    table[disputed, Event.REFINED] = (disputed, ())
    table[disputed, Event.FOUND_LATE] = (State.RUNNING, (Effect.TELL_MOVED,))
    return table | _afterwards()


def _afterwards() -> dict[tuple[State, Event], Step]:
    """What may still come once a request was answered, or its silence recorded."""
    table: dict[tuple[State, Event], Step] = {
        (State.SUPERSEDED, Event.ANSWER_SUPERSEDED): (State.SUPERSEDED, (Effect.ALARM,)),
    }
    for state in ANSWERED:
        # Evidence that comes after the answer says when the request was received, and moves nothing any more.
        table[state, Event.REFINED] = (state, ())
        table[state, Event.ANSWER_REPEATED] = (state, ())
        table[state, Event.ANSWER_CONTRARY] = (state, (Effect.ALARM,))
    # The form that an acceptance still owed (003:L280).
    for state in (State.ACCEPTED, State.PARTLY_ACCEPTED, State.REGULARISED):
        table[state, Event.REGULARISED] = (state, ())
    # What is found after the record and would have changed it: the record stays, a person upholds or withdraws it. A
    # withdrawn one leaves the request to what is known now.
    for state in SILENT:
        table[state, Event.CHALLENGED] = (state, (Effect.ALARM,))
        table[state, Event.UPHELD] = (state, ())
        table[state, Event.WITHDRAWN] = (State.RUNNING, (Effect.NOTIFY_WITHDRAWAL,))
    for state in (State.RUNNING, State.ELAPSED, State.ANSWER_DISPUTED, *SILENT, *ANSWERED):
        table[state, Event.LATE_ANSWER] = (state, (Effect.ALARM,))
    return table


def _vital() -> dict[tuple[State, Event], Step]:
    """A vital emergency that the CNAS disputes: mediation first, expertise last (003:L308-326)."""
    told = (Effect.TELL_OUTCOME,)
    # A discussion is not a decision: the CNAS may still accept, at any time.
    settled = {
        (state, event): (ANSWERS[event], told)
        for state in DISCUSSING
        for event in (Event.ACCEPTED, Event.PARTLY_ACCEPTED)
    }
    return settled | {
        (State.VITAL_DISPUTED, Event.MEDIATION_OPENED): (State.MEDIATION, told),
        (State.VITAL_DISPUTED, Event.MEDIATION_SETTLED): (State.MEDIATION_SETTLED, told),
        (State.VITAL_DISPUTED, Event.MEDIATION_FAILED): (State.MEDIATION_FAILED, told),
        (State.MEDIATION, Event.MEDIATION_SETTLED): (State.MEDIATION_SETTLED, told),
        (State.MEDIATION, Event.MEDIATION_FAILED): (State.MEDIATION_FAILED, told),
        (State.MEDIATION_FAILED, Event.EXPERT_ASKED): (State.EXPERTISE, told),
        # Before mediation has failed it is not the last resort that the texts mean: possible, and said aloud.
        (State.VITAL_DISPUTED, Event.EXPERT_ASKED): (State.EXPERTISE, (*told, Effect.ALARM)),
        (State.MEDIATION, Event.EXPERT_ASKED): (State.EXPERTISE, (*told, Effect.ALARM)),
        (State.EXPERTISE, Event.VITAL_CONFIRMED): (State.VITAL_CONFIRMED, told),
        (State.EXPERTISE, Event.VITAL_DENIED): (State.VITAL_DENIED, told),
    }


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
        raise IllegalTransition(table=said("demande"), state=state, event=event) from None
