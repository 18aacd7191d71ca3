"""Reads Cryptographic Message Syntax (RFC 5652, RFC 5083) into plain values; decides nothing, computes nothing.

asn1crypto parses, and only what ``ber`` made definite. Certificates and revocation lists inside a mail are never
looked at: whom we trust was pinned by a person.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import lru_cache
from typing import Any

from asn1crypto import cms, core
from asn1crypto.x509 import Certificate as ParsedCertificate

from gateway.adapters.smime.ber import to_definite, without_content
from gateway.domain.errors import MailRefused

_DATA = "1.2.840.113549.1.7.1"
_SIGNED = "1.2.840.113549.1.7.2"
_ENVELOPED = "1.2.840.113549.1.7.3"
_AUTH_ENVELOPED = "1.2.840.113549.1.9.16.1.23"

_CONTENT_TYPE = "1.2.840.113549.1.9.3"
_MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
_SIGNING_TIME = "1.2.840.113549.1.9.5"

# FIPS 180-4 under NIST's arc. MD5 and SHA-1 are absent: collisions exist.
_DIGESTS = {f"2.16.840.1.101.3.4.2.{number}": name for number, name in ((1, "SHA256"), (2, "SHA384"), (3, "SHA512"))}

_MGF1 = "1.2.840.113549.1.1.8"
# More salt than the longest key has room for.
_MAX_SALT = 2048

# The parser meets hostile bytes: these are what Python's own conversions raise, whatever it does with them.
_PARSER_FAULTS = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RecursionError)


class Scheme(Enum):
    """How a signature is computed."""

    RSA_PKCS1 = "rsa-pkcs1"
    RSA_PSS = "rsa-pss"
    ECDSA = "ecdsa"


class ContentCipher(Enum):
    """How a content is encrypted. What has 64-bit blocks (3DES, RC2) is absent."""

    AES_CBC = "aes-cbc"
    AES_GCM = "aes-gcm"


_AES = "2.16.840.1.101.3.4.1."
_CIPHERS = {f"{_AES}{number}": ContentCipher.AES_CBC for number in (2, 22, 42)} | {
    f"{_AES}{number}": ContentCipher.AES_GCM for number in (6, 26, 46)
}

# The digest that the signature algorithm names itself; None where the SignerInfo names it (RFC 3370 §3.2).
_SIGNATURES: dict[str, tuple[Scheme, str | None]] = {
    "1.2.840.113549.1.1.1": (Scheme.RSA_PKCS1, None),
    "1.2.840.113549.1.1.11": (Scheme.RSA_PKCS1, "SHA256"),
    "1.2.840.113549.1.1.12": (Scheme.RSA_PKCS1, "SHA384"),
    "1.2.840.113549.1.1.13": (Scheme.RSA_PKCS1, "SHA512"),
    "1.2.840.113549.1.1.10": (Scheme.RSA_PSS, None),
    "1.2.840.10045.4.3.2": (Scheme.ECDSA, "SHA256"),
    "1.2.840.10045.4.3.3": (Scheme.ECDSA, "SHA384"),
    "1.2.840.10045.4.3.4": (Scheme.ECDSA, "SHA512"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyName:
    """How CMS names a certificate: issuer (DER) and serial number, or subject key identifier."""

    issuer: bytes = b""
    serial: int | None = None
    key_id: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """The one SignerInfo of a detached signature. ``attributes`` are the exact bytes under the signature."""

    name: KeyName
    digest: str
    scheme: Scheme
    salt: int
    attributes: bytes
    message_digest: bytes
    made_at: datetime
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """One who can open an envelope; ``wrapped`` is set when the key is encrypted by RSA PKCS#1 v1.5."""

    name: KeyName
    wrapped: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """An EnvelopedData, or an AuthEnvelopedData (``authenticated``). ``by_password`` tells of other recipients."""

    authenticated: bool
    cipher: ContentCipher
    iv: bytes
    content: bytes | memoryview
    recipients: tuple[Recipient, ...]
    by_password: bool


