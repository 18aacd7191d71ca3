"""What a mail must prove before anyone acts on it: the part that is decided, not computed.

Verification raises, or returns a :class:`VerifiedMail`, which nothing else can build. The whole list of steps is in
:mod:`gateway.domain.steps`, told in docs/trust.md; what opens mail takes 1 to 9, here are 10 to 14, in that order. The
same id with the same content is a duplicate, which is said, not raised: its receipt is sent again, and nothing else
happens.
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
    """Run steps 10 to 14.

    Args:
        claim: what the opener found.
        directory: the configured partners.
        pins: for each partner's id, the primary fingerprints pinned to it now.
        our_address: the address that the signed recipients must hold.
        seen: for (partner id, Message-ID) already accepted, the MIC.

    Raises:
        MailRefused: with the step's name and a short code.
    """
    # (10) Only a sealed shape, with the one signature that step 6 has found good.
    if claim.shape not in ACCEPTED_SHAPES | RECEIPT_SHAPES:
        raise MailRefused(step="sealed", reason="not-sealed")
    if claim.fingerprint is None or claim.signed_at is None or claim.mic is None:
        raise MailRefused(step="signature", reason="not-signed")
    # (11) One sender whom we know, (12) their own pinned key.
    partner = verify_signer(claim.senders, claim.fingerprint, directory, pins)
    # (13) Meant for us.
    if our_address not in claim.recipients:
        raise MailRefused(step="recipients", reason="not-for-us")
    # (14) Not a replay.
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


def letter_id(mic: str) -> str:
    """What stands for the Message-ID of a letter that signs none: its content, so that the same letter is the same."""
    return f"<{mic}@letter.invalid>"


def verify_signer(
    senders: tuple[str, ...], fingerprint: str, directory: Directory, pins: Mapping[str, frozenset[str]]
) -> Partner:
    """Steps 11 and 12 alone: whose word a message is that was not addressed to us, and reached us inside another one.

    Raises:
        MailRefused: with the step's name and a short code.
    """
    # (11) One sender, display names unread, whom we know.
    if len(senders) != 1:
        raise MailRefused(step="sender", reason="not-one-from")
    partner = directory.at_address(senders[0])
    if partner is None:
        raise MailRefused(step="sender", reason="unknown-partner")
    # (12) Their own pinned key.
    if fingerprint not in pins.get(partner.id, frozenset()):
        raise MailRefused(step="pin", reason="key-not-pinned")
    return partner
