"""Certificates of those who exchange mail (RFC 5280, RFC 8550): reading a file, and what speaks against using one.

A certificate is pinned by the SHA-256 of its bytes, so a stranger's chain convinces nobody. Where a partner's authority
is configured, the pinned certificate must lead to it as well. None is ever taken from a mail.
"""

import contextlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import Criticality, ExtensionPolicy, Policy, PolicyBuilder, Store, VerificationError

from gateway.domain.errors import KeyFileInvalid
from gateway.domain.words import said

# A certificate has 2 KB, with a photograph or many names 20; larger is something else.
MAX_CERTIFICATE_FILE = 128 * 1024

# Below, factoring is in reach of a state (RFC 8551 §4.2 says the same).
MIN_RSA_BITS = 2048
# NIST curves alone: those that OpenSSL and cryptography both sign and agree keys with.
CURVES = ("secp256r1", "secp384r1", "secp521r1")

# A gateway has a few dozen partners, and asks of the same certificates at each mail.
KEPT = 64

_PEM_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----")
_MAIL_PURPOSES = {ExtendedKeyUsageOID.EMAIL_PROTECTION, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}


class Purpose(Enum):
    """What a certificate is asked to do."""

    SIGN = "sign"
    ENCRYPT = "encrypt"


class CertificateFault(Enum):
    """What speaks against a certificate; the value is the reason with which a mail is refused."""

    EXPIRED = "key-expired"
    NOT_YET = "key-not-yet-valid"
    REVOKED = "key-revoked"
    WEAK = "weak-key"
    PURPOSE = "wrong-purpose"
    CHAIN = "untrusted-authority"


@dataclass(frozen=True, slots=True, kw_only=True)
class Correspondent:
    """A pinned certificate, the authorities that it must lead to (none: the pin decides), and whether it is revoked."""

    certificate: x509.Certificate
    authorities: tuple[x509.Certificate, ...] = ()
    revoked: bool = False

    @property
    def fingerprint(self) -> str:
        """Upper-case hex of the SHA-256 of the whole certificate."""
        return fingerprint(self.certificate)


@lru_cache(KEPT)
def fingerprint(certificate: x509.Certificate) -> str:
    """Upper-case hex of the SHA-256 of the whole certificate."""
    return certificate.fingerprint(SHA256()).hex().upper()


def pem(certificate: x509.Certificate) -> str:
    """As text."""
    return certificate.public_bytes(Encoding.PEM).decode("ascii")


def is_certificate(data: bytes) -> bool:
    """Whether a file that a person hands in claims to be a certificate, in PEM or DER; nothing is checked."""
    return b"-----BEGIN CERTIFICATE-----" in data or data[:1] == b"\x30"


@lru_cache(KEPT)
def read_certificate(data: bytes, *, path: str = "fourni") -> x509.Certificate:
    """The one certificate of a file, PEM or DER. ``path`` is only named in the error.

    Raises:
        KeyFileInvalid: a private key, several certificates, too large, unreadable, or a key that we do not use.
    """
    if len(data) > MAX_CERTIFICATE_FILE:
        raise KeyFileInvalid(path=path, reason=said("Le fichier est trop grand pour un certificat."))
    blocks = _PEM_BLOCK.findall(data)
    if any(block.endswith(b"PRIVATE KEY") for block in blocks):
        raise KeyFileInvalid(path=path, reason=said("Le fichier contient une clé privée, qui ne doit jamais circuler."))
    if len(blocks) > 1:
        raise KeyFileInvalid(path=path, reason=said("Le fichier contient plusieurs certificats."))
    try:
        found = x509.load_pem_x509_certificate(data) if blocks else x509.load_der_x509_certificate(data)
        weak = _is_weak(found)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeyFileInvalid(path=path, reason=said("Le fichier ne contient pas de certificat lisible.")) from error
    if weak:
        reason = said("Sa clé n'est ni RSA de 2048 bits ou plus, ni P-256, P-384 ou P-521.")
        raise KeyFileInvalid(path=path, reason=reason)
    return found


