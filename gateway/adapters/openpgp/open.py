"""Decrypting and checking signatures of mail that strangers sent (RFC 9580, RFC 3156), from GnuPG's status lines alone.

python-gnupg's result flags are not used here: they call a two-signature message valid by its last one, a symmetric
message decrypted, and keep the plaintext of a message without integrity. This module runs inside the capped worker; it
says what is mathematically true, never whom to trust. Plaintext stays in memory: all inputs and outputs are pipes.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gateway.adapters.openpgp.command import MAX_SIDE_INPUT, Outcome, StatusLine, run
from gateway.adapters.openpgp.keyfiles import KeyFacts
from gateway.domain.errors import MailRefused, OwnKeyUnusable
from gateway.domain.words import said
from gateway.ports import SignatureFacts

# RFC 9580 §9.5. MD5 (1), SHA-1 (2) and RIPEMD-160 (3) are absent: collisions exist or are near.
DIGESTS = {"8": "SHA256", "9": "SHA384", "10": "SHA512", "11": "SHA224", "12": "SHA3-256", "14": "SHA3-512"}

# RFC 9580 §9.3: AES, Twofish and Camellia. Those with 64-bit blocks (IDEA, 3DES, CAST5, Blowfish) are absent.
CIPHERS = frozenset({"7", "8", "9", "10", "11", "12", "13"})

# RFC 9580 §5.2.1: over a binary or a canonical text document; certifications and timestamps sign something else.
DOCUMENT_CLASSES = frozenset({"00", "01"})

# One Ed25519 signature needs 300 bytes armoured, RSA-4096 with notations 1 KB; the pipe's room is the bound.
MAX_SIGNATURE = MAX_SIDE_INPUT

_TEXT_FORMATS = frozenset({"74", "75"})  # literal packet formats "t" and "u", RFC 9580 §5.9
_NO_OUTPUT = 0
_PUBLIC_KEY, _SYMMETRIC_KEY, _MARKER = 1, 3, 10  # packet tags, RFC 9580 §5
_HEAD = 64 * 1024  # of armour: the key packets of a hundred recipients
_LOOPBACK = ("--pinentry-mode", "loopback", "--passphrase-fd", "{passphrase}")
_MARGIN = 1024 * 1024  # gpg stops a little before its bound; ours is the exact one, its own the second barrier
_BAD_PASSPHRASE = 11  # GPG_ERR_BAD_PASSPHRASE; the low 16 bits of the number in an ERROR line
_CODE_MASK = 0xFFFF
_NO_PUBLIC_KEY = "9"  # the last field of ERRSIG

_SIGNATURE_KEYWORDS = frozenset(
    {"NEWSIG", "GOODSIG", "EXPSIG", "EXPKEYSIG", "REVKEYSIG", "BADSIG", "ERRSIG", "VALIDSIG"}
)

# Each of these alone refuses the mail. An expired key is refused whatever the signature's own time: it can be forged.
_BAD_SIGNATURES = {
    "BADSIG": "bad-signature",
    "EXPSIG": "signature-expired",
    "EXPKEYSIG": "key-expired",
    "REVKEYSIG": "key-revoked",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLimits:
    """What one mail may cost: ``max_plain`` is in bytes of decrypted data.

    ``at`` is set to judge keys as they were at that instant, not now.
    """

    max_plain: int
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decrypted:
    """Plaintext that came with integrity out of a message to our key; ``signature`` when the message held one."""

    data: bytes
    signature: SignatureFacts | None


def decrypt(
    home: Path, ciphertext: bytes, passphrase: str, own: KeyFacts, limits: OpenLimits, *, former: KeyFacts | None = None
) -> Decrypted:
    """Decrypt one armoured message (RFC 3156 §4), or refuse it without looking at what gpg put out.

    ``former`` is our key before ``own``, for which a partner may still have sealed.

    In order: (1) one armoured message; (2) within limits; (3) by our key, not by a passphrase; (4) integrity by MDC or
    AEAD, no old cipher; (5) exactly one literal, inside the encryption; (6) a signature inside is judged like a
    detached one; (7) gpg itself is content.

    Raises:
        MailRefused: step ``decrypt`` or ``signature``.
        OwnKeyUnusable: the mail is for us, but our key does not open: no agent, or a wrong passphrase.
    """
    # (1) one armoured message
    if ciphertext.count(b"-----BEGIN PGP ") != 1 or b"-----BEGIN PGP MESSAGE-----" not in ciphertext:
        raise MailRefused(step="decrypt", reason="not-one-message")
    if any(tag == _SYMMETRIC_KEY for tag in leading_tags(ciphertext)):
        # Whoever knows the phrase reads it too; gpg says so only when it needs the phrase.
        raise MailRefused(step="decrypt", reason="symmetric")
    outcome = run(
        home,
        [
            *_by_then(limits.at),
            *_LOOPBACK,
            "--max-output",
            str(limits.max_plain + _MARGIN),
            "--output",
            "-",
            "--decrypt",
            "--",
            "-",
        ],
        data=ciphertext,
        side={"passphrase": passphrase.encode() + b"\n"},
        max_output=limits.max_plain,
    )
    # (2) within limits
    if outcome.overrun:
        raise MailRefused(step="decrypt", reason="too-large")
    _by_our_key(outcome, (own, former) if former else (own,))  # (3)
    _with_integrity(outcome)  # (4)
    literal_format = _one_literal(outcome)  # (5)
    # (6) a signature inside
    signed = any(line.keyword in _SIGNATURE_KEYWORDS for line in outcome.status)
    signature = _judge_signature(outcome) if signed else None
    # (7) gpg itself is content
    if outcome.returncode != 0:
        raise MailRefused(step="decrypt", reason="failed")
    # gpg turned the line ends of a text literal into local ones; what was signed and sent has CRLF.
    data = re.sub(rb"\r?\n", b"\r\n", outcome.output) if literal_format in _TEXT_FORMATS else outcome.output
    return Decrypted(data=data, signature=signature)


def verify_detached(home: Path, entity: bytes, signature: bytes, *, at: datetime | None = None) -> SignatureFacts:
    """Check the one detached signature over these exact bytes (RFC 3156 §5), now or as it was ``at`` an instant.

    Raises:
        MailRefused: step ``signature``; anything but one good, living, strong signature by a key of this home.
    """
    if len(signature) > MAX_SIGNATURE:
        raise MailRefused(step="signature", reason="too-large")
    if signature.count(b"-----BEGIN PGP ") != 1 or b"-----BEGIN PGP SIGNATURE-----" not in signature:
        raise MailRefused(step="signature", reason="not-one-signature")
    outcome = run(
        home,
        [*_by_then(at), "--enable-special-filenames", "--verify", "--", "-&{signature}", "-"],
        data=entity,
        side={"signature": signature},
        max_output=_NO_OUTPUT,
    )
    # A whole signed message in the place of a detached signature brings its own text along.
    if outcome.overrun or outcome.count("PLAINTEXT"):
        raise MailRefused(step="signature", reason="not-detached")
    facts = _judge_signature(outcome)
    if outcome.returncode != 0:
        raise MailRefused(step="signature", reason="failed")
    return facts


def leading_tags(armoured: bytes) -> Iterator[int]:
    """Tags of the packets before the encrypted data (RFC 9580 §4.2), as far as they can be read; gpg looks at all."""
    body = armoured[:_HEAD].replace(b"\r\n", b"\n").partition(b"\n\n")[2]
    lines = [line for line in body.split(b"\n") if line and not line.startswith((b"=", b"-"))]
    text = b"".join(lines)
    try:
        data = base64.b64decode(text[: len(text) // 4 * 4])
    except binascii.Error:
        return
    at = 0
    while at < len(data) - 1 and data[at] & 0x80:
        tag, length, start = _packet(data, at)
        yield tag
        if length is None or tag not in {_PUBLIC_KEY, _SYMMETRIC_KEY, _MARKER}:
            return
        at = start + length


def _packet(data: bytes, at: int) -> tuple[int, int | None, int]:
    """Tag of the packet here, its length where it is told in one piece, and where its body begins."""
    head = data[at]
    if head & 0x40:
        first = data[at + 1]
        if first < 192:  # noqa: PLR2004 - the RFC's numbers
            return head & 0x3F, first, at + 2
        if first < 224:  # noqa: PLR2004
            return head & 0x3F, ((first - 192) << 8) + int.from_bytes(data[at + 2 : at + 3]) + 192, at + 3
        return head & 0x3F, int.from_bytes(data[at + 2 : at + 6]) if first == 255 else None, at + 6  # noqa: PLR2004
    size = head & 3
    if size == 3:  # noqa: PLR2004
        return head >> 2 & 0xF, None, at + 1
    octets = 1 << size
    return head >> 2 & 0xF, int.from_bytes(data[at + 1 : at + 1 + octets]), at + 1 + octets


def _by_then(at: datetime | None) -> list[str]:
    return [] if at is None else ["--faked-system-time", f"{int(at.timestamp())}!"]


def _by_our_key(outcome: Outcome, ours: tuple[KeyFacts, ...]) -> None:
    """A public-key packet opened with our key; a passphrase-encrypted packet would attest nothing."""
    if outcome.count("NEED_PASSPHRASE_SYM"):
        raise MailRefused(step="decrypt", reason="symmetric")
    recipients = {values[0] for values in outcome.all("ENC_TO") if values}
    if not recipients:
        raise MailRefused(step="decrypt", reason="not-encrypted")
    ids = frozenset().union(*(own.encryption_ids for own in ours))
    _our_key_works(outcome, ids)
    used = outcome.all("DECRYPTION_KEY")
    # GnuPG names the key it used; older ones (2.2.8) only name the recipients.
    named = {own.fingerprint for own in ours}
    by_us = bool(named.intersection(used[0][1:2])) if len(used) == 1 else not used and bool(recipients & ids)
    if not by_us:
        raise MailRefused(step="decrypt", reason="not-for-us")


def _our_key_works(outcome: Outcome, ids: frozenset[str]) -> None:
    missing = {values[0] for values in outcome.all("NO_SECKEY") if values}
    if missing & ids:
        raise OwnKeyUnusable(reason=said("L'agent de GnuPG ne trouve pas notre clé privée."))
    failures = [values[1] for values in outcome.all("ERROR") if values[:1] == ("pkdecrypt_failed",) and values[1:]]
    if any(code.isdecimal() and int(code) & _CODE_MASK == _BAD_PASSPHRASE for code in failures):
        raise OwnKeyUnusable(reason=said("La phrase secrète n'ouvre pas notre clé privée."))


def _with_integrity(outcome: Outcome) -> None:
    informed = outcome.all("DECRYPTION_INFO")
    if len(informed) > 1 or outcome.count("BEGIN_DECRYPTION") > 1:
        raise MailRefused(step="decrypt", reason="several")
    mdc, cipher, aead = (*informed[0], "0", "0", "0")[:3] if informed else ("0", "0", "0")
    if mdc == "0" and aead == "0":
        raise MailRefused(step="decrypt", reason="no-integrity")
    if cipher not in CIPHERS:
        raise MailRefused(step="decrypt", reason="weak-cipher")
    whole = outcome.count("DECRYPTION_OKAY") == 1 and (outcome.count("GOODMDC") == 1 or aead != "0")
    if not whole or outcome.count("DECRYPTION_FAILED") or outcome.count("BADMDC"):
        raise MailRefused(step="decrypt", reason="damaged")


def _one_literal(outcome: Outcome) -> str:
    """The literal's format, in hex, once it is sure that there is one only and that it was inside the encryption."""
    words = [line.keyword for line in outcome.status]
    if words.count("PLAINTEXT") != 1:
        raise MailRefused(step="decrypt", reason="not-one-literal")
    if not words.index("BEGIN_DECRYPTION") < words.index("PLAINTEXT") < words.index("END_DECRYPTION"):
        raise MailRefused(step="decrypt", reason="literal-outside")
    return outcome.all("PLAINTEXT")[0][0]


