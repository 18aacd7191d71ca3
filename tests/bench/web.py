"""Measures the pages and the API of the console of a large hospital, in this process, as each person asks for them.

``python -m tests.bench.web --cases 100000 --events 1000000``; ``--postgresql`` starts one for it.
"""

import argparse
import asyncio
import json
import os
import platform
import secrets
import sqlite3
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from random import Random
from statistics import median, quantiles
from typing import Any

import httpx

from gateway.adapters import database
from gateway.adapters.vault import FileVault
from gateway.domain.parties import Role
from gateway.domain.rights import Post
from gateway.domain.scopes import Scope
from gateway.services.kept_worklist import KeptWorklist
from gateway.services.once import digest
from gateway.storage import Token
from tests import postgres
from tests.bench.web_data import NOW, hospital, lot, name_of, ref_of
from tests.services.world import World, identity, open_world
from tests.web.browsing import ORIGIN, Browser, console, signed_in

MS = 1000.0
BETWEEN = timedelta(seconds=3)
"""Between two pages: no faster than a person may search."""

Ask = Callable[[], Awaitable[httpx.Response]]


async def program(world: World, app: Any) -> httpx.AsyncClient:
    """A program that reads everything it may."""
    secret = secrets.token_hex(16)
    async with world.store.act() as act:
        await act.add(
            Token(
                site=world.party.site,
                name=f"mesure-{secrets.token_hex(4)}",
                secret=digest(secret.encode()),
                scopes=tuple(scope.value for scope in Scope),
                created_at=world.clock.now(),
                created_by="root",
                expires_at=world.clock.now() + timedelta(days=2),
            )
        )
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url=ORIGIN, headers={"Authorization": f"Bearer {secret}"}
    )


def pages(people: dict[str, Browser], machine: httpx.AsyncClient, cases: int, random: Random) -> dict[str, Ask]:
    """What is asked for, each time of another case."""
    clerk, doctor, admin, auditor = (people[name] for name in ("clerk", "doctor", "admin", "auditor"))
    running = [number for number in range(1, cases + 1) if lot(number, cases) == "running"] or [1]

    def some(numbers: list[int] | range) -> str:
        return ref_of(random.choice(numbers))

    every = range(1, cases + 1)

    async def clock() -> httpx.Response:
        ref = some(running)
        return await clerk.get(f"/dossiers/{ref}/delai/{sha256(ref.encode()).hexdigest()}")

    return {
        "À faire (secrétariat)": lambda: clerk.get("/"),
        "À faire (médecin)": lambda: doctor.get("/"),
        "Dossiers, la première page": lambda: clerk.get("/dossiers"),
        "Dossiers, une page au milieu": lambda: clerk.get(f"/dossiers?avant={random.choice(every)}"),
        "Dossiers, clos compris": lambda: clerk.get("/dossiers?clos=1"),
        "Dossiers, par le nom": lambda: clerk.send("/dossiers/recherche", **name_of(random.choice(every))),
        "un dossier": lambda: clerk.get(f"/dossiers/{some(every)}"),
        "son délai": clock,
        "Courrier à trier": lambda: clerk.get("/courrier"),
        "Preuves à confirmer": lambda: clerk.get("/preuves"),
        "Nouvelle demande": lambda: clerk.get("/demandes/nouvelle"),
        "Calendrier": lambda: clerk.get("/calendrier"),
        "Journal (auditeur)": lambda: auditor.get("/journal"),
        "Journal d'un dossier (auditeur)": lambda: auditor.get(f"/journal?dossier={some(every)}"),
        "Journal (secrétariat)": lambda: clerk.get("/journal"),
        "Journal (administrateur)": lambda: admin.get("/journal"),
        "État": lambda: admin.get("/etat"),
        "API, ce qui reste à faire": lambda: machine.get("/api/v1/worklist"),
        "API, dossiers": lambda: machine.get("/api/v1/cases"),
        "API, un dossier": lambda: machine.get(f"/api/v1/cases/{some(every)}"),
        "API, journal": lambda: machine.get("/api/v1/audit?newest=true"),
        "API, santé": lambda: machine.get("/api/v1/health"),
    }


