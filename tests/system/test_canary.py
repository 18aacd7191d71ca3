"""Marked words of a patient go through a whole thread, and are then looked for wherever the gateway leaves anything."""

import base64
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.mailserver import Machine
from tests.system.documents import fiche, papers
from tests.system.gateways import Trio, until
from tests.system.search import occurrences
from tests.system.steps import attached, move_to, now, over_at, reaches, settles

pytestmark = pytest.mark.system

MARKERS = {
    "patient": "Qanarïenne-Vexilla",
    "care": "curiethérapie-zoltrique",
    "file name": "xyloglyphe-",
    "attachment": "Hémostase-Brumaflore",
    "refused subject": "Krypsolithe-inédite",
}
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  it is searched, not written to

QUARANTINED = (
    "From: {marker} <greffe@cnas.test>\r\nTo: {to}\r\nSubject: {marker}\r\nMessage-ID: <{marker}@cnas.test>\r\n"
    "Date: Mon, 01 Jan 2024 10:00:00 +0100\r\nMIME-Version: 1.0\r\n"
    'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary="{marker}"\r\n\r\n'
    "--{marker}\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n"
    "--{marker}\r\nContent-Type: application/octet-stream; name={marker}\r\n\r\n{marker}\r\n--{marker}--\r\n"
)


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """Where a person's own papers lie: not a place of the gateway, and not in memory, which is searched."""
    with TemporaryDirectory(dir="/var/tmp") as folder:
        yield Path(folder)


def shared_memory(tests: Path, before: Collection[Path]) -> list[Path]:
    """What has come into the machine's shared memory, but for the folders of the tests, which may lie there too."""
    return [path for path in SHARED_MEMORY.iterdir() if path not in before and not tests.is_relative_to(path)]


@pytest.mark.parametrize("name", list(MARKERS))
def test_the_search_finds_what_is_there(name: str, tmp_path: Path) -> None:
    """The positive control: planted in every disguise, the word is found in each."""
    word = MARKERS[name]
    disguises = {
        "plain": word.encode(),
        "latin": word.encode("latin-1"),
        "utf16": word.encode("utf-16"),
        "upper": word.upper().encode(),
        "lines": base64.encodebytes(b"some words before, of any length, " + word.encode() + b" and after" * 9),
        "shifted": base64.b64encode(b"xx" + word.encode() + b"yy"),
        "hex": word.encode().hex().encode(),
        "packed": b"before" + zlib.compress(b"any " + word.encode()) + b"after",
        "json": word.encode("unicode_escape"),
    }
    for disguise, content in disguises.items():
        (tmp_path / disguise).write_bytes(content)
    (tmp_path / f"named-{word}").touch()
    found = occurrences({name: word}, [tmp_path])
    missed = [path.name for path in tmp_path.iterdir() if not any(str(path) in line for line in found)]
    assert missed == []


def test_no_word_of_a_patient_stays_anywhere(
    trio: Trio, place: Path, elsewhere: Path, mail_machine: Machine, tmp_path: Path
) -> None:
    """Log at DEBUG, audit, database, spool, temporary folders, shared memory: during the thread and after it."""
    before = frozenset(SHARED_MEMORY.iterdir())
    trio.start()
    hospital = trio.hospital
    words = {"patient.nom": MARKERS["patient"], "demande.soins": MARKERS["care"]}
    form = fiche(elsewhere / "fiche.toml", now(mail_machine).date(), words)
    pieces = attached(papers(elsewhere, word=MARKERS["attachment"], prefix=MARKERS["file name"]))
    failed = hospital.call("submit", str(form), *pieces[:2], ok=False)
    assert failed.returncode == 2
    assert "Traceback" not in failed.stderr
    told = hospital.json("submit", str(form), *pieces)
    refused = QUARANTINED.format(marker=MARKERS["refused subject"], to=hospital.account.address)
    mail_machine.deliver(refused.encode(), hospital.account.address)
    request = reaches(hospital, told["request"], "running")
    ((number,),) = until(
        lambda: hospital.peek("SELECT id FROM mails WHERE verdict = 'quarantine'"), "the broken mail is in quarantine"
    )
    shown = hospital.call("case", "show", told["case"]).stdout
    assert MARKERS["patient"] in shown
    assert occurrences(MARKERS, [place, *shared_memory(tmp_path, before)]) == []
    hospital.call("triage", "classify", str(number), "not-an-answer")
    move_to(mail_machine, over_at(request))
    for gateway in trio:
        settles(gateway, told["request"], "tacitly_accepted")
    for gateway in trio:
        records = gateway.folder / "records.json"
        records.write_text(gateway.call("audit", "query", "--json").stdout)
    assert trio.stop() == [0, 0, 0]
    assert occurrences(MARKERS, [place, *shared_memory(tmp_path, before)]) == []
