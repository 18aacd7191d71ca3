"""``gateway inspect`` as an administrator uses it on a quarantine: it says what would happen, and nothing changes."""

import asyncio
import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway import inspection
from gateway.adapters.clock import SystemClock
from gateway.adapters.openpgp.home import open_home
from gateway.adapters.openpgp.keyfiles import export_public, generate, own_fingerprint
from gateway.adapters.openpgp.seal import OpenPgpSealer
from gateway.cli.commands import app
from gateway.config import load
from gateway.domain.parties import Suite
from gateway.ports import PublicKey
from gateway.wire import sealed
from gateway.wire.fields import Mailbox
from gateway.wire.payload import Payload, build_entity
from tests.cli.test_keys_smime import install, keys

NOW = SystemClock().now()
PHRASE = "phrase-secrete-longue"
KEYS = ["path", "structure", "verdict", "step", "reason", "partner", "signer", "opened", "dsn", "mdn", "seconds"]
CNSE = "medical@cnse.test"
HOSPITAL = "soins@chu.test"

PLAIN = f"From: {CNSE}\r\nSubject: Bonjour\r\n\r\nBonjour\r\n".encode()
BOUNCE = (
    b"Content-Type: multipart/report; report-type=delivery-status; boundary=r\r\n\r\n"
    b"--r\r\n\r\nUser unknown\r\n--r\r\nContent-Type: message/delivery-status\r\n\r\n"
    b"Reporting-MTA: dns; mx.cnas.test\r\n\r\nFinal-Recipient: rfc822; soins@cnas.test\r\nAction: failed\r\n"
    b"Status: 5.1.1\r\n--r\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <1@chu.test>\r\n--r--\r\n"
)
READ = (
    b"Content-Type: multipart/report; report-type=disposition-notification; boundary=r\r\n\r\n"
    b"--r\r\n\r\nLu\r\n--r\r\nContent-Type: message/disposition-notification\r\n\r\n"
    b"Original-Message-ID: <1@chu.test>\r\nDisposition: manual-action/MDN-sent-manually; displayed\r\n--r--\r\n"
)


def inspect(*arguments: object, code: int = 0) -> list[dict[str, Any]]:
    """The command's lines."""
    done = CliRunner().invoke(app, ["inspect", "--json", *map(str, arguments)], env={"GATEWAY_CONFIG": None})
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == code, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def told(*arguments: object) -> str:
    """What a person reads."""
    return CliRunner().invoke(app, ["inspect", *map(str, arguments)], env={"GATEWAY_CONFIG": None}).output


