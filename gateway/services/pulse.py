"""What this process does, counted in memory: rounds of its tasks, failures of its workers, times of its commits.

It starts at nothing with the process, as monitoring programs expect of counters. It also knows what no database can
tell: that nothing can be written any more.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable
from math import inf

from gateway.domain.alarms.machine import UNREAD
from gateway.domain.errors import DatabaseBusy, DatabaseUnreachable, StorageFailed
from gateway.ports import Clock

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, inf)
"""Seconds: a commit on a good disk takes one millisecond, one that takes seconds is a disk in trouble."""

STORAGE_FAILS, TASK_FAILS = "storage_fails", "task_fails"
FAULTS = (STORAGE_FAILS, TASK_FAILS)
"""Why the gateway does not do its work, as stable codes, where only the process itself knows."""

CORE = frozenset({"outbound", "deadlines", "handover", "alarms"})
"""Without these there is no gateway; that mail is not read is told by the polls, the rest has alarms of its own."""

_STORAGE = frozenset(kind.__name__ for kind in (StorageFailed, DatabaseBusy, DatabaseUnreachable))

Beat = Callable[[str | None], None]
"""Called at the end of each round of a task: with None after a good one, otherwise with the code of its error."""


class Pulse:
    """Written by whoever works, read by whoever watches."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._started = clock.uptime()
        self._good: dict[str, float] = {}
        self._failing: dict[str, tuple[str, float]] = {}
        self.rounds: Counter[tuple[str, bool]] = Counter()
        self.worker_failures: Counter[str] = Counter()
        self.commits: Counter[float] = Counter(dict.fromkeys(BOUNDS, 0))
        self.commit_seconds = 0.0

    @property
    def uptime(self) -> float:
        """Seconds since this process began its work."""
        return self._clock.uptime() - self._started

    @property
    def idle(self) -> dict[str, float]:
        """Seconds since the last good round of each task that had one."""
        now = self._clock.uptime()
        return {task: now - at for task, at in self._good.items()}

    @property
    def faults(self) -> tuple[str, ...]:
        """Why the gateway does not do its work, as far as this process knows; nothing when it does."""
        now, failing = self._clock.uptime(), self._failing.items()
        found = {
            STORAGE_FAILS: any(error in _STORAGE for _, (error, _) in failing),
            TASK_FAILS: any(task in CORE and now - since > UNREAD.total_seconds() for task, (_, since) in failing),
        }
        return tuple(code for code in FAULTS if found[code])

    def of(self, task: str) -> Beat:
        """What a task calls; it is counted from now on, at nothing first."""
        self.rounds.update({(task, True): 0, (task, False): 0})

        def beat(error: str | None) -> None:
            now = self._clock.uptime()
            self.rounds[task, error is None] += 1
            if error is None:
                self._good[task] = now
                self._failing.pop(task, None)
            else:
                _, since = self._failing.get(task, (error, now))
                self._failing[task] = error, since

        return beat

    def committed(self, seconds: float) -> None:
        """A commit took so long."""
        self.commits[BOUNDS[bisect_left(BOUNDS, seconds)]] += 1
        self.commit_seconds += seconds

    def worker_failed(self, reason: str) -> None:
        """A worker that opens mail was ended, or ended by itself."""
        self.worker_failures[reason] += 1
