"""Opening an S/MIME envelope that a stranger sent (RFC 8551 §3.3, RFC 5083).

AES-CBC has no integrity (EFAIL): what comes out of here is unproven, whatever the cipher, until the signature inside
holds. It is named so, and nothing but the search for that signature may look at it.
"""

from dataclasses import dataclass
from io import BytesIO

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.adapters.smime.cms import ContentCipher, Envelope, Recipient, names_of, read_envelope
from gateway.adapters.smime.identity import Identity
from gateway.adapters.smime.openssl import OpensslFailed, OpensslMissing, run
from gateway.domain.errors import MailRefused, OwnKeyUnusable
from gateway.domain.words import said

_BLOCK = 16
_PIECE = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Unproven:
    """Plaintext without proof of who wrote it, or that nobody changed it."""

    data: bytes


def decrypt(envelope: bytes, own: Identity, *, max_plain: int, former: Identity | None = None) -> Unproven:
    """Decrypt one envelope with our key.

    ``former`` is our identity before ``own``, for which a partner may still have sealed.

    In order: (1) one envelope with an accepted cipher; (2) within limits; (3) to our certificate, not to a password;
    (4) by our key, without an error.

    Raises:
        MailRefused: step ``decrypt``. What failed in (4) is not told apart: that would help to guess a plaintext.
        OwnKeyUnusable: openssl is missing here; the mail is not to blame.
    """
    # (1) one envelope
    found = read_envelope(envelope)
    # (2) within limits: nothing in CMS is compressed, so the plaintext is never longer.
    if len(found.content) > max_plain:
        raise MailRefused(step="decrypt", reason="too-large")
    # (3) to us
    recipient, us = _ours(found, (own, former) if former else (own,))
    # (4) by our key
    try:
        if recipient.wrapped is not None and found.cipher is ContentCipher.AES_CBC:
            return Unproven(data=_by_ourselves(found, recipient.wrapped, us))
        return Unproven(data=_by_openssl(envelope, us))
    except OpensslMissing as error:
        raise OwnKeyUnusable(reason=said("OpenSSL ne se lance pas sur cette machine.")) from error
    except (ValueError, OpensslFailed) as error:
        raise MailRefused(step="decrypt", reason="damaged") from error


def _ours(found: Envelope, ours: tuple[Identity, ...]) -> tuple[Recipient, Identity]:
    for own in ours:
        names = names_of(own.certificate.public_bytes(Encoding.DER))
        recipient = next((each for each in found.recipients if each.name in names), None)
        if recipient is not None:
            return recipient, own
    only_password = found.by_password and not found.recipients
    raise MailRefused(step="decrypt", reason="symmetric" if only_password else "not-for-us")


def _by_ourselves(found: Envelope, wrapped: bytes, own: Identity) -> bytes:
    """RSA PKCS#1 v1.5 and AES-CBC; a wrong padding of the key gives random bytes, not an error, by the library."""
    if not isinstance(own.key, rsa.RSAPrivateKey):
        raise OpensslFailed("not for this kind of key")
    decryptor = Cipher(AES(own.key.decrypt(wrapped, PKCS1v15())), CBC(found.iv)).decryptor()
    unpadder = PKCS7(8 * _BLOCK).unpadder()
    # Only the last block is padded: the rest goes through piece by piece, and is in memory once.
    content, plain = memoryview(found.content), BytesIO()
    last = max(len(content) - _BLOCK, 0)
    for at in range(0, last, _PIECE):
        plain.write(decryptor.update(content[at : min(at + _PIECE, last)]))
    block = decryptor.update(content[last:]) + decryptor.finalize()
    plain.write(unpadder.update(block) + unpadder.finalize())
    return plain.getvalue()


def _by_openssl(envelope: bytes, own: Identity) -> bytes:
    side = {"key": own.key_pem().encode(), "certificate": own.certificate.public_bytes(Encoding.PEM)}
    arguments = ["-decrypt", "-binary", "-inform", "DER", "-recip", "{certificate}", "-inkey", "{key}"]
    return run(arguments, data=envelope, side=side)
