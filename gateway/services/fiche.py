"""A form as a person filled it, and everything that is wrong with it, told at once."""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.domain.errors import FicheInvalid
from gateway.domain.kinds import Kind, as_kept, faults
from gateway.domain.words import Said, listed, said
from gateway.wire.payload import Attachment


@dataclass(frozen=True, slots=True, kw_only=True)
class Fiche:
    """A form as a person filled it: values by field id, files by role. ``path`` is only for error messages.

    ``ref`` names the case and ``request`` the beginning of a request's hash; ``hospital`` says for whom the CNAS opens
    a case. ``because`` is the reason of a person who insists although a rule warns.
    """

    path: str
    kind: Kind
    ref: str | None
    values: Mapping[str, str]
    attachments: tuple[Attachment, ...] = ()
    request: str | None = None
    hospital: str | None = None
    because: str | None = None


def check(fiche: Fiche, *, pieces: bool = True) -> None:
    """Every fault of a fiche at once.

    Raises:
        FicheInvalid.
    """
    found: list[Said] = list(faults(fiche.kind, fiche.values))
    if fiche.values.get("supersedes") and fiche.ref is None:
        # A new case would be opened, and the request that was to be replaced would stay in force.
        found.append(said("dossier : manque (celui de la demande à remplacer)"))
    if pieces:
        found += _piece_faults(fiche)
    if found:
        raise FicheInvalid(path=fiche.path, faults=listed(found))


def _piece_faults(fiche: Fiche) -> list[Said]:
    roles = [attachment.role for attachment in fiche.attachments]
    known = {piece.role: piece for piece in fiche.kind.pieces}
    found = [
        said("pieces.{place} : manque ({title})", place=piece.fiche, title=said(piece.title))
        for piece in fiche.kind.pieces
        if piece.required and piece.role not in roles
    ]
    found += [
        said("pieces.{place} : donné deux fois", place=known[role].fiche) for role in known if roles.count(role) > 1
    ]
    return found + [
        said("pieces : {name} est vide", name=attachment.name)
        for attachment in fiche.attachments
        if not attachment.data
    ]


def by_place(kind: Kind, places: Mapping[str, str]) -> dict[str, str]:
    """Values by field id, from their places in the fiche.

    Raises:
        FicheInvalid: a place that the kind does not have.
    """
    known = {field.fiche: field.id for field in kind.fields}
    strangers = [said("{place} : clé inconnue", place=place) for place in places if place not in known]
    if strangers:
        raise FicheInvalid(path=kind.id, faults=listed(strangers))
    return as_kept(kind, {known[place]: value for place, value in places.items()})
