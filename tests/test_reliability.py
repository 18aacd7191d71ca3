"""What a run of faults gave is written down test by test, and the page of the matrix is true or names what is not."""

import pytest

from docs.fault_rows import EXPECTED, ids, read_results, read_sections

pytest_plugins = ["pytester"]

CONFTEST = """
from pathlib import Path
from tests.reliability import Reliability

def pytest_configure(config):
    config.addinivalue_line("markers", "fault(*rows)")
    config.pluginmanager.register(Reliability(config, Path("results.toml")))
"""
TESTS = """
import pytest

@pytest.mark.fault("F1", "F6")
@pytest.mark.parametrize("number", [1, 2])
def test_holds(record_property, number):
    record_property("points", 20 * number)

@pytest.mark.fault("F2")
@pytest.mark.parametrize("number", [1, 2])
def test_fails(number):
    assert number == 1

@pytest.mark.fault("F3")
def test_cannot_run():
    pytest.skip("no server here")

def test_other(record_property):
    record_property("points", 5)
"""


@pytest.fixture(autouse=True)
def _few_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that our own tests use are of no interest in the small project, and slow to load."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


def run(pytester: pytest.Pytester, tests: str, *arguments: str) -> tuple[int, str]:
    """Exit code and output of a run of a small project."""
    (pytester.path / "conftest.py").write_text(CONFTEST)
    (pytester.path / "test_faults.py").write_text(tests)
    done = pytester.runpytest_inprocess("-q", "-p", "no:cacheprovider", *arguments)
    return int(done.ret), done.stdout.str() + done.stderr.str()


def told(pytester: pytest.Pytester) -> dict[str, tuple[str, int]]:
    """Outcome and points by test."""
    results = read_results(pytester.path / "results.toml")
    return {test.partition("::")[2]: (result.outcome, result.points) for test, result in results.items()}


def test_each_test_is_written_down_with_its_points(pytester: pytest.Pytester) -> None:
    """It held when it passed with all of its parameters; a skipped one did not."""
    run(pytester, TESTS)
    assert told(pytester) == {
        "test_holds": ("held", 60),
        "test_fails": ("not held", 0),
        "test_cannot_run": ("not held", 0),
    }


def test_a_run_of_some_changes_what_is_known_of_those(pytester: pytest.Pytester) -> None:
    """The others keep their last result."""
    run(pytester, TESTS)
    run(pytester, TESTS.replace("number == 1", "number"), "-k", "test_fails")
    assert told(pytester)["test_fails"] == ("held", 0)
    assert told(pytester)["test_holds"] == ("held", 60)


def test_a_test_that_names_no_row_stops_the_run(pytester: pytest.Pytester) -> None:
    """A slip of the pen must not pass for a row that holds."""
    code, output = run(pytester, TESTS.replace('"F2"', '"F41"'))
    assert code == pytest.ExitCode.USAGE_ERROR
    assert "no row of the fault matrix is named ['F41']" in output


def test_the_matrix_is_whole() -> None:
    """F1 to F40, each once, whatever its chapter."""
    assert sorted(ids()) == sorted(EXPECTED)
    assert len(set(ids())) == 40


def test_every_row_is_told() -> None:
    """Nobody reads an empty cell."""
    rows = [row for section in read_sections() for row in section.rows]
    assert [row.id for row in rows if not (row.title and row.injected and row.holds)] == []
