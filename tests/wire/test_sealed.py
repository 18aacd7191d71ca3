"""Layers of sealed mail: strict readers, exact slices, payload round trips, golden bytes."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import MailMalformed
from gateway.wire import payload as payloads
from gateway.wire import sealed
from gateway.wire.mime import Mailbox, parse
from gateway.wire.params import safe_filename
from gateway.wire.sealed import Attachment, Outer, Payload, Shape

SIGNATURE = b"-----BEGIN PGP SIGNATURE-----\n\nabcd\n-----END PGP SIGNATURE-----\n"
MESSAGE = b"-----BEGIN PGP MESSAGE-----\n\nabcd\n-----END PGP MESSAGE-----\n"
HOSPITAL = Mailbox(display="Hôpital", address="soins@hopital.fr")
CNAS = Mailbox(display="", address="contact@cnas.dz")
PAYLOAD = Payload(
    sender=HOSPITAL,
    to=(CNAS,),
    cc=(Mailbox(display="CNSE", address="unite@cnse.fr"),),
    date=datetime(2024, 6, 3, 10, 0, 0, tzinfo=UTC),
    message_id="<1@hopital.fr>",
    subject="Demande de prolongation été",
    references=("<0@cnas.dz>", "<00@cnas.dz>"),
    in_reply_to="<00@cnas.dz>",
    text="Bonjour,\nvoici la demande.\n",
    manifest=b'{"version":1}',
    attachments=(Attachment(name="devis é.pdf", media_type="application/pdf", data=b"\0\1", role="quote"),),
)
OUTER = Outer(
    sender=HOSPITAL,
    to=(CNAS,),
    cc=PAYLOAD.cc,
    date=datetime(2024, 6, 3, 10, 0, 0, tzinfo=UTC),
    message_id="<1@hopital.fr>",
    subject="Soins programmés – dossier 7F3K-Q2",
    receipt_to="soins@hopital.fr",
)
GOLDEN = b"""\
From: =?utf-8?b?SMO0cGl0YWw=?= <soins@hopital.fr>
To: contact@cnas.dz
Cc: "CNSE" <unite@cnse.fr>
Date: Mon, 03 Jun 2024 10:00:00 +0000
Message-ID: <1@hopital.fr>
Subject: =?utf-8?b?RGVtYW5kZSBkZSBwcm9sb25nYXRpb24gw6l0w6k=?=
In-Reply-To: <00@cnas.dz>
References: <0@cnas.dz> <00@cnas.dz>
HP-Outer: From: =?utf-8?b?SMO0cGl0YWw=?= <soins@hopital.fr>
HP-Outer: To: contact@cnas.dz
HP-Outer: Cc: "CNSE" <unite@cnse.fr>
HP-Outer: Date: Mon, 03 Jun 2024 10:00:00 +0000
HP-Outer: Message-ID: <1@hopital.fr>
HP-Outer: Subject: [...]
Content-Type: multipart/mixed; hp="cipher"; boundary="b0"

--b0
Content-Type: text/plain; charset="utf-8"
Content-Transfer-Encoding: quoted-printable

Bonjour,
voici la demande.

--b0
Content-Type: application/pdf; name*0*=utf-8''devis%20%C3%A9.pdf
Content-Disposition: attachment; filename*0*=utf-8''devis%20%C3%A9.pdf
X-Soins-Role: quote
Content-Transfer-Encoding: base64

AAE=
--b0
Content-Type: application/vnd.soins-programmes+json; name="message.json"
Content-Disposition: attachment; filename="message.json"
Content-Transfer-Encoding: base64

