"""Measures a restart of the daemon while a hundred thousand messages wait for their receipts, and what becomes of all.

The hospital is killed, so to speak, while it hands some over and has others ready: these must leave once, those that
were being handed over must be in doubt, and nothing else may leave or be lost. The floor is the same daemon's start on
its database before.
"""

import asyncio
import re
import signal
import sqlite3
import ssl
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median
from threading import Thread
from typing import Any

from tests.bench import pair
from tests.bench.processes import cpu_seconds
from tests.bench.sink import SinkMailbox, serve
from tests.system.gateways import GATEWAY, Gateway, until

READY, SENDING = 40, 5
"""Messages ready to leave, and those whose hand-over was cut short."""

LONG_AGO = "'2020-01-01T00:00:00.000000Z'"
ENVID = re.compile(rb"ENVID=(\S+)")

COPIES = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
INSERT INTO {table} ({columns}) SELECT {values} FROM n, {table} WHERE {table}.id = {id}
"""


class Taken(SinkMailbox):
    """A sink that counts what it was handed, by the identifier of the transmission."""

    def __init__(self) -> None:
        super().__init__()
        self.envelopes: Counter[bytes] = Counter()

    def heard(self, command: bytes) -> None:
        """A MAIL command."""
        self.envelopes.update(ENVID.findall(command))


@contextmanager
def sink(place: pair.Place) -> Iterator[Taken]:
    """In a thread of this process."""
    loop, taken = asyncio.new_event_loop(), Taken()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(place.sink[2], place.sink[1])
    server = loop.run_until_complete(serve(taken, place.machine.ports.submission, tls))
    thread = Thread(target=loop.run_forever)
    thread.start()
    try:
        yield taken
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _fill(path: Path, count: int) -> None:
    """Copies of the message that waits to be handed over to the CNSE, in every state of being under way."""
    with closing(sqlite3.connect(path)) as base, base:
        base.execute("PRAGMA synchronous=OFF")
        (sent,) = base.execute("SELECT id FROM transmissions WHERE partner = 'cnse'").fetchone()
        (message,) = base.execute("SELECT message FROM transmissions WHERE id = ?", (sent,)).fetchone()
        base.execute("UPDATE transmissions SET state = 'handed_over'")
        (last,) = base.execute("SELECT max(id) FROM messages").fetchone()
        _copy(base, "messages", message, count, {"message_id": "'<' || n.i || '@bench.test>'", "id": f"{last} + n.i"})
        states = (
            f"CASE WHEN n.i <= {READY} THEN 'ready' WHEN n.i <= {READY + SENDING} THEN 'sending' ELSE 'handed_over' END"
        )
        own = {"envid": "printf('%032x', n.i)", "message": f"{last} + n.i", "state": states, "next_at": LONG_AGO}
        _copy(base, "transmissions", sent, count, own)


def _copy(base: sqlite3.Connection, table: str, like: int, count: int, own: dict[str, str]) -> None:
    names = [row[1] for row in base.execute(f"PRAGMA table_info({table})") if row[1] != "id" or "id" in own]
    values = ", ".join(own.get(name, f"{table}.{name}") for name in names)
    base.execute(COPIES.format(table=table, count=count, columns=", ".join(names), values=values, id=like))


def _states(path: Path) -> Counter[str]:
    with closing(sqlite3.connect(path, timeout=60)) as base:
        return Counter(dict(base.execute("SELECT state, count(*) FROM transmissions GROUP BY state").fetchall()))


def start(gateway: Gateway) -> tuple[tuple[float, float], subprocess.Popen[bytes]]:
    """Seconds from the command to its readiness, and those of processor."""
    log = gateway.folder / "restart.log"
    with log.open("wb") as stream:
        began = time.perf_counter()
        daemon = subprocess.Popen([*GATEWAY, "run", "--config", str(gateway.config)], stdout=stream, stderr=stream)
    while b"gateway.ready" not in log.read_bytes():
        if daemon.poll() is not None:
            raise RuntimeError(log.read_text())
        time.sleep(0.005)
    return (time.perf_counter() - began, cpu_seconds((daemon.pid,))), daemon


def stop(daemon: subprocess.Popen[bytes]) -> None:
    """As its administrator does."""
    daemon.send_signal(signal.SIGTERM)
    daemon.wait(60)


def measured(folder: Path, *, count: int, rounds: int) -> dict[str, Any]:
    """Seconds of a start with so many under way and with none, and whether all that were ready left, once.

    Raises:
        RuntimeError: something was lost or left twice.
    """
    places = pair.sinks(folder)
    gateways, _ = pair.installed(folder, places)
    hospital, empty = gateways["hospital"], list[tuple[float, float]]()
    path = hospital.folder / "data" / "gateway.sqlite3"
    for _ in range(rounds):
        spent, daemon = start(hospital)
        stop(daemon)
        empty.append(spent)
    _fill(path, count)
    before, full = _states(path), list[tuple[float, float]]()
    with sink(places["hospital"]) as taken:
        for number in range(rounds):
            spent, daemon = start(hospital)
            full.append(spent)
            if number == rounds - 1:
                until(lambda: _states(path)["ready"] == 0, "all that is ready left", 600)
            stop(daemon)
    after = _states(path)
    expected = Counter(handed_over=before["handed_over"] + before["ready"], unknown=before["sending"])
    if after != expected or len(taken.envelopes) != before["ready"] or set(taken.envelopes.values()) != {1}:
        raise RuntimeError(f"{before} became {after}; {len(taken.envelopes)} left")
    (wall, cpu), (floor, floor_cpu) = (map(median, zip(*runs, strict=True)) for runs in (full, empty))
    return {
        "in_flight": count,
        "seconds": wall,
        "cpu_seconds": cpu,
        "floor_seconds": floor,
        "floor_cpu_seconds": floor_cpu,
        "left_once": before["ready"],
        "in_doubt": before["sending"],
    }
