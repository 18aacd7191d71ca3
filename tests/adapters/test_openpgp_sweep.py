"""Homes that a killed process left behind are removed at the next start; homes in use are left alone."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.adapters.openpgp.home import open_home, sweep_homes
from gateway.adapters.openpgp.keyfiles import generate

PASSPHRASE = "kf8sQ2LxVb71-mZp0aYt6RwC3"
LEAVE_BEHIND = """
import os, signal, sys
from pathlib import Path
from gateway.adapters.openpgp.home import open_home
print(open_home(Path(sys.argv[1]), []).path, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_only_abandoned_homes_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One process dies by SIGKILL with an open home, another home is in use: the first one goes."""
    # A base of our own: other tests have homes in the usual one.
    base = Path("/tmp", f"gwsweep{os.getpid()}")  # noqa: S108  short, and removed below
    base.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(base))
    generate(tmp_path, "Essai", "essai@hopital.test", PASSPHRASE)
    own = tmp_path / "openpgp"
    killed = subprocess.run([sys.executable, "-c", LEAVE_BEHIND, str(own)], capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL
    abandoned = Path(killed.stdout.decode().strip())
    assert abandoned.exists()
    home = open_home(own, [])
    try:
        assert sweep_homes() == 1
        assert not abandoned.exists()
        assert home.path.exists()
        assert sweep_homes() == 0
    finally:
        home.close()
    base.rmdir()
