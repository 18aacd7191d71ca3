"""Media types, dispositions and their parameters (RFC 2045 §5.1, RFC 2183, RFC 2231), and names that are safe to show.

A name that comes out of here is for the eye only; it must never be used as a path.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import unquote_to_bytes

from gateway.domain.errors import MailMalformed
from gateway.wire.fields import MAX_VALUE, codec, decode_words, printable

# Real fields carry fewer than ten; RFC 2231 continuations of a long file name a few more.
MAX_PARAMETERS = 64
# Common file systems take 255 octets; names above this are cut in the middle so that the extension stays visible.
MAX_NAME = 120

_CHAR = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]"
_MEDIA = re.compile(rf"\s*({_CHAR}{{1,127}})/({_CHAR}{{1,127}})(?=[\s;(]|$)")
_PARAMETER = re.compile(rf'\s*({_CHAR}{{1,100}})\s*=\s*(?:"((?:[^"\\]|\\.)*+)"|([^\s;"][^\s;]*+)?)', re.DOTALL)
_CONTINUED = re.compile(r"([^*]+)(?:\*(\d{1,3}))?(\*)?")
# Names that old file systems treat as devices, whatever the extension.
_DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"com{n}" for n in range(10)), *(f"lpt{n}" for n in range(10))})


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentType:
    """A media type in lower case; parameter names are lower case, values are decoded."""

    maintype: str
    subtype: str
    params: Mapping[str, str]

    @property
    def media(self) -> str:
        """The type without parameters, such as ``multipart/signed``."""
        return f"{self.maintype}/{self.subtype}"


def _raw_parameters(rest: str) -> dict[str, str]:
    found: dict[str, str] = {}
    position = rest.find(";")
    while 0 <= position < len(rest):
        match = _PARAMETER.match(rest, position + 1)
        if match is not None:
            name = match[1].lower()
            if name in found:
                raise MailMalformed(reason="duplicate-parameter")
            quoted = match[2]
            found[name] = re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL) if quoted is not None else match[3] or ""
            if len(found) > MAX_PARAMETERS:
                raise MailMalformed(reason="too-many-parameters")
        position = rest.find(";", match.end() if match is not None else position + 1)
    return found


def _extended(pieces: list[tuple[str, bool]]) -> str:
    """Join the pieces of one RFC 2231 value; the first encoded one names the charset."""
    charset = "utf-8"
    data = bytearray()
    for index, (text, encoded) in enumerate(pieces):
        content = text
        if index == 0 and encoded and text.count("'") >= 2:  # noqa: PLR2004 - charset'language'value
            charset, _, content = text.split("'", 2)
        data += unquote_to_bytes(content) if encoded else content.encode("utf-8", "replace")
    return data.decode(codec(charset) or "utf-8", "replace")


def _split(rest: str) -> tuple[dict[str, str], dict[str, str]]:
    """(plain values as written, RFC 2231 values decoded)."""
    plain: dict[str, str] = {}
    pieces: dict[str, dict[int, tuple[str, bool]]] = {}
    for name, value in _raw_parameters(rest[:MAX_VALUE]).items():
        match = _CONTINUED.fullmatch(name)
        if match is None or (match[2] is None and match[3] is None):
            plain[name] = value
            continue
        numbered = pieces.setdefault(match[1], {})
        if int(match[2] or 0) in numbered:
            raise MailMalformed(reason="duplicate-parameter")
        numbered[int(match[2] or 0)] = (value, bool(match[3]))
    extended = {
        name: _extended([numbered[index] for index in range(len(numbered)) if index in numbered])
        for name, numbered in pieces.items()
    }
    return plain, extended


def parameters(rest: str) -> Mapping[str, str]:
    """Parameters after the first semicolon; continued and encoded values are decoded and win over plain ones.

    Raises:
        MailMalformed: a name given twice, or more than MAX_PARAMETERS.
    """
    plain, extended = _split(rest)
    return MappingProxyType(plain | extended)


def content_type(value: str | None) -> ContentType:
    """A Content-Type field; absent or unreadable means ``text/plain`` (RFC 2045 §5.2).

    Raises:
        MailMalformed: as ``parameters``.
    """
    match = _MEDIA.match(value or "")
    if value is None or match is None:
        return ContentType(maintype="text", subtype="plain", params=MappingProxyType({}))
    return ContentType(maintype=match[1].lower(), subtype=match[2].lower(), params=parameters(value[match.end() :]))


def safe_filename(name: str) -> str:
    """The name as it may be shown and stored in a manifest: no folder, control, bidirectional or reserved character.

    Applying it twice changes nothing. The empty string comes out when nothing is left.
    """
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", printable(name)))[-1]
    shown = unicodedata.normalize("NFC", re.sub(r'[<>:"|?*]', "_", last))
    shown = " ".join(shown.split()).strip(" .")
    if shown.partition(".")[0].strip().lower() in _DEVICES:
        shown = f"_{shown}"
    if len(shown) > MAX_NAME:
        stem, dot, extension = shown.rpartition(".")
        tail = dot + extension if stem and len(extension) < MAX_NAME // 4 else ""
        shown = shown[: MAX_NAME - len(tail)].strip(" .") + tail
    return shown


def filename(disposition: str | None, content_type_value: str | None) -> str:
    """Name of an attachment for display, from Content-Disposition, else Content-Type; may be empty.

    Raises:
        MailMalformed: as ``parameters``.
    """
    for value, key in ((disposition, "filename"), (content_type_value, "name")):
        plain, extended = _split(value or "")
        # Against RFC 2231 §5, Outlook writes encoded words into plain parameters.
        name = safe_filename(extended.get(key) or decode_words(plain.get(key, "")))
        if name:
            return name
    return ""
