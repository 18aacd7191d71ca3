"""Every record of the audit log is told in words: the code that records is read, and nothing is left without them."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from gateway.catalogues import Language, translator
from gateway.domain import case as stay
from gateway.domain import request as life
from gateway.domain import transmission as sending
from gateway.domain.alarms import KINDS as ALARMS
from gateway.domain.amendments import Verb
from gateway.domain.challenge import Finding
from gateway.domain.events import EVENTS, FAMILIES
from gateway.domain.labels import GRADES
from gateway.domain.ledger import READINGS, Ledger
from gateway.domain.readers import Share
from gateway.services.calendar_acts import Standing
from gateway.services.log_words import outcome_of, what
from gateway.services.seen import CHANGES
from gateway.services.terms import MAIL_REASONS
from gateway.storage import Verdict

ROOT = Path(__file__).parents[2] / "gateway"
WORDS = {ROOT / "domain" / "events.py", ROOT / "services" / "log_words.py"}
RECORDING = {"record", "_record"}
TECHNICAL = {"debug", "info", "warning", "error", "exception"}
NAMED = re.compile(r"[a-z]+\.[a-z_]+")
FILES = (".json", ".pdf", ".txt", ".eml")

BUILT = {
    "case": {event.value for event in stay.Event},
    "request": {event.value for event in life.Event},
    "transmission": {event.value for event in sending.Event},
    "mail": {verdict.value for verdict in Verdict},
    "calendar": {verb.value for verb in Verb} - {Verb.CONFIRM.value, Verb.DECLINE.value},
}
"""Families whose events are named after the members of a table; a calendar's proposal is settled under other names."""


def sources() -> Iterator[ast.Module]:
    """The rooms that record."""
    for path in (*ROOT.glob("*.py"), *ROOT.glob("services/**/*.py"), *ROOT.glob("domain/**/*.py")):
        if path not in WORDS:
            yield ast.parse(path.read_text(encoding="utf-8"))


def called(node: ast.AST) -> str:
    """The name of what is called."""
    function = getattr(node, "func", None)
    return str(getattr(function, "attr", getattr(function, "id", "")))


def strings(node: ast.AST) -> Iterator[str]:
    """The texts of an expression; a place that is filled in is a star. A technical log's are not ours."""
    if isinstance(node, ast.Call) and called(node) in TECHNICAL:
        return
    if isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else "*" for part in node.values)
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    for child in ast.iter_child_nodes(node):
        yield from strings(child)


def arguments(tree: ast.Module) -> Iterator[ast.AST]:
    """What a record is given; of a name, what it was assigned anywhere in the module."""
    nodes = tuple(ast.walk(tree))
    given = [each for node in nodes if isinstance(node, ast.Call) and called(node) in RECORDING for each in node.args]
    yield from given
    names = {node.id for each in given for node in ast.walk(each) if isinstance(node, ast.Name)}
    for node in nodes:
        if isinstance(node, ast.Assign):
            targets = {each.id for target in node.targets for each in ast.walk(target) if isinstance(each, ast.Name)}
            if targets & names:
                yield node.value


@cache
def recorded() -> frozenset[str]:
    """Every event that the code names, with those that it builds from a table; of alarms, only those named in full."""
    trees = tuple(sources())
    told = {text for tree in trees for given in arguments(tree) for text in strings(given) if "." in text}
    families = {text.partition(".")[0] for text in told}
    texts = {text for tree in trees for text in strings(tree)}
    found = {text for text in texts if NAMED.fullmatch(text) and text.partition(".")[0] in families}
    built = {text.partition(".")[0] for text in texts if re.fullmatch(r"[a-z]+\.\*", text)}
    assert built & families <= {*BUILT, "alarm"}, "a family that is built from a table nobody has named here"
    found |= {f"{family}.{member}" for family in built & BUILT.keys() for member in BUILT[family]}
    return frozenset(text for text in told | found if NAMED.fullmatch(text) and not text.endswith(FILES))


def test_every_event_that_is_recorded_has_its_words_and_no_words_are_left_over() -> None:
    """Whoever adds an event adds what a person reads; whoever removes one removes it."""
    events = {event for event in recorded() if not event.startswith("alarm.")}

    assert len(events) > 140
    assert events == EVENTS.keys()


def test_an_alarm_is_told_by_its_condition() -> None:
    """Whatever raises it: its own table has every alarm that is recorded (tests/domain/test_alarms.py)."""
    named = {event for event in recorded() if event.startswith("alarm.")}

    assert "alarm.exceptional_read" in named
    assert all(str(what(event)).startswith("alarme : ") for event in named | {f"alarm.{name}" for name in ALARMS})


def test_what_other_tables_name_is_an_event() -> None:
    """A misspelt one would never be found."""
    assert EVENTS.keys() >= CHANGES
    assert set(READINGS) <= EVENTS.keys()
    assert {code for code in FAMILIES if not any(event.startswith(code) for event in (*EVENTS, "alarm."))} == set()


@pytest.mark.parametrize("language", [Language.FRENCH, Language.ENGLISH, Language.ARABIC])
def test_a_record_is_told_as_a_clause_in_every_language(language: Language) -> None:
    """It stands inside a sentence as well as alone; no code is left in it."""
    translate = translator(language)
    for event in EVENTS:
        said = what(event)
        assert said is not None
        told = said.told(translate)
        assert told[0] == told[0].lower() or told.startswith("CNAS"), told
        assert not told.endswith("."), told
        assert "_" not in told, told
        assert (told == EVENTS[event]) == (language is Language.FRENCH), told


@pytest.mark.parametrize(
    ("event", "outcomes"),
    [
        ("request.followed", [state.value for state in life.State]),
        ("evidence.recorded", [grade.name.lower() for grade in GRADES]),
        ("answer.ruled", [Finding.IN_TIME.value, Finding.LATE.value]),
        ("challenge.proposed", [Finding.UPHELD.value, Finding.WITHDRAWN.value]),
        (
            "calendar.set",
            [standing.value for standing in Standing if standing not in {Standing.PREVIEWED, Standing.DECLINED}],
        ),
        ("handover.done", [share.value for share in Share]),
        ("log.purged", [ledger.value for ledger in Ledger]),
        ("mail.quarantine", list(MAIL_REASONS)),
        ("watch.taken", list(ALARMS)),
        ("alarm.mail_to_sort", ["started", "ended"]),
    ],
)
def test_what_became_of_it_is_told_too(event: str, outcomes: list[str]) -> None:
    """Every member of the table from which the outcome is taken, where it adds to what the event says."""
    assert [outcome for outcome in outcomes if outcome_of(event, outcome) is None] == []


def test_what_nobody_has_words_for_is_left_to_its_code() -> None:
    """A record of another version, a key's fingerprint: never a wrong word, never an error."""
    assert what("note.made") is None
    assert what("alarm.of_another_version") is None
    assert outcome_of("key.pinned", "AB12" * 10) is None
    assert outcome_of("request.followed", "of_another_version") is None
    assert outcome_of("request.refused", "refused") is None
    assert outcome_of("console.signed_out", None) is None
