"""Delivery status notifications (RFC 3464), as real servers write them.

A report may be forged by anyone: it is read here and weighed elsewhere; ``relayed``, ``delayed`` and unknown words are
kept as they are.
"""

import re
from dataclasses import dataclass
from datetime import datetime

from gateway.domain.errors import MailMalformed
from gateway.wire.fields import date
from gateway.wire.mime import Headers, Part, parse_headers
from gateway.wire.reports import RETURNED, STATUS_PARTS, machine_fields, normal_id, normal_recipient, report_part

# Our transactions have one recipient each; a list expander may report a few.
MAX_RECIPIENTS = 100
# A block per recipient, each a few hundred bytes, some with a transcript.
MAX_MACHINE_PART = 256 * 1024

# The fields of the whole message, then two blocks a recipient where a server writes too many blank lines.
MAX_BLOCKS = 1 + 2 * MAX_RECIPIENTS

_STEP = "report"
_LINE = re.compile(rb"[ \t]|[!-9;-~]{1,200}[ \t]*:")
_BEGINS = {"final-recipient", "action"}
_RECIPIENT = {*_BEGINS, "original-recipient"}
_STATUS = re.compile(r"([245]\.\d{1,3}\.\d{1,3})\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class DsnRecipient:
    """One recipient of a report. ``action`` is lower case; ``status`` such as ``5.1.1``; ``last_attempt`` aware UTC."""

    final: str | None
    original: str | None
    action: str
    status: str | None
    last_attempt: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dsn:
    """A report. ``date`` is the report's own Date; instants are aware UTC, None when absent or uncertain."""

    original_envelope_id: str | None
    arrival_date: datetime | None
    reporting_mta: str | None
    recipients: tuple[DsnRecipient, ...]
    original_message_id: str | None
    date: datetime | None


def _blocks(data: bytes) -> list[Headers]:
    if len(data) > MAX_MACHINE_PART:
        raise MailMalformed(reason="machine-part", step=_STEP)
    blocks = [block for block in re.split(rb"(?:\r?\n){2,}", data.strip(b"\r\n")) if block.strip()]
    if len(blocks) > MAX_BLOCKS:
        raise MailMalformed(reason="too-many-recipients", step=_STEP)
    return [_fields(block) for block in blocks]


def _fields(block: bytes) -> Headers:
    """The fields of a block; what is no field, such as a server's answer that nobody indented, is left out."""
    return parse_headers(b"\n".join(line for line in re.split(rb"\r?\n", block) if _LINE.match(line)))


def _by_recipient(blocks: list[Headers]) -> list[Headers]:
    """One group of fields a recipient: some servers forget the blank lines between them, others write too many."""
    groups: list[list[tuple[str, str]]] = [[]]
    for block in blocks:
        if _names(groups[-1]) >= _BEGINS:
            groups.append([])
        for name, value in block.fields:
            if name in _BEGINS and name in _names(groups[-1]):
                groups.append([])
            groups[-1].append((name, value))
    found = [Headers(fields=tuple(group)) for group in groups if _names(group) & _RECIPIENT]
    if len(found) > MAX_RECIPIENTS:
        raise MailMalformed(reason="too-many-recipients", step=_STEP)
    return found


def _names(fields: list[tuple[str, str]]) -> set[str]:
    return {name for name, _ in fields}


def _recipient(block: Headers) -> DsnRecipient:
    status = _STATUS.match((block.get("status") or "").strip())
    return DsnRecipient(
        final=normal_recipient(block.get("final-recipient")),
        original=normal_recipient(block.get("original-recipient")),
        action=(block.get("action") or "").partition("(")[0].strip().lower(),
        status=status[1] if status is not None else None,
        last_attempt=date(block.get("last-attempt-date") or ""),
    )


def _returned_id(part: Part) -> str | None:
    """Message-ID in the returned header; None unless it is there exactly once."""
    returned = [child for child in part.parts if child.content_type.media in RETURNED]
    if len(returned) != 1:
        return None
    try:
        block = re.split(rb"\r?\n\r?\n", returned[0].decoded().lstrip(b"\r\n"), maxsplit=1)[0]
        return normal_id(machine_fields(block).at_most_one("message-id"))
    except MailMalformed:
        return (
            None  # A returned header that a server cut or damaged identifies nothing; the report itself still stands.
        )


def recipient_fields(part: Part) -> tuple[Headers, list[Headers]]:
    """The machine part of a report: the fields of the whole message, and those of each recipient.

    Raises:
        MailMalformed: no such part, or a limit exceeded.
    """
    blocks = _blocks(report_part(part, STATUS_PARTS, _STEP).decoded())
    return blocks[0] if blocks else Headers(fields=()), _by_recipient(blocks)


def read_report(part: Part) -> Dsn:
    """The report of a multipart/report mail.

    Raises:
        MailMalformed: no such report, no recipient in it, or a limit exceeded.
    """
    whole, recipients = recipient_fields(part)
    if not recipients:
        raise MailMalformed(reason="no-recipient", step=_STEP)
    envelope_id = whole.get("original-envelope-id")
    return Dsn(
        original_envelope_id=envelope_id.strip() if envelope_id else None,
        arrival_date=date(whole.get("arrival-date") or ""),
        reporting_mta=(whole.get("reporting-mta") or "").rpartition(";")[2].strip().lower() or None,
        recipients=tuple(_recipient(block) for block in recipients),
        original_message_id=_returned_id(part),
        date=date(part.headers.get("date") or ""),
    )