def _judge_signature(outcome: Outcome) -> SignatureFacts:
    """Facts of exactly one good signature, or a refusal that names the first fault."""
    started = outcome.count("NEWSIG")
    if started != 1:
        raise MailRefused(step="signature", reason="several" if started else "no-signature")
    for line in outcome.status:
        reason = _fault(line)
        if reason is not None:
            raise MailRefused(step="signature", reason=reason)
    valid = outcome.all("VALIDSIG")
    if len(valid) != 1 or outcome.count("GOODSIG") != 1:
        raise MailRefused(step="signature", reason="no-signature")
    return _facts(valid[0])


def _fault(line: StatusLine) -> str | None:
    if line.keyword != "ERRSIG":
        return _BAD_SIGNATURES.get(line.keyword)
    _, _, digest, _, _, code = (*line.values, "", "", "", "", "", "")[:6]
    if code == _NO_PUBLIC_KEY:
        return "unknown-key"
    return "unsupported" if digest in DIGESTS else "weak-digest"


def _facts(valid: tuple[str, ...]) -> SignatureFacts:
    """VALIDSIG: key, date, seconds, expiry, version, reserved, algorithm, digest, class, primary key."""
    try:
        _, _, seconds, _, _, _, _, digest, kind, primary = valid
        made_at = datetime.fromtimestamp(int(seconds), tz=UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise MailRefused(step="signature", reason="unreadable") from error
    if digest not in DIGESTS:
        raise MailRefused(step="signature", reason="weak-digest")
    if kind not in DOCUMENT_CLASSES:
        raise MailRefused(step="signature", reason="wrong-class")
    return SignatureFacts(fingerprint=primary.upper(), made_at=made_at, digest=DIGESTS[digest])
