"""Launching a worker, and ending it: little to load, so that a worker can load its own things beside us.

A worker that nobody has greeted knows nothing yet. It ends with its parent, however that ends: then its pipe is closed.
"""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import gateway
from gateway.domain.errors import WorkerFailed

_PIPE_BUFFER = 1024 * 1024
_PASSED_ON = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "LD_PRELOAD")
_PASSED_ON_PREFIX = "FAKETIME"


async def launch() -> Process:
    """A worker that waits to be greeted; whoever launches it must end it.

    Raises:
        WorkerFailed: the system starts no process.
    """
    try:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "gateway.worker"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,  # a traceback could quote a mail
            limit=_PIPE_BUFFER,
            cwd="/",
            env=_environment(),
            start_new_session=True,  # killing the group takes its gpg along, and Ctrl-C is our affair
        )
    except OSError as error:
        raise WorkerFailed(reason="start") from error


@asynccontextmanager
async def launched() -> AsyncIterator[Process]:
    """A worker that waits to be greeted, and has ended afterwards, whoever took it.

    Raises:
        WorkerFailed: the system starts no process.
    """
    process = await launch()
    try:
        yield process
    finally:
        await end(process)


async def end(process: Process | None) -> None:
    """Kill a worker with the gpg it may have running, and reap it; a second time does nothing."""
    if process is None:
        return
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    if process.stdin is not None:
        process.stdin.close()
        with suppress(OSError):
            await process.stdin.wait_closed()
    await process.wait()


def _environment() -> dict[str, str]:
    """What a worker may know of our environment: no secret that lives there."""
    passed = {name: value for name, value in os.environ.items() if name in _PASSED_ON}
    passed |= {name: value for name, value in os.environ.items() if name.startswith(_PASSED_ON_PREFIX)}
    # One arena: with more, glibc reserves address space by threads' number and the memory cap would mean little.
    ours = {"LC_ALL": "C.UTF-8", "MALLOC_ARENA_MAX": "1", "PYTHONPATH": str(Path(gateway.__path__[0]).parent)}
    return passed | ours
