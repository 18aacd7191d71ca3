"""A GnuPG home as a cache: made from our own key folder and the pinned public keys, thrown away on ``close``.

Its agent is started here, outside every resource cap, and ends with us even when we are killed: it watches a process
that waits on a pipe of ours. The path is short because of sun_path, private (0700) and in memory where possible.
"""

import fcntl
import os
import select
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from gateway.adapters.openpgp.command import environment
from gateway.adapters.openpgp.keyfiles import (
    PREFIX,
    KeyFacts,
    all_own_facts,
    base_folder,
    client,
    copy_own_files,
    export_public,
    facts_of,
    scan,
    sole_key,
    stop_agent,
    write_options,
)
from gateway.domain.errors import KeyFileInvalid, OwnKeyUnusable
from gateway.domain.words import said
from gateway.ports import PublicKey

# Both take milliseconds; the limits only keep a broken machine from hanging us.
AGENT_START_SECONDS = 10.0
AGENT_STOP_SECONDS = 5.0
_POLL_SECONDS = 0.01
_IN_USE = "in-use"

_IMPORT = ["--no-autostart", "--import-options", "import-minimal,no-import-local-sigs"]


class Home:
    """An open home. ``close`` must be called; it ends the agent and removes the folder."""

    def __init__(
        self,
        path: Path,
        *,
        gpg: Any,
        own: KeyFacts,
        companion: subprocess.Popen[bytes],
        agent: int,
        in_use: BinaryIO,
    ) -> None:
        self._in_use = in_use
        self.path = path
        self.own = own
        self.gpg = gpg
        self.agent_pid = agent
        self._companion = companion
        self._admitted: set[PublicKey] = set()
        self._lock = threading.Lock()

    def admit(self, key: PublicKey) -> None:
        """Import a pinned key, once.

        Raises:
            KeyFileInvalid: the material is not exactly the one key whose fingerprint is pinned.
        """
        with self._lock:
            if key not in self._admitted:
                admit_to(self.gpg, key)
                self._admitted.add(key)

    def revive(self) -> None:
        """Start another agent where ours has died: only it knows our key, and it must not take the daemon along.

        Raises:
            OwnKeyUnusable: it does not start.
        """
        with self._lock:
            if self._companion.poll() is None and _runs(self.agent_pid):
                return
            _stop(self.path, self._companion, self.agent_pid)
            self._companion, self.agent_pid = _start_agent(self.path)

    def kill_agent(self) -> None:
        """End an agent that answers no more: whoever waits for it is told no, and the next one revives it."""
        with suppress(ProcessLookupError):
            os.kill(self.agent_pid, signal.SIGKILL)

    def facts(self, fingerprint: str) -> KeyFacts:
        """What GnuPG says now of an admitted key.

        Raises:
            KeyFileInvalid: there is no such key in this home.
        """
        entries = list(self.gpg.list_keys(keys=fingerprint))
        if len(entries) != 1 or entries[0]["fingerprint"] != fingerprint:
            raise KeyFileInvalid(path=fingerprint, reason=said("Cette clé n'est pas dans le trousseau."))
        return facts_of(entries[0])

    def close(self) -> None:
        """End the agent that we started and remove the folder; a second call does nothing."""
        if self._companion.poll() is None or self.path.exists():
            _end(self.path, self._companion, self.agent_pid)
        self._in_use.close()


def sweep_homes() -> int:
    """Remove the homes that a killed process left behind; their agents have ended with it. Returns how many."""
    removed = 0
    for path in Path(base_folder()).glob(f"{PREFIX}*"):
        mark = path / _IN_USE
        try:
            if path.stat().st_uid != os.getuid():
                continue
            with mark.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
                removed += 1
        except OSError:
            # Somebody uses it, somebody else removed it, or it was never a home that was in use.
            continue
    return removed


def _new_folder() -> tuple[Path, BinaryIO]:
    """A private folder and the lock that keeps a sweep away for as long as this process lives."""
    while True:
        path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base_folder()))
        mark = (path / _IN_USE).open("wb")
        fcntl.flock(mark, fcntl.LOCK_EX)
        if (path / _IN_USE).exists():
            return path, mark
        # A sweep was faster than our lock and has removed the folder.
        mark.close()


