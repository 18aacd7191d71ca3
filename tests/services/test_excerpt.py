"""What a reader gets of a message: names that are safe wherever they are read, and no word that is not theirs."""

import re
import string
import unicodedata
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.kinds import KINDS, Kind
from gateway.domain.readers import Share
from gateway.ports import DropFile
from gateway.services.excerpt import (
    LETTER,
    Content,
    arrival_notice,
    excerpt,
    read_content,
    waiting_notice,
    without_medical,
)
from gateway.storage import Case, Direction, Message
from gateway.wire.mime import Mailbox
from gateway.wire.payload import Attachment, Payload, build_entity, read_payload
from tests.services.opened import CARE, MARKER, file

AT = datetime(2027, 3, 13, 23, 30, tzinfo=UTC)
MESSAGE = Message(
    id=12, site="s", direction=Direction.IN, kind="CARE_REQUEST", partner="cnas", message_id="<a@b>", mic="0", at=AT
)
CASE = Case(id=1, site="s", ref="7F3K-Q2", hospital="h", vault_key="k", opened_at=AT, authorised_until=None)
DEVICES = {"con", "prn", "aux", "nul"}


def content(*pieces: Attachment, text: str = "Bonjour", values: dict[str, str] | None = None) -> Content:
    """A request of care with these files."""
    payload = Payload(
        sender=None, to=(), date=None, message_id=None, subject="", text=text, manifest=b"{}", attachments=pieces
    )
    return Content(kind=KINDS["CARE_REQUEST"], values=CARE if values is None else values, payload=payload)


def names(*pieces: Attachment, share: Share = Share.WHOLE) -> list[str]:
    """The names under which these files are handed over."""
    return [each.name for each in excerpt(content(*pieces), share, MESSAGE, CASE).files]


def check_safe(found: list[str]) -> None:
    """One visible component, readable everywhere, never the letter's, never one twice."""
    folded = [unicodedata.normalize("NFC", name).casefold() for name in (*found, LETTER)]
    assert len(set(folded)) == len(folded)
    for name in found:
        DropFile(name=name, data=b"")
        assert re.fullmatch(r"[^/\\\x00-\x1f:*?\"<>|~$`!;&]+\.[a-z0-9]{1,8}", name), name
        assert not name.startswith((".", "-", " "))
        assert len(name.encode()) <= 200
        assert name.partition(".")[0].strip().lower() not in DEVICES
        assert not any(unicodedata.category(char) in {"Cc", "Cf", "Cs"} for char in name)


HOSTILE = [
    "../../etc/passwd",
    "..\\..\\windows\\win.ini",
    "/etc/shadow",
    "C:\\autoexec.bat",
    "a\x00b.pdf",
    ".bashrc",
    "-rf.pdf",
    "--help",
    "$(rm -rf ~).pdf",
    "`id`.pdf",
    "a;b&c|d.pdf",
    "CON.pdf",
    "nul",
    "lettre.txt",
    "LETTRE.TXT",
    "",
    ".",
    "..",
    " ",
    "\u202egpj.exe",
    "facture.pdf\u200b.exe",
    "é" * 300 + ".pdf",
    "ملف" * 100 + ".pdf",
    "x" * 1000,
    "a.tar.gz",
    "nom sans extension",
    "trop.longueextension",
    "point.",
    "\ud800.pdf",
    "message.json",
]


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("role", ["medical_file", None, "inconnu"])
def test_a_hostile_name_becomes_a_safe_one(name: str, role: str | None) -> None:
    """Whatever a partner calls a file, in whatever role; twice the same is two files."""
    found = names(file(role, name), file(role, name))
    check_safe(found)
    assert len(found) == 2


@given(st.lists(st.text(max_size=60), max_size=6))
def test_any_names_become_safe_and_different(given_names: list[str]) -> None:
    """Also those that nobody thought of."""
    check_safe(names(*(file(None, name) for name in given_names)))


@given(st.lists(st.sampled_from([*HOSTILE, *(f"{a}.{b}" for a in "aA" for b in ("pdf", "PDF"))]), max_size=8))
def test_the_same_message_always_has_the_same_names(given_names: list[str]) -> None:
    """A second try after a crash must find its own files."""
    pieces = [file("medical_file" if index % 2 else None, name) for index, name in enumerate(given_names)]
    assert names(*pieces) == names(*pieces)


