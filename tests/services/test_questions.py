"""Questions about the audit log, against a plain loop over all records; each reading is itself recorded."""

import json
from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.services.questions import Questions
from gateway.storage import AuditEntry, Question
from tests.services.mails import START
from tests.services.world import MINUTE, World

NAMES = st.sampled_from(("alice", "bob", "gateway"))
CASES = st.sampled_from(("7F3K-Q2", "7F3K-Q3"))


def questions(world: World, *, recorded: bool) -> Questions:
    """Asked of this gateway's log."""
    return Questions(store=world.store, party=world.party, readership=world.readers.readership, recorded=recorded)


async def filled(world: World) -> tuple[AuditEntry, ...]:
    """Forty records, a minute apart."""
    for number in range(40):
        async with world.store.act() as act:
            await act.record(
                ("alarm.one", "alarm.two", "alarm.odd", "alarmed.not", "request.sent")[number % 5],
                actor=("alice", "bob", "gateway")[number % 3],
                case=("7F3K-Q2", None, "7F3K-Q3")[number % 3],
                partner=("cnas", "cnse", None)[number % 3],
                outcome="done" if number % 2 else None,
            )
        world.clock.advance(MINUTE)
    return await world.events()


def fits(entry: AuditEntry, question: Question) -> bool:
    """The same rule, written as one would say it."""
    return (
        all(getattr(entry, name) == value for name, value in question.equal.items())
        and (question.begins is None or entry.event.startswith(question.begins))
        and (question.since is None or entry.at >= question.since)
        and (question.until is None or entry.at < question.until)
        and entry.index > question.after
        and (question.before is None or entry.index < question.before)
    )


INSTANTS = st.none() | st.integers(-5, 45).map(lambda minutes: START + minutes * MINUTE)
QUESTIONS = st.builds(
    Question,
    equal=st.fixed_dictionaries(
        {}, optional={"actor": NAMES, "case": CASES, "partner": st.just("cnas"), "outcome": st.just("done")}
    ),
    begins=st.sampled_from((None, "alarm.", "alarm", "request.", "")),
    since=INSTANTS,
    until=INSTANTS,
    after=st.integers(-1, 41),
    before=st.none() | st.integers(0, 41),
    newest=st.booleans(),
    limit=st.none() | st.integers(1, 12),
)


async def test_every_question_gets_what_a_plain_loop_finds(hospital: World) -> None:
    """Freely combined, in both orders, with a limit; counting says as many."""
    everything = await filled(hospital)

    found: list[tuple[Question, tuple[AuditEntry, ...], int]] = []

    @settings(max_examples=200, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(QUESTIONS)
    def collect(question: Question) -> None:
        asked.append(question)

    asked: list[Question] = []
    collect()
    async with hospital.store.view() as view:
        found = [(question, await view.answer(question), await view.count(question)) for question in asked]
    for question, answer, count in found:
        expected = [entry for entry in everything if fits(entry, question)]
        assert count == len(expected)
        ordered = expected[::-1] if question.newest else expected
        assert list(answer) == ordered[: question.limit]


@pytest.mark.parametrize("newest", [False, True])
async def test_pages_give_each_record_once_while_the_log_grows(hospital: World, *, newest: bool) -> None:
    """The next page starts at the last number seen: what is added meanwhile moves nothing."""
    everything = await filled(hospital)
    question, seen = Question(newest=newest, limit=7), list[int]()
    while True:
        async with hospital.store.view() as view:
            page = await view.answer(question)
        if not page or len(seen) >= len(everything):
            break
        seen += [entry.index for entry in page]
        async with hospital.store.act() as act:
            await act.record("test.more", actor="gateway")
        last = page[-1].index
        question = replace(question, before=last) if newest else replace(question, after=last)
    first = [entry.index for entry in everything]
    assert seen[: len(first)] == (first[::-1] if newest else first)
    assert len(set(seen)) == len(seen)


async def test_who_asked_what_is_a_record_too(hospital: World) -> None:
    """Not its answer; a demonstration's log is left as it is; following goes on without another record."""
    await filled(hospital)
    question = Question(equal={"case": "7F3K-Q2"}, begins="alarm.", since=START, limit=3)
    found = await questions(hospital, recorded=True).ask(question, actor="alice")
    assert len(found) == 3
    (read,) = await hospital.events("log.read")
    record = json.loads(read.canonical)
    assert record["actor"] == "alice"
    assert record["details"] == {
        "asked_begins": "alarm.",
        "asked_case": "7F3K-Q2",
        "asked_since": _rfc3339(START),
        "found": 3,
    }
    quiet = questions(hospital, recorded=False)
    assert await quiet.count(question, actor="alice") == len(
        [1 for one in await hospital.events() if fits(one, question)]
    )
    await quiet.since(question, actor="alice")
    assert len(await hospital.events("log.read")) == 1


def _rfc3339(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


async def test_a_strange_question_is_answered_and_kept_in_a_form_fit_for_the_log(hospital: World) -> None:
    """An address, a character that does not print: nothing is found, and the record of the reading holds neither."""
    asking = questions(hospital, recorded=True)
    strange = Question(equal={"message": "<a@b.test>", "outcome": "x\x9f"}, begins="\u202e")

    assert await asking.ask(strange, actor="alice") == ()
    (reading,) = await hospital.events("log.read")
    assert b"a@b.test" not in reading.canonical
    assert "asked_message" in reading.canonical.decode()