@lru_cache(maxsize=64)
def names_of(certificate: bytes) -> tuple[KeyName, ...]:
    """The two ways in which CMS may name this certificate (DER, from a person, not from a mail)."""
    parsed = ParsedCertificate.load(certificate)
    by_serial = KeyName(issuer=parsed.issuer.dump(), serial=parsed.serial_number)
    key_id = parsed.key_identifier
    return (by_serial,) if key_id is None else (by_serial, KeyName(key_id=bytes(key_id)))


@contextmanager
def _parsing(step: str) -> Iterator[None]:
    try:
        yield
    except _PARSER_FAULTS as error:
        raise MailRefused(step=step, reason="unreadable") from error


# --- signatures


def read_signer(signature: bytes) -> Signer:
    """The one signer of a detached SignedData (RFC 5652 §5).

    In order: (1) one SignedData and nothing behind it; (2) about data, and detached: no content of its own;
    (3) exactly one signer; (4) an accepted digest, announced ahead, and an algorithm that agrees with it; (5) signed
    attributes, each once: the content type (data), the digest, the time.

    Raises:
        MailRefused: step ``signature``.
    """
    with _parsing("signature"):
        # (1) one SignedData
        content = _content(signature, {_SIGNED}, "signature")[1]
        # (2) detached
        inside = content["encap_content_info"]
        if inside["content_type"].dotted != _DATA:
            raise MailRefused(step="signature", reason="wrong-class")
        if not isinstance(inside["content"], core.Void):
            raise MailRefused(step="signature", reason="not-detached")
        # (3) one signer
        signers = content["signer_infos"]
        if len(signers) != 1:
            raise MailRefused(step="signature", reason="several" if len(signers) else "no-signature")
        announced = {each["algorithm"].dotted for each in content["digest_algorithms"]}
        return _signer(signers[0], announced)


def _content(data: bytes, known: set[str], step: str) -> tuple[str, Any]:
    info = cms.ContentInfo.load(to_definite(data), strict=True)
    kind = info["content_type"].dotted
    if kind not in known:
        raise MailRefused(step=step, reason=_other_content(kind))
    return kind, info["content"]


def _other_content(kind: str) -> str:
    return "opaque-signed" if kind == _SIGNED else "not-encrypted"


def _signer(info: Any, announced: set[str]) -> Signer:
    # (4) digest and algorithm
    named = info["digest_algorithm"]["algorithm"].dotted
    digest = _DIGESTS.get(named)
    if digest is None:
        raise MailRefused(step="signature", reason="weak-digest")
    # RFC 5652 §5.1: whoever reads in one pass computes the announced digests alone, and fails where we would not.
    if named not in announced:
        raise MailRefused(step="signature", reason="digests-differ")
    scheme, salt = _scheme(info["signature_algorithm"], digest)
    # (5) signed attributes
    attributes = _attributes(info["signed_attrs"])
    if _one(attributes, _CONTENT_TYPE, lambda value: value.dotted) != _DATA:
        raise MailRefused(step="signature", reason="wrong-class")
    made_at = _one(attributes, _SIGNING_TIME, lambda value: value.native)
    if not isinstance(made_at, datetime) or made_at.utcoffset() is None:
        raise MailRefused(step="signature", reason="unreadable")
    return Signer(
        name=_key_name(info["sid"]),
        digest=digest,
        scheme=scheme,
        salt=salt,
        # RFC 5652 §5.4: what is signed has the tag of a SET in the place of the implicit one.
        attributes=b"\x31" + info["signed_attrs"].dump()[1:],
        message_digest=_one(attributes, _MESSAGE_DIGEST, lambda value: value.native),
        made_at=made_at.astimezone(UTC),
        signature=info["signature"].native,
    )


def _scheme(algorithm: Any, digest: str) -> tuple[Scheme, int]:
    known = _SIGNATURES.get(algorithm["algorithm"].dotted)
    if known is None:
        raise MailRefused(step="signature", reason="unsupported")
    scheme, named = known
    if named not in (None, digest):
        raise MailRefused(step="signature", reason="digests-differ")
    return scheme, _salt(algorithm["parameters"], digest) if scheme is Scheme.RSA_PSS else 0


