"""Definite lengths out of any BER: one reading, bounded work, and what is primitive stays byte for byte."""

import pytest
from asn1crypto import cms
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7EnvelopeBuilder, PKCS7Options
from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.smime.ber import MAX_DEPTH, MAX_ELEMENTS, NotBer, _Reader, to_definite, without_content
from tests.adapters.smime.forge import cms_signature, signer
from tests.adapters.smime.people import person, rsa_key


def element(tag: int, content: bytes, *, form: str) -> bytes:
    """An element with its length in one of the forms that BER allows."""
    match form:
        case "open" if tag & 0x20:
            return bytes([tag, 0x80]) + content + b"\0\0"
        case "long":
            return bytes([tag, 0x84]) + len(content).to_bytes(4, "big") + content
        case _ if len(content) < 128:
            return bytes([tag, len(content)]) + content
        case _:
            size = (len(content).bit_length() + 7) // 8
            return bytes([tag, 0x80 | size]) + len(content).to_bytes(size, "big") + content


FORMS = st.sampled_from(["open", "long", "short"])
PRIMITIVES = st.tuples(st.sampled_from([0x02, 0x04, 0x06, 0x80, 0x0C]), st.binary(max_size=200))


@st.composite
def trees(draw: st.DrawFn, depth: int = 4) -> tuple[bytes, bytes]:
    """An element in some BER, and the same in definite form."""
    if depth == 0 or draw(st.booleans()):
        tag, content = draw(PRIMITIVES)
        return element(tag, content, form=draw(FORMS)), element(tag, content, form="short")
    tag = draw(st.sampled_from([0x31, 0xA1, 0x61]))
    children = draw(st.lists(trees(depth=depth - 1), max_size=3))
    told = element(tag, b"".join(child for child, _ in children), form=draw(FORMS))
    return told, element(tag, b"".join(child for _, child in children), form="short")


@given(trees())
def test_each_form_of_length_becomes_the_shortest(tree: tuple[bytes, bytes]) -> None:
    """And a second pass changes nothing."""
    told, wanted = tree
    assert to_definite(told) == wanted
    assert to_definite(wanted) == wanted


@given(st.lists(st.binary(max_size=300), max_size=5), FORMS)
def test_a_string_in_pieces_is_joined(pieces: list[bytes], form: str) -> None:
    """As an octet string, and as the encrypted content of an envelope; pieces of pieces as well."""
    parts = b"".join(element(0x04, piece, form=form) for piece in pieces)
    joined = b"".join(pieces)
    assert to_definite(element(0x24, parts, form=form)) == element(0x04, joined, form="short")
    twice = element(0x24, element(0x24, parts, form=form), form=form)
    assert to_definite(twice) == element(0x04, joined, form="short")
    head = element(0x06, b"\x2a", form="short") + element(0x30, b"", form="short")
    inside = element(0x30, head + element(0xA0, parts, form=form), form=form)
    assert to_definite(inside) == element(0x30, head + element(0x80, joined, form="short"), form="short")


@given(st.binary(max_size=400))
def test_any_bytes_are_one_element_or_refused(data: bytes) -> None:
    """No other error, and what comes out is stable."""
    try:
        definite = to_definite(data)
    except NotBer:
        return
    assert to_definite(definite) == definite


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x30",
        b"\x30\x05\x02\x01",
        b"\x30\x80\x02\x01\x01",
        b"\x04\x80\x00\x00",
        b"\x30\x00\x00",
        b"\x1f\x81\x01\x00",
        b"\x30\x85\x00\x00\x00\x00\x00",
        b"\x24\x03\x02\x01\x05",
        b"\x30\x0a\x06\x01\x2a\x30\x00\xa0\x03\x02\x01\x05",
    ],
    ids=["empty", "cut", "short", "open", "primitive-open", "behind", "tag", "length", "piece", "encrypted-piece"],
)
def test_what_is_not_one_element_is_refused(data: bytes) -> None:
    """Each in its own way."""
    with pytest.raises(NotBer):
        to_definite(data)


