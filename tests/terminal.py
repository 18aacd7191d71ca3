"""A person at a terminal: a command is asked its questions, and answered one at a time."""

import contextlib
import os
import pty
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

PROMPT = b" : "
"""What ends each question of the command line."""


def answered(
    command: Sequence[str], answers: Sequence[str], *, folder: Path, environment: Mapping[str, str]
) -> tuple[int, str]:
    """The exit code and all that the terminal showed; each answer is typed when the command asks.

    Raises:
        AssertionError: the command ended before it had asked for all of them.
    """
    keyboard, line = pty.openpty()
    process = subprocess.Popen(
        command,
        stdin=line,
        stdout=line,
        stderr=line,
        cwd=folder,
        env={**environment, "LC_ALL": "fr_FR.UTF-8", "PYTHONUTF8": "1"},
        # A password is asked of the terminal that rules the session: it must not be the developer's.
        start_new_session=True,
    )
    os.close(line)
    shown = b""
    left = [answer.encode() + b"\n" for answer in answers]
    # Linux says that a terminal has no more writers by an error.
    with contextlib.suppress(OSError):
        while chunk := os.read(keyboard, 65536):
            shown += chunk
            if shown.endswith(PROMPT) and left:
                os.write(keyboard, left.pop(0))
    os.close(keyboard)
    code, told = process.wait(timeout=60), shown.decode().replace("\r\n", "\n")
    if left:
        raise AssertionError(told)
    return code, told
