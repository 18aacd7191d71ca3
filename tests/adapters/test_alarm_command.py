"""The command that tells alarms when mail does not: what it gets, and every way in which it fails."""

import json
import os
import stat
import time
from pathlib import Path

import pytest

from gateway.adapters.alarm_command import AlarmCommand
from gateway.domain.errors import OtherPathFailed

TOLD: dict[str, str | int | None] = {
    "alarm": 12,
    "event": "start",
    "sentence": "L'heure a sauté ; « $(id) » `id` 'x' \"y\"",
    "case": None,
}


def script(folder: Path, text: str) -> str:
    """A program of the hospital's own."""
    path = folder / "prevenir"
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o700)
    return str(path)


async def test_it_gets_the_alarm_on_its_input_and_its_arguments_as_they_are(tmp_path: Path) -> None:
    """No shell reads either: what looks like a command is text."""
    given, arguments = tmp_path / "given", tmp_path / "arguments"
    command = script(tmp_path, f'cat > "{given}"; printf "%s\\n" "$@" > "{arguments}"')

    await AlarmCommand((command, "$(id)", "a b"), seconds=10).tell(TOLD)

    assert json.loads(given.read_text(encoding="utf-8")) == TOLD
    assert arguments.read_text(encoding="utf-8").splitlines() == ["$(id)", "a b"]


async def test_it_sees_no_secret_of_our_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The master key may stand in a variable; a proxy it may need."""
    monkeypatch.setenv("GATEWAY_MASTER_KEY", "secret-des-secrets")
    monkeypatch.setenv("https_proxy", "http://mandataire.test:3128")
    seen = tmp_path / "seen"

    await AlarmCommand((script(tmp_path, f'env > "{seen}"'),), seconds=10).tell(TOLD)

    assert "https_proxy=http://mandataire.test:3128" in seen.read_text()
    assert "secret-des-secrets" not in seen.read_text()


async def test_one_that_reads_nothing_succeeds_by_its_code(tmp_path: Path) -> None:
    """However much it is given."""
    await AlarmCommand((script(tmp_path, "exit 0"),), seconds=10).tell(TOLD | {"sentence": "x" * 200_000})


async def test_a_code_that_is_not_zero_is_a_failure(tmp_path: Path) -> None:
    """Nobody was called."""
    with pytest.raises(OtherPathFailed, match="code 3"):
        await AlarmCommand((script(tmp_path, "exit 3"),), seconds=10).tell(TOLD)


async def test_one_that_is_not_there_is_a_failure(tmp_path: Path) -> None:
    """So is one that may not be run."""
    absent = tmp_path / "absent"
    with pytest.raises(OtherPathFailed, match="ne démarre pas"):
        await AlarmCommand((str(absent),), seconds=10).tell(TOLD)
    absent.write_text("#!/bin/sh\n")
    absent.chmod(stat.S_IRUSR)
    with pytest.raises(OtherPathFailed, match="ne démarre pas"):
        await AlarmCommand((str(absent),), seconds=10).tell(TOLD)


async def test_one_that_does_not_end_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    """It would otherwise call people at an hour of its own, and the gateway would wait for it."""
    pids = tmp_path / "pids"
    command = script(tmp_path, f'sleep 60 & echo $! >> "{pids}"; echo $$ >> "{pids}"; wait')

    with pytest.raises(OtherPathFailed, match="à temps"):
        await AlarmCommand((command,), seconds=0.5).tell(TOLD)

    started = [int(pid) for pid in pids.read_text().split()]
    assert len(started) == 2
    assert [pid for pid in started if alive(pid)] == []


def alive(pid: int) -> bool:
    """Whether a process still runs; a killed one may take a moment to go."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        try:
            os.kill(pid, 0)
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return False
        except (ProcessLookupError, FileNotFoundError):
            return False
    return True
