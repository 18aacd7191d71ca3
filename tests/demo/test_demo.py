"""The demonstration as a newcomer runs it: one command, a story, exit code 0, and nothing left behind."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli import demo as command
from gateway.cli.commands import app
from gateway.services.export.certificate_sheet import CHECK
from tests.services.certifying import needs_poppler, text_of
from tests.services.test_export import commands, shell
from tests.system.gateways import until

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(
        shutil.which("gpg") is None and os.environ.get("CI") != "true",
        reason="needs GnuPG; in CI its absence is a failure",
    ),
]

GATEWAY = (sys.executable, "-m", "gateway")
PATIENCE = 240.0
PARTIES = ("hopital", "cnas", "cnse")
PRIVATE = ("Benkhelifa", "Zoubida", "radiothérapie", "récidive", "Haddad", "moignon")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a run may put temporary files, and what it was asked to keep."""

    temporary: Path
    kept: Path

    def environment(self) -> dict[str, str]:
        """Of a run that has no other place for its files."""
        return {**os.environ, "TMPDIR": str(self.temporary), "XDG_RUNTIME_DIR": str(self.temporary)}

    def processes(self) -> list[str]:
        """What still runs of a run: everything it starts, agents included, is told this folder."""
        mark = f"TMPDIR={self.temporary}".encode()
        running = [path for path in Path("/proc").iterdir() if path.name.isdecimal()]
        return [path.name for path in running if mark in _environment_of(path)]


