"""Three gateways as an administrator installs them: ``gateway init``, keys exchanged as files, real daemons."""

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from tests.mailserver import Account, Machine

GATEWAY = (sys.executable, "-m", "gateway")
DOMAINS = {"hospital": "hopital.test", "cnas": "cnas.test", "cnse": "cnse.test"}
PATIENCE = 60.0

T = TypeVar("T")


def together(works: Iterable[Callable[[], T]]) -> list[T]:
    """Do these at the same time and wait for all: most of a command's time is one process starting."""
    with ThreadPoolExecutor() as pool:
        return [done.result() for done in [pool.submit(work) for work in works]]


def until(condition: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
    """Ask again until the condition gives something true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds} s: {what}")


@dataclass
class Gateway:
    """One party's installation: its folder, its commands, its daemon."""

    role: str
    folder: Path
    account: Account
    machine: Machine
    smime: frozenset[str] = frozenset()
    daemon: subprocess.Popen[bytes] | None = None
    logs: list[Path] = field(default_factory=list)
    name: str = "daemon"

    def environment(self) -> dict[str, str]:
        """The machine's clock; the last variable keeps libfaketime from making a busy loop of each wait of a thread."""
        return {**self.machine.env(), "FAKETIME_FORCE_MONOTONIC_FIX": "0"}

    @property
    def config(self) -> Path:
        """The configuration that ``init`` wrote."""
        return self.folder / "gateway.toml"

    def call(self, *arguments: str, ok: bool = True, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """One command, as a person types it."""
        words, prompt = [*arguments, "--config", str(self.config)], self.machine.prompt
        if prompt is not None:
            done = prompt.call(words, env=self.environment(), stdin=stdin, timeout=PATIENCE)
        else:
            done = subprocess.run(
                [*GATEWAY, *words],
                env=self.environment(),
                capture_output=True,
                text=True,
                input=stdin,
                check=False,
                timeout=PATIENCE,
            )
        if ok and done.returncode != 0:
            raise AssertionError(f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def json(self, *arguments: str) -> Any:
        """A listing as data."""
        return json.loads(self.call(*arguments, "--json").stdout)

    def install(self, partners: dict[str, str]) -> str:
        """``gateway init``, with some partners in S/MIME; returns what it printed."""
        password = self.folder / "password"
        password.write_text(self.account.password)
        password.chmod(0o600)
        machine = self.machine
        options = ["--role", self.role, "--party", f"{self.role}-essai", "--name", f"Établissement {self.role}"]
        options += [
            "--address",
            self.account.address,
            "--imap-host",
            machine.host,
            "--imap-port",
            str(machine.ports.imaps),
        ]
        options += ["--smtp-host", machine.host, "--smtp-port", str(machine.ports.submission)]
        options += ["--password-file", str(password), "--ca", str(machine.ca), "--watch", "INBOX"]
        options += ["--own-mta", machine.mta_name, "--own-mta", machine.lmtp_name]
        for partner, address in partners.items():
            options += [f"--{partner}", address]
        for partner in self.smime:
            options += ["--smime-partner", partner]
        said = self.call("init", *options).stdout
        text = self.config.read_text()
        text = text.replace("[imap]\n", "[imap]\npoll_seconds = 2\n")
        self.config.write_text(text.replace("grace_hours = 12\n", "grace_hours = 12\ntick_seconds = 1\n"))
        return said

    @property
    def public_key(self) -> Path:
        """Where ``export_key`` puts our public key."""
        return self.folder / "public.asc"

    @property
    def certificate(self) -> Path:
        """Where ``export_certificate`` puts our certificate."""
        return self.folder / "public.pem"

    def export_key(self) -> str:
        """Write our public key; returns the fingerprint, as it is read on the telephone."""
        return self._export("openpgp", self.public_key)

    def export_certificate(self) -> str:
        """Write our certificate; returns its fingerprint."""
        return self._export("smime", self.certificate)

    def _export(self, suite: str, path: Path) -> str:
        done = self.call("keys", "export", "--suite", suite, "--output", str(path))
        return done.stderr.rpartition(":")[2].strip()

    def import_key(self, partner: str, file: Path, fingerprint: str) -> None:
        """Pin a partner's key."""
        self.call("keys", "import", str(file), "--partner", partner, "--fingerprint", fingerprint)

    def start(self) -> None:
        """Start the daemon and wait for its readiness notice."""
        self.launch()
        log, daemon = self.logs[-1], self.daemon
        until(lambda: b"gateway.ready" in log.read_bytes() or daemon is None or daemon.poll() is not None, "ready")
        if daemon is None or daemon.poll() is not None:
            raise AssertionError(log.read_text())

    def launch(self) -> None:
        """Start the daemon and wait for nothing."""
        log = self.folder / f"{self.name}-{len(self.logs)}.log"
        self.logs.append(log)
        with log.open("wb") as stream:
            self.daemon = subprocess.Popen(
                [*GATEWAY, "run", "--config", str(self.config), "--log-level", "DEBUG"],
                env=self.environment(),
                stdout=stream,
                stderr=subprocess.STDOUT,
            )

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        if self.daemon is None:
            return 0
        self.daemon.send_signal(signal.SIGTERM)
        code = self.daemon.wait(PATIENCE)
        self.daemon = None
        return code

    def kill(self) -> None:
        """SIGKILL, as a power cut."""
        if self.daemon is not None:
            self.daemon.kill()
            self.daemon.wait(PATIENCE)
            self.daemon = None

    def request(self) -> dict[str, Any] | None:
        """The first request of the first case."""
        cases = self.json("cases")
        return cases[0]["requests"][0] if cases and cases[0]["requests"] else None

    def state(self) -> str | None:
        """Where that request stands."""
        request = self.request()
        return None if request is None else str(request["state"])

    def events(self, event: str) -> list[dict[str, Any]]:
        """The audit records of an event."""
        return list(self.json("audit", "query", "--event", event))

    def peek(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Look into the database while others write: cheap enough to wait for something."""
        path = self.folder / "data" / "gateway.sqlite3"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=PATIENCE)) as connection:
            return connection.execute(query, values).fetchall()

    def log(self) -> str:
        """Everything that its daemons wrote."""
        return "\n".join(log.read_text(errors="replace") for log in self.logs)


@dataclass(frozen=True)
class Trio:
    """Hospital, CNAS and CNSE."""

    hospital: Gateway
    cnas: Gateway
    cnse: Gateway

    def __iter__(self) -> Iterator[Gateway]:
        return iter((self.hospital, self.cnas, self.cnse))

    def start(self) -> None:
        """Start all daemons."""
        together([gateway.start for gateway in self])

    def stop(self) -> list[int]:
        """SIGTERM to all; their exit codes."""
        return together([gateway.stop for gateway in self])

    def show(self) -> str:
        """What each knows, for a failing test."""
        return "\n".join(f"== {gateway.role}\n{gateway.log()[-3000:]}" for gateway in self)


def install_trio(machine: Machine, folder: Path, *, in_smime: tuple[str, str] | None = None) -> Trio:
    """Three gateways that know each other's keys, installed as three administrators do it; two may be in S/MIME."""
    gateways = {}
    pair = frozenset(in_smime or ())
    for role, domain in DOMAINS.items():
        place = folder / role
        place.mkdir(mode=0o700)
        with_smime = pair - {role} if role in pair else frozenset()
        gateways[role] = Gateway(
            role=role, folder=place, account=machine.fresh_account(domain), machine=machine, smime=with_smime
        )
    addresses = {role: gateway.account.address for role, gateway in gateways.items()}
    together(
        [
            partial(gateway.install, {role: address for role, address in addresses.items() if role != gateway.role})
            for gateway in gateways.values()
        ]
    )
    exchange_keys(list(gateways.values()))
    return Trio(**gateways)


@contextmanager
def copied(installed: Trio, folder: Path) -> Iterator[Trio]:
    """A copy of a trio that was never started, with mailboxes of its own; its daemons are stopped at the end."""
    changes = {str(installed.hospital.folder.parent): str(folder)}
    gateways = {}
    for gateway in installed:
        shutil.copytree(gateway.folder, folder / gateway.role)
        account = gateway.machine.fresh_account(DOMAINS[gateway.role])
        changes[gateway.account.address] = account.address
        gateways[gateway.role] = Gateway(
            role=gateway.role, folder=folder / gateway.role, account=account, machine=gateway.machine
        )
    for gateway in gateways.values():
        text = gateway.config.read_text()
        for old, new in changes.items():
            text = text.replace(f'"{old}', f'"{new}')
        gateway.config.write_text(text)
    try:
        yield Trio(**gateways)
    finally:
        for gateway in gateways.values():
            gateway.kill()


def exchange_keys(gateways: Sequence[Gateway]) -> None:
    """Export, then import by full fingerprint, as two administrators do on the telephone."""
    fingerprints = together([gateway.export_key for gateway in gateways])
    known = dict(zip((gateway.role for gateway in gateways), fingerprints, strict=True))
    certificates = {gateway.role: gateway.export_certificate() for gateway in gateways if gateway.smime}
    together([partial(_import_all, gateway, gateways, known, certificates) for gateway in gateways])


def _import_all(
    gateway: Gateway, gateways: Sequence[Gateway], fingerprints: dict[str, str], certificates: dict[str, str]
) -> None:
    for other in gateways:
        if other is gateway:
            continue
        if other.role in gateway.smime:
            gateway.import_key(other.role, other.certificate, certificates[other.role])
        else:
            gateway.import_key(other.role, other.public_key, fingerprints[other.role])
