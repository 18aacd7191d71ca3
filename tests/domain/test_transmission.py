"""The table of one sealed mail on its way, and the pauses between two tries."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import IllegalTransition
from gateway.domain.transmission import MAX_DOUBTS, TRANSITIONS, UNKNOWN_RETRY, Event, State, next_attempt, step
from gateway.domain.words import said

NOW = datetime(2026, 1, 25, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(("state", "event"), tuple(product(State, Event)), ids=lambda value: value.value)
def test_every_pair_does_what_the_table_says(state: State, event: Event) -> None:
    """A pair of the table gives its row; any other raises and names itself."""
    if (state, event) in TRANSITIONS:
        assert step(state, event) is TRANSITIONS[state, event]
    else:
        with pytest.raises(IllegalTransition) as caught:
            step(state, event)
        assert caught.value.fields == {"table": said("envoi"), "state": state, "event": event}


def test_every_state_can_be_reached() -> None:
    """From ready, every state can happen."""
    found, todo = {State.READY}, [State.READY]
    while todo:
        state = todo.pop()
        after = {TRANSITIONS[state, event] for event in Event if (state, event) in TRANSITIONS} - found
        found |= after
        todo += after
    assert found == set(State)


@pytest.mark.parametrize("state", State)
def test_evidence_is_worth_more_than_any_state(state: State) -> None:
    """A receipt proves the hand-over, whatever was known of it, and nothing takes that back."""
    assert step(state, Event.EVIDENCE) is State.EVIDENCED
    after = {event: TRANSITIONS[State.EVIDENCED, event] for event in Event if (State.EVIDENCED, event) in TRANSITIONS}
    assert after == {Event.BOUNCED: State.EVIDENCED, Event.EVIDENCE: State.EVIDENCED}


def test_what_came_back_is_not_taken_for_handed_over() -> None:
    """The report may be faster than the answer of our own server, which then changes nothing; a receipt does."""
    assert step(State.SENDING, Event.BOUNCED) is step(State.HANDED_OVER, Event.BOUNCED) is State.RETURNED
    told = [event for event in Event if (State.RETURNED, event) in TRANSITIONS]
    assert told == [Event.BOUNCED, Event.EVIDENCE, Event.RESENT]


def test_only_what_was_claimed_is_handed_over() -> None:
    """No outcome of a hand-over is taken from a state in which no byte can have left."""
    outcomes = {Event.ACCEPTED, Event.NOT_HANDED_OVER, Event.DOUBT, Event.REFUSED}
    assert {state for state, event in TRANSITIONS if event in outcomes} == {State.SENDING}


def test_story_of_a_doubt() -> None:
    """An unknown outcome goes out once more; a second one stays for a person."""
    state = State.READY
    for event in (Event.CLAIMED, Event.DOUBT, Event.RETRIED, Event.CLAIMED, Event.DOUBT):
        state = step(state, event)
    assert state is State.UNKNOWN
    assert MAX_DOUBTS == 2
    assert timedelta(minutes=15) == UNKNOWN_RETRY


@pytest.mark.parametrize("obstacle", [Event.KEY_REFUSED, Event.UNREADABLE])
def test_story_of_a_mail_that_is_held(obstacle: Event) -> None:
    """A held mail leaves only after it was released."""
    held = step(State.READY, obstacle)
    with pytest.raises(IllegalTransition):
        step(held, Event.CLAIMED)
    assert step(held, Event.RELEASED) is State.READY


def test_a_person_sends_again_only_what_has_left_or_cannot() -> None:
    """What waits leaves by itself, and what is confirmed is needed no more."""
    again = {state for state, event in TRANSITIONS if event is Event.RESENT}
    assert again == {State.HANDED_OVER, State.REFUSED, State.UNKNOWN, State.RETURNED}
    assert {step(state, Event.RESENT) for state in again} == {State.READY}


def test_pauses_double_up_to_half_an_hour() -> None:
    """1, 2, 4, 8, 16 minutes, then 30 for ever."""
    minutes = [(next_attempt(NOW, attempts) - NOW) / timedelta(minutes=1) for attempts in (1, 2, 3, 4, 5, 6, 7, 5000)]
    assert minutes == [1, 2, 4, 8, 16, 30, 30, 30]


@given(st.integers(min_value=1, max_value=10**9))
def test_a_pause_is_never_shorter_than_the_first_nor_longer_than_half_an_hour(attempts: int) -> None:
    """Bounded whatever the number of failures."""
    assert timedelta(minutes=1) <= next_attempt(NOW, attempts) - NOW <= timedelta(minutes=30)
