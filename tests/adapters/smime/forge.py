"""Makes the mails of ``attacks/``: ``python -m tests.adapters.smime.forge`` writes them, always the same bytes.

Each is one signed mail from the pinned partner or from somebody who wants to pass for them, with one defect, named by
the file. No library of ours makes them: the CMS is put together here, so that it can be wrong.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from asn1crypto import algos, cms, core
from asn1crypto import x509 as parsed
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from gateway.domain.parties import Suite
from gateway.wire import sealed
from gateway.wire.mime import Mailbox
from gateway.wire.payload import Payload, build_entity
from tests.adapters.smime.people import END, START, Person, curve_key, person

FOLDER = Path(__file__).parent / "attacks"

SIGNED_AT = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
OPENED_AT = datetime(2026, 6, 2, 9, 0, tzinfo=UTC)

PARTNER = person("cnas")
STRANGER = person("inconnu")
"""Not pinned to anybody."""
NAMESAKE = person("cnas", key=curve_key("sosie"), serial=PARTNER.certificate.serial_number)
"""Another key under the partner's own issuer name and serial number."""
EXPIRED = person("cnas-2025", start=START - timedelta(days=400), end=SIGNED_AT + timedelta(hours=1))
NOT_YET = person("cnas-2027", start=SIGNED_AT + timedelta(hours=1), end=END)
WEB_SERVER = person("serveur", purpose=ExtendedKeyUsageOID.SERVER_AUTH)
ODD_CURVE = person("courbe", key=curve_key("courbe", ec.SECP256K1()))

PINNED = (PARTNER, EXPIRED, NOT_YET, WEB_SERVER, ODD_CURVE)

ENTITY = build_entity(
    Payload(
        sender=Mailbox(display="CNAS", address="soins@cnas.test"),
        to=(Mailbox(display="", address="soins@hopital.test"),),
        cc=(),
        date=SIGNED_AT,
        message_id="<1@cnas.test>",
        subject="Réponse",
        in_reply_to=None,
        references=(),
        text="Accord pour le dossier canari-7f3a.\n",
        manifest=None,
        attachments=(),
    ),
    "bord-charge",
    outer_subject="Soins programmés",
)
EVIL = ENTITY.replace(b"canari-7f3a", b"vautour-666")

_ECDSA = {"sha256": "1.2.840.10045.4.3.2", "sha512": "1.2.840.10045.4.3.4", "sha1": "1.2.840.10045.4.1"}
_HASHES: Mapping[str, hashes.HashAlgorithm] = {
    "sha256": hashes.SHA256(),
    "sha512": hashes.SHA512(),
    "sha1": hashes.SHA1(),  # noqa: S303 - what must be refused
}

