"""The table of an extension request, walked pair by pair and as stories."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import IllegalTransition
from gateway.domain.request import ANSWERED, ANSWERS, DISCUSSING, OPEN, SILENT, TRANSITIONS, Effect, Event, State, step
from gateway.domain.words import said

PAIRS = tuple(product(State, Event))
STARTS = (State.SUBMITTED, State.RUNNING, State.SENT)
"""The hospital's own start, the CNAS's (it received the request), the CNSE's (it only follows)."""


def reachable(first: State, without: Event | None = None) -> set[State]:
    """Every state that some sequence of events leads to, one of them left out."""
    found, todo = {first}, [first]
    while todo:
        state = todo.pop()
        for event in set(Event) - {without}:
            if (state, event) in TRANSITIONS and (after := TRANSITIONS[state, event][0]) not in found:
                found.add(after)
                todo.append(after)
    return found


def walk(state: State, *events: Event) -> State:
    """The state after these events."""
    for event in events:
        state, _ = step(state, event)
    return state


@pytest.mark.parametrize(("state", "event"), PAIRS, ids=lambda value: value.value)
def test_every_pair_does_what_the_table_says(state: State, event: Event) -> None:
    """A pair of the table gives its row; any other raises, and names itself without changing anything."""
    before = dict(TRANSITIONS)
    if (state, event) in TRANSITIONS:
        assert step(state, event) == TRANSITIONS[state, event]
    else:
        with pytest.raises(IllegalTransition) as caught:
            step(state, event)
        assert caught.value.fields == {"table": said("demande"), "state": state, "event": event}
    assert dict(TRANSITIONS) == before


def test_every_state_can_be_reached() -> None:
    """From the hospital's start every state can happen; a follower can come to every state but those before sending."""
    assert reachable(State.SUBMITTED) == set(State)
    assert reachable(State.SENT) >= set(State) - {State.SUBMITTED}
    assert reachable(State.RUNNING) >= {State.RUNNING, State.ELAPSED, *SILENT, *ANSWERED}


@pytest.mark.parametrize("state", [state for state in State if state in OPEN])
def test_an_open_request_can_still_end(state: State) -> None:
    """No open state is a dead end: an answer or silence can still settle it."""
    assert reachable(state) & {State.ACCEPTED, State.REFUSED, State.TACITLY_ACCEPTED}


def test_a_period_starts_once_and_a_silence_is_recorded_once() -> None:
    """After its start no event starts it again; after the record neither an answer nor a second record settles it."""
    assert not [state for state in reachable(State.RUNNING) if (state, Event.ACKNOWLEDGED) in TRANSITIONS]
    settling = {*ANSWERS, Event.SILENCE_RECORDED, Event.SILENCE_NOTIFIED}
    after = reachable(State.TACITLY_ACCEPTED, without=Event.WITHDRAWN)
    assert not [pair for pair in TRANSITIONS if pair[0] in after and pair[1] in settling]


FINAL = tuple(state for state in (*ANSWERED, *SILENT, State.SUPERSEDED) if state not in DISCUSSING)


@pytest.mark.parametrize("state", FINAL)
def test_a_final_state_stays(state: State) -> None:
    """What is answered, recorded or replaced is undone by a person's withdrawal alone; the form may still come."""
    assert reachable(state, without=Event.WITHDRAWN) <= {state, State.REGULARISED}


@pytest.mark.parametrize("state", DISCUSSING)
def test_a_discussed_emergency_never_becomes_a_silence(state: State) -> None:
    """A dispute is an answer: neither a recorded silence nor an open request can follow it."""
    assert not reachable(state) & {*SILENT, *OPEN}


@pytest.mark.parametrize("event", [Event.INFORMATION_ASKED, Event.INFORMATION_GIVEN])
def test_an_exchange_of_information_changes_no_state(event: Event) -> None:
    """R7: it does not stop the period, wherever the request stands (003, line 282)."""
    assert all(step(state, event) == (state, ()) for state in State)


def test_story_of_a_mediation_that_fails_and_an_expert_who_denies() -> None:
    """Mediation first, expertise last; an expert before the mediation failed is possible and said aloud."""
    events = (Event.VITAL_DISPUTED, Event.MEDIATION_OPENED, Event.MEDIATION_FAILED, Event.EXPERT_ASKED)
    assert walk(State.RUNNING, *events, Event.VITAL_DENIED) is State.VITAL_DENIED
    assert Effect.ALARM in step(State.VITAL_DISPUTED, Event.EXPERT_ASKED)[1]
    assert Effect.ALARM not in step(State.MEDIATION_FAILED, Event.EXPERT_ASKED)[1]


def test_story_of_a_silence_that_is_regularised() -> None:
    """The form comes after the record, or before it while the grace lasts: the silence is recorded all the same."""
    assert walk(State.ELAPSED, Event.SILENCE_RECORDED, Event.REGULARISED) is State.REGULARISED
    assert walk(State.ELAPSED, Event.REGULARISED, Event.SILENCE_RECORDED) is State.TACITLY_ACCEPTED
    for state in (State.RUNNING, State.ELAPSED, State.ANSWER_DISPUTED):
        assert step(state, Event.REGULARISED) == (state, ())


