"""Measures the full cycle in S/MIME beside the tuned peer: submit, seal, hand over, open, acknowledge, record.

Each round is one of ours, one of the peer's and one of the floor's, in turn. Besides the seconds, which on a busy
machine are anybody's, the processor time of all processes that took part is told, databases included; that of Postfix
and Dovecot is told as their own. ``shares`` say what became of the cores meanwhile; what is missing to one is the
kernel's or somebody else's.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from gateway.domain.parties import Role
from tests import mailserver
from tests.bench import floor, pair, peer
from tests.bench.processes import Asked
from tests.services.suites import parties

IN_FLIGHT = 8
PARTS = {"ours": "cpu_seconds", "servers": "servers_cpu_seconds", "idle": "idle_seconds"}


@contextmanager
def places(folder: Path, wanted: Sequence[str], environment: Path) -> Iterator[dict[str, Asked]]:
    """At work: ours through a ``sink`` or ``servers``, the ``peer`` of this environment, the bare ``floor``."""
    with ExitStack() as stack:
        found = {}
        for name in wanted:
            there = folder / name
            there.mkdir()
            if name == "floor":
                found[name] = stack.enter_context(floor.running(there))
            elif name == "peer":
                python = peer.environment(environment)
                keys = stack.enter_context(parties(there))[Role.HOSPITAL]
                found[name] = stack.enter_context(peer.running(there, python, keys))
            elif name == "sink":
                found[name] = stack.enter_context(pair.running(there, pair.sinks(there)))
            else:
                machine = stack.enter_context(mailserver.running(movable=False))
                running = pair.running(there, pair.servers(machine), carriers=machine.roots)
                found[name] = stack.enter_context(running)
        yield found


def measured(found: dict[str, Asked], size: int, count: int, rounds: int) -> dict[str, dict[str, Any]]:
    """Medians over the rounds: messages a second, milliseconds of processor a message, milliseconds of a message."""
    cores = os.cpu_count() or 1
    told: dict[str, list[dict[str, Any]]] = {name: [] for name in found}
    for asked in found.values():
        # Connections are opened, modules imported.
        asked.cycles(size, IN_FLIGHT, IN_FLIGHT)
    for _ in range(rounds):
        for name, asked in found.items():
            told[name].append(asked.cycles(size, count, IN_FLIGHT))
    return {
        name: {
            "a_second": median(count / each["seconds"] for each in runs),
            "cpu_ms": median(each["cpu_seconds"] * 1000 / count for each in runs),
            "servers_cpu_ms": median(each["servers_cpu_seconds"] * 1000 / count for each in runs),
            "p50_ms": median(ms for each in runs for ms in each["ms"]),
            "shares": {
                part: median(each[seconds] / each["seconds"] / cores for each in runs)
                for part, seconds in PARTS.items()
            },
        }
        for name, runs in told.items()
    }
