"""Reads mail into values: header block, exact byte slices, multipart tree (RFC 5322, RFC 2045, RFC 2046).

Every count and size that the sender chooses has a limit here; exceeding it, or a structure that two readers could take
in two ways, raises MailMalformed with a short code. Slices are the bytes as received: nothing is re-serialised.
Where a signature matters, read again from the signed bytes; the outer structure proves nothing.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from io import BytesIO

from gateway.domain.errors import MailMalformed
from gateway.wire.fields import Hop, Mailbox, addresses, codec, date, decode_words, message_ids, received
from gateway.wire.params import ContentType, content_type, filename, safe_filename

__all__ = [
    "ContentType",
    "Headers",
    "Hop",
    "Mailbox",
    "Part",
    "addresses",
    "date",
    "decode_words",
    "message_ids",
    "parse",
    "parse_headers",
    "received",
    "safe_filename",
]

# Mail servers commonly refuse more than 32 to 100 KiB of header; honest mail, with all its hops, stays under 30 KiB.
MAX_HEADER_BLOCK = 64 * 1024
# RFC 5322 allows 998; real programs write longer unfolded References and anti-spam fields, never above this.
MAX_HEADER_LINE = 4096
# A mail relayed through twenty servers has about 150 fields.
MAX_HEADER_FIELDS = 1000
# A forwarded, signed, list-processed mail nests six or seven deep; recursion must end well before Python's own limit.
MAX_DEPTH = 32
# A medical file sent as single page images has perhaps a hundred parts.
MAX_PARTS = 500
# Lines that begin like a boundary, real or not: bounds the work that a mail full of false boundaries can cause.
MAX_DELIMITERS = 4000
# RFC 2046 says 70; a few programs write more.
MAX_BOUNDARY = 200

_FIELD_NAME = re.compile(r"([!-9;-~]{1,200})[ \t]*:")
_LINE_END = re.compile(rb"\r?\n")
_HEADER_END = re.compile(rb"\r?\n(\r?\n)")
_REST_OF_BOUNDARY = re.compile(rb"(--)?[ \t]*+(?:\r?\n|\Z)")
_BLANK = b" \t\r\n"
_PIECE = 1024 * 1024
_SINGLE = ("content-type", "content-transfer-encoding")


@dataclass(frozen=True, slots=True, kw_only=True)
class Headers:
    """Fields in the order of the mail: (name in lower case, unfolded raw value as Latin-1 without outer blanks)."""

    fields: tuple[tuple[str, str], ...]

    def get(self, name: str) -> str | None:
        """First value of this field, None when absent."""
        return next(iter(self.get_all(name)), None)

    def get_all(self, name: str) -> tuple[str, ...]:
        """All values of this field, top first."""
        wanted = name.lower()
        return tuple(value for other, value in self.fields if other == wanted)

    def one(self, name: str) -> str:
        """The value of a field that must be there exactly once.

        Raises:
            MailMalformed: absent or repeated.
        """
        values = self.get_all(name)
        if len(values) != 1:
            raise MailMalformed(reason=f"{'missing' if not values else 'repeated'}-{name.lower()}")
        return values[0]

    def at_most_one(self, name: str) -> str | None:
        """The value of a field that may be absent but not repeated.

        Raises:
            MailMalformed: repeated.
        """
        return self.one(name) if self.get(name) is not None else None

    def names(self) -> tuple[str, ...]:
        """Names in lower case, in order, repeated where the mail repeats them."""
        return tuple(name for name, _ in self.fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One entity: the whole mail or a part of a multipart. ``parts`` is empty for a leaf, message/rfc822 included.

    ``closed`` is False for a multipart whose closing boundary is missing; ``epilogue`` tells that text follows it.
    """

    headers: Headers
    content_type: ContentType
    parts: tuple["Part", ...] = ()
    closed: bool = True
    epilogue: bool = False
    source: bytes = field(repr=False)
    start: int
    body_start: int
    end: int

    @property
    def raw(self) -> bytes:
        """The exact bytes of this entity, headers included, as they stand in the mail."""
        return self.source[self.start : self.end]

    @property
    def body(self) -> bytes:
        """The exact bytes after the blank line, still transfer-encoded."""
        return self.source[self.body_start : self.end]

    @property
    def size(self) -> int:
        """Length of ``raw`` in bytes, without copying it."""
        return self.end - self.start

    def decoded(self) -> bytes:
        """The body without its transfer encoding (RFC 2045 §6).

        Raises:
            MailMalformed: an unknown encoding, or base64 that is not exactly base64.
        """
        encoding = (self.headers.get("content-transfer-encoding") or "7bit").partition(";")[0].strip().lower()
        match encoding:
            case "7bit" | "8bit" | "binary" | "":
                return self.body
            case "quoted-printable":
                return binascii.a2b_qp(self.body)
            case "base64":
                return _base64(self.source, self.body_start, self.end)
            case _:
                raise MailMalformed(reason="transfer-encoding")

    def text(self) -> str:
        """The decoded body as text with LF line ends; bytes that the charset lacks become U+FFFD.

        Raises:
            MailMalformed: a charset that is not allowed, or as ``decoded``.
        """
        name = codec(self.content_type.params.get("charset") or "us-ascii")
        if name is None:
            raise MailMalformed(reason="charset")
        return self.decoded().decode(name, "replace").replace("\r\n", "\n").replace("\r", "\n")

    def filename(self) -> str:
        """Name for display only, cleaned; empty when there is none (RFC 2183, RFC 2231).

        Raises:
            MailMalformed: contradictory parameters.
        """
        return filename(self.headers.get("content-disposition"), self.headers.get("content-type"))

    def is_attachment(self) -> bool:
        """True when the sender asks that the part is not shown in line."""
        disposition = self.headers.get("content-disposition") or ""
        return disposition.partition(";")[0].strip().lower() == "attachment"

    def walk(self) -> Iterator["Part"]:
        """This part and all below it, in the order of the mail."""
        waiting = [self]
        while waiting:
            part = waiting.pop()
            yield part
            waiting.extend(reversed(part.parts))


