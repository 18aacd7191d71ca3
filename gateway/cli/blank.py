"""A fiche to fill, for any kind: made from the catalogue, each line with what it is and how it is written."""

import re

from gateway.domain.kinds import Field, FieldType, Kind, Travel

_HINTS = {
    FieldType.DATE: " : par exemple 13/03/2027",
    FieldType.DAYS: " : nombre de jours, par exemple 21",
    FieldType.AMOUNT: " : en euros, par exemple 12500,00",
    FieldType.INSTANT: " : avec son fuseau, par exemple 2027-03-13T10:00:00+01:00",
    FieldType.TEXT: "",
}
"""No example stands where a value goes, nor a file's name: forgotten there, it would leave as the patient's own."""
_TEXTS = {"001": "page de l'assurance maladie", "002": "circulaire 31/2021", "003": "instruction 2019/224"}


def blank_fiche(kind: Kind) -> str:
    """The fiche of a kind, in TOML, with every field commented."""
    verb = "submit" if kind.travel is Travel.MAIL else "note"
    lines = [
        f"# {kind.title}{f' ({kind.number})' if kind.number else ''}",
        f"# Remplissez les valeurs entre les guillemets, puis : gateway {verb} ma-fiche.toml",
        *(f"# {title} : {text}" for title, text in _told(kind) if text),
        "",
        f'kind = "{kind.id}"',
        "# Le dossier, quand il existe déjà.",
        '#dossier = "7F3K-Q2"',
    ]
    for section, fields in _sections(kind).items():
        lines += ["", f"[{section}]"]
        for field in fields:
            lines += [
                f"# {_capital(field.title)}{_hint(field)}{'' if field.required else ' (facultatif)'}.",
                f'{"" if field.required else "#"}{field.fiche.partition(".")[2]} = ""',
            ]
    if kind.pieces and kind.travel is Travel.MAIL:
        where = "# Un fichier par pièce, cherché à partir du dossier de cette fiche, par exemple pieces/formulaire.pdf."
        lines += ["", where, "[pieces]"]
        for piece in kind.pieces:
            mark = "" if piece.required else "#"
            told = "" if piece.required else " (facultatif)"
            lines += [f"# {_capital(piece.title)}{told}.", f'{mark}{piece.fiche} = ""']
    return "\n".join([*lines, ""])


def _told(kind: Kind) -> tuple[tuple[str, str], ...]:
    return (
        ("Formulaire", kind.form or ""),
        ("Condition", kind.precondition),
        ("Délai", kind.deadline),
        ("Effet", kind.effect),
        ("Source", cited(kind.source)),
    )


def cited(source: str) -> str:
    """A source by the name of its text and its lines, as the catalogue's short form stands for them."""
    named = re.sub(r"\b(00[123]):", lambda text: f"{_TEXTS[text[1]]}, ", source)
    return re.sub(r"\bL(?=\d)", "l. ", named)


def _sections(kind: Kind) -> dict[str, list[Field]]:
    found: dict[str, list[Field]] = {}
    for field in kind.fields:
        found.setdefault(field.fiche.partition(".")[0], []).append(field)
    return found


def _hint(field: Field) -> str:
    return f" : {' ou '.join(field.choices)}" if field.choices else _HINTS[field.type]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
