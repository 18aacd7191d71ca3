"""Our own S/MIME key and certificate: loading them, handing them to a worker, making a pair that signs itself.

The private key never stands on a command line and is never written anywhere by us but where it was made.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gateway import private_file
from gateway.adapters.smime.certificates import (
    CertificateFault,
    Correspondent,
    Purpose,
    fault_of,
    fingerprint,
    pem,
)
from gateway.domain.errors import OwnKeyUnusable, StorageFailed
from gateway.domain.reasons import system_reason
from gateway.domain.words import said

KEY_BITS = 3072
"""RSA, because every mail program opens what is encrypted to it; 128 bits of strength (NIST SP 800-57)."""

DAYS = 3 * 365
"""How long a certificate that we make ourselves is valid."""

_WHY = {
    CertificateFault.WEAK: said("Sa clé est trop faible : RSA de 2048 bits, ou P-256, P-384, P-521."),
    CertificateFault.PURPOSE: said("Le certificat n'est pas fait pour signer du courrier."),
    CertificateFault.EXPIRED: said("Le certificat a expiré."),
    CertificateFault.NOT_YET: said("Le certificat n'est pas encore valable."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Our certificate, its private key, and the authorities between it and its root, for the reader of our mail."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    chain: tuple[x509.Certificate, ...] = ()

    @property
    def fingerprint(self) -> str:
        """Upper-case hex of the SHA-256 of our certificate."""
        return fingerprint(self.certificate)

    def key_pem(self) -> str:
        """The private key in clear, for a pipe to a process of ours and nothing else."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")

    def to_worker(self) -> dict[str, str]:
        """What a worker needs to open mail for us."""
        return {"key": self.key_pem(), "certificates": pem(self.certificate)}

    def require_usable(self, at: datetime) -> None:
        """Refuse to sign with a certificate that a reader would refuse.

        Raises:
            OwnKeyUnusable: expired, not yet valid, weak, or not made for mail.
        """
        fault = fault_of(Correspondent(certificate=self.certificate), Purpose.SIGN, at=(at,))
        if fault is not None:
            raise OwnKeyUnusable(reason=_WHY.get(fault, fault.value))


def load(certificates: str, key: str, passphrase: str | None = None, *, checked: bool = False) -> Identity:
    """Our identity from PEM texts; the first certificate is ours, further ones are its chain.

    ``checked``: an RSA key comes from a process of ours that has checked its numbers, which takes a tenth of a second.

    Raises:
        OwnKeyUnusable: unreadable, or the key is not that of the certificate.
    """
    try:
        found = x509.load_pem_x509_certificates(certificates.encode())
        private = load_pem_private_key(
            key.encode(),
            passphrase.encode() if passphrase is not None else None,
            unsafe_skip_rsa_key_validation=checked,
        )
        matches = found[0].public_key() == private.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        reason = said("Le certificat, la clé privée ou sa phrase secrète ne se lisent pas (PEM attendu).")
        raise OwnKeyUnusable(reason=reason) from error
    if not isinstance(private, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise OwnKeyUnusable(reason=_WHY[CertificateFault.WEAK])
    if not matches:
        raise OwnKeyUnusable(reason=said("La clé privée n'est pas celle du certificat."))
    return Identity(certificate=found[0], key=private, chain=tuple(found[1:]))


def load_files(certificates: Path, key: str, passphrase: str | None) -> Identity:
    """As ``load``, with the certificates in a file.

    Raises:
        OwnKeyUnusable: unreadable, or the key is not that of the certificate.
    """
    return load(read_text(certificates), key, passphrase)


def read_text(certificates: Path) -> str:
    """The file of our certificate.

    Raises:
        OwnKeyUnusable: it cannot be read.
    """
    try:
        return certificates.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        reason = system_reason(error) if isinstance(error, OSError) else said("Ce n'est pas du PEM.")
        raise OwnKeyUnusable(reason=said("{path} : {reason}", path=certificates, reason=reason)) from error


def generate(folder: Path, name: str, address: str, passphrase: str, *, at: datetime, days: int = DAYS) -> str:
    """Make ``smime.key`` (protected by the passphrase) and ``smime.pem``, signed by itself; returns the fingerprint.

    Raises:
        StorageFailed: a file is there already, or cannot be written.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StorageFailed(place=str(folder), reason=system_reason(error)) from error
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=True,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # A partner's clock may be a little behind ours.
        .not_valid_before(at - timedelta(hours=1))
        .not_valid_after(at + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.RFC822Name(address)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, SHA256())
    )
    protected = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(passphrase.encode()))
    private_file.create(folder / "smime.key", protected)
    private_file.create(folder / "smime.pem", certificate.public_bytes(Encoding.PEM))
    return fingerprint(certificate)