def fault_of(who: Correspondent, purpose: Purpose, *, at: Sequence[datetime]) -> CertificateFault | None:
    """The first thing that speaks against this use at any of these instants (aware); None when nothing does.

    In order: (1) the key is strong; (2) it was valid at each instant; (3) its authority did not take it back;
    (4) it is made for mail and for this purpose; (5) it leads to the configured authority, if one is.
    """
    return next(_faults(who, purpose, at), None)


def _faults(who: Correspondent, purpose: Purpose, at: Sequence[datetime]) -> Iterator[CertificateFault]:
    certificate = who.certificate
    # (1) strong
    if _is_weak(certificate):
        yield CertificateFault.WEAK
    # (2) valid then
    if any(instant > certificate.not_valid_after_utc for instant in at):
        yield CertificateFault.EXPIRED
    if any(instant < certificate.not_valid_before_utc for instant in at):
        yield CertificateFault.NOT_YET
    # (3) not taken back
    if who.revoked:
        yield CertificateFault.REVOKED
    # (4) for mail
    if not _is_for(certificate, purpose):
        yield CertificateFault.PURPOSE
    # (5) from its authority
    if who.authorities and not all(_leads_to(certificate, who.authorities, instant) for instant in at):
        yield CertificateFault.CHAIN


@lru_cache(KEPT)
def _is_weak(certificate: x509.Certificate) -> bool:
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return True
    match key:
        case rsa.RSAPublicKey():
            return key.key_size < MIN_RSA_BITS
        case ec.EllipticCurvePublicKey():
            return key.curve.name not in CURVES
        case _:
            return True


@lru_cache(KEPT)
def _is_for(certificate: x509.Certificate, purpose: Purpose) -> bool:
    """RFC 8550 §4.4.2 and §4.4.4; an extension that is absent limits nothing."""
    try:
        extensions = certificate.extensions
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return False
    with contextlib.suppress(x509.ExtensionNotFound):
        if not _MAIL_PURPOSES & set(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value):
            return False
    with contextlib.suppress(x509.ExtensionNotFound):
        usage = extensions.get_extension_for_class(x509.KeyUsage).value
        if purpose is Purpose.SIGN:
            return usage.digital_signature or usage.content_commitment
        agrees = isinstance(certificate.public_key(), ec.EllipticCurvePublicKey)
        return usage.key_agreement if agrees else usage.key_encipherment
    return True


def _leads_to(certificate: x509.Certificate, authorities: Sequence[x509.Certificate], at: datetime) -> bool:
    roots = [each for each in authorities if each.issuer == each.subject]
    middle = [each for each in authorities if each.issuer != each.subject]
    # Without a root in the file, what the operator named is what he trusts.
    store = Store(roots or middle)
    policy = PolicyBuilder().store(store).time(at)
    policy = policy.extension_policies(ca_policy=_authority_policy(), ee_policy=ExtensionPolicy.permit_all())
    try:
        policy.build_client_verifier().verify(certificate, middle)
    except VerificationError:
        return False
    return True


def _authority_policy() -> ExtensionPolicy:
    """What RFC 5280 §4.2.1.9 and §4.2.1.3 demand of an authority, without the further rules of the web's."""
    policy = ExtensionPolicy.permit_all()
    policy = policy.require_present(x509.BasicConstraints, Criticality.AGNOSTIC, _is_authority)
    return policy.may_be_present(x509.KeyUsage, Criticality.AGNOSTIC, _may_issue)


def _is_authority(_policy: Policy, _certificate: x509.Certificate, found: x509.BasicConstraints) -> None:
    if not found.ca:
        raise ValueError("not an authority")


def _may_issue(_policy: Policy, _certificate: x509.Certificate, found: x509.KeyUsage | None) -> None:
    if found is not None and not found.key_cert_sign:
        raise ValueError("may not issue certificates")
