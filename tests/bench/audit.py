"""Measures the audit log as it grows: appending, questions, verification, each beside what the database alone costs.

``python -m tests.bench.audit --sizes 1000000,10000000``; ``--url`` measures another database than a new SQLite file,
for example PostgreSQL, whose schema must be empty. ``--url URL --ask-api SIZE`` puts the questions through the API to a
log that was filled already, and leaves it as it was.
"""

import argparse
import asyncio
import json
import os
import platform
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from hashlib import sha256
from pathlib import Path
from random import Random
from statistics import median, quantiles
from subprocess import run
from typing import Any

import httpx
from sqlalchemy import create_engine, text

from gateway.adapters import database
from gateway.adapters.log_key import verify_note
from gateway.domain.audit import instant
from gateway.domain.merkle import Growing
from gateway.services.auditing import Auditor
from gateway.storage import Question
from gateway.web.api.cursors import cursor
from tests import postgres
from tests.bench.audit_log import BETWEEN, EVENTS, RECORDS_A_CASE, START, case_ref, fill, request_hash
from tests.bench.web import BETWEEN as PACE
from tests.bench.web import program
from tests.services.fakes import FakeClock
from tests.services.world import open_world
from tests.web.browsing import console

IDENTITY = {"party": "chu-essai", "role": "hospital", "site": "s"}
LIMIT = 50
MS, MIB = 1000.0, 1024.0


def store_at(url: str, size: int = 0) -> database.DatabaseStore:
    """The product's own store, when the log has so many records."""
    return database.DatabaseStore(url, clock=FakeClock(START + size * BETWEEN), site="s", party="chu-essai")


# --- appending


async def append(url: str, size: int, acts: int) -> float:
    """Acts a second: one commit with one audit record and nothing else."""
    store = store_at(url, size)
    began = time.perf_counter()
    for number in range(acts):
        async with store.act() as act:
            await act.record(
                "mail.accepted", actor="gateway", case=case_ref(number % 100), partner="cnas", outcome="accepted"
            )
    spent = time.perf_counter() - began
    await store.close()
    return acts / spent


def append_floor(folder: Path, acts: int) -> float:
    """Commits a second of one row of the same size in a bare SQLite table, as durable."""
    with closing(sqlite3.connect(folder / "floor.sqlite3", isolation_level=None)) as base:
        base.execute("PRAGMA journal_mode=WAL")
        base.execute("PRAGMA synchronous=FULL")
        base.execute("CREATE TABLE IF NOT EXISTS floor (id INTEGER PRIMARY KEY, data BLOB)")
        began = time.perf_counter()
        for _ in range(acts):
            base.execute("INSERT INTO floor (data) VALUES (?)", (os.urandom(450),))
        return acts / (time.perf_counter() - began)


# --- questions


