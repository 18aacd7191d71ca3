"""The machine-readable part of a message between two gateways: ``message.json``, versioned, canonical JSON (RFC 8259).

Strict where two readers could differ: duplicate keys, unknown versions, wrong types, fractions and oversize are
refused. Only ``fields`` is open: its keys belong to the kind of the message, and unknown ones are kept.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NoReturn

from gateway.domain.errors import MailMalformed
from gateway.wire.payload import MAX_ATTACHMENTS, Attachment, Payload

VERSION = 1
# A hundred attachments with long names take about 40 KiB; terms of a request a few more.
MAX_MANIFEST = 256 * 1024
# The values of ``fields`` are scalars or lists of scalars: three levels in all.
MAX_NESTING = 3
# The largest kind has about thirty terms; lists hold acts or dates.
MAX_FIELDS = 200
MAX_LIST = 500
# Free text is in the letter and the files; a term is short.
MAX_TEXT = 4096
# Integers that every JSON reader keeps exactly (RFC 8259 §6).
MAX_INTEGER = 2**53 - 1

Scalar = str | int | bool | None
Value = Scalar | tuple[Scalar, ...]

_STEP = "manifest"
_HASH = re.compile(r"[0-9a-f]{64}")
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/ +-]{0,99}")
_KEYS = frozenset(
    {
        "version",
        "kind",
        "case",
        "party_from",
        "request_hash",
        "authorisation_end",
        "fields",
        "attachments",
        "software",
    }
)
_ATTACHMENT_KEYS = frozenset({"name", "role", "media_type", "sha256", "size"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestAttachment:
    """One file as its sender describes it; ``sha256`` is lower-case hex over the decoded bytes, ``size`` in bytes."""

    name: str
    role: str | None
    media_type: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a message is: kind, opaque case token, and the request (by its hash) that it is about."""

    version: int = VERSION
    kind: str
    case: str
    party_from: str
    request_hash: str | None = None
    authorisation_end: date | None = None
    fields: Mapping[str, Value]
    attachments: tuple[ManifestAttachment, ...] = ()
    software: str


def _refuse(reason: str) -> NoReturn:
    raise MailMalformed(reason=reason, step=_STEP)


def sha256(data: bytes) -> str:
    """Digest of a file as the manifest writes it, in lower-case hex."""
    return hashlib.sha256(data).hexdigest()


def describe(attachment: Attachment) -> ManifestAttachment:
    """The manifest's row of a file."""
    return ManifestAttachment(
        name=attachment.name,
        role=attachment.role,
        media_type=attachment.media_type,
        sha256=sha256(attachment.data),
        size=len(attachment.data),
    )


# --- writing


