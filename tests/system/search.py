"""Looks for words in files as a curious person would: in any encoding that a program may have given them on the way."""

import binascii
import quopri
import zlib
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

ENCODINGS = ("utf-8", "latin-1", "utf-16-le", "utf-16-be")
MAX_FILE = 64 * 1024 * 1024
MAX_INFLATED = 4 * 1024 * 1024
ZLIB_HEADERS = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")


def forms(word: str) -> dict[str, bytes]:
    """Every form of a word that is looked for, by name."""
    found: dict[str, bytes] = {}
    for case, text in (("as is", word), ("upper", word.upper()), ("lower", word.lower())):
        for encoding in ENCODINGS:
            found.update(_forms(f"{case} {encoding}", text.encode(encoding)))
        found[f"{case} escaped"] = text.encode("unicode_escape")
        found[f"{case} url"] = quote(text).encode()
    return found


def _forms(name: str, raw: bytes) -> Iterator[tuple[str, bytes]]:
    yield name, raw
    yield f"{name} hex", binascii.hexlify(raw)
    yield f"{name} HEX", binascii.hexlify(raw).upper()
    yield f"{name} quoted-printable", quopri.encodestring(raw).rstrip(b"=\n")
    for shift in range(3):
        # The characters at either end depend on what stands beside the word.
        coded = b64encode(b"\0" * shift + raw)
        first = (0, 2, 3)[shift]
        last = len(coded) - (0 if (shift + len(raw)) % 3 == 0 else 4)
        yield f"{name} base64+{shift}", coded[first:last]


def occurrences(words: Mapping[str, str], places: Iterable[Path]) -> list[str]:
    """« word: form in file » for each form of each word found in a file, its name, or what zlib packed inside it."""
    wanted = [(name, form, value) for name, word in words.items() for form, value in forms(word).items()]
    found = []
    for path in _files(places):
        content = str(path).encode() + b"\n" + _content(path)
        # Base 64 is cut into lines on its way; what is inside must be found whole.
        joined = content.replace(b"\r\n", b"").replace(b"\n", b"")
        haystacks = [content, joined, *_inflated(content)]
        found += [f"{name}: {form} in {path}" for name, form, value in wanted if any(value in hay for hay in haystacks)]
    return found


def _files(places: Iterable[Path]) -> Iterator[Path]:
    for place in places:
        yield from (path for path in place.rglob("*") if path.is_file() and not path.is_symlink())


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_FILE)
    except FileNotFoundError:
        return b""


def _inflated(content: bytes) -> Iterator[bytes]:
    for header in ZLIB_HEADERS:
        at = content.find(header)
        while at >= 0:
            with suppress(zlib.error):
                yield zlib.decompressobj().decompress(content[at:], MAX_INFLATED)
            at = content.find(header, at + 1)
