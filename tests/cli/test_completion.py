"""Shell completion as it is documented: bash itself asks, the program answers."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BASH = shutil.which("bash")
PROGRAM = Path(sys.executable).with_name("gateway")
ASK = """
source {script}
COMP_WORDS=({words}) COMP_CWORD={last}
_gateway_completion gateway
printf '%s\\n' "${{COMPREPLY[@]}}"
"""

pytestmark = pytest.mark.skipif(
    (BASH is None or not PROGRAM.exists()) and os.environ.get("CI") != "true", reason="needs bash and the program"
)


def bash(script: str, home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a shell that knows nothing yet."""
    return subprocess.run(
        [BASH or "bash", "--norc", "-c", f"{script}\ntrue"],  # the last word keeps bash itself the parent
        env={"PATH": f"{PROGRAM.parent}:/usr/bin:/bin", "HOME": str(home), **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the program gives bash."""
    folder = tmp_path_factory.mktemp("completion")
    done = bash("gateway --show-completion > ~/completion", folder)
    assert done.stderr == ""
    return folder / "completion"


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        (["ca"], {"calendar", "case", "cases"}),
        (["keys", ""], {"list", "import", "export", "retire", "compromised", "generate", "new-master", "rewrap"}),
        (["clock", "compute", "--rec"], {"--received"}),
        (["--lang", "e"], {"en"}),
        (["--lang", "en", "au"], {"audit"}),
        (["status", "zzz"], {""}),
    ],
)
def test_bash_completes(typed: list[str], offered: set[str], script: Path, tmp_path: Path) -> None:
    """Commands, commands of a group, options, values."""
    words = " ".join(shlex.quote(word) for word in ("gateway", *typed))

    done = bash(ASK.format(script=script, words=words, last=len(typed)), tmp_path)

    assert done.stderr == ""
    assert set(done.stdout.splitlines()) == offered


def test_it_installs_itself_and_says_so(tmp_path: Path) -> None:
    """In French or in English; the next shell completes without more ado."""
    french = bash("gateway --install-completion", tmp_path)
    english = bash("gateway --install-completion", tmp_path, LANG="en_GB.UTF-8")
    later = bash("source ~/.bashrc; complete -p gateway", tmp_path)

    script = tmp_path / ".bash_completions" / "gateway.sh"
    assert french.stdout == f"Complétion pour bash installée : {script}\nElle sera active dans le prochain terminal.\n"
    assert english.stdout.startswith(f"bash completion installed in {script}\n")
    assert "_gateway_completion" in later.stdout
