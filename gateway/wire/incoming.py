"""What the capped worker tells of one incoming mail: facts as plain values, nothing decided, nothing believed.

``outer`` comes from the headers that anyone can write; ``inner`` only from the signed entity. All texts are bounded by
the readers of :mod:`gateway.wire.mime`.
"""

import hashlib
import re
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.domain.case import ALPHABET
from gateway.domain.errors import MailMalformed
from gateway.domain.kinds import REPAIRED_COPY
from gateway.wire import dsn, fields, manifest, mdn
from gateway.wire.automatic import is_answerable, is_notice
from gateway.wire.failure import Failure, read_failure, returned_ids
from gateway.wire.mime import Headers, Part, parse
from gateway.wire.payload import read_payload
from gateway.wire.reports import DISPOSITION_PARTS, STATUS_PARTS

MAX_TEXT = 100_000
"""Characters of a letter that travel with the facts: more than a person reads in a terminal."""

MAX_FOUND = 50
"""Domains, and tokens, that are kept of one header: honest mails name one or two."""

OTHER = "other"
"""Stands for any word of a stranger that no standard knows: what we log and record is never worded by others."""

DISPOSITIONS = frozenset({"displayed", "deleted", "dispatched", "processed", "denied", "failed", "error"})
"""Disposition types of RFC 8098 section 3.2.6.2 and of RFC 2298 before it, and what some programs write instead."""

MODIFIERS = ("error", "warning")
"""Disposition modifiers that we tell apart, the gravest first (RFC 8098 section 3.2.6.3, RFC 2298)."""

ACTIONS = frozenset({"failed", "delayed", "delivered", "relayed", "expanded"})
"""Actions of RFC 3464 section 2.3.3."""

COPY = "copy"
"""Role of the one piece of a repaired copy."""