def _environment_of(process: Path) -> list[bytes]:
    try:
        return (process / "environ").read_bytes().split(b"\0")
    except OSError:
        return []


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    """Paths short enough for the sockets of gpg-agent."""
    folder = Path(tempfile.mkdtemp(prefix="gwd-", dir="/tmp"))
    temporary = folder / "tmp"
    temporary.mkdir(mode=0o700)
    yield Place(temporary=temporary, kept=folder / "kept")
    shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A whole run. ``text`` has one space where the run breaks its lines."""

    code: int
    output: str
    errors: str
    text: str
    left: list[str]
    processes: list[str]


@pytest.fixture(scope="module")
def shown(place: Place) -> Shown:
    """The demonstration, everything kept."""
    done = subprocess.run(
        [*GATEWAY, "demo", "--keep", str(place.kept)],
        env=place.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return Shown(
        code=done.returncode,
        output=done.stdout,
        errors=done.stderr,
        text=re.sub(r"\s+", " ", done.stdout),
        left=[path.name for path in place.temporary.iterdir()],
        processes=place.processes(),
    )


def test_it_ends_well_and_says_nothing_on_standard_error(shown: Shown) -> None:
    """Exit code 0, plain text where there is no terminal."""
    assert (shown.code, shown.errors) == (0, "")
    assert "\x1b" not in shown.output
    assert "\r" not in shown.output


@pytest.mark.parametrize(
    "sentence",
    [
        "-----BEGIN PGP MESSAGE-----",
        "X-Soins-Reception: 2026-10-29T08:3",
        "Ni le nom du patient, ni les soins, ni le motif ne s'y lisent.",
        "ven. 30/10/2026 – vendredi ou samedi, non compté",
        "dim. 01/11/2026 – jour férié, non compté : Révolution",
        "mer. 04/11/2026 jour 4 jour ouvrable",
        "délai écoulé, silence à enregistrer",
        "reçue par la CNAS : jeu. 29/10/2026 à 09 h 30 (accusé de réception signé)",
        "Acceptation réputée acquise, enregistrée une seule fois, avec effet à la fin du mercredi 04/11/2026.",
        "gateway cases --config cnse/gateway.toml",
        "secondes avant la fin : elle est à temps.",
        "Une réponse est arrivée : aucun silence n'est enregistré pour cette demande.",
    ],
)
def test_it_tells_both_stories(shown: Shown, sentence: str) -> None:
    """The key moments, in words."""
    assert sentence in shown.text


def test_every_journal_is_verified_in_both_stories(shown: Shown) -> None:
    """Three parties, twice."""
    assert len(re.findall(r"Journal intact : \d+ enregistrements", shown.text)) == 6


def test_nothing_is_left_behind(shown: Shown) -> None:
    """No process, no agent, no temporary file."""
    assert shown.processes == []
    assert shown.left == []


def test_it_keeps_what_it_made(shown: Shown, place: Place) -> None:
    """Configurations, keys, databases, papers, mails, the story and the verification of the logs."""
    assert shown.code == 0
    for party in PARTIES:
        assert (place.kept / party / "gateway.toml").is_file()
        assert (place.kept / party / "keys" / "master.key").stat().st_mode & 0o077 == 0
        assert (place.kept / party / "data" / "gateway.sqlite3").is_file()
        assert list((place.kept / "mails" / party).glob("*.eml"))
    assert len(list((place.kept / "pieces").rglob("*.pdf"))) == 8
    assert (place.kept / "journaux-verifies.txt").read_text(encoding="utf-8").count("Journal intact") == 3
    assert "Première histoire" in (place.kept / "recit.txt").read_text(encoding="utf-8")


def test_every_mail_was_sealed_or_a_signed_receipt_and_dated_in_the_story(shown: Shown, place: Place) -> None:
    """What lies in the mailboxes tells nothing of the patients, and carries the virtual time only."""
    assert shown.code == 0
    mails = [path.read_bytes() for path in (place.kept / "mails").rglob("*.eml")]
    assert len(mails) > 10
    for raw in mails:
        mail = message_from_bytes(raw)
        assert mail.get_content_type() in {"multipart/encrypted", "multipart/signed"}
        assert re.search(r"(Oct|Nov) 2026", str(mail["Received"]))
        assert not [word for word in PRIVATE if word.encode() in raw or word.encode("latin-1") in raw]


def test_the_kept_dossier_verifies_where_nothing_of_the_gateway_is(shown: Shown, place: Place) -> None:
    """By the program in an empty folder, and by its read-me's own commands, with common tools alone."""
    assert shown.code == 0
    elsewhere = place.temporary / "ailleurs"
    elsewhere.mkdir()
    shutil.copy(place.kept / "dossier.zip", elsewhere / "d.zip")
    bare = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": str(elsewhere)}

    done = subprocess.run(
        [*GATEWAY, "dossier", "verify", "d.zip"], cwd=elsewhere, env=bare, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert "Le journal signé l'atteste" in done.stdout
    assert "Certificats d'acceptation signés du journal : 1." in done.stdout
    assert shell(elsewhere, "unzip -q d.zip").returncode == 0
    for name, text in commands().items():
        if name not in {"horodatage", "smime"}:
            told = shell(elsewhere, text)
            assert told.returncode == 0, (name, told.stdout, told.stderr)
    shutil.rmtree(elsewhere)


@needs_poppler
@pytest.mark.parametrize("name", ["certificat.pdf", "certificate.pdf"])
def test_the_kept_certificate_verifies_by_the_commands_that_it_prints(shown: Shown, place: Place, name: str) -> None:
    """In an empty folder, with common tools alone."""
    assert shown.code == 0
    elsewhere = place.temporary / "ailleurs"
    elsewhere.mkdir()
    shutil.copy(place.kept / name, elsewhere / "CERTIFICAT.pdf")
    told = shell(elsewhere, f"set -eu\n{CHECK}")
    assert (told.returncode, "Signature Verified Successfully" in told.stdout) == (0, True), told.stderr
    shutil.rmtree(elsewhere)


def test_what_is_kept_on_paper_says_that_it_is_a_demonstration(shown: Shown, place: Place) -> None:
    """Both copies name the patient of the story; nothing medical is in them, and every page is marked."""
    assert shown.code == 0
    for name, word in (("certificat.pdf", "DÉMONSTRATION"), ("certificate.pdf", "DEMONSTRATION")):
        told = text_of((place.kept / name).read_bytes())
        assert told.count(word) == 3
        assert "Benkhelifa" in told
        assert not [private for private in ("radiothérapie", "récidive") if private in told]


def test_a_kept_message_prints_as_a_page(shown: Shown, place: Place) -> None:
    """The request, by the real command, beside the database of the play."""
    assert shown.code == 0
    config = str(place.kept / "hopital" / "gateway.toml")
    page = place.temporary / "m.pdf"

    done = _gateway(place, "message", "print", "1", "-o", str(page), "--config", config)

    assert done.returncode == 0, done.stderr
    assert "données médicales" in done.stdout
    assert "SE 352-302" in text_of(page.read_bytes())
    page.unlink()


def test_a_gateway_never_runs_on_a_kept_database(shown: Shown, place: Place) -> None:
    """In it time was virtual: ``run`` refuses it, and so does every act; reading stays possible."""
    assert shown.code == 0
    config = str(place.kept / "hopital" / "gateway.toml")

    refused = _gateway(place, "run", "--config", config)
    act = _gateway(place, "confirm", _case(shown), "--config", config)
    read = _gateway(place, "cases", "--config", config)

    assert (refused.returncode, act.returncode) == (3, 3)
    assert "démonstration" in refused.stderr
    assert "démonstration" in act.stderr
    assert read.returncode == 0
    assert "réputée acceptée" in read.stdout
    assert "refusée" in read.stdout


def test_a_folder_that_holds_something_is_not_touched(place: Place, tmp_path: Path) -> None:
    """Nothing is replaced."""
    (tmp_path / "mine").write_text("precious")

    done = _gateway(place, "demo", "--keep", str(tmp_path))

    assert done.returncode == 2
    assert "n'est pas vide" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_stopped_in_the_middle_it_puts_everything_away(place: Place, tmp_path: Path) -> None:
    """SIGTERM while all three gateways run: a sentence, and neither process nor file stays."""
    log = tmp_path / "log"
    with log.open("wb") as stream:
        demo = subprocess.Popen([*GATEWAY, "demo"], env=place.environment(), stdout=stream, stderr=stream)
    until(lambda: "Dossier" in log.read_text(encoding="utf-8") or demo.poll() is not None, "the second scene")
    demo.send_signal(signal.SIGTERM)

    assert demo.wait(PATIENCE) == 1
    assert "interrompue" in log.read_text(encoding="utf-8")
    assert "Traceback" not in log.read_text(encoding="utf-8")
    assert place.processes() == []
    assert list(place.temporary.iterdir()) == []


def test_on_a_terminal_it_shows_colours_and_a_clock_and_ctrl_c_puts_everything_away(place: Place) -> None:
    """While the virtual time passes: a sentence on a line of its own, and nothing stays, even if typed twice."""
    # « exec »: some shells stay between the terminal and the command, and answer Ctrl-C themselves.
    words = "exec " + shlex.join([*GATEWAY, "demo"])
    terminal = subprocess.Popen(
        ["script", "--quiet", "--return", "--flush", "--command", words, "/dev/null"],
        env=place.environment() | {"TERM": "xterm"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert terminal.stdin
    assert terminal.stdout
    shown = b""
    while "⏱ ■".encode() not in shown and (more := os.read(terminal.stdout.fileno(), 4096)):
        shown += more
    terminal.stdin.write(b"\x03\x03")
    terminal.stdin.flush()
    rest = terminal.communicate(timeout=PATIENCE)[0].decode()

    assert "\r\x1b[KLa démonstration s'est arrêtée. Elle a été interrompue" in rest
    assert terminal.returncode == 1
    assert b"\x1b[1m" in shown
    assert "Traceback" not in rest
    assert place.processes() == []
    assert list(place.temporary.iterdir()) == []


def _gateway(place: Place, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*GATEWAY, *arguments], env=place.environment(), capture_output=True, text=True, timeout=PATIENCE, check=False
    )


def _case(shown: Shown) -> str:
    found = re.search(r"Dossier ([0-9A-Z]{4}-[0-9A-Z]{2})\.", shown.text)
    return found[1] if found else ""


def test_without_its_packages_the_command_names_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """And how to get them; a gateway that works for real needs none of them."""
    monkeypatch.setattr(command, "EXTRA", ("email", "no_such_package"))

    done = CliRunner().invoke(app, ["demo"])

    assert done.exit_code == 2
    assert "no_such_package" in done.stderr
    assert "email" not in done.stderr
    assert "soins-gateway[demo]" in done.stderr
