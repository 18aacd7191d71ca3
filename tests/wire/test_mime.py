"""The tree of a mail: exact slices, limits, and no exception but MailMalformed."""

import base64
import binascii
from unittest import mock

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.domain.errors import MailMalformed
from gateway.wire import mime
from gateway.wire.mime import parse, parse_headers

NESTED = (
    b"From: a@b.c\r\nContent-Type: multipart/mixed; boundary=AA\r\n\r\npreamble\r\n--AA\r\n"
    b"Content-Type: multipart/alternative; boundary=AAB\r\n\r\n--AAB\r\n\r\none\r\n--AAB\r\n\r\ntwo\r\n--AAB--\r\n\r\n"
    b"--AA  \r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nAAEC\r\n--AA--\r\nafter"
)


def _tree(depth: int) -> bytes:
    return b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (i, i) for i in range(depth))


def test_a_nested_mail_is_cut_exactly() -> None:
    """Line breaks before boundaries belong to the boundaries; a longer boundary is another boundary."""
    mail = parse(NESTED)

    first, second = mail.parts
    assert [part.body for part in first.parts] == [b"one", b"two"]
    assert first.raw.endswith(b"--AAB--\r\n")
    assert second.decoded() == b"\0\1\2"
    assert (mail.closed, mail.epilogue) == (True, True)
    assert mail.raw == NESTED


def test_bare_line_feeds_are_read_the_same() -> None:
    """Some stores give LF only; the slices keep it."""
    mail = parse(NESTED.replace(b"\r\n", b"\n"))

    assert [part.body for part in mail.parts[0].parts] == [b"one", b"two"]


def test_a_missing_closing_boundary_is_told() -> None:
    """The last part then reaches to the end."""
    mail = parse(b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nlast")

    assert (mail.closed, mail.parts[0].body) == (False, b"last")


def test_an_mbox_line_and_empty_input_are_tolerated() -> None:
    """Neither is an error, neither is content."""
    assert parse(b"From x Mon\nSubject: a\n\nb").headers.names() == ("subject",)
    assert parse(b"").body == b""


def test_headers_are_unfolded_and_counted() -> None:
    """Names in any case, blanks before the colon, repeated fields."""
    headers = parse_headers(b"To : a\r\n\tb\r\nX-A:\r\nto:c")

    assert headers.names() == ("to", "x-a", "to")
    assert headers.get_all("TO") == ("a\tb", "c")
    assert headers.one("x-a") == ""
    assert headers.get("none") is None
    with pytest.raises(MailMalformed, match="repeated-to"):
        headers.one("To")
    with pytest.raises(MailMalformed, match="missing-none"):
        headers.one("None")


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"no field\r\n\r\n", "header-line"),
        (b" folded first\r\n\r\n", "header-line"),
        (b"A: b\rBcc: c\r\n\r\n", "header-control"),
        (b"A: b\0\r\n\r\n", "header-control"),
        (b"Content-Type: a/b\r\nContent-Type: c/d\r\n\r\n", "repeated-content-type"),
        (b"Content-Type: multipart/mixed\r\n\r\n", "boundary"),
        (b'Content-Type: multipart/mixed; boundary="a "\r\n\r\n', "boundary"),
        (
            b"Content-Type: multipart/mixed; boundary=a\r\nContent-Transfer-Encoding: base64\r\n\r\n",
            "multipart-encoding",
        ),
    ],
)
def test_structures_with_two_readings_are_refused(raw: bytes, reason: str) -> None:
    """Each names its defect by a code."""
    with pytest.raises(MailMalformed, match=reason):
        parse(raw)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"A: " + b"x\r\n " * mime.MAX_HEADER_BLOCK, "header-too-long"),
        (b"A: " + b"x" * mime.MAX_HEADER_LINE + b"\r\n\r\n", "header-line-too-long"),
        (b"A:\r\n" * (mime.MAX_HEADER_FIELDS + 1), "too-many-fields"),
        (_tree(mime.MAX_DEPTH), "too-deep"),
        (_tree(1) + b"\r\n\r\n--b0" * mime.MAX_PARTS, "too-many-parts"),
        (_tree(1) + b"\r\n\r\n--b0x" * mime.MAX_DELIMITERS, "too-many-boundaries"),
        (b"Content-Type: multipart/mixed; boundary=" + b"x" * (mime.MAX_BOUNDARY + 1) + b"\r\n\r\n", "boundary"),
    ],
)
def test_each_limit_is_enforced(raw: bytes, reason: str) -> None:
    """One more than allowed is refused."""
    with pytest.raises(MailMalformed, match=reason):
        parse(raw)