def questions(size: int, random: Random) -> Iterator[tuple[str, Question]]:
    """What persons ask, each time about something else."""
    case = case_ref(random.randrange(max(1, size // RECORDS_A_CASE)))
    since = START + random.randrange(size) * BETWEEN
    until = since + BETWEEN * 9600
    yield "un dossier", Question(equal={"case": case}, limit=LIMIT)
    yield "un dossier, une famille d'événements", Question(equal={"case": case}, begins="request.", limit=LIMIT)
    yield "un message", Question(equal={"message": str(random.randrange(size) // 5)}, limit=LIMIT)
    yield "une demande", Question(equal={"request": request_hash(case)}, limit=LIMIT)
    yield (
        "un événement, un jour",
        Question(equal={"event": random.choice(EVENTS)}, since=since, until=until, limit=LIMIT),
    )
    yield (
        "un partenaire et un résultat, les derniers",
        Question(equal={"partner": "cnas", "outcome": "refused"}, newest=True, limit=LIMIT),
    )
    yield "une personne, un jour", Question(equal={"actor": "bob"}, since=since, until=until, limit=LIMIT)
    yield "une page au milieu", Question(after=random.randrange(size), limit=LIMIT)


NEVER_TOGETHER = Question(equal={"event": "mail.accepted", "actor": "bob"}, limit=LIMIT)
"""Two conditions, each common, that no record meets together: the worst that one may ask."""

Times = list[tuple[float, float]]
"""Milliseconds, and those of processor, which do not depend on what else the machine does."""


async def ask(url: str, size: int, times: int) -> tuple[dict[str, Times], float]:
    """Each answer; and milliseconds of the worst question, asked once."""
    store, random = store_at(url), Random(size)  # noqa: S311  the same questions each time
    spent: dict[str, Times] = {}
    for _ in range(times):
        for name, question in questions(size, random):
            spent.setdefault(name, []).append(await _asked(store, question))
    worst, _ = await _asked(store, NEVER_TOGETHER)
    await store.close()
    return spent, worst


async def _asked(store: database.DatabaseStore, question: Question) -> tuple[float, float]:
    began, used = time.perf_counter(), time.process_time()
    async with store.view() as view:
        await view.answer(question)
    return (time.perf_counter() - began) * MS, (time.process_time() - used) * MS


async def ask_api(url: str, size: int, times: int) -> dict[str, Times]:
    """The same questions as a program asks them: its token, the answer's JSON and the record of each reading count."""
    spent: dict[str, Times] = {}
    with tempfile.TemporaryDirectory() as folder, _left_as_it_was(url):
        world = open_world(Path(folder), once=True, pinned=False, place=lambda *_: url, at=START + size * BETWEEN)
        async with world as gateway, await program(gateway, console(gateway)) as client:
            await _asked_api(client, Question(limit=LIMIT))
            random = Random(size)  # noqa: S311  the same questions as of the store
            for _ in range(times):
                for name, question in questions(size, random):
                    gateway.clock.advance(PACE)
                    spent.setdefault(name, []).append(await _asked_api(client, question))
    return spent


async def _asked_api(client: httpx.AsyncClient, question: Question) -> tuple[float, float]:
    given: dict[str, str | int] = {**question.equal, "limit": LIMIT}
    if question.begins is not None:
        given["event"] = f"{question.begins}*"
    bounds = {"since": question.since, "until": question.until}
    given |= {name: instant(at) for name, at in bounds.items() if at is not None}
    if question.newest:
        given["newest"] = "true"
    if question.after >= 0:
        given["cursor"] = cursor(question.after, {"list": "audit", "newest": False})
    began, used = time.perf_counter(), time.process_time()
    answer = await client.get("/api/v1/audit", params=given)
    took = (time.perf_counter() - began) * MS, (time.process_time() - used) * MS
    if answer.status_code != 200:
        raise RuntimeError(f"{answer.request.url}: {answer.status_code}")
    return took


@contextmanager
def _left_as_it_was(url: str) -> Iterator[None]:
    """What is appended meanwhile is taken off again, and the program's access ended."""
    engine = create_engine(url.replace("+aiosqlite", ""))
    with engine.begin() as connection:
        head = dict(connection.execute(text("SELECT size, frontier, last_at, setback FROM log_head")).mappings().one())
    try:
        yield
    finally:
        with engine.begin() as connection:
            connection.execute(text('DELETE FROM audit WHERE "index" >= :size'), head)
            columns = ", ".join(f"{name} = :{name}" for name in head)
            connection.execute(text(f"UPDATE log_head SET {columns}"), head)  # noqa: S608  names of ours
            connection.execute(text("DELETE FROM tokens WHERE name LIKE 'mesure-%'"))
        engine.dispose()


# --- verification, in a process of its own so that its memory can be told


async def verify(url: str) -> float:
    """Seconds of the whole check."""
    store = store_at(url)
    began = time.perf_counter()
    await Auditor(store=store, key=None, verify_note=verify_note).verify()
    spent = time.perf_counter() - began
    await store.close()
    return spent


def verify_floor(url: str) -> float:
    """Seconds of reading bytes and leaves alone, and a chain of hashes over them."""
    engine = create_engine(url.replace("+aiosqlite", ""))
    began = time.perf_counter()
    chain = b""
    with engine.connect() as connection:
        driver = connection.connection.cursor()
        driver.execute('SELECT canonical, leaf FROM audit ORDER BY "index"')
        while page := driver.fetchmany(5000):
            for data, _leaf in page:
                chain = sha256(chain + sha256(b"\x00" + data).digest()).digest()
    engine.dispose()
    return time.perf_counter() - began


def verify_here(url: str, rounds: int) -> dict[str, float]:
    """Both in turn; the medians, and the peak of memory above that of an idle process."""
    idle = _memory("VmRSS")
    # A process starts with the peak of the one that it was forked from.
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    ours, floors, cpu, peak = [], [], [], 0.0
    for _ in range(rounds):
        began = time.process_time()
        ours.append(asyncio.run(verify(url)))
        cpu.append(time.process_time() - began)
        peak = peak or (_memory("VmHWM") - idle) / MIB
        began = time.process_time()
        floors.append((verify_floor(url), time.process_time() - began))
    return {
        "seconds": median(ours),
        "cpu_seconds": median(cpu),
        "floor_seconds": median(wall for wall, _ in floors),
        "floor_cpu_seconds": median(spent for _, spent in floors),
        "peak_mib": peak,
    }


def _memory(name: str) -> int:
    """KiB, as Linux tells them."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def verify_apart(url: str, rounds: int) -> dict[str, float]:
    """The same in another process."""
    done = run(
        [sys.executable, "-m", "tests.bench.audit", "--verify", url, "--rounds", str(rounds)],
        check=True,
        capture_output=True,
        text=True,
    )
    return dict(json.loads(done.stdout))


# --- all of it


def measured(url: str, folder: Path, sizes: list[int], given: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """One measure a size. What acts append is taken off again, so that the next size starts from a log as it was."""
    tree = Growing()
    for size in sizes:
        began = time.perf_counter()
        added = size - tree.size
        fill(url, size, tree)
        filled = added / (time.perf_counter() - began)
        asked, worst = asyncio.run(ask(url, size, given.asked))
        by_api = asyncio.run(ask_api(url, size, given.asked))
        checked = verify_apart(url, given.rounds if size <= min(sizes) else 1)
        with _left_as_it_was(url):
            acts = [asyncio.run(append(url, size, given.acts)) for _ in range(3)]
        yield {
            "records": size,
            "bytes": _bytes(url),
            "bulk_a_second": filled,
            "acts_a_second": median(acts),
            "floor_acts_a_second": median(append_floor(folder, given.acts) for _ in range(3)),
            **told("questions", asked),
            **told("api_questions", by_api),
            "never_together_ms": worst,
            "verify": checked,
        }


def _bytes(url: str) -> int | None:
    engine = create_engine(url.replace("+aiosqlite", ""))
    path = engine.url.database
    return Path(path).stat().st_size if engine.dialect.name == "sqlite" and path else None


def told(what: str, asked: dict[str, Times]) -> dict[str, Any]:
    """Median and 95th percentile of each question and of all of them; of all, the processor's too."""
    every = [each for times in asked.values() for each in times]
    return {
        f"{what}_ms": {name: _spread([wall for wall, _ in times]) for name, times in asked.items()},
        f"all_{what}_ms": _spread([wall for wall, _ in every]),
        f"all_{what}_cpu_ms": _spread([cpu for _, cpu in every]),
    }


def _spread(times: list[float]) -> dict[str, float]:
    return {"p50": median(times), "p95": quantiles(times, n=20)[-1]}


def table(found: list[dict[str, Any]]) -> str:
    """For docs/performance.md."""
    columns: tuple[tuple[str, Callable[[dict[str, Any]], str]], ...] = (
        ("enregistrements", lambda row: f"{row['records']:,}".replace(",", " ")),
        ("base", lambda row: "–" if row["bytes"] is None else f"{row['bytes'] / 1e9:.1f} Go"),
        ("actes/s (plancher)", lambda row: f"{row['acts_a_second']:.0f} ({row['floor_acts_a_second']:.0f})"),
        ("questions, p50 ; p95", lambda row: "{p50:.1f} ; {p95:.1f} ms".format(**row["all_questions_ms"])),
        ("dont processeur", lambda row: "{p50:.1f} ; {p95:.1f} ms".format(**row["all_questions_cpu_ms"])),
        ("par l'API", lambda row: "{p50:.1f} ; {p95:.1f} ms".format(**row["all_api_questions_ms"])),
        ("dont processeur", lambda row: "{p50:.1f} ; {p95:.1f} ms".format(**row["all_api_questions_cpu_ms"])),
        ("la pire", lambda row: f"{row['never_together_ms'] / MS:.1f} s"),
        (
            "vérifier (plancher)",
            lambda row: f"{row['verify']['seconds']:.1f} s ({row['verify']['floor_seconds']:.1f} s)",
        ),
        ("dont processeur", lambda row: "{cpu_seconds:.1f} s ({floor_cpu_seconds:.1f} s)".format(**row["verify"])),
        ("mémoire", lambda row: f"{row['verify']['peak_mib']:.0f} Mio"),
    )
    lines = [[name for name, _ in columns], ["---"] * len(columns)]
    lines += [[cell(row) for _, cell in columns] for row in found]
    sizes = [columns[0][1](row) for row in found]
    heads = ["question (p50, p95 en ms)", *sizes, *(f"{size}, par l'API" for size in sizes)]
    lines += [[], heads, ["---"] * len(heads)]
    for name in found[0]["questions_ms"]:
        spreads = [row[what][name] for what in ("questions_ms", "api_questions_ms") for row in found]
        lines.append([name, *(f"{each['p50']:.1f} ; {each['p95']:.1f}" for each in spreads)])
    return "\n".join(f"| {' | '.join(line)} |" if line else "" for line in lines)


def main() -> None:
    """Measure, print the table, write the JSON."""
    asks = argparse.ArgumentParser(description=__doc__)
    asks.add_argument("--sizes", default="1000000,10000000", help="sizes of the log, growing")
    asks.add_argument("--rounds", type=int, default=5, help="verifications of the smallest size")
    asks.add_argument("--acts", type=int, default=300, help="commits in a row, three times a size")
    asks.add_argument("--asked", type=int, default=60, help="how often each question is asked, each time another case")
    asks.add_argument("--url", help="SQLAlchemy's URL of another database, its schema empty")
    asks.add_argument("--postgresql", action="store_true", help="on a PostgreSQL that is started for it")
    asks.add_argument("--folder", type=Path, help="where the SQLite file goes")
    asks.add_argument("--json", type=Path, help="where the figures go")
    asks.add_argument("--ask-api", type=int, metavar="SIZE", help="only the API's answers, from the log at --url")
    asks.add_argument("--verify", help=argparse.SUPPRESS)
    given = asks.parse_args()
    if given.verify:
        sys.stdout.write(json.dumps(verify_here(given.verify, given.rounds)))
        return
    if given.ask_api:
        asked = told("api_questions", asyncio.run(ask_api(given.url, given.ask_api, given.asked)))
        sys.stdout.write(json.dumps(asked, indent=1, ensure_ascii=False) + "\n")
        return
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=given.folder)))
        url = given.url or f"sqlite+aiosqlite:///{folder / 'log.sqlite3'}"
        if given.postgresql:
            url = stack.enter_context(postgres.running(durable=True)).empty()
        database.create(url, IDENTITY)
        found = []
        sizes = sorted(int(size) for size in given.sizes.split(","))
        for row in measured(url, folder, sizes, given):
            found.append(row)
            sys.stderr.write(f"{row['records']}: {json.dumps(row['verify'])}\n")
        software = f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
        machine = f"{platform.machine()}, {os.cpu_count()} cœurs, {software}"
        if given.json:
            given.json.write_text(json.dumps({"machine": machine, "runs": found}, indent=1) + "\n", encoding="utf-8")
        sys.stdout.write(f"{machine}\n\n{table(found)}\n")


if __name__ == "__main__":
    main()