def _base64(source: bytes, start: int, end: int) -> bytes:
    # Piece by piece, so that a large file is in memory once and not four times.
    decoded, rest = BytesIO(), b""
    for at in range(start, end, _PIECE):
        rest += source[at : min(at + _PIECE, end)].translate(None, _BLANK)
        # The last four stay behind: they alone may be padded.
        ready = max(len(rest) - 1, 0) // 4 * 4
        decoded.write(_fours(rest[:ready], padding=0))
        rest = rest[ready:]
    decoded.write(_fours(rest, padding=len(rest) - len(rest.rstrip(b"="))))
    return decoded.getvalue()


def _fours(compact: bytes, *, padding: int) -> bytes:
    try:
        decoded = base64.b64decode(compact, validate=True)
    except binascii.Error as error:
        raise MailMalformed(reason="base64") from error
    # Python stops silently at padding in the middle; two readers would then see two files.
    if len(decoded) != len(compact) // 4 * 3 - padding:
        raise MailMalformed(reason="base64")
    return decoded


# --- header block


def _header_end(source: bytes, start: int, end: int) -> tuple[int, int]:
    """(end of the last header line, start of the body); the search never goes further than the limit."""
    if source.startswith((b"\r\n", b"\n"), start, end):
        return start, start + (2 if source.startswith(b"\r\n", start) else 1)
    window = min(end, start + MAX_HEADER_BLOCK + 4)
    found = _HEADER_END.search(source, start, window)
    if found is not None and found.start() - start <= MAX_HEADER_BLOCK:
        return found.start(), found.end()
    if end - start > MAX_HEADER_BLOCK:
        raise MailMalformed(reason="header-too-long")
    return end, end


def _append_line(fields: list[tuple[str, list[str]]], line: str) -> None:
    if line[0] in " \t":
        if not fields:
            raise MailMalformed(reason="header-line")
        fields[-1][1].append(line)
        return
    match = _FIELD_NAME.match(line)
    if match is None:
        raise MailMalformed(reason="header-line")
    fields.append((match[1].lower(), [line[match.end() :]]))
    if len(fields) > MAX_HEADER_FIELDS:
        raise MailMalformed(reason="too-many-fields")


def parse_headers(block: bytes) -> Headers:
    """Fields of a header block without its blank line (RFC 5322 §2.2); a space before the colon is tolerated.

    Raises:
        MailMalformed: a line that is no field, a NUL or bare CR, or a limit exceeded.
    """
    if len(block) > MAX_HEADER_BLOCK:
        raise MailMalformed(reason="header-too-long")
    fields: list[tuple[str, list[str]]] = []
    for line in _LINE_END.split(block):
        if len(line) > MAX_HEADER_LINE:
            raise MailMalformed(reason="header-line-too-long")
        if b"\r" in line or b"\0" in line:
            raise MailMalformed(reason="header-control")
        if line:
            _append_line(fields, line.decode("latin-1"))
    return Headers(fields=tuple((name, "".join(lines).strip(" \t")) for name, lines in fields))


