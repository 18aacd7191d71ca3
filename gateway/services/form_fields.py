"""The fields of a kind as a form shows them: what stands in each, as people write it, and what is wrong with it.

The same checks as for a fiche, told of one field at a time and without the fiche's own words.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.domain.kinds import Field, FieldType, Kind, as_kept, faults, parse_date
from gateway.domain.words import Said, said
from gateway.services.draft_content import LONGEST

_EXPECTED = {
    FieldType.TEXT: said("Écrivez un texte."),
    FieldType.DATE: said("Écrivez une date comme 13/03/2027."),
    FieldType.DAYS: said("Écrivez un nombre de jours, par exemple 21."),
    FieldType.AMOUNT: said("Écrivez un montant en euros, par exemple 12500,00."),
    FieldType.INSTANT: said("Écrivez une date et une heure avec son fuseau, par exemple 2027-03-13T09:00:00+01:00."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """One field. ``hidden``: something stands there that this person may not read.

    ``other`` is what a colleague kept there meanwhile, where it differs from what this person typed.
    """

    field: Field
    value: str = ""
    hidden: bool = False
    fault: Said | None = None
    other: str | None = None


def as_typed(field: Field, value: str) -> str:
    """A kept value as people write it: a date as 13/03/2027."""
    day = parse_date(value) if field.type is FieldType.DATE else None
    return f"{day:%d/%m/%Y}" if day else value


def field_faults(kind: Kind, values: Mapping[str, str]) -> dict[str, Said]:
    """What is wrong, by field."""
    kept = as_kept(kind, {name: value for name, value in values.items() if value})
    places = {field.fiche: field for field in kind.fields}
    found: dict[str, Said] = {}
    for fault in faults(kind, kept):
        told = dict(fault.values)
        field = places[str(told["place"])]
        other = places.get(str(told.get("other", "")))
        found.setdefault(field.id, _told(field, kept.get(field.id, ""), other))
    for field in kind.fields:
        if len(kept.get(field.id, "")) > LONGEST:
            found[field.id] = said("Ce texte dépasse {most} caractères : joignez plutôt un fichier.", most=LONGEST)
    return found


def _told(field: Field, value: str, other: Field | None) -> Said:
    if other is not None:
        return said("Cette date vient avant l'autre : « {other} ».", other=said(other.title))
    if not value:
        return said("À remplir : {title}.", title=said(field.title))
    return said("Choisissez une des réponses.") if field.choices else _EXPECTED[field.type]
