"""Kill -9 in front of every write, sync and send of what a gateway does with a mail; then it starts again.

Nothing is acknowledged before it is durable, and nothing is durable twice: each death ends, after the restart, in the
records of a run that nothing disturbed, with at most one mail more on the wire, byte for byte the same, and a log
that proves itself.
"""

from collections.abc import Callable, Sequence

import pytest

from tests.faults.kernel import SENDS, SYNCS, Fault
from tests.faults.moments import (
    ACKNOWLEDGED,
    RECEIVING,
    SENDING,
    Outcome,
    compare,
    faulted,
    recovered,
    silent,
    undisturbed,
)
from tests.faults.stage import Stage
from tests.faults.sweep import deaths

Property = Callable[[str, object], None]

REQUEST = "SELECT 1 FROM requests"
TAKEN = "SELECT 1 FROM mails WHERE verdict = 'accepted'"
POLLED = "SELECT 1 FROM polls"
UNDER_WAY = "SELECT 1 FROM transmissions WHERE state = 'sending'"
GONE = "SELECT 1 FROM transmissions WHERE state = 'handed_over'"
RUNNING = "SELECT 1 FROM requests WHERE state = 'running'"
ACCEPTED = "SELECT 1 FROM acceptances"


@pytest.mark.fault("F1", "F6")
@pytest.mark.timeout(3600)
def test_a_request_that_arrives_is_recorded_once_wherever_the_gateway_dies(
    stage: Stage, record_property: Property
) -> None:
    """The CNAS: no receipt leaves before its request is recorded; one receipt at least leaves, always the same."""
    expected, calls = undisturbed(stage, RECEIVING)
    points = 0
    for point, _ in deaths(stage, RECEIVING, calls):
        assert not stage.posts or stage.count("cnas", REQUEST) == 1, point
        compare(expected, recovered(stage, RECEIVING), point)
        points += 1
    record_property("points", points)


@pytest.mark.fault("F1", "F6")
@pytest.mark.timeout(3600)
def test_a_receipt_starts_the_period_once_wherever_the_gateway_dies(stage: Stage, record_property: Property) -> None:
    """The hospital: the period starts at the same instant, and the CNSE is told of nothing that is not recorded."""
    expected, calls = undisturbed(stage, ACKNOWLEDGED)
    points = 0
    for point, _ in deaths(stage, ACKNOWLEDGED, calls):
        assert not stage.posts or stage.count("hospital", RUNNING) == 1, point
        compare(expected, recovered(stage, ACKNOWLEDGED), point)
        points += 1
    record_property("points", points)


@pytest.mark.fault("F2", "F6")
@pytest.mark.timeout(3600)
def test_a_request_leaves_to_everybody_wherever_the_gateway_dies(stage: Stage, record_property: Property) -> None:
    """The hospital: what reached the server was noted as on its way before."""
    expected, calls = undisturbed(stage, SENDING)
    points = 0
    for point, _ in deaths(stage, SENDING, calls):
        noted = stage.count("hospital", UNDER_WAY) + stage.count("hospital", GONE)
        assert len(stage.posts) <= noted, point
        compare(expected, recovered(stage, SENDING), point)
        points += 1
    record_property("points", points)


@pytest.mark.fault("F20", "F6")
@pytest.mark.timeout(3600)
def test_a_silence_is_recorded_once_wherever_the_gateway_dies(stage: Stage, record_property: Property) -> None:
    """Down since the period began, until after its end: one acceptance, of the legal instant; nobody is told before."""
    moment = silent(stage)
    expected, calls = undisturbed(stage, moment)
    assert expected.events["request.silence_recorded"] == 1
    points = 0
    for point, _ in deaths(stage, moment, calls):
        told = [post for post in stage.posts if post.recipient.endswith("@cnas.demo.test")]
        assert not told or stage.count("hospital", ACCEPTED) == 1, point
        compare(expected, recovered(stage, moment), point)
        points += 1
    record_property("points", points)


@pytest.mark.fault("F3")
def test_a_death_between_the_servers_yes_and_our_note_sends_the_same_bytes_again(stage: Stage) -> None:
    """The mail is out, and our records say « sending »: it goes once more after a quarter of an hour, never lost."""
    expected, calls = undisturbed(stage, SENDING)
    last = max(place for place, call in enumerate(calls) if call in SENDS and place + 1 < len(calls))
    yes = [
        place + 1
        for place in range(1, last + 2)
        if calls[place - 1] in SENDS and place < len(calls) and calls[place] not in SENDS
    ]
    found = 0
    for point in yes:
        faulted(stage, SENDING, Fault(at=point))
        if len(stage.posts) > stage.count("hospital", GONE):
            found += 1
            (under_way,) = stage.rows("hospital", UNDER_WAY)
            assert under_way
            after = recovered(stage, SENDING)
            compare(expected, after, point)
            assert sum(map(len, after.sent.values())) == sum(map(len, expected.sent.values())) + 1
    assert found >= 1


@pytest.mark.fault("F4")
def test_a_death_between_the_record_and_the_receipt_still_sends_the_receipt(stage: Stage) -> None:
    """The request is in the records of the CNAS and nothing has left."""
    expected, calls = undisturbed(stage, RECEIVING)
    begin = [place + 1 for place, call in enumerate(calls) if call in SENDS and calls[place - 1] in SYNCS]
    _found(stage, expected, begin, lambda: stage.count("cnas", TAKEN) and not stage.posts)


@pytest.mark.fault("F5")
def test_a_death_between_the_record_and_the_note_of_the_poll_reads_the_mail_once(stage: Stage) -> None:
    """The mailbox is as it was, so the next poll sees the mail again, and knows it."""
    expected, calls = undisturbed(stage, RECEIVING)
    after_syncs = [place + 1 for place, call in enumerate(calls) if place and calls[place - 1] in SYNCS]
    _found(stage, expected, after_syncs, lambda: stage.count("cnas", TAKEN) and not stage.count("cnas", POLLED))


def _found(stage: Stage, expected: Outcome, points: Sequence[int], wanted: Callable[[], object]) -> None:
    """One of these deaths, the last ones first, leaves what is wanted; it recovers."""
    for point in reversed(points):
        faulted(stage, RECEIVING, Fault(at=point))
        if wanted():
            compare(expected, recovered(stage, RECEIVING), point)
            return
    pytest.fail("none of these deaths leaves it")
