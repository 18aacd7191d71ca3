"""What commands print, and what they refuse, in both languages: dates, states, reasons; JSON is the same in both."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from types import ModuleType

import pytest

from gateway.cli.language import translate
from gateway.domain import case, request, transmission
from gateway.domain.errors import IllegalTransition
from gateway.services.terms import worded
from tests.cli.conftest import Gateway
from tests.cli.installed import Installed, open_case
from tests.services.fakes import FakeClock

FRENCH_LETTERS = re.compile(r"[àâçéèêëîïôùûüœ«»]", re.IGNORECASE)
ENGLISH_WORDS = re.compile(
    r"\b(Usage|Error|Missing|Invalid|Input|should|such|file or directory|expected|Aborted)\b(?! :)"
)
RECEIVED = ("clock", "compute", "--received", "2026-11-26T10:00:00+01:00")

needs_gpg = pytest.mark.skipif(
    shutil.which("gpg") is None and os.environ.get("CI") != "true", reason="needs GnuPG; in CI its absence is a failure"
)


def test_days_and_ends_are_told_as_each_language_writes_them(gateway: Gateway) -> None:
    """An English date cannot be read as month and day the wrong way round."""
    french, english = gateway(*RECEIVED), gateway(*RECEIVED, "--lang", "en")

    assert "  ven. 27/11/2026  –       vendredi ou samedi, non compté\n" in french.out
    assert french.out.endswith("Réponse attendue jusqu'au mar. 01/12/2026 à 23 h 59, heure d'Alger.\n")
    assert "  Fri 27 Nov 2026  –       Friday or Saturday, not counted\n" in english.out
    assert english.out.endswith("An answer is awaited until Tue 01 Dec 2026 at 23:59, Algiers time.\n")


def test_a_calendar_that_ends_too_soon_is_told(gateway: Gateway, tmp_path: Path) -> None:
    """And a feast that may still move."""
    path = tmp_path / "calendar.json"
    path.write_text(json.dumps([{"date": "2026-11-29", "name": "Fête", "status": "forecast", "source": "essai"}]))

    moving = gateway(*RECEIVED, "--calendar", str(path), "--covers-until", "2027-12-31", "--lang", "en")
    short = gateway(*RECEIVED, "--calendar", str(path), "--covers-until", "2026-11-30", "--lang", "en")

    assert "forecast holiday, uncertain: Fête" in moving.out
    assert "A holiday is to be confirmed: between Tue 01 Dec 2026 at 23:59, Algiers time and Wed" in moving.out
    assert "The calendar does not reach far enough" in short.out


def test_data_is_the_same_in_both_languages(gateway: Gateway) -> None:
    """A program that reads it does not care who is at the keyboard."""
    assert gateway(*RECEIVED, "--json").out == gateway(*RECEIVED, "--json", "--lang", "en").out


# --- Refusals, on an installation.

INIT = [
    *("--role", "hospital", "--party", "chu-essai", "--name", "CHU d'essai", "--address", "soins@hopital.test"),
    *("--imap-host", "imap.hopital.test", "--smtp-host", "smtp.hopital.test", "--own-mta", "mx.hopital.test"),
    *("--cnas", "conv@cnas.test", "--cnse", "medical@cnse.test"),
]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hospital that has just been set up."""
    folder = tmp_path_factory.mktemp("installed")
    password = folder / "password"
    password.write_text("secret\n")
    password.chmod(0o600)
    (folder / "broken.toml").write_text("[gateway]\nparty =\n")
    (folder / "wrong.toml").write_text("[gateway]\nparty = 'CHU'\ncolour = 1\n")
    (folder / "unknown.toml").write_text("[patient]\nage = 3\nnumero_assure = 1\n")
    (folder / "full").mkdir()
    (folder / "full" / "file").touch()
    subprocess.run(
        [sys.executable, "-m", "gateway", "init", "--config", "gateway.toml", "--password-file", "password", *INIT],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
        timeout=60,
    )
    return folder


