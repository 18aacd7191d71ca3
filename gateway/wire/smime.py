"""The two layers of S/MIME around a payload (RFC 8551 §3.3 and §3.5.3): the envelope, and the detached signature.

Strict like their OpenPGP twins in :mod:`gateway.wire.sealed`: one part of exactly the right type. What CMS says inside
is read elsewhere; the ``smime-type`` parameter of a stranger is not believed.
"""

import base64

from gateway.domain.errors import MailMalformed
from gateway.wire.compose import entity
from gateway.wire.mime import Part

PROTOCOL = "application/pkcs7-signature"

# RFC 8551 §3.2 still tells readers to take the names of before 1998.
ENVELOPES = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
SIGNATURES = frozenset({PROTOCOL, "application/x-pkcs7-signature"})

_SEQUENCE = 0x30  # ASN.1: how each CMS structure begins


def read_envelope(part: Part) -> bytes:
    """The CMS bytes of a mail that is, as a whole, an envelope.

    Raises:
        MailMalformed: another type, or no CMS inside.
    """
    if part.content_type.media not in ENVELOPES:
        raise MailMalformed(reason="wrong-shape", step="encrypted")
    return _cms(part, "encrypted", "data-part")


def read_signature(part: Part) -> bytes:
    """The CMS bytes of the second part of a multipart/signed.

    Raises:
        MailMalformed: another type, or no CMS inside.
    """
    if part.content_type.media not in SIGNATURES:
        raise MailMalformed(reason="signature-part", step="signed")
    return _cms(part, "signed", "signature-part")


def _cms(part: Part, step: str, reason: str) -> bytes:
    data = part.decoded()
    if data[:1] != bytes([_SEQUENCE]):
        raise MailMalformed(reason=reason, step=step)
    return data


def signature_part(signature: bytes) -> bytes:
    """The second part of a multipart/signed.

    Raises:
        MailMalformed: not CMS.
    """
    return entity(
        [
            ("Content-Type", f'{PROTOCOL}; name="smime.p7s"'),
            ("Content-Transfer-Encoding", "base64"),
            ("Content-Disposition", 'attachment; filename="smime.p7s"'),
            ("Content-Description", "S/MIME Cryptographic Signature"),
        ],
        _base64(signature),
    )


def envelope_fields(*, authenticated: bool) -> list[tuple[str, str]]:
    """Header fields of a mail that is an envelope; ``authenticated`` for AES-GCM (RFC 8551 §3.2.2)."""
    kind = "authEnveloped-data" if authenticated else "enveloped-data"
    return [
        ("Content-Type", f'application/pkcs7-mime; smime-type={kind}; name="smime.p7m"'),
        ("Content-Transfer-Encoding", "base64"),
        ("Content-Disposition", 'attachment; filename="smime.p7m"'),
    ]


def envelope_body(envelope: bytes) -> bytes:
    """Body of a mail that is an envelope.

    Raises:
        MailMalformed: not CMS.
    """
    return _base64(envelope) + b"\r\n"


def is_authenticated(envelope: bytes) -> bool:
    """Whether an envelope of ours is an AuthEnvelopedData (RFC 5083 §2.1)."""
    return _AUTH_ENVELOPED in envelope[:_HEAD]


# DER of the object identifier 1.2.840.113549.1.9.16.1.23, which stands at the head of the structure.
_AUTH_ENVELOPED = bytes.fromhex("060b2a864886f70d0109100117")
_HEAD = 32


def _base64(data: bytes) -> bytes:
    if data[:1] != bytes([_SEQUENCE]):
        raise MailMalformed(reason="data-part", step="compose")
    return base64.encodebytes(data).replace(b"\n", b"\r\n").removesuffix(b"\r\n")
