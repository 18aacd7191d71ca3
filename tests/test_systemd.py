"""The shipped systemd units are understood, hardened, hand over the secrets, and leave the gateway what it needs."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.mailserver import cannot_run

FOLDER = Path(__file__).parents[1] / "config" / "systemd"
UNIT = FOLDER / "soins-passerelle.service"
BACKUP, TIMER = FOLDER / "soins-passerelle-backup.service", FOLDER / "soins-passerelle-backup.timer"
SERVICES = (UNIT, BACKUP)
EXPOSURE = 15
"""Tenths: systemd's own measure of what a service could still reach; a bare unit scores 96."""


def analyze(*words: str) -> subprocess.CompletedProcess[str]:
    """What systemd says of a file, without a running systemd."""
    if shutil.which("systemd-analyze") is None:
        cannot_run("Debian packages missing: systemd")
    return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, check=False)


def settings(unit: Path = UNIT) -> list[str]:
    """A unit's lines, without remarks."""
    return [line for line in unit.read_text(encoding="utf-8").splitlines() if line and line[0] != "#"]


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.stem)
def test_a_service_exposes_little(unit: Path) -> None:
    """``systemd-analyze security --offline`` judges the file itself; above the threshold it fails."""
    done = analyze("security", "--offline=true", f"--threshold={EXPOSURE}", "--no-pager", str(unit))

    assert done.returncode == 0, done.stdout[-300:] + done.stderr


def test_a_unit_without_its_walls_is_above_the_threshold(tmp_path: Path) -> None:
    """The measure can fail."""
    bare = tmp_path / "bare.service"
    bare.write_text("[Service]\nExecStart=/bin/true\n")

    assert analyze("security", "--offline=true", f"--threshold={EXPOSURE}", "--no-pager", str(bare)).returncode != 0


def complaints(text: str, unit: Path, folder: Path) -> list[str]:
    """What systemd does not understand of a unit whose programs are on this machine."""
    copy = folder / unit.name
    copy.write_text(re.sub(r"(?m)^(ExecStart(?:Post)?)=.*", r"\1=/bin/true", text), encoding="utf-8")
    done = analyze("verify", "--man=no", str(copy))
    return [line for line in (done.stdout + done.stderr).splitlines() if copy.name in line]


@pytest.mark.parametrize(
    ("unit", "word"), [(UNIT, "ProtectHome="), (BACKUP, "ProtectHome="), (TIMER, "OnCalendar=")], ids=str
)
def test_systemd_knows_every_word_of_a_unit(unit: Path, word: str, tmp_path: Path) -> None:
    """A word that it does not know is ignored at the start, and a wall with it."""
    text = unit.read_text(encoding="utf-8")
    # A timer is judged with the service that it starts.
    shutil.copy(BACKUP, tmp_path)

    assert complaints(text, unit, tmp_path) == []
    told = complaints(text.replace(word, "House="), unit, tmp_path)
    assert any("House" in line for line in told)


def test_the_timer_starts_the_backup_every_night() -> None:
    """Its own name says which service; a night that the machine slept through is made up for."""
    assert TIMER.stem == BACKUP.stem
    assert "Persistent=true" in settings(TIMER)
    calendar = next(line.partition("=")[2] for line in settings(TIMER) if line.startswith("OnCalendar="))
    assert analyze("calendar", calendar).returncode == 0


def test_the_nightly_backup_is_the_command_that_exists() -> None:
    """With the configuration and the account of the service; old ones go only after a new one came."""
    told = settings(BACKUP)
    (command,) = [line.partition("=")[2].split() for line in told if line.startswith("ExecStart=")]

    assert command[1:] == ["backup", "/mnt/sauvegardes", "--config", "/etc/soins-passerelle/gateway.toml"]
    assert command[0] == next(line.partition("=")[2].split()[0] for line in settings() if line.startswith("ExecStart="))
    assert "User=passerelle" in told
    assert "ReadWritePaths=/mnt/sauvegardes" in told
    assert told.index(next(line for line in told if line.startswith("ExecStartPost="))) > 0


def test_secrets_are_handed_over_by_systemd() -> None:
    """LoadCredential, under the names that the unit's own remarks and the configuration use."""
    loaded = [line.partition("=")[2].split(":")[0] for line in settings() if line.startswith("LoadCredential=")]

    assert loaded == ["master.key", "passphrase", "audit.key", "mail-password"]
    assert '{ credential = "master.key" }' in UNIT.read_text(encoding="utf-8")


def test_the_unit_leaves_the_gateway_what_it_needs() -> None:
    """The start identifier under /proc/sys, limits for the worker, a private folder for keyrings, a ready notice."""
    told = settings()

    assert "Type=notify" in told
    assert "ProcSubset=pid" not in told
    assert "SystemCallFilter=setrlimit prlimit64" in told
    assert "Environment=XDG_RUNTIME_DIR=/run/soins-passerelle" in told
