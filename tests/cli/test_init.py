"""``gateway init`` at a terminal, answered as a newcomer answers it; and what an unfinished one leaves behind."""

import os
import pwd
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from gateway.cli import setup
from gateway.config import load
from gateway.domain.parties import Grade, PartnerKind
from tests import terminal
from tests.cli.conftest import Gateway
from tests.cli.test_told import INIT

pytestmark = pytest.mark.skipif(
    shutil.which("gpg") is None and os.environ.get("CI") != "true", reason="needs GnuPG; in CI its absence is a failure"
)


def answered(folder: Path, answers: Sequence[str]) -> tuple[int, str]:
    """``gateway init`` in this folder, answered so."""
    command = [sys.executable, "-m", "gateway", "init", "--config", "gateway.toml"]
    environment = {name: value for name, value in os.environ.items() if name != "SUDO_USER"}
    return terminal.answered(command, answers, folder=folder, environment=environment)


HOSPITAL = [
    *("hospital", "chu-essai", "CHU d'essai", "soins@hopital.test", "imap.hopital.test", "smtp.hopital.test"),
    *("mx1.hopital.test, mx2.hopital.test", "conv@cnas.test", "non", "medical@cnse.test", "oui", "secret"),
]


def test_a_newcomer_answers_questions_and_learns_what_comes_next(tmp_path: Path) -> None:
    """The CNAS of the first day has a mail program only; the next steps are commands to copy."""
    code, shown = answered(tmp_path, HOSPITAL)

    settings = load(tmp_path / "gateway.toml")
    cnas, cnse = settings.directory.partners
    assert code == 0
    assert "Serveur IMAP (TLS, port 993) : imap.hopital.test" in shown
    assert "secret" not in shown
    assert settings.reception.own_mta == ("mx1.hopital.test", "mx2.hopital.test")
    assert (cnas.kind, cnas.policy.starts_from) == (PartnerKind.MAIL, Grade.MDN)
    assert (cnse.kind, cnse.policy.starts_from) == (PartnerKind.GATEWAY, Grade.SIGNED_RECEIPT)
    assert (tmp_path / "keys" / "mail-password").read_text() == "secret\n"
    assert [line.strip() for line in shown.splitlines() if line.startswith("       ")] == [
        "gateway keys export -c gateway.toml > notre-cle.asc",
        "gateway keys import cnas.asc --partner cnas -c gateway.toml",
        "gateway keys import cnse.asc --partner cnse -c gateway.toml",
        "gateway doctor -c gateway.toml",
        "gateway run -c gateway.toml",
    ]


def test_whoever_installs_through_sudo_gets_commands_that_go_through_it(
    gateway: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next step, pasted as it is, must not be refused because it is another account's."""
    password = tmp_path / "password"
    password.write_text("secret\n")
    password.chmod(0o600)
    monkeypatch.setenv("SUDO_USER", "claire")

    done = gateway("init", "--config", str(tmp_path / "gateway.toml"), *INIT, "--password-file", str(password))

    account = pwd.getpwuid(os.getuid()).pw_name
    assert f"       sudo -u {account} gateway doctor -c " in done.out
    assert "       gateway" not in done.out


def test_a_wrong_answer_is_asked_again_at_once(tmp_path: Path) -> None:
    """Not after ten others, and nothing else is lost."""
    wrong = ["hôpital", "hospital", "CHU Essai", "chu-essai", "CHU d'essai", "soins", *HOSPITAL[3:8], "peut-être"]

    code, shown = answered(tmp_path, [*wrong, *HOSPITAL[8:]])

    assert code == 0
    for told in (
        "  hospital, cnas, cnse attendu\n",
        "  lettres minuscules sans accent, chiffres et tirets\n",
        "  adresse attendue, par exemple soins@hopital.fr\n",
        "  oui ou non attendu\n",
    ):
        assert told in shown


def test_an_installation_that_fails_leaves_no_configuration_and_keeps_its_keys(
    gateway: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next try asks nothing twice and makes no second key: the first may have been handed out."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "keys").mkdir(mode=0o700)
    (tmp_path / "keys" / "mail-password").touch(mode=0o600)
    (tmp_path / "keys" / "mail-password").write_text("secret\n")
    (tmp_path / "file").touch()
    typed = ("init", "--config", "gateway.toml", *INIT)

    refused = gateway(*typed, "--data", "file/data")
    made = (tmp_path / "keys" / "master.key").read_bytes()
    accepted = gateway(*typed)

    assert (refused.code, refused.out.startswith("Mot de passe de la messagerie : celui de ")) == (6, True)
    assert "Un élément du chemin n'est pas un dossier." in refused.err
    assert accepted.code == 0
    assert (tmp_path / "keys" / "master.key").read_bytes() == made


REFUSED = [
    ("--password-file absent", 3, "/absent est inutilisable."),
    ("--password-file open", 3, "Ses droits sont trop ouverts (0644)."),
    ("--mail-partner CNAS", 2, "valeur refusée pour --mail-partner : cnas, cnse attendu"),
    ("--smime-partner cpam", 2, "valeur refusée pour --smime-partner : cnas, cnse attendu"),
]


@pytest.mark.parametrize("refusal", REFUSED, ids=[row[0] for row in REFUSED])
def test_an_option_that_cannot_serve_is_refused_before_anything_is_said_to_be_written(
    refusal: tuple[str, int, str], gateway: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rather than found by the doctor afterwards."""
    typed, code, told = refusal
    monkeypatch.chdir(tmp_path)
    for name, mode in (("open", 0o644), ("password", 0o600)):
        (tmp_path / name).write_text("secret\n")
        (tmp_path / name).chmod(mode)

    done = gateway("init", "--config", "gateway.toml", *INIT, "--password-file", "password", *typed.split())

    assert (done.code, done.out) == (code, "")
    assert told in done.words
    assert not (tmp_path / "gateway.toml").exists()


def test_with_the_usual_configuration_data_lies_where_the_service_may_write(
    gateway: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under systemd /etc is read-only; and the next steps need no --config."""
    password, usual = tmp_path / "password", tmp_path / "etc" / "gateway.toml"
    password.write_text("secret\n")
    password.chmod(0o600)
    monkeypatch.setattr(setup, "DEFAULT_CONFIG", usual)
    monkeypatch.setattr(setup, "_DATA", tmp_path / "var")
    monkeypatch.delenv("SUDO_USER", raising=False)

    done = gateway("init", "--config", str(usual), *INIT, "--password-file", str(password))

    assert done.code == 0
    assert load(usual).gateway.data == tmp_path / "var"
    assert (tmp_path / "var" / "gateway.sqlite3").exists()
    assert "       gateway doctor\n" in done.out