_SENDER_FIELDS = ("From", "Sender", "Reply-To", "Return-Path")
# RFC 1035: a name has at most 253 characters. Comments and blanks may stand around the sign (RFC 5322 section 4.4).
_DOMAIN = re.compile(r"@[ \t]*([a-z0-9][a-z0-9.-]{0,252})", re.IGNORECASE | re.ASCII)
_TOKEN = re.compile(rf"(?<![0-9A-Z])[{ALPHABET}]{{4}}-[{ALPHABET}]{{2}}(?![0-9A-Z])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outer:
    """Facts of the outer headers. ``hops`` are the Received lines from the top: (host, instant).

    ``receipt_to`` are the addresses for a receipt that the sender asks for (RFC 8098 section 2.1).
    ``domains`` (lower case) and ``tokens`` (case tokens, upper case) are all that looks like one in the sender fields
    and in the subject, even where these cannot be read as addresses or text: enough to suspect, never to believe.
    """

    senders: tuple[str, ...]
    message_id: str | None
    cited: tuple[str, ...]
    hops: tuple[tuple[str | None, datetime | None], ...]
    date: datetime | None
    automatic: bool
    receipt_to: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    tokens: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """An attachment of the signed entity, without its bytes. ``sha256`` is lower-case hex."""

    name: str
    role: str | None
    media_type: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    """Facts of the signed entity. ``automatic``: a machine answered, by its own signed word."""

    senders: tuple[str, ...]
    recipients: tuple[str, ...]
    message_id: str | None
    date: datetime | None
    subject: str
    text: str
    cited: tuple[str, ...]
    manifest: manifest.Manifest | None
    pieces: tuple[Piece, ...]
    automatic: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """The message that a repaired copy holds, and whose signature on it was found good; else why it was not.

    ``inner`` is without content: that is in the copy itself.
    """

    failed_reason: str | None = None
    fingerprint: str | None = None
    signed_at: datetime | None = None
    mic: str | None = None
    inner: Inner | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attested:
    """What a receipt says, signed or not. ``mic`` is lower-case hex; instants are aware UTC.

    ``kind`` is one of DISPOSITIONS or OTHER; ``modifiers`` is empty, one of MODIFIERS or OTHER.
    """

    original_message_id: str | None
    kind: str
    modifiers: str
    mic: str | None
    mic_algorithm: str | None
    stated_at: datetime | None
    date: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """One mail as the worker saw it.

    ``shape`` is the name of a :class:`gateway.wire.sealed.Shape`. ``failed_step`` and ``failed_reason`` tell what was
    refused, in which case nothing but ``outer`` and ``structure`` is set: what it is from outside, unbelieved.
    ``entity`` is the exact signed bytes, ``mic`` their SHA-256, ``whole`` the multipart/signed around them when
    somebody asked for it and the signature can be told apart.
    ``notice``: an out-of-office or a report, by its own unsigned word. The actions of ``report`` are ACTIONS or OTHER.
    ``failure`` is what an unsigned mail says of a failed delivery, in whatever form, and ``returned`` the Message-IDs
    of what it returns: enough to suspect, never to believe. ``outer_differs`` names the fields of a sealed mail's
    outer header that are not what was signed: somebody wrote or changed them on the way.
    """

    shape: str | None
    outer: Outer | None
    structure: str | None = None
    failed_step: str | None = None
    failed_reason: str | None = None
    fingerprint: str | None = None
    signed_at: datetime | None = None
    entity: bytes | None = None
    whole: bytes | None = None
    mic: str | None = None
    inner: Inner | None = None
    receipt: Attested | None = None
    report: dsn.Dsn | None = None
    notice: bool = False
    failure: Failure = Failure.NONE
    returned: tuple[str, ...] = ()
    copied: Copied | None = None
    outer_differs: tuple[str, ...] = ()


def read_outer(headers: Headers) -> Outer:
    """The outer facts; odd headers give empty values, they never raise."""
    return Outer(
        senders=_addresses(headers.get_all("From")),
        message_id=_first(_ids(headers.get_all("Message-ID"))),
        cited=_ids((*headers.get_all("In-Reply-To"), *headers.get_all("References"))),
        hops=tuple((hop.by, hop.at) for hop in map(fields.received, headers.get_all("Received"))),
        date=_date(headers),
        automatic=not is_answerable(headers),
        receipt_to=_addresses(headers.get_all("Disposition-Notification-To")),
        domains=_domains(headers),
        tokens=_tokens(headers.get_all("Subject")),
    )


def read_inner(entity: bytes) -> Inner:
    """The facts of a signed entity.

    Raises:
        MailMalformed: two From lines, two manifests, or a manifest that contradicts the attachments.
    """
    payload = read_payload(entity)
    told = manifest.decode(payload.manifest) if payload.manifest is not None else None
    if told is not None:
        manifest.check_attachments(told, payload)
    return Inner(
        senders=(payload.sender.address,) if payload.sender else (),
        recipients=tuple(mailbox.address for mailbox in (*payload.to, *payload.cc)),
        message_id=payload.message_id,
        date=payload.date,
        subject=payload.subject,
        text=payload.text[:MAX_TEXT],
        cited=tuple(dict.fromkeys((*((payload.in_reply_to,) if payload.in_reply_to else ()), *payload.references))),
        manifest=told,
        pieces=tuple(
            Piece(
                name=attachment.name,
                role=attachment.role,
                media_type=attachment.media_type,
                size=len(attachment.data),
                sha256=hashlib.sha256(attachment.data).hexdigest(),
            )
            for attachment in payload.attachments
        ),
        automatic=(payload.auto_submitted or "").strip().lower().startswith("auto-replied"),
    )


def differing(outer: Outer, inner: Inner) -> tuple[str, ...]:
    """The fields that outer and signed header both have, and not with the same value; the subject is hidden outside."""
    pairs = {
        "From": (outer.senders, inner.senders),
        "Date": (outer.date, inner.date),
        "Message-ID": (outer.message_id, inner.message_id),
    }
    return tuple(name for name, (seen, signed) in pairs.items() if seen and signed and seen != signed)


def read_copy(entity: bytes, inner: Inner) -> bytes | None:
    """The bytes of the message that a repaired copy holds; None when this is none.

    Raises:
        MailMalformed: as ``read_inner``.
    """
    if inner.manifest is None or inner.manifest.kind != REPAIRED_COPY.id:
        return None
    return next((piece.data for piece in read_payload(entity).attachments if piece.role == COPY), None)


def without_content(inner: Inner) -> Inner:
    """Who wrote to whom about what: all that is told of a message inside another one."""
    told = inner.manifest and replace(inner.manifest, fields={}, attachments=())
    return replace(inner, subject="", text="", pieces=(), manifest=told)


def read_signed_report(entity: bytes) -> tuple[Inner, Attested]:
    """The facts of a receipt whose signed part is exactly this report (RFC 8098).

    Raises:
        MailMalformed: it is not a receipt that we can read.
    """
    report = parse(entity)
    headers = report.headers
    senders = _addresses(headers.get_all("From"))
    inner = Inner(
        senders=senders,
        recipients=_addresses((*headers.get_all("To"), *headers.get_all("Cc"))),
        message_id=_first(_ids(headers.get_all("Message-ID"))),
        date=_date(headers),
        subject="",
        text="",
        cited=_ids((*headers.get_all("In-Reply-To"), *headers.get_all("References"))),
        manifest=None,
        pieces=(),
    )
    return inner, _attested(mdn.read_receipt(report))


def is_receipt(entity: bytes) -> bool:
    """Whether a signed entity is a receipt: some programs encrypt theirs as any other mail."""
    return _has(parse(entity), DISPOSITION_PARTS)


def read_unsigned(part: Part) -> Incoming:
    """A mail that nobody signed, without its shape and outer facts: a receipt, a report of delivery, or neither.

    What it is, its machine part says; some servers forget to name the type of their report.
    """
    told = Incoming(shape=None, outer=None, notice=is_notice(part), failure=read_failure(part))
    if told.failure is not Failure.NONE:
        told = replace(told, returned=returned_ids(part))
    try:
        if _has(part, DISPOSITION_PARTS):
            return replace(told, receipt=_attested(mdn.read_receipt(part)))
        if _has(part, STATUS_PARTS):
            report = dsn.read_report(part)
            known = tuple(replace(each, action=_known(each.action, ACTIONS)) for each in report.recipients)
            return replace(told, report=replace(report, recipients=known))
    except MailMalformed:
        # A broken report is kept and shown like any other mail; it proves nothing.
        return told
    return told


def _has(part: Part, media: frozenset[str]) -> bool:
    is_report = part.content_type.media == "multipart/report"
    return is_report and any(child.content_type.media in media for child in part.parts)


def _attested(receipt: mdn.Receipt) -> Attested:
    return Attested(
        original_message_id=receipt.original_message_id,
        kind=_known(receipt.kind, DISPOSITIONS),
        modifiers=_modifier(receipt.modifiers),
        mic=receipt.mic.hex() if receipt.mic is not None else None,
        mic_algorithm=receipt.mic_algorithm,
        stated_at=receipt.stated_at,
        date=receipt.date,
    )


def _known(word: str, known: frozenset[str]) -> str:
    return word if word in known else OTHER


def _modifier(text: str) -> str:
    """The gravest of a list such as ``error:decryption-failed,warning``."""
    if not text:
        return ""
    words = {each.partition(":")[0].strip() for each in text.split(",")}
    return next((word for word in MODIFIERS if word in words), OTHER)


def _domains(headers: Headers) -> tuple[str, ...]:
    values = (value for name in _SENDER_FIELDS for value in headers.get_all(name))
    found = (name.rstrip(".-").lower() for value in values for name in _DOMAIN.findall(value))
    return tuple(dict.fromkeys(found))[:MAX_FOUND]


def _tokens(subjects: tuple[str, ...]) -> tuple[str, ...]:
    """As it stands, and decoded: mail programs encode a whole subject for one accent."""
    bounded = (subject[: fields.MAX_VALUE] for subject in subjects)
    texts = (text for subject in bounded for text in (subject, fields.decode_words(subject)))
    found = (token for text in texts for token in _TOKEN.findall(text.upper()))
    return tuple(dict.fromkeys(found))[:MAX_FOUND]


def _addresses(values: tuple[str, ...]) -> tuple[str, ...]:
    try:
        return tuple(mailbox.address for value in values for mailbox in fields.addresses(value))
    except MailMalformed:
        return ()


def _ids(values: tuple[str, ...]) -> tuple[str, ...]:
    try:
        return tuple(found for value in values for found in fields.message_ids(value))
    except MailMalformed:
        return ()


def _date(headers: Headers) -> datetime | None:
    value = headers.get("Date")
    return fields.date(value) if value else None


def _first(values: tuple[str, ...]) -> str | None:
    return values[0] if values else None
