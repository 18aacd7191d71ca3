"""Keys: those of the vault, wrapped, and those of partners, pinned by persons."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultKey:
    """A case, quarantine or evidence key, wrapped; ``destroyed_at`` set means that nothing under it opens again."""

    id: str
    purpose: str
    wrapped: bytes
    created_at: datetime
    destroyed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """A partner's public key, pinned to that partner by a person who checked the fingerprint.

    It counts once ``confirmed_by`` is set: a second person where four eyes are on, else the same one.
    """

    id: int = 0
    site: str
    partner: str
    suite: str
    fingerprint: str
    material: str
    pinned_at: datetime
    pinned_by: str
    confirmed_by: str | None = None
    retired_at: datetime | None = None
