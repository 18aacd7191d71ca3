"""What a reader gets of a message: a French letter and files with names of ours, medical parts only for a physician.

The whole letter is the sender's own text. The other one is written again from the catalogue's plain fields, since a
sender's text may say anything.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from gateway.domain.days import PARIS
from gateway.domain.errors import MailMalformed
from gateway.domain.kinds import Kind, Piece
from gateway.domain.readers import Share, has_medical
from gateway.services import letters
from gateway.services.arrived import values_of
from gateway.storage import Case, Message
from gateway.wire import manifest
from gateway.wire.fields import printable
from gateway.wire.params import safe_filename
from gateway.wire.payload import MANIFEST_TYPE, Attachment, Payload

LETTER = "lettre.txt"

_LONGEST = 120
"""Bytes of a file's name before its number and extension: half of what file systems take."""

_ODD = re.compile(r"[^\w .()+,'-]")
_EXTENSION = re.compile(r"[A-Za-z0-9]{1,8}")
_MEDIA_TYPE = re.compile(r"(?!message/|multipart/)[a-z0-9][a-z0-9.+-]{0,60}/[a-z0-9][a-z0-9.+-]{0,60}")
_OPAQUE = "application/octet-stream"
_WITHHELD = "Ce courrier contient aussi des éléments réservés au médecin : {what}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """A letter, and files whose names are safe and different from each other and from the letter's."""

    letter: str
    files: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """An opened message: what its manifest says, and its payload."""

    kind: Kind
    values: Mapping[str, str]
    payload: Payload

    @property
    def medical(self) -> bool:
        """Whether it holds anything for physicians alone."""
        return has_medical(self.kind, self.values, (piece.role for piece in self.payload.attachments))


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A message that a person reads; ``whole`` says that this one may read what is medical, if any is in it."""

    message: Message
    case: Case
    content: Content
    whole: bool

    @property
    def payload(self) -> Payload:
        """What this person may have of it."""
        if self.whole or not self.content.medical:
            return self.content.payload
        return without_medical(self.content, self.message, self.case)

    @property
    def values(self) -> Mapping[str, str]:
        """The fields that this person may read, by id."""
        hidden = frozenset[str]() if self.whole else {field.id for field in self.content.kind.fields if field.medical}
        return {name: value for name, value in self.content.values.items() if name not in hidden}


def read_content(kind: Kind, payload: Payload) -> Content:
    """The content of a message. Without a manifest that is read, no field is known, and every piece is medical."""
    if payload.manifest is None:
        return Content(kind=kind, values={}, payload=payload)
    try:
        told = manifest.decode(payload.manifest)
    except MailMalformed:
        return Content(kind=kind, values={}, payload=payload)
    return Content(kind=kind, values=values_of(told), payload=payload)


def excerpt(content: Content, share: Share, message: Message, case: Case, *, waits: bool = False) -> Excerpt:
    """The share of a reader who may have content. ``waits`` says that no physician can have the medical parts yet."""
    known = {piece.role: piece for piece in content.kind.pieces}
    if share is Share.WHOLE:
        files = _named(content.payload.attachments, known)
        body = content.payload.text
    else:
        plain = {role: piece for role, piece in known.items() if not piece.medical}
        files = _named(tuple(each for each in content.payload.attachments if each.role in plain), plain)
        # A name that the sender chose may say what the file's kind does not.
        files = [(file, "") for file, _ in files]
        body = plain_letter(content, message, case, waits=waits)
    lines = [heading(message, case), "", *_readable(body), ""]
    if files:
        lines += ["Fichiers remis avec cette lettre :"]
        lines += [f"- {file.name} : {_described(known.get(file.role or ''), source)}" for file, source in files]
    return Excerpt(letter="\n".join(lines).rstrip() + "\n", files=tuple(file for file, _ in files))


def plain_letter(content: Content, message: Message, case: Case, *, waits: bool) -> str:
    """The letter without what is medical."""
    values = {field.id: content.values.get(field.id, "") for field in content.kind.fields if not field.medical}
    text = letters.letter(content.kind, case.ref, values, (), message.partner)
    if not content.medical:
        return text
    await_physician = f"ils attendent dans la passerelle ; gateway case assign {case.ref} le désigne"
    return text + "\n" + _WITHHELD.format(what=await_physician if waits else "ils lui sont remis, à lui seul")


def without_medical(content: Content, message: Message, case: Case) -> Payload:
    """The payload as a person reads it who is no physician."""
    plain = {piece.role for piece in content.kind.pieces if not piece.medical}
    return replace(
        content.payload,
        text=plain_letter(content, message, case, waits=False),
        manifest=None,
        attachments=tuple(piece for piece in content.payload.attachments if piece.role in plain),
    )


def heading(message: Message, case: Case) -> str:
    """The first line: from whom, about what, of when; no name, no kind."""
    day = message.at.astimezone(PARIS)
    return f"Courrier de « {message.partner} », dossier {case.ref}, daté du {day:%d/%m/%Y} (message {message.id})"


def waiting_notice(message: Message, case: Case) -> Excerpt:
    """What a reader learns of a message that nobody can have yet: no content, no kind, no sender."""
    return Excerpt(
        letter=f"Un courrier du dossier {case.ref} attend dans la passerelle : aucun lecteur désigné ne peut le "
        f"recevoir.\n\nPour désigner le médecin du dossier : gateway case assign {case.ref} LECTEUR\n"
        f"Pour le lire, si vous y êtes autorisé : gateway message show {message.id}\n"
    )


def arrival_notice(message: Message, case: Case) -> Excerpt:
    """What a reader learns who reads with our commands: no content, no kind, no sender."""
    return Excerpt(
        letter=f"Un courrier du dossier {case.ref} vous attend.\n\n"
        f"Pour le lire : gateway message show {message.id}\n"
        f"Pour en enregistrer les pièces : gateway message save {message.id} --to DOSSIER\n"
    )


def _readable(text: str) -> list[str]:
    """Lines without control or direction characters: the letter is read in terminals and editors."""
    return [printable(line) for line in text.splitlines()]


def _described(piece: Piece | None, source: str) -> str:
    told = piece.title if piece else "pièce que l'expéditeur n'a pas décrite"
    return f"{told} (nommée « {source} » par l'expéditeur)" if source else told


def _named(pieces: tuple[Attachment, ...], known: Mapping[str, Piece]) -> list[tuple[Attachment, str]]:
    """Each piece under a name of ours, with the name that its sender gave."""
    taken = {LETTER}
    found = []
    for piece in pieces:
        given = safe_filename(piece.name)
        stem, extension = _parts(given, piece.media_type)
        described = known.get(piece.role or "")
        if described:
            stem = described.fiche
        name = _free(stem, extension, taken)
        taken.add(name.casefold())
        media_type = piece.media_type if _is_plain(piece.media_type) else _OPAQUE
        found.append((Attachment(name=name, media_type=media_type, data=piece.data, role=piece.role), given))
    return found


def _is_plain(media_type: str) -> bool:
    return _MEDIA_TYPE.fullmatch(media_type) is not None and media_type != MANIFEST_TYPE


def _parts(name: str, media_type: str) -> tuple[str, str]:
    """Stem and extension that no file system and no command line takes for something else."""
    stem, dot, extension = name.rpartition(".")
    if not dot or not _EXTENSION.fullmatch(extension):
        stem, extension = name, "pdf" if media_type == "application/pdf" else "bin"
    short = _ODD.sub("_", stem).encode()[:_LONGEST].decode(errors="ignore")
    return short.strip(" .-") or "piece", extension.lower()


def _free(stem: str, extension: str, taken: set[str]) -> str:
    """Different from all others, also where upper and lower case are the same."""
    name, number = f"{stem}.{extension}", 1
    while name.casefold() in taken:
        number += 1
        name = f"{stem}-{number}.{extension}"
    return name
