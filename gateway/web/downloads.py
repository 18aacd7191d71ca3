"""A file that a person takes away: always saved, never shown by the browser, whatever it says of itself."""

from urllib.parse import quote

from fastapi.responses import Response

from gateway.wire.params import safe_filename
from gateway.wire.payload import Attachment

_OPAQUE = "application/octet-stream"
_KNOWN = frozenset({"application/pdf", "image/jpeg", "image/png"})


def attached(file: Attachment) -> Response:
    """The file as an attachment (RFC 6266); a type that a browser might run is not named."""
    name = safe_filename(file.name) or "piece"
    plain = "".join(letter if letter.isascii() and letter not in '\\"' else "_" for letter in name)
    disposition = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
    media_type = file.media_type if file.media_type in _KNOWN else _OPAQUE
    return Response(file.data, media_type=media_type, headers={"Content-Disposition": disposition})
