"""What is in a form under way, as it is sealed: its fields, its reason, and the files that were put to it.

A file is what its first bytes say, never what its name or the browser says; its name gets the extension that is true.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime

from gateway.domain.kinds import Kind
from gateway.domain.media import media_of
from gateway.domain.words import french
from gateway.wire.params import safe_filename

MAX_PIECE = 20 * 1024 * 1024
"""Bytes of one file."""

LONGEST = 20_000
"""Characters of one field: ten pages; more belongs in a file."""

MOST = 200_000
"""Characters of one field that are kept all the same, so that a slip of the keyboard loses nothing."""

REFUSED = {
    "type": french("Ce fichier n'est ni un PDF, ni une image JPEG ou PNG : il n'a pas été gardé."),
    "size": french("Ce fichier dépasse 20 Mo : il n'a pas été gardé."),
    "empty": french("Ce fichier est vide : il n'a pas été gardé."),
    "taken": french("Une autre personne a déposé cette pièce entre-temps : la vôtre n'a pas été gardée."),
    "unknown": french("Cette pièce n'est pas attendue ici : elle n'a pas été gardée."),
}
"""Why a file was not kept, by its code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file as it arrives, for this place of the form."""

    role: str
    name: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptPiece:
    """A file that is kept; ``file`` is its name in the spool."""

    role: str
    file: str
    name: str
    media_type: str
    size: int
    by: str
    at: str

    @property
    def put_at(self) -> datetime:
        """When it was put there."""
        return datetime.fromisoformat(self.at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Everything of a form. ``because`` is the reason of who insists; ``hospital`` for whom the CNAS opens a case."""

    values: Mapping[str, str] = field(default_factory=dict)
    because: str = ""
    hospital: str = ""
    pieces: tuple[KeptPiece, ...] = ()

    def piece(self, role: str) -> KeptPiece | None:
        """The file at this place."""
        return next((piece for piece in self.pieces if piece.role == role), None)

    def plain(self) -> str:
        """As text, to be sealed."""
        return json.dumps(asdict(self) | {"values": dict(self.values)}, ensure_ascii=False, sort_keys=True)


def content_of(plain: str) -> Content:
    """The same, opened."""
    told = json.loads(plain)
    return Content(**told | {"pieces": tuple(KeptPiece(**piece) for piece in told["pieces"])})


def looked_at(kind: Kind, upload: Upload) -> tuple[str, str] | str:
    """The true type and the name of a file, or the code of why it is not taken."""
    piece = next((piece for piece in kind.pieces if piece.role == upload.role), None)
    if piece is None:
        return "unknown"
    if not upload.data:
        return "empty"
    if len(upload.data) > MAX_PIECE:
        return "size"
    known = media_of(upload.data)
    if known is None:
        return "type"
    stem = safe_filename(upload.name).rpartition(".")
    return known.type, safe_filename(f"{stem[0] or stem[2] or piece.fiche}.{known.extension}")