# --- without a configuration


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A few mails, one of them broken, one below another folder."""
    mails = {"a.eml": PLAIN, "b/c.eml": BOUNCE, "d.eml": READ, "e.eml": b"\xff\xfe", "f.eml": sealed_mail(b"x")}
    (tmp_path / "b").mkdir()
    for name, data in mails.items():
        (tmp_path / name).write_bytes(data)
    return tmp_path


def sealed_mail(text: bytes) -> bytes:
    """Something that looks encrypted."""
    armour = b"-----BEGIN PGP MESSAGE-----\r\n\r\n" + text + b"\r\n-----END PGP MESSAGE-----\r\n"
    return sealed.outer(OUTER, armour, "bord")


OUTER = sealed.Outer(
    sender=Mailbox(display="", address=CNSE),
    to=(Mailbox(display="", address=HOSPITAL),),
    date=NOW,
    message_id="<e@cnse.test>",
    subject="Soins",
)


def test_without_a_configuration_mail_is_named_and_never_opened(folder: Path) -> None:
    """One line a file, in the order of the names; what would need a key is refused where it is needed."""
    rows = inspect(folder)
    assert [list(row) for row in rows] == [KEYS] * 5
    assert [Path(row["path"]).name for row in rows] == ["a.eml", "d.eml", "e.eml", "f.eml", "c.eml"]
    assert [(row["structure"], row["verdict"], row["step"], row["reason"]) for row in rows] == [
        ("plain", "plain", None, "not-sealed"),
        ("report", "report", None, "mdn-displayed"),
        (None, "quarantine", "structure", "header-line"),
        ("openpgp-encrypted", "quarantine", "decrypt", "no-key"),
        ("report", "report", None, "dsn-failed-address"),
    ]
    assert not any(row["opened"] or row["signer"] or row["partner"] for row in rows)
    assert rows[1]["mdn"] | {"stated_at": None} == {
        "disposition": "displayed",
        "modifiers": None,
        "original_message_id": "<1@chu.test>",
        "mic": None,
        "mic_algorithm": None,
        "stated_at": None,
        "signed": False,
    }
    assert rows[4]["dsn"] == {
        "failure": "address",
        "recipients": [{"address": "soins@cnas.test", "action": "failed", "status": "5.1.1"}],
        "original_message_id": "<1@chu.test>",
        "original_envelope_id": None,
        "returned": ["<1@chu.test>"],
    }


def test_a_person_reads_a_sentence_a_mail_and_a_sum(folder: Path) -> None:
    """In plain words, with the step that was not passed."""
    lines = told(folder).splitlines()
    assert lines[1].strip() == "courrier ordinaire, ni scellé ni signé"
    assert "étape 4 non passée" in lines[7]
    assert "decrypt/no-key" in lines[7]
    assert lines[-1] == "5 courriers. courrier ordinaire : 1, avis : 2, en quarantaine : 2."


def test_what_is_no_readable_file_is_told_and_the_others_are_judged(folder: Path) -> None:
    """Neither a pipe, which would never end, nor a link that leads nowhere stops the run; exit code 6."""
    os.mkfifo(folder / "aa.eml")
    (folder / "ab.eml").symlink_to(folder / "nulle-part")
    rows = inspect(folder, code=6)
    assert [(row["verdict"], row["step"], row["reason"]) for row in rows[1:3]] == [(None, "file", "unreadable")] * 2
    assert len(rows) == 7
    assert "fichier illisible" in told(folder)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nulle-part"], "n'existe pas"),
        (["."], "aucun fichier"),
        ([".", "--as-of", "2026-01-01T00:00Z"], "demande --config"),
        ([".", "--as-of", "2026-01-01"], "fuseau"),
        ([".", "--as-of", "1960-01-01T00:00Z"], "instant"),
        ([".", "--as-of", "0001-01-01T00:00+14:00"], "instant"),
        ([".", "--as-of", "2200-01-01T00:00Z"], "instant"),
    ],
)
def test_a_wrong_request_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: str
) -> None:
    """Before any worker starts; exit code 2."""
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["inspect", *arguments], env={"GATEWAY_CONFIG": None, "COLUMNS": "300"})
    assert done.exit_code == 2
    assert words in str(done.exception) + done.output


def test_a_name_with_line_breaks_stays_on_its_line(tmp_path: Path) -> None:
    """And one that turns the direction of writing does not."""
    (tmp_path / "a\n\u202efdp.eml").write_bytes(PLAIN)
    assert told(tmp_path).splitlines()[0].endswith("a fdp.eml")


async def test_a_mail_too_large_is_not_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more of it than proves it; nobody opens it."""

    class Nobody:
        async def judge(self, raw: bytes) -> Any:
            raise AssertionError(len(raw))

    monkeypatch.setattr(inspection, "MAX_MAIL", 100)
    (tmp_path / "a.eml").write_bytes(b"x" * 5000)
    (found,) = [each async for each in inspection.inspect(Nobody(), [tmp_path], slots=1)]
    assert found.judgement is not None
    assert (found.judgement.step, found.judgement.reason) == ("structure", "too-large")


async def test_slow_mails_do_not_change_the_order_and_few_are_in_flight(tmp_path: Path) -> None:
    """Never more than there are workers."""
    running: list[int] = []
    most = 0

    class Slow:
        async def judge(self, raw: bytes) -> Any:
            nonlocal most
            running.append(1)
            most = max(most, len(running))
            for _ in range(50 - int(raw)):
                await asyncio.sleep(0)
            running.pop()
            return None

    for number in range(40):
        (tmp_path / f"{number:02}.eml").write_text(str(number))
    found = [each.path.stem async for each in inspection.inspect(Slow(), [tmp_path], slots=3)]
    assert found == [f"{number:02}" for number in range(40)]
    assert most == 3