def open_home(own_dir: Path, partner_keys: Sequence[PublicKey], *, former: Path | None = None) -> Home:
    """Make a home with our own key and exactly these public keys. Blocks for some 50 ms: call it in a thread.

    ``former`` is the folder of our key before this one: it opens what is still sealed for it, and signs nothing.

    Raises:
        OwnKeyUnusable: our own key folder is wrong, or GnuPG does not work here.
        KeyFileInvalid: a pinned key's material is not exactly that key.
    """
    path, in_use = _new_folder()
    try:
        write_options(path)
        copy_own_files(own_dir, path)
        gpg = client(path)
        own = sole_key(gpg, path)
        if former is not None:
            _add_former(gpg, path, former)
        for key in partner_keys:
            admit_to(gpg, key)
        companion, agent = _start_agent(path)
    except BaseException:
        in_use.close()
        shutil.rmtree(path, ignore_errors=True)
        raise
    home = Home(path, gpg=gpg, own=own, companion=companion, agent=agent, in_use=in_use)
    home._admitted.update(partner_keys)  # noqa: SLF001 - the factory of this very class
    return home


def _add_former(gpg: Any, home: Path, former: Path) -> None:
    public = export_public(former)
    for part in (former / "private-keys-v1.d").iterdir():
        shutil.copyfile(part, home / "private-keys-v1.d" / part.name)
    gpg.import_keys(public, extra_args=_IMPORT)
    all_own_facts(gpg, home)


def admit_to(gpg: Any, key: PublicKey) -> None:
    """Import exactly this key into a home.

    Raises:
        KeyFileInvalid: the material is not that key, or GnuPG refuses it.
    """
    material = key.material.encode("utf-8")
    found = scan(gpg, material, path=key.fingerprint).fingerprint
    if found != key.fingerprint:
        raise KeyFileInvalid(
            path=key.fingerprint, reason=said("Le fichier contient la clé {fingerprint}.", fingerprint=found)
        )
    result = gpg.import_keys(material, extra_args=_IMPORT)
    if result.returncode != 0 or set(result.fingerprints) != {key.fingerprint}:
        raise KeyFileInvalid(path=key.fingerprint, reason=said("GnuPG refuse d'importer cette clé."))


def _start_agent(path: Path) -> tuple[subprocess.Popen[bytes], int]:
    """gpg-agent ends when the command it was started with ends; ``cat`` ends when our end of its pipe is closed."""
    try:
        companion = subprocess.Popen(  # noqa: S603 - constant command, path of ours
            ["gpg-agent", "--homedir", str(path), "--daemon", "cat"],  # noqa: S607 - found by PATH like gpg itself
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment(),
            start_new_session=True,  # a Ctrl-C at the terminal must not end it before us
        )
    except OSError as error:
        raise OwnKeyUnusable(reason=said("L'agent de GnuPG ne se lance pas sur cette machine.")) from error
    deadline = time.monotonic() + AGENT_START_SECONDS
    while time.monotonic() < deadline and companion.poll() is None:
        agent = _agent_pid(path)
        if agent is not None:
            return companion, agent
        _pause()
    _stop(path, companion, None)
    raise OwnKeyUnusable(reason=said("L'agent de GnuPG ne répond pas."))


def _agent_pid(path: Path) -> int | None:
    answer = subprocess.run(  # noqa: S603 - constant command, path of ours
        ["gpg-connect-agent", "--homedir", str(path), "--no-autostart", "GETINFO pid", "/bye"],  # noqa: S607
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment(),
        check=False,
    ).stdout.split()
    return int(answer[1]) if answer[:1] == [b"D"] else None


def _end(path: Path, companion: subprocess.Popen[bytes], agent: int | None) -> None:
    _stop(path, companion, agent)
    shutil.rmtree(path, ignore_errors=True)


def _stop(path: Path, companion: subprocess.Popen[bytes], agent: int | None) -> None:
    stop_agent(path)
    if companion.stdin is not None:
        companion.stdin.close()
    companion.wait()
    if agent is not None:
        deadline = time.monotonic() + AGENT_STOP_SECONDS
        while _runs(agent) and time.monotonic() < deadline:
            _pause()
        if _runs(agent):
            os.kill(agent, signal.SIGKILL)


def _pause() -> None:
    # Python's sleep waits for an absolute instant, which fails when a clock steps under it; this timeout is relative.
    select.select([], [], [], _POLL_SECONDS)


def _runs(pid: int) -> bool:
    """A zombie that nobody reaps has ended too; where we are process 1 of a container, reaping is our own affair."""
    try:
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text(encoding="latin-1").rpartition(") ")[2][:1]
    except (ProcessLookupError, PermissionError):
        # A process that we may not signal is somebody else's, under a number that was given again.
        return False
    except FileNotFoundError:
        return not Path("/proc/self").exists()
    return state not in ("Z", "X")
