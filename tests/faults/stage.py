"""Three installed gateways, their mail server, and a nursery that runs their works; what they are is kept and put back.

The mail server is the demonstration's: real SMTP and IMAP with TLS on loopback. It lives in a thread of this process,
so that no death of a gateway touches it.
"""

import asyncio
import json
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

from gateway.adapters.clock import SystemClock
from gateway.demo.clock import VirtualClock
from gateway.demo.party import PROFILES, Installed, install_all
from gateway.demo.servers import MailServer, Post, open_server
from tests.faults.kernel import Fault, Seen

MEMORY = Path("/dev/shm")  # noqa: S108  a private folder is made in it
ADDRESSES = {profile.role: profile.address for profile in PROFILES}
NEVER = Fault(at=10**9)
"""Counts, and lets everything through."""


class Nursery:
    """The process whose children the gateways are."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.nursery"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, party: Installed, work: str, fault: Fault | None = None, **told: Any) -> Seen:
        """Have a gateway do a work, and see what becomes of it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        paths = {"config": party.config, "within": party.config.parent, "log": self._log}
        asked: dict[str, Any] = {"work": work, **{name: str(path) for name, path in paths.items()}}
        if fault is not None:
            asked["fault"] = {**asdict(fault), "only": sorted(fault.only)}
        self._process.stdin.write(json.dumps(asked | told) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        return Seen(**{**answer, "told": answer["told"].encode()})

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(60)


class Stage:
    """What a test of a fault works with."""

    def __init__(self, folder: Path, server: MailServer, clock: VirtualClock, nursery: Nursery) -> None:
        self.folder = folder
        self.server = server
        self.clock = clock
        self.parties = asyncio.run(install_all(folder, server, folder / "ca.pem"))
        self.posts: list[Post] = []
        self.delivers = True
        self.on_post: Callable[[], object] | None = None
        self.nursery = nursery
        server.route = self._route

    def _route(self, post: Post) -> Sequence[Post]:
        self.posts.append(post)
        if self.on_post is not None:
            self.on_post()
        return (post,) if self.delivers else ()

    def run(self, role: str, work: str, fault: Fault | None = None, **told: Any) -> Seen:
        """Have this party do a work."""
        partners = {other: (item.fingerprint, item.public_key) for other, item in self.parties.items() if other != role}
        return self.nursery.run(self.parties[role], work, fault, partners=partners, **told)

    def works(self, role: str, work: str, **told: Any) -> None:
        """The same, of which nothing may fail."""
        seen = self.run(role, work, **told)
        assert seen.code == 0, (role, work, seen, self.log())

    def place(self, role: str) -> Path:
        """The folder of a party."""
        return self.parties[role].config.parent

    def keep(self, role: str, name: str) -> None:
        """Keep what a party is now under a name."""
        shutil.copytree(self.place(role), self.folder / f"{name}.kept")

    def put_back(self, role: str, name: str) -> None:
        """Make a party what it was."""
        shutil.rmtree(self.place(role))
        shutil.copytree(self.folder / f"{name}.kept", self.place(role))
        self.posts.clear()

    def rows(self, role: str, query: str) -> list[tuple[Any, ...]]:
        """Look into a copy of the database: reading the true one would already repair what a death left."""
        data = self.place(role) / "data"
        with TemporaryDirectory(dir=self.folder) as copy:
            for file in data.glob("gateway.sqlite3*"):
                if not file.name.endswith("-shm"):
                    shutil.copy(file, copy)
            with closing(sqlite3.connect(Path(copy) / "gateway.sqlite3")) as connection:
                return connection.execute(query).fetchall()

    def count(self, role: str, query: str) -> int:
        """How many rows a query finds."""
        return len(self.rows(role, query))

    def log(self) -> str:
        """What the gateways wrote last."""
        path = self.folder / "log"
        return path.read_text(errors="replace")[-4000:] if path.exists() else ""


@contextmanager
def set_up() -> Iterator[Stage]:
    """Installed, keys pinned; nothing sent yet."""
    folder = Path(mkdtemp(prefix="gwf-", dir=MEMORY if MEMORY.is_dir() else None))
    real = SystemClock()
    clock = VirtualClock(real, real.now())
    nursery = Nursery(folder / "log")
    try:
        with _served(clock, folder) as server:
            stage = Stage(folder, server, clock, nursery)
            for role in stage.parties:
                stage.works(role, "pin")
            yield stage
    finally:
        nursery.close()
        shutil.rmtree(folder)


@contextmanager
def _served(clock: VirtualClock, folder: Path) -> Iterator[MailServer]:
    """The mail server in a thread with a loop of its own."""
    started: list[MailServer] = []
    ready, loop = threading.Event(), asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        accounts = {address: f"secret-{role}" for role, address in ADDRESSES.items()}
        async with open_server(clock, accounts, folder / "ca.pem") as server:
            started.append(server)
            ready.set()
            await stop.wait()

    def live() -> None:
        loop.run_until_complete(serve())
        loop.close()

    thread = threading.Thread(target=live)
    thread.start()
    assert ready.wait(60)
    try:
        yield started[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(60)
