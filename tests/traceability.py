"""Fails a full test run in which a row of the law (docs/law-rows.toml) had no test that passed.

Tests name their rows with ``@pytest.mark.law("R7")``; a name with a star stands for the rows among the test's
parameters. A run of some tests only is not judged; the tests of the package, which have a run of their own, prove no
row. A skipped test proves nothing. Where several processes share the tests, they send what each test proves with its
report, and the one that started them counts.
"""

from collections.abc import Iterable
from pathlib import Path

import pytest

from docs.law_rows import MARK, proven, to_prove

PROPERTY = "law"
APART = "package"
_NARROWING = ("keyword", "deselect", "ignore", "ignore_glob", "collectonly", "lf", "stepwise")


class Traceability:
    """A plugin of one session."""

    def __init__(self, config: pytest.Config, rows: Path) -> None:
        self._config = config
        self._rows = to_prove(rows)
        self._proven: set[str] = set()
        self._missing: tuple[str, ...] | None = None

    def pytest_collection_modifyitems(self, items: Iterable[pytest.Item]) -> None:
        """Each test carries the rows that it proves into its report."""
        for item in items:
            names = [name for mark in item.iter_markers(MARK) for name in mark.args]
            if names and item.get_closest_marker(APART):
                raise pytest.UsageError(f"{item.nodeid}: a test of the package proves no row, for it has its own run")
            item.user_properties += [(PROPERTY, row) for row in self._rows_of(item, names)]

    def _rows_of(self, item: pytest.Item, names: Iterable[str]) -> list[str]:
        parameters = item.callspec.id if isinstance(item, pytest.Function) and hasattr(item, "callspec") else ""
        try:
            return sorted({row for name in names for row in proven(name, self._rows, parameters)})
        except LookupError as unknown:
            raise pytest.UsageError(f"{item.nodeid}: no row of the law to prove is named {unknown}") from None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test that passed proves its rows."""
        if report.when == "call" and report.passed:
            self._proven |= {str(row) for name, row in report.user_properties if name == PROPERTY}

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Judge a full run that has no other failure."""
        if hasattr(self._config, "workerinput") or exitstatus != pytest.ExitCode.OK or not self._whole():
            return
        self._missing = tuple(row for row in self._rows if row not in self._proven)
        if self._missing:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say which rows nothing proved, or that there are none; of a run that is not judged, nothing."""
        if self._missing:
            terminalreporter.section("rows of the law without a test that passed", red=True)
            terminalreporter.line(" ".join(self._missing))
        elif self._missing is not None:
            terminalreporter.line(f"rows of the law, each with a test that passed: {len(self._rows)}")

    def _whole(self) -> bool:
        """Whether every test was asked for: the folders of the configuration, and nothing that could prove left out."""
        options = self._config.option
        if options.markexpr not in {"", f"not {APART}"} or any(getattr(options, name, None) for name in _NARROWING):
            return False
        wanted = {str(Path(path)) for path in self._config.getini("testpaths")}
        return {str(Path(argument)) for argument in self._config.args} == wanted
