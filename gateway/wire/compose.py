"""Writes mail: fields (RFC 5322, RFC 2047), parts and multiparts (RFC 2045, RFC 2046, RFC 2231): always canonical CRLF.

Built so that no value can become a second field: control characters are refused, not escaped, and every outgoing mail
is read again and its field names compared before it leaves. The same arguments always give the same bytes.
"""

import base64
import binascii
import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from urllib.parse import quote

from gateway.domain.errors import MailMalformed
from gateway.wire.fields import Mailbox, address
from gateway.wire.mime import MAX_BOUNDARY, parse
from gateway.wire.params import safe_filename

# RFC 5322 §2.1.1: lines should have at most 78 characters and must have at most 998, both without CRLF.
FOLD_AT = 76
MAX_LINE = 998
# RFC 2047 §2: a line with an encoded word has at most 76 characters; "Subject: " and the frame leave room for 39 bytes.
WORD_BYTES = 39

_CHARSET = "utf-8''"  # RFC 2231 §4: charset, empty language.
_CRLF = b"\r\n"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,76}")
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")
_BOUNDARY = re.compile(r"[A-Za-z0-9'()+_,./:=?-]{1,70}")
_ROLE = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
_UNSTRUCTURED = frozenset({"subject", "comments", "content-description"})
_PARAM_VALUE = re.compile(r"[ !#-\[\]-~]*")


def _refuse_controls(text: str, reason: str) -> None:
    if text.isascii() and text.isprintable():
        # As almost all are.
        return
    if any(unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} for char in text):
        raise MailMalformed(reason=reason, step="compose")


def _chunks(text: str) -> Iterator[bytes]:
    """UTF-8 pieces that never cut a character."""
    chunk = b""
    for char in text:
        encoded = char.encode("utf-8")
        if len(chunk) + len(encoded) > WORD_BYTES:
            yield chunk
            chunk = b""
        chunk += encoded
    yield chunk


def encoded_words(text: str) -> str:
    """The text as RFC 2047 words, separated by single spaces that a reader drops."""
    return " ".join(f"=?utf-8?b?{base64.b64encode(chunk).decode('ascii')}?=" for chunk in _chunks(text))


def mailbox_text(mailbox: Mailbox) -> str:
    """``display <address>`` in ASCII (RFC 5322 §3.4).

    Raises:
        MailMalformed: a control character in the display name, or not an address.
    """
    _refuse_controls(mailbox.display, "field-value")
    spec = address(mailbox.address)
    if not mailbox.display:
        return spec
    plain = mailbox.display.isascii() and "=?" not in mailbox.display
    quoted = re.sub(r'(["\\])', r"\\\1", mailbox.display)
    return f'"{quoted}" <{spec}>' if plain else f"{encoded_words(mailbox.display)} <{spec}>"


def mailboxes_text(mailboxes: Sequence[Mailbox]) -> str:
    """An address list in ASCII; raises as ``mailbox_text``."""
    return ", ".join(mailbox_text(mailbox) for mailbox in mailboxes)


def _fold(name: str, value: str) -> bytes:
    """Break before single spaces, never inside a run of blanks, so that unfolding restores the value."""
    if len(name) + len(": ") + len(value) <= FOLD_AT:
        return f"{name}: {value}\r\n".encode("ascii")
    lines = [f"{name}:"]
    for word in re.findall(r" +[^ ]*", f" {value}"):
        if len(lines[-1]) + len(word) > FOLD_AT and not lines[-1].endswith(":") and word.strip():
            lines.append(word)
        else:
            lines[-1] += word
    if max(len(line) for line in lines) > MAX_LINE:
        raise MailMalformed(reason="field-line", step="compose")
    return "\r\n".join(lines).encode("ascii") + _CRLF


