"""``make bench``: every figure that the gateway promises, each beside its peer or its floor in the same run.

``--parts`` chooses among them, ``--quick`` makes each so short that all take some minutes and their figures mean
little. The peer is installed in a folder that stays (``--environment``), so that the next run has it.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench import commands, cycle, floor_parts, report, restart, shares, sweep

ENVIRONMENT = Path.home() / ".cache" / "soins-passerelle" / "as2-peer"
SIZES = {10240: 120, 1048576: 16, 10485760: 8}
"""Bytes of an attachment, and how many messages a round has."""

QUICK_SIZES = {10240: 8}


def _cycle(folder: Path, given: argparse.Namespace) -> list[dict[str, Any]]:
    found = []
    with cycle.places(folder, given.ways.split(","), given.environment) as asked:
        for size, count in (QUICK_SIZES if given.quick else SIZES).items():
            found.append({"bytes": size, **cycle.measured(asked, size, count, given.rounds)})
            _tell(f"cycle {size}", found[-1])
    return found


def _apart(module: str, *arguments: str) -> Callable[[Path, argparse.Namespace], Any]:
    """A measure that is a program of its own, by its JSON; the last arguments are for a quick run."""

    def run(folder: Path, given: argparse.Namespace) -> Any:
        told = folder / "told.json"
        words = [*(arguments if given.quick else ()), "--rounds", str(given.rounds), "--json", str(told)]
        subprocess.run([sys.executable, "-m", f"tests.bench.{module}", *words], check=True, stdout=subprocess.DEVNULL)
        return json.loads(told.read_text(encoding="utf-8"))

    return run


_audit = _apart("audit", "--sizes", "20000", "--acts", "50", "--asked", "10")


PARTS: dict[str, Callable[[Path, argparse.Namespace], Any]] = {
    "commands": lambda folder, given: commands.measured(folder, rounds=given.rounds),
    "sweep": lambda folder, given: sweep.measured(
        folder, count=20_000 if given.quick else 1_000_000, due=1000 if given.quick else 10_000, rounds=given.rounds
    ),
    "restart": lambda folder, given: restart.measured(
        folder, count=2000 if given.quick else 100_000, rounds=given.rounds
    ),
    "cycle": _cycle,
    "floor": lambda folder, given: floor_parts.measured(
        folder, size=10240, times=5 if given.quick else 100, rounds=given.rounds
    ),
    "profile": lambda folder, given: shares.measured(folder, size=10240, count=8 if given.quick else 400),
    "seal": _apart("seal", "--sizes", "10240", "--large", "500000"),
    "audit": lambda folder, given: _audit(folder, given)["runs"],
}


def _tell(what: str, found: object) -> None:
    sys.stderr.write(f"{what}: {json.dumps(found)}\n")


def main() -> None:
    """Measure, print the table, write the JSON."""
    told = argparse.ArgumentParser(description=__doc__)
    told.add_argument("--parts", default=",".join(PARTS), help="which, of these")
    told.add_argument("--ways", default="peer,floor,sink,servers", help="of the cycle: which, of these")
    told.add_argument("--rounds", type=int, help="five, or one that is quick")
    told.add_argument("--quick", action="store_true", help="short, to try it")
    told.add_argument("--environment", type=Path, default=ENVIRONMENT, help="where the peer is installed")
    told.add_argument("--json", type=Path, help="where the figures go")
    given = told.parse_args()
    given.rounds = given.rounds or (1 if given.quick else 5)
    found: dict[str, Any] = {}
    for name in given.parts.split(","):
        # Paths of sockets must stay short.
        with tempfile.TemporaryDirectory(prefix="gwb-", dir="/tmp") as folder:
            found[name] = PARTS[name](Path(folder), given)
        _tell(name, found[name])
    load = " ; ".join(f"{each:.1f}" for each in os.getloadavg())
    machine = f"{platform.machine()}, {os.cpu_count()} cœurs, Python {platform.python_version()}, charge {load}"
    if given.json:
        given.json.write_text(json.dumps({"machine": machine, **found}, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(f"{machine}\n\n{report.tables(found)}\n")


if __name__ == "__main__":
    main()
