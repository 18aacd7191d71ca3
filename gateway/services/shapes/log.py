"""Records of the audit log as data: what their canonical bytes say."""

import json
from collections.abc import Sequence
from typing import Any

from gateway.domain.audit import instant
from gateway.storage import AuditEntry

COLUMNS = ("index", "at", "event", "actor", "case", "request", "message", "partner", "outcome")


def records_json(found: Sequence[AuditEntry]) -> list[dict[str, Any]]:
    """The records, in the order given."""
    return [json.loads(entry.canonical) if entry.canonical else _erased(entry) for entry in found]


def _erased(entry: AuditEntry) -> dict[str, Any]:
    """What is left of a record whose time was over."""
    blank: dict[str, Any] = dict.fromkeys((*COLUMNS, "details"))
    return blank | {
        "index": entry.index,
        "at": instant(entry.at),
        "event": "",
        "actor": "",
        "purged_by": entry.purged_by,
    }