def field(name: str, value: str) -> bytes:
    """One header field, encoded and folded, with its CRLF.

    Unstructured fields take any text. Structured ones must be ASCII already: see ``mailbox_text``.

    Raises:
        MailMalformed: not a field name, a control character, a structured value that is not ASCII, or a line too long.
    """
    if not _NAME.fullmatch(name):
        raise MailMalformed(reason="field-name", step="compose")
    _refuse_controls(value, "field-value")
    unstructured = name.lower() in _UNSTRUCTURED
    if not value.isascii() and not unstructured:
        raise MailMalformed(reason="field-value", step="compose")
    return _fold(name, encoded_words(value) if unstructured and not _is_literal(value) else value)


def _is_literal(value: str) -> bool:
    """Text that looks like an encoded word, or blanks that unfolding would lose, must themselves be encoded."""
    plain = value.isascii() and "=?" not in value and value == value.strip() and "  " not in value
    return plain and max(map(len, value.split(" "))) <= FOLD_AT


def require_canonical(data: bytes) -> None:
    """Refuse a NUL, a bare CR or a bare LF: a signature over such bytes does not survive transport (RFC 3156 §5).

    Raises:
        MailMalformed.
    """
    pairs = data.count(b"\r\n")
    if b"\0" in data or data.count(b"\r") != pairs or data.count(b"\n") != pairs:
        raise MailMalformed(reason="not-canonical", step="compose")


def entity(headers: Sequence[tuple[str, str]], body: bytes) -> bytes:
    """Fields, blank line, body.

    Raises:
        MailMalformed: as ``field``, or the body is not canonical CRLF.
    """
    require_canonical(body)
    return _written(headers, body)


def _written(headers: Sequence[tuple[str, str]], *body: bytes) -> bytes:
    # In one go: each further concatenation would copy a large body again.
    return b"".join((*(field(name, value) for name, value in headers), _CRLF, *body))


def _quoted_printable(text: str) -> bytes:
    if "\0" in text:
        raise MailMalformed(reason="text-control", step="compose")
    try:
        data = text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n").encode("utf-8")
    except UnicodeEncodeError as error:
        raise MailMalformed(reason="text-control", step="compose") from error
    # RFC 3156 §3: stores change lines that begin with "From "; RFC 5321 doubles a leading dot.
    encoded = re.sub(rb"(?m)^From ", b"=46rom ", binascii.b2a_qp(data, istext=True))
    # Python breaks long lines with a bare LF when the text itself has no line end.
    return re.sub(rb"\r?\n", _CRLF, encoded)


def text_part(text: str, subtype: str = "plain", headers: Sequence[tuple[str, str]] = ()) -> bytes:
    """A UTF-8 text entity in quoted-printable; each line end becomes CRLF.

    Raises:
        MailMalformed: a NUL or a lone surrogate.
    """
    own = [("Content-Type", f'text/{subtype}; charset="utf-8"'), ("Content-Transfer-Encoding", "quoted-printable")]
    return entity([*headers, *own], _quoted_printable(text))


def name_parameter(key: str, name: str) -> str:
    """A file name as parameter: quoted when plain ASCII, else RFC 2231.

    Raises:
        MailMalformed: the name is not one that ``safe_filename`` leaves as it is.
    """
    if not name or safe_filename(name) != name:
        raise MailMalformed(reason="attachment-name", step="compose")
    if re.fullmatch(r"[A-Za-z0-9 ._()+-]+", name):
        return f'{key}="{name}"'
    # A byte outside the alphabet takes three characters, so a long name is continued over several parameters.
    octets = [quote(bytes([octet]), safe="") for octet in name.encode("utf-8")]
    pieces = ["".join(octets[start : start + 20]) for start in range(0, len(octets), 20)]
    return "; ".join(f"{key}*{i}*={_CHARSET if i == 0 else ''}{piece}" for i, piece in enumerate(pieces))


def _lines(data: bytes) -> bytes:
    return base64.encodebytes(data).replace(b"\n", _CRLF).removesuffix(_CRLF)


def fits_verbatim(data: bytes) -> bool:
    """Whether these bytes survive transport unencoded: canonical CRLF, ASCII, no long line."""
    try:
        require_canonical(data)
    except MailMalformed:
        return False
    return data.isascii() and not _has_long_line(data)


