"""The payload entity: what is signed, sealed and hashed, with its protected headers (RFC 9788).

Its headers are the only ones that anyone may act on. Built bytes depend on the arguments alone, so the same payload
always has the same hash. Reading keeps the attachments' bytes and never the sender's markup.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.domain.errors import MailMalformed
from gateway.wire.compose import attachment_part, field, mailbox_text, mailboxes_text, multipart, text_part
from gateway.wire.fields import addresses, date_text, decode_words, message_ids
from gateway.wire.fields import date as read_date
from gateway.wire.mime import Headers, Mailbox, Part, parse

MANIFEST_TYPE = "application/vnd.soins-programmes+json"
MANIFEST_NAME = "message.json"
# A request carries its form, a quote and a few reports; a hundred files are a scanner set to one file a page.
MAX_ATTACHMENTS = 100
# RFC 9788 §3.2.1: the subject that tells nothing.
NO_SUBJECT = "[...]"

_STEP = "payload"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file. ``name`` is for display only; ``role`` says what it is in the exchange, for partners that state it."""

    name: str
    media_type: str
    data: bytes
    role: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """The content of one message. ``date`` is aware UTC, to the second; identifiers keep their angle brackets.

    ``sender``, ``date`` and ``message_id`` are None only when read from an entity without protected headers; ``text``
    has LF line ends. ``manifest`` is the raw ``message.json``.
    """

    sender: Mailbox | None
    to: tuple[Mailbox, ...]
    cc: tuple[Mailbox, ...] = ()
    date: datetime | None
    message_id: str | None
    subject: str
    references: tuple[str, ...] = ()
    in_reply_to: str | None = None
    auto_submitted: str | None = None
    text: str
    manifest: bytes | None = None
    attachments: tuple[Attachment, ...] = ()


# --- writing


def _own_headers(payload: Payload) -> list[tuple[str, str]]:
    if payload.sender is None or payload.date is None or payload.message_id is None or not payload.to:
        raise MailMalformed(reason="incomplete-header", step="compose")
    for identifier in (payload.message_id, *payload.references, *filter(None, [payload.in_reply_to])):
        require_message_id(identifier)
    return [
        ("From", mailbox_text(payload.sender)),
        ("To", mailboxes_text(payload.to)),
        *([("Cc", mailboxes_text(payload.cc))] if payload.cc else []),
        ("Date", date_text(payload.date)),
        ("Message-ID", payload.message_id),
        ("Subject", payload.subject),
        *([("In-Reply-To", payload.in_reply_to)] if payload.in_reply_to else []),
        *([("References", " ".join(payload.references))] if payload.references else []),
        *([("Auto-Submitted", payload.auto_submitted)] if payload.auto_submitted else []),
    ]


def require_message_id(identifier: str) -> None:
    """Refuse anything but one identifier in angle brackets.

    Raises:
        MailMalformed.
    """
    if message_ids(identifier) != (identifier,) or not identifier.isascii():
        raise MailMalformed(reason="message-id", step="compose")


def _outer_records(headers: Sequence[tuple[str, str]], outer_subject: str) -> list[tuple[str, str]]:
    """HP-Outer fields (RFC 9788 §2.2): what the outer header shows, so that a reader sees what was hidden."""
    hidden = {"In-Reply-To", "References"}
    shown = [(name, outer_subject if name == "Subject" else value) for name, value in headers if name not in hidden]
    return [("HP-Outer", f"{name}: {_encoded(name, value)}") for name, value in shown]


def _encoded(name: str, value: str) -> str:
    """The value as ``field`` writes it, unfolded."""
    return field(name, value).decode("ascii").replace("\r\n", "").removeprefix(f"{name}:").strip(" ")


def build_entity(payload: Payload, boundary: str, *, outer_subject: str = NO_SUBJECT) -> bytes:
    """The payload as a multipart/mixed with ``hp="cipher"``: text first, then the files, then ``message.json``.

    ``outer_subject`` is the neutral subject that the outer mail will show.

    Raises:
        MailMalformed: a value that cannot be written, an incomplete header, or too many attachments.
    """
    headers = _own_headers(payload)
    if len(payload.attachments) > MAX_ATTACHMENTS:
        raise MailMalformed(reason="too-many-attachments", step="compose")
    if any(attachment.media_type == MANIFEST_TYPE for attachment in payload.attachments):
        raise MailMalformed(reason="media-type", step="compose")
    parts = [
        text_part(payload.text),
        *(attachment_part(each.name, each.media_type, each.data, each.role) for each in payload.attachments),
    ]
    if payload.manifest is not None:
        parts.append(attachment_part(MANIFEST_NAME, MANIFEST_TYPE, payload.manifest))
    records = _outer_records(headers, outer_subject)
    return multipart("mixed", parts, boundary, [("hp", "cipher")], [*headers, *records])


