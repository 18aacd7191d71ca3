"""The command: what it prints, its JSON, its exit codes, on installations without any server."""

import asyncio
import json
import os
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from gateway.cli.commands import app
from gateway.doctor import examination, machine
from gateway.doctor.finding import Finding, fine
from gateway.doctor.installation import Installation
from tests.doctor.place import Place

UNWELL = 8


def doctor(config: Path, *options: str) -> Result:
    """The command, in this process."""
    return CliRunner().invoke(app, ["doctor", "--config", str(config), *options])


def test_an_absent_configuration_is_a_finding(tmp_path: Path) -> None:
    """No traceback: what, why, mend, and what the machine itself says."""
    done = doctor(tmp_path / "absent.toml")

    assert done.exit_code == UNWELL
    assert f"  BLOQUANT     Le fichier de configuration {tmp_path / 'absent.toml'} est illisible.\n" in done.stdout
    assert "                 Pourquoi : Ce chemin n'existe pas.\n" in done.stdout
    assert "                 Remède : Indiquez un fichier existant avec --config" in done.stdout
    assert "\nMachine\n" in done.stdout
    assert done.stdout.endswith("\nÀ corriger : 1, dont bloquants : 1.\n")
    assert done.stderr == ""


def test_a_fresh_installation_lacks_only_its_servers_and_its_partners_keys(tmp_path: Path) -> None:
    """``gateway init`` names the command as the next step, and what it then finds is what is still to do."""
    config, password = tmp_path / "gateway.toml", tmp_path / "password"
    password.touch(mode=0o600)
    password.write_text("secret")
    options = {
        "config": config,
        "role": "hospital",
        "party": "chu",
        "name": "CHU",
        "address": "soins@hopital.test",
        "imap-host": "127.0.0.1",
        "imap-port": 1,
        "smtp-host": "127.0.0.1",
        "smtp-port": 1,
        "own-mta": "mx.hopital.test",
        "password-file": password,
        "cnas": "a@cnas.test",
        "cnse": "b@cnse.test",
    }
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    made = CliRunner().invoke(app, ["init", *words])
    assert f"gateway doctor -c {config}" in made.stdout

    done = doctor(config, "--json")

    wrong = {item["check"] for item in json.loads(done.stdout) if item["level"] in {"to_mend", "blocking"}}
    assert (done.exit_code, wrong) == (UNWELL, {"imap.login", "smtp.login", "keys.partner"})


def test_json_is_one_list_with_the_same_first_keys(tmp_path: Path) -> None:
    """Check, level, what, why, mend, then facts."""
    done = doctor(tmp_path / "absent.toml", "--json")

    found = json.loads(done.stdout)
    assert done.exit_code == UNWELL
    assert all(list(item)[:5] == ["check", "level", "what", "why", "mend"] for item in found)
    assert found[0]["check"] == "config.file"
    assert found[0]["error"] == "ConfigUnreadable"
    assert {item["level"] for item in found} <= {"ok", "to_know", "to_mend", "blocking"}


@pytest.fixture(autouse=True)
def mask() -> Iterator[None]:
    """The command closes its files to others; the next test starts as it was."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A sound installation without key and database."""
    return Place(tmp_path)


def sound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the checks of the machine."""
    wanted = tuple(check for check in examination.checks(wait=None) if check.name.startswith("machine."))
    monkeypatch.setattr(examination, "checks", lambda **_: wanted)


def test_what_is_only_to_know_is_no_reason_to_fail(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 0, and it says so."""
    sound(monkeypatch)
    monkeypatch.setattr(machine, "library_injects", lambda: True)

    done = doctor(place.config)

    assert done.exit_code == 0
    assert "à savoir" in done.stdout
    assert done.stdout.endswith("\nRien à corriger.\n")


def test_the_time_to_wait_reaches_the_trial(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """And --no-probe means that there is none."""
    asked: list[Any] = []

    def no_checks(*, wait: float | None) -> tuple[()]:
        asked.append(wait)
        return ()

    monkeypatch.setattr(examination, "checks", no_checks)
    for options in ((), ("--wait", "7"), ("--no-probe",)):
        assert doctor(place.config, *options).exit_code == 0

    assert asked == [60, 7, None]
    assert doctor(place.config, "--wait", "0").exit_code == 2


def test_a_check_that_hangs_does_not_keep_the_command(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was found is printed, then the process ends, whatever its threads wait for."""
    over, ended = threading.Event(), []

    async def hang(_: Installation) -> AsyncIterator[Finding]:
        await asyncio.to_thread(over.wait)
        yield fine("machine.gnupg", "trop tard")

    hanging = examination.Check(name="machine.gnupg", look=hang, seconds=0.1)
    monkeypatch.setattr(examination, "checks", lambda **_: (hanging,))
    monkeypatch.setattr(examination, "CANCEL_SECONDS", 0.1)

    def end(code: int) -> None:
        ended.append(code)
        over.set()

    monkeypatch.setattr(os, "_exit", end)

    done = doctor(place.config)

    assert ended == [UNWELL]
    assert "n'a pas fini" in done.stdout