eyJ2ZXJzaW9uIjoxfQ==
--b0--
""".replace(b"\n", b"\r\n")


def test_the_payload_entity_is_these_bytes() -> None:
    """Golden: a change of one byte here changes every request hash."""
    assert sealed.build_entity(PAYLOAD, "b0") == GOLDEN


def test_the_payload_comes_back_as_it_went() -> None:
    """Every field, from the entity alone."""
    assert sealed.read_payload(GOLDEN) == PAYLOAD


def test_the_digest_is_the_same_number_in_both_spellings() -> None:
    """Hex for people and audit, base64 for receipts."""
    assert sealed.mic(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sealed.mic_base64(b"abc") == "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="


_TEXTS = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]))


@given(
    _TEXTS,
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r")),
    st.lists(st.tuples(st.text().map(lambda name: safe_filename(name) or "x"), st.binary(max_size=99)), max_size=4),
    st.none() | st.binary(max_size=99),
)
def test_any_payload_round_trips(
    subject: str, text: str, files: list[tuple[str, bytes]], manifest: bytes | None
) -> None:
    """Whatever the subject, text, files and names."""
    attachments = tuple(Attachment(name=name, media_type="image/png", data=data) for name, data in files)
    payload = replace(PAYLOAD, subject=subject, text=text, attachments=attachments, manifest=manifest)

    assert sealed.read_payload(sealed.build_entity(payload, "b-0")) == payload


def test_the_signed_entity_stands_verbatim_in_the_signed_mail() -> None:
    """The slice that is verified is the slice that was signed."""
    raw = sealed.signed(GOLDEN, SIGNATURE, "pgp-sha256", "b1")
    parts = sealed.read_signed(parse(raw))

    assert GOLDEN in raw
    assert (parts.entity, parts.micalg) == (GOLDEN, "pgp-sha256")
    assert parts.signature == SIGNATURE.replace(b"\n", b"\r\n")


@given(st.binary(max_size=300))
def test_whatever_was_signed_is_found_verbatim(body: bytes) -> None:
    """For any foreign entity: the slice is exactly what stands between the boundaries."""
    entity = b"Content-Type: text/plain\r\n\r\n" + body
    raw = b"".join(
        [
            b'Content-Type: multipart/signed; boundary=zzz; protocol="application/pgp-signature"\r\n\r\n--zzz\r\n',
            entity,
            b"\r\n--zzz\r\nContent-Type: application/pgp-signature\r\n\r\n",
            SIGNATURE,
            b"--zzz--\r\n",
        ]
    )

    assert sealed.read_signed(parse(raw)).entity == entity


def test_the_outer_mail_shows_nothing_but_the_envelope() -> None:
    """Neutral subject, request for a receipt, exactly two parts."""
    raw = sealed.outer(OUTER, MESSAGE, "b2")
    mail = parse(raw)

    assert mail.headers.names() == (
        "from", "to", "cc", "date", "message-id", "subject", "disposition-notification-to", "mime-version",
        "content-type",
    )  # fmt: skip
    assert sealed.shape_of(mail) is Shape.ENCRYPTED
    assert sealed.read_encrypted(mail) == MESSAGE.replace(b"\n", b"\r\n")
    assert b"prolongation" not in raw


def test_automatic_outer_mail_says_so() -> None:
    """RFC 3834."""
    raw = sealed.outer(replace(OUTER, auto_submitted="auto-generated", receipt_to=None, cc=()), MESSAGE, "b2")

    assert parse(raw).headers.one("Auto-Submitted") == "auto-generated"


@pytest.mark.parametrize("value", ["x\r\nBcc: evil@x.y", "x\nBcc: evil", "x\0"])
def test_no_value_of_the_outer_mail_becomes_a_field(value: str) -> None:
    """Each field alone is tried."""
    for hostile in (
        replace(OUTER, subject=value),
        replace(OUTER, message_id=value),
        replace(OUTER, receipt_to=value),
        replace(OUTER, auto_submitted=value),
        replace(OUTER, sender=Mailbox(display=value, address="a@b.c")),
        replace(OUTER, to=(Mailbox(display="", address=value),)),
    ):
        with pytest.raises(MailMalformed):
            sealed.outer(hostile, MESSAGE, "b2")


def _encrypted(**changes: bytes) -> bytes:
    facts = {
        "type": b"multipart/encrypted",
        "protocol": b"application/pgp-encrypted",
        "control": b"Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n",
        "data": b"Content-Type: application/octet-stream\r\n\r\n" + MESSAGE,
        "more": b"",
        "after": b"",
        **changes,
    }
    head = b"Content-Type: " + facts["type"] + b"; boundary=q; protocol=" + facts["protocol"] + b"\r\n\r\n"
    body = b"--q\r\n" + facts["control"] + b"\r\n--q\r\n" + facts["data"] + facts["more"] + b"\r\n--q--\r\n"
    return head + body + facts["after"]


def test_the_plain_rfc_3156_shape_is_read() -> None:
    """The base of the negative cases below."""
    assert (
        sealed.read_encrypted(parse(_encrypted()))
        == MESSAGE.replace(b"\n", b"\r\n").replace(b"\r\n", b"\n").strip() + b"\r\n"
    )


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"type": b"multipart/mixed"}, "wrong-shape"),
        ({"protocol": b"application/x"}, "wrong-protocol"),
        ({"control": b"Content-Type: application/pgp-encrypted\r\n\r\nVersion: 2\r\n"}, "control-part"),
        ({"control": b"Content-Type: text/plain\r\n\r\nVersion: 1\r\n"}, "control-part"),
        ({"data": b"Content-Type: text/html\r\n\r\n" + MESSAGE}, "data-part"),
        ({"data": b"Content-Type: application/octet-stream\r\n\r\nx" + MESSAGE}, "armour"),
        ({"data": b"Content-Type: application/octet-stream\r\n\r\n" + MESSAGE * 2}, "armour"),
        ({"more": b"\r\n--q\r\n\r\nthird"}, "not-two-parts"),
        ({"after": b"<html>"}, "not-closed"),
    ],
)
def test_every_other_encrypted_structure_is_refused(changes: dict[str, bytes], reason: str) -> None:
    """EFAIL's wrappers are structures, so structure is checked first."""
    with pytest.raises(MailMalformed, match=reason):
        sealed.read_encrypted(parse(_encrypted(**changes)))


