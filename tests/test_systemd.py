"""The shipped systemd unit is understood, hardened, hands over the secrets, and leaves the gateway what it needs."""

import shutil
import subprocess
from pathlib import Path

from tests.mailserver import cannot_run

UNIT = Path(__file__).parents[1] / "config" / "systemd" / "soins-passerelle.service"
EXPOSURE = 15
"""Tenths: systemd's own measure of what a service could still reach; a bare unit scores 96."""


def analyze(*words: str) -> subprocess.CompletedProcess[str]:
    """What systemd says of a file, without a running systemd."""
    if shutil.which("systemd-analyze") is None:
        cannot_run("Debian packages missing: systemd")
    return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, check=False)


def settings() -> list[str]:
    """The unit's lines, without remarks."""
    return [line for line in UNIT.read_text(encoding="utf-8").splitlines() if line and line[0] != "#"]


def test_the_unit_exposes_little() -> None:
    """``systemd-analyze security --offline`` judges the file itself; above the threshold it fails."""
    done = analyze("security", "--offline=true", f"--threshold={EXPOSURE}", "--no-pager", str(UNIT))

    assert done.returncode == 0, done.stdout[-300:] + done.stderr


def test_a_unit_without_its_walls_is_above_the_threshold(tmp_path: Path) -> None:
    """The measure can fail."""
    bare = tmp_path / "bare.service"
    bare.write_text("[Service]\nExecStart=/bin/true\n")

    assert analyze("security", "--offline=true", f"--threshold={EXPOSURE}", "--no-pager", str(bare)).returncode != 0


def complaints(text: str, folder: Path) -> list[str]:
    """What systemd does not understand of a unit whose program is on this machine."""
    copy = folder / UNIT.name
    program = next(line for line in settings() if line.startswith("ExecStart="))
    copy.write_text(text.replace(program, "ExecStart=/bin/true"), encoding="utf-8")
    done = analyze("verify", "--man=no", str(copy))
    return [line for line in (done.stdout + done.stderr).splitlines() if copy.name in line]


def test_systemd_knows_every_word_of_the_unit(tmp_path: Path) -> None:
    """A word that it does not know is ignored at the start, and a wall with it."""
    text = UNIT.read_text(encoding="utf-8")

    assert complaints(text, tmp_path) == []
    (told,) = complaints(text.replace("ProtectHome=", "ProtectHouse="), tmp_path)
    assert "ProtectHouse" in told


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
