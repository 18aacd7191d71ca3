"""A question about the audit log."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Which records: all that is given must hold.

    ``equal`` compares columns; ``begins`` is the beginning of an event's name. ``since`` is included, ``until`` is not.
    ``after`` and ``before`` are indexes, both excluded: with ``newest`` first, the next page is ``before`` the last one
    seen, otherwise ``after`` it.
    """

    equal: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    begins: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    after: int = -1
    before: int | None = None
    newest: bool = False
    limit: int | None = None
