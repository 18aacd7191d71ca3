"""Compares a mail as it was found with what was sent: headers rewritten, and what happened to the content. Pure."""

from enum import Enum

from gateway.domain.errors import MailMalformed
from gateway.wire import mime
from gateway.wire.mime import Part


class Damage(Enum):
    """What happened to the content on its way, the gravest last."""

    NONE = "none"
    TOUCHED = "touched"
    ADDED = "added"
    CHANGED = "changed"
    STRIPPED = "stripped"


_ORDER = tuple(Damage)
HEADERS = ("from", "to", "date", "message-id", "subject", "auto-submitted")


def damage(sent: bytes, found: bytes) -> Damage:
    """What became of the content.

    ``TOUCHED``: every part is there, byte for byte, in another dress (encoding, fields of a part, text before the
    first part). ``ADDED``: they are there with something beside or around them. ``CHANGED``: one has other bytes.
    ``STRIPPED``: one is gone.

    Raises:
        MailMalformed: ``sent`` is no mail (a defect of ours).
    """
    ours = mime.parse(sent)
    try:
        theirs = mime.parse(found)
    except MailMalformed:
        return Damage.CHANGED
    same_shape = _shape(ours) == _shape(theirs)
    if same_shape and ours.body.rstrip() == theirs.body.rstrip():
        return Damage.NONE
    fates = [_fate(leaf, _leaves(theirs)) for leaf in _leaves(ours)]
    worst = max(fates, key=_ORDER.index)
    if worst is Damage.NONE:
        # Text after the last part is how most footers are added to a mail that is not plain text.
        return Damage.TOUCHED if same_shape and not theirs.epilogue else Damage.ADDED
    return worst


def rewritten(sent: bytes, found: bytes) -> tuple[str, ...]:
    """Names of our header fields that no longer say the same; a field that is gone or repeated counts.

    Raises:
        MailMalformed: one of the two has no readable header.
    """
    ours, theirs = mime.parse(sent).headers, _headers(found)
    return tuple(name for name in HEADERS if _plain(name, ours.get_all(name)) != _plain(name, theirs.get_all(name)))


def _headers(raw: bytes) -> mime.Headers:
    """The header alone: a body that cannot be read must not hide it."""
    head, _, _ = raw.replace(b"\r\n", b"\n").partition(b"\n\n")
    return mime.parse_headers(head)


def _plain(name: str, values: tuple[str, ...]) -> tuple[object, ...]:
    """Values as they are meant: folding, encoding and the way of writing a date do not count."""
    if name == "date":
        return tuple(mime.date(value) for value in values)
    return tuple(" ".join(mime.decode_words(value).split()).replace("<", "").replace(">", "") for value in values)


def _shape(part: Part) -> tuple[object, ...]:
    return (part.content_type.media, *(_shape(child) for child in part.parts))


def _leaves(part: Part) -> list[tuple[str, bytes]]:
    """Media type and content of each part that has no parts; content without the blanks around it."""
    return [(leaf.content_type.media, _content(leaf)) for leaf in part.walk() if not leaf.parts]


def _content(leaf: Part) -> bytes:
    try:
        return leaf.decoded().replace(b"\r\n", b"\n").strip()
    except MailMalformed:
        return leaf.body


def _fate(leaf: tuple[str, bytes], found: list[tuple[str, bytes]]) -> Damage:
    media, content = leaf
    if any(content == other for _, other in found):
        return Damage.NONE
    if any(content in other for _, other in found):
        return Damage.ADDED
    return Damage.CHANGED if any(media == other for other, _ in found) else Damage.STRIPPED
