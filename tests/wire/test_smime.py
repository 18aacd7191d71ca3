"""The layers of S/MIME as MIME: exactly the types of RFC 8551, CMS inside, and the same payload as in OpenPGP."""

from datetime import UTC, datetime

import pytest

from gateway.domain.errors import MailMalformed
from gateway.domain.parties import Suite
from gateway.wire import sealed, smime
from gateway.wire.mime import Mailbox, parse
from gateway.wire.sealed import Shape

CMS = b"\x30\x03\x02\x01\x05"
ENTITY = b"Content-Type: text/plain\r\n\r\nBonjour\r\n"
OUTER = sealed.Outer(
    sender=Mailbox(display="", address="a@hopital.test"),
    to=(Mailbox(display="", address="b@cnas.test"),),
    date=datetime(2026, 3, 1, 9, 0, tzinfo=UTC),
    message_id="<1@hopital.test>",
    subject="Soins",
)


def test_a_signed_entity_is_read_back() -> None:
    """Both halves, byte for byte, and the suite."""
    raw = sealed.signed(ENTITY, CMS, "sha-256", "b1", Suite.SMIME)
    found = sealed.read_signed(parse(raw))
    assert (found.entity, found.signature, found.micalg, found.suite) == (ENTITY, CMS, "sha-256", Suite.SMIME)
    assert sealed.shape_of(parse(raw)) is Shape.SIGNED


def test_an_envelope_is_read_back() -> None:
    """The outer fields are those of OpenPGP and the three of the one part."""
    raw = sealed.outer(OUTER, CMS, "", Suite.SMIME)
    part = parse(raw)
    assert smime.read_envelope(part) == CMS
    assert (sealed.shape_of(part), sealed.suite_of(part)) == (Shape.ENCRYPTED, Suite.SMIME)
    assert set(part.headers.names()) <= {name.lower() for name in sealed.SMIME_FIELDS}
    assert b"smime-type=enveloped-data" in raw


def test_an_authenticated_envelope_says_so() -> None:
    """RFC 8551 §3.2.2: mail programs choose by the parameter."""
    head = bytes.fromhex("30820100060b2a864886f70d0109100117a0")
    assert b"smime-type=authEnveloped-data" in sealed.outer(OUTER, head + bytes(300), "", Suite.SMIME)


@pytest.mark.parametrize("old", ["pkcs7-mime", "pkcs7-signature"])
def test_the_names_of_before_1998_are_read(old: str) -> None:
    """RFC 8551 §3.2."""
    signed = sealed.signed(ENTITY, CMS, "sha-256", "b1", Suite.SMIME).replace(b"pkcs7-", b"x-pkcs7-")
    assert sealed.read_signed(parse(signed)).signature == CMS
    raw = sealed.outer(OUTER, CMS, "", Suite.SMIME).replace(
        f"application/{old}".encode(), f"application/x-{old}".encode()
    )
    assert smime.read_envelope(parse(raw)) == CMS


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"Content-Type: application/pkcs7-signature", b"Content-Type: application/pgp-signature", "signature-part"),
        (b"MAMCAQU=", b"AAMCAQU=", "signature-part"),
        (b"MAMCAQU=", b"MAMCA!U=", "base64"),
        (b"\r\n--b1--", b"\r\n--b1\r\n\r\nmore\r\n--b1--", "not-two-parts"),
        (b"--b1--\r\n", b"--b1--\r\nmore", "not-closed"),
    ],
)
def test_every_other_signed_structure_is_refused(old: bytes, new: bytes, reason: str) -> None:
    """RFC 1847: exactly two parts, the signature second, nothing after."""
    raw = sealed.signed(ENTITY, CMS, "sha-256", "b1", Suite.SMIME)
    assert old in raw
    with pytest.raises(MailMalformed, match=reason):
        sealed.read_signed(parse(raw.replace(old, new, 1)))


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"Content-Type: text/plain\r\n\r\nMAMCAQU=", "wrong-shape"),
        (b"Content-Type: application/pkcs7-mime\r\n\r\nMAMCAQU=", "data-part"),
        (b"Content-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: base64\r\n\r\n", "data-part"),
    ],
)
def test_what_is_no_envelope_is_refused(raw: bytes, reason: str) -> None:
    """Another type, not decoded, empty."""
    with pytest.raises(MailMalformed, match=reason):
        smime.read_envelope(parse(raw))


@pytest.mark.parametrize("data", [b"", b"-----BEGIN PGP MESSAGE-----"])
def test_nothing_but_cms_is_written(data: bytes) -> None:
    """Clear text, or the other suite's, never leaves by mistake."""
    with pytest.raises(MailMalformed):
        sealed.outer(OUTER, data, "", Suite.SMIME)
    with pytest.raises(MailMalformed):
        sealed.signed(ENTITY, data, "sha-256", "b1", Suite.SMIME)
    with pytest.raises(MailMalformed):
        sealed.outer(OUTER, CMS, "b1", Suite.OPENPGP)
