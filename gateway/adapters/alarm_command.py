"""The other path of alarms: a command of the hospital's own, run without a shell, given one alarm as JSON.

It must end in time with the exit code 0; what it started ends with it. Its output is not read, and what it is given
holds no content of a mail.
"""

import json
import os
from collections.abc import Mapping

from gateway import house_command
from gateway.domain.errors import OtherPathFailed

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
        data = json.dumps(dict(told), ensure_ascii=False).encode() + b"\n"
        given = {name: value for name, value in os.environ.items() if name in _GIVEN}
        try:
            await house_command.run(self._command, seconds=self._seconds, data=data, environment=given)
        except house_command.CommandFailed as failed:
            raise OtherPathFailed(reason=failed.reason) from failed
