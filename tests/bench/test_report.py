"""What ``make bench`` prints, from figures at hand; and the parts of it that are quick."""

import contextvars
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from tests.bench import layers, report, sweep
from tests.bench.processes import answer, cpu_seconds, started

OURS = Path(layers.__file__).parents[2] / layers.OURS
NEVER_IN_A_DAEMON = {"__init__", "__main__", "cli", "demo", "doctor", "locales", "worker"}

CYCLES = {
    "bytes": 10240,
    "peer": {"a_second": 10.0, "cpu_ms": 97.0, "p50_ms": 80.0},
    "sink": {"a_second": 105.0, "cpu_ms": 9.0, "p50_ms": 9.0},
    "servers": {"a_second": 39.0, "cpu_ms": 12.0, "p50_ms": 30.0},
}


def test_each_line_says_whether_its_aim_is_met() -> None:
    """Beside its peer of the same run: ten times is asked of a sink, four of real servers."""
    told = report.table({"cycle": [CYCLES]}).splitlines()
    assert [line.rpartition(" | ")[2] for line in told[2:]] == ["non |", "oui |"]
    assert "Postfix et Dovecot | 4 × | 39.0/s, 12.0 ms de processeur, 3.9 × | 10.0/s, 97 ms" in told[2]
    assert "puits | 10 × | 105.0/s, 9.0 ms de processeur, 10.5 × |" in told[3]


def test_a_cycle_without_its_peer_meets_no_aim() -> None:
    """A figure alone proves nothing."""
    alone = {name: value for name, value in CYCLES.items() if name != "peer"}
    told = report.table({"cycle": [alone]}).splitlines()
    assert all(line.endswith("| non |") for line in told[2:])


def test_ours_stands_beside_the_floor_and_the_floor_beside_the_aim() -> None:
    """Whether anybody could meet it: the floor's own line says so."""
    floor = {"a_second": 95.0, "cpu_ms": 4.5, "p50_ms": 9.0}
    told = report.tables({"cycle": [{**CYCLES, "floor": floor}]}).splitlines()
    assert "plancher | 10 × | 95.0/s, 4.5 ms de processeur, 9.5 × | 10.0/s, 97 ms | non |" in told[3]
    assert "puits | 10 × | 105.0/s, 9.0 ms de processeur, 10.5 ×, 2.0 × le plancher |" in told[4]


def test_parts_of_the_floor_have_a_table_of_their_own() -> None:
    """They have no aim."""
    parts = {"RSA": {"cpu_ms": 4.25, "ms": 5.0}, "SQLite": {"cpu_ms": 1.5, "ms": 20.0}}
    told = report.tables({"floor": {"bytes": 10240, "parts": parts}}).splitlines()
    assert told == [
        "| plancher, un message de 10 Kio | processeur | horloge |",
        "| --- | --- | --- |",
        "| RSA | 4.25 ms | 5.0 ms |",
        "| SQLite | 1.50 ms | 20.0 ms |",
        "| ensemble | 5.8 ms | – |",
    ]


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


def test_every_module_of_a_daemon_belongs_to_a_layer() -> None:
    """A new one that is forgotten would end a measure."""
    paths = [
        path
        for path in OURS.rglob("*.py")
        if path.relative_to(OURS).parts[0].partition(".")[0] not in NEVER_IN_A_DAEMON
    ]
    inits = {OURS / "adapters" / "__init__.py"}
    names = [".".join(path.relative_to(OURS.parent).with_suffix("").parts) for path in paths if path not in inits]
    assert len(names) > 300
    assert {layers.layer_of(iter([name])) for name in names} >= {layers.BASE, layers.VAULT, layers.AUDIT, layers.MIME}


def test_the_nearest_module_decides_and_one_that_belongs_nowhere_is_told() -> None:
    """Of libraries that are not listed, and of connections, whoever called them."""
    stack = ["cryptography.x509", "gateway.adapters.smime.seal", "gateway.services.send", "asyncio.events"]
    assert layers.layer_of(iter(stack)) == layers.SMIME
    assert layers.layer_of(iter(["asyncio.streams", "tests.bench.sink", "asyncio.events"])) == layers.POST
    assert layers.layer_of(iter(["gateway.domain.merkle", "gateway.services.send"])) == layers.AUDIT
    assert layers.layer_of(iter(["json", "__main__"])) == layers.LOOP
    with pytest.raises(LookupError, match=r"gateway\.brand_new"):
        layers.layer_of(iter(["json", "gateway.brand_new.thing", "gateway.services.send"]))


def test_what_a_thread_is_given_is_known_by_its_function() -> None:
    """Also as asyncio hands it over: inside a context."""
    assert layers.layer_of_work(partial(contextvars.copy_context().run, report.table, {})) == layers.MEASURE
    assert layers.layer_of_work(partial(partial(report.table))) == layers.MEASURE
    assert layers.layer_of_work(len) == layers.LOOP


def test_a_sampler_tells_where_the_processor_went() -> None:
    """Half here, half in a thread: all of it is told, and nothing is left running."""
    before = signal.getsignal(signal.SIGPROF)
    with layers.Sampler() as sampler, ThreadPoolExecutor(1) as pool:
        pool.submit(_burn).result()
        _burn()
        told = sampler.told()
    assert told["own_seconds"] > 0.2
    assert told["layers"][layers.MEASURE] > 0.8 * told["own_seconds"]
    assert sum(told["layers"].values()) == pytest.approx(told["own_seconds"], rel=0.05)
    assert signal.getsignal(signal.SIGPROF) is before


def _burn() -> None:
    end = time.thread_time() + 0.15
    while time.thread_time() < end:
        pass
