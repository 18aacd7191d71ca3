"""Shapes of sealed mail and the payload inside: RFC 3156 and RFC 1847 layers, RFC 9788 protected headers.

The readers are strict: exactly the children that the RFC names, in their order, covering the whole entity. Nothing here
decides trust, and nothing here calls a cryptographic tool. S/MIME is one more pair of layers around the same payload
(:mod:`gateway.wire.smime`): what is signed and hashed is the same, whatever the suite.
"""

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from gateway.domain.errors import MailMalformed
from gateway.domain.parties import Suite
from gateway.wire import smime
from gateway.wire.compose import check_outgoing, entity, mailbox_text, mailboxes_text, multipart
from gateway.wire.fields import date_text
from gateway.wire.mime import Mailbox, Part
from gateway.wire.payload import Attachment, Payload, build_entity, read_payload

__all__ = [
    "Attachment",
    "Outer",
    "Payload",
    "Shape",
    "SignedParts",
    "build_entity",
    "mic",
    "mic_base64",
    "outer",
    "read_encrypted",
    "read_payload",
    "read_signed",
    "shape_of",
    "signed",
    "structure_of",
    "suite_of",
]

# RFC 3156 §4: the one thing that the control part says.
_CONTROL = b"Version: 1"
# A digest in use today has at most 512 bits; a detached armoured signature by RSA 8192 stays under 3 KiB.
MAX_SIGNATURE = 64 * 1024
_PGP_SIGNATURE = "application/pgp-signature"
_BEGIN_MESSAGE = b"-----BEGIN PGP MESSAGE-----"
_BEGIN_SIGNATURE = b"-----BEGIN PGP SIGNATURE-----"
OUTER_FIELDS = (
    "From",
    "To",
    "Cc",
    "Date",
    "Message-ID",
    "Subject",
    "Disposition-Notification-To",
    "Auto-Submitted",
    "MIME-Version",
    "Content-Type",
)
SMIME_FIELDS = (*OUTER_FIELDS, "Content-Transfer-Encoding", "Content-Disposition")


class Shape(Enum):
    """What a mail is by its outermost structure; each is opened in its own way."""

    ENCRYPTED = "encrypted"
    ENCRYPTED_ONE_PASS = "encrypted_one_pass"  # noqa: S105 - a shape, not a password
    SIGNED = "signed"
    SIGNED_REPORT = "signed_report"
    REPORT = "report"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedParts:
    """The two halves of a multipart/signed. ``entity`` is the exact slice under the signature, headers included."""

    entity: bytes
    signature: bytes
    micalg: str
    suite: Suite


@dataclass(frozen=True, slots=True, kw_only=True)
class Outer:
    """Header of the mail around a ciphertext. ``subject`` is neutral; ``receipt_to`` asks for a receipt (RFC 8098)."""

    sender: Mailbox
    to: tuple[Mailbox, ...]
    cc: tuple[Mailbox, ...] = ()
    date: datetime
    message_id: str
    subject: str
    receipt_to: str | None = None
    auto_submitted: str | None = None


def _is_report(part: Part) -> bool:
    return part.content_type.media == "multipart/report"


def shape_of(part: Part) -> Shape:
    """Shape of a mail before anything is opened.

    Every multipart/encrypted is ENCRYPTED; who decrypts it refines that to ENCRYPTED_ONE_PASS when the plaintext is no
    multipart/signed. So is whatever S/MIME wraps as one whole: what it is, CMS says inside.
    """
    match part.content_type.media:
        case "multipart/encrypted":
            return Shape.ENCRYPTED
        case media if media in smime.ENVELOPES:
            return Shape.ENCRYPTED
        case "multipart/signed":
            return Shape.SIGNED_REPORT if part.parts and _is_report(part.parts[0]) else Shape.SIGNED
        case "multipart/report":
            return Shape.REPORT
        case _:
            return Shape.PLAIN


