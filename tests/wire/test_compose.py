"""The writer: canonical bytes, exact round trips, and no value that becomes a second field."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.domain.errors import MailMalformed
from gateway.wire import compose
from gateway.wire.fields import Mailbox, decode_words
from gateway.wire.mime import parse
from gateway.wire.params import safe_filename

INJECTIONS = (
    "x\r\nBcc: evil@x",
    "x\nBcc: evil@x",
    "x\rBcc: evil@x",
    "x\0",
    "x\x0b",
    "x\x85y",
    "x\u2028Bcc: e",
    "\ud800",
)
TEXT = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]))


@pytest.mark.parametrize("value", INJECTIONS)
def test_a_control_character_never_reaches_a_header(value: str) -> None:
    """Refused in subjects, structured fields and display names alike."""
    for name in ("Subject", "To", "X-Any"):
        with pytest.raises(MailMalformed, match="field-value"):
            compose.field(name, value)
    with pytest.raises(MailMalformed, match="field-value"):
        compose.mailbox_text(Mailbox(display=value, address="a@b.c"))


@pytest.mark.parametrize("name", ["", "Sub ject", "A:b", "A\r\nB", "é", "1x"])
def test_a_field_name_is_a_plain_word(name: str) -> None:
    """Anything else is refused."""
    with pytest.raises(MailMalformed, match="field-name"):
        compose.field(name, "x")


def test_a_subject_read_from_an_attacker_stays_one_subject() -> None:
    """The encoded line break that the standard library turns into a Bcc field."""
    hostile = "=?utf-8?q?x=0d=0aBcc:=20evil?="
    for subject in (hostile, decode_words(hostile)):
        raw = compose.entity([("Subject", subject)], b"")

        assert parse(raw).headers.names() == ("subject",)


@given(TEXT)
@example(" a")
@example("a  b")
@example("=?utf-8?q?x?=")
@example("x" * 2000)
def test_subjects_round_trip(subject: str) -> None:
    """Any printable text comes back as it was, in lines that every server takes."""
    line = compose.field("Subject", subject)

    assert decode_words(parse(line + b"\r\n").headers.one("subject")) == subject
    assert all(len(part) <= 78 for part in line.split(b"\r\n") if b"=?" in part)
    assert line.isascii()


def test_a_structured_value_must_be_ascii_and_foldable() -> None:
    """Encoding an address would make another address of it; an endless word has no place to fold."""
    with pytest.raises(MailMalformed, match="field-value"):
        compose.field("To", "é@h.fr")
    with pytest.raises(MailMalformed, match="field-line"):
        compose.field("References", "x" * (compose.MAX_LINE + 1))


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r")))
@example("From here\n.\n..\n")
@example("a" * 500)
@example("espace \nfin \n ")
def test_texts_round_trip(text: str) -> None:
    """Quoted-printable keeps every character and stays canonical, short-lined, seven-bit."""
    raw = compose.text_part(text)

    compose.require_canonical(raw)
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 78
    assert b"\r\nFrom " not in raw
    assert parse(raw).text() == text


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_texts_that_mail_cannot_carry_are_refused(text: str) -> None:
    """A NUL or half a character."""
    with pytest.raises(MailMalformed, match="text-control"):
        compose.text_part(text)


@given(st.text(), st.binary(max_size=300))
def test_attachments_round_trip(text: str, data: bytes) -> None:
    """Name and bytes come back."""
    name = safe_filename(text) or "x"
    part = parse(compose.attachment_part(name, "application/pdf", data, "form"))

    assert (part.filename(), part.decoded(), part.headers.one("x-soins-role")) == (name, data, "form")


@pytest.mark.parametrize(
    ("name", "media_type", "role", "reason"),
    [
        ("../x", "application/pdf", None, "attachment-name"),
        ("", "application/pdf", None, "attachment-name"),
        ('a"b', "application/pdf", None, "attachment-name"),
        ("a\r\nBcc: x", "application/pdf", None, "attachment-name"),
        ("a", "application/pdf\r\nBcc: x", None, "media-type"),
        ("a", "application/pdf; x=y", None, "media-type"),
        ("a", "multipart/mixed", None, "media-type"),
        ("a", "application/pdf", "x\r\nBcc: y", "attachment-role"),
    ],
)
def test_hostile_attachment_facts_are_refused(name: str, media_type: str, role: str | None, reason: str) -> None:
    """Each by its own code."""
    with pytest.raises(MailMalformed, match=reason):
        compose.attachment_part(name, media_type, b"", role)


def test_an_attached_mail_goes_verbatim_or_not_at_all() -> None:
    """RFC 2046 forbids to encode a message/rfc822."""
    mail = b"Subject: a\r\n\r\nb"

    assert parse(compose.attachment_part("a.eml", "message/rfc822", mail)).decoded() == mail
    for unfit in (b"a\n", b"\xe9", b"x" * (compose.MAX_LINE + 1)):
        with pytest.raises(MailMalformed):
            compose.attachment_part("a.eml", "message/rfc822", unfit)


@pytest.mark.parametrize(
    ("parts", "boundary", "reason"),
    [
        ([], "b", "boundary-in-part"),
        ([b"\r\nx\r\n--b"], "b", "boundary-in-part"),
        ([b"--bc"], "b", "boundary-in-part"),
        ([b"\r\n"], 'b"; x="', "boundary"),
        ([b"\r\n"], "", "boundary"),
        ([b"\r\n"], "b" * 71, "boundary"),
        ([b"a\nb"], "b", "not-canonical"),
    ],
)
def test_a_multipart_that_would_read_otherwise_is_refused(parts: list[bytes], boundary: str, reason: str) -> None:
    """A boundary inside a part would cut it."""
    with pytest.raises(MailMalformed, match=reason):
        compose.multipart("mixed", parts, boundary)


def test_a_multipart_parameter_cannot_leave_its_quotes() -> None:
    """Quotes and backslashes are refused, not escaped."""
    for value in ('a"; x="', "a\\", "é"):
        with pytest.raises(MailMalformed, match="parameter"):
            compose.multipart("mixed", [b"\r\n"], "b", [("hp", value)])


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"To: a\r\nBcc: b\r\n\r\n", "outgoing-field"),
        (b"To: a\r\nTo: b\r\n\r\n", "outgoing-repeated"),
        (b"To: a\r\n\r\n\xe9", "outgoing-eight-bit"),
        (b"To: a\r\n\r\n" + b"x" * 999, "outgoing-line"),
        (b"To: a\r\n\r\nx\n", "not-canonical"),
        (b"To: a\r\n\r\nx\r", "not-canonical"),
        (b"To: a\r\n\r\n\0", "not-canonical"),
    ],
)
def test_the_last_look_stops_every_surprise(raw: bytes, reason: str) -> None:
    """Bytes that a stranger would read otherwise never leave."""
    with pytest.raises(MailMalformed, match=reason):
        compose.check_outgoing(raw, ["To"])


def test_the_last_look_lets_a_plain_mail_pass() -> None:
    """Names are compared without case; a line of exactly the limit is fine."""
    compose.check_outgoing(b"TO: a\r\n\r\n" + b"x" * compose.MAX_LINE + b"\r\n", ["To"])


LINES = st.lists(st.sampled_from([0, 1, 76, 997, 998, 999, 1000, 1001, 1998, 2500]), max_size=8)


@given(LINES, st.booleans())
@example([998], False)
@example([999], False)
@example([998, 998, 998], True)
@example([1, 999, 1], True)
def test_a_line_that_is_too_long_is_found_wherever_it_stands(lengths: list[int], closed: bool) -> None:  # noqa: FBT001
    """As if each were measured, also the last one, which may lack its end."""
    data = b"\r\n".join(b"x" * length for length in lengths) + (b"\r\n" if closed else b"")
    assert compose.fits_verbatim(data) is all(len(line) <= compose.MAX_LINE for line in data.split(b"\r\n"))


@given(st.lists(st.text("ab", min_size=1, max_size=40), min_size=1, max_size=6))
@example(["a" * 71])
@example(["a" * 72])
@example(["a" * 35, "b" * 36])
@example(["a" * 35, "b" * 37])
def test_a_line_is_folded_when_it_must_be_and_only_then(words: list[str]) -> None:
    """Unfolding restores the value; up to the limit it stays on one line."""
    value = " ".join(words)
    raw = compose.field("To", value).decode()
    assert raw.replace("\r\n ", " ") == f"To: {value}\r\n"
    assert ("\r\n " in raw) is (len(f"To: {value}") > compose.FOLD_AT and len(words) > 1)
