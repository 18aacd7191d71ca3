"""``gateway certificate`` as it is typed: a file is written, or one sentence says why there is none."""

import io
import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pikepdf
import pytest
from typer.testing import CliRunner, Result

from gateway.adapters.log_key import generate_log_key
from gateway.cli.commands import app
from tests.cli.conftest import Gateway
from tests.cli.installed import Installed, install, record_silence, run_requests
from tests.services.fakes import FakeClock

NOW = datetime(2026, 2, 4, 9, tzinfo=UTC)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """A hospital with a key for its log: the silence of the first case is recorded, the second one waits."""
    made = install(tmp_path_factory.mktemp("certificate") / "chu", FakeClock(NOW))
    generate_log_key(made.config.parent / "audit.key")
    section = '[audit]\nkey = { file = "audit.key" }\n\n'
    made.config.write_text(made.config.read_text().replace("[reception]", f"{section}[reception]"), encoding="utf-8")
    run_requests(made, [NOW])
    record_silence(made)
    return made


def typed(*arguments: str | Path, code: int = 0) -> Result:
    """Run a command."""
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == code, (done.output, done.exception)
    return done


def test_it_writes_a_file_that_only_its_owner_reads(made: Installed, tmp_path: Path) -> None:
    """And says what is in it, to whom it may go, and that the log has it."""
    path = tmp_path / "c.pdf"
    done = typed("certificate", "7F3K-Q1", "-o", path, "--config", made.config)
    assert "Certificat du dossier 7F3K-Q1" in done.stdout
    assert "Il nomme le patient" in done.stdout
    assert path.stat().st_mode & 0o077 == 0
    with pikepdf.open(io.BytesIO(path.read_bytes())) as document:
        assert set(document.attachments) == {"certificat.json", "certificat.signature", "cle-de-verification.pem"}
    query = ("audit", "query", "--event", "certificate.issued", "--count", "--config", made.config)
    assert typed(*query).stdout.strip().endswith("1")


def test_its_language_is_the_one_asked_for(made: Installed, tmp_path: Path, gateway: Gateway) -> None:
    """The document's own, as another program reads it; in both the command says the same."""
    for code, told in (("fr", "Certificat du dossier"), ("en", "Certificate of case")):
        path = tmp_path / f"{code}.pdf"
        arguments = ("certificate", "7F3K-Q1", "-o", str(path), "--config", str(made.config), "--lang", code)
        assert told in gateway(*arguments).out
        with pikepdf.open(path) as document:
            assert document.Root.Lang == code


def test_json_says_what_it_is_about(made: Installed, tmp_path: Path) -> None:
    """The request, the effect, and whether it is in doubt."""
    path = tmp_path / "c.pdf"
    arguments = ("certificate", "7F3K-Q1", "-o", path, "--without-identity", "--json", "--config", made.config)
    told = json.loads(typed(*arguments).stdout)
    assert (told["file"], told["size"], told["contested"]) == (str(path), path.stat().st_size, False)
    assert told["effective_at"].endswith("T23:00:00Z")


def test_what_cannot_be_certified_is_refused_in_one_sentence(made: Installed, tmp_path: Path) -> None:
    """No file is left, none is replaced, and nothing is recorded."""
    query = ("audit", "query", "--event", "certificate.issued", "--count", "--config", made.config)
    before = typed(*query).stdout
    path = tmp_path / "c.pdf"
    typed("certificate", "9999-99", "-o", path, "--config", made.config, code=1)
    assert not path.exists()
    path.write_bytes(b"mine")
    typed("certificate", "7F3K-Q1", "-o", path, "--config", made.config, code=1)
    assert path.read_bytes() == b"mine"
    waiting = install(tmp_path / "other", FakeClock(NOW))
    run_requests(waiting, [NOW + timedelta(hours=1)])
    done = CliRunner().invoke(
        app, ["certificate", "7F3K-Q1", "-o", str(tmp_path / "d.pdf"), "--config", str(waiting.config)]
    )
    assert "délai en cours" in str(done.exception)
    assert typed(*query).stdout == before


def test_it_needs_no_gnupg(made: Installed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sealed: a certificate is made where the keys of the mail are not."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert shutil.which("gpg") is None
    typed("certificate", "7F3K-Q1", "-o", tmp_path / "c.pdf", "--config", made.config)