def suite_of(part: Part) -> Suite:
    """The suite that a sealed mail or a signed entity claims to be in; the readers check the whole structure."""
    if part.content_type.media in smime.ENVELOPES or _protocol(part) in smime.SIGNATURES:
        return Suite.SMIME
    return Suite.OPENPGP


def structure_of(part: Part) -> str:
    """What a mail is from outside, for a person: ``smime-encrypted``, ``openpgp-signed``, ``report``, ``plain``."""
    shape = shape_of(part)
    name = shape.value.replace("_", "-")
    return name if shape in {Shape.REPORT, Shape.PLAIN} else f"{suite_of(part).value}-{name}"


def _protocol(part: Part) -> str:
    return part.content_type.params.get("protocol", "").strip().lower()


def _two_children(part: Part, media: str, protocols: frozenset[str], step: str) -> tuple[Part, Part]:
    if part.content_type.media != media:
        raise MailMalformed(reason="wrong-shape", step=step)
    if _protocol(part) not in protocols:
        raise MailMalformed(reason="wrong-protocol", step=step)
    if len(part.parts) != 2:  # noqa: PLR2004 - RFC 1847: exactly two
        raise MailMalformed(reason="not-two-parts", step=step)
    # Text before the first boundary is a common notice, never shown; text after the last one would be outside the seal.
    if not part.closed or part.epilogue:
        raise MailMalformed(reason="not-closed", step=step)
    return part.parts[0], part.parts[1]


def _armoured(part: Part, begin: bytes, step: str) -> bytes:
    armour = part.decoded()
    last = b"-----END" + begin.removeprefix(b"-----BEGIN") + b"\r\n"
    if not (armour.startswith(begin) and armour.endswith(last)):
        # Most mails are so; only others are worth the copies.
        armour = armour.strip(b" \t\r\n") + b"\r\n"
    if not (armour.startswith(begin) and armour.endswith(last)):
        raise MailMalformed(reason="armour", step=step)
    # A second block would be a second message (or signature), and two readers could choose differently.
    if armour.count(b"-----BEGIN ") != 1:
        raise MailMalformed(reason="armour", step=step)
    return armour


def read_encrypted(part: Part) -> bytes:
    """The armoured message of a mail that is, as a whole, multipart/encrypted (RFC 3156 §4).

    Raises:
        MailMalformed: any other structure, protocol, version, or more than one armoured message.
    """
    step = "encrypted"
    control, data = _two_children(part, "multipart/encrypted", frozenset({"application/pgp-encrypted"}), step)
    if control.content_type.media != "application/pgp-encrypted" or control.decoded().strip() != _CONTROL:
        raise MailMalformed(reason="control-part", step=step)
    if data.content_type.media != "application/octet-stream":
        raise MailMalformed(reason="data-part", step=step)
    return _armoured(data, _BEGIN_MESSAGE, step)


def read_signed(part: Part) -> SignedParts:
    """Both parts of a multipart/signed that is the whole entity (RFC 1847 §2.1, RFC 3156 §5, RFC 8551 §3.5.3).

    Raises:
        MailMalformed: any other structure or protocol, or not exactly one signature in second place.
    """
    step = "signed"
    first, second = _two_children(part, "multipart/signed", smime.SIGNATURES | {_PGP_SIGNATURE}, step)
    if second.size > MAX_SIGNATURE:
        raise MailMalformed(reason="signature-part", step=step)
    suite = suite_of(part)
    return SignedParts(
        entity=first.raw,
        signature=smime.read_signature(second) if suite is Suite.SMIME else _pgp_signature(second, step),
        micalg=part.content_type.params.get("micalg", "").strip().lower(),
        suite=suite,
    )


def _pgp_signature(part: Part, step: str) -> bytes:
    if part.content_type.media != _PGP_SIGNATURE:
        raise MailMalformed(reason="signature-part", step=step)
    return _armoured(part, _BEGIN_SIGNATURE, step)


def mic(entity_bytes: bytes) -> str:
    """SHA-256 of an entity in lower-case hex: the request hash, and what a receipt attests."""
    return hashlib.sha256(entity_bytes).hexdigest()


