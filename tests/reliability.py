"""Writes down what a run gave for each test of the fault matrix, where ``FAULTS_RECORD`` names a file.

Tests name their rows with ``@pytest.mark.fault("F7")`` and tell how many points they took as the property ``points``.
What a run of some of them gave takes the place of what the file said of those alone. Where several processes share
the tests, each sends what its tests say with their reports.
"""

import os
import time
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from docs.fault_rows import HELD, MARK, Result, ids, read_results

PROPERTY, POINTS = "fault", "points"
RECORD = "FAULTS_RECORD"


class Reliability:
    """A plugin of one session."""

    def __init__(self, config: pytest.Config, path: Path | None) -> None:
        self._config = config
        self._path = path
        self._rows = ids()
        self._outcomes: dict[str, list[str]] = defaultdict(list)
        self._points: dict[str, int] = defaultdict(int)
        self._seconds: dict[str, float] = defaultdict(float)

    def pytest_collection_modifyitems(self, items: Iterable[pytest.Item]) -> None:
        """Each test carries the rows that it shows into its report."""
        for item in items:
            rows = sorted({str(name) for mark in item.iter_markers(MARK) for name in mark.args})
            if unknown := [row for row in rows if row not in self._rows]:
                raise pytest.UsageError(f"{item.nodeid}: no row of the fault matrix is named {unknown}")
            item.user_properties += [(PROPERTY, row) for row in rows]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count for each test, whatever its parameters; one that failed outside of its call failed as well."""
        told = (report.when == "call" or not report.passed) and any(
            name == PROPERTY for name, _ in report.user_properties
        )
        if not told:
            return
        test = report.nodeid.partition("[")[0]
        self._outcomes[test].append(report.outcome)
        self._points[test] += sum(int(str(value)) for name, value in report.user_properties if name == POINTS)
        self._seconds[test] += report.duration

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Write it down."""
        if self._path is None or hasattr(self._config, "workerinput"):
            return
        today = datetime.fromtimestamp(time.clock_gettime(time.CLOCK_REALTIME), UTC).date().isoformat()
        known = dict(read_results(self._path)) if self._path.exists() else {}
        for test, outcomes in self._outcomes.items():
            known[test] = Result(
                outcome=HELD if set(outcomes) == {"passed"} else "not held",
                points=self._points[test],
                seconds=round(self._seconds[test]),
                date=today,
            )
        self._path.write_text(_told(known), encoding="utf-8")


def _told(known: dict[str, Result]) -> str:
    lines = ["# Écrit par « make test-faults » : ce qu'a donné le dernier passage de chaque essai."]
    for test, result in sorted(known.items()):
        lines += [
            "",
            f'["{test}"]',
            f'outcome = "{result.outcome}"',
            f"points = {result.points}",
            f"seconds = {result.seconds}",
            f'date = "{result.date}"',
        ]
    return "\n".join(lines) + "\n"


def wanted() -> Path | None:
    """Where this run writes, if anywhere."""
    named = os.environ.get(RECORD)
    return Path(named) if named else None
