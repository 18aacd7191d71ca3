"""Processes that are asked by lines, and the processor time of all that works for them."""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

STOP_SECONDS = 60
TICKS = os.sysconf("SC_CLK_TCK")


class Asked:
    """A process that answers lines of cycles; ``others`` work for it, ``servers`` carry its mail."""

    def __init__(self, process: subprocess.Popen[str], others: Sequence[int] = (), servers: Sequence[int] = ()) -> None:
        self._process = process
        self._roots = (process.pid, *others)
        self._servers = servers

    def cycles(self, size: int, count: int, in_flight: int) -> dict[str, Any]:
        """So many messages with an attachment of so many bytes, each acknowledged; seconds, and those of processor.

        The servers' own are told apart, and what the whole machine left unused, whoever else works on it.
        """
        before, servers, idle = cpu_seconds(self._roots), cpu_seconds(self._servers), idle_seconds()
        stdin = cast("IO[str]", self._process.stdin)
        stdin.write(f"{size} {count} {in_flight}\n")
        stdin.flush()
        found = answer(self._process)
        return {
            **found,
            "count": count,
            "cpu_seconds": cpu_seconds(self._roots) - before,
            "servers_cpu_seconds": cpu_seconds(self._servers) - servers,
            "idle_seconds": idle_seconds() - idle,
        }


def answer(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Its next line.

    Raises:
        RuntimeError: it ended instead.
    """
    line = cast("IO[str]", process.stdout).readline()
    if not line:
        raise RuntimeError(f"it ended: {process.args!r}")
    return dict(json.loads(line))


@contextmanager
def started(command: Sequence[str], log: Path, env: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
    """A process that lives until its standard input ends."""
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stream, text=True, env=env
        )
    try:
        yield process
    finally:
        process.communicate(timeout=STOP_SECONDS)


@contextmanager
def ended(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """A server, ended afterwards."""
    try:
        yield process
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)


def cpu_seconds(roots: Sequence[int]) -> float:
    """What these processes, their descendants, and those of theirs that have ended, used so far."""
    used: dict[int, int] = {}
    children: dict[int, list[int]] = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            told = (place / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        except OSError:
            # It ended while we looked.
            continue
        used[int(place.name)] = sum(map(int, told[11:15]))
        children.setdefault(int(told[1]), []).append(int(place.name))
    family, found = list(roots), 0
    while family:
        one = family.pop()
        found += used.get(one, 0)
        family += children.get(one, ())
    return found / TICKS


def idle_seconds() -> float:
    """How long the cores of this machine had nothing to do so far, or waited for a disk; all cores together."""
    first = Path("/proc/stat").read_text(encoding="ascii").partition("\n")[0].split()
    return sum(map(int, first[4:6])) / TICKS
