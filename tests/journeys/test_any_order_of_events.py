"""Whatever happens in whatever order: no state is undefined, and who asked in time keeps the cover of the CNAS."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import partial

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain import case as stay
from gateway.domain import request as life
from gateway.domain.coverage import SOURCES, Absence, Asked, Certificate, Payer, Reason, Stay, coverage

DAY = timedelta(days=1)
BEGINS = date(2026, 1, 4)
CERTIFIED = 30
ASKED = 25
AT_MOST = 2
ALL_DAYS = range(-5, 120, 9)

AWAY = {Reason.NOT_ADMITTED, Reason.INTERRUPTED, Reason.DISCHARGED, Reason.REPATRIATED}
"""Days on which the patient is not there."""

SETTLING = {*life.ANSWERS, life.Event.SILENCE_RECORDED, life.Event.SILENCE_NOTIFIED, life.Event.SUPERSEDED}


@dataclass(kw_only=True)
class One:
    """A request, with what happened to it."""

    vital: bool
    prolongs: bool
    in_time: bool
    authorised_until: date
    state: life.State = life.State.SUBMITTED
    settled_on: date | None = None
    decided_on: date | None = None
    granted_until: date | None = None
    happened: list[life.Event] = field(default_factory=list)

    def days(self) -> list[date]:
        """Those that it asks for."""
        return [self.authorised_until + offset * DAY for offset in range(1, ASKED + 1)]

    def seen(self) -> Asked:
        """As coverage sees it."""
        first, *_, last = self.days()
        return Asked(
            hash="",
            state=self.state,
            prolongs=self.prolongs,
            in_time=self.in_time,
            authorised_until=self.authorised_until,
            first=first,
            last=self.granted_until or last,
            settled_on=self.settled_on,
            decided_on=self.decided_on,
        )

    def moving(self) -> list[life.Event]:
        """What can happen to it and makes a difference: what changes nothing is tested with the table."""
        found = {event: life.TRANSITIONS[self.state, event] for event in life.Event if self._possible(event)}
        return [event for event, (after, effects) in found.items() if effects or after is not self.state]

    def _possible(self, event: life.Event) -> bool:
        vital = event is life.Event.VITAL_DISPUTED
        return (self.state, event) in life.TRANSITIONS and (self.vital or not vital)


@dataclass
class Story:
    """A stay and its requests on the tables alone."""

    today: date = BEGINS
    state: stay.State = stay.State.RECEIVED
    known: Stay = field(default_factory=Stay)
    requests: list[One] = field(default_factory=list)

    def actions(self) -> list[Callable[[], None]]:
        """Everything that the law allows now; that a request moves is the most likely."""
        found: list[Callable[[], None]] = [partial(self._pass, days) for days in (1, 4, 15)]
        found += [partial(self._happens, event) for event in stay.Event if self._happens_alone(event)]
        if len(self.requests) < AT_MOST and (self.state, stay.Event.EXTENSION_ASKED) in stay.TRANSITIONS:
            found += [partial(self._ask, vital=vital, prolongs=prolongs) for vital, prolongs in KINDS]
        return found + [partial(self._moves, each, event) for each in self.requests for event in each.moving()]

    def whole(self) -> Stay:
        """As coverage sees it."""
        return replace(self.known, requests=tuple(each.seen() for each in self.requests))

    def opens(self, opening: stay.Event) -> None:
        """The first exchange."""
        self.state = stay.OPENINGS[opening]
        if opening is stay.Event.EXTENSION_ASKED:
            self.known = replace(self.known, taken_over=True)
            self._asks(vital=False, prolongs=True)
        self._known(opening)

    def _happens_alone(self, event: stay.Event) -> bool:
        of_requests = {stay.Event.EXTENSION_ASKED, stay.Event.EXTENDED}
        return (self.state, event) in stay.TRANSITIONS and event not in of_requests

    def _pass(self, days: int) -> None:
        self.today += days * DAY

    def _happens(self, event: stay.Event) -> None:
        self.state = stay.step(self.state, event)
        self._known(event)

    def _ask(self, *, vital: bool, prolongs: bool) -> None:
        self.state = stay.step(self.state, stay.Event.EXTENSION_ASKED)
        self._asks(vital=vital, prolongs=prolongs)

    def _asks(self, *, vital: bool, prolongs: bool) -> None:
        until = max((each.last for each in self.known.certificates if each.last), default=self.today + 10 * DAY)
        in_time = self.today <= until
        self.requests.append(One(vital=vital, prolongs=prolongs, in_time=in_time, authorised_until=until))

    def _moves(self, asked: One, event: life.Event) -> None:
        asked.state, _ = life.step(asked.state, event)
        asked.happened.append(event)
        if event in SETTLING:
            asked.settled_on = self.today
        if event is life.Event.WITHDRAWN:
            asked.settled_on = None
        if event is life.Event.PARTLY_ACCEPTED:
            asked.granted_until = asked.days()[len(asked.happened)]
        if event in {life.Event.VITAL_CONFIRMED, life.Event.VITAL_DENIED}:
            asked.decided_on = self.today
        if event in {life.Event.ACCEPTED, life.Event.PARTLY_ACCEPTED, life.Event.SILENCE_RECORDED}:
            self.state = stay.step(self.state, stay.Event.EXTENDED)

    def _known(self, event: stay.Event) -> None:
        """What a fact adds to the stay."""
        known, today = self.known, self.today
        match event:
            case stay.Event.ENTITLED:
                added = Certificate(issued_on=today, first=today, last=today + CERTIFIED * DAY)
                self.known = replace(known, certificates=(*known.certificates, added))
            case stay.Event.ADMITTED:
                self.known = replace(known, admitted_on=today)
            case stay.Event.INTERRUPTED:
                self.known = replace(known, absences=(*known.absences, Absence(since=today, until=None)))
            case stay.Event.READMITTED:
                *before, last = known.absences
                self.known = replace(known, absences=(*before, replace(last, until=today)))
            case stay.Event.DISCHARGED:
                self.known = replace(known, discharged_on=today)
            case stay.Event.REPATRIATED:
                self.known = replace(known, repatriated_on=today)
            case _:
                pass


KINDS = [(False, True), (False, True), (True, True), (False, False)]


def states_are_known(story: Story) -> None:
    """Of the case and of each request; every day has a payer and a reason, with the lines that say so."""
    assert story.state in stay.State
    assert all(each.state in life.State for each in story.requests)
    for offset in ALL_DAYS:
        found = coverage(story.whole(), BEGINS + offset * DAY)
        assert found.decides.payer in Payer
        assert found.decides.source == SOURCES[found.decides.reason]


def who_asked_in_time_is_covered(story: Story) -> None:
    """Each day asked for, while the patient is there, whatever the CNAS answers or does not, to this or another."""
    for asked in story.requests:
        if asked.vital or not asked.prolongs or not asked.in_time or asked.state is life.State.SUPERSEDED:
            continue
        alone = Stay(admitted_on=BEGINS, requests=(asked.seen(),))
        for day in asked.days():
            assert coverage(alone, day).covered, (day, asked)
            together = coverage(story.whole(), day)
            assert together.covered or together.decides.reason in AWAY, (day, together, story)


def a_request_has_one_period_and_one_end(story: Story) -> None:
    """It starts at most once; at most one silence stands until it is withdrawn, and none beside an answer."""
    for asked in story.requests:
        assert asked.happened.count(life.Event.ACKNOWLEDGED) <= 1
        for stands in _between(asked.happened, life.Event.WITHDRAWN):
            silences = sum(event in {life.Event.SILENCE_RECORDED, life.Event.SILENCE_NOTIFIED} for event in stands)
            assert silences <= 1
            assert not (silences and life.ANSWERS.keys() & set(stands))


def _between(happened: list[life.Event], mark: life.Event) -> list[list[life.Event]]:
    """What happened before, between and after each of these events."""
    found: list[list[life.Event]] = [[]]
    for event in happened:
        if event is mark:
            found.append([])
        else:
            found[-1].append(event)
    return found


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(sorted(stay.OPENINGS, key=lambda event: event.value)),
    st.lists(st.integers(0, 9999), min_size=15, max_size=40),
)
def test_no_sequence_of_legal_events_leaves_the_law(opening: stay.Event, choices: list[int]) -> None:
    """Each number chooses among all that may happen next; what is true at all times is looked at after each."""
    story = Story()
    story.opens(opening)
    for choice in choices:
        possible = story.actions()
        possible[choice % len(possible)]()
        states_are_known(story)
        who_asked_in_time_is_covered(story)
        a_request_has_one_period_and_one_end(story)


def test_the_walk_can_come_everywhere() -> None:
    """From a stay with its request every state of a request can be met: the test above is not blind."""
    met, todo = set[life.State](), [life.State.SUBMITTED]
    while todo:
        state = todo.pop()
        met.add(state)
        asked = One(vital=True, prolongs=True, in_time=True, authorised_until=BEGINS, state=state)
        after = {life.step(state, event)[0] for event in asked.moving()}
        todo += [each for each in after if each not in met]
    assert met == set(life.State)