Attributes = list[tuple[str, list[Any]]]
Change = Callable[[Attributes], Attributes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """A mail, and what must become of it: None for acceptance, else step and reason."""

    mail: bytes
    refused: tuple[str, str] | None


def _same(attributes: Attributes) -> Attributes:
    return attributes


def signer(
    who: Person = PARTNER,
    entity: bytes = ENTITY,
    *,
    at: datetime = SIGNED_AT,
    digest: str = "sha256",
    algorithm: str | None = None,
    by_key_id: bool = False,
    change: Change = _same,
    bare: bool = False,
) -> cms.SignerInfo:
    """A SignerInfo over an entity; ``bare`` leaves the signed attributes out and signs the content itself."""
    certificate = parsed.Certificate.load(who.certificate.public_bytes(Encoding.DER))
    told: Attributes = [
        ("content_type", ["data"]),
        ("message_digest", [hashlib.new(digest, entity).digest()]),
        ("signing_time", [cms.Time({"utc_time": at})]),
    ]
    attributes = cms.CMSAttributes(
        [cms.CMSAttribute({"type": kind, "values": values}) for kind, values in change(told)]
    )
    assert isinstance(who.key, ec.EllipticCurvePrivateKey)
    scheme = ec.ECDSA(_HASHES[digest], deterministic_signing=True)
    serial = {"issuer": certificate.issuer, "serial_number": certificate.serial_number}
    return cms.SignerInfo(
        {
            "version": "v3" if by_key_id else "v1",
            "sid": cms.SignerIdentifier("subject_key_identifier", certificate.key_identifier)
            if by_key_id
            else cms.SignerIdentifier("issuer_and_serial_number", serial),
            "digest_algorithm": algos.DigestAlgorithm({"algorithm": digest}),
            "signed_attrs": None if bare else attributes,
            "signature_algorithm": {"algorithm": algorithm or _ECDSA[digest]},
            "signature": who.key.sign(entity if bare else attributes.dump(), scheme),
        }
    )


def cms_signature(
    *signers: cms.SignerInfo,
    content: bytes | None = None,
    content_type: str = "data",
    who: Person = PARTNER,
    digests: Sequence[str] | None = None,
) -> bytes:
    """A SignedData with these signers and somebody's certificate, detached unless it has a content.

    ``digests`` are announced ahead; without it those of the signers.
    """
    found = digests or sorted({each["digest_algorithm"]["algorithm"].native for each in signers}) or ["sha256"]
    inside: dict[str, Any] = {"content_type": content_type}
    if content is not None:
        inside["content"] = core.OctetString(content)
    return _info(
        "signed_data",
        cms.SignedData(
            {
                "version": "v1",
                "digest_algorithms": [{"algorithm": name} for name in found],
                "encap_content_info": inside,
                "certificates": [parsed.Certificate.load(who.certificate.public_bytes(Encoding.DER))],
                "signer_infos": list(signers),
            }
        ),
    )


def _info(kind: str, content: Any) -> bytes:
    return bytes(cms.ContentInfo({"content_type": kind, "content": content}).dump())


HEAD = (
    b"From: soins@cnas.test\r\nTo: soins@hopital.test\r\nDate: Mon, 01 Jun 2026 09:00:00 +0000\r\n"
    b"Message-ID: <1@cnas.test>\r\nSubject: =?utf-8?q?Soins_programm=C3=A9s?=\r\nMIME-Version: 1.0\r\n"
)


def mail(signature: bytes, entity: bytes = ENTITY) -> bytes:
    """A multipart/signed mail."""
    return HEAD + sealed.signed(entity, signature, "sha-256", "bord-signe", Suite.SMIME)


def opaque(content: bytes) -> bytes:
    """The entity of a signature with the content inside (RFC 8551 §3.5.2)."""
    body = sealed.outer(OUTER, content, "", Suite.SMIME).partition(b"\r\n\r\n")[2]
    return (
        b'Content-Type: application/pkcs7-mime; smime-type=signed-data; name="smime.p7m"\r\n'
        b"Content-Transfer-Encoding: base64\r\n\r\n" + body
    )


OUTER = sealed.Outer(
    sender=Mailbox(display="", address="soins@cnas.test"),
    to=(Mailbox(display="", address="soins@hopital.test"),),
    date=SIGNED_AT,
    message_id="<1@cnas.test>",
    subject="Soins programmés",
)


# --- changes of the signed attributes


def without(kind: str) -> Change:
    """The attribute is missing."""
    return lambda attributes: [each for each in attributes if each[0] != kind]


def twice(kind: str) -> Change:
    """The attribute stands twice."""
    return lambda attributes: [*attributes, *[each for each in attributes if each[0] == kind]]


def valued(kind: str, values: Sequence[Any]) -> Change:
    """The attribute has other values."""
    return lambda attributes: [(name, list(values) if name == kind else old) for name, old in attributes]


def indefinite(signature: bytes) -> bytes:
    """The same structure as a program streams it: outer lengths left open (X.690 §8.1.3.6)."""
    head = signature[1]
    body = signature[2 + (head & 0x7F if head & 0x80 else 0) :]
    return b"\x30\x80" + body + b"\0\0"


def nested(depth: int) -> bytes:
    """A structure of nothing but open sequences."""
    return b"\x30\x80" * depth + b"\0\0" * depth


# --- all of them


def attacks() -> dict[str, Attack]:
    """Every mail by its name."""
    good = cms_signature(signer())
    digest = hashlib.sha256(EVIL).digest()
    bad = {
        "two-signers": (mail(cms_signature(signer(), signer(STRANGER))), "several"),
        "same-signer-twice": (mail(cms_signature(signer(), signer(digest="sha512"))), "several"),
        "no-signer": (mail(cms_signature()), "no-signature"),
        "content-and-detached": (mail(cms_signature(signer(), content=ENTITY)), "not-detached"),
        "other-content-inside": (mail(cms_signature(signer(entity=EVIL), content=EVIL)), "not-detached"),
        "empty-content-inside": (mail(cms_signature(signer(), content=b"")), "not-detached"),
        "changed-text": (mail(good, EVIL), "bad-signature"),
        "digest-of-another-text": (
            mail(cms_signature(signer(change=valued("message_digest", [digest])))),
            "bad-signature",
        ),
        "signature-of-another-text": (mail(cms_signature(signer(entity=EVIL))), "bad-signature"),
        "signer-not-pinned": (mail(cms_signature(signer(STRANGER), who=STRANGER)), "unknown-key"),
        "partners-certificate-strangers-signature": (mail(cms_signature(signer(STRANGER))), "unknown-key"),
        "namesake": (mail(cms_signature(signer(NAMESAKE), who=NAMESAKE)), "bad-signature"),
        "expired-since": (mail(cms_signature(signer(EXPIRED), who=EXPIRED)), "key-expired"),
        "signed-before-the-certificate": (mail(cms_signature(signer(NOT_YET), who=NOT_YET)), "key-not-yet-valid"),
        "signed-after-the-certificate": (
            mail(cms_signature(signer(at=END + timedelta(days=1)))),
            "key-expired",
        ),
        "web-servers-certificate": (mail(cms_signature(signer(WEB_SERVER), who=WEB_SERVER)), "wrong-purpose"),
        "odd-curve": (mail(cms_signature(signer(ODD_CURVE), who=ODD_CURVE)), "weak-key"),
        "no-signed-attributes": (mail(cms_signature(signer(bare=True))), "no-attributes"),
        "no-signing-time": (mail(cms_signature(signer(change=without("signing_time")))), "no-attributes"),
        "no-digest": (mail(cms_signature(signer(change=without("message_digest")))), "no-attributes"),
        "no-content-type": (mail(cms_signature(signer(change=without("content_type")))), "no-attributes"),
        "two-signing-times": (mail(cms_signature(signer(change=twice("signing_time")))), "attribute-repeated"),
        "two-digests": (
            mail(cms_signature(signer(change=valued("message_digest", [hashlib.sha256(ENTITY).digest(), digest])))),
            "attribute-repeated",
        ),
        "about-another-type": (mail(cms_signature(signer(), content_type="compressed_data")), "wrong-class"),
        "attribute-of-another-type": (
            mail(cms_signature(signer(change=valued("content_type", ["signed_data"])))),
            "wrong-class",
        ),
        "sha1": (mail(cms_signature(signer(digest="sha1"))), "weak-digest"),
        "digest-not-announced": (mail(cms_signature(signer(digest="sha512"), digests=["sha256"])), "digests-differ"),
        "digests-differ": (mail(cms_signature(signer(algorithm=_ECDSA["sha512"]))), "digests-differ"),
        "rsa-signature-by-a-curve": (mail(cms_signature(signer(algorithm="1.2.840.113549.1.1.11"))), "unsupported"),
        "bytes-behind": (mail(good + b"\0\0"), "unreadable"),
        "cut": (mail(good[:-20]), "unreadable"),
        "too-deep": (mail(nested(100)), "unreadable"),
        "no-cms": (mail(b"\x30\x03\x02\x01\x05"), "unreadable"),
    }
    signed = {name: Attack(mail=raw, refused=("signature", reason)) for name, (raw, reason) in bad.items()}
    whole = cms_signature(signer(), content=ENTITY)
    return signed | {
        "good": Attack(mail=mail(good), refused=None),
        "good-by-key-identifier": Attack(mail=mail(cms_signature(signer(by_key_id=True))), refused=None),
        "good-sha512": Attack(mail=mail(cms_signature(signer(digest="sha512"))), refused=None),
        "good-streamed": Attack(mail=mail(indefinite(good)), refused=None),
        "good-strangers-certificate-beside": Attack(mail=mail(cms_signature(signer(), who=STRANGER)), refused=None),
        "opaque-signed": Attack(mail=HEAD + opaque(whole), refused=("decrypt", "opaque-signed")),
        "three-parts": Attack(
            mail=mail(good).replace(b"\r\n--bord-signe--", b"\r\n--bord-signe\r\n\r\nSuite.\r\n--bord-signe--"),
            refused=("signed", "not-two-parts"),
        ),
        "text-behind": Attack(mail=mail(good) + b"Suite.\r\n", refused=("signed", "not-closed")),
        "other-protocol": Attack(
            mail=mail(good).replace(b'protocol="application/pkcs7', b'protocol="application/pgp'),
            refused=("signed", "signature-part"),
        ),
    }


def write(folder: Path) -> None:
    """All of them as files."""
    folder.mkdir(exist_ok=True)
    for name, attack in attacks().items():
        (folder / f"{name}.eml").write_bytes(attack.mail)


if __name__ == "__main__":
    write(FOLDER)
