"""What a mail must prove before anyone acts on it.

Verification raises, or returns a :class:`VerifiedMail`, which nothing else can build. The steps, in this order:

0. The shape is one that we accept: encrypted and signed, or a signed receipt in clear (RFC 3156 §6.1, RFC 8551 §3.7,
   RFC 1847 §2.1). The opener guarantees that the signature covers the whole body, and that what was encrypted kept its
   integrity; where only the signature can tell (AES-CBC), that nothing else was used.
1. There is exactly one signature, valid mathematically, with an accepted digest (checked by the opener; present here).
2. The signed From holds exactly one address (RFC 5322 §3.6.2); display names are never looked at.
3. That address belongs to a configured partner.
4. The signer's fingerprint (primary key, or certificate) is pinned to that very partner.
5. The signed recipients name us: a mail encrypted onward by someone else is not for us.
6. The mail has a Message-ID, and is no replay: the same id with another content is refused. The same id with the same
   content is a duplicate, which is said, not raised: its receipt is sent again, and nothing else happens.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from gateway.domain.errors import MailRefused
from gateway.domain.kinds import PROBE
from gateway.domain.parties import Directory, Partner

SEALED_SHAPE = "ENCRYPTED"
ACCEPTED_SHAPES = frozenset({SEALED_SHAPE, "ENCRYPTED_ONE_PASS"})
RECEIPT_SHAPES = frozenset({"SIGNED_REPORT"})
_PROOF = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a mail says of itself and what the opener found; nothing of it is believed yet."""

    shape: str
    fingerprint: str | None
    signed_at: datetime | None
    senders: tuple[str, ...]
    recipients: tuple[str, ...]
    message_id: str | None
    mic: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedMail:
    """Proof that all steps passed. ``mic`` is the SHA-256 (hex) of the signed entity; ``signed_at`` aware UTC."""

    partner: Partner
    fingerprint: str
    signed_at: datetime
    message_id: str
    mic: str
    duplicate: bool
    receipt: bool
    proof: object

    def __post_init__(self) -> None:
        if self.proof is not _PROOF:
            raise TypeError("only gateway.domain.trust.verify builds a VerifiedMail")


def verify(
    claim: Claim,
    *,
    directory: Directory,
    pins: Mapping[str, frozenset[str]],
    our_address: str,
    seen: Mapping[tuple[str, str], str],
) -> VerifiedMail:
    """Run the steps of the module's docstring.

    Args:
        claim: what the opener found.
        directory: the configured partners.
        pins: for each partner's id, the primary fingerprints pinned to it now.
        our_address: the address that the signed recipients must hold.
        seen: for (partner id, Message-ID) already accepted, the MIC.

    Raises:
        MailRefused: with the step's name and a short code.
    """
    # (0) Only a sealed shape.
    if claim.shape not in ACCEPTED_SHAPES | RECEIPT_SHAPES:
        raise MailRefused(step="structure", reason="not-sealed")
    # (1) One valid signature.
    if claim.fingerprint is None or claim.signed_at is None or claim.mic is None:
        raise MailRefused(step="signature", reason="not-signed")
    # (2) One sender, (3) a partner we know, (4) their own pinned key.
    partner = verify_signer(claim.senders, claim.fingerprint, directory, pins)
    # (5) Meant for us.
    if our_address not in claim.recipients:
        raise MailRefused(step="recipients", reason="not-for-us")
    # (6) Not a replay.
    if not claim.message_id:
        raise MailRefused(step="replay", reason="no-message-id")
    known = seen.get((partner.id, claim.message_id))
    if known is not None and known != claim.mic:
        raise MailRefused(step="replay", reason="same-id-other-content")
    return VerifiedMail(
        partner=partner,
        fingerprint=claim.fingerprint,
        signed_at=claim.signed_at,
        message_id=claim.message_id,
        mic=claim.mic,
        duplicate=known is not None,
        receipt=claim.shape in RECEIPT_SHAPES,
        proof=_PROOF,
    )


def own_probe(claim: Claim, *, kind: str | None, our_address: str, our_fingerprints: frozenset[str]) -> bool:
    """True for a mail by which we try our servers: signed by a key of ours, from us, to us alone, and a probe by kind.

    Only that it is left alone may follow from this. A probe in the shape of a receipt has no kind; we never acknowledge
    anything to ourselves otherwise.
    """
    a_probe = kind == PROBE if claim.shape == SEALED_SHAPE else claim.shape in RECEIPT_SHAPES
    from_us = claim.senders == (our_address,) and claim.recipients == (our_address,)
    return a_probe and from_us and claim.fingerprint in our_fingerprints


def verify_signer(
    senders: tuple[str, ...], fingerprint: str, directory: Directory, pins: Mapping[str, frozenset[str]]
) -> Partner:
    """Steps 2 to 4 alone: whose word a message is that was not addressed to us, and reached us inside another one.

    Raises:
        MailRefused: with the step's name and a short code.
    """
    # (2) One sender.
    if len(senders) != 1:
        raise MailRefused(step="sender", reason="not-one-from")
    # (3) A partner we know.
    partner = directory.at_address(senders[0])
    if partner is None:
        raise MailRefused(step="sender", reason="unknown-partner")
    # (4) Their own pinned key.
    if fingerprint not in pins.get(partner.id, frozenset()):
        raise MailRefused(step="pin", reason="key-not-pinned")
    return partner
