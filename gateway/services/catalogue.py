"""Step 15 of the trust list: a verified message must be one that its author may send us, and be complete."""

from gateway.domain.case import parse_token
from gateway.domain.errors import MailRefused, Unknown
from gateway.domain.kinds import KINDS, REPAIRED_COPY, Kind, Subject, faults, recipients
from gateway.domain.parties import Role
from gateway.domain.trust import VerifiedMail
from gateway.services.arrived import values_of
from gateway.wire.incoming import Incoming, Inner
from gateway.wire.manifest import Manifest

_STEP = "catalogue"


def require_conformity(seen: Incoming, mail: VerifiedMail, us: Role) -> None:
    """Refuse a manifest that contradicts the catalogue, its sender's role or its attachments; a letter has none.

    Raises:
        MailRefused: before anything is written.
    """
    inner = seen.inner
    if inner is None or inner.manifest is None:
        return
    kind = KINDS.get(inner.manifest.kind)
    if kind is None:
        raise MailRefused(step=_STEP, reason="unknown-kind")
    if mail.partner.role not in kind.senders:
        raise MailRefused(step=_STEP, reason="sender-role")
    if us not in recipients(kind, mail.partner.role):
        raise MailRefused(step=_STEP, reason="addressee-role")
    _require_content(kind, inner, inner.manifest)


def _require_content(kind: Kind, inner: Inner, told: Manifest) -> None:
    values = values_of(told)
    if faults(kind, values):
        raise MailRefused(step=_STEP, reason="fields")
    if {piece.role for piece in kind.pieces if piece.required} - {piece.role for piece in inner.pieces}:
        raise MailRefused(step=_STEP, reason="missing-attachment")
    end = told.authorisation_end
    if kind.subject is Subject.REQUEST and end is not None and end.isoformat() != values["authorised_until"]:
        raise MailRefused(step=_STEP, reason="authorisation-end")
    names_one = kind.subject not in {Subject.REQUEST, Subject.CASE} and kind is not REPAIRED_COPY
    if names_one and told.request_hash is None:
        raise MailRefused(step=_STEP, reason="names-no-request")
    try:
        parse_token(told.case)
    except Unknown:
        raise MailRefused(step=_STEP, reason="case-token") from None
