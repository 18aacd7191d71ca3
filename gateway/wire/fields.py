"""Readers of structured header fields: encoded words (RFC 2047), addresses and dates (RFC 5322), parameters (RFC 2231).

Each takes the unfolded value of one field and works in time proportional to its length, without recursion. The standard
library's modern header parser must never be used here: it is quadratic and crashes on hostile values.
"""

import base64
import binascii
import contextlib
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from types import MappingProxyType

from gateway.domain.errors import MailMalformed

# A header block is at most 64 KiB, so no honest value is longer; the readers refuse rather than work on more.
MAX_VALUE = 64 * 1024
# The largest distribution lists of a hospital stay far below; beyond, an address list is a burden, not a letter.
MAX_ADDRESSES = 500
# Long threads carry perhaps a hundred identifiers; more is noise or an attack on the store that looks them up.
MAX_MESSAGE_IDS = 500
# A date with its day name, zone and comment takes about 60 characters.
MAX_DATE = 200
# RFC 1035 limits a domain name to 255 octets and RFC 5321 a local part to 64; together, with room.
MAX_ADDRESS = 320

# Charsets that partners really use: French, other European and Arabic mail. UTF-7 hides markup and is never read.
_CHARSETS = MappingProxyType(
    {
        "utf-8": "utf-8",
        "utf8": "utf-8",
        "us-ascii": "utf-8",
        "ascii": "utf-8",
        **{f"iso-8859-{number}": f"iso8859-{number}" for number in (*range(1, 12), *range(13, 17))},
        **{f"windows-{number}": f"cp{number}" for number in range(1250, 1259)},
        **{f"cp{number}": f"cp{number}" for number in range(1250, 1259)},
        "latin1": "iso8859-1",
    }
)

# Embeddings, overrides, isolates (UAX 9 §2). The marks U+200E and U+200F of honest Arabic mail turn nothing around.
_DIRECTIONS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

