"""Reads a fiche (TOML) and its attachments from files. Every fault is told at once."""

import mimetypes
import tomllib
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from gateway.domain.errors import FicheInvalid, FileUnreadable, Unknown
from gateway.domain.kinds import EXTENSION_REQUEST, KINDS, Kind, as_kept
from gateway.domain.kinds import faults as lacking
from gateway.domain.reasons import system_reason, toml_reason
from gateway.domain.settlements import WORDS
from gateway.domain.words import Said, listed, said
from gateway.services.fiche import Fiche
from gateway.wire.params import safe_filename
from gateway.wire.payload import Attachment


def read_fiche(
    path: Path,
    attach: Sequence[str] = (),
    ref: str | None = None,
    *,
    request: str | None = None,
    because: str | None = None,
) -> Fiche:
    """The fiche as the desk takes it.

    Raises:
        FileUnreadable, FicheInvalid.
    """
    document = _document(path)
    named = str(document.pop("kind", EXTENSION_REQUEST.id))
    kind = KINDS.get(named)
    if kind is None:
        raise FicheInvalid(path=path, faults=listed([_unknown_kind(named)]))
    head = {key: str(document.pop(key)) for key in ("dossier", "demande_visee", "hopital") if key in document}
    pieces = document.pop("pieces", {})
    values, wrong = _values(kind, document)
    given, more = _attachments(kind, pieces, attach, path.parent)
    if wrong or more:
        raise FicheInvalid(path=path, faults=listed([*wrong, *lacking(kind, values), *more]))
    return Fiche(
        path=str(path),
        kind=kind,
        ref=ref or head.get("dossier"),
        values=values,
        attachments=given,
        request=request or head.get("demande_visee"),
        hospital=head.get("hopital"),
        because=because,
    )


def _document(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileUnreadable(path=path, reason=system_reason(error)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FicheInvalid(path=path, faults=toml_reason(error)) from error


def places_of(path: Path, what: str) -> dict[str, str]:
    """The fields of a fiche by their place, for a mail that a person says to be this.

    Raises:
        FileUnreadable, FicheInvalid: unreadable, or the fiche of another kind.
    """
    document = _document(path)
    named = str(document.pop("kind", what))
    if what.lower() != named.lower() and WORDS.get(what) is not KINDS.get(named):
        raise FicheInvalid(path=path, faults=listed([said("kind : attendu {what}", what=what)]))
    return {
        f"{section}.{key}": _text(value)
        for section, content in document.items()
        if isinstance(content, dict) and section != "pieces"
        for key, value in content.items()
        if _text(value)
    }


def known_kind(named: str) -> Kind:
    """The kind of this identifier, in any case, or of this number (M12).

    Raises:
        Unknown.
    """
    wanted = named.strip().lower()
    for kind in KINDS.values():
        if wanted in {kind.id.lower(), (kind.number or "").lower()}:
            return kind
    raise Unknown(kind=said("type"), ref=named[:40])


def noted(
    what: str,
    *,
    case: str | None,
    on: str | None,
    fields: Sequence[str],
    request: str | None,
    because: str | None,
) -> Fiche:
    """A fact to note: from a fiche, or from its type, its date and its fields.

    Raises:
        FileUnreadable, FicheInvalid, Unknown.
    """
    if what.endswith(".toml"):
        return read_fiche(Path(what), ref=case, request=request, because=because)
    kind = known_kind(what)
    values, wrong = _values(kind, _nested(pairs(fields, on=on)))
    if wrong:
        raise FicheInvalid(path=what, faults=listed(wrong))
    return Fiche(path=what, kind=kind, ref=case, values=values, request=request, because=because)


def pairs(fields: Sequence[str], *, on: str | None) -> dict[str, str]:
    """Fields typed as PLACE=VALUE, by their place in the fiche; ``on`` is the date of a fact.

    Raises:
        FicheInvalid: one of them is not so written.
    """
    found = {"fait.date": on} if on else {}
    for item in fields:
        place, separator, value = item.partition("=")
        if not separator:
            raise FicheInvalid(path="--set", faults=listed([said("{item} : attendu CHAMP=VALEUR", item=item)]))
        found[place.strip()] = value.strip()
    return found


def _nested(places: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for place, value in places.items():
        section, _, key = place.partition(".")
        found.setdefault(section, {})[key] = value
    return found


def _unknown_kind(named: str) -> Said:
    return said("kind : « {named} » n'est pas un type connu ; « gateway fiche » les liste", named=named[:40])


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
                values[places[place]] = _text(value)
    return as_kept(kind, values), faults


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else str(value).strip()


def _attachments(
    kind: Kind, pieces: object, attach: Sequence[str], folder: Path
) -> tuple[tuple[Attachment, ...], list[Said]]:
    """From [pieces] of the fiche, then from --attach: ROLE=FILE, or files alone in the official order."""
    named: list[tuple[str, Path]] = []
    faults: list[Said] = []
    keys = {piece.fiche: piece.role for piece in kind.pieces} | {piece.role: piece.role for piece in kind.pieces}
    for key, value in pieces.items() if isinstance(pieces, dict) else ():
        if value:
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
    found, unread = _read([(key, keys[key], path) for key, path in named if key in keys])
    return found, faults + unread


def _read(named: Sequence[tuple[str, str, Path]]) -> tuple[tuple[Attachment, ...], list[Said]]:
    """The files of these keys and roles."""
    found: list[Attachment] = []
    faults: list[Said] = []
    for key, role, path in named:
        try:
            found.append(attachment(role, path))
        except FileUnreadable as error:
            place, reason = f"pieces.{key}", error.fields["reason"]
            faults.append(said("{place} : {file} : {reason}", place=place, file=path, reason=reason))
    return tuple(found), faults


def read_file(path: Path) -> bytes:
    """The bytes of a file that a person names.

    Raises:
        FileUnreadable.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise FileUnreadable(path=path, reason=system_reason(error)) from error


def attachment(role: str, path: Path) -> Attachment:
    """A file as an attachment.

    Raises:
        FileUnreadable.
    """
    data = read_file(path)
    media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return Attachment(name=safe_filename(path.name), media_type=media_type, data=data, role=role)