def test_a_truncated_encrypted_mail_is_refused() -> None:
    """Without its closing boundary it may go on."""
    with pytest.raises(MailMalformed, match="not-closed"):
        sealed.read_encrypted(parse(_encrypted().replace(b"--q--", b"")))


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"multipart/signed", b"multipart/mixed", "wrong-shape"),
        (b'protocol="application/pgp-signature"', b'protocol="application/x-other"', "wrong-protocol"),
        (b'protocol="application/pgp-signature"', b'protocol="application/pkcs7-signature"', "signature-part"),
        (b"Content-Type: application/pgp-signature", b"Content-Type: text/plain", "signature-part"),
        (b"\r\n--b1--", b"\r\n--b1\r\n\r\nmore\r\n--b1--", "not-two-parts"),
        (b"--b1--\r\n", b"--b1--\r\nmore", "not-closed"),
        (b"-----BEGIN PGP S", b"-----BEGIN PGP X", "armour"),
    ],
)
def test_every_other_signed_structure_is_refused(old: bytes, new: bytes, reason: str) -> None:
    """RFC 1847: exactly two parts, the signature second, nothing after."""
    raw = sealed.signed(b"\r\nbody", SIGNATURE, "pgp-sha256", "b1")
    assert old in raw

    with pytest.raises(MailMalformed, match=reason):
        sealed.read_signed(parse(raw.replace(old, new, 1)))


def test_an_oversized_signature_is_refused() -> None:
    """A signature is small."""
    big = SIGNATURE.replace(b"abcd", b"abcd\n" * sealed.MAX_SIGNATURE)
    with pytest.raises(MailMalformed, match="signature-part"):
        sealed.read_signed(parse(sealed.signed(b"\r\n", big, "pgp-sha256", "b1")))


@pytest.mark.parametrize(
    ("head", "shape"),
    [
        (b"multipart/encrypted; boundary=x", Shape.ENCRYPTED),
        (b"multipart/signed; boundary=x", Shape.SIGNED),
        (b"multipart/report; boundary=x", Shape.REPORT),
        (b"multipart/mixed; boundary=x", Shape.PLAIN),
        (b"text/plain", Shape.PLAIN),
    ],
)
def test_the_shape_is_told_by_the_outermost_structure(head: bytes, shape: Shape) -> None:
    """Nothing inside can change it, except the report inside a signature."""
    assert (
        sealed.shape_of(parse(b"Content-Type: " + head + b"\r\n\r\n--x\r\n\r\nmultipart/report\r\n--x--\r\n")) is shape
    )


# --- protected headers


