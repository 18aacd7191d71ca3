"""How far a program was told what the audit log holds."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookMark:
    """Every audit record up to the index ``seen`` was told to ``target``, or is not for it.

    ``attempts`` are those that failed for the next one, not tried before ``next_at``.
    """

    id: int = 0
    site: str
    target: str
    seen: int
    attempts: int = 0
    next_at: datetime | None = None
