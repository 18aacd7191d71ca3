"""Rehearsals as a person runs them: each partner's behaviour ends as the law and the design say, and tells it."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.demo.scenarios import SCENARIOS

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(
        shutil.which("gpg") is None and os.environ.get("CI") != "true",
        reason="needs GnuPG; in CI its absence is a failure",
    ),
]

# What the hospital's own command says of the request at the end, and what else must be told, or must not.
ENDS = {
    "silent": ("réputée acceptée", ("une seule fois",)),
    "late": ("réputée acceptée", ("Refus",)),
    "mdn-only": ("réputée acceptée", ("à titre provisoire", "Confirmé, en son nom")),
    "dsn-only": ("partie, sans accusé", ("sans accusé de réception",)),
    "duplicates": ("refusée", ("Refus",)),
    "out-of-order": ("refusée", ("L'accusé de réception arrive enfin",)),
    "forgets-cnse": ("refusée", ("la copie que la CNAS avait oubliée",)),
    "clear-text": ("acceptée", ("ni scellé ni signé",)),
}


def gateway(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the program to its end."""
    return subprocess.run(
        [sys.executable, "-m", "gateway", *arguments],
        env={**os.environ, "TMPDIR": str(folder), "XDG_RUNTIME_DIR": str(folder), "LANGUAGE": "fr"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_every_scenario_has_its_end_here() -> None:
    """None is added without saying how it must end."""
    assert set(ENDS) == set(SCENARIOS)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_partner_who_behaves_so_ends_there(scenario: str, tmp_path: Path) -> None:
    """The state, what a person had to do, both logs intact, and nothing left behind."""
    state, told = ENDS[scenario]
    done = gateway(tmp_path, "rehearse", scenario)
    assert (done.returncode, done.stderr) == (0, "")
    shown = rf"│ Demande n° [0-9]+ du [0-9/]+ \([0-9a-f]{{12}}\) : {re.escape(state)}"
    assert re.search(shown, done.stdout), done.stdout
    for words in told:
        assert words in done.stdout
    assert done.stdout.count("Journal intact") >= 2
    assert "Ce qu'il fallait voir" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_without_a_name_all_are_listed_and_a_wrong_one_is_refused(tmp_path: Path) -> None:
    """A list to choose from; a fault that names the choices."""
    listed = gateway(tmp_path, "rehearse")
    assert listed.returncode == 0
    assert [line.split()[0] for line in listed.stdout.splitlines() if line.startswith("  ") and line[2] != " "] == [
        *SCENARIOS
    ]
    wrong = gateway(tmp_path, "rehearse", "jamais")
    assert wrong.returncode == 2
    assert "mdn-only" in wrong.stderr


def test_what_a_rehearsal_kept_is_refused_by_the_real_service(tmp_path: Path) -> None:
    """Its bases are marked; the mails lie there as they travelled, those in clear included."""
    kept = tmp_path / "kept"
    assert gateway(tmp_path, "rehearse", "clear-text", "--keep", str(kept)).returncode == 0
    assert gateway(tmp_path, "run", "--config", str(kept / "hopital" / "gateway.toml")).returncode == 3
    mails = [path.read_bytes() for path in (kept / "mails" / "hopital").iterdir()]
    assert any(b"acceptons" in raw for raw in mails)