def test_headers_count_only_when_the_entity_says_that_they_are_protected() -> None:
    """RFC 9788: without ``hp`` they are phony; older programs mark them with ``protected-headers``."""
    bare = b"From: a@b.c\r\nSubject: s\r\nContent-Type: text/plain%s\r\n\r\nbody"

    phony = sealed.read_payload(bare % b"")
    assert (phony.sender, phony.subject, phony.text) == (None, "", "body")
    for mark in (b'; hp="clear"', b"; protected-headers=v1"):
        assert sealed.read_payload(bare % mark).sender == Mailbox(display="", address="a@b.c")


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (b"From: a@b.c\r\nFrom: d@e.f", "repeated-from"),
        (b"From: a@b.c, d@e.f", "not-one-sender"),
        (b"From: a@b.c\r\nTo: a@b.c\r\nTo: d@e.f", "repeated-to"),
        (b"From: a@b.c\r\nDate: yesterday", "date"),
        (b"From: a@b.c\r\nMessage-ID: none", "message-id"),
        (b"From: a@b.c\r\nMessage-ID: <a> <b>", "message-id"),
    ],
)
def test_ambiguous_protected_headers_are_refused(lines: bytes, reason: str) -> None:
    """Who speaks, to whom and when has one reading or none."""
    with pytest.raises(MailMalformed, match=reason):
        sealed.read_payload(lines + b'\r\nContent-Type: text/plain; hp="cipher"\r\n\r\n')


def test_a_legacy_display_element_is_not_text() -> None:
    """RFC 9788: the repeated headers at the top belong to older readers."""
    raw = b'Content-Type: text/plain; hp="cipher"; hp-legacy-display="1"\r\n\r\nSubject: x\r\n\r\nReal text.'

    assert sealed.read_payload(raw).text == "Real text."


def test_markup_is_an_attachment_and_never_text() -> None:
    """Nothing renders a partner's HTML."""
    raw = b"Content-Type: text/html\r\n\r\n<b>oui</b>"

    payload = sealed.read_payload(raw)
    assert payload.text == ""
    assert payload.attachments == (Attachment(name="sans-nom-1", media_type="text/html", data=b"<b>oui</b>"),)


def test_two_manifests_are_refused() -> None:
    """Two readers would choose differently."""
    part = b"--x\r\nContent-Type: application/vnd.soins-programmes+json\r\n\r\n{}\r\n"
    with pytest.raises(MailMalformed, match="several-manifests"):
        sealed.read_payload(b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + part * 2 + b"--x--\r\n")


def test_too_many_attachments_are_refused_both_ways() -> None:
    """One more than the limit, written or read."""
    many = (Attachment(name="a", media_type="a/b", data=b""),) * (payloads.MAX_ATTACHMENTS + 1)
    with pytest.raises(MailMalformed, match="too-many-attachments"):
        sealed.build_entity(replace(PAYLOAD, attachments=many), "b0")
    parts = b"--x\r\nContent-Type: a/b\r\n\r\n\r\n" * (payloads.MAX_ATTACHMENTS + 1)
    with pytest.raises(MailMalformed, match="too-many-attachments"):
        sealed.read_payload(b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + parts + b"--x--")


def test_an_empty_multipart_is_refused() -> None:
    """Its content would be shown to nobody."""
    with pytest.raises(MailMalformed, match="empty-multipart"):
        sealed.read_payload(b"Content-Type: multipart/mixed; boundary=x\r\n\r\nhidden")


@pytest.mark.parametrize(
    "changed",
    [
        replace(PAYLOAD, sender=None),
        replace(PAYLOAD, to=()),
        replace(PAYLOAD, message_id="none"),
        replace(PAYLOAD, references=("<a> <b>",)),
        replace(PAYLOAD, subject="a\r\nb"),
        replace(PAYLOAD, attachments=(Attachment(name="m", media_type=payloads.MANIFEST_TYPE, data=b""),)),
    ],
)
def test_an_incomplete_or_doubtful_payload_is_not_built(changed: Payload) -> None:
    """Nothing is sent that we would refuse to read."""
    with pytest.raises(MailMalformed):
        sealed.build_entity(changed, "b0")


@given(st.binary(max_size=1500))
def test_arbitrary_entities_raise_nothing_but_mail_malformed(raw: bytes) -> None:
    """No other exception leaks from any reader."""
    for read in (
        sealed.read_payload,
        lambda data: sealed.read_signed(parse(data)),
        lambda data: sealed.read_encrypted(parse(data)),
    ):
        try:
            read(raw)
        except MailMalformed:
            continue
