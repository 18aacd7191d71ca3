"""Certificates of persons who exist in tests alone; each key follows from a name: the same call gives the same bytes.

None of these keys is a secret: whoever reads this file has them.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from gateway.adapters.smime.identity import Identity

START = datetime(2026, 1, 1, tzinfo=UTC)
END = datetime(2029, 1, 1, tzinfo=UTC)

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody with a certificate and its key."""

    certificate: x509.Certificate
    key: Key

    def identity(self) -> Identity:
        """As the gateway knows itself."""
        return Identity(certificate=self.certificate, key=self.key)


def curve_key(name: str, curve: ec.EllipticCurve | None = None) -> ec.EllipticCurvePrivateKey:
    """The key that belongs to a name."""
    return ec.derive_private_key(int.from_bytes(hashlib.sha256(name.encode()).digest()) >> 1, curve or ec.SECP256R1())


def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    """A new key, another each time."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def usage(*names: str) -> x509.KeyUsage:
    """A key usage with these bits."""
    known = (
        *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
        *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
    )
    return x509.KeyUsage(**{name: name in names for name in known})


def person(
    name: str,
    *,
    key: Key | None = None,
    issuer: Person | None = None,
    serial: int | None = None,
    start: datetime = START,
    end: datetime = END,
    purpose: ObjectIdentifier | None = ExtendedKeyUsageOID.EMAIL_PROTECTION,
    bits: x509.KeyUsage | None = None,
    authority: bool = False,
) -> Person:
    """A certificate for a name, by itself or by another person."""
    key = key or curve_key(name)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(serial or int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) | 1)
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.RFC822Name(f"{name}@essai.test")]), critical=False)
    )
    if purpose is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    if bits is not None:
        builder = builder.add_extension(bits, critical=True)
    signer = issuer.key if issuer else key
    deterministic = True if isinstance(signer, ec.EllipticCurvePrivateKey) else None
    return Person(certificate=builder.sign(signer, SHA256(), ecdsa_deterministic=deterministic), key=key)
