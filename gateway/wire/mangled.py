"""The one shape into which Exchange turns PGP/MIME on its way, and what it was before.

A multipart/mixed of an empty text and the two parts of RFC 3156 §4 (draft-dkg-openpgp-pgpmime-message-mangling, “mixed
up” encryption). Nothing but exactly that is put right: a ciphertext beside anything that a person could read is EFAIL.
"""

from dataclasses import replace

from gateway.wire.mime import ContentType, Part

CHANGED = ("Content-Type",)
"""The field of the outer header that is not as it was written."""

_CONTROL = "application/pgp-encrypted"
_MEDIA = ("text/plain", _CONTROL, "application/octet-stream")
_BEFORE = ContentType(maintype="multipart", subtype="encrypted", params={"protocol": _CONTROL})


def is_mangled(part: Part) -> bool:
    """Whether a whole mail is exactly this.

    Raises:
        MailMalformed: the text in it cannot be decoded.
    """
    if part.content_type.media != "multipart/mixed" or not part.closed or part.epilogue:
        return False
    media = tuple(child.content_type.media for child in part.parts)
    return media == _MEDIA and not part.parts[0].decoded().strip()


def as_written(part: Part) -> Part:
    """The mail as its author's program wrote it; the slices are those of the mail that came."""
    return replace(part, content_type=_BEFORE, parts=part.parts[1:]) if is_mangled(part) else part
