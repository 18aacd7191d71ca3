"""A command of the hospital's own, run without a shell: it must end in time, and what it started ends with it."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping, Sequence

from gateway.domain.words import Said, said


class CommandFailed(Exception):
    """It did not start, did not end in time, or says by its exit code that it failed; never in its own words."""

    def __init__(self, reason: Said) -> None:
        super().__init__(str(reason))
        self.reason = reason


async def run(
    command: Sequence[str],
    *,
    seconds: float,
    data: bytes = b"",
    most: int = 0,
    environment: Mapping[str, str] | None = None,
) -> bytes:
    """Give it ``data``; returns what it wrote, ``most`` bytes and one more at most. It sees ``environment``, or ours.

    Raises:
        CommandFailed.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE if data else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE if most else asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        )
    except OSError as error:
        raise CommandFailed(said("La commande ne démarre pas.")) from error
    try:
        async with asyncio.timeout(seconds):
            await _give(process.stdin, data)
            written = await _read(process.stdout, most + 1)
            status = await process.wait()
    except TimeoutError as error:
        raise CommandFailed(said("La commande n'a pas fini à temps.")) from error
    finally:
        await _end(process)
    if status != 0:
        raise CommandFailed(said("La commande a rendu le code {code}.", code=status))
    return written


async def _give(stdin: asyncio.StreamWriter | None, data: bytes) -> None:
    if stdin is None:
        return
    # A command that reads nothing is no failure: its exit code decides.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        stdin.write(data)
        await stdin.drain()
    stdin.close()


async def _read(stdout: asyncio.StreamReader | None, most: int) -> bytes:
    if stdout is None:
        return b""
    try:
        return await stdout.readexactly(most)
    except asyncio.IncompleteReadError as end:
        return end.partial


async def _end(process: asyncio.subprocess.Process) -> None:
    """End it and whatever it started, which would otherwise outlive its time."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    if process.returncode is None:
        await process.wait()
