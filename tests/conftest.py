"""Fixtures that several rooms share."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings

from docs.law_rows import ROWS
from tests import mailserver, postgres
from tests.reliability import Reliability, wanted
from tests.traceability import Traceability

# Whatever the developer's own language is, the programs that tests start speak French.
os.environ["LC_ALL"] = "C.UTF-8"

# Hundreds of commands are started: compiling the gateway anew for each takes a third of their time.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# No test measures time: on a busy machine an example may take as long as it likes.
settings.register_profile("house", deadline=None)
settings.load_profile("house")

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  private folders are made in it
ROOM = 4 * 1024**3
"""Bytes that must be free there, so that the folders of all tests lie in memory: they wait for a disk most."""


def _roomy() -> bool:
    if not os.access(SHARED_MEMORY, os.W_OK):
        return False
    found = os.statvfs(SHARED_MEMORY)
    # Some tests run programs that they wrote.
    return found.f_bavail * found.f_frsize > ROOM and not found.f_flag & os.ST_NOEXEC


if _roomy():
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(SHARED_MEMORY))


def pytest_configure(config: pytest.Config) -> None:
    """A full run says whether every row of the law was proven, and one of the faults what each row gave."""
    config.pluginmanager.register(Traceability(config, ROWS))
    config.pluginmanager.register(Reliability(config, wanted()))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where several processes share the tests, the long files come first, so that none ends long after the rest."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: item.get_closest_marker("system") is None)


@pytest.fixture(scope="session")
def mail_machine() -> Iterator[mailserver.Machine]:
    """A real Postfix and Dovecot for the whole process; skips where they cannot run, fails there in CI."""
    mailserver.require()
    with mailserver.running() as machine:
        yield machine


@pytest.fixture(scope="session", name="postgres")
def _postgres() -> Iterator[postgres.Server]:
    """A real PostgreSQL for the whole process; skips where there is none, fails there in CI."""
    with postgres.running() as server:
        yield server


@pytest.fixture
def in_memory(tmp_path: Path) -> Iterator[Path]:
    """A folder without a disk below it, where there is one: thousands of durable writes are not what is tested."""
    if not os.access(SHARED_MEMORY, os.W_OK):
        yield tmp_path
        return
    with TemporaryDirectory(prefix="gateway-test-", dir=SHARED_MEMORY) as folder:
        yield Path(folder)
