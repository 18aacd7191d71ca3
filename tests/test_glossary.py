"""The glossary: it has every word that people read for a table of the code, and names nothing that the code lacks."""

import ast
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from gateway.cli import readers
from gateway.domain.challenge import GROUNDS
from gateway.domain.labels import FINDINGS, STATES
from gateway.domain.parties import Grade
from gateway.domain.settlements import NOT_AN_ANSWER, WORDS
from gateway.services import terms
from gateway.storage import Verdict

ROOT = Path(__file__).parents[1]
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (?P<term>[^|]+) \| (?P<ids>`[^|]+`) \|", re.MULTILINE)

TABLES: dict[str, Mapping[Any, str]] = {
    "functions": terms.FUNCTIONS,
    "case-states": terms.CASE_STATES,
    "returns": terms.RETURNS,
    "claims": terms.CLAIMS,
    "flags": terms.FLAGS,
    "payers": terms.PAYERS,
    "reasons": terms.COVER_REASONS,
    "hints": terms.HINTS,
    "sending-states": terms.SENDING_STATES,
    "request-states": STATES,
    "ways": readers.WAYS,
    "shares": readers.SHARES,
    "handover-states": readers.HANDOVER_STATES,
    "grounds": GROUNDS,
    "findings": FINDINGS,
}


@cache
def rows() -> frozenset[tuple[str, str]]:
    """Each term with each identifier that stands beside it."""
    found = ((row["term"], name) for row in ROW.finditer(GLOSSARY) for name in re.findall("`([^`]+)`", row["ids"]))
    return frozenset(found)


@cache
def known() -> frozenset[str]:
    """Every name and every word that the code is made of."""
    found: set[str] = set()
    for path in (ROOT / "gateway").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            found |= _named(node)
    return frozenset(found)


def _named(node: ast.AST) -> set[str]:
    match node:
        case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            return {name}
        case ast.AnnAssign(target=ast.Name(id=name)) | ast.arg(arg=name) | ast.Attribute(attr=name):
            return {name}
        case ast.Constant(value=str(text)):
            return {text}
        case _:
            return set()


@pytest.mark.parametrize("table", TABLES)
def test_every_word_that_people_read_is_there_with_its_identifier(table: str) -> None:
    """As the command line prints it: what is on the screen is found in the page."""
    wanted = {(word, member.value) for member, word in TABLES[table].items()}

    assert wanted - rows() == set()


@pytest.mark.parametrize("table", [Grade, Verdict])
def test_every_member_of_a_table_without_words_is_there(table: type[Grade] | type[Verdict]) -> None:
    """Grades by their name, which is what is logged; verdicts by their value."""
    wanted = {member.name.lower() if isinstance(member, Grade) else member.value for member in table}

    assert wanted - {name for _, name in rows()} == set()


def test_every_word_of_the_triage_is_there() -> None:
    """They are typed."""
    assert {*WORDS, NOT_AN_ANSWER} - {name for _, name in rows()} == set()


def test_every_identifier_is_one_of_the_code() -> None:
    """A name that was changed there is changed here."""
    assert {name for _, name in rows()} - known() == set()


def test_an_identifier_that_nobody_uses_is_found() -> None:
    """The check itself can fail."""
    assert not {"CaseFolder", "tacit_refusal", "hospital.pharmacy"} & known()
