"""The rows of the law (law-rows.toml), the code that they name, and the tests that say they prove them.

Read by ``generate.py`` for the page, and by the test run, which fails when a row has no test that passed.
"""  # noqa: INP001  beside scripts, not a package

import ast
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROWS = Path(__file__).parent / "law-rows.toml"
TESTS = ROOT / "tests"
MARK = "law"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the texts. ``code`` are ``path:name`` of what does it; ``apart`` says why nothing of ours does.

    ``title`` and ``source`` are empty where the catalogue of exchanges has them.
    """

    id: str
    title: str
    source: str
    code: tuple[str, ...]
    apart: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Rows of one kind."""

    title: str
    intro: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A test, and the row or pattern of rows that it says it proves."""

    names: str
    test: str

    @property
    def is_table(self) -> bool:
        """Whether its parameters say which rows it is about."""
        return is_pattern(self.names)


def is_pattern(names: str) -> bool:
    """Whether a mark names many rows."""
    return "*" in names


def read_sections(path: Path = ROWS) -> tuple[Section, ...]:
    """Every row, in the order of the file."""
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    return tuple(
        Section(title=section["title"], intro=section.get("intro", ""), rows=tuple(map(_row, section["row"])))
        for section in document["section"]
    )


def _row(told: dict[str, object]) -> Row:
    code = told.get("code", ())
    return Row(
        id=str(told["id"]),
        title=str(told.get("title", "")),
        source=str(told.get("source", "")),
        code=tuple(map(str, code)) if isinstance(code, list) else (),
        apart=str(told.get("apart", "")),
    )


def to_prove(path: Path = ROWS) -> tuple[str, ...]:
    """The ids of the rows that need a test."""
    return tuple(row.id for section in read_sections(path) for row in section.rows if not row.apart)


def named(names: str, known: tuple[str, ...]) -> tuple[str, ...]:
    """The rows that a mark names, or that its pattern fits."""
    return tuple(row for row in known if fnmatchcase(row, names))


def proven(names: str, known: tuple[str, ...], parameters: str) -> tuple[str, ...]:
    """The rows that one run of a test proves: the one that it names, or of a pattern those among its parameters.

    Raises:
        LookupError: there is no such row.
    """
    found = named(names, known)
    if not found:
        raise LookupError(names)
    if not is_pattern(names):
        return found
    words = set(re.split(r"[^A-Za-z0-9_.-]+", parameters))
    return tuple(row for row in found if row in words)


def proofs(tests: Path = TESTS, mark: str = MARK) -> tuple[Proof, ...]:
    """Every ``@pytest.mark.law(…)`` of the tests, or of another mark, read without running them."""
    return tuple(
        Proof(names=names, test=f"{path.relative_to(tests.parent)}::{node.name}")
        for path in sorted(tests.rglob("test_*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for names in _marked(node, mark)
    )


def _marked(node: ast.FunctionDef | ast.AsyncFunctionDef, mark: str) -> Iterator[str]:
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == f"pytest.mark.{mark}":
            yield from map(str, map(ast.literal_eval, decorator.args))


def faults(path: Path = ROWS, tests: Path = TESTS) -> Iterator[str]:
    """What makes the rows untrue: code that is gone, a row without code or test, or twice, a mark without its row."""
    rows = [row for section in read_sections(path) for row in section.rows]
    known, marks = to_prove(path), proofs(tests)
    proven_rows = {row for proof in marks for row in named(proof.names, known)}
    yield from (f"{row} : deux fois" for row, times in Counter(row.id for row in rows).items() if times > 1)
    yield from (f"{row.id} : {code} n'existe pas" for row in rows for code in row.code if not exists(code))
    yield from (f"{row.id} : ni code ni raison, ou les deux" for row in rows if bool(row.code) is bool(row.apart))
    yield from (f"{row} : aucun test ne la prouve" for row in known if row not in proven_rows)
    yield from (f"{proof.test} : aucune ligne {proof.names}" for proof in marks if not named(proof.names, known))


def exists(code: str, root: Path = ROOT) -> bool:
    """Whether ``path:name`` or ``path:Class.name`` is defined at the top of that file, without importing it."""
    path, _, name = code.partition(":")
    body = _statements(root / path)
    for part in name.split("."):
        found = next((node for node in body if part in _names(node)), None)
        if found is None:
            return False
        body = found.body if isinstance(found, ast.ClassDef) else []
    return True


@cache
def _statements(path: Path) -> list[ast.stmt]:
    return ast.parse(path.read_text(encoding="utf-8")).body if path.is_file() else []


def _names(node: ast.stmt) -> set[str]:
    match node:
        case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
            return {node.name}
        case ast.Assign():
            return {ast.unparse(target) for target in node.targets}
        case ast.AnnAssign():
            return {ast.unparse(node.target)}
        case _:
            return set()
