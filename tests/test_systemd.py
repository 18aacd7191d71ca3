"""The shipped systemd unit is hardened, and does not forbid what the gateway needs."""

import shutil
import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[1] / "config" / "systemd" / "soins-passerelle.service"
EXPOSURE = 15
"""Tenths: systemd's own measure of what a service could still reach; a bare unit scores 96."""


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not on this machine")
def test_the_unit_exposes_little() -> None:
    """``systemd-analyze security --offline`` judges the file itself; above the threshold it fails."""
    command = ["systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE}", "--no-pager", str(UNIT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-300:] + done.stderr


def test_the_unit_leaves_the_gateway_what_it_needs() -> None:
    """The start identifier under /proc/sys, limits for the worker, a private folder for keyrings, a ready notice."""
    settings = [line for line in UNIT.read_text(encoding="utf-8").splitlines() if line and line[0] != "#"]
    assert "Type=notify" in settings
    assert "ProcSubset=pid" not in settings
    assert "SystemCallFilter=setrlimit prlimit64" in settings
    assert "Environment=XDG_RUNTIME_DIR=/run/soins-passerelle" in settings
