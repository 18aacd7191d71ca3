"""A case: its table walked pair by pair, the stories of a stay, and its opaque token."""

from collections.abc import Iterable
from datetime import date
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.case import (
    ALPHABET,
    OPENINGS,
    TRANSITIONS,
    Event,
    State,
    needs_new_certificate,
    parse_token,
    step,
    token,
)
from gateway.domain.errors import IllegalTransition, Unknown
from gateway.domain.words import said


@given(st.binary(min_size=6, max_size=6))
def test_a_token_reads_back_as_itself(noise: bytes) -> None:
    """Also in lower case, with spaces around, and without its dash."""
    made = token(noise)
    assert len(made) == 7
    assert set(made) <= {*ALPHABET, "-"}
    for typed in (made, made.lower(), f"  {made} ", made.replace("-", "")):
        assert parse_token(typed) == made


def test_every_letter_is_as_likely_as_another() -> None:
    """256 divides by 32, so that a byte makes no letter more likely."""
    assert [sum(token(bytes([byte] * 6))[0] == letter for byte in range(256)) for letter in ALPHABET] == [8] * 32


def test_letters_that_look_like_digits_are_read_as_digits() -> None:
    """A token read aloud over a telephone is found."""
    assert parse_token("ol1i-O0") == "0111-00"


@pytest.mark.parametrize(
    "text", ["", "7F3K", "7F3K-Q", "7F3K-Q22", "7F3U-Q2", "7F3K/Q2", "7F-3KQ2", "７F3K-Q2", "x" * 90]
)
def test_what_cannot_be_a_token_is_unknown(text: str) -> None:
    """And the error says so of a case, with no more than twenty characters of what was typed."""
    with pytest.raises(Unknown) as caught:
        parse_token(text)
    assert (str(caught.value.fields["kind"]), caught.value.fields["ref"]) == ("dossier", text[:20])


@given(st.text(max_size=30))
def test_any_text_is_a_token_or_unknown(text: str) -> None:
    """Nothing else can come out, and what comes out reads back as itself."""
    try:
        found = parse_token(text)
    except Unknown:
        return
    assert parse_token(found) == found


def reachable(starts: Iterable[State]) -> set[State]:
    """Every state that some sequence of events leads to."""
    found, todo = set(starts), list(starts)
    while todo:
        state = todo.pop()
        for event in Event:
            after = TRANSITIONS.get((state, event))
            if after is not None and after not in found:
                found.add(after)
                todo.append(after)
    return found


def walk(*events: Event) -> State:
    """The state after an opening and what followed."""
    state = OPENINGS[events[0]]
    for event in events[1:]:
        state = step(state, event)
    return state


@pytest.mark.parametrize(("state", "event"), tuple(product(State, Event)), ids=lambda value: value.value)
def test_every_pair_does_what_the_table_says(state: State, event: Event) -> None:
    """A pair of the table gives its row; any other raises, names itself, and changes nothing."""
    before = dict(TRANSITIONS)
    if (state, event) in TRANSITIONS:
        assert step(state, event) is TRANSITIONS[state, event]
    else:
        with pytest.raises(IllegalTransition) as caught:
            step(state, event)
        assert caught.value.fields == {"table": said("dossier"), "state": state, "event": event}
    assert dict(TRANSITIONS) == before


def test_every_state_can_be_reached_and_left() -> None:
    """From what opens a case every state can happen, and only a closed case is at its end."""
    assert reachable(OPENINGS.values()) == set(State)
    assert all(State.CLOSED in reachable([state]) for state in State)
    assert reachable([State.CLOSED]) == {State.CLOSED}


def test_story_of_a_normal_stay() -> None:
    """Asked, completed, quoted, certified, admitted, discharged, closed."""
    before = (Event.CARE_REQUESTED, Event.REVIEW_STARTED, Event.INFORMATION_ASKED, Event.INFORMATION_GIVEN)
    during = (Event.QUOTED, Event.ENTITLED, Event.ADMITTED, Event.EXTENSION_ASKED, Event.EXTENDED)
    assert walk(*before, *during, Event.DISCHARGED, Event.CLOSED) is State.CLOSED


def test_story_of_a_return() -> None:
    """A repatriation is asked for, prepared and done; a second request that is accepted meanwhile stops it."""
    asked = (Event.ENTITLED, Event.ADMITTED, Event.REPATRIATION_REQUESTED)
    assert walk(*asked, Event.REPATRIATION_PREPARED, Event.REPATRIATED) is State.REPATRIATED
    assert walk(*asked, Event.EXTENDED) is State.ADMITTED


def test_story_of_a_return_as_the_cnas_follows_it() -> None:
    """It is never told of the admission: to it the stay is still only authorised when the return is asked for."""
    asked = (Event.ENTITLED, Event.EXTENSION_ASKED, Event.REPATRIATION_REQUESTED)
    assert walk(*asked, Event.REPATRIATION_PREPARED, Event.REPATRIATED, Event.CLOSED) is State.CLOSED


def test_a_patient_who_left_the_hospital_may_still_be_on_the_way_home() -> None:
    """The discharge and the return are two facts, noted in either order of the papers."""
    stay = (Event.ENTITLED, Event.ADMITTED)
    assert walk(*stay, Event.REPATRIATION_REQUESTED, Event.DISCHARGED, Event.REPATRIATED) is State.REPATRIATED
    assert walk(*stay, Event.DISCHARGED, Event.REPATRIATION_PREPARED) is State.REPATRIATION_PENDING


def test_information_comes_in_several_mails() -> None:
    """A second one changes nothing, nor does one that crosses the hospital's decision."""
    asked = (Event.CARE_REQUESTED, Event.INFORMATION_ASKED, Event.INFORMATION_GIVEN)
    assert walk(*asked, Event.INFORMATION_GIVEN) is State.UNDER_REVIEW
    assert walk(*asked, Event.QUOTED, Event.INFORMATION_GIVEN) is State.QUOTED
    assert walk(*asked, Event.DECLINED, Event.INFORMATION_GIVEN) is State.DECLINED


def test_no_regularisation_after_the_fact() -> None:
    """R26: a request for care never enters a stay that began without it (003, line 166)."""
    assert not [state for state in State if (state, Event.CARE_REQUESTED) in TRANSITIONS]


def test_a_stay_is_not_closed_while_it_lasts() -> None:
    """A patient who is there, away, or waiting for a return keeps the case open."""
    for state in (State.ADMITTED, State.INTERRUPTED, State.REPATRIATION_PENDING):
        with pytest.raises(IllegalTransition):
            step(state, Event.CLOSED)


def test_a_new_year_needs_a_new_certificate() -> None:
    """K4: the calendar year of issue decides, whatever the number of days (003, line 352)."""
    assert not needs_new_certificate(date(2026, 1, 2), date(2026, 12, 31))
    assert needs_new_certificate(date(2026, 12, 31), date(2027, 1, 1))


@given(st.sampled_from(Event), st.lists(st.sampled_from(Event), max_size=30))
def test_no_sequence_of_events_leaves_the_table(opening: Event, events: list[Event]) -> None:
    """Whatever happens in whatever order, the case is in a known state, and a refused event changes nothing."""
    state = OPENINGS.get(opening, State.RECEIVED)
    for event in events:
        try:
            after = step(state, event)
        except IllegalTransition:
            continue
        assert isinstance(after, State)
        state = after
