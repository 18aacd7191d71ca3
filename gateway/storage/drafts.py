"""Forms that persons are filling, kept until they are sent."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FormDraft:
    """A form under way. ``code`` is its opaque name; ``content`` its fields and the names of its files, sealed.

    ``vault_key`` seals it: its case's, or a standing one while there is no case. ``version`` grows with each change;
    ``validated_version`` is the one that a physician validated. Once it has ended (``outcome``) its content is empty.
    """

    id: int = 0
    site: str
    code: str
    kind: str
    case_id: int | None
    request_hash: str | None
    vault_key: str
    content: bytes
    version: int
    created_at: datetime
    created_by: str
    changed_at: datetime
    changed_by: str
    validated_version: int | None = None
    validated_at: datetime | None = None
    validated_by: str | None = None
    ended_at: datetime | None = None
    outcome: str | None = None
