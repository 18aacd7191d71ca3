"""Strict verification of a detached S/MIME signature (RFC 8551 §3.5, RFC 5652 §5.6), which ``cryptography`` lacks.

It says what is mathematically true and who signed, among the pinned certificates alone; the domain decides whose
certificate that must be. This module runs inside the capped worker.
"""

from collections.abc import Sequence
from datetime import datetime
from hmac import compare_digest

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.adapters.smime.certificates import Correspondent, Purpose, fault_of
from gateway.adapters.smime.cms import Scheme, Signer, names_of, read_signer
from gateway.domain.errors import MailRefused
from gateway.ports import SignatureFacts

# A chain of four certificates with RSA 4096 has 8 KB.
MAX_SIGNATURE = 64 * 1024

_HASHES: dict[str, hashes.HashAlgorithm] = {
    "SHA256": hashes.SHA256(),
    "SHA384": hashes.SHA384(),
    "SHA512": hashes.SHA512(),
}


def verify_detached(entity: bytes, signature: bytes, known: Sequence[Correspondent], *, at: datetime) -> SignatureFacts:
    """Check the one detached signature over these exact bytes; ``at`` is now.

    In order: (1) the structure is one that has a single reading (``cms.read_signer``); (2) the signed digest is that of
    these bytes; (3) the signer is exactly one of the pinned certificates; (4) the signature over the signed attributes
    is theirs; (5) nothing speaks against that certificate, when it signed or now: a signature's own time alone can be
    forged by whoever holds an old key.

    Raises:
        MailRefused: step ``signature``.
    """
    # (1) one reading
    if len(signature) > MAX_SIGNATURE:
        raise MailRefused(step="signature", reason="too-large")
    signer = read_signer(signature)
    # (2) these bytes
    digest = hashes.Hash(_HASHES[signer.digest])
    digest.update(entity)
    if not compare_digest(digest.finalize(), signer.message_digest):
        raise MailRefused(step="signature", reason="bad-signature")
    # (3) a pinned signer
    pins = _pinned(signer, known)
    # (4) their signature
    _require_signature(signer, pins[0].certificate.public_key())
    # (5) a certificate that was and is good, also where two partners share it and one names an authority
    for who in pins:
        fault = fault_of(who, Purpose.SIGN, at=(signer.made_at, at))
        if fault is not None:
            raise MailRefused(step="signature", reason=fault.value)
    return SignatureFacts(fingerprint=pins[0].fingerprint, made_at=signer.made_at, digest=signer.digest)


def _pinned(signer: Signer, known: Sequence[Correspondent]) -> list[Correspondent]:
    """The pins of one certificate, found by its name; whether the name is true, the mathematics say."""
    found = [each for each in known if signer.name in names_of(each.certificate.public_bytes(Encoding.DER))]
    if not found:
        raise MailRefused(step="signature", reason="unknown-key")
    # Two certificates of one key, as after a renewal, may share an identifier.
    if len({each.fingerprint for each in found}) > 1:
        raise MailRefused(step="signature", reason="ambiguous-key")
    return found


def _require_signature(signer: Signer, key: CertificatePublicKeyTypes) -> None:
    digest = _HASHES[signer.digest]
    try:
        match key, signer.scheme:
            case rsa.RSAPublicKey(), Scheme.RSA_PKCS1:
                key.verify(signer.signature, signer.attributes, padding.PKCS1v15(), digest)
            case rsa.RSAPublicKey(), Scheme.RSA_PSS:
                scheme = padding.PSS(mgf=padding.MGF1(digest), salt_length=signer.salt)
                key.verify(signer.signature, signer.attributes, scheme, digest)
            case ec.EllipticCurvePublicKey(), Scheme.ECDSA:
                key.verify(signer.signature, signer.attributes, ec.ECDSA(digest))
            case _:
                raise MailRefused(step="signature", reason="unsupported")
    except (InvalidSignature, ValueError) as error:
        raise MailRefused(step="signature", reason="bad-signature") from error
