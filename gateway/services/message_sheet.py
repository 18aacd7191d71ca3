"""A message as a page to read: what its sender states, by the titles of the form, as far as this person may read it.

It is a reading aid: the message itself is what its author signed, and the page gives its hash.
"""

from collections.abc import Iterator
from datetime import datetime

from gateway.domain.kinds import Field, FieldType, parse_date, parse_instant
from gateway.domain.parties import Party
from gateway.domain.sheet import (
    Block,
    Exact,
    Facts,
    Heading,
    Notice,
    Paragraph,
    Sheet,
    Table,
    Text,
    end_of_day,
    euros,
    long_day,
    long_instant,
)
from gateway.domain.words import Said, said
from gateway.services.excerpt import Opened
from gateway.services.letters import closing
from gateway.storage import Direction
from gateway.wire.fields import printable
from gateway.wire.params import safe_filename

ENDS = frozenset({"ends_at", "effective_at"})
"""Fields that hold the end of a period: nobody reads « 0 h 00 » as the end of the day before."""

LONGEST = 20_000
"""Characters of a text that are printed: ten pages; a letter that is longer is read on a screen."""


def message_sheet(opened: Opened, *, party: Party, actor: str, at: datetime, rehearsal: bool = False) -> Sheet:
    """The document, for this reader; a demonstration's is marked."""
    message, kind = opened.message, opened.content.kind
    medical = opened.whole and opened.content.medical
    subtitle = said("{form} – message {number}", form=kind.form, number=message.id) if kind.form else None
    return Sheet(
        title=Said(kind.title),
        subtitle=subtitle or said("message {number}", number=message.id),
        author=party.name,
        reference=said("Dossier {ref}", ref=opened.case.ref),
        mark=said("Démonstration") if rehearsal else None,
        foot=said("Imprimé le {at} par {who}", at=long_instant(at), who=actor),
        blocks=(
            *_warning(opened, medical=medical),
            Facts(rows=tuple(_envelope(opened))),
            *_stated(opened),
            *_pieces(opened),
            *_closing(opened),
        ),
    )


def _warning(opened: Opened, *, medical: bool) -> Iterator[Block]:
    if medical:
        yield Notice(
            title=said("Données médicales."), text=said("Pour le médecin qui suit ce patient, et pour lui seul.")
        )
    elif opened.content.medical:
        yield Notice(
            title=said("Les éléments médicaux ne sont pas imprimés."),
            text=said("Seul un médecin qui suit ce dossier peut les lire."),
        )


def _envelope(opened: Opened) -> Iterator[tuple[Text, Text]]:
    message = opened.message
    partners = message.partner.replace("+", ", ")
    yield (said("Reçu de") if message.direction is Direction.IN else said("Envoyé à")), partners
    yield said("Daté du"), long_instant(message.at)
    yield said("Empreinte (SHA-256)"), Exact(message.mic)


def _stated(opened: Opened) -> Iterator[Block]:
    rows = tuple(
        (_title(field), _value(field, value))
        for field in opened.content.kind.fields
        if (value := opened.values.get(field.id))
    )
    if rows:
        yield Heading(text=said("Ce qu'il dit"))
        yield Facts(rows=rows)
        return
    # Written by hand, or by a program that we do not know: its own text, or what may be told of it.
    yield Heading(text=said("Son texte"))
    text = opened.payload.text
    for line in text[:LONGEST].splitlines():
        if line.strip():
            yield Paragraph(text=printable(line))
    if len(text) > LONGEST:
        yield Paragraph(text=said("La suite ne s'imprime pas : gateway message show."))


def _title(field: Field) -> Said:
    return said("{title}", title=Said(field.title))


def _value(field: Field, value: str) -> Text:
    if field.type is FieldType.DATE and (day := parse_date(value)):
        return long_day(day)
    if field.type is FieldType.INSTANT and (at := parse_instant(value)):
        return end_of_day(at) if field.id in ENDS else long_instant(at)
    if field.type is FieldType.AMOUNT:
        return euros(value)
    if value in field.choices:
        return Said(value)
    text = "\n".join(printable(line) for line in value[:LONGEST].splitlines())
    return text if len(value) <= LONGEST else f"{text} […]"


def _pieces(opened: Opened) -> Iterator[Block]:
    titles = {piece.role: Said(piece.title) for piece in opened.content.kind.pieces}
    rows = tuple(
        (
            titles.get(piece.role or "", said("pièce que l'expéditeur n'a pas décrite")),
            safe_filename(piece.name),
            said("{size} octets", size=len(piece.data)),
        )
        for piece in opened.payload.attachments
    )
    if rows:
        yield Heading(text=said("Pièces jointes au message"))
        yield Table(head=(said("Pièce"), said("Nom"), said("Taille")), widths=(9, 8, 4), rows=rows)


def _closing(opened: Opened) -> Iterator[Block]:
    text = closing(opened.content.kind)
    if text:
        yield Heading(text=said("Ce qu'en font les textes"))
        yield Paragraph(text=text)
