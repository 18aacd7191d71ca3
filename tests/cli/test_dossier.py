"""``gateway dossier`` as it is typed: exported where the gateway is, verified where nothing of it is."""

import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gateway.adapters.log_key import generate_log_key
from gateway.adapters.openpgp.keyfiles import generate
from gateway.cli.commands import app
from gateway.wire.container import pack, unpack
from tests.cli.conftest import Gateway
from tests.cli.installed import Installed, install, run_requests
from tests.services.fakes import FakeClock

NOW = datetime(2026, 2, 4, 9, tzinfo=UTC)

pytestmark = pytest.mark.skipif(
    shutil.which("gpg") is None and os.environ.get("CI") != "true", reason="needs GnuPG; in CI its absence is a failure"
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """A gateway with a key of its own, one for its log, and two cases whose period runs."""
    made = install(tmp_path_factory.mktemp("dossier") / "chu", FakeClock(NOW))
    folder = made.config.parent
    generate(folder, "CHU d'essai", "soins@hopital.test", "s")
    generate_log_key(folder / "audit.key")
    section = '[audit]\nkey = { file = "audit.key" }\n\n'
    made.config.write_text(made.config.read_text().replace("[reception]", f"{section}[reception]"), encoding="utf-8")
    run_requests(made, [NOW, NOW + timedelta(hours=1)])
    return made


def typed(*arguments: str | Path, code: int = 0) -> Result:
    """Run a command."""
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == code, (done.output, done.exception)
    return done


def exported(made: Installed, path: Path, *options: str) -> Path:
    """A dossier of the first case."""
    typed("dossier", "export", "7F3K-Q1", "-o", path, "--config", made.config, *options)
    return path


def test_it_verifies_where_nothing_of_the_gateway_is(made: Installed, tmp_path: Path) -> None:
    """No configuration, no database, another process in an empty folder; with the log's key from elsewhere."""
    path = exported(made, tmp_path / "d.zip")
    assert path.stat().st_mode & 0o077 == 0
    key = typed("audit", "key", "--config", made.config).stdout.strip()
    clean = {name: value for name, value in os.environ.items() if name != "GATEWAY_CONFIG"}
    command = [sys.executable, "-m", "gateway", "dossier", "verify", "d.zip", "--json", "--key", key]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, env=clean)
    told = json.loads(done.stdout)
    assert (told["verified"], told["vouched"], told["key_given"], told["case"]) == (True, True, True, "7F3K-Q1")
    assert told["unproved"] == []
    assert told["key"] == key


def test_its_answer_in_json_is_json_alone(made: Installed, tmp_path: Path) -> None:
    """What the gateway logs on the way goes elsewhere."""
    path = tmp_path / "d.zip"
    done = typed("dossier", "export", "7F3K-Q1", "-o", path, "--json", "--config", made.config)
    assert json.loads(done.stdout) == {"file": str(path), "size": path.stat().st_size, "with_content": False}


def test_the_explanation_is_that_of_the_clock(made: Installed, tmp_path: Path) -> None:
    """The same JSON as ``gateway clock explain``, whose acceptances are elsewhere; the other case is not in it."""
    entries = unpack(exported(made, tmp_path / "d.zip").read_bytes())
    explained = json.loads(typed("clock", "explain", "7F3K-Q1", "--json", "--config", made.config).stdout)
    told = [{name: value for name, value in period.items() if name != "acceptances"} for period in explained]
    assert json.loads(entries["calendrier/delais.json"]) == told
    assert b"7F3K-Q2" not in b"".join(entries.values())


def test_both_languages_tell_the_same(made: Installed, tmp_path: Path, gateway: Gateway) -> None:
    """What was verified, under which key, and what is not proved."""
    path = exported(made, tmp_path / "d.zip")
    french, english = gateway("dossier", "verify", str(path)), gateway("dossier", "verify", str(path), "--lang", "en")
    assert "intact" in french.out
    assert "Remarque : Aucun horodatage ne date ce point de contrôle." in french.out
    assert "Remark: No time stamp dates this checkpoint." in english.out
    assert "soins-passerelle/chu-essai/" in french.out


def test_what_was_changed_is_named_and_ends_with_7(made: Installed, tmp_path: Path, gateway: Gateway) -> None:
    """In both languages; the file stays as it is."""
    path = exported(made, tmp_path / "d.zip")
    entries = unpack(path.read_bytes())
    bad = tmp_path / "bad.zip"
    bad.write_bytes(pack({**entries, "RESUME.pdf": entries["RESUME.pdf"] + b"x"}))
    french, english = gateway("dossier", "verify", str(bad)), gateway("dossier", "verify", str(bad), "--lang", "en")
    assert (french.code, english.code) == (7, 7)
    assert "RESUME.pdf n'a pas l'empreinte de la liste" in french.words
    assert "RESUME.pdf does not have the hash that the list gives" in english.words
    (tmp_path / "noise.zip").write_bytes(b"PK\x03\x04" + bytes(100))
    assert gateway("dossier", "verify", str(tmp_path / "noise.zip")).code == 7
    other = "chu/s+" + typed("audit", "key", "--config", made.config).stdout.strip().split("+", 1)[1]
    assert gateway("dossier", "verify", str(path), "--key", other).code == 7


def test_what_cannot_be_done_is_refused(made: Installed, tmp_path: Path) -> None:
    """An unknown case, a file that is there already, one that is not; nothing is written or recorded."""
    path = exported(made, tmp_path / "d.zip")
    before = typed("audit", "query", "--event", "dossier.exported", "--count", "--config", made.config).stdout
    typed("dossier", "export", "7F3K-Q1", "-o", path, "--config", made.config, code=1)
    typed("dossier", "export", "9999-99", "-o", tmp_path / "e.zip", "--config", made.config, code=1)
    typed("dossier", "verify", tmp_path / "absent.zip", code=1)
    assert not (tmp_path / "e.zip").exists()
    after = typed("audit", "query", "--event", "dossier.exported", "--count", "--config", made.config).stdout
    assert before == after