def _has_long_line(data: bytes) -> bool:
    """Whether a line of canonical bytes has over 998; looks at one line end in a thousand bytes, not at each."""
    start = 0
    while len(data) - start > MAX_LINE:
        end = data.rfind(_CRLF, start, start + MAX_LINE + len(_CRLF))
        if end < 0:
            return True
        start = end + len(_CRLF)
    return False


def _verbatim(data: bytes) -> bytes:
    """A message/rfc822 may not be encoded (RFC 2046 §5.2.1), so it must already be fit for transport."""
    require_canonical(data)
    if not fits_verbatim(data):
        raise MailMalformed(reason="attachment-data", step="compose")
    return data


def attachment_part(name: str, media_type: str, data: bytes, role: str | None = None) -> bytes:
    """An attachment in base64; message/rfc822 goes verbatim. ``role`` is kept in a field of its own.

    Raises:
        MailMalformed: a name that is not safe to show, a wrong media type or role, an unfit message/rfc822.
    """
    if not _MEDIA_TYPE.fullmatch(media_type) or media_type.startswith("multipart/"):
        raise MailMalformed(reason="media-type", step="compose")
    headers = [
        ("Content-Type", f"{media_type}; {name_parameter('name', name)}"),
        ("Content-Disposition", f"attachment; {name_parameter('filename', name)}"),
    ]
    if role is not None:
        if not _ROLE.fullmatch(role):
            raise MailMalformed(reason="attachment-role", step="compose")
        headers.append(("X-Soins-Role", role))
    if media_type.startswith("message/"):
        return entity([*headers, ("Content-Transfer-Encoding", "7bit")], _verbatim(data))
    return entity([*headers, ("Content-Transfer-Encoding", "base64")], _lines(data))


def multipart(
    subtype: str,
    parts: Sequence[bytes],
    boundary: str,
    params: Sequence[tuple[str, str]] = (),
    headers: Sequence[tuple[str, str]] = (),
) -> bytes:
    """A multipart entity around parts that stay byte for byte as they are (RFC 2046 §5.1).

    Raises:
        MailMalformed: no part, an unfit boundary or one that occurs in a part, or a part that is not canonical CRLF.
    """
    mark = b"--" + boundary.encode("utf-8", "replace")
    if not _BOUNDARY.fullmatch(boundary) or len(boundary) > MAX_BOUNDARY:
        raise MailMalformed(reason="boundary", step="compose")
    if not parts or any(part.startswith(mark) or b"\n" + mark in part for part in parts):
        raise MailMalformed(reason="boundary-in-part", step="compose")
    if not all(_NAME.fullmatch(key) and _PARAM_VALUE.fullmatch(value) for key, value in params):
        raise MailMalformed(reason="parameter", step="compose")
    listed = "".join(f'; {key}="{value}"' for key, value in (*params, ("boundary", boundary)))
    for part in parts:
        # What stands between them is canonical by itself.
        require_canonical(part)
    body = [piece for part in parts for piece in (mark, _CRLF, part, _CRLF)]
    return _written([*headers, ("Content-Type", f"multipart/{subtype}{listed}")], *body, mark, b"--", _CRLF)


def check_outgoing(raw: bytes, allowed_names: Collection[str]) -> None:
    """Last look at a finished mail: what a stranger will read is what was meant.

    Raises:
        MailMalformed: a NUL, bare CR or LF, byte above 127, line over 998, or a field not allowed or repeated.
    """
    require_canonical(raw)
    if not raw.isascii():
        raise MailMalformed(reason="outgoing-eight-bit", step="compose")
    if _has_long_line(raw):
        raise MailMalformed(reason="outgoing-line", step="compose")
    names = parse(raw).headers.names()
    if not set(names) <= {name.lower() for name in allowed_names}:
        raise MailMalformed(reason="outgoing-field", step="compose")
    if len(set(names)) != len(names):
        raise MailMalformed(reason="outgoing-repeated", step="compose")
