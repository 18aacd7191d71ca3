"""What ``make bench`` prints, from figures at hand; and the parts of it that are quick."""

import contextvars
import os
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from tests.bench import cycle, layers, pair, report, shares, sweep
from tests.bench.processes import Asked, answer, cpu_seconds, started

OURS = Path(layers.__file__).parents[2] / layers.OURS
NEVER_IN_A_DAEMON = {"__init__", "__main__", "cli", "demo", "doctor", "locales", "worker"}

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
    ours = "39.0/s, 12.0 ms de processeur, 3.9 × (8.1 × au processeur) ; serveurs de messagerie : 21 ms"
    assert f"Postfix et Dovecot | 4 × | {ours}" in told[2]
    assert "cœurs : nous 23%, eux 42%, inoccupés 30%, le noyau et d'autres 5% | 10.0/s, 97 ms" in told[2]
    assert "puits | 10 × | 105.0/s, 9.0 ms de processeur, 10.5 × (10.8 × au processeur) |" in told[3]


def test_a_cycle_without_its_peer_meets_no_aim() -> None:
    """A figure alone proves nothing."""
    alone = {name: value for name, value in CYCLES.items() if name != "peer"}
    told = report.table({"cycle": [alone]}).splitlines()
    assert all(line.endswith("| non |") for line in told[2:])


def test_ours_stands_beside_the_floor_and_the_floor_beside_the_aim() -> None:
    """Whether anybody could meet it: the floor's own line says so."""
    floor = {"a_second": 95.0, "cpu_ms": 4.5, "p50_ms": 9.0}
    told = report.tables({"cycle": [{**CYCLES, "floor": floor}]}).splitlines()
    assert (
        "plancher | 10 × | 95.0/s, 4.5 ms de processeur, 9.5 × (21.6 × au processeur) | 10.0/s, 97 ms | non |"
        in told[3]
    )
    assert (
        "puits | 10 × | 105.0/s, 9.0 ms de processeur, 10.5 × (10.8 × au processeur) ; 2.0 × le plancher |" in told[4]
    )


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
    assert max(told["layers"], key=told["layers"].__getitem__) == layers.MEASURE
    assert sum(told["layers"].values()) == pytest.approx(told["own_seconds"], rel=0.2)
    assert signal.getsignal(signal.SIGPROF) is before


PARTY = """
import json, sys, time
print(json.dumps({"ready": True}), flush=True)
for line in sys.stdin:
    count = int(line.split()[1])
    end = time.process_time() + 0.1 * bool(count)
    while time.process_time() < end:
        pass
    told = {"coffre": 0.25 * count, "audit": 0.75 * count}
    print(json.dumps({"seconds": 1, "ms": [], "layers": told, "own_seconds": 0.0}), flush=True)
"""


def test_a_profile_is_of_the_measured_messages_and_of_both_sides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was used before they began counts for nothing; what is not the daemon's own is its worker's."""
    monkeypatch.setattr(pair, "sinks", lambda _: dict.fromkeys(shares.SIDES))
    monkeypatch.setattr(pair, "installed", lambda *_: (dict.fromkeys(shares.SIDES), "case"))
    monkeypatch.setattr(pair, "command", lambda *_: [sys.executable, "-c", PARTY])
    sides = shares.measured(tmp_path, size=10240, count=2)["sides"]
    assert sides["envoi"].keys() == sides["réception"].keys() == {"coffre", "audit", layers.WORKER}
    assert (sides["envoi"]["coffre"], sides["envoi"]["audit"]) == (250.0, 750.0)
    assert sides["envoi"][layers.WORKER] > 0
    assert sides["réception"]["coffre"] == 0
    told = report.tables({"profile": {"bytes": 10240, "sides": {"envoi": {"a": 1.0}, "réception": {"b": 3.0}}}})
    assert told.splitlines() == [
        "| part, un message de 10 Kio | envoi | réception | les deux |",
        "| --- | --- | --- | --- |",
        "| b | 0.0 ms | 3.0 ms | 75 % |",
        "| a | 1.0 ms | 0.0 ms | 25 % |",
        "| ensemble | 1.0 ms | 3.0 ms | 4.0 ms |",
    ]


def _burn() -> None:
    end = time.thread_time() + 0.15
    while time.thread_time() < end:
        pass


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