def mic_base64(entity_bytes: bytes) -> str:
    """The same digest in base64, as a Received-Content-MIC field carries it."""
    return base64.b64encode(hashlib.sha256(entity_bytes).digest()).decode("ascii")


def _canonical_armour(armour: bytes, begin: bytes) -> bytes:
    text = armour.replace(b"\r\n", b"\n").strip()
    if not text.startswith(begin) or b"\r" in text:
        raise MailMalformed(reason="armour", step="compose")
    return text.replace(b"\n", b"\r\n") + b"\r\n"


def signed_parts(entity_bytes: bytes, signature: bytes, suite: Suite) -> list[bytes]:
    """The two children of a multipart/signed, in order; raises as ``signed``."""
    if suite is Suite.SMIME:
        return [entity_bytes, smime.signature_part(signature)]
    part = entity(
        [
            ("Content-Type", f'{_PGP_SIGNATURE}; name="signature.asc"'),
            ("Content-Description", "OpenPGP digital signature"),
            ("Content-Disposition", 'attachment; filename="signature.asc"'),
        ],
        _canonical_armour(signature, _BEGIN_SIGNATURE),
    )
    return [entity_bytes, part]


def signed_params(micalg: str, suite: Suite) -> list[tuple[str, str]]:
    """Parameters of a multipart/signed (RFC 3156 §5, RFC 8551 §3.5.3.2)."""
    return [("micalg", micalg), ("protocol", smime.PROTOCOL if suite is Suite.SMIME else _PGP_SIGNATURE)]


def signed(entity_bytes: bytes, signature: bytes, micalg: str, boundary: str, suite: Suite = Suite.OPENPGP) -> bytes:
    """The multipart/signed entity around exactly these bytes (RFC 1847), ready to encrypt.

    Raises:
        MailMalformed: not canonical CRLF, not a signature of this suite, or the boundary occurs in the entity.
    """
    parts = signed_parts(entity_bytes, signature, suite)
    return multipart("signed", parts, boundary, signed_params(micalg, suite))


def outer(fields: Outer, ciphertext: bytes, boundary: str, suite: Suite = Suite.OPENPGP) -> bytes:
    """The finished mail around a ciphertext (RFC 3156 §4, RFC 8551 §3.3), checked as a stranger reads it.

    Raises:
        MailMalformed: a value that cannot stand in a header, or not a ciphertext of this suite.
    """
    headers = [*_outer_headers(fields), ("MIME-Version", "1.0")]
    if suite is Suite.SMIME:
        kind = smime.envelope_fields(authenticated=smime.is_authenticated(ciphertext))
        raw = entity([*headers, *kind], smime.envelope_body(ciphertext))
        check_outgoing(raw, SMIME_FIELDS)
        return raw
    control = entity([("Content-Type", "application/pgp-encrypted")], _CONTROL + b"\r\n")
    data = entity(
        [("Content-Type", 'application/octet-stream; name="encrypted.asc"')],
        _canonical_armour(ciphertext, _BEGIN_MESSAGE),
    )
    raw = multipart("encrypted", [control, data], boundary, [("protocol", "application/pgp-encrypted")], headers)
    check_outgoing(raw, OUTER_FIELDS)
    return raw


def _outer_headers(fields: Outer) -> list[tuple[str, str]]:
    headers = [
        ("From", mailbox_text(fields.sender)),
        ("To", mailboxes_text(fields.to)),
        *([("Cc", mailboxes_text(fields.cc))] if fields.cc else []),
        ("Date", date_text(fields.date)),
        ("Message-ID", fields.message_id),
        ("Subject", fields.subject),
    ]
    if fields.receipt_to is not None:
        headers.append(("Disposition-Notification-To", mailbox_text(Mailbox(display="", address=fields.receipt_to))))
    if fields.auto_submitted is not None:
        headers.append(("Auto-Submitted", fields.auto_submitted))
    return headers
