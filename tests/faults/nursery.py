"""A process with everything loaded and one thread: it has a child for each work, and does not die of theirs.

It reads one request a line, as JSON, and answers each with a line.
"""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from tests.faults import kernel
from tests.faults.cycles import close_homes, make_ready, perform

SECONDS = 120.0
"""No work takes so long, whatever else the machine does; whoever asks for one may say less."""


def attend(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Run one work in a child."""
    make_ready(asked)
    fault = asked.get("fault")
    if fault is not None:
        fault = kernel.Fault(**{**fault, "only": frozenset(fault.get("only", kernel.NAMES))})
    seen = kernel.run(partial(_apart, asked), fault, Path(asked["within"]), seconds=asked.get("seconds", SECONDS))
    return {**asdict(seen), "told": seen.told.decode("utf-8", "replace")}


def _apart(asked: Mapping[str, Any]) -> bytes:
    log = os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(log, stream)
    return perform(asked)


def main() -> None:
    """Until the requests end."""
    kernel.adopt_orphans()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        answers.write(json.dumps(attend(json.loads(line))) + "\n")
        answers.flush()
    close_homes()


if __name__ == "__main__":
    main()
