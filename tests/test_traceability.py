"""A full run that leaves a row of the law unproven fails and names it; a partial one is not judged."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from docs.law_rows import exists, faults, proven, read_sections

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[1]
LEGAL_RULES = ROOT / "docs" / "legal-rules.md"
ROWS = """
[[section]]
title = "Les règles"
[[section.row]]
id = "R1"
[[section.row]]
id = "R2"
[[section.row]]
id = "K12"
apart = "ne change rien à un dossier"
"""
CONFTEST = """
from pathlib import Path
from tests.traceability import Traceability

def pytest_configure(config):
    for mark in ("law(*rows)", "package"):
        config.addinivalue_line("markers", mark)
    config.pluginmanager.register(Traceability(config, Path("rows.toml")))
"""
HEAD = "import pytest\nlaw = pytest.mark.law\n"
ONE = "@law('R1')\ndef test_one(): pass\n"
TWO = "@law('R2')\ndef test_two(): pass\n"
SKIPPED = "@law('R2')\ndef test_two(): pytest.skip('no server here')\n"
EXPECTED = "@law('R2')\n@pytest.mark.xfail\ndef test_two(): assert False\n"
TABLE = "@law('R*')\n@pytest.mark.parametrize('row', {rows})\ndef test_table(row): pass\n"


@pytest.fixture(autouse=True)
def _few_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that our own tests use are of no interest in the small project, and slow to load."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


def project(folder: Path, tests: str) -> None:
    """A small project with rows and tests of its own."""
    (folder / "essais").mkdir()
    (folder / "essais" / "conftest.py").write_text(CONFTEST)
    (folder / "essais" / "test_rows.py").write_text(HEAD + tests)
    (folder / "rows.toml").write_text(ROWS)
    (folder / "pytest.ini").write_text("[pytest]\ntestpaths = essais\n")


def run(pytester: pytest.Pytester, tests: str, *arguments: str) -> tuple[int, str]:
    """Exit code and output of a run in such a project."""
    project(pytester.path, tests)
    done = pytester.runpytest_inprocess("-q", "-p", "no:cacheprovider", *arguments)
    return int(done.ret), done.stdout.str() + done.stderr.str()


def is_judged(told: str) -> bool:
    """Whether a run spoke of the rows, well or badly."""
    return "rows of the law" in told


def unproven(told: str) -> str | None:
    """The rows that a run named."""
    found = re.search(r"rows of the law without a test that passed =+\n(.*)", told)
    return found[1] if found else None


@pytest.mark.parametrize(
    ("tests", "missing"),
    [
        (ONE + TWO, None),
        (ONE, "R2"),
        (ONE + SKIPPED, "R2"),
        (ONE + EXPECTED, "R2"),
        (TABLE.format(rows=["R1", "R2"]), None),
        (TABLE.format(rows=["R2 seul", "R12"]), "R1"),
        ("def test_nothing(): pass\n", "R1 R2"),
    ],
    ids=["all", "one-lacks", "only-skipped", "only-expected-to-fail", "table", "table-lacks", "none"],
)
def test_a_full_run_fails_when_a_row_has_no_test_that_passed(
    pytester: pytest.Pytester, tests: str, missing: str | None
) -> None:
    """The rows are named; a row that is no matter of ours needs no test."""
    code, told = run(pytester, tests)

    assert code == (1 if missing else 0), told
    assert unproven(told) == missing
    assert ("each with a test that passed: 2" in told) is (missing is None)


def make_test() -> list[str]:
    """What ``make test`` adds to pytest; nothing of it is done."""
    told = subprocess.run(
        ["make", "--dry-run", "test", "TEST_ARGS="], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    (line,) = [line for line in told.stdout.splitlines() if "/pytest " in line]
    return shlex.split(line)[1:]


@pytest.mark.parametrize(("tests", "missing"), [(ONE + TWO, None), (ONE + SKIPPED, "R2")], ids=["all", "only-skipped"])
def test_make_test_is_judged(tmp_path: Path, tests: str, missing: str | None) -> None:
    """Several processes share its tests: the one that started them counts what each test sends with its report."""
    arguments = make_test()
    assert arguments[:2] == ["-n", "auto"]
    project(tmp_path, tests)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "xdist.plugin", *arguments],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == (1 if missing else 0), done.stdout
    assert unproven(done.stdout) == missing
    assert is_judged(done.stdout)


@pytest.mark.parametrize(
    "arguments",
    [
        ("essais/test_rows.py",),
        ("-k", "one"),
        ("-m", "law"),
        ("-m", "not package and not slow"),
        ("--deselect", "x"),
        ("--ignore", "x"),
        ("--collect-only",),
    ],
    ids=" ".join,
)
def test_a_partial_run_is_not_judged(pytester: pytest.Pytester, arguments: tuple[str, ...]) -> None:
    """Only a whole one says anything about the whole."""
    code, told = run(pytester, ONE, *arguments)

    assert (code, is_judged(told)) == (0, False), told


def test_a_run_of_all_tests_is_whole_however_it_is_written(pytester: pytest.Pytester) -> None:
    """The folder of the configuration, typed; stopping at the first failure leaves nothing out by itself."""
    code, told = run(pytester, ONE, "essais", "-x")

    assert (code, unproven(told)) == (1, "R2"), told


def test_another_failure_is_told_alone(pytester: pytest.Pytester) -> None:
    """Rows that a broken test would have proven are not a second complaint."""
    code, told = run(pytester, ONE + "@law('R2')\ndef test_two(): assert False\n")

    assert code == 1
    assert "1 failed" in told
    assert not is_judged(told)


def test_a_test_that_has_a_run_of_its_own_proves_no_row(pytester: pytest.Pytester) -> None:
    """The tests of the package: a row that they alone proved would be missed by every other run."""
    code, told = run(pytester, ONE + "@law('R2')\n@pytest.mark.package\ndef test_two(): pass\n")

    assert code == pytest.ExitCode.USAGE_ERROR
    assert "a test of the package proves no row" in told


@pytest.mark.parametrize("name", ["R3", "K12", "Z*"])
def test_a_test_that_names_no_row_stops_the_run(pytester: pytest.Pytester, name: str) -> None:
    """A slip of the pen must not pass for a proof; nor is there anything to prove where nothing is done."""
    code, told = run(pytester, ONE + TWO + f"@law('{name}')\ndef test_other(): pass\n")

    assert code == pytest.ExitCode.USAGE_ERROR
    assert f"named {name}" in told


def test_a_pattern_proves_the_rows_of_its_parameters_alone() -> None:
    """Whole words: M1 is not M12, and a row of another pattern is none."""
    known = ("M01", "M12", "M-NOTE", "R1")
    assert proven("M*", known, "M12 EXTENSION_REQUEST hospital") == ("M12",)
    assert proven("M*", known, "M-NOTE-R1-cnas") == ()
    assert proven("M*", known, "M-NOTE R1") == ("M-NOTE",)
    assert proven("R1", known, "") == ("R1",)
    with pytest.raises(LookupError):
        proven("M1", known, "M1")


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("docs/law_rows.py:exists", True),
        ("docs/law_rows.py:Proof.is_table", True),
        ("docs/law_rows.py:ROOT", True),
        ("docs/law_rows.py:Proof.other", False),
        ("docs/law_rows.py:elsewhere", False),
        ("docs/law_rows.py:", False),
        ("docs/gone.py:exists", False),
    ],
)
def test_code_that_is_gone_is_noticed(code: str, *, found: bool) -> None:
    """A row must not cite what was renamed."""
    assert exists(code) is found


def test_the_rows_are_whole() -> None:
    """Each once, with code that exists, or a reason, and a test; every M, R and K of the texts is there."""
    ids = {row.id for section in read_sections() for row in section.rows}
    wanted = {f"M{n:02}" for n in range(1, 43)} | {f"R{n}" for n in range(1, 32)} | {f"K{n}" for n in range(1, 14)}

    assert list(faults()) == []
    assert wanted - ids == set()


def test_each_fault_of_the_rows_is_found(tmp_path: Path) -> None:
    """Code or test that is gone, a row twice, a row with neither code nor reason, a mark that names none."""
    rows = tmp_path / "rows.toml"
    row = '[[section.row]]\nid = "{}"\n{}\n'
    written = [
        row.format("R1", 'code = ["docs/law_rows.py:exists"]'),
        row.format("R2", 'code = ["docs/law_rows.py:gone"]'),
        row.format("R3", ""),
        row.format("R4", 'code = ["docs/law_rows.py:exists"]\napart = "rien à faire"'),
        row.format("R5", 'apart = "rien à faire"') * 2,
    ]
    rows.write_text('[[section]]\ntitle = "Les règles"\n' + "".join(written), encoding="utf-8")
    tests = tmp_path / "essais"
    tests.mkdir()
    (tests / "test_rows.py").write_text(HEAD + "@pytest.mark.law('R1', 'R9')\ndef test_one(): pass\n", encoding="utf-8")

    assert list(faults(rows, tests)) == [
        "R5 : deux fois",
        "R2 : docs/law_rows.py:gone n'existe pas",
        "R3 : ni code ni raison, ou les deux",
        "R4 : ni code ni raison, ou les deux",
        "R2 : aucun test ne la prouve",
        "R3 : aucun test ne la prouve",
        "essais/test_rows.py::test_one : aucune ligne R9",
    ]


def test_every_rule_and_delay_says_what_is_applied() -> None:
    """docs/legal-rules.md has each R and K once, with the source that its row has."""
    told = re.findall(
        r"^\| ([RK]\d+) : [^|]+ \| ([^|]+) \| [^|]+ \|$", LEGAL_RULES.read_text(encoding="utf-8"), re.MULTILINE
    )
    rows = [row for section in read_sections() for row in section.rows if re.fullmatch(r"[RK]\d+", row.id)]

    assert sorted(told) == sorted((row.id, row.source) for row in rows)
