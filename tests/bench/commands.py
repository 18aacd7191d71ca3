"""Measures what a person waits for: ``gateway --help`` and ``gateway status``, beside an empty Python.

The state is asked of a service that runs, as monitoring programs ask for it, and of a gateway without one.
"""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench import pair
from tests.bench.restart import start, stop
from tests.system.gateways import GATEWAY


def _spent(command: Sequence[str]) -> tuple[float, float]:
    """Milliseconds of one run, and those of processor."""
    before, began = os.times(), time.perf_counter()
    subprocess.run(command, check=False, stdin=subprocess.DEVNULL, capture_output=True)
    after = os.times()
    cpu = after.children_user - before.children_user + after.children_system - before.children_system
    return (time.perf_counter() - began) * 1000, cpu * 1000


def measured(folder: Path, *, rounds: int) -> dict[str, Any]:
    """Milliseconds of each, in turn; the medians."""
    gateways, _ = pair.installed(folder, pair.sinks(folder))
    commands = {
        "python": (sys.executable, "-c", ""),
        "gateway --help": (*GATEWAY, "--help"),
        "gateway status": (*GATEWAY, "status", "--config", str(gateways["hospital"].config)),
        "gateway status, sans service": (*GATEWAY, "status", "--config", str(gateways["cnse"].config)),
    }
    told: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    _, service = start(gateways["hospital"])
    try:
        for _ in range(rounds + 1):
            for name, command in commands.items():
                told[name].append(_spent(command))
    finally:
        stop(service)
    # The first run compiles and fills caches.
    found = {name: [median(values) for values in zip(*runs[1:], strict=True)] for name, runs in told.items()}
    return {name: {"ms": wall, "cpu_ms": cpu} for name, (wall, cpu) in found.items()}
