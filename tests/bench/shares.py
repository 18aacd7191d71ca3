"""Measures which share of a cycle's processor time each layer takes, on both sides: see ``layers``.

Of the worker processes the whole is told, by the kernel; what they do is S/MIME and MIME.
"""

from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.bench import layers, pair
from tests.bench.processes import Asked, answer, cpu_seconds, started

IN_FLIGHT = 8
KIB = 1024
SIDES = {"hospital": "envoi", "cnse": "réception"}


def measured(folder: Path, *, size: int, count: int) -> dict[str, Any]:
    """Milliseconds of a message in each layer, for who sends and who receives, while both are sampled."""
    places = pair.sinks(folder)
    gateways, case = pair.installed(folder, places)
    with ExitStack() as stack:
        running = {}
        for role in reversed(SIDES):
            command = [*pair.command(gateways[role], places[role], case), "--profile"]
            running[role] = stack.enter_context(started(command, folder / f"{role}.log"))
            answer(running[role])
        asked = {role: Asked(process) for role, process in running.items()}
        asked["hospital"].cycles(size, 2 * IN_FLIGHT, IN_FLIGHT)
        for each in asked.values():
            each.cycles(size, 0, IN_FLIGHT)
        before = {role: cpu_seconds((process.pid,)) for role, process in running.items()}
        found = {"hospital": asked["hospital"].cycles(size, count, IN_FLIGHT)}
        whole = {role: cpu_seconds((process.pid,)) - before[role] for role, process in running.items()}
        found["cnse"] = asked["cnse"].cycles(size, 0, IN_FLIGHT)
    sides = {}
    for role, side in SIDES.items():
        spent = {**found[role]["layers"], layers.WORKER: max(whole[role] - found[role]["own_seconds"], 0.0)}
        sides[side] = {layer: seconds * 1000 / count for layer, seconds in spent.items()}
    return {"bytes": size, "sides": sides}


def table(found: dict[str, Any]) -> str:
    """For docs/performance.md: largest first."""
    sides = found["sides"]
    whole = Counter[str]()
    for layers_ms in sides.values():
        whole.update(layers_ms)
    total = sum(whole.values())
    heads = [f"part, un message de {found['bytes'] // KIB} Kio", *sides, "les deux"]
    lines = [f"| {' | '.join(heads)} |", f"|{' --- |' * len(heads)}"]
    for layer, ms in whole.most_common():
        each = " | ".join(f"{side.get(layer, 0.0):.1f} ms" for side in sides.values())
        lines.append(f"| {layer} | {each} | {100 * ms / total:.0f} % |")
    sums = " | ".join(f"{sum(side.values()):.1f} ms" for side in sides.values())
    return "\n".join([*lines, f"| ensemble | {sums} | {total:.1f} ms |"])
