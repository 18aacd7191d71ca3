"""Reads what comes with files: one JSON part, and the files under the names of their pieces."""

import mimetypes
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.datastructures import UploadFile

from gateway.domain.kinds import KINDS, Kind, as_kept
from gateway.domain.kinds import faults as lacking
from gateway.domain.words import listed, said
from gateway.services.fiche import Fiche
from gateway.services.once import digest
from gateway.web.api.door import Call, leaves, read_json
from gateway.web.api.faults import Fault, by_place, of_validation
from gateway.web.api.problems import Problem, invalid
from gateway.wire.params import safe_filename
from gateway.wire.payload import Attachment

B = TypeVar("B", bound=BaseModel)

MOST_PARTS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A part that is a file; ``part`` is its name in the form."""

    part: str
    name: str
    data: bytes


async def parts(call: Call, model: type[B], part: str) -> tuple[B, tuple[File, ...]]:
    """The JSON part, and the files.

    Raises:
        Problem: the form is not readable, or the part lacks or has faults: all of them.
    """
    async with call.request.form(max_files=MOST_PARTS, max_fields=MOST_PARTS) as form:
        told: bytes | None = None
        files: list[File] = []
        for name, value in form.multi_items():
            data = await value.read() if isinstance(value, UploadFile) else value.encode()
            if name == part and told is None:
                told = data
            else:
                label = value.filename or "" if isinstance(value, UploadFile) else ""
                files.append(File(part=name, name=label, data=data))
    call.request.state.sent += [text for file in files for text in (file.part, file.name)]
    if told is None:
        raise invalid(Fault(place="parts", pointer=f"/{part}", expected=said("un document JSON")))
    found = read_json(told)
    call.request.state.sent += leaves(found)
    try:
        return model.model_validate(found), tuple(files)
    except ValidationError as error:
        raise Problem("invalid", errors=of_validation(error.errors(), place="body")) from None


def same(body: BaseModel, files: Iterable[File] = ()) -> bytes:
    """The same bytes for the same thing, whatever the order of keys and the boundary between parts."""
    told = [body.model_dump_json().encode()]
    for file in sorted(files, key=lambda each: (each.part, each.name, each.data)):
        told += [file.part.encode(), file.name.encode(), file.data]
    return digest(*told).encode()


def kind_of(named: str, allowed: Sequence[Kind]) -> Kind:
    """The kind of this identifier, among those that fit here.

    Raises:
        Problem: it is none of them.
    """
    kind = KINDS.get(named)
    if kind is None or kind not in allowed:
        choices = ", ".join(row.id for row in allowed)
        raise invalid(Fault(place="body", pointer="/kind", expected=said("un de : {expected}", expected=choices)))
    return kind


def values_of(kind: Kind, places: dict[str, str]) -> dict[str, str]:
    """Values by field id, from their places in the fiche.

    Raises:
        Problem: a place that the kind does not have; with every other fault.
    """
    known = {field.fiche: field.id for field in kind.fields}
    values = as_kept(kind, {known[place]: value for place, value in places.items() if place in known})
    if set(places) - set(known):
        choices = ", ".join(known)
        stranger = Fault(
            place="body", pointer="/fields", expected=said("seulement ces champs : {choices}", choices=choices)
        )
        raise invalid(stranger, *by_place(listed(lacking(kind, values))))
    return values


def pieces_of(kind: Kind, files: Iterable[File]) -> tuple[Attachment, ...]:
    """The files as the pieces of a message.

    Raises:
        Problem: a part that is no piece of this kind.
    """
    roles = {piece.fiche: piece.role for piece in kind.pieces} | {piece.role: piece.role for piece in kind.pieces}
    files = tuple(files)
    if any(file.part not in roles for file in files):
        choices = ", ".join(piece.fiche for piece in kind.pieces) or "–"
        expected = said("seulement ces pièces : {choices}", choices=choices)
        raise invalid(Fault(place="parts", pointer="", expected=expected))
    return tuple(_attachment(roles[file.part], file) for file in files)


def _attachment(role: str, file: File) -> Attachment:
    name = safe_filename(file.name) or f"{role}.bin"
    media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return Attachment(name=name, media_type=media_type, data=file.data, role=role)


def fiche(
    kind: Kind,
    *,
    fields: dict[str, str],
    files: Iterable[File] = (),
    ref: str | None = None,
    request: str | None = None,
    hospital: str | None = None,
    because: str | None = None,
) -> Fiche:
    """A form as a program filled it.

    Raises:
        Problem: fields or pieces that the kind does not have.
    """
    return Fiche(
        path=kind.id,
        kind=kind,
        ref=ref,
        values=values_of(kind, fields),
        attachments=pieces_of(kind, files),
        request=request,
        hospital=hospital,
        because=because,
    )