async def measured(url: str, folder: Path, given: argparse.Namespace, *, fresh: bool) -> dict[str, Any]:
    """Each page: milliseconds, those of processor of this process, and bytes."""
    found = {}
    async with open_world(
        folder, once=True, persons=2, place=lambda _folder, _role: url, at=NOW, pinned=fresh
    ) as world:
        began = time.perf_counter()
        await KeptWorklist(store=world.store, cabinet=world.cabinet, clock=world.clock, party=world.party).round()
        sys.stderr.write(f"worklist kept in {time.perf_counter() - began:.0f} s\n")
        app = console(world)
        people = {
            "clerk": await signed_in(app, world, "Claire Morel", Post.SECRETARIAT),
            "doctor": await signed_in(app, world, "Dr Amel Haddad", Post.PHYSICIAN),
            "admin": await signed_in(app, world, "Paul Roy", Post.ADMINISTRATOR),
            "auditor": await signed_in(app, world, "Iris Khelifi", Post.AUDITOR),
        }
        machine = await program(world, app)
        random = Random(given.cases)  # noqa: S311  the same pages each time
        for name, ask in pages(people, machine, given.cases, random).items():
            if given.only and given.only not in name:
                continue
            found[name] = await _page(world, ask, given.asked)
            sys.stderr.write(f"{name}: {json.dumps(found[name])}\n")
        for browser in people.values():
            await browser.client.aclose()
        await machine.aclose()
    return found


async def _page(world: World, ask: Ask, times: int) -> dict[str, float]:
    await ask()
    walls, cpus, weight = [], [], 0
    for _ in range(times):
        world.clock.advance(BETWEEN)
        began, used = time.perf_counter(), time.process_time()
        answer = await ask()
        cpus.append((time.process_time() - used) * MS)
        walls.append((time.perf_counter() - began) * MS)
        if answer.status_code != 200:
            raise RuntimeError(f"{answer.request.url}: {answer.status_code}")
        weight = max(weight, len(answer.content))
    return {**_spread("ms", walls), **_spread("cpu_ms", cpus), "bytes": weight}


def _spread(name: str, times: list[float]) -> dict[str, float]:
    return {f"{name}_p50": round(median(times), 1), f"{name}_p95": round(quantiles(times, n=20)[-1], 1)}


def table(found: dict[str, Any]) -> str:
    """For docs/performance.md."""
    lines = [["page", "p50 ; p95", "processeur, p50 ; p95", "poids"], ["---"] * 4]
    for name, row in found.items():
        wall, cpu = (f"{row[f'{each}_p50']:.0f} ; {row[f'{each}_p95']:.0f} ms" for each in ("ms", "cpu_ms"))
        lines.append([name, wall, cpu, f"{row['bytes'] / 1000:.0f} ko"])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    """Fabricate, measure, print the table, write the JSON."""
    told = argparse.ArgumentParser(description=__doc__)
    told.add_argument("--cases", type=int, default=100_000)
    told.add_argument("--events", type=int, default=1_000_000, help="records of the audit log")
    told.add_argument("--asked", type=int, default=40, help="how often each page is asked for")
    told.add_argument("--only", help="pages whose name has this in it")
    told.add_argument("--postgresql", action="store_true", help="on a PostgreSQL that is started for it")
    told.add_argument("--url", help="SQLAlchemy's URL of another database, empty")
    told.add_argument("--folder", type=Path, help="where the files go")
    told.add_argument("--keep", action="store_true", help="leave the SQLite file in that folder, and use it again")
    told.add_argument("--json", type=Path, help="where the figures go")
    given = told.parse_args()
    with ExitStack() as stack:
        folder = given.folder
        if not given.keep:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=given.folder)))
        url = given.url or f"sqlite+aiosqlite:///{folder / 'hospital.sqlite3'}"
        if given.postgresql:
            url = stack.enter_context(postgres.running(durable=True)).empty()
        began = time.perf_counter()
        fresh = not (given.keep and (folder / "hospital.sqlite3").exists())
        if fresh:
            database.create(url, identity(Role.HOSPITAL))
            vault = FileVault(folder=folder / "spool-hospital", master=b"m" * 32)
            hospital(url, vault, cases=given.cases, events=given.events)
        sys.stderr.write(f"made in {time.perf_counter() - began:.0f} s\n")
        found = asyncio.run(measured(url, folder, given, fresh=fresh))
    load = " ; ".join(f"{each:.1f}" for each in os.getloadavg())
    software = f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    machine = f"{platform.machine()}, {os.cpu_count()} cœurs, {software}, charge {load}"
    size = {"cases": given.cases, "events": given.events, "postgresql": bool(given.postgresql or given.url)}
    if given.json:
        given.json.write_text(json.dumps({"machine": machine, **size, "pages": found}, indent=1) + "\n", "utf-8")
    sys.stdout.write(f"{machine}\n\n{table(found)}\n")


if __name__ == "__main__":
    main()