def encode(manifest: Manifest) -> bytes:
    """Canonical bytes: UTF-8, keys sorted, no blanks, no fractions. What is written can always be read back.

    Raises:
        MailMalformed: a value that ``decode`` would refuse.
    """
    document = {
        "version": manifest.version,
        "kind": manifest.kind,
        "case": manifest.case,
        "party_from": manifest.party_from,
        "request_hash": manifest.request_hash,
        "authorisation_end": manifest.authorisation_end.isoformat() if manifest.authorisation_end else None,
        "fields": {
            key: list(value) if isinstance(value, tuple | list) else value for key, value in manifest.fields.items()
        },
        "attachments": [
            {
                "name": each.name,
                "role": each.role,
                "media_type": each.media_type,
                "sha256": each.sha256,
                "size": each.size,
            }
            for each in manifest.attachments
        ],
        "software": manifest.software,
    }
    try:
        text = json.dumps(document, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        data = text.encode("utf-8")
    except (TypeError, ValueError) as error:
        raise MailMalformed(reason="manifest-value", step=_STEP) from error
    decode(data)
    return data


# --- reading


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        _refuse("manifest-duplicate-key")
    return found


def _no_fraction(_text: str) -> NoReturn:
    _refuse("manifest-fraction")


def _integer(text: str) -> int:
    if len(text) > len(str(MAX_INTEGER)) + 1 or abs(int(text)) > MAX_INTEGER:
        _refuse("manifest-integer")
    return int(text)


def _require_shallow(text: str) -> None:
    """Bound the nesting before the parser recurses; brackets inside strings do not count.

    An unclosed string reaches to the end, so no character is looked at twice.
    """
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(match[0], 0)
        if depth > MAX_NESTING:
            _refuse("manifest-depth")


def _load(data: bytes) -> dict[str, Any]:
    if len(data) > MAX_MANIFEST:
        _refuse("manifest-size")
    try:
        text = data.decode("utf-8")
        _require_shallow(text)
        document = json.loads(
            text,
            object_pairs_hook=_object,
            parse_float=_no_fraction,
            parse_constant=_no_fraction,
            parse_int=_integer,
        )
    except (ValueError, RecursionError) as error:
        raise MailMalformed(reason="manifest-json", step=_STEP) from error
    if not isinstance(document, dict):
        _refuse("manifest-json")
    return document


def _text(document: Mapping[str, Any], key: str) -> str:
    value = document[key]
    if not isinstance(value, str) or not _WORD.fullmatch(value):
        _refuse(f"manifest-{key.replace('_', '-')}")
    return value


def _request_hash(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not _HASH.fullmatch(value):
        _refuse("manifest-request-hash")
    return value


def _day(value: object) -> date | None:
    if value is None:
        return None
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        _refuse("manifest-authorisation-end")
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise MailMalformed(reason="manifest-authorisation-end", step=_STEP) from error


def _scalar(value: object) -> Scalar:
    if value is None or isinstance(value, bool | int):
        return value
    if not isinstance(value, str) or len(value) > MAX_TEXT or not _encodable(value):
        _refuse("manifest-value")
    return value


def _encodable(text: str) -> bool:
    """JSON can spell lone surrogates, which no database or file takes."""
    return not any("\ud800" <= char <= "\udfff" for char in text)


def _fields(value: object) -> Mapping[str, Value]:
    if not isinstance(value, dict) or len(value) > MAX_FIELDS:
        _refuse("manifest-fields")
    found: dict[str, Value] = {}
    for key, item in value.items():
        if not _WORD.fullmatch(key):
            _refuse("manifest-fields")
        if isinstance(item, list):
            if len(item) > MAX_LIST:
                _refuse("manifest-list")
            found[key] = tuple(_scalar(each) for each in item)
        else:
            found[key] = _scalar(item)
    return found


def _attachment(value: object) -> ManifestAttachment:
    if not isinstance(value, dict) or set(value) != _ATTACHMENT_KEYS:
        _refuse("manifest-attachment")
    name, role, media_type, digest, size = (value[key] for key in ("name", "role", "media_type", "sha256", "size"))
    named = isinstance(name, str) and 0 < len(name) <= MAX_TEXT and _encodable(name)
    typed = (role is None or isinstance(role, str)) and isinstance(media_type, str)
    hashed = isinstance(digest, str) and _HASH.fullmatch(digest) is not None
    sized = isinstance(size, int) and not isinstance(size, bool) and size >= 0
    if not (named and typed and hashed and sized):
        _refuse("manifest-attachment")
    for word in (media_type, *([role] if role is not None else [])):
        if not _WORD.fullmatch(word):
            _refuse("manifest-attachment")
    return ManifestAttachment(name=name, role=role, media_type=media_type, sha256=digest, size=size)


def _attachments(value: object) -> tuple[ManifestAttachment, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) > MAX_ATTACHMENTS:
        _refuse("manifest-attachments")
    return tuple(_attachment(each) for each in value)


def decode(data: bytes) -> Manifest:
    """A manifest of a version that we know.

    Raises:
        MailMalformed: step ``manifest``; reason ``manifest-version`` for another version, else what is wrong.
    """
    document = _load(data)
    version = document.get("version")
    if isinstance(version, bool) or version != VERSION:
        _refuse("manifest-version")
    if set(document) != _KEYS:
        _refuse("manifest-keys")
    return Manifest(
        version=VERSION,
        kind=_text(document, "kind"),
        case=_text(document, "case"),
        party_from=_text(document, "party_from"),
        request_hash=_request_hash(document["request_hash"]),
        authorisation_end=_day(document["authorisation_end"]),
        fields=_fields(document["fields"]),
        attachments=_attachments(document["attachments"]),
        software=_text(document, "software"),
    )


def check_attachments(manifest: Manifest, payload: Payload) -> None:
    """The files are exactly those that the manifest lists, in its order: name, role, type, size and hash.

    Raises:
        MailMalformed: reason ``manifest-mismatch``.
    """
    if manifest.attachments != tuple(describe(attachment) for attachment in payload.attachments):
        _refuse("manifest-mismatch")