_ENCODED_WORD = re.compile(r"=\?([^?\s]{1,40})\?([bBqQ])\?([^?\s]*)\?=")
_ADDR_SPEC = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.\-]{1,64}@[A-Za-z0-9_\-]+(?:\.[A-Za-z0-9_\-]+)*")
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9._\-]{0,254}")
_RUN = re.compile(r'[^"(<>,;:]+')
_QUOTED = re.compile(r'((?:[^"\\]|\\.)*+)"', re.DOTALL)
_PAREN = re.compile(r"[()]|\\.", re.DOTALL)
_ID = re.compile(r"<([^<>\s]{1,998})>")
_DATE = re.compile(
    r"(?:[A-Za-z]{3,9}\s?,?\s?)?(\d{1,2})[ -]([A-Za-z]{3})[a-z]{0,6}[ -](\d{4}|\d{2})\s"
    r"(\d{1,2}):(\d{2})(?::(\d{2}))?\s?([+-]\d{4}|[A-Za-z]{1,4})(?:\s.*)?"
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
# RFC 5322 §4.3: only these names have a certain meaning; military letters were wrong in practice and are not read.
_ZONES = MappingProxyType(
    {"gmt": 0, "ut": 0, "utc": 0, "z": 0, "est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8}
    | {"pdt": -7}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """One address. ``address`` is lower-case ASCII; ``display`` is shown to people and proves nothing."""

    display: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One Received field: the host that wrote it (lower case) and its instant (aware UTC), None where unreadable."""

    by: str | None
    at: datetime | None


def codec(charset: str) -> str | None:
    """Python's name of an allowed charset, None for any other."""
    return _CHARSETS.get(charset.strip().lower())


def printable(text: str) -> str:
    """The text without control, format (bidirectional override) and separator characters, for one line on a screen."""
    spaced = "".join(" " if unicodedata.category(char) in {"Cc", "Zl", "Zp"} else char for char in text)
    return "".join(char for char in spaced if unicodedata.category(char) not in {"Cf", "Cs", "Co", "Cn"}).strip()


def escaped(text: str) -> str:
    """The text as a person may read it on a terminal, with what would move the cursor or turn writing around spelt out.

    Lines and tabs stay, and Arabic needs none of the rest.
    """
    return "".join(f"\\u{ord(char):04x}" if _moves(char) else char for char in text)


def _moves(char: str) -> bool:
    return char in _DIRECTIONS or (char not in "\n\t" and unicodedata.category(char) in {"Cc", "Zl", "Zp", "Cs"})


def _bounded(value: str) -> str:
    if len(value) > MAX_VALUE:
        raise MailMalformed(reason="field-too-long")
    return value


# --- encoded words


def _plain(text: str) -> str:
    """Raw eight-bit header text is UTF-8 in practice (RFC 6532); anything else stays Latin-1."""
    with contextlib.suppress(UnicodeError):
        text = text.encode("latin-1").decode("utf-8")
    return "".join(" " if unicodedata.category(char) == "Cc" else char for char in text)


def _word_bytes(encoding: str, text: str) -> bytes | None:
    try:
        data = text.encode("ascii")
    except UnicodeEncodeError:
        return None
    if encoding in "qQ":
        return binascii.a2b_qp(data, header=True)
    try:
        return base64.b64decode(data + b"=" * (-len(data) % 4), validate=True)
    except binascii.Error:
        return None


def _words(value: str) -> Iterator[tuple[str | None, bytes, str]]:
    """Split into (codec, bytes, "") for each readable encoded word and (None, b"", text) for what lies between."""
    position, after_word = 0, False
    for match in _ENCODED_WORD.finditer(value):
        name = codec(match[1].partition("*")[0])  # RFC 2231 §5 appends a language after a star.
        data = _word_bytes(match[2], match[3])
        if name is None or data is None:
            continue
        between = value[position : match.start()]
        if between and not (after_word and between.isspace()):
            yield None, b"", between
        yield name, data, ""
        position, after_word = match.end(), True
    if position < len(value):
        yield None, b"", value[position:]


def decode_words(value: str) -> str:
    """Text of an unstructured field (RFC 2047). Control characters become spaces, so no line break can come out.

    A word in an unknown charset or with broken encoding stays as it is written.

    Raises:
        MailMalformed: the value is longer than a header block may be.
    """
    out: list[str] = []
    pending, pending_codec = bytearray(), ""
    for name, data, text in _words(_bounded(value)):
        # Some programs cut a character between two words of one charset: their bytes are joined before decoding.
        if pending and name != pending_codec:
            out.append(pending.decode(pending_codec, "replace"))
            pending = bytearray()
        if name is None:
            out.append(_plain(text))
        else:
            pending += data
            pending_codec = name
    if pending:
        out.append(pending.decode(pending_codec, "replace"))
    return "".join(" " if unicodedata.category(char) == "Cc" else char for char in "".join(out))


# --- addresses


def _lexemes(value: str) -> Iterator[tuple[str, str]]:
    """Split into ("text", run), ("quoted", content) and one-character specials; comments vanish (RFC 5322 §3.2.2).

    Raises:
        MailMalformed: an unclosed quoted string or comment.
    """
    position, end = 0, len(value)
    while position < end:
        char = value[position]
        if char == '"':
            content, position = _quoted(value, position)
            yield "quoted", content
        elif char == "(":
            position = _after_comment(value, position)
        elif match := _RUN.match(value, position):
            position = match.end()
            yield "text", match[0]
        else:
            position += 1
            yield char, char


def _quoted(value: str, start: int) -> tuple[str, int]:
    """Content of the quoted string that opens at ``start`` and the position after it; backslashes are resolved."""
    closing = _QUOTED.match(value, start + 1)
    if closing is None:
        raise MailMalformed(reason="quoted-string")
    return re.sub(r"\\(.)", r"\1", closing[1], flags=re.DOTALL), closing.end()


def _after_comment(value: str, start: int) -> int:
    """Position after the comment that opens at ``start``; nesting is counted, never recursed."""
    depth = 0
    for match in _PAREN.finditer(value, start):
        depth += {"(": 1, ")": -1}.get(match[0], 0)
        if depth == 0:
            return match.end()
    raise MailMalformed(reason="comment")


def address(spec: str) -> str:
    """One addr-spec, lower case.

    Raises:
        MailMalformed: not ASCII, quoted, routed, or otherwise not local@domain.
    """
    spec = spec.strip()
    if len(spec) > MAX_ADDRESS or not _ADDR_SPEC.fullmatch(spec):
        raise MailMalformed(reason="address")
    return spec.lower()


def _mailbox(lexemes: list[tuple[str, str]]) -> Mailbox | None:
    """One element of an address list, None when it is blank."""
    lexemes = [(kind, text) for kind, text in lexemes if kind != "text" or text.strip()]
    kinds = [kind for kind, _ in lexemes]
    if not kinds:
        return None
    if "<" not in kinds:
        if kinds != ["text"]:
            raise MailMalformed(reason="address")
        return Mailbox(display="", address=address(lexemes[0][1]))
    opening = kinds.index("<")
    inner, rest = lexemes[opening + 1 : opening + 3], lexemes[opening + 3 :]
    if [kind for kind, _ in inner] != ["text", ">"] or rest:
        raise MailMalformed(reason="address")
    display = " ".join(_plain(text) if kind == "quoted" else decode_words(text) for kind, text in lexemes[:opening])
    return Mailbox(display=printable(" ".join(display.split())), address=address(inner[0][1]))


def addresses(value: str) -> tuple[Mailbox, ...]:
    """Mailboxes of an address list in order (RFC 5322 §3.4); groups give their members.

    Raises:
        MailMalformed: anything that is not plainly a list of ASCII addresses, or more than MAX_ADDRESSES.
    """
    found: list[Mailbox] = []
    element: list[tuple[str, str]] = []
    for kind, text in (*_lexemes(_bounded(value)), (",", ",")):
        if kind == ":":  # The name of a group; its members follow.
            if any(other in {"<", ">"} for other, _ in element):
                raise MailMalformed(reason="address")
            element = []
        elif kind not in {",", ";"}:
            element.append((kind, text))
        else:
            mailbox = _mailbox(element)
            element = []
            found += [mailbox] if mailbox else []
            if len(found) > MAX_ADDRESSES:
                raise MailMalformed(reason="too-many-addresses")
    return tuple(found)


# --- dates, hops, identifiers


def _without_comments(value: str) -> str:
    """The value with each comment as one space; an unclosed comment reaches to the end."""
    out: list[str] = []
    position = 0
    while (opening := value.find("(", position)) >= 0:
        out.append(value[position:opening])
        try:
            position = _after_comment(value, opening)
        except MailMalformed:
            position = len(value)
    out.append(value[position:])
    return " ".join(" ".join(out).split())


def _offset(zone: str) -> timedelta | None:
    if zone[0] in "+-":
        hours, minutes = int(zone[1:3]), int(zone[3:5])
        size = timedelta(hours=hours, minutes=minutes)
        return (-size if zone[0] == "-" else size) if hours <= 14 and minutes < 60 else None  # noqa: PLR2004 - UTC+14
    hours_east = _ZONES.get(zone.lower())
    return None if hours_east is None else timedelta(hours=hours_east)


def _year(digits: str) -> int:
    """RFC 5322 §4.3: two digits below 50 belong to this century."""
    year = int(digits)
    return year if len(digits) > 2 else year + (2000 if year < 50 else 1900)  # noqa: PLR2004 - the RFC's numbers


def date(value: str) -> datetime | None:
    """The instant of a Date field, aware UTC (RFC 5322 §3.3 and §4.3); None when it cannot be read with certainty.

    A missing or unknown time zone gives None: such a date could be half a day wrong.
    """
    if len(value) > MAX_DATE:
        return None
    match = _DATE.fullmatch(_without_comments(value))
    if match is None or match[2].lower() not in _MONTHS:
        return None
    offset = _offset(match[7])
    if offset is None:
        return None
    month = _MONTHS.index(match[2].lower()) + 1
    second = int(match[6] or 0)
    try:  # A leap second (60) is the instant after :59.
        base = datetime(_year(match[3]), month, int(match[1]), int(match[4]), int(match[5]), tzinfo=timezone(offset))
        return (base + timedelta(seconds=second)).astimezone(UTC) if second <= 60 else None  # noqa: PLR2004
    except (ValueError, OverflowError):
        return None


def date_text(instant: datetime) -> str:
    """An aware instant as a Date field in UTC (RFC 5322 §3.3), to the second."""
    return format_datetime(instant.astimezone(UTC))


def received(value: str) -> Hop:
    """Host and instant of a Received field (RFC 5321 §4.4). Never raises; what cannot be read is None."""
    value = value[:MAX_VALUE]
    head, _, tail = value.rpartition(";")
    tokens = _without_comments(head).split()
    # The token after "from" is whatever the client said of itself: it must not be read as a keyword.
    start = 2 if tokens and tokens[0].lower() == "from" else 0
    lowered = [token.lower() for token in tokens]
    by: str | None = None
    if "by" in lowered[start:-1]:
        host = lowered[lowered.index("by", start) + 1]
        by = host.rstrip(".") if _HOST.fullmatch(host) else None
    return Hop(by=by, at=date(tail))


def message_ids(value: str) -> tuple[str, ...]:
    """Identifiers of a Message-ID, In-Reply-To or References field, in order, with their angle brackets.

    Raises:
        MailMalformed: more than MAX_MESSAGE_IDS.
    """
    found = tuple(f"<{inner}>" for inner in _ID.findall(_bounded(value)))
    if len(found) > MAX_MESSAGE_IDS:
        raise MailMalformed(reason="too-many-message-ids")
    return found
