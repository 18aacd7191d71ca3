"""Receipts (RFC 8098 message disposition notifications): ours, signed and with a stated instant, and anybody's.

Written strictly, read tolerantly. A receipt that is read proves nothing by itself: who signed it, whether its MIC
matches and whether we sent that Message-ID is decided elsewhere.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.domain.errors import MailMalformed
from gateway.domain.parties import Suite
from gateway.wire.compose import check_outgoing, entity, field, mailbox_text, mailboxes_text, multipart, text_part
from gateway.wire.fields import address, addresses, date_text
from gateway.wire.fields import date as read_date
from gateway.wire.mime import Headers, Mailbox, Part, parse
from gateway.wire.payload import protected_headers, require_message_id
from gateway.wire.reports import DISPOSITION_PARTS, machine_fields, normal_id, normal_recipient, report_part
from gateway.wire.sealed import signed_params, signed_parts

DISPOSITION = "automatic-action/MDN-sent-automatically; processed"
# The machine part has about ten short fields.
MAX_MACHINE_PART = 16 * 1024
RECEIPT_FIELDS = (
    "From",
    "To",
    "Date",
    "Message-ID",
    "Subject",
    "In-Reply-To",
    "References",
    "Auto-Submitted",
    "MIME-Version",
    "Content-Type",
)

_STEP = "receipt"
HUMAN = (
    "Accusé de réception automatique.\n\n"
    "Votre message a été reçu, son authenticité vérifiée et il est conservé par le destinataire.\n"
    "Instant de réception (temps universel) : {stated}\n\n"
    "Cet accusé ne préjuge pas de la réponse qui sera donnée.\n\n"
    "--\n\n"
    "Automatic receipt.\n\n"
    "Your message was received, verified and stored by the recipient.\n"
    "Instant of reception (UTC): {stated}\n\n"
    "This receipt says nothing about the answer that will be given.\n"
)
_RFC3339 = re.compile(r"(\d{4}-\d{2}-\d{2})[Tt](\d{2}:\d{2}:\d{2})(?:\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})")
_SOURCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_MIC = re.compile(r"([A-Za-z0-9+/= ]{4,200}?) ?[,; ] ?(sha-?\d{1,3}|md5)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptHeaders:
    """Header of a receipt that we send; ``in_reply_to`` is the Message-ID of the original."""

    sender: Mailbox
    to: Mailbox
    date: datetime
    message_id: str
    subject: str
    in_reply_to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """What a receipt repeats of the original's header: nothing but these four."""

    message_id: str
    date: datetime | None
    sender: Mailbox
    to: tuple[Mailbox, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A receipt as it was read; what it does not say is None.

    ``disposition`` keeps unknown words; ``mic`` is the raw digest and ``mic_algorithm`` its usual name (``sha-256``).
    ``stated_at`` (aware UTC) is the reception that the receipt states, ``date`` when it was written.
    """

    reporting_ua: str | None
    final_recipient: str | None
    original_recipient: str | None
    original_message_id: str | None
    disposition: str
    mic: bytes | None
    mic_algorithm: str | None
    stated_at: datetime | None
    source: str | None
    date: datetime | None
    sender: Mailbox | None

    @property
    def mode(self) -> str:
        """Who acted and how it was sent, such as ``automatic-action/mdn-sent-automatically``."""
        return self.disposition.partition(";")[0]

    @property
    def kind(self) -> str:
        """What happened: ``processed``, ``displayed``, ``deleted``, or any other word."""
        return self.disposition.partition(";")[2].partition("/")[0]

    @property
    def modifiers(self) -> str:
        """``error``, ``warning`` and the like, with their text; empty for a plain disposition."""
        return self.disposition.partition(";")[2].partition("/")[2]


# --- writing


def _stated(instant: datetime) -> str:
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def _receipt_headers(headers: ReceiptHeaders) -> list[tuple[str, str]]:
    require_message_id(headers.message_id)
    require_message_id(headers.in_reply_to)
    return [
        ("From", mailbox_text(headers.sender)),
        ("To", mailbox_text(headers.to)),
        ("Date", date_text(headers.date)),
        ("Message-ID", headers.message_id),
        ("Subject", headers.subject),
        ("In-Reply-To", headers.in_reply_to),
        ("References", headers.in_reply_to),
        ("Auto-Submitted", "auto-replied"),
    ]


def _original_fields(original: Original) -> bytes:
    lines = [field("Message-ID", original.message_id)]
    if original.date is not None:
        lines.append(field("Date", date_text(original.date)))
    lines.append(field("From", mailbox_text(original.sender)))
    if original.to:
        lines.append(field("To", mailboxes_text(original.to)))
    return b"".join(lines)


def build_receipt_entity(
    *,
    headers: ReceiptHeaders,
    original: Original,
    reporting_ua: str,
    final_recipient: str,
    mic: bytes,
    received_at: datetime,
    source: str,
    boundary: str,
    text: str = HUMAN,
) -> bytes:
    """The multipart/report to sign: protected headers, text for a person, machine part, four original fields.

    ``text`` may name ``{stated}``, the reception. ``mic`` is the raw SHA-256 of the original's payload entity;
    ``received_at`` is aware; ``source`` names what attests it. The header is marked ``hp="clear"`` (RFC 9788).

    Raises:
        MailMalformed: a value that cannot be written.
    """
    require_message_id(original.message_id)
    if not _SOURCE.fullmatch(source):
        raise MailMalformed(reason="source", step="compose")
    stated = _stated(received_at)
    machine = b"".join(
        [
            field("Reporting-UA", reporting_ua),
            field("Final-Recipient", f"rfc822;{address(final_recipient)}"),
            field("Original-Message-ID", original.message_id),
            field("Disposition", DISPOSITION),
            field("Received-Content-MIC", f"{base64.b64encode(mic).decode('ascii')}, sha-256"),
            field("X-Soins-Reception", f"{stated}; source={source}"),
        ]
    )
    parts = [
        text_part(text.format(stated=stated)),
        entity([("Content-Type", "message/disposition-notification")], machine),
        entity([("Content-Type", "text/rfc822-headers")], _original_fields(original)),
    ]
    params = [("report-type", "disposition-notification"), ("hp", "clear")]
    return multipart("report", parts, boundary, params, _receipt_headers(headers))


def receipt_mail(
    headers: ReceiptHeaders,
    report: bytes,
    signature: bytes,
    micalg: str,
    boundary: str,
    *,
    suite: Suite = Suite.OPENPGP,
) -> bytes:
    """The finished receipt: multipart/signed around exactly these bytes, never itself asking for a receipt.

    Raises:
        MailMalformed: a value that cannot be written, or a result that a stranger would read otherwise.
    """
    fields = [*_receipt_headers(headers), ("MIME-Version", "1.0")]
    parts = signed_parts(report, signature, suite)
    raw = multipart("signed", parts, boundary, signed_params(micalg, suite), fields)
    check_outgoing(raw, RECEIPT_FIELDS)
    return raw


# --- reading


def _disposition(value: str | None) -> str:
    """Lower case, blanks around separators gone; unknown words stay."""
    if value is None:
        return ""
    return re.sub(r" ?([;/,:]) ?", r"\1", " ".join(value.lower().split()))


def _mic(value: str | None) -> tuple[bytes | None, str | None]:
    match = _MIC.fullmatch(" ".join(value.split())) if value is not None else None
    if match is None:
        return None, None
    try:
        digest = base64.b64decode("".join(match[1].split()), validate=True)
    except binascii.Error:
        return None, None
    name = match[2].lower()
    return digest, f"sha-{name[3:].lstrip('-')}" if name.startswith("sha") else name


def _reception(value: str | None) -> tuple[datetime | None, str | None]:
    """Instant and source of an X-Soins-Reception field."""
    if value is None:
        return None, None
    stated, _, rest = value.partition(";")
    match = _RFC3339.fullmatch(stated.strip())
    name, _, source = rest.partition("=")
    source = source.strip()
    if match is None or name.strip().lower() != "source" or not _SOURCE.fullmatch(source):
        raise MailMalformed(reason="reception", step=_STEP)
    try:
        zone = "+00:00" if match[3] in "Zz" else match[3]
        return datetime.fromisoformat(f"{match[1]}T{match[2]}{zone}").astimezone(UTC), source
    except (ValueError, OverflowError) as error:
        raise MailMalformed(reason="reception", step=_STEP) from error


def _machine(part: Part) -> Headers:
    data = report_part(part, DISPOSITION_PARTS, _STEP).decoded()
    if len(data) > MAX_MACHINE_PART:
        raise MailMalformed(reason="machine-part", step=_STEP)
    # RFC 8098 knows one block; some programs put blank lines between the fields.
    headers = machine_fields(re.sub(rb"(?:\r?\n)+", b"\r\n", data))
    for name in ("original-message-id", "final-recipient", "disposition", "received-content-mic", "x-soins-reception"):
        headers.at_most_one(name)
    return headers


def _sender(headers: Headers) -> Mailbox | None:
    try:
        found = addresses(headers.at_most_one("from") or "")
    except MailMalformed:
        return None
    return found[0] if len(found) == 1 else None


def read_receipt(report: Part | bytes) -> Receipt:
    """A receipt, from the signed entity (bytes; only protected headers count) or from an unsigned mail (Part).

    Raises:
        MailMalformed: no multipart/report with exactly one disposition part, a deciding field repeated, or an
            unreadable statement of reception.
    """
    part = parse(report) if isinstance(report, bytes) else report
    headers = protected_headers(part) if isinstance(report, bytes) else part.headers
    machine = _machine(part)
    digest, algorithm = _mic(machine.get("received-content-mic"))
    stated_at, source = _reception(machine.get("x-soins-reception"))
    return Receipt(
        reporting_ua=machine.get("reporting-ua"),
        final_recipient=normal_recipient(machine.get("final-recipient")),
        original_recipient=normal_recipient(machine.get("original-recipient")),
        original_message_id=normal_id(machine.get("original-message-id")),
        disposition=_disposition(machine.get("disposition")),
        mic=digest,
        mic_algorithm=algorithm,
        stated_at=stated_at,
        source=source,
        date=read_date(headers.get("date") or ""),
        sender=_sender(headers),
    )