def _salt(parameters: Any, digest: str) -> int:
    """RFC 4055 §3.1: one digest everywhere, mask by MGF1, trailer 0xBC."""
    mask = parameters["mask_gen_algorithm"]
    used = (parameters["hash_algorithm"]["algorithm"].dotted, mask["parameters"]["algorithm"].dotted)
    if any(_DIGESTS.get(each) != digest for each in used):
        raise MailRefused(step="signature", reason="digests-differ")
    salt = parameters["salt_length"].native
    if mask["algorithm"].dotted != _MGF1 or parameters["trailer_field"].contents != b"\1" or not 0 <= salt <= _MAX_SALT:
        raise MailRefused(step="signature", reason="unsupported")
    return int(salt)


def _attributes(found: Any) -> dict[str, Any]:
    if isinstance(found, core.Void):
        # RFC 5652 §5.3: without them a signature over attributes could be shown as one over a content.
        raise MailRefused(step="signature", reason="no-attributes")
    attributes: dict[str, Any] = {}
    for each in found:
        kind = each["type"].dotted
        if kind in attributes:
            raise MailRefused(step="signature", reason="attribute-repeated")
        attributes[kind] = each["values"]
    return attributes


def _one(attributes: dict[str, Any], kind: str, read: Callable[[Any], Any]) -> Any:
    values = attributes.get(kind)
    if values is None:
        raise MailRefused(step="signature", reason="no-attributes")
    if len(values) != 1:
        raise MailRefused(step="signature", reason="attribute-repeated")
    return read(values[0])


def _key_name(choice: Any) -> KeyName:
    chosen = choice.chosen
    if choice.name == "issuer_and_serial_number":
        return KeyName(issuer=chosen["issuer"].dump(), serial=chosen["serial_number"].native)
    if choice.name == "r_key_id":
        return KeyName(key_id=chosen["subject_key_identifier"].native)
    return KeyName(key_id=chosen.native)


# --- envelopes


def read_envelope(data: bytes) -> Envelope:
    """What an envelope says of itself (RFC 5652 §6, RFC 5083).

    Raises:
        MailRefused: step ``decrypt``; another content, or a weak cipher.
    """
    with _parsing("decrypt"):
        shell, apart = without_content(to_definite(data))
        kind, content = _content(shell, {_ENVELOPED, _AUTH_ENVELOPED}, "decrypt")
        authenticated = kind == _AUTH_ENVELOPED
        inside = content["auth_encrypted_content_info" if authenticated else "encrypted_content_info"]
        algorithm = inside["content_encryption_algorithm"]
        cipher = _CIPHERS.get(algorithm["algorithm"].dotted)
        if cipher is None or authenticated is not (cipher is ContentCipher.AES_GCM):
            raise MailRefused(step="decrypt", reason="weak-cipher")
        infos = list(content["recipient_infos"])
        return Envelope(
            authenticated=authenticated,
            cipher=cipher,
            iv=algorithm["parameters"].native if cipher is ContentCipher.AES_CBC else b"",
            content=apart if apart is not None else inside["encrypted_content"].native or b"",
            recipients=tuple(recipient for info in infos for recipient in _recipients(info)),
            by_password=any(info.name in {"kekri", "pwri", "ori"} for info in infos),
        )


def _recipients(info: Any) -> Iterator[Recipient]:
    chosen = info.chosen
    if info.name == "ktri":
        pkcs1 = chosen["key_encryption_algorithm"]["algorithm"].native == "rsaes_pkcs1v15"
        yield Recipient(name=_key_name(chosen["rid"]), wrapped=chosen["encrypted_key"].native if pkcs1 else None)
    elif info.name == "kari":
        for each in chosen["recipient_encrypted_keys"]:
            yield Recipient(name=_key_name(each["rid"]), wrapped=None)
