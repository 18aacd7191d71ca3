"""A real PostgreSQL in a throw-away folder, for the tests of one process; each test has a database of its own.

It listens on a socket in that folder, and on a loopback port that asks for a password. Databases are copies of a
template, made by the migrations once for each identity.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from typing import IO

from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from gateway.adapters import database
from tests.mailserver import cannot_run

ACCOUNT = "passerelle"
PASSWORD = "s3cret / @ : ? % é"  # every sign that a URL would take for its own
DEBIAN = Path("/usr/lib/postgresql")
START_SECONDS = 120
MAKING = ("--encoding=UTF8", "--no-locale", "--no-sync")
KEPT = 8
"""Databases that stay while others are made: more than any test has at once."""

ROOM = 1024**3
"""Bytes that must be free in memory; otherwise it is on the disk."""


def programs() -> Path | None:
    """The folder of initdb and pg_ctl, wherever this system keeps them."""
    found = shutil.which("initdb")
    return Path(found).parent if found else next(iter(sorted(DEBIAN.glob("*/bin"), reverse=True)), None)


class Server:
    """The running server."""

    def __init__(self, folder: Path, port: int, pid: int) -> None:
        self.folder = folder
        self.port = port
        self.pid = pid
        self._numbers = count(1)
        self._made: list[str] = []
        self._templates: dict[frozenset[tuple[str, str]], str] = {}
        self._copied: set[str] = set()

    def url(self, name: str, *, tcp: bool = False) -> str:
        """SQLAlchemy's URL of a database; without ``tcp`` by the socket, which asks for nothing."""
        host = "127.0.0.1" if tcp else self.folder
        return f"postgresql+psycopg://{ACCOUNT}@/{name}?host={host}&port={self.port}"

    def empty(self) -> str:
        """The URL of a new database without anything in it."""
        # In a French order of letters, as a hospital's server may have: nothing of ours may lean on that order.
        return self._make("template0 LOCALE_PROVIDER icu ICU_LOCALE 'fr-FR'")

    def made(self, identity: Mapping[str, str]) -> str:
        """The URL of a new database of this identity, as ``init`` leaves it."""
        key = frozenset(identity.items())
        if key not in self._templates:
            url = self.empty()
            database.create(url, dict(identity))
            self._templates[key] = url
        return self.copy_of(self._templates[key])

    def copy_of(self, url: str) -> str:
        """The URL of a new database like this one of ours, which nobody may use meanwhile and which stays."""
        name = url.partition("@/")[2].partition("?")[0]
        self._copied.add(name)
        return self._make(name)

    def sql(self, *statements: str, name: str = "postgres") -> None:
        """Run statements outside of any transaction."""
        engine = create_engine(self.url(name), poolclass=NullPool, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)
        engine.dispose()

    def _make(self, template: str) -> str:
        name = f"test_{next(self._numbers)}"
        # Their tests are over: each takes eight megabytes of memory.
        gone = self._made[:-KEPT]
        self._made = [*self._made[-KEPT:], name]
        self.sql(
            *(f"DROP DATABASE IF EXISTS {old} WITH (FORCE)" for old in gone if old not in self._copied),
            f"CREATE DATABASE {name} TEMPLATE {template}",
        )
        return self.url(name)


def require() -> Path:
    """Skip the test where there is no PostgreSQL; in CI that is a failure."""
    found = programs()
    if found is None:
        cannot_run("Debian package missing: postgresql")
    return found


@contextmanager
def running(*, durable: bool = False) -> Iterator[Server]:
    """Start it, and stop it at the end; it ends with this process, however that ends.

    A ``durable`` one is on the disk, and waits for it, as where it serves.
    """
    bin_ = require()
    shared = Path("/dev/shm")  # noqa: S108  a private folder is made in it
    in_memory = not durable and os.access(shared, os.W_OK) and shutil.disk_usage(shared).free > ROOM
    folder = Path(mkdtemp(prefix="gateway-pg-", dir=shared if in_memory else None))
    # PostgreSQL refuses to run as root.
    owner = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.getuid())
    os.chown(folder, owner.pw_uid, owner.pw_gid)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    secret, data = folder / "password", str(folder / "data")
    secret.write_text(PASSWORD, encoding="utf-8")
    # Whatever the umask of this process is by now.
    os.chown(secret, owner.pw_uid, owner.pw_gid)
    hosts = ("--auth-local=trust", "--auth-host=scram-sha-256", f"--pwfile={secret}")
    options = (
        "-c",
        "listen_addresses=127.0.0.1",
        "-c",
        f"fsync={'on' if durable else 'off'}",
        "-c",
        "max_connections=200",
    )
    try:
        log = (folder / "log").open("wb")
        with log:
            make = _started(
                (str(bin_ / "initdb"), "-D", data, "-U", ACCOUNT, *hosts, *MAKING), folder, owner.pw_uid, log
            )
            assert make.wait(START_SECONDS) == 0, (folder / "log").read_text()
            server = _started(
                (str(bin_ / "postgres"), "-D", data, "-p", str(port), "-k", str(folder), *options),
                folder,
                owner.pw_uid,
                log,
            )
        try:
            found = Server(folder, port, server.pid)
            _wait_until_ready(server, found)
            yield found
        finally:
            # At once, without a last write: nobody wants what is in it.
            server.send_signal(signal.SIGQUIT)
            server.wait(START_SECONDS)
    finally:
        shutil.rmtree(folder)


def _started(command: tuple[str, ...], folder: Path, uid: int, log: IO[bytes]) -> subprocess.Popen[bytes]:
    """As this account; told by the kernel when we die, so that a killed test run leaves no server behind."""
    tied = ("setpriv", "--pdeathsig", "QUIT") if shutil.which("setpriv") else ()
    gid = pwd.getpwuid(uid).pw_gid
    environment = {"HOME": str(folder), "LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"]}
    if os.geteuid() != 0:
        return subprocess.Popen((*tied, *command), cwd=folder, env=environment, stdout=log, stderr=log)
    return subprocess.Popen(
        (*tied, *command), cwd=folder, env=environment, stdout=log, stderr=log, user=uid, group=gid, extra_groups=()
    )


def _wait_until_ready(process: subprocess.Popen[bytes], server: Server) -> None:
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            server.sql("SELECT 1")
        except OperationalError:
            told = (server.folder / "log").read_text(errors="replace")
            assert process.poll() is None, told
            assert time.monotonic() < end, told
            time.sleep(0.05)
        else:
            return
