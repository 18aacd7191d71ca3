"""What a process that opens the records does to itself first."""

import os
import resource
import subprocess
import sys
from pathlib import Path

from tests.doctor.place import Place

SHOWN = """
import asyncio, os, resource, sys
from pathlib import Path
from gateway.config import load
from gateway.records import open_base

async def look():
    async with open_base(load(Path(sys.argv[1]))):
        before = os.umask(0)
        print(oct(before), *resource.getrlimit(resource.RLIMIT_CORE))

asyncio.run(look())
"""


def test_a_crash_writes_no_memory_to_a_disk_and_no_file_is_anybody_elses(tmp_path: Path) -> None:
    """Whatever the shell that started it allows; a child, gpg for example, can do no more."""
    place = Place(tmp_path)
    place.create()

    def generous() -> None:
        os.umask(0)
        hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
        resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))

    done = subprocess.run(
        [sys.executable, "-c", SHOWN, str(place.config)],
        preexec_fn=generous,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["0o77", "0", "0"]