def test_the_limits_themselves_are_allowed() -> None:
    """Exactly as much as allowed is read."""
    assert len(list(parse(_tree(mime.MAX_DEPTH - 1)).walk())) == mime.MAX_DEPTH
    assert (
        len(parse(b"A:" + b"x" * (mime.MAX_HEADER_LINE - 2) + b"\r\n\r\n").headers.one("a")) == mime.MAX_HEADER_LINE - 2
    )


@pytest.mark.parametrize(
    ("encoding", "body", "expected"),
    [
        (b"quoted-printable", b"caf=C3=A9 =\r\nnoir", "café noir".encode()),
        (b"BASE64", b"YWJj\r\nZA==\r\n", b"abcd"),
        (b"8bit", b"\xe9", b"\xe9"),
    ],
)
def test_transfer_encodings_are_undone(encoding: bytes, body: bytes, expected: bytes) -> None:
    """Three families, any case."""
    assert parse(b"Content-Transfer-Encoding: " + encoding + b"\r\n\r\n" + body).decoded() == expected


@pytest.mark.parametrize("body", [b"YWJ", b"YW=Jj", b"YWJj!", b"YQ==YQ==", b"YQ=="[:3]])
def test_base64_that_is_not_exactly_base64_is_refused(body: bytes) -> None:
    """Lenient readers would each find another file."""
    with pytest.raises(MailMalformed, match="base64"):
        parse(b"Content-Transfer-Encoding: base64\r\n\r\n" + body).decoded()


def test_utf7_and_unknown_charsets_are_never_read() -> None:
    """UTF-7 hides markup from filters."""
    for charset in (b"utf-7", b"x-unknown"):
        with pytest.raises(MailMalformed, match="charset"):
            parse(b"Content-Type: text/plain; charset=" + charset + b"\r\n\r\n+ADw-").text()


def test_arabic_text_is_read() -> None:
    """Windows-1256 is in use at the other end."""
    mail = parse(b"Content-Type: text/plain; charset=windows-1256\r\n\r\n\xe3\xd1\xcd\xc8\xc7\r\n")

    assert mail.text() == "مرحبا\n"


@given(st.binary(max_size=2000))
@example(b"Content-Type: multipart/mixed; boundary=x\n\n--x")
@example(b"Content-Type: multipart/mixed; boundary=x\n\n--x\n--x\n--x--")
def test_arbitrary_bytes_raise_nothing_but_mail_malformed(raw: bytes) -> None:
    """Neither parsing nor reading each leaf leaks another exception."""
    try:
        for part in parse(raw).walk():
            for read in (part.decoded, part.text, part.filename):
                _tolerate(read)
    except MailMalformed:
        pass


def _tolerate(read: object) -> None:
    if callable(read):
        try:
            read()
        except MailMalformed:
            return


_PIECES = st.sampled_from(
    [
        b"\r\n",
        b"\n",
        b"--x",
        b"--x--",
        b"--y",
        b"Content-Type: multipart/mixed; boundary=",
        b"x",
        b"y",
        b":",
        b" ",
        b"a",
    ]
)


@given(st.lists(_PIECES, max_size=60).map(b"".join))
def test_every_slice_lies_in_its_parent(tail: bytes) -> None:
    """Parts are verbatim, in order and without overlap."""
    raw = b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + tail
    try:
        mail = parse(raw)
    except MailMalformed:
        return
    for part in mail.walk():
        assert part.raw == raw[part.start : part.end]
        assert part.raw.endswith(part.body)
        bounds = [part.body_start, *(edge for child in part.parts for edge in (child.start, child.end)), part.end]
        assert bounds == sorted(bounds)


@given(st.binary(max_size=200))
def test_base64_round_trips(data: bytes) -> None:
    """Whatever the line length."""
    raw = b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(data)

    assert parse(raw).decoded() == data


@given(st.text(alphabet="AQz+/= \r\n-", max_size=60), st.integers(1, 9))
def test_base64_read_in_pieces_is_what_it_is_as_a_whole(text: str, piece: int) -> None:
    """Wherever a piece ends: the same bytes, or the same refusal."""
    body = text.encode()
    compact = b"".join(body.split())
    try:
        wanted: bytes | None = base64.b64decode(compact, validate=True)
    except binascii.Error:
        wanted = None
    padding = len(compact) - len(compact.rstrip(b"="))
    if wanted is not None and len(wanted) != len(compact) // 4 * 3 - padding:
        wanted = None
    with mock.patch.object(mime, "_PIECE", piece):
        try:
            found: bytes | None = parse(b"Content-Transfer-Encoding: base64\r\n\r\n" + body).decoded()
        except MailMalformed:
            found = None
    assert found == wanted