REFUSALS = [
    ("status --config absent.toml", 3, "Ce chemin n'existe pas.", "This path does not exist."),
    ("status --config full", 3, "C'est un dossier.", "It is a folder."),
    (
        "status --config broken.toml",
        3,
        "Ce n'est pas du TOML : ligne 2, colonne 8 (on écrit clé = ",
        "It is not TOML: line 2, column 8 (one writes key =",
    ),
    ("status --config wrong.toml", 3, "gateway.colour : clé inconnue", "gateway.colour: unknown key"),
    ("status --config wrong.toml", 3, "lettres minuscules sans accent", "lower-case letters without accents"),
    ("status", 8, "LE COURRIER N'EST PAS RELEVÉ (INBOX, Junk).", "MAIL IS NOT POLLED (INBOX, Junk)."),
    ("cases", 0, "Aucun dossier.", "No case."),
    ("message list", 0, "Aucun message.", "No message."),
    ("triage list", 0, "Rien à trier.", "Nothing in triage."),
    ("alarms", 0, "Aucune alarme.", "No alarm."),
    ("alarms --all", 0, "Aucune alarme.", "No alarm."),
    ("alarms kinds", 0, "receipt_missing_at_end [URGENT] d'abord", "[URGENT] the office first"),
    ("users invite absent", 2, "Référence inconnue : compte absent.", "Unknown reference: account absent."),
    ("users add a --name 1 --post auditor", 2, "identifiant : de 2 à 64 lettres", "login: 2 to 64 letters"),
    (
        "users link absent 4f1c",
        2,
        "la configuration n'a pas de section [web.oidc]",
        "the configuration has no section [web.oidc]",
    ),
    ("tokens revoke dpi", 2, "Référence inconnue : accès de programme dpi.", "Unknown reference: program access dpi."),
    (
        "tokens create dpi --scope cases:read --days 400",
        2,
        "durée : de 1 à 365 jours",
        "duration: 1 to 365 days",
    ),
    ("alarms take 3", 2, "Référence inconnue : alarme 3.", "Unknown reference: alarm 3."),
    ("alarms take 99999999999999999999", 2, "ce nombre est trop grand", "this number is too large"),
    ("message resend 3", 2, "Référence inconnue : message envoyé 3.", "Unknown reference: sent message 3."),
    ("message resend 99999999999999999999", 2, "ce nombre est trop grand", "this number is too large"),
    ("audit query --event none.such", 0, "Aucun enregistrement.", "No record."),
    ("audit verify", 0, "Journal intact : ", "Audit log intact: "),
    ("keys list", 0, "utilisable", "usable"),
    ("case show 7F3K-Q2", 2, "Référence inconnue : dossier 7F3K-Q2.", "Unknown reference: case 7F3K-Q2."),
    ("case show nothing", 2, "Référence inconnue : dossier nothing.", "Unknown reference: case nothing."),
    ("clock explain 7F3K-Q2", 2, "Référence inconnue : dossier", "Unknown reference: case"),
    ("message print 9 -o m.pdf", 2, "Référence inconnue : message 9.", "Unknown reference: message 9."),
    ("message print 9 -o password", 2, "Le fichier password n'est pas écrit.", "The file password is not written."),
    ("message show 9", 2, "Référence inconnue : message 9.", "Unknown reference: message 9."),
    ("message show -- -1", 2, "Référence inconnue : message -1.", "Unknown reference: message -1."),
    ("message show 99999999999999999999", 2, "ce nombre est trop grand", "this number is too large"),
    ("message save 99999999999999999999 --to x", 2, "un numéro de message est attendu", "the number of a message"),
    ("message save mail-9 --to x", 2, "Référence inconnue : courrier 9.", "Unknown reference: mail 9."),
    ("triage show 9", 2, "Référence inconnue : courrier 9.", "Unknown reference: mail 9."),
    ("triage show 99999999999999999999", 2, "ce nombre est trop grand", "this number is too large"),
    ("inspect nulle-part", 2, "ce chemin n'existe pas : nulle-part", "there is no such path: nulle-part"),
    ("inspect . --as-of 2026-01-01", 2, "un instant avec son fuseau est attendu", "an instant with its time zone"),
    ("inspect password", 0, "une ligne d'en-tête n'en est pas une", "a header line is none"),
    ("triage classify 9 not-an-answer", 2, "courrier à trier 9.", "mail to triage 9."),
    (
        "triage classify 9 perhaps",
        2,
        "Attendu : acceptance, partial, refusal",
        "Expected: acceptance, partial, refusal",
    ),
    ("triage enter absent refusal --case 7F3K-Q2 --received hier", 2, "n'existe pas", "does not exist"),
    ("triage enter password refusal --case 7F3K-Q2 --received hier", 2, "un instant est attendu", "is expected"),
    ("triage enter password refusal --case 7F3K-Q2 --received 2026-02-05", 2, "dossier 7F3K-Q2.", "case 7F3K-Q2."),
    ("triage enter password ADMISSION --case 7F3K-Q2 --received 2026-02-05", 2, "Seule une réponse", "Only an answer"),
    ("audit query --after 99999999999999999999", 2, "ce nombre est trop grand", "this number is too large"),
    ("audit query --limit 99999999999999999999", 2, "ce nombre est trop grand", "this number is too large"),
    ("clock compute --received hier", 2, "un instant est attendu", "an instant is expected"),
    ("clock compute --received 2026-02-05T10:00:00", 2, "le fuseau manque", "the time zone is missing"),
    ("clock compute --received 0001-01-01T00:00:00+23:00", 2, "une année de 1900 à 2999", "a year from 1900 to 2999"),
    ("clock compute --received 9999-12-31T23:00:00-23:00", 2, "une année de 1900 à 2999", "a year from 1900 to 2999"),
    ("clock compute --received 2026-02-05T10:00:00Z --calendar absent", 3, "n'existe pas", "does not exist"),
    (
        "clock compute --received 2026-02-05T10:00:00Z --calendar broken.toml",
        3,
        "ligne 2, colonne 8",
        "line 2, column 8",
    ),
    ("submit absent.toml", 2, "Le fichier absent.toml est illisible.", "The file absent.toml cannot be read"),
    ("submit broken.toml", 2, "Ce n'est pas du TOML : ligne 2", "It is not TOML: line 2"),
    ("submit unknown.toml", 2, "patient.age : clé inconnue", "patient.age: unknown key"),
    ("answer 7F3K-Q2", 2, "choisissez --accept, --partial ou --refuse", "choose --accept, --partial or --refuse"),
    ("answer 7F3K-Q2 --refuse", 2, "Ce rôle n'envoie pas ce type de message.", "does not send this kind of message."),
    ("proof list 7F3K-Q2", 2, "Référence inconnue : dossier 7F3K-Q2.", "Unknown reference: case 7F3K-Q2."),
    ("proof confirm 3", 2, "Référence inconnue : preuve en attente 3.", "Unknown reference: waiting proof 3."),
    ("proof decline 99999999999999999999", 2, "ce nombre est trop grand", "this number is too large"),
    ("proof save 3 --to out", 2, "Référence inconnue : preuve 3.", "Unknown reference: proof 3."),
    ("proof enter 7F3K-Q2 --received hier", 2, "un instant est attendu", "an instant is expected"),
    ("proof enter 7F3K-Q2 --received 2026-01-26", 2, "Donnez --scan ou --mail", "Give --scan or --mail"),
    ("proof enter 7F3K-Q2 --received 2026-01-26 --scan absent", 2, "Le fichier absent", "The file absent"),
    ("certificate 7F3K-Q2 -o c.pdf", 2, "Référence inconnue : dossier 7F3K-Q2.", "Unknown reference: case 7F3K-Q2."),
    ("certificate 7F3K-Q2 -o password", 2, "Le fichier password n'est pas écrit.", "The file password is not written."),
    ("fiche", 0, "Demande de programmation des soins", "Request to schedule care"),
    ("fiche FOO", 2, "« … fiche ».", "“… fiche”."),
    ("fiche M12 -o password", 2, "Le fichier password n'est pas écrit.", "The file password is not written."),
    ("note FOO", 2, "Référence inconnue : type FOO.", "Unknown reference: kind FOO."),
    ("note ADMISSION", 2, "fait.date : manque (date)", "fait.date: missing (date)"),
    ("note ADMISSION --on hier", 2, "fait.date : date attendue", "fait.date: a date is expected"),
    ("correct 3", 2, "donnez --on, --set ou --withdraw", "give --on, --set or --withdraw"),
    ("correct 3 --withdraw", 2, "Référence inconnue : fait 3.", "Unknown reference: fact 3."),
    ("correct 99999999999999999999 --withdraw", 2, "ce nombre est trop grand", "this number is too large"),
    ("coverage 7F3K-Q2", 2, "Référence inconnue : dossier 7F3K-Q2.", "Unknown reference: case 7F3K-Q2."),
    ("coverage 7F3K-Q2 --at demain", 2, "Référence inconnue : jour demain.", "Unknown reference: day demain."),
    ("close 7F3K-Q2", 2, "Référence inconnue : dossier 7F3K-Q2.", "Unknown reference: case 7F3K-Q2."),
    ("challenge list", 0, "Aucune acceptation n'est mise en cause.", "No acceptance is challenged."),
    ("challenge list 7F3K-Q2", 2, "Référence inconnue : dossier 7F3K-Q2.", "Unknown reference: case 7F3K-Q2."),
    ("challenge raise 7F3K-Q2 --because x", 2, "Référence inconnue : dossier 7F3K-Q2.", "Unknown reference: case"),
    ("challenge uphold 7F3K-Q2", 2, "il manque l'option", "Missing option"),
    ("settle 7F3K-Q2 --because x", 2, "choisissez --in-time ou --late", "choose --in-time or --late"),
    ("settle 7F3K-Q2 --late --in-time --because x", 2, "choisissez --in-time", "choose --in-time"),
    ("settle 7F3K-Q2 --late --because x", 2, "Référence inconnue : dossier 7F3K-Q2.", "Unknown reference: case"),
    ("calendar confirm 4", 2, "proposition de calendrier 4.", "calendar proposal 4."),
    ("calendar confirm 99999999999999999999", 2, "ce nombre est trop grand", "this number is too large"),
    ("calendar set 2027-05-05 --source x", 2, "Nommez ce jour : --name.", "Name this day: --name."),
    ("calendar remove 2027-05-05 --source x", 2, "rien de tel du 05/05/2027.", "no such thing of 05 May 2027."),
    ("calendar show --what-if fitr", 2, "on attend FÊTE=+1 ou FÊTE=-1", "FEAST=+1 or FEAST=-1 is expected"),
    ("doctor --no-probe", 8, "jusqu'au 31/12/", "until 31 Dec "),
    ("keys generate next --suite x509", 2, "openpgp ou smime attendu", "openpgp or smime expected"),
    ("keys generate next --suite smime", 2, "n'a pas de section [smime]", "has no [smime] section"),
    ("keys export --suite x509", 2, "openpgp ou smime attendu", "openpgp or smime expected"),
    ("confirm 7F3K-Q2 --list", 2, "Référence inconnue", "Unknown reference"),
    ("keys import absent --partner cnas --fingerprint A", 2, "Ce chemin n'existe pas.", "This path does not exist."),
    ("keys import password --partner cnas --fingerprint A", 4, "bloc de clé publique armoré", "armoured public-key"),
    ("keys export --output full", 2, "Le fichier full n'est pas écrit.", "The file full is not written."),
    ("demo --keep full", 2, "ce dossier n'est pas vide ; rien n'est remplacé", "this folder is not empty; nothing"),
    ("run --log-level loud", 2, "n'est pas dans la liste", "is not one of"),
    ("init --role nobody --config new.toml", 2, "hospital, cnas, cnse attendu", "hospital, cnas, cnse expected"),
    ("init --config new.toml", 2, "elle manque ; donnez l'option", "it is missing; give the option"),
    ("init", 2, "Ce fichier existe déjà ; rien n'est remplacé.", "This file exists already; nothing is replaced."),
]