# --- with one


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hospital that has pinned the key of its CNSE."""
    folder = tmp_path_factory.mktemp("hopital")
    path = install(folder)
    cnse = generate(folder / "cnse", "CNSE", CNSE, PHRASE)
    (folder / "cnse.asc").write_text(export_public(folder / "cnse" / "openpgp"))
    keys(path, "import", str(folder / "cnse.asc"), "--partner", "cnse", "--fingerprint", cnse)
    return path


@pytest.fixture(scope="module")
def letter(config: Path) -> bytes:
    """A letter of the CNSE, signed and sealed to the hospital."""
    return written(config, CNSE)


def written(config: Path, sender: str) -> bytes:
    """The same under any signed From."""
    ours = load(config).openpgp.folder
    us = PublicKey(suite=Suite.OPENPGP, fingerprint=own_fingerprint(ours), material=export_public(ours))
    folder = config.parent / "cnse" / "openpgp"
    home = open_home(folder, [us])
    try:
        sealer = OpenPgpSealer(home, fingerprint=own_fingerprint(folder), passphrase=PHRASE)
        payload = Payload(
            sender=Mailbox(display="", address=sender),
            to=OUTER.to,
            date=NOW,
            message_id=f"<{sender}>",
            subject="Réponse",
            text="Bonjour.",
        )
        entity = build_entity(payload, "charge")
        signature = asyncio.run(sealer.sign(entity))
        whole = sealed.signed(entity, signature.data, signature.micalg, "signe")
        return sealed.outer(OUTER, asyncio.run(sealer.encrypt(whole, us, partner="chu")), "bord")
    finally:
        home.close()


def everything(config: Path) -> dict[str, bytes]:
    """Every file of the installation, but the memory that SQLite maps while somebody reads."""
    found = (path for path in config.parent.rglob("*") if path.is_file() and not path.name.endswith(("-shm", "-wal")))
    return {str(path): path.read_bytes() for path in found}


def test_a_partners_letter_would_be_accepted_and_nothing_is_touched(
    config: Path, letter: bytes, tmp_path: Path
) -> None:
    """Who signed it and what it would be; the installation has the same files with the same bytes afterwards."""
    (tmp_path / "lettre.eml").write_bytes(letter)
    before = everything(config)
    (row,) = inspect(tmp_path, "--config", config)
    assert (row["verdict"], row["step"], row["reason"], row["partner"]) == ("accept", None, "no-manifest", "cnse")
    assert row["opened"] is True
    assert row["signer"] == own_fingerprint(config.parent / "cnse" / "openpgp")
    assert everything(config) == before
    assert told(tmp_path, "--config", config).splitlines()[1].startswith("  accepté : courrier signé, écrit par une")


def test_what_does_not_hold_names_its_step(config: Path, letter: bytes, tmp_path: Path) -> None:
    """A changed ciphertext, somebody else's name on the same key."""
    middle = letter.index(b"-----BEGIN PGP MESSAGE") + 200
    changed = letter[:middle] + (b"A" if letter[middle : middle + 1] != b"A" else b"B") + letter[middle + 1 :]
    (tmp_path / "altere.eml").write_bytes(changed)
    (tmp_path / "usurpe.eml").write_bytes(written(config, "soins@cnas.test"))
    rows = inspect(tmp_path, "--config", config)
    assert rows[0]["verdict"] == "quarantine"
    assert (rows[0]["step"], rows[0]["opened"]) == ("decrypt", False)
    assert (rows[1]["step"], rows[1]["reason"], rows[1]["partner"]) == ("pin", "key-not-pinned", None)


def test_keys_and_pins_are_judged_as_of_an_instant(config: Path, letter: bytes, tmp_path: Path) -> None:
    """Before the key was pinned nobody knew it; when it has expired, it is; in between it holds."""
    (tmp_path / "lettre.eml").write_bytes(letter)

    def judged(after: timedelta) -> tuple[str, str]:
        (row,) = inspect(tmp_path, "--config", config, "--as-of", (SystemClock().now() + after).isoformat())
        return row["verdict"], row["reason"]

    assert judged(-timedelta(days=1)) == ("quarantine", "unknown-key")
    assert judged(timedelta(days=1)) == ("accept", "no-manifest")
    assert judged(timedelta(days=4000)) == ("quarantine", "key-expired")
