"""The other path of alarms: a command of the hospital's own, run without a shell, given one alarm as JSON.

It must end in time with the exit code 0; what it started ends with it. Its output is not read, and what it is given
holds no content of a mail.
"""

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Mapping

from gateway.domain.errors import OtherPathFailed
from gateway.domain.words import said

_GIVEN = frozenset(
    {"PATH", "HOME", "LANG", "LC_ALL", "TZ", "http_proxy", "https_proxy", "no_proxy", "HTTPS_PROXY", "NO_PROXY"}
)
"""What it sees of our environment, where secrets may stand."""


class AlarmCommand:
    """Implements ``gateway.ports.OtherPath``. ``seconds`` is how long one run may take, in all."""

    def __init__(self, command: tuple[str, ...], *, seconds: float) -> None:
        self._command = command
        self._seconds = seconds

    async def tell(self, told: Mapping[str, str | int | None]) -> None:
        """Run it once, with the alarm on its standard input.

        Raises:
            OtherPathFailed: it does not start, does not end in time, or says by its exit code that it failed.
        """
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                env={name: value for name, value in os.environ.items() if name in _GIVEN},
                start_new_session=True,
            )
        except OSError as error:
            raise OtherPathFailed(reason=said("La commande ne démarre pas.")) from error
        data = json.dumps(dict(told), ensure_ascii=False).encode() + b"\n"
        try:
            async with asyncio.timeout(self._seconds):
                # A command that reads nothing is no failure: its exit code decides.
                await process.communicate(data)
        except TimeoutError as error:
            raise OtherPathFailed(reason=said("La commande n'a pas fini à temps.")) from error
        finally:
            await _end(process)
        if process.returncode != 0:
            raise OtherPathFailed(reason=said("La commande a rendu le code {code}.", code=process.returncode))


async def _end(process: asyncio.subprocess.Process) -> None:
    """End it and whatever it started, which would otherwise outlive its time."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    if process.returncode is None:
        await process.wait()