def test_a_replaced_request_can_never_be_tacitly_accepted() -> None:
    """A correction ends the old request; an answer to it is told to a person."""
    assert reachable(State.SUPERSEDED) == {State.SUPERSEDED}
    assert (State.ELAPSED, Event.SUPERSEDED) not in TRANSITIONS
    assert step(State.SUPERSEDED, Event.ANSWER_SUPERSEDED) == (State.SUPERSEDED, (Effect.ALARM,))


def test_only_elapsed_becomes_a_recorded_silence() -> None:
    """Silence is recorded from one state only, and only the hospital's own recording owes the notice."""
    recorded = [state for state in State if (state, Event.SILENCE_RECORDED) in TRANSITIONS]
    assert recorded == [State.ELAPSED]
    owing = [pair for pair, (_, effects) in TRANSITIONS.items() if Effect.NOTIFY_SILENCE in effects]
    assert owing == [(State.ELAPSED, Event.SILENCE_RECORDED)]


def test_story_of_a_silence() -> None:
    """Sent, acknowledged, over, recorded."""
    events = (Event.HANDED_OVER, Event.ACKNOWLEDGED, Event.PERIOD_OVER, Event.SILENCE_RECORDED)
    assert walk(State.SUBMITTED, *events) is State.TACITLY_ACCEPTED


def test_story_of_an_answer_in_time() -> None:
    """An answer during the period settles the request, and a later one is only told."""
    answered = walk(State.SUBMITTED, Event.HANDED_OVER, Event.ACKNOWLEDGED, Event.REFUSED)
    assert answered is State.REFUSED
    assert step(answered, Event.LATE_ANSWER) == (State.REFUSED, (Effect.ALARM,))


def test_story_of_a_bounce_that_is_sent_again() -> None:
    """A failed delivery alarms, and the request goes on when it is handed over again."""
    failed, effects = step(walk(State.SUBMITTED, Event.HANDED_OVER), Event.DELIVERY_FAILED)
    assert (failed, effects) == (State.DELIVERY_FAILED, (Effect.ALARM,))
    assert walk(failed, Event.HANDED_OVER, Event.ACKNOWLEDGED) is State.RUNNING


def test_story_of_a_receipt_before_the_hand_over_was_noted() -> None:
    """The receipt may be read before our own hand-over is committed, which then changes nothing."""
    assert walk(State.SUBMITTED, Event.ACKNOWLEDGED, Event.HANDED_OVER, Event.DELIVERY_FAILED) is State.RUNNING


def test_story_of_an_earlier_evidence_after_the_end() -> None:
    """A period that moves after its end runs again and ends again."""
    over = walk(State.RUNNING, Event.PERIOD_OVER)
    assert walk(over, Event.MOVED, Event.PERIOD_OVER, Event.SILENCE_RECORDED) is State.TACITLY_ACCEPTED


def test_story_of_an_answer_found_after_the_record() -> None:
    """The record stays and a person is called, who upholds it or takes the request back to what is known."""
    recorded = walk(State.ELAPSED, Event.SILENCE_RECORDED)
    assert step(recorded, Event.CHALLENGED) == (recorded, (Effect.ALARM,))
    assert step(recorded, Event.UPHELD) == (recorded, ())
    assert step(recorded, Event.WITHDRAWN) == (State.RUNNING, (Effect.NOTIFY_WITHDRAWAL,))


def test_only_a_recorded_silence_is_withdrawn() -> None:
    """And only that owes a correction."""
    rows = {pair[0] for pair in TRANSITIONS if pair[1] is Event.WITHDRAWN}
    owing = {pair for pair, (_, effects) in TRANSITIONS.items() if Effect.NOTIFY_WITHDRAWAL in effects}
    assert rows == set(SILENT)
    assert owing == {(state, Event.WITHDRAWN) for state in SILENT}


def test_story_of_a_dispute_that_the_calendar_ends() -> None:
    """The end moves while a person is awaited: the answer is in time after all, or late, and the period goes on."""
    disputed = walk(State.RUNNING, Event.DISPUTED, Event.MOVED, Event.REFINED)
    assert disputed is State.ANSWER_DISPUTED
    assert walk(disputed, Event.REFUSED) is State.REFUSED
    assert walk(disputed, Event.FOUND_LATE, Event.PERIOD_OVER, Event.SILENCE_RECORDED) is State.TACITLY_ACCEPTED


def test_a_late_answer_changes_no_state() -> None:
    """Late is flagged, whatever the state, and never an acceptance or a refusal."""
    rows = {
        state: TRANSITIONS[state, Event.LATE_ANSWER] for state in State if (state, Event.LATE_ANSWER) in TRANSITIONS
    }
    assert set(rows) >= {State.ELAPSED, *SILENT, *ANSWERED}
    assert all(row == (state, (Effect.ALARM,)) for state, row in rows.items())


@given(st.sampled_from(STARTS), st.lists(st.sampled_from(Event), max_size=30))
def test_no_sequence_of_events_leaves_the_table(start: State, events: list[Event]) -> None:
    """Whatever happens in whatever order, the request is in a known state and a refused event changes nothing."""
    state = start
    for event in events:
        try:
            after, effects = step(state, event)
        except IllegalTransition:
            continue
        assert isinstance(after, State)
        assert all(isinstance(effect, Effect) for effect in effects)
        assert state not in FINAL or event is Event.WITHDRAWN or after in {state, State.REGULARISED}
        state = after
