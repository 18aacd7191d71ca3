"""Signing with our certificate and encrypting to one partner's (RFC 8551): DER throughout, the MIME is made elsewhere.

RSA recipients get AES-256-CBC by ``cryptography``, which every mail program opens; AES-256-GCM where it was agreed, and
whatever goes to an elliptic-curve key, is made by ``openssl cms``.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import (
    PKCS7EnvelopeBuilder,
    PKCS7Options,
    PKCS7SignatureBuilder,
)

from gateway.adapters.smime.authority import Authority
from gateway.adapters.smime.certificates import CertificateFault, Correspondent, Purpose, fault_of, read_certificate
from gateway.adapters.smime.identity import Identity
from gateway.adapters.smime.openssl import OpensslFailed, OpensslMissing, run
from gateway.adapters.smime.verify import verify_detached
from gateway.domain.errors import AuthorityUnusable, KeyFileInvalid, KeyUnusable, MailRefused, OwnKeyUnusable
from gateway.domain.parties import Suite
from gateway.domain.words import said
from gateway.ports import Clock, PublicKey, Signature

MICALG = "sha-256"
"""RFC 8551 §3.5.3.2."""

_WHY_UNUSABLE = {
    CertificateFault.EXPIRED: said("Le certificat a expiré."),
    CertificateFault.NOT_YET: said("Le certificat n'est pas encore valable."),
    CertificateFault.REVOKED: said("Le certificat est révoqué par son autorité."),
    CertificateFault.WEAK: said("Sa clé est trop faible."),
    CertificateFault.PURPOSE: said("Le certificat ne permet pas de chiffrer du courrier."),
    CertificateFault.CHAIN: said("Le certificat ne mène pas à l'autorité configurée."),
}


class Cipher(Enum):
    """How a content is encrypted; the value is the configuration's word."""

    AES256_CBC = "aes256-cbc"
    AES256_GCM = "aes256-gcm"


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """What was agreed with one partner."""

    authority: Authority = field(default_factory=Authority)
    cipher: Cipher = Cipher.AES256_CBC


class SmimeSealer:
    """Implements ``gateway.ports.Sealer`` for one suite. The mathematics run in a thread."""

    def __init__(self, identity: Identity, *, agreed: Mapping[str, Agreed], clock: Clock, pss: bool = False) -> None:
        self._identity = identity
        self._agreed = agreed
        self._clock = clock
        self._pss = pss

    async def sign(self, entity: bytes, suite: Suite) -> Signature:
        """Detached SignedData over exactly these bytes, with our certificate and its chain inside.

        Raises:
            OwnKeyUnusable: the signature was not made, or does not verify.
        """
        return await asyncio.to_thread(self._sign, entity, suite)

    async def encrypt(self, entity: bytes, key: PublicKey, *, partner: str) -> bytes:
        """EnvelopedData, or AuthEnvelopedData where agreed, for exactly this certificate.

        Raises:
            KeyUnusable: expired, revoked, not made for it, or not the pinned certificate.
        """
        return await asyncio.to_thread(self._encrypt, entity, key, partner)

    async def check(self, key: PublicKey, *, partner: str) -> None:
        """Refuse a certificate to which nothing could be encrypted now.

        Raises:
            KeyUnusable: expired, revoked, not made for it, or not the pinned certificate.
        """
        if self._agreed.get(partner, Agreed()).authority.ca is None:
            # Nothing is read: a thread would take longer than the look.
            self._usable(key, partner)
        else:
            await asyncio.to_thread(self._usable, key, partner)

    def _sign(self, entity: bytes, suite: Suite) -> Signature:
        if suite is not Suite.SMIME:
            raise OwnKeyUnusable(reason=said("Ce certificat ne signe qu'en S/MIME."))
        own, now = self._identity, self._clock.now()
        own.require_usable(now)
        builder = PKCS7SignatureBuilder().set_data(entity)
        if isinstance(own.key, rsa.RSAPrivateKey):
            scheme = padding.PSS(padding.MGF1(SHA256()), padding.PSS.DIGEST_LENGTH) if self._pss else padding.PKCS1v15()
            builder = builder.add_signer(own.certificate, own.key, SHA256(), rsa_padding=scheme)
        else:
            builder = builder.add_signer(own.certificate, own.key, SHA256())
        for each in own.chain:
            builder = builder.add_certificate(each)
        data = builder.sign(Encoding.DER, [PKCS7Options.DetachedSignature, PKCS7Options.Binary])
        try:
            verify_detached(entity, data, (Correspondent(certificate=own.certificate),), at=now)
        except MailRefused as error:
            reason = said("La signature faite ne se vérifie pas ({code}).", code=error.reason)
            raise OwnKeyUnusable(reason=reason) from error
        return Signature(suite=Suite.SMIME, data=data, micalg=MICALG, fingerprint=own.fingerprint)

    def _encrypt(self, entity: bytes, key: PublicKey, partner: str) -> bytes:
        certificate = self._usable(key, partner)
        rsa_key = isinstance(certificate.public_key(), rsa.RSAPublicKey)
        cipher = self._agreed.get(partner, Agreed()).cipher
        if rsa_key and cipher is Cipher.AES256_CBC:
            builder = PKCS7EnvelopeBuilder().set_data(entity).add_recipient(certificate)
            builder = builder.set_content_encryption_algorithm(AES256)
            return builder.encrypt(Encoding.DER, [PKCS7Options.Binary])
        # RFC 8551 §2.3: whoever reads AES-GCM reads OAEP as well.
        options = ["rsa_padding_mode:oaep", "rsa_oaep_md:sha256"] if rsa_key else ["ecdh_kdf_md:sha256"]
        wanted = [word for option in options for word in ("-keyopt", option)]
        arguments = ["-encrypt", "-binary", "-outform", "DER", f"-{_OPENSSL_NAMES[cipher]}", "-recip", "{certificate}"]
        try:
            return run([*arguments, *wanted], data=entity, side={"certificate": certificate.public_bytes(Encoding.PEM)})
        except OpensslFailed as error:
            missing = isinstance(error, OpensslMissing)
            refused = said("OpenSSL refuse de chiffrer pour ce certificat.")
            reason = said("OpenSSL ne se lance pas sur cette machine.") if missing else refused
            raise KeyUnusable(partner=partner, fingerprint=key.fingerprint, reason=reason) from error

    def _usable(self, key: PublicKey, partner: str) -> x509.Certificate:
        try:
            certificate = read_certificate(key.material.encode(), path=key.fingerprint)
            who = self._agreed.get(partner, Agreed()).authority.correspondent(certificate)
        except (KeyFileInvalid, AuthorityUnusable) as error:
            raise KeyUnusable(partner=partner, fingerprint=key.fingerprint, reason=error.fields["reason"]) from error
        if who.fingerprint != key.fingerprint:
            reason = said("Le certificat n'est pas celui dont l'empreinte est enregistrée.")
            raise KeyUnusable(partner=partner, fingerprint=key.fingerprint, reason=reason)
        fault = fault_of(who, Purpose.ENCRYPT, at=(self._clock.now(),))
        if fault is not None:
            raise KeyUnusable(partner=partner, fingerprint=key.fingerprint, reason=_WHY_UNUSABLE[fault])
        return certificate


_OPENSSL_NAMES = {Cipher.AES256_CBC: "aes-256-cbc", Cipher.AES256_GCM: "aes-256-gcm"}
