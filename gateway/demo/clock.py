"""A clock that goes as fast as the real one, from another start, and can be moved forward.

It exists only here. GnuPG reads the system's clock by itself, so it is given the same shift: signatures and keys are
then as old as the mails that carry them.
"""

import os
import shlex
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from gateway.domain.errors import OwnKeyUnusable
from gateway.domain.words import said
from gateway.ports import Clock


class VirtualClock:
    """Implements ``gateway.ports.Clock``: the ``real`` one, shifted so that it shows ``start`` now."""

    def __init__(self, real: Clock, start: datetime) -> None:
        self._real = real
        self._shift = start - real.now()
        self._added = timedelta()
        self._listeners: list[Callable[[timedelta], None]] = []

    def now(self) -> datetime:
        """The current virtual instant, aware UTC."""
        return self._real.now() + self._shift + self._added

    def uptime(self) -> float:
        """Seconds that went by, those that were added included: moving is no clock step, time really passes."""
        return self._real.uptime() + self._added.total_seconds()

    def boot_id(self) -> str:
        """That of the machine."""
        return self._real.boot_id()

    def advance(self, by: timedelta) -> None:
        """Move forward.

        Raises:
            ValueError: ``by`` is negative; this clock never goes back.
        """
        if by < timedelta():
            raise ValueError("the virtual clock moves forward only")
        self._added += by
        for listener in self._listeners:
            listener(self.shift)

    def follow(self, listener: Callable[[timedelta], None]) -> None:
        """Tell the shift now and whenever it changes."""
        self._listeners.append(listener)
        listener(self.shift)

    @property
    def shift(self) -> timedelta:
        """How far this clock is ahead of the real one; negative when behind."""
        return self._shift + self._added


@contextmanager
def gnupg_follows(clock: VirtualClock) -> Iterator[None]:
    """Put before ``gpg``, on this process's PATH, a two-line script that hands it the virtual time.

    Raises:
        OwnKeyUnusable: there is no gpg on this machine.
    """
    gpg, path = shutil.which("gpg"), os.environ.get("PATH", "")
    if gpg is None:
        raise OwnKeyUnusable(reason=said("GnuPG n'est pas installé sur cette machine."))
    with tempfile.TemporaryDirectory(prefix="demo-gpg-") as folder:
        shift, script = Path(folder, "shift"), Path(folder, "gpg")
        clock.follow(lambda ahead: _replace(shift, f"{round(ahead.total_seconds())}\n"))
        script.write_text(
            f"#!/bin/sh\nread -r shift < {shlex.quote(str(shift))}\n"
            f'exec {shlex.quote(gpg)} --faked-system-time "$(( $(date +%s) + shift ))" "$@"\n',
            encoding="utf-8",
        )
        script.chmod(0o700)
        os.environ["PATH"] = f"{folder}{os.pathsep}{path}"
        try:
            yield
        finally:
            os.environ["PATH"] = path


def _replace(path: Path, text: str) -> None:
    """A gpg that starts now reads the old content or the new one, never half of it."""
    fresh = path.with_suffix(".new")
    fresh.write_text(text, encoding="ascii")
    fresh.replace(path)
