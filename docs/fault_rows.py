"""The rows of the fault matrix (fault-rows.toml), the tests that show each to hold, and what their last run gave.

Read by ``generate.py`` for the page, and by the test run that writes ``fault-results.toml``.
"""  # noqa: INP001  beside scripts, not a package

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROWS = Path(__file__).parent / "fault-rows.toml"
RESULTS = Path(__file__).parent / "fault-results.toml"
MARK = "fault"
HELD = "held"
EXPECTED = tuple(f"F{number}" for number in range(1, 41))
"""The matrix is whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One fault: how a test brings it about, and what must hold."""

    id: str
    title: str
    injected: str
    holds: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Rows of one kind."""

    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What the last run of a test gave: how many points it took, and when."""

    outcome: str
    points: int
    seconds: int
    date: str


def read_sections(path: Path = ROWS) -> tuple[Section, ...]:
    """Every row, in the order of the file."""
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    return tuple(
        Section(title=section["title"], rows=tuple(Row(**row) for row in section["row"]))
        for section in document["section"]
    )


def ids(path: Path = ROWS) -> tuple[str, ...]:
    """The ids of all rows."""
    return tuple(row.id for section in read_sections(path) for row in section.rows)


def read_results(path: Path = RESULTS) -> Mapping[str, Result]:
    """What the last run of each test wrote."""
    return {test: Result(**told) for test, told in tomllib.loads(path.read_text(encoding="utf-8")).items()}
