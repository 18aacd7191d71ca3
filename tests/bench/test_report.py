"""What ``make bench`` prints, from figures at hand; and the parts of it that are quick."""

import os
import sys
from pathlib import Path

import pytest

from tests.bench import cycle, report, sweep
from tests.bench.processes import Asked, answer, cpu_seconds, started

CYCLES = {
    "bytes": 10240,
    "peer": {"a_second": 10.0, "cpu_ms": 97.0, "p50_ms": 80.0},
    "sink": {"a_second": 105.0, "cpu_ms": 9.0, "p50_ms": 9.0},
    "servers": {
        "a_second": 39.0,
        "cpu_ms": 12.0,
        "servers_cpu_ms": 21.4,
        "p50_ms": 30.0,
        "shares": {"ours": 0.234, "servers": 0.417, "idle": 0.3},
    },
}


def test_each_line_says_whether_its_aim_is_met() -> None:
    """Beside its peer of the same run: ten times is asked of a sink, four of real servers."""
    told = report.table({"cycle": [CYCLES]}).splitlines()
    assert [line.rpartition(" | ")[2] for line in told[2:]] == ["non |", "oui |"]
    assert "Postfix et Dovecot | 4 × | 39.0/s, 12 ms de processeur, 3.9 × ; serveurs de messagerie : 21 ms" in told[2]
    assert "cœurs : nous 23%, eux 42%, inoccupés 30% | 10.0/s, 97 ms" in told[2]
    assert "puits | 10 × | 105.0/s, 9 ms de processeur, 10.5 × |" in told[3]


def test_a_cycle_without_its_peer_meets_no_aim() -> None:
    """A figure alone proves nothing."""
    alone = {name: value for name, value in CYCLES.items() if name != "peer"}
    told = report.table({"cycle": [alone]}).splitlines()
    assert all(line.endswith("| non |") for line in told[2:])


def test_the_sweep_finds_what_is_due_and_no_more(tmp_path: Path) -> None:
    """The measure refuses another number than it made; its figures make two lines."""
    found = sweep.measured(tmp_path, count=50, due=7, rounds=2)
    assert (found["open"], found["due"]["count"]) == (50, 7)
    assert len(report.table({"sweep": found}).splitlines()) == 4


def test_the_processor_time_of_children_counts(tmp_path: Path) -> None:
    """Of those that live and of those that ended; a process that asks nothing uses next to nothing."""
    burn = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'sum(range(30_000_000))']); print('{}')"
    with started(["python3", "-c", f"{burn}; sys.stdout.flush(); input()"], tmp_path / "log") as process:
        assert answer(process) == {}
        assert cpu_seconds((process.pid,)) > 0.1
        assert process.stdin is not None
        process.stdin.write("\n")


CARRIES = """
import subprocess, sys
for _ in range(2):
    open("asked").read()
    subprocess.run([sys.executable, "-c", "sum(range(30_000_000))"])
    open("done", "w").close()
"""
HAS_IT_CARRIED = """
import sys
for line in sys.stdin:
    open("asked", "w").close()
    open("done").read()
    print('{"seconds": 9.0, "ms": [1.0]}', flush=True)
"""


def test_the_mail_servers_are_told_apart_from_us(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their children that have ended too; none of it is in our own figure."""
    monkeypatch.chdir(tmp_path)
    for name in ("asked", "done"):
        os.mkfifo(name)
    with (
        started([sys.executable, "-c", HAS_IT_CARRIED], tmp_path / "ours") as ours,
        started([sys.executable, "-c", CARRIES], tmp_path / "servers") as servers,
    ):
        found = cycle.measured({"servers": Asked(ours, servers=(servers.pid,))}, 1, 4, 1)["servers"]
    assert found["servers_cpu_ms"] > max(25, 4 * found["cpu_ms"])
    cores = os.cpu_count() or 1
    assert found["shares"]["servers"] == pytest.approx(found["servers_cpu_ms"] * 4 / 1000 / 9 / cores)
    assert found["shares"]["idle"] >= 0
