"""The clock of the demonstration: shifted, moved forward only, and told to GnuPG."""

import os
import re
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.adapters.clock import SystemClock
from gateway.demo.clock import VirtualClock, gnupg_follows
from gateway.domain.errors import OwnKeyUnusable

START = datetime(2026, 10, 29, 8, 30, tzinfo=UTC)
WORLD = datetime(2031, 1, 1, tzinfo=UTC)


class StandingClock:
    """A real clock that the test moves."""

    def __init__(self) -> None:
        self.passed = timedelta()

    def now(self) -> datetime:
        """The world's instant."""
        return WORLD + self.passed

    def uptime(self) -> float:
        """The world's uptime."""
        return 500.0 + self.passed.total_seconds()

    def boot_id(self) -> str:
        """The machine's."""
        return "boot"


def test_it_starts_where_it_is_told_and_goes_with_the_world() -> None:
    """A second of the world is a second here."""
    world = StandingClock()
    clock = VirtualClock(world, START)

    assert (clock.now(), clock.uptime(), clock.boot_id()) == (START, 500.0, "boot")
    world.passed = timedelta(seconds=7)
    assert (clock.now(), clock.uptime()) == (START + timedelta(seconds=7), 507.0)


def test_moving_it_is_no_clock_step() -> None:
    """The uptime goes with the instant, as if that time had been waited for."""
    clock = VirtualClock(StandingClock(), START)

    clock.advance(timedelta(days=3))

    assert clock.now() - START == timedelta(days=3)
    assert clock.uptime() - 500.0 == timedelta(days=3).total_seconds()


def test_it_never_goes_back() -> None:
    """Not by a second."""
    clock = VirtualClock(StandingClock(), START)

    with pytest.raises(ValueError, match="forward"):
        clock.advance(timedelta(seconds=-1))
    assert clock.now() == START


def test_followers_are_told_the_shift_at_once_and_at_each_move() -> None:
    """A negative one when the story plays before today."""
    clock = VirtualClock(StandingClock(), START)
    told: list[timedelta] = []

    clock.follow(told.append)
    clock.advance(timedelta(hours=1))

    assert told == [START - WORLD, START - WORLD + timedelta(hours=1)]


@pytest.mark.skipif(
    shutil.which("gpg") is None and os.environ.get("CI") != "true", reason="needs GnuPG; in CI its absence is a failure"
)
def test_gnupg_lives_in_the_virtual_time_and_only_while_it_is_asked_to(tmp_path: Path) -> None:
    """What gpg calls today follows the clock; afterwards the search path is what it was."""
    tmp_path.chmod(0o700)
    before = os.environ["PATH"]
    clock = VirtualClock(SystemClock(), START)

    with gnupg_follows(clock):
        first = today_of_gpg(tmp_path)
        clock.advance(timedelta(days=10))
        second = today_of_gpg(tmp_path)

    assert (first, second) == ("2026-10-29", "2026-11-08")
    assert os.environ["PATH"] == before


def test_without_gnupg_the_clock_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An error with a remedy, not a crash in the middle of the story."""
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(OwnKeyUnusable), gnupg_follows(VirtualClock(StandingClock(), START)):
        pytest.fail("it went on")


def today_of_gpg(home: Path) -> str:
    """GnuPG names a faked time in a warning."""
    done = subprocess.run(
        ["gpg", "--homedir", str(home), "--batch", "--list-config"], capture_output=True, text=True, check=True
    )
    found = re.search(r"faked system time: (\S+)", done.stderr)
    return found[1] if found else done.stderr
