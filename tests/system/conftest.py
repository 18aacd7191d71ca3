"""Fixtures of the system tests: a trio of gateways a module in a private folder, and time put back afterwards."""

import os
import shutil
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.mailserver import Machine
from tests.prompt import prompt
from tests.system.gateways import Trio, copied, install_trio


@contextmanager
def real_time_afterwards(machine: Machine) -> Iterator[None]:
    """Whatever happens, the next module starts in real time."""
    try:
        yield
    finally:
        if machine.offset:
            machine.set_offset("+0")


@contextmanager
def short_folder() -> Iterator[Path]:
    """A private folder whose path is short enough for the sockets of gpg-agent; gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="gwt-", dir=os.environ.get("PYTEST_DEBUG_TEMPROOT", "/tmp")))  # noqa: S108  short
    try:
        yield folder
    finally:
        # An agent that ends now may still remove its sockets beside us.
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """The module's own folder."""
    with short_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def temporary(place: Path) -> Iterator[Path]:
    """The folder where daemons and commands put temporary files: theirs alone, so that it can be searched."""
    folder = place / "tmp"
    folder.mkdir(mode=0o700)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(folder))
        patch.setenv("XDG_RUNTIME_DIR", str(folder))
        yield folder


@pytest.fixture(scope="session", name="mail_machine")
def _mail_machine(mail_machine: Machine) -> Iterator[Machine]:
    """The servers, and a place where commands are typed."""
    with prompt(mail_machine.env()) as mail_machine.prompt:
        yield mail_machine


@pytest.fixture(scope="session")
def installed(mail_machine: Machine) -> Iterator[Trio]:
    """Three gateways that know each other's keys, installed once; modules work on copies."""
    with short_folder() as folder:
        yield install_trio(mail_machine, folder)


@pytest.fixture(scope="module")
def trio(mail_machine: Machine, installed: Trio, place: Path, temporary: Path) -> Iterator[Trio]:  # noqa: ARG001  sets the environment
    """Three gateways with fresh mailboxes that know each other's keys; their daemons are not started."""
    with real_time_afterwards(mail_machine), copied(installed, place) as gateways:
        yield gateways


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the daemons logged beside a failed test."""
    report = yield
    shown = getattr(item, "funcargs", {}).get("trio")
    if report.failed and isinstance(shown, Trio):
        report.sections.append(("gateways", shown.show()))
    return report
