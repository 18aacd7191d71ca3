"""A partner's certification authority and its revocation list, as files that an administrator keeps up to date.

Nothing is fetched: a list that is out of date still counts for what it takes back, and does not stop the mail. A file
that cannot be read, or a list that its authority did not sign, is refused.
"""

from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from gateway.adapters.smime.certificates import Correspondent, pem
from gateway.domain.errors import AuthorityUnusable
from gateway.domain.reasons import system_reason
from gateway.domain.words import said

# National authorities publish lists of several megabytes.
MAX_FILE = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """Where a partner's authority is written; without ``ca`` the pinned certificate alone decides."""

    ca: Path | None = None
    crl: Path | None = None

    def correspondent(self, certificate: x509.Certificate) -> Correspondent:
        """The pinned certificate with what the files say of it now.

        Raises:
            AuthorityUnusable: a file cannot be used.
        """
        if self.ca is None:
            return Correspondent(certificate=certificate)
        authorities = _certificates(self.ca)
        lists = _lists(self.crl, authorities) if self.crl is not None else ()
        return Correspondent(
            certificate=certificate,
            # An authority that was itself taken back vouches for nobody.
            authorities=tuple(each for each in authorities if not _taken_back(each, lists)),
            revoked=_taken_back(certificate, lists) or all(_taken_back(each, lists) for each in authorities),
        )


def bundle(certificates: tuple[x509.Certificate, ...]) -> str:
    """Several certificates as one text."""
    return "".join(pem(each) for each in certificates)


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_FILE:
            raise AuthorityUnusable(path=path, reason=said("Le fichier est trop grand."))
        return path.read_bytes()
    except OSError as error:
        raise AuthorityUnusable(path=path, reason=system_reason(error)) from error


def _certificates(path: Path) -> tuple[x509.Certificate, ...]:
    try:
        return tuple(x509.load_pem_x509_certificates(_read(path)))
    except ValueError as error:
        reason = said("Le fichier ne contient pas de certificat lisible (PEM).")
        raise AuthorityUnusable(path=path, reason=reason) from error


def _lists(path: Path, authorities: tuple[x509.Certificate, ...]) -> tuple[x509.CertificateRevocationList, ...]:
    data = _read(path)
    mark = b"-----END X509 CRL-----"
    try:
        if mark in data:
            found = [x509.load_pem_x509_crl(block + mark) for block in data.split(mark)[:-1]]
        else:
            found = [x509.load_der_x509_crl(data)]
        signed = all(_is_signed(each, authorities) for each in found)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        reason = said("Le fichier n'est pas une liste de révocation lisible.")
        raise AuthorityUnusable(path=path, reason=reason) from error
    if not signed:
        reason = said("La liste de révocation n'est pas signée par une autorité du fichier « ca ».")
        raise AuthorityUnusable(path=path, reason=reason)
    return tuple(found)


def _is_signed(found: x509.CertificateRevocationList, authorities: tuple[x509.Certificate, ...]) -> bool:
    issuers = [each for each in authorities if each.subject == found.issuer]
    # RFC 5280 knows other keys (Ed25519); the library takes those that can sign, and says ValueError for the rest.
    return any(found.is_signature_valid(each.public_key()) for each in issuers)  # type: ignore[arg-type]


def _taken_back(certificate: x509.Certificate, lists: tuple[x509.CertificateRevocationList, ...]) -> bool:
    return any(
        each.issuer == certificate.issuer
        and each.get_revoked_certificate_by_serial_number(certificate.serial_number) is not None
        for each in lists
    )
