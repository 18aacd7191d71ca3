"""The package as « pip install » gives it: in an environment of its own, outside of the source tree."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.system.gateways import PATIENCE

pytestmark = [pytest.mark.package, pytest.mark.system, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
SOURCES = ("gateway", "config", "pyproject.toml", "README.md", "LICENSE")
INSTALL_SECONDS = 300.0


@pytest.fixture(scope="module")
def wheel(place: Path) -> Path:
    """The wheel, made from a copy: building leaves files beside what it builds."""
    copy, dist = place / "source", place / "dist"
    copy.mkdir()
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy)
    pip(sys.executable, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(dist), str(copy))
    shutil.rmtree(copy)
    (made,) = dist.iterdir()
    return made


class Environment:
    """An environment with nothing but the wheel and what it asks for, in the versions of the lock file."""

    def __init__(self, folder: Path, wheel: Path) -> None:
        self.folder = folder
        self._wheel = wheel
        self._home = folder / "home"
        self._versions = folder / "versions"
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        self._home.mkdir()
        locked = (ROOT / "requirements-dev.lock").read_text(encoding="utf-8")
        self._versions.write_text("\n".join(re.findall(r"^[\w.-]+==\S+", locked, re.MULTILINE)))

    def install(self, extra: str = "") -> None:
        """The wheel, with an extra."""
        python = str(self.folder / "bin" / "python")
        pip(python, "install", "--constraint", str(self._versions), f"{self._wheel}{extra}")

    def run(self, *words: str, seconds: float = PATIENCE) -> subprocess.CompletedProcess[str]:
        """A program of the environment, in an empty folder, without any variable that speaks of the sources."""
        return subprocess.run(
            [str(self.folder / "bin" / words[0]), *words[1:]],
            cwd=self._home,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TMPDIR": str(self.folder.parent)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )


def pip(python: str, *arguments: str) -> None:
    """Run pip; a failure shows what it said."""
    done = subprocess.run(
        [python, "-m", "pip", "--disable-pip-version-check", *arguments],
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=INSTALL_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


@pytest.fixture(scope="module")
def environment(wheel: Path, place: Path) -> Environment:
    """Installed without extras."""
    made = Environment(place / "env", wheel)
    made.install()
    return made


def test_it_holds_the_package_alone(environment: Environment) -> None:
    """No tests, no tools; what it asks for is there, and the type checker of a user finds our types."""
    told = environment.run("python", "-m", "pip", "show", "--files", "soins-gateway").stdout
    files = [line.strip() for line in told.partition("Files:")[2].splitlines() if line.strip()]

    tops = {name.partition("/")[0] for name in files if not name.startswith("../")}
    assert {top for top in tops if ".dist-info" not in top} == {"gateway"}
    assert "gateway/py.typed" in files
    assert environment.run("python", "-m", "pip", "check").returncode == 0


def test_its_commands_answer(environment: Environment) -> None:
    """Version, contents, and a period by the calendar that the wheel carries."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        version = tomllib.load(file)["project"]["version"]

    assert environment.run("gateway", "--version").stdout == f"gateway {version}\n"
    assert environment.run("gateway", "--help").returncode == 0
    period = environment.run("gateway", "clock", "compute", "--received", "2026-02-05T10:00:00+01:00", "--json")
    assert len(json.loads(period.stdout)["counted_days"]) == 4


def test_the_demonstration_runs_once_its_extra_is_there(environment: Environment) -> None:
    """Without it, the command names what is missing; with it, both stories end well and leave nothing."""
    asked = environment.run("gateway", "demo")
    assert (asked.returncode, asked.stdout) == (2, "")
    assert "soins-gateway[demo]" in asked.stderr

    environment.install("[demo]")
    before = set(environment.folder.parent.iterdir())
    shown = environment.run("gateway", "demo", seconds=3 * PATIENCE)

    assert (shown.returncode, shown.stderr) == (0, "")
    assert "Deux histoires" in shown.stdout
    assert set(environment.folder.parent.iterdir()) == before
