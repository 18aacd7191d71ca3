"""A worker is launched before the program that it serves is loaded: whatever happens to that program, none is left."""

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from gateway.adapters.sandbox.launch import end, launched

PATIENCE = 20.0
CORE = re.compile(r"^Max core file size +0 +0 ", re.MULTILINE)
PARENT = """
import asyncio, os, signal, sys
from pathlib import Path
from gateway.adapters.sandbox.launch import launch

async def work():
    os.umask(0o022)
    worker = await launch()
    while sys.argv[1] not in Path(f"/proc/{worker.pid}/status").read_text():
        await asyncio.sleep(0.01)
    print(worker.pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(work())
"""


def of_home(home: Path) -> set[int]:
    """The processes that have this folder for home, as workers are told."""
    found = set()
    for place in Path("/proc").glob("[0-9]*"):
        # It may end while we look, and a zombie has no environment.
        with suppress(OSError):
            if f"HOME={home}\0".encode() in (place / "environ").read_bytes():
                found.add(int(place.name))
    return found


def gone(home: Path) -> bool:
    """Whether all of them end, in time."""
    end_of_patience = time.monotonic() + PATIENCE
    while of_home(home) and time.monotonic() < end_of_patience:
        time.sleep(0.02)
    return not of_home(home)


@pytest.mark.fault("F1")
@pytest.mark.parametrize("state", [pytest.param("Pid:", id="loading"), pytest.param("Umask:\t0077", id="waiting")])
def test_a_worker_that_nobody_greeted_ends_with_its_parent(tmp_path: Path, state: str) -> None:
    """A kill -9 leaves nobody who could end it: its pipe is closed, which is enough."""
    home = {**os.environ, "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", PARENT, state], env=home, capture_output=True, check=False, timeout=PATIENCE
    )
    assert done.returncode == -signal.SIGKILL
    assert int(done.stdout)
    assert gone(tmp_path)


@pytest.mark.fault("F1")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_service_that_ends_while_it_loads_leaves_no_worker(tmp_path: Path, number: signal.Signals) -> None:
    """Its worker loads beside it by then."""
    command = [sys.executable, "-m", "gateway", "run", "--config", str(tmp_path / "absent.toml")]
    with subprocess.Popen(command, env={**os.environ, "HOME": str(tmp_path)}, stderr=subprocess.DEVNULL) as service:
        while len(of_home(tmp_path)) < 2 and service.poll() is None:
            time.sleep(0.002)
        service.send_signal(number)
    assert service.returncode == -number
    assert gone(tmp_path)


def test_a_service_that_refuses_to_start_leaves_no_worker(tmp_path: Path) -> None:
    """It was launched before the configuration was read; the refusal is told as ever."""
    command = [sys.executable, "-m", "gateway", "run", "--config", str(tmp_path / "absent.toml")]
    done = subprocess.run(
        command, env={**os.environ, "HOME": str(tmp_path)}, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 3
    assert "n'existe pas" in done.stderr
    assert of_home(tmp_path) == set()


def test_a_worker_keeps_to_itself_before_it_is_told_a_secret() -> None:
    """Whatever its parent did by then: files for itself alone, and no memory written to a disk."""
    command = [sys.executable, "-P", "-m", "gateway.worker"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, umask=0o022) as worker:
        assert worker.stdin is not None
        place = Path(f"/proc/{worker.pid}")
        patience = time.monotonic() + PATIENCE
        while not CORE.search((place / "limits").read_text()) and time.monotonic() < patience:
            time.sleep(0.01)
        assert CORE.search((place / "limits").read_text())
        assert "Umask:\t0077\n" in (place / "status").read_text()
        worker.stdin.close()
    assert worker.returncode == 0


async def test_a_worker_may_be_ended_twice() -> None:
    """By the pool that took it, and by whoever launched it."""
    async with launched() as worker:
        await end(worker)
        assert worker.returncode == -signal.SIGKILL
    assert worker.returncode == -signal.SIGKILL
