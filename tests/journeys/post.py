"""The post between the gateways: real sealed mail, opened as the capped worker opens it; only the keys are played."""

import base64
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from gateway.domain.parties import Role
from gateway.ports import Envelope
from gateway.wire import incoming, mime, sealed
from gateway.wire.incoming import Incoming
from gateway.wire.sealed import Shape
from tests.services.mails import FINGERPRINTS
from tests.services.world import OWN_MTA


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One sealed mail on its way: who wrote it, to which address."""

    sender: Role
    envelope: Envelope

    @property
    def address(self) -> str:
        """Whose mailbox it is for."""
        return self.envelope.recipient


def stamped(letter: Letter, at: datetime) -> bytes:
    """The mail as the recipient's own server stores it (RFC 5321 §4.4)."""
    trace = f"Received: from out.test by {OWN_MTA} with ESMTP; {format_datetime(at)}\r\n"
    return trace.encode("ascii") + letter.envelope.data


def read(raw: bytes, signer: Role) -> Incoming:
    """All that the worker would tell of this mail, had the signer's key signed it."""
    part = mime.parse(raw)
    outer, shape = incoming.read_outer(part.headers), sealed.shape_of(part)
    within = mime.parse(_deciphered(sealed.read_encrypted(part))) if shape is Shape.ENCRYPTED else part
    entity = sealed.read_signed(within).entity
    receipt = None
    if shape is Shape.SIGNED_REPORT:
        inner, receipt = incoming.read_signed_report(entity)
    else:
        inner = incoming.read_inner(entity)
    return Incoming(
        shape=shape.name,
        outer=outer,
        fingerprint=FINGERPRINTS[signer],
        signed_at=inner.date,
        entity=entity,
        mic=sealed.mic(entity),
        inner=inner,
        receipt=receipt,
    )


def _deciphered(armour: bytes) -> bytes:
    """What the sealer of the tests put into its armour."""
    lines = armour.split(b"\r\n")
    return base64.b64decode(b"".join(lines[lines.index(b"") + 1 : -2]))