@needs_gpg
@pytest.mark.parametrize("refusal", REFUSALS, ids=[row[0] for row in REFUSALS])
def test_what_is_refused_is_told_in_both_languages(
    refusal: tuple[str, int, str, str], installed: Path, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The documented exit code, no traceback, one language at a time."""
    typed, code, french, english = refusal
    monkeypatch.chdir(installed)
    monkeypatch.setenv("GATEWAY_CONFIG", "gateway.toml")

    told = gateway(*typed.split())

    assert told.code == code
    assert french in told.words
    assert not ENGLISH_WORDS.search(told.words)

    told = gateway(*typed.split(), "--lang", "en") if " -- " not in typed else gateway("--lang", "en", *typed.split())

    assert told.code == code
    assert english in told.words
    assert not FRENCH_LETTERS.search(told.words)


@needs_gpg
def test_what_cannot_happen_now_is_told_in_words(gateway: Gateway, installed: Path, tmp_path: Path) -> None:
    """The event and the state of a refused act, as people call them: no id of the tables."""
    folder, opened = tmp_path / "hospital", datetime(2027, 3, 8, 8, 12, tzinfo=UTC)
    shutil.copytree(installed, folder, ignore=shutil.ignore_patterns("S.*"))
    made = Installed(config=folder / "gateway.toml", clock=FakeClock(opened))
    typed = ("close", open_case(made, opened), "--config", str(made.config))

    french, english = gateway(*typed), gateway(*typed, "--lang", "en")

    assert french.code == english.code == 2
    assert "Impossible maintenant : « clôture » (dossier dans l'état « patient admis »)." in french.err
    assert "Impossible now: “closure” (case in the state “patient admitted”)." in english.err


@pytest.mark.parametrize("table", [case, request, transmission], ids=["case", "request", "transmission"])
def test_every_pair_that_a_table_forbids_has_its_words(english: None, table: ModuleType) -> None:  # noqa: ARG001  the language
    """In both languages; what is logged keeps the ids."""
    for state, event in product(table.State, table.Event):
        if (state, event) in table.TRANSITIONS:
            continue
        with pytest.raises(IllegalTransition) as caught:
            table.step(state, event)
        told, told_in_french = (worded(caught.value).lines(words)[0] for words in (translate, str))
        assert f"« {event.value} »" in caught.value.sentence()
        assert not FRENCH_LETTERS.search(told), told
        assert not re.search("[a-z]_[a-z]", told_in_french), told_in_french


@needs_gpg
def test_what_was_answered_wrongly_leaves_no_configuration(
    gateway: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next try finds nothing in its way."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "password").write_text("secret\n")
    (tmp_path / "password").chmod(0o600)
    typed = ("init", "--config", "gateway.toml", "--password-file", "password", *INIT)

    refused = gateway(*typed, "--party", "CHU")
    accepted = gateway(*typed, "--lang", "en")

    assert (refused.code, refused.out) == (3, "")
    assert "gateway.party : lettres minuscules" in refused.err
    assert accepted.code == 0
    assert "Configuration written: gateway.toml" in accepted.out
    assert not FRENCH_LETTERS.search(accepted.out)
    assert "# Written by “gateway init”." in (tmp_path / "gateway.toml").read_text(encoding="utf-8")


@needs_gpg
def test_another_account_is_refused_by_name(installed: Path, gateway: Gateway, tmp_path: Path) -> None:
    """[people] names persons, and this account is none of them."""
    config = tmp_path / "gateway.toml"
    text = (installed / "gateway.toml").read_text(encoding="utf-8")
    text = text.replace('"data"', f'"{installed / "data"}"').replace('"keys/', f'"{installed / "keys"}/')
    config.write_text(f'{text}\n[people]\nsomebody-else = "Mme Petit"\n', encoding="utf-8")

    told = gateway("confirm", "7F3K-Q2", "--config", str(config), "--lang", "en")

    assert told.code == 2
    assert "This account is not in [people]." in told.err


@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
def test_a_terminal_without_accents_gets_no_traceback(encoding: str) -> None:
    """What it cannot show is replaced."""
    done = subprocess.run(
        [sys.executable, "-m", "gateway", *RECEIVED],
        env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0", "LC_ALL": "C", "LANGUAGE": ""},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, b"")
    assert b"01/12/2026" in done.stdout


def test_ctrl_c_is_no_traceback() -> None:
    """The code that shells give it."""
    with subprocess.Popen(
        [sys.executable, "-c", WAITING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        if process.stdout is None:
            raise LookupError("no pipe")
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)

    assert (process.returncode, errors) == (130, b"")


WAITING = """
import signal, sys, time
from gateway import cli
from gateway.cli import commands

# A test run in the background of a shell hands on that Ctrl-C is ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)

@commands.app.command()
def wait():
    print("waiting", flush=True)
    time.sleep(60)

sys.argv = ["gateway", "wait"]
cli.main()
"""