# --- structure


@dataclass(slots=True, kw_only=True)
class _Budget:
    """What is left for the whole mail."""

    parts: int = MAX_PARTS
    delimiters: int = MAX_DELIMITERS

    def spend_part(self) -> None:
        self.parts -= 1
        if self.parts < 0:
            raise MailMalformed(reason="too-many-parts")

    def spend_delimiter(self) -> None:
        self.delimiters -= 1
        if self.delimiters < 0:
            raise MailMalformed(reason="too-many-boundaries")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Delimiter:
    """One boundary line: where the part before it ends, where the next begins, and whether it closes."""

    before: int
    after: int
    closing: bool


def _delimiters(source: bytes, start: int, end: int, boundary: bytes, budget: _Budget) -> Iterator[_Delimiter]:
    """Boundary lines of one multipart body (RFC 2046 §5.1.1); the line break before one belongs to it."""
    line = b"\n--" + boundary
    # A body begins after a line break, so a boundary on its first line is found like any other.
    found = source.find(line, max(start - 1, 0), end)
    while found >= 0:
        budget.spend_delimiter()
        match = _REST_OF_BOUNDARY.match(source, found + len(line), end)
        if match is not None:
            before = found - 1 if source.startswith(b"\r", found - 1) else found
            yield _Delimiter(before=max(before, start), after=match.end(), closing=match[1] is not None)
            if match[1] is not None:
                return
        # The line break that ends this boundary may also be the one that begins the next.
        found = source.find(line, found + len(line), end)


def _boundary(kind: ContentType) -> bytes:
    text = kind.params.get("boundary", "")
    if not text or len(text) > MAX_BOUNDARY or not text.isascii() or not text.isprintable() or text.endswith(" "):
        raise MailMalformed(reason="boundary")
    return text.encode("ascii")


def _children(part: Part, depth: int, budget: _Budget) -> Part:
    """The same multipart with its parts."""
    encoding = (part.headers.get("content-transfer-encoding") or "7bit").strip().lower()
    if encoding not in {"7bit", "8bit", "binary"}:  # RFC 2045 §6.4
        raise MailMalformed(reason="multipart-encoding")
    source, end = part.source, part.end
    boundary = _boundary(part.content_type)
    parts: list[Part] = []
    begun: int | None = None
    closing: _Delimiter | None = None
    for delimiter in _delimiters(source, part.body_start, end, boundary, budget):
        if begun is not None:
            parts.append(_entity(source, begun, max(begun, delimiter.before), depth + 1, budget))
        begun = delimiter.after
        closing = delimiter if delimiter.closing else None
    if begun is not None and closing is None:
        parts.append(_entity(source, begun, end, depth + 1, budget))
    epilogue = closing is not None and bool(source[closing.after : end].strip(_BLANK))
    return replace(part, parts=tuple(parts), closed=closing is not None, epilogue=epilogue)


def _entity(source: bytes, start: int, end: int, depth: int, budget: _Budget) -> Part:
    if depth > MAX_DEPTH:
        raise MailMalformed(reason="too-deep")
    budget.spend_part()
    header_end, body = _header_end(source, start, end)
    headers = parse_headers(source[start:header_end])
    for name in _SINGLE:
        headers.at_most_one(name)
    kind = content_type(headers.get("content-type"))
    part = Part(headers=headers, content_type=kind, source=source, start=start, body_start=body, end=end)
    return _children(part, depth, budget) if kind.maintype == "multipart" else part


def parse(raw: bytes) -> Part:
    """The mail or entity as a tree. CRLF and bare LF line ends are read; the slices keep what was there.

    The caller limits the total size. Time is proportional to size times depth.

    Raises:
        MailMalformed: a limit of this module exceeded, or a structure that has no single reading.
    """
    start = 0
    if raw.startswith(b"From ") and (end := raw.find(b"\n", 0, MAX_HEADER_LINE)) >= 0:
        start = end + 1  # An mbox separator that some stores leave in front.
    return _entity(raw, start, len(raw), 1, _Budget())