def test_a_file_that_its_kind_knows_bears_the_name_of_its_place_in_the_form() -> None:
    """Not the sender's, which the letter tells."""
    found = excerpt(
        content(file("medical_file", "IRM du 11.pdf"), file("medical_file", "b.PNG")), Share.WHOLE, MESSAGE, CASE
    )
    assert [each.name for each in found.files] == ["dossier_medical.pdf", "dossier_medical.png"]
    assert "- dossier_medical.pdf : informations sur l'état de santé (nommée « IRM du 11.pdf » par l'expéditeur)" in (
        found.letter
    )


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.id)
def test_places_in_the_form_are_names_of_files(kind: Kind) -> None:
    """What the catalogue calls a piece can stand on a disk."""
    allowed = set(string.ascii_lowercase + string.digits + "_")
    assert all(set(piece.fiche) <= allowed and piece.fiche for piece in kind.pieces)


def test_the_whole_letter_is_the_senders_text_made_readable() -> None:
    """Without control characters for a terminal, without characters that turn the text around."""
    text = "Ligne 1\r\n\x1b[2Jligne 2\u202e3\n\n  fin"
    told = excerpt(content(text=text), Share.WHOLE, MESSAGE, CASE).letter
    assert told == (
        "Courrier de « cnas », dossier 7F3K-Q2, daté du 14/03/2027 (message 12)\n\nLigne 1\n[2Jligne 23\n\nfin\n"
    )


def test_the_other_letter_never_quotes_the_senders_text() -> None:
    """It may say anything; what the administration reads is written again from the plain fields."""
    found = excerpt(content(text=f"Le patient a {MARKER}"), Share.WITHOUT_MEDICAL, MESSAGE, CASE)
    assert MARKER not in found.letter
    assert "Nom du patient : BENALI" in found.letter
    assert found.letter.startswith("Courrier de « cnas », dossier 7F3K-Q2, daté du 14/03/2027 (message 12)\n")


@pytest.mark.parametrize("waits", [True, False])
def test_the_other_letter_says_what_became_of_the_rest(waits: bool) -> None:  # noqa: FBT001  both cases
    """With the physician, or in the vault for want of one."""
    found = excerpt(content(), Share.WITHOUT_MEDICAL, MESSAGE, CASE, waits=waits)
    assert ("attendent dans la passerelle" in found.letter) is waits
    plain = excerpt(content(values={"patient_name": "X"}), Share.WITHOUT_MEDICAL, MESSAGE, CASE, waits=waits)
    assert "réservés au médecin" not in plain.letter


def test_a_message_whose_manifest_is_not_read_is_all_medical() -> None:
    """Doubt closes: no field is known, and every file is a physician's."""
    for manifest in (None, b"{"):
        payload = Payload(
            sender=None,
            to=(),
            date=None,
            message_id=None,
            subject="",
            text=MARKER,
            manifest=manifest,
            attachments=(file("form", "a.pdf"),),
        )
        found = read_content(KINDS["CARE_REQUEST"], payload)
        assert found.values == {}
        assert found.medical
        assert excerpt(found, Share.WITHOUT_MEDICAL, MESSAGE, CASE).files == ()
        assert without_medical(found, MESSAGE, CASE).attachments == ()
        assert MARKER not in without_medical(found, MESSAGE, CASE).text


@pytest.mark.parametrize(
    "media_type", ["message/rfc822", "application/vnd.soins-programmes+json", "text/html", "x/Y", ""]
)
def test_any_file_can_be_sealed_again(media_type: str) -> None:
    """A copied mail, a manifest among the files, a type that no mail may bear: the bytes arrive as they were."""
    raw = b"From: a@b\n\xff\n"
    found = excerpt(content(file(None, "copie.eml", raw, media_type)), Share.WHOLE, MESSAGE, CASE)
    body = Payload(
        sender=Mailbox(display="", address="a@b.test"),
        to=(Mailbox(display="", address="c@b.test"),),
        date=AT,
        message_id="<x@b.test>",
        subject="s",
        text=found.letter,
        attachments=found.files,
    )
    again = read_payload(build_entity(body, "=_b"))
    assert [(piece.name, piece.data) for piece in again.attachments] == [("copie.eml", raw)]
    assert again.manifest is None


def test_notices_hold_the_token_and_nothing_else_of_the_case() -> None:
    """No kind, no partner, no date, no word that a physician's mail would tell."""
    for made in (waiting_notice(MESSAGE, CASE), arrival_notice(MESSAGE, CASE)):
        assert made.files == ()
        assert "7F3K-Q2" in made.letter
        for word in ("cnas", "CARE", "M01", "2027", "soins", "réponse"):
            assert word not in made.letter
