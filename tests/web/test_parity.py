"""The same day by API, by page and by command leaves the same log but for who acted: one service does each act."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway.cli import acts, alarms
from gateway.cli.commands import app as commands
from gateway.domain.rights import Post
from gateway.domain.scopes import Scope
from gateway.storage import Alarm, Case
from tests.services.world import World, open_world
from tests.web.browsing import console, signed_in
from tests.web.programs import program

NAME = "Claire Morel"
Way = Callable[[World, str, int, pytest.MonkeyPatch], Awaitable[None]]


async def by_page(world: World, ref: str, alarm: int, _patch: pytest.MonkeyPatch) -> None:
    """A secretary at her browser."""
    browser = await signed_in(console(world), world, NAME, Post.SECRETARIAT)
    await browser.get(f"/dossiers/{ref}/noter/INTERRUPTION")
    noted = await browser.send(f"/dossiers/{ref}/noter/INTERRUPTION", **{"f-on": "25/01/2026"})
    await browser.get("/etat")
    taken = await browser.send(f"/etat/alarmes/{alarm}")
    assert (noted.status_code, taken.status_code) == (303, 303), taken.text
    await browser.client.aclose()


async def by_api(world: World, ref: str, alarm: int, _patch: pytest.MonkeyPatch) -> None:
    """The hospital's own software."""
    client = await program(console(world), world, Scope.CASES, Scope.REQUESTS, Scope.ALARMS)
    told = {"kind": "INTERRUPTION", "fields": {"fait.date": "2026-01-25"}}
    noted = await client.post(f"/cases/{ref}/facts", json=told)
    taken = await client.post(f"/alarms/{alarm}/owner")
    assert (noted.status_code, taken.status_code) == (201, 200), noted.text + taken.text
    await client.http.aclose()


async def by_command(world: World, ref: str, alarm: int, patch: pytest.MonkeyPatch) -> None:
    """A person at a terminal, on the services of this gateway."""
    loop = asyncio.get_running_loop()
    settings = SimpleNamespace(people={}, party=world.party)
    base = SimpleNamespace(settings=settings, store=world.store, clock=world.clock)
    opened = SimpleNamespace(base=base, desk=world.desk)

    def run(given: Any) -> Callable[..., Any]:
        return lambda _path, work, **_named: asyncio.run_coroutine_threadsafe(work(given), loop).result(20)

    patch.setattr(acts, "with_core", run(opened))
    patch.setattr(alarms, "with_base", run(base))
    for module in (acts, alarms):
        patch.setattr(module, "person", lambda _settings: NAME)
    patch.setattr(alarms, "settings", lambda _path: settings)
    for line in (f"note INTERRUPTION --case {ref} --on 2026-01-25", f"alarms take {alarm}"):
        done = await asyncio.to_thread(CliRunner().invoke, commands, line.split())
        assert done.exit_code == 0, done.output


async def journey(folder: Path, way: Way, patch: pytest.MonkeyPatch) -> list[str]:
    """A request without a receipt, for which an alarm stands; then the day. Gives what the log says of it."""
    await asyncio.to_thread(folder.mkdir)
    async with open_world(folder, once=True, persons=2) as world:
        await world.poll()
        await world.submit()
        await world.send_all()
        await world.watch(timedelta(hours=13))
        ref = (await world.only(Case)).ref
        alarm = (await world.all(Alarm, ended_at=None))[0].id
        before = len(await world.events())
        await way(world, ref, alarm, patch)
        told = [json.loads(entry.canonical) for entry in (await world.events())[before:]]
    hidden = {"index", "at", "actor", "salt"}
    acts_only = [record for record in told if not record["event"].startswith("console.")]
    looks = (".read", ".searched")
    return [
        json.dumps({name: value for name, value in record.items() if name not in hidden}, sort_keys=True).replace(
            ref, "REF"
        )
        for record in acts_only
        if not record["event"].endswith(looks)
    ]


async def test_a_day_leaves_the_same_log_however_it_was_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Events, outcomes and details are the same, in the same order."""
    page = await journey(tmp_path / "page", by_page, monkeypatch)
    api = await journey(tmp_path / "api", by_api, monkeypatch)
    command = await journey(tmp_path / "command", by_command, monkeypatch)

    assert {"case.interrupted", "watch.taken"} <= {json.loads(record)["event"] for record in api}
    assert page == api == command
