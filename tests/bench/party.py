"""One party of the measured cycle: the whole daemon in a process of its own, told on its standard input what to send.

``python -m tests.bench.party CONFIG [--sink PORT KEY CERTIFICATE] [--profile]``. A line ``SIZE COUNT IN_FLIGHT`` sends
so many messages with an attachment of so many bytes, and waits until the receipt of each is recorded; one line of JSON
tells how long that took. With a sink, mails come in by a mailbox in memory instead of IMAP; with a profile, the line
also tells the seconds of processor of each layer since the one before.
"""

import argparse
import asyncio
import json
import os
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from gateway import app, config
from gateway.adapters import log
from gateway.domain.kinds import KINDS
from gateway.domain.transmission import State
from gateway.services.fiche import Fiche
from gateway.storage import Transmission
from gateway.wire.payload import Attachment
from tests.bench import in_flight
from tests.bench.layers import Sampler
from tests.bench.sink import SinkMailbox, serve

KIND = KINDS["MEDICAL_REPORT"]


class Cycles:
    """Messages that go out, and the receipts that come back, heard at the commit that records them."""

    def __init__(self, daemon: app.Daemon, ref: str) -> None:
        self._core = daemon.core
        self._ref = ref
        self._waiting: dict[int, asyncio.Future[None]] = {}
        store: Any = daemon.core.base.store
        self._act, store.act = store.act, self._heard_act

    @asynccontextmanager
    async def _heard_act(self) -> AsyncIterator[Any]:
        saved: list[object] = []
        async with self._act() as act:
            save = act.save

            async def heard(value: Any) -> Any:
                saved.append(value)
                return await save(value)

            act.save = heard
            yield act
        for value in saved:
            if isinstance(value, Transmission) and value.state is State.EVIDENCED and value.message in self._waiting:
                self._waiting.pop(value.message).set_result(None)

    async def send(self, size: int, count: int, width: int) -> dict[str, Any]:
        """So many, so many at a time; seconds of all, milliseconds of each."""
        return await in_flight.cycles(partial(self._cycle, size), count, width)

    async def _cycle(self, size: int) -> None:
        paper = Attachment(
            name="compte-rendu.pdf", media_type="application/pdf", data=os.urandom(size), role="medical_report"
        )
        fiche = Fiche(path="", kind=KIND, ref=self._ref, values={}, attachments=(paper,))
        sent = await self._core.desk.submit(fiche, actor="alice")
        done = self._waiting[sent.message.id] = asyncio.get_running_loop().create_future()
        await done


async def main() -> None:
    """Run the daemon until the standard input ends."""
    told = argparse.ArgumentParser(description=__doc__)
    told.add_argument("config", type=Path)
    told.add_argument("--case", default="")
    told.add_argument("--sink", nargs=3, metavar=("PORT", "KEY", "CERTIFICATE"))
    told.add_argument("--profile", action="store_true")
    given = told.parse_args()
    log.configure("WARNING")
    if given.sink:
        port, key, certificate = given.sink
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(certificate, key)
        mailbox = SinkMailbox()
        await serve(mailbox, int(port), tls)
        monkeyed: Any = app
        monkeyed.ImapFactory = lambda **_: mailbox
    stop = asyncio.Event()
    sampler = Sampler() if given.profile else None
    async with app.open_daemon(config.load(given.config)) as daemon:
        working = asyncio.create_task(daemon.tasks.work_until(stop))
        say({"ready": True})
        cycles = Cycles(daemon, given.case)
        with sampler or nullcontext():
            while line := await asyncio.to_thread(sys.stdin.readline):
                size, count, width = map(int, line.split())
                found = await cycles.send(size, count, width)
                say({**found, **sampler.told()} if sampler else found)
        stop.set()
        await working


def say(what: dict[str, Any]) -> None:
    """One line."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