# --- reading


def protected_headers(part: Part) -> Headers:
    """The header of a signed entity, as far as it is protected; only Content-* fields when the entity does not say so.

    RFC 9788 marks it by ``hp``; older programs by ``protected-headers="v1"``.

    Raises:
        MailMalformed: a field repeated that decides who speaks, to whom, when, about what.
    """
    params = part.content_type.params
    marked = params.get("hp", "").lower() in {"cipher", "clear"} or params.get("protected-headers", "").lower() == "v1"
    headers = part.headers if marked else Headers(fields=())
    for name in ("from", "sender", "to", "cc", "date", "message-id", "subject", "in-reply-to", "references"):
        part.headers.at_most_one(name)
    return headers


def _sender(headers: Headers) -> Mailbox | None:
    value = headers.at_most_one("from")
    if value is None:
        return None
    found = addresses(value)
    if len(found) != 1:
        raise MailMalformed(reason="not-one-sender", step=_STEP)
    return found[0]


def _one_id(value: str | None) -> str | None:
    if value is None:
        return None
    found = message_ids(value)
    if len(found) != 1:
        raise MailMalformed(reason="message-id", step=_STEP)
    return found[0]


def _without_legacy_display(part: Part) -> str:
    """RFC 9788 §5.2: some programs repeat the hidden headers at the top of the text for older readers."""
    text = part.text()
    if part.content_type.params.get("hp-legacy-display") == "1":
        return text.partition("\n\n")[2]
    return text


def _attachment(number: int, part: Part) -> Attachment:
    return Attachment(
        name=part.filename() or f"sans-nom-{number}",
        media_type=part.content_type.media,
        data=part.decoded(),
        role=part.headers.at_most_one("x-soins-role"),
    )


def _sort(part: Part) -> tuple[Part | None, list[Part], list[Part]]:
    """(first readable text, manifests, everything else) among the leaves."""
    text: Part | None = None
    manifests: list[Part] = []
    others: list[Part] = []
    for leaf in part.walk():
        if leaf.content_type.maintype == "multipart":
            if not leaf.parts:  # Its content would be shown to nobody.
                raise MailMalformed(reason="empty-multipart", step=_STEP)
            continue
        if leaf.content_type.media == MANIFEST_TYPE:
            manifests.append(leaf)
        elif text is None and leaf.content_type.media == "text/plain" and not leaf.is_attachment():
            text = leaf
        else:
            others.append(leaf)
    if len(manifests) > 1:
        raise MailMalformed(reason="several-manifests", step=_STEP)
    if len(others) > MAX_ATTACHMENTS:
        raise MailMalformed(reason="too-many-attachments", step=_STEP)
    return text, manifests, others


def read_payload(entity_bytes: bytes) -> Payload:
    """The payload of the exact bytes under a signature; no header from outside it is used.

    Markup is not text: an HTML part is an attachment.

    Raises:
        MailMalformed: repeated or unreadable headers, several manifests, too many attachments, or as ``parse``.
    """
    part = parse(entity_bytes)
    headers = protected_headers(part)
    text, manifests, others = _sort(part)
    stated = headers.get("date")
    when = read_date(stated) if stated is not None else None
    if stated is not None and when is None:
        raise MailMalformed(reason="date", step=_STEP)
    return Payload(
        sender=_sender(headers),
        to=addresses(headers.get("to") or ""),
        cc=addresses(headers.get("cc") or ""),
        date=when,
        message_id=_one_id(headers.get("message-id")),
        subject=decode_words(headers.get("subject") or ""),
        references=message_ids(headers.get("references") or ""),
        in_reply_to=next(iter(message_ids(headers.get("in-reply-to") or "")), None),
        auto_submitted=headers.at_most_one("auto-submitted"),
        text=_without_legacy_display(text) if text is not None else "",
        manifest=manifests[0].decoded() if manifests else None,
        attachments=tuple(_attachment(number, leaf) for number, leaf in enumerate(others, 1)),
    )
