"""A fiche to fill, for any kind: made from the catalogue, each line with what it is and how it is written."""

from gateway.domain.kinds import Field, FieldType, Kind, Travel

_EXAMPLES = {
    FieldType.DATE: "2027-03-13",
    FieldType.DAYS: "21",
    FieldType.AMOUNT: "12500.00",
    FieldType.INSTANT: "2027-03-13T10:00:00+01:00",
    FieldType.TEXT: "",
}


def blank_fiche(kind: Kind) -> str:
    """The fiche of a kind, in TOML, with every field commented."""
    verb = "submit" if kind.travel is Travel.MAIL else "note"
    lines = [
        f"# {kind.title}{f' ({kind.number})' if kind.number else ''}",
        f"# Remplissez les valeurs, puis : gateway {verb} ma-fiche.toml",
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
                f"# {_capital(field.title)} ({_type(field)}{'' if field.required else ', facultatif'}).",
                _line(field),
            ]
    if kind.pieces and kind.travel is Travel.MAIL:
        lines += ["", "# Un fichier par pièce, cherché à partir du dossier de cette fiche.", "[pieces]"]
        for piece in kind.pieces:
            mark = "" if piece.required else "#"
            told = "" if piece.required else " (facultatif)"
            lines += [f"# {_capital(piece.title)}{told}.", f'{mark}{piece.fiche} = "pieces/{piece.fiche}.pdf"']
    return "\n".join([*lines, ""])


def _told(kind: Kind) -> tuple[tuple[str, str], ...]:
    return (
        ("Formulaire", kind.form or ""),
        ("Condition", kind.precondition),
        ("Délai", kind.deadline),
        ("Effet", kind.effect),
        ("Source", kind.source),
    )


def _sections(kind: Kind) -> dict[str, list[Field]]:
    found: dict[str, list[Field]] = {}
    for field in kind.fields:
        found.setdefault(field.fiche.partition(".")[0], []).append(field)
    return found


def _type(field: Field) -> str:
    return " ou ".join(field.choices) or field.type.value


def _line(field: Field) -> str:
    value = field.choices[0] if field.choices else _EXAMPLES[field.type]
    return f'{"" if field.required else "#"}{field.fiche.partition(".")[2]} = "{value}"'


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
