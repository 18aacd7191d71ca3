"""What receipts and delivery reports share: the multipart/report frame (RFC 6522) and fields read with tolerance."""

from gateway.domain.errors import MailMalformed
from gateway.wire.fields import address, message_ids
from gateway.wire.mime import Headers, Part, parse_headers

STATUS_PARTS = frozenset({"message/delivery-status", "message/global-delivery-status"})
"""Machine parts of delivery reports (RFC 3464, RFC 6533)."""

DISPOSITION_PARTS = frozenset({"message/disposition-notification", "message/global-disposition-notification"})
"""Machine parts of receipts (RFC 8098, RFC 6533)."""

RETURNED = frozenset(
    {
        *("message/rfc822", "text/rfc822-headers", "message/rfc822-headers"),
        *("message/global", "message/global-headers"),
    }
)
"""What a report returns of the original, whole or its header."""


def report_part(part: Part, media: frozenset[str], step: str) -> Part:
    """The machine part of a multipart/report, whatever its place among the direct parts.

    Raises:
        MailMalformed: not a multipart/report, or not exactly one such part.
    """
    found = [child for child in part.parts if child.content_type.media in media]
    if part.content_type.media != "multipart/report" or len(found) != 1:
        raise MailMalformed(reason="not-such-report", step=step)
    return found[0]


def machine_fields(data: bytes) -> Headers:
    """Fields of one block of a machine part; blank lines around it do not matter.

    Raises:
        MailMalformed: a line that is no field, or a limit exceeded.
    """
    return parse_headers(data.strip(b"\r\n"))


def normal_recipient(value: str | None) -> str | None:
    """Address of a Final-Recipient field without its type, brackets, quotes and case; None when it is no address."""
    if value is None:
        return None
    kind, semicolon, rest = value.partition(";")
    bare = (rest if semicolon else kind).strip().strip("<>\"' ").strip()
    try:
        return address(bare)
    except MailMalformed:
        return None


def normal_id(value: str | None) -> str | None:
    """The Message-ID of a field with its brackets, added when a program left them out."""
    if value is None or not value.strip():
        return None
    bare = value.strip()
    found = message_ids(bare) or message_ids(f"<{bare}>")
    return found[0] if len(found) == 1 else None
