"""A real Postfix and a real Dovecot on free loopback ports, in a throw-away folder, whose clock a test can move.

Both servers run under libfaketime and read their offset from one file; ``Machine.env`` gives the same clock to client
processes. Postfix must start as root; Dovecot runs as an ordinary user. Nothing under /etc is used or changed.
"""

import grp
import os
import pwd
import random
import re
import shutil
import signal
import smtplib
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import NoReturn

import pytest
import trustme

from tests.mailserver_config import DOVECOT, POSTFIX_MAIN, POSTFIX_MASTER
from tests.prompt import Prompt

DOMAINS = ("hopital.test", "cnas.test", "cnse.test")
NAMED = ("gateway", "soins", "medecin", "postmaster")
SPARE_ACCOUNTS = 60  # mailboxes a domain that ``Machine.fresh_account`` gives out, each to one test only
GONE = "parti"  # Postfix takes mail for this mailbox and Dovecot then refuses it: a real failure report
DEFAULT_SIZE_LIMIT = 60 * 1024 * 1024
SMALL_SIZE_LIMIT = 1024 * 1024
START_SECONDS = 15.0
STOP_SECONDS = 5.0
USER = "nobody"
POSTFIX_DAEMONS = Path("/usr/lib/postfix/sbin")
POSTFIX_FOLDERS = ("incoming", "active", "bounce", "defer", "deferred", "flush", "saved", "trace", "corrupt", "hold")
OFFSET = re.compile(r"([+-]\d+)([smhd]?)")
UNIT_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


def libfaketime() -> Path | None:
    """The preload library of Debian's package, whatever the architecture."""
    return next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))), None)


def missing() -> str | None:
    """Why the servers cannot be started on this machine, or None when they can."""
    needed = {
        "postfix": POSTFIX_DAEMONS / "master",
        "dovecot-core": Path("/usr/sbin/dovecot"),
        "dovecot-imapd": Path("/usr/lib/dovecot/imap"),
        "dovecot-lmtpd": Path("/usr/lib/dovecot/lmtp"),
    }
    absent = [package for package, path in needed.items() if not path.exists()]
    if libfaketime() is None:
        absent.append("libfaketime")
    if absent:
        return f"Debian packages missing: {', '.join(absent)}"
    if os.geteuid() != 0:
        return "Postfix starts as root only"
    return None


def require() -> None:
    """Skip the test that needs the servers where they cannot run; in CI that is a failure."""
    reason = missing()
    if reason is not None:
        cannot_run(reason)


def cannot_run(reason: str) -> NoReturn:
    """Skip with the reason where the machine lacks something; in CI that is a failure, never a silent gap."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"system tests cannot run: {reason}")
    pytest.skip(reason)


CLIENT_SECONDS = 1
"""How often a client process looks at the moved clock; at each call, it would cost half its time."""

QUEUE_SECONDS = 5
"""How long a jump waits for mail on its way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Loopback ports. ``small`` is like ``submissions``, with a message size limit of SMALL_SIZE_LIMIT."""

    imaps: int
    lmtp: int
    auth: int
    smtp: int
    submission: int
    submissions: int
    small: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A mailbox with its password; the address is the user name."""

    address: str
    password: str


