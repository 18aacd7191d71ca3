"""How the audit log is vouched for and kept: the section [audit]."""

from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import AfterValidator, Field

from gateway.domain.checkpoint import MAILBOX, VerifierKey
from gateway.domain.errors import CheckpointInvalid
from gateway.domain.parties import Partner, Role, unsealed
from gateway.domain.words import Said, said
from gateway.setting import Address, FilePath, Secret, Section
from gateway.storage import Way


def _public(text: str) -> str:
    try:
        return str(VerifierKey.parse(text))
    except CheckpointInvalid as error:
        raise ValueError(error.fields["reason"]) from None


PublicLogKey = Annotated[str, AfterValidator(_public)]


class AuditSection(Section):
    """What signs checkpoints of the audit log, how often, where they go, and how long records are kept."""

    key: Secret
    former_keys: tuple[PublicLogKey, ...] = ()
    checkpoint_records: int = Field(default=1000, ge=1)
    checkpoint_minutes: float = Field(default=60, gt=0, le=10080)
    anchor_file: FilePath | None = None
    anchor_mail: Address | None = None
    timestamps: bool = False
    security_months: int = Field(default=12, ge=6, le=36)
    evidence_years: int = Field(default=10, ge=3, le=50)


def anchor_mailbox(section: AuditSection | None, role: Role, max_bytes: int) -> tuple[Partner, ...]:
    """The mailbox to which checkpoints go, as the outbox knows it; none without one."""
    if section is None or section.anchor_mail is None:
        return ()
    return (unsealed(MAILBOX, section.anchor_mail, role, max_bytes),)


def vouched_by(section: AuditSection | None) -> frozenset[Way]:
    """The ways by which checkpoints leave this machine."""
    if section is None:
        return frozenset()
    places = {Way.FILE: section.anchor_file, Way.MAIL: section.anchor_mail, Way.TIMESTAMP: section.timestamps or None}
    return frozenset(way for way, place in places.items() if place is not None)


def audit_faults(section: AuditSection | None, *, taken: Sequence[str]) -> Iterator[Said]:
    """What is wrong with the section; ``taken`` are our own address and those of partners."""
    if section is not None and section.anchor_mail in taken:
        yield said("audit.anchor_mail : cette adresse est celle de la passerelle ou d'un partenaire")
