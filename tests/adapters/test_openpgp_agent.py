"""The agent that holds our key dies, or answers no more: the daemon goes on signing."""

import os
import select
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest

from gateway.adapters.openpgp import seal
from gateway.adapters.openpgp.home import Home, open_home
from gateway.adapters.openpgp.keyfiles import generate
from gateway.adapters.openpgp.seal import OpenPgpSealer
from gateway.domain.errors import OwnKeyUnusable

PASSPHRASE = "une phrase"
ENTITY = b"Content-Type: text/plain\r\n\r\nBonjour\r\n"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our own key."""
    folder = tmp_path_factory.mktemp("keys")
    generate(folder, "Hôpital", "soins@hopital.test", PASSPHRASE)
    return folder / "openpgp"


def sealer(home: Home) -> OpenPgpSealer:
    """Signs with our key."""
    return OpenPgpSealer(home, fingerprint=home.own.fingerprint, passphrase=PASSPHRASE)


def lives(pid: int) -> bool:
    """Whether a process runs; a dead one that nobody has reaped does not."""
    return Path(f"/proc/{pid}/exe").exists()


def end(pid: int) -> None:
    """Kill a process that is no child of ours, and wait until it is dead."""
    watched = os.pidfd_open(pid)
    os.kill(pid, signal.SIGKILL)
    assert select.select([watched], [], [], 10)[0]
    os.close(watched)


def stop(pid: int) -> None:
    """Stop a process, and wait until each of its threads has stopped: one that is at work goes on until then."""
    os.kill(pid, signal.SIGSTOP)
    end_of_patience = time.monotonic() + 10
    while not all(state_of(thread) == "T" for thread in Path(f"/proc/{pid}/task").iterdir()):
        assert time.monotonic() < end_of_patience


def state_of(thread: Path) -> str:
    """One letter, as Linux tells it."""
    return (thread / "stat").read_text(encoding="latin-1").rpartition(") ")[2][:1]


@pytest.mark.fault("F36")
async def test_a_dead_agent_is_replaced(keys: Path) -> None:
    """As often as it dies; closing the home leaves none of them."""
    home = open_home(keys, [])
    agents = set()
    try:
        for _ in range(3):
            assert (await sealer(home).sign(ENTITY)).fingerprint == home.own.fingerprint
            agents.add(home.agent_pid)
            end(home.agent_pid)
    finally:
        home.close()
    assert len(agents) == 3
    assert not home.path.exists()
    assert not any(map(lives, agents))


@pytest.mark.fault("F36")
async def test_an_agent_that_answers_no_more_is_given_up_in_time(keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is killed, and another one signs; closing the home ends that one as well."""
    monkeypatch.setattr(seal, "SIGN_SECONDS", 0.5)
    home = open_home(keys, [])
    try:
        stuck = home.agent_pid
        stop(stuck)
        with suppress(OwnKeyUnusable):
            await sealer(home).sign(ENTITY)
        monkeypatch.setattr(seal, "SIGN_SECONDS", 30)
        assert (await sealer(home).sign(ENTITY)).fingerprint == home.own.fingerprint
        now = home.agent_pid
        assert now != stuck
    finally:
        home.close()
    assert not any(map(lives, (stuck, now)))