class Machine:
    """The running pair of servers, seen by a test. Everything is on ``host`` (127.0.0.1).

    ``prompt`` is where commands are typed that share the servers' clock; None where each starts a process of its own.
    Where the clock is not ``movable``, the servers run as they are, without libfaketime, whose look at its file with
    each look at the clock would be measured with them.
    """

    host = "127.0.0.1"
    mta_name = "mail.hopital.test"
    lmtp_name = "imap.hopital.test"

    def __init__(self, base: Path, size_limit: int, *, movable: bool = True) -> None:
        self.base = base
        self.size_limit = size_limit
        self.movable = movable
        self.ports = _free_ports()
        self.ca = base / "ca.pem"
        self.client_cert = base / "client.pem"
        self.client_key = base / "client.key"
        self.offset_file = base / "offset"
        self.offset = timedelta(0)
        self.prompt: Prompt | None = None
        self._processes: list[subprocess.Popen[bytes]] = []
        self._given = dict.fromkeys(DOMAINS, 0)

    def account(self, name: str = "gateway", domain: str = "hopital.test") -> Account:
        """A mailbox shared by all tests of the session: one of NAMED."""
        return Account(address=f"{name}@{domain}", password=f"secret-{domain}")

    def fresh_account(self, domain: str = "hopital.test") -> Account:
        """An empty mailbox that no other test was or will be given."""
        self._given[domain] += 1
        if self._given[domain] > SPARE_ACCOUNTS:
            raise RuntimeError("SPARE_ACCOUNTS is too small for this test session")
        return self.account(f"essai{self._given[domain]}", domain)

    def env(self) -> dict[str, str]:
        """Environment of a client process that shares the servers' clock, read once a second; monotonic stays real."""
        if not self.movable:
            return dict(os.environ)
        shared = {name: value for name, value in self.faketime().items() if name != "FAKETIME_NO_CACHE"}
        # It compares whole seconds and reads again when more of them have passed: 0 is each second, 1 each other one.
        # Without the last one, libfaketime turns each timed wait of a thread into a busy loop.
        ours = {"FAKETIME_CACHE_DURATION": "0", "FAKETIME_FORCE_MONOTONIC_FIX": "0"}
        return {**os.environ, **shared, **ours}

    def faketime(self) -> dict[str, str]:
        """Only the variables that move the clock. File times stay real, or Dovecot would add the offset twice."""
        if not self.movable:
            return {}
        return {
            "LD_PRELOAD": str(libfaketime()),
            "FAKETIME_TIMESTAMP_FILE": str(self.offset_file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }

    def set_offset(self, offset: str) -> None:
        """Move the clock to real time plus e.g. ``+10d``, ``+3h``, ``-90s``; ``+0`` is real time.

        A step back restarts both servers (about 2.5 s): daemons arm timers by the wall clock, and Dovecot ends
        its sessions when it sees time going back.
        """
        match = OFFSET.fullmatch(offset)
        if match is None or not self.movable:
            raise ValueError(f"not an offset, or not a clock that moves: {offset}")
        moved = timedelta(seconds=int(match[1]) * UNIT_SECONDS[match[2]])
        back = moved < self.offset
        self._let_through()
        if back:
            self.stop()
        draft = self.offset_file.with_suffix(".new")
        draft.write_text(f"{int(moved.total_seconds()):+d}\n", encoding="ascii")
        draft.chmod(0o644)
        draft.replace(self.offset_file)
        self.offset = moved
        # Clients read the file in each new second: when this returns, everyone lives in the new time.
        time.sleep(CLIENT_SECONDS)
        if back:
            self.start()

    def _let_through(self) -> None:
        """Wait for mail on its way: one that the jump delays would be older than Postfix keeps any, and come back."""
        end = time.monotonic() + QUEUE_SECONDS
        while any(self._on_its_way()) and time.monotonic() < end:
            time.sleep(0.05)

    def _on_its_way(self) -> Iterator[Path]:
        for queue in ("maildrop", "incoming", "active"):
            yield from (path for path in (self.base / "queue" / queue).rglob("*") if path.is_file())

    @property
    def roots(self) -> tuple[int, ...]:
        """The two masters, of which every other process of the servers is a child."""
        return tuple(process.pid for process in self._processes)

    def deliver(self, data: bytes, *recipients: str, sender: str = "") -> None:
        """Put a message straight into mailboxes by LMTP, without Postfix."""
        with smtplib.LMTP(self.host, self.ports.lmtp) as lmtp:
            for recipient in recipients:
                lmtp.sendmail(sender, [recipient], data)

    def start(self) -> None:
        """Start both servers and wait until they listen."""
        user = pwd.getpwnam(USER)
        dovecot = ["/usr/sbin/dovecot", "-F", "-c", str(self.base / "dovecot.conf")]
        postfix = [str(POSTFIX_DAEMONS / "master"), "-c", str(self.base / "etc"), "-s"]
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **self.faketime()}
        with (self.base / "console.log").open("ab") as log:
            for command, owner in ((dovecot, user), (postfix, None)):
                self._processes.append(
                    subprocess.Popen(
                        command,
                        env=env,
                        cwd=self.base,
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=log,
                        start_new_session=True,
                        user=owner.pw_uid if owner else None,
                        group=owner.pw_gid if owner else None,
                        extra_groups=[] if owner else None,
                    )
                )
        self._wait_until_listening()

    def stop(self) -> None:
        """Stop the two servers that ``start`` started, and wait for their end and that of their children."""
        for process in self._processes:
            # The whole session of each: Dovecot's children outlive their master while a client is connected.
            # One that could not start has ended already; why, the failure of ``start`` says.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        for process in self._processes:
            _wait_for_end(process)
        self._processes.clear()

    def _wait_until_listening(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        waiting = [self.ports.imaps, self.ports.lmtp, self.ports.auth, self.ports.smtp, self.ports.small]
        while waiting:
            try:
                socket.create_connection((self.host, waiting[0]), 1).close()
                del waiting[0]
            except OSError:
                if time.monotonic() > deadline or any(process.poll() is not None for process in self._processes):
                    raise RuntimeError(f"a mail server did not start:\n{self.logs()}") from None
                time.sleep(0.01)

    def logs(self) -> str:
        """Everything the servers wrote, for the reader of a failed test."""
        files = (self.base / name for name in ("console.log", "dovecot.log", "maillog"))
        return "\n".join(file.read_text(errors="replace") for file in files if file.exists())


@contextmanager
def running(size_limit: int = DEFAULT_SIZE_LIMIT, *, movable: bool = True) -> Iterator[Machine]:
    """A machine in its own short-named folder, stopped and removed at the end."""
    began = time.clock_gettime(time.CLOCK_REALTIME)
    try:
        machine = _started(size_limit, movable=movable)
    except RuntimeError:
        # A port that was free a moment ago may be somebody else's by now.
        machine = _started(size_limit, movable=movable)
    try:
        yield machine
    finally:
        machine.stop()
        shutil.rmtree(machine.base)
        _remove_faketime_leftovers(began)


def _started(size_limit: int, *, movable: bool) -> Machine:
    base = Path(tempfile.mkdtemp(prefix="gw-", dir="/tmp"))  # socket paths must stay short
    base.chmod(0o755)
    machine = Machine(base, size_limit, movable=movable)
    try:
        with _readable_files():
            _write_certificates(machine)
            _write_dovecot(machine)
            _write_postfix(machine)
        if movable:
            machine.set_offset("+0")
        machine.start()
    except BaseException:
        machine.stop()
        shutil.rmtree(base)
        raise
    return machine


@contextmanager
def _readable_files() -> Iterator[None]:
    """Dovecot reads its files as another user; a command of the gateway that ran in this process closed ours to all."""
    before = os.umask(0o022)
    try:
        yield
    finally:
        os.umask(before)


def _wait_for_end(leader: subprocess.Popen[bytes]) -> None:
    """Wait until no process is left of a session that we started; after a while, kill what remains of it."""
    deadline = time.monotonic() + STOP_SECONDS
    try:
        while True:
            leader.poll()
            os.killpg(leader.pid, 0 if time.monotonic() < deadline else signal.SIGKILL)
            time.sleep(0.01)
    except ProcessLookupError:
        leader.wait(STOP_SECONDS)


def _free_ports() -> Ports:
    """All at once, so that none is given twice.

    They lie below those that the kernel gives to clients: one of these could hold a port while the servers restart.
    """
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0])
    given: list[int] = []
    with ExitStack() as held:
        for port in random.SystemRandom().sample(range(first // 2, first), k=1000):
            with suppress(OSError):
                held.enter_context(socket.create_server((Machine.host, port)))
                given.append(port)
            if len(given) == len(Ports.__slots__):
                break
    return Ports(**dict(zip(Ports.__slots__, given, strict=True)))


def _write_certificates(machine: Machine) -> None:
    """Write a certificate of the server, and one of the client whose common name is a mailbox, for SASL EXTERNAL."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(machine.ca)
    server = authority.issue_cert("localhost", "127.0.0.1", *(f"mail.{domain}" for domain in DOMAINS))
    address = machine.account().address
    client = authority.issue_cert(address, common_name=address)
    for name, leaf in (("server", server), ("client", client)):
        leaf.private_key_pem.write_to_path(machine.base / f"{name}.key")
        (machine.base / f"{name}.key").chmod(0o644)
        (machine.base / f"{name}.pem").write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))


def _mailboxes() -> list[str]:
    names = (*NAMED, *(f"essai{number}" for number in range(1, SPARE_ACCOUNTS + 1)))
    return [f"{name}@{domain}" for domain in DOMAINS for name in names]


def _write_dovecot(machine: Machine) -> None:
    base, ports, user = machine.base, machine.ports, pwd.getpwnam(USER)
    owned = [base / name for name in ("run", "state", "mail")]
    for folder in owned:
        folder.mkdir(mode=0o700)
    log = base / "dovecot.log"
    log.touch()
    for path in (*owned, log):
        os.chown(path, user.pw_uid, user.pw_gid)
    lines = (f"{address}:{{PLAIN}}secret-{address.partition('@')[2]}::::::" for address in _mailboxes())
    (base / "users").write_text("\n".join(lines) + "\n", encoding="ascii")
    faketime = " ".join(f"{name}={value}" for name, value in machine.faketime().items())
    group = grp.getgrgid(user.pw_gid).gr_name
    text = DOVECOT.format(
        base=base, user=USER, group=group, uid=user.pw_uid, gid=user.pw_gid, ports=ports, faketime=faketime
    )
    (base / "dovecot.conf").write_text(text.replace("@LMTP_NAME@", machine.lmtp_name), encoding="ascii")


def _write_postfix(machine: Machine) -> None:
    base, owner = machine.base, pwd.getpwnam("postfix")
    queue = base / "queue"
    for path in (base / "etc", queue, queue / "pid"):
        path.mkdir(mode=0o755)
    for path in (base / "data", *(queue / name for name in (*POSTFIX_FOLDERS, "private"))):
        path.mkdir(mode=0o700)
        os.chown(path, owner.pw_uid, owner.pw_gid)
    for name, mode in (("maildrop", 0o730), ("public", 0o710)):
        path = queue / name
        path.mkdir()
        shutil.chown(path, "postfix", "postdrop")
        path.chmod(mode)
    known = ", ".join(f"{address}=x" for address in (*_mailboxes(), *(f"{GONE}@{domain}" for domain in DOMAINS)))
    faketime = " ".join(f"{name}={value}" for name, value in machine.faketime().items())
    main = POSTFIX_MAIN.format(
        base=base, ports=machine.ports, known=known, faketime=faketime, limit=machine.size_limit, name=machine.mta_name
    )
    (base / "etc" / "main.cf").write_text(main, encoding="ascii")
    master = POSTFIX_MASTER.format(ports=machine.ports, small=SMALL_SIZE_LIMIT)
    (base / "etc" / "master.cf").write_text(master, encoding="ascii")


def _remove_faketime_leftovers(began: float) -> None:
    """Remove what libfaketime left in /dev/shm for processes of this machine that were killed."""
    for file in Path("/dev/shm").glob("*faketime_s[eh]m_*"):  # noqa: S108 - the library chooses this place
        process = file.name.rpartition("_")[2]
        # Another worker's machine may remove the same file at the same time.
        with suppress(FileNotFoundError):
            if not Path("/proc", process).exists() and file.stat().st_mtime >= began - 1:
                file.unlink()
