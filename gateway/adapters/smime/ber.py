"""Turns the BER that mail programs stream (X.690 §8.1.3.6: lengths that are not told) into definite lengths.

What is primitive stays byte for byte; only lengths and cut strings change, which is what RFC 5652 §5.4 says to verify.
The parser behind it then never meets an open end, and never more depth or elements than these limits.
"""

from collections.abc import Iterator
from dataclasses import dataclass

# CMS with a certificate, its names and their extensions nests about fifteen deep.
MAX_DEPTH = 40
# A streamed mail of 60 MiB in pieces of 1 KiB has some 60,000; each costs a few microseconds.
MAX_ELEMENTS = 200_000

_CONSTRUCTED = 0x20
_LONG_TAG = 0x1F
_OCTET_STRING = 0x04
_SEQUENCE = 0x30
_IMPLICIT_STRING = 0x80
_EXPLICIT = 0xA0
# RFC 5652 §6.1, EncryptedContentInfo: a type, an algorithm, and a [0] that is a string cut in pieces. Nothing else of
# CMS looks like this.
_ENCRYPTED_CONTENT = b"\x06\x30\xa0"
_CONTENT_IN_ONE_PIECE = b"\x06\x30\x80"
_INDEFINITE = 0x80
_END = b"\0\0"
_MAX_LENGTH_BYTES = 4


class NotBer(ValueError):
    """The bytes are not one BER element, or more than we take."""


@dataclass(frozen=True, slots=True)
class _Head:
    tag: int
    at: int
    start: int
    end: int | None
    """None for an element that lasts until its end mark."""


def to_definite(data: bytes) -> bytes:
    """The one element that ``data`` is, with definite and shortest lengths, cut octet strings joined.

    What is so already, as almost every mail is, comes back as it is: a large one is not copied level by level.

    Raises:
        NotBer: cut, followed by other bytes, too deep, too many elements, or a tag or length that CMS never needs.
    """
    return data if _is_definite(data) else _Reader(data).whole()


def without_content(definite: bytes) -> tuple[bytes, memoryview | None]:
    """An envelope (RFC 5652 §6, RFC 5083 §2.1) with its encrypted content left empty, and that content.

    A parser that copies each level would copy a large content at each. What has no such content, or is no envelope,
    comes back whole, with None.
    """
    reader = _Reader(definite)
    # ContentInfo, its [0], the (Auth)EnvelopedData, and the only sequence directly in it: EncryptedContentInfo.
    path = [reader.head(0, len(definite))]
    for tag in (_EXPLICIT, _SEQUENCE, _SEQUENCE):
        found = [child for child in reader.inside(path[-1]) if child.tag == tag]
        if len(found) != 1:
            return definite, None
        path += found
    children = list(reader.inside(path[-1]))
    if bytes(child.tag for child in children) != _CONTENT_IN_ONE_PIECE:
        return definite, None
    content = children[-1]
    shell, cut = b"".join(_length(content.tag, 0)), content
    for head in reversed(path):
        # Beside what became shorter stand, on each level, the bytes that stood there.
        shell = _encoded(head.tag, definite[head.start : cut.at] + shell + definite[cut.end : head.end])
        cut = head
    return shell, memoryview(definite)[content.start : content.end]


def _is_definite(data: bytes) -> bool:
    """Whether ``to_definite`` would change nothing. False, too, for whatever it would refuse."""
    at, ends, kinds = 0, [len(data)], [bytearray()]
    for _ in range(MAX_ELEMENTS):
        head = _plain_head(data, at, ends[-1])
        if head is None or len(ends) > MAX_DEPTH:
            return False
        tag, start, end = head
        kinds[-1].append(tag)
        # What may be a string in pieces is left to the reader.
        if tag == _OCTET_STRING | _CONSTRUCTED or (tag == _EXPLICIT and kinds[-1] == _ENCRYPTED_CONTENT):
            return False
        at = end
        if tag & _CONSTRUCTED and start < end:
            at = start
            ends.append(end)
            kinds.append(bytearray())
        while len(ends) > 1 and at == ends[-1]:
            ends.pop()
            kinds.pop()
        if len(ends) == 1:
            return at == len(data)
    return False