def test_depth_and_number_have_limits() -> None:
    """One below passes, one above is refused."""
    deep = b"\x30\x80" * MAX_DEPTH + b"\x05\x00" + b"\0\0" * MAX_DEPTH
    assert to_definite(deep).endswith(b"\x05\x00")
    with pytest.raises(NotBer):
        to_definite(b"\x30\x80" + deep + b"\0\0")
    many = b"\x30\x80" + b"\x05\x00" * (MAX_ELEMENTS - 1) + b"\0\0"
    assert to_definite(many).endswith(b"\x05\x00")
    with pytest.raises(NotBer):
        to_definite(b"\x30\x80" + b"\x05\x00" * MAX_ELEMENTS + b"\0\0")


# --- what needs no rewriting

US = person("hopital", key=rsa_key())


def envelope(content: bytes) -> bytes:
    """As ``cryptography`` makes it."""
    builder = PKCS7EnvelopeBuilder().set_data(content).add_recipient(US.certificate)
    return builder.encrypt(Encoding.DER, [PKCS7Options.Binary])


def test_what_is_definite_already_comes_back_as_it_is() -> None:
    """The very same bytes: a large mail is not copied. What is not is still put right."""
    for whole in (cms_signature(signer()), envelope(b"x" * 5000)):
        assert to_definite(whole) is whole
        assert to_definite(whole) == _Reader(whole).whole()
    streamed = element(0x30, element(0x02, b"\x01", form="short"), form="open")
    assert to_definite(streamed) == b"\x30\x03\x02\x01\x01"


@given(trees(), st.integers(0, 400), st.integers(0, 255))
def test_the_quick_look_and_the_reader_never_differ(tree: tuple[bytes, bytes], at: int, octet: int) -> None:
    """Whatever one changed octet makes of it: the same bytes, or both refuse."""
    told = bytearray(tree[1])
    told[at % len(told)] = octet
    data = bytes(told)
    try:
        wanted: bytes | None = _Reader(data).whole()
    except NotBer:
        wanted = None
    try:
        found: bytes | None = to_definite(data)
    except NotBer:
        found = None
    assert found == wanted


@pytest.mark.parametrize("size", [0, 1, 100, 127, 128, 255, 256, 70_000])
def test_an_envelope_is_read_without_its_content(size: int) -> None:
    """What a parser finds in the rest is the same, and beside it lies the content, whatever the form of its length."""
    whole = envelope(b"x" * size)
    shell, content = without_content(whole)
    assert content is not None
    parsed, hollow = (cms.ContentInfo.load(each, strict=True)["content"] for each in (whole, shell))
    assert bytes(content) == parsed["encrypted_content_info"]["encrypted_content"].native
    assert hollow["encrypted_content_info"]["encrypted_content"].native == b""
    assert hollow["recipient_infos"].dump() == parsed["recipient_infos"].dump()
    algorithm = "content_encryption_algorithm"
    assert hollow["encrypted_content_info"][algorithm].native == parsed["encrypted_content_info"][algorithm].native
    assert to_definite(shell) is shell


def test_what_is_no_envelope_is_left_whole() -> None:
    """A signature; an envelope without content, or with two contents, of which nobody could say which one counts."""
    signature = cms_signature(signer())
    assert without_content(signature) == (signature, None)
    about = element(0x30, element(0x06, b"\x2a", form="short") + element(0x30, b"", form="short"), form="short")
    content = element(0x80, b"secret", form="short")
    inside = element(0x06, b"\x2a", form="short") + element(0x30, b"", form="short") + content
    full = element(0x30, inside, form="short")
    for parts in (about, full + full, about + full, b""):
        data = element(0x30, element(0x06, b"\x2a", form="short") + _explicit(parts), form="short")
        assert without_content(data) == (data, None)
    one = element(0x30, element(0x06, b"\x2a", form="short") + _explicit(full), form="short")
    assert bytes(without_content(one)[1] or b"") == b"secret"


def _explicit(parts: bytes) -> bytes:
    version = element(0x02, b"\x00", form="short")
    return element(0xA0, element(0x30, version + parts, form="short"), form="short")
