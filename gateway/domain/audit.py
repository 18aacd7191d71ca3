r"""The audit log: records without content, and their canonical bytes (tree: ``merkle``; check: ``log_check``).

Canonical bytes, version 1, never to change: one JSON object in UTF-8, without BOM or white space, keys sorted at every
level, all of these present: ``actor at case details event index message outcome partner party request salt site v``.
``v`` is 1; what is absent is ``null``; ``at`` is ``YYYY-MM-DDTHH:MM:SS.ffffffZ`` (RFC 3339, UTC, always six digits);
a number is an integer within ±(2^53 - 1); text is NFC, and only ``"`` and ``\`` are escaped, each by a ``\``: these are
the bytes of RFC 8785 too. An entry of ``details`` is a scalar, a list of scalars or an object of scalars.
The leaf is SHA-256(0x00 || bytes) (RFC 6962 §2.1); the salt keeps a neighbour's leaf from being guessed.
"""

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from gateway.domain.errors import AuditBroken
from gateway.domain.merkle import INTEGER
from gateway.domain.words import said

Scalar = str | int | bool | None
Detail = Scalar | Sequence[Scalar] | Mapping[str, Scalar]

VERSION = 1

# Limits of a record. A fact of the protocol is short: what is longer is content that lost its way.
TEXT_LENGTH = 200  # Characters of a text in ``details``: the source of a holiday fits, a paragraph does not.
ACTOR_LENGTH = 128  # Characters: an account of a domain, with its realm, fits.
ENTRIES = 64  # Entries of ``details``, of a list or of an object in it: the days of the longest period, twice over.
RECORD_BYTES = 64 * 1024  # A hundred times a common record; the parser reads nothing longer.

_EVENT = re.compile(r"(?=.{3,64}\Z)[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
_OUTCOME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:+-]{0,99}")
_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/+=-]{0,127}")
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,250}>")  # RFC 5322 §3.6.4, without white space
_MESSAGE_OR_REFERENCE = re.compile(f"{_MESSAGE_ID.pattern}|{_REFERENCE.pattern}")
_SALT = re.compile(r"[0-9a-f]{32}")
_INSTANT = re.compile(r"[0-9]{4}(-[0-9]{2}){2}T[0-9]{2}(:[0-9]{2}){2}\.[0-9]{6}Z")
_ADDRESS = re.compile(r"\S*@\S*")
# Controls, invisible formatting, surrogates, private use, unassigned, line and paragraph separators.
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))


# --- records


def instant(at: datetime) -> str:
    """RFC 3339 in UTC with six digits and ``Z``, the only form of an instant in a record.

    Raises:
        ValueError: ``at`` has no time zone.
    """
    if at.tzinfo is None:
        raise ValueError("an instant of the audit log needs a time zone")
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def is_instant(text: object) -> bool:
    """Whether it is such an instant; of any type."""
    if type(text) is not str or _INSTANT.fullmatch(text) is None:
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def iso(at: datetime | None) -> str | None:
    """An instant for details and manifests: RFC 3339, UTC, to the second."""
    return None if at is None else at.replace(microsecond=0).isoformat().replace("+00:00", "Z")


