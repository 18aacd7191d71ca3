"""Records of the audit log as data: what their canonical bytes say."""

import csv
import io
import json
import re
from collections.abc import Sequence
from typing import Any

from gateway.domain.audit import instant
from gateway.storage import AuditEntry

_FORMULA = re.compile(r"(^|;\s*)(?=[=+\-@\t\r])")
_LATER = re.compile(r";(?=\s*[=+\-@])")
"""The same inside JSON, which has another way to write a semicolon."""

COLUMNS = ("index", "at", "event", "actor", "case", "request", "message", "partner", "outcome")


def records_json(found: Sequence[AuditEntry]) -> list[dict[str, Any]]:
    """The records, in the order given."""
    return [json.loads(entry.canonical) if entry.canonical else _erased(entry) for entry in found]


def records_csv(found: Sequence[AuditEntry], *, headed: bool = True) -> str:
    """The records as a spreadsheet takes them (RFC 4180); the details are JSON in their own column."""
    lines = io.StringIO()
    writer = csv.writer(lines)
    if headed:
        writer.writerow([*COLUMNS, "details"])
    for record in records_json(found):
        details = _LATER.sub("\\\\u003b", json.dumps(record["details"], ensure_ascii=False, sort_keys=True))
        writer.writerow([*(_inert(record[name]) for name in COLUMNS), details])
    return lines.getvalue()


def _inert(value: object) -> object:
    """A spreadsheet must not take a text for a formula; a French one parts its cells at semicolons."""
    return _FORMULA.sub("\\1'", value) if isinstance(value, str) else value


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
