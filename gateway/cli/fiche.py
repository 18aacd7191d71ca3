"""Reads a fiche (TOML) and its attachments from files. Every fault is told at once."""

import mimetypes
import tomllib
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from gateway.domain.errors import FicheInvalid, FileUnreadable
from gateway.domain.kinds import EXTENSION_REQUEST, KINDS, Kind
from gateway.domain.reasons import system_reason, toml_reason
from gateway.domain.words import Said, listed, said
from gateway.services.desk import Fiche
from gateway.wire.params import safe_filename
from gateway.wire.payload import Attachment


def read_fiche(path: Path, attach: Sequence[str], ref: str | None) -> Fiche:
    """The fiche as the desk takes it.

    Raises:
        FileUnreadable, FicheInvalid.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileUnreadable(path=path, reason=system_reason(error)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FicheInvalid(path=path, faults=toml_reason(error)) from error
    kind = KINDS.get(str(document.pop("kind", EXTENSION_REQUEST.id)))
    if kind is None:
        raise FicheInvalid(path=path, faults=said("kind : {choices} attendu", choices=", ".join(KINDS)))
    told = document.pop("dossier", None)
    pieces = document.pop("pieces", {})
    values, faults = _values(kind, document)
    given, more = _attachments(kind, pieces, attach, path.parent)
    if faults or more:
        raise FicheInvalid(path=path, faults=listed([*faults, *more]))
    return Fiche(path=str(path), kind=kind, ref=ref or told, values=values, attachments=given)


def _values(kind: Kind, document: dict[str, Any]) -> tuple[dict[str, str], list[Said]]:
    places = {field.fiche: field.id for field in kind.fields}
    values: dict[str, str] = {}
    faults = []
    for section, content in document.items():
        if not isinstance(content, dict):
            faults.append(said("{place} : clé inconnue", place=section))
            continue
        for key, value in content.items():
            place = f"{section}.{key}"
            if place not in places:
                faults.append(said("{place} : clé inconnue", place=place))
            else:
                values[places[place]] = value.isoformat() if isinstance(value, date) else str(value).strip()
    return values, faults


def _attachments(
    kind: Kind, pieces: object, attach: Sequence[str], folder: Path
) -> tuple[tuple[Attachment, ...], list[Said]]:
    """From [pieces] of the fiche, then from --attach: ROLE=FILE, or files alone in the official order."""
    named: list[tuple[str, Path]] = []
    faults: list[Said] = []
    keys = {piece.fiche: piece.role for piece in kind.pieces} | {piece.role: piece.role for piece in kind.pieces}
    for key, value in pieces.items() if isinstance(pieces, dict) else ():
        named.append((key, folder / str(value)))
    free = []
    for item in attach:
        key, separator, file = item.partition("=")
        if separator and key in keys:
            named.append((key, Path(file)))
        else:
            free.append(Path(item))
    taken = {keys.get(key) for key, _ in named}
    left = [piece.fiche for piece in kind.pieces if piece.role not in taken]
    named += zip(left, free, strict=False)
    faults += [said("pièce en trop : {name}", name=file.name) for file in free[len(left) :]]
    faults += [said("{place} : clé inconnue", place=f"pieces.{key}") for key, _ in named if key not in keys]
    return tuple(attachment(keys[key], file) for key, file in named if key in keys), faults


def attachment(role: str, path: Path) -> Attachment:
    """A file as an attachment.

    Raises:
        FileUnreadable.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FileUnreadable(path=path, reason=system_reason(error)) from error
    media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return Attachment(name=safe_filename(path.name), media_type=media_type, data=data, role=role)