def fit(text: str) -> str:
    """Text that a machine outside wrote (an SMTP answer), made admissible as a detail: addresses out, clipped."""
    safe = "".join("\ufffd" if _unsafe(char) else char for char in unicodedata.normalize("NFC", text))
    return unicodedata.normalize("NFC", _ADDRESS.sub("[...]", safe))[:TEXT_LENGTH]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One fact, as it stays in the log for ever. Texts are brought to NFC and ``details`` is made immutable.

    ``at`` is aware (kept in UTC); ``actor`` is the system's user id or "gateway"; ``request`` is a request's hash;
    ``message`` an id of ours or a Message-ID; ``salt`` 128 random bits in lower-case hex. Content cannot slip in by
    accident: ids match narrow patterns, and a text of ``details`` is short, printable, without an address.

    Raises:
        ValueError: a field is out of these bounds (a defect of the caller); the message never repeats the value.
    """

    index: int
    at: datetime
    site: str
    party: str
    event: str
    actor: str
    salt: str
    case: str | None = None
    request: str | None = None
    message: str | None = None
    partner: str | None = None
    outcome: str | None = None
    details: Mapping[str, Detail] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if type(self.index) is not int or not 0 <= self.index <= INTEGER:
            raise ValueError("index is not a whole number from 0")
        if self.at.tzinfo is None:
            raise ValueError("at has no time zone")
        for name, pattern in (("site", _REFERENCE), ("party", _REFERENCE), ("event", _EVENT), ("salt", _SALT)):
            _match(name, getattr(self, name), pattern)
        for name in ("case", "request", "partner"):
            if getattr(self, name) is not None:
                _match(name, getattr(self, name), _REFERENCE)
        if self.outcome is not None:
            _match("outcome", self.outcome, _OUTCOME)
        if self.message is not None:
            _match("message", self.message, _MESSAGE_OR_REFERENCE)
        object.__setattr__(self, "at", self.at.astimezone(UTC))
        object.__setattr__(self, "actor", _text("actor", self.actor, 1, ACTOR_LENGTH))
        object.__setattr__(self, "details", _frozen_details(self.details))


def _match(name: str, value: object, pattern: re.Pattern[str]) -> None:
    if type(value) is not str or pattern.fullmatch(value) is None:
        raise ValueError(f"{name} does not have the form of its kind")


def _unsafe(char: str) -> bool:
    # Unicode 3.2 never changes: records verify alike under every version of Python, for all time.
    return unicodedata.ucd_3_2_0.category(char) in _UNSAFE


def _text(name: str, value: object, shortest: int, longest: int) -> str:
    if type(value) is not str:
        raise ValueError(f"{name} is not a text")
    if value.isascii() and value.isprintable():
        text = value
    else:
        text = unicodedata.normalize("NFC", value)
        if any(_unsafe(char) for char in text):
            raise ValueError(f"{name} holds a character that is not printable")
    if not shortest <= len(text) <= longest:
        raise ValueError(f"{name} is not between {shortest} and {longest} characters")
    return text


def _scalar(name: str, value: object) -> Scalar:
    if value is None or type(value) is bool:
        return value
    if type(value) is int:
        if abs(value) > INTEGER:
            raise ValueError(f"{name} is a number beyond 2^53")
        return value
    text = _text(name, value, 0, TEXT_LENGTH)
    if "@" in text and _MESSAGE_ID.fullmatch(text) is None:
        raise ValueError(f"{name} holds an address")
    return text


def _detail(name: str, value: object) -> Detail:
    if isinstance(value, Mapping):
        return _flat(name, value)
    if isinstance(value, list | tuple):
        if len(value) > ENTRIES:
            raise ValueError(f"{name} has more than {ENTRIES} entries")
        return tuple(_scalar(name, item) for item in value)
    return _scalar(name, value)


def _checked_keys(name: str, entries: Mapping[Any, Any]) -> None:
    if len(entries) > ENTRIES:
        raise ValueError(f"{name} has more than {ENTRIES} entries")
    for key in entries:
        _match(f"a key of {name}", key, _REFERENCE)


def _flat(name: str, entries: Mapping[Any, Any]) -> Mapping[str, Scalar]:
    _checked_keys(name, entries)
    return MappingProxyType({key: _scalar(name, value) for key, value in entries.items()})


def _frozen_details(entries: Mapping[str, Detail]) -> Mapping[str, Detail]:
    if not isinstance(entries, Mapping):
        raise ValueError("details is not a mapping")  # noqa: TRY004 (parse answers for one kind of error)
    _checked_keys("details", entries)
    return MappingProxyType({key: _detail(f"details.{key}", value) for key, value in entries.items()})


def canonical(record: Record) -> bytes:
    """The bytes that are stored, hashed and shown to an auditor; see the module's docstring.

    Raises:
        ValueError: longer than ``RECORD_BYTES``.
    """
    details = {key: dict(entry) if isinstance(entry, Mapping) else entry for key, entry in record.details.items()}
    names = ("actor", "case", "event", "index", "message", "outcome", "partner", "party", "request", "salt", "site")
    fields: dict[str, object] = {name: getattr(record, name) for name in names}
    fields |= {"v": VERSION, "at": instant(record.at), "details": details}
    data = _ENCODER.encode(fields).encode()
    if len(data) > RECORD_BYTES:
        raise ValueError("the record is too long")
    return data


_KEYS = frozenset(Record.__dataclass_fields__) | {"v"}


def _record(fields: object) -> Record:
    if not isinstance(fields, dict) or fields.keys() != _KEYS or fields.pop("v") != VERSION:
        raise ValueError("not a record of version 1")
    at = fields.pop("at")
    _match("at", at, _INSTANT)
    return Record(at=datetime.fromisoformat(at), **fields)


def parse(data: bytes, *, position: int | str = "?") -> Record:
    """The record of these bytes; ``position`` is where they stand in the log, for the error.

    Raises:
        AuditBroken: not the canonical bytes of a record: writing it again would not give the same bytes.
    """
    try:
        if len(data) > RECORD_BYTES:
            raise ValueError("too long")  # noqa: TRY301 (one translation below for all that is wrong)
        record = _record(json.loads(data.decode()))
        same = canonical(record) == data
    except (ValueError, RecursionError) as error:
        raise AuditBroken(index=position, reason=said("L'enregistrement est illisible.")) from error
    if not same:
        raise AuditBroken(index=position, reason=said("L'enregistrement n'est pas sous sa forme canonique."))
    return record
