"""The commands on keys where one partner is in S/MIME and the other in OpenPGP, as an administrator types them."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from typer.testing import CliRunner

from gateway.adapters.clock import SystemClock
from gateway.adapters.openpgp.keyfiles import export_public, generate
from gateway.adapters.smime.certificates import fingerprint, pem, read_certificate
from gateway.cli.commands import app
from gateway.config import load
from gateway.domain.errors import FingerprintMismatch, KeyFileInvalid, NotAllowed
from tests.adapters.smime.people import Person, person, rsa_key

NOW = SystemClock().now()
CNAS: Person = person("cnas", key=rsa_key(), start=NOW - timedelta(days=1), end=NOW + timedelta(days=90))


def install(folder: Path, *options: str) -> Path:
    """``gateway init`` of a hospital; the configuration."""
    (folder / "mot-de-passe").write_text("secret")
    (folder / "mot-de-passe").chmod(0o600)
    config = folder / "gateway.toml"
    arguments = ["--role", "hospital", "--party", "chu", "--name", "CHU d'essai", "--address", "soins@chu.test"]
    arguments += ["--imap-host", "imap.chu.test", "--smtp-host", "smtp.chu.test", "--own-mta", "mx.chu.test"]
    arguments += ["--cnas", "soins@cnas.test", "--cnse", "medical@cnse.test"]
    arguments += ["--password-file", str(folder / "mot-de-passe"), "--config", str(config), *options]
    done = CliRunner().invoke(app, ["init", *arguments])
    assert done.exit_code == 0, done.output
    (folder / "said").write_text(done.output)
    return config


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hospital whose CNAS is in S/MIME; its key is pinned, that of the CNSE as well."""
    folder = tmp_path_factory.mktemp("hopital")
    path = install(folder, "--smime-partner", "cnas")
    (folder / "cnas.pem").write_text(pem(CNAS.certificate))
    spoken = ":".join(f"{octet:02x}" for octet in bytes.fromhex(fingerprint(CNAS.certificate)))
    keys(path, "import", str(folder / "cnas.pem"), "--partner", "cnas", "--fingerprint", spoken)
    cnse = generate(folder / "cnse", "CNSE", "medical@cnse.test", "phrase-secrete-longue")
    (folder / "cnse.asc").write_text(export_public(folder / "cnse" / "openpgp"))
    keys(path, "import", str(folder / "cnse.asc"), "--partner", "cnse", "--fingerprint", cnse)
    return path


def keys(config: Path, *arguments: str) -> str:
    """A command that must succeed; what it prints."""
    done = CliRunner().invoke(app, ["keys", *arguments, "--config", str(config)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout


def listed(config: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """Rows of ``keys list``, by owner and suite."""
    return {(row["owner"], row["suite"]): row for row in json.loads(keys(config, "list", "--json"))}


def test_init_writes_both_suites(config: Path) -> None:
    """The partner's suite, our section, a private key that only we read, and what to do next."""
    settings = load(config)
    assert {name: each.suite for name, each in settings.partners.items()} == {"cnas": "smime", "cnse": "openpgp"}
    assert settings.smime is not None
    assert settings.smime.key.path().stat().st_mode & 0o077 == 0
    said = (config.parent / "said").read_text()
    assert "keys export --suite smime" in said
    assert "keys import cnas.pem --partner cnas" in said
    assert "keys import cnse.asc --partner cnse" in said


def test_init_without_such_a_partner_makes_no_certificate(tmp_path: Path) -> None:
    """Nobody keeps a key that nobody uses."""
    assert load(install(tmp_path)).smime is None
    assert not (tmp_path / "keys" / "smime.key").exists()


def test_all_keys_are_listed_with_their_suite(config: Path) -> None:
    """Ours in both, each partner's in its own."""
    rows = listed(config)
    assert set(rows) == {("nous", "openpgp"), ("nous", "smime"), ("cnas", "smime"), ("cnse", "openpgp")}
    assert {row["state"] for row in rows.values()} == {"usable"}
    assert rows["cnas", "smime"]["fingerprint"] == fingerprint(CNAS.certificate)
    shown = keys(config, "list")
    assert "S/MIME" in shown
    assert "OpenPGP" in shown


def test_our_certificate_is_exported(config: Path, tmp_path: Path) -> None:
    """The file holds the certificate whose fingerprint is read on the telephone, and no private key."""
    keys(config, "export", "--suite", "smime", "--output", str(tmp_path / "nous.pem"))
    found = read_certificate((tmp_path / "nous.pem").read_bytes())
    assert fingerprint(found) == listed(config)["nous", "smime"]["fingerprint"]
    assert "PGP PUBLIC KEY" in keys(config, "export")


def test_a_certificate_in_der_is_taken_too(config: Path, tmp_path: Path) -> None:
    """As Windows exports it; the one that is known already is told so."""
    (tmp_path / "cnas.cer").write_bytes(CNAS.certificate.public_bytes(Encoding.DER))
    wanted = fingerprint(CNAS.certificate)
    with pytest.raises(KeyFileInvalid, match="déjà"):
        keys(config, "import", str(tmp_path / "cnas.cer"), "--partner", "cnas", "--fingerprint", wanted)


def test_another_fingerprint_imports_nothing(config: Path) -> None:
    """One digit was misheard, or the file is another's."""
    wrong = "0" + fingerprint(CNAS.certificate)[1:]
    wrong = wrong if wrong != fingerprint(CNAS.certificate) else "1" + wrong[1:]
    with pytest.raises(FingerprintMismatch):
        keys(config, "import", str(config.parent / "cnas.pem"), "--partner", "cnas", "--fingerprint", wrong)


def test_a_key_of_the_other_suite_is_refused(config: Path) -> None:
    """The configuration says what was agreed."""
    wanted = fingerprint(CNAS.certificate)
    with pytest.raises(KeyFileInvalid, match="openpgp"):
        keys(config, "import", str(config.parent / "cnas.pem"), "--partner", "cnse", "--fingerprint", wanted)


def test_a_gateway_without_a_certificate_says_so(tmp_path: Path) -> None:
    """Its configuration has no such section."""
    with pytest.raises(NotAllowed, match="smime"):
        keys(install(tmp_path), "export", "--suite", "smime")
    with pytest.raises(NotAllowed, match="smime"):
        keys(tmp_path / "gateway.toml", "generate", str(tmp_path / "next"), "--suite", "smime")
    assert not (tmp_path / "next").exists()