def _plain_head(data: bytes, at: int, limit: int) -> tuple[int, int, int] | None:
    """Tag, start and end of an element whose length is told in the shortest way; None for any other."""
    if at + 2 > limit or data[at] & _LONG_TAG == _LONG_TAG:
        return None
    length, start = data[at + 1], at + 2
    if length & _INDEFINITE:
        count = length & 0x7F
        start += count
        if not 1 <= count <= _MAX_LENGTH_BYTES or start > limit:
            return None
        length = int.from_bytes(data[at + 2 : start], "big")
        if length < max(_INDEFINITE, 1 << 8 * (count - 1)):
            return None
    end = start + length
    return (data[at], start, end) if end <= limit else None


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._left = MAX_ELEMENTS

    def whole(self) -> bytes:
        element, after = self._element(0, len(self._data), 0)
        if after != len(self._data):
            raise NotBer("bytes after the element")
        return element

    def _element(self, at: int, limit: int, depth: int) -> tuple[bytes, int]:
        self._left -= 1
        if depth > MAX_DEPTH or self._left < 0:
            raise NotBer("too deep or too many")
        head = self.head(at, limit)
        if not head.tag & _CONSTRUCTED:
            if head.end is None:
                raise NotBer("primitive without length")
            return _encoded(head.tag, self._data[head.start : head.end]), head.end
        children, after = self._children(head, limit, depth + 1)
        if head.tag == _OCTET_STRING | _CONSTRUCTED:
            return _encoded(_OCTET_STRING, b"".join(_octets(child) for child in children)), after
        if head.tag == _SEQUENCE and bytes(child[0] for child in children) == _ENCRYPTED_CONTENT:
            children[-1] = _joined(children[-1])
        return _encoded(head.tag, b"".join(children)), after

    def _children(self, head: _Head, limit: int, depth: int) -> tuple[list[bytes], int]:
        children: list[bytes] = []
        at, end = head.start, limit if head.end is None else head.end
        while at < end:
            if head.end is None and self._data.startswith(_END, at, end):
                return children, at + len(_END)
            child, at = self._element(at, end, depth)
            children.append(child)
        if head.end is None:
            raise NotBer("no end mark")
        return children, at

    def inside(self, head: _Head) -> Iterator[_Head]:
        """The elements directly in one; all have definite lengths."""
        at = head.start
        while head.end is not None and at < head.end:
            child = self.head(at, head.end)
            yield child
            at = child.end or head.end

    def head(self, at: int, limit: int) -> _Head:
        if at + 2 > limit:
            raise NotBer("cut")
        tag, first = self._data[at], self._data[at + 1]
        if tag & _LONG_TAG == _LONG_TAG:
            raise NotBer("long tag")
        if first == _INDEFINITE:
            return _Head(tag, at, at + 2, None)
        count = first & 0x7F if first & _INDEFINITE else 0
        start = at + 2 + count
        if count > _MAX_LENGTH_BYTES or start > limit:
            raise NotBer("length")
        length = int.from_bytes(self._data[at + 2 : start], "big") if count else first
        if start + length > limit:
            raise NotBer("cut")
        return _Head(tag, at, start, start + length)


def _octets(child: bytes) -> bytes:
    """The content of a piece of a string; it is definite already."""
    if child[0] != _OCTET_STRING:
        raise NotBer("not a piece of a string")
    return child[_header_size(child) :]


def _joined(string: bytes) -> bytes:
    """An encrypted content in pieces, as the one implicit octet string that it stands for; its pieces are definite."""
    pieces: list[bytes] = []
    at = _header_size(string)
    while at < len(string):
        head = _Reader(string).head(at, len(string))
        if head.tag != _OCTET_STRING or head.end is None:
            raise NotBer("not a piece of a string")
        pieces.append(string[head.start : head.end])
        at = head.end
    return _encoded(_IMPLICIT_STRING, b"".join(pieces))


def _header_size(element: bytes) -> int:
    first = element[1]
    return 2 + (first & 0x7F if first & _INDEFINITE else 0)


def _encoded(tag: int, content: bytes) -> bytes:
    return b"".join(_length(tag, len(content))) + content


def _length(tag: int, size: int) -> Iterator[bytes]:
    yield bytes([tag])
    if size < _INDEFINITE:
        yield bytes([size])
        return
    told = size.to_bytes((size.bit_length() + 7) // 8, "big")
    yield bytes([_INDEFINITE | len(told)])
    yield told
