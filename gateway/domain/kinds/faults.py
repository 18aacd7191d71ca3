"""What is wrong with the fields of an exchange: every fault at once, its place in the fiche and what is expected."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime

from gateway.domain.kinds.shape import Field, FieldType, Kind
from gateway.domain.words import Said, said

_AMOUNT = re.compile(r"[0-9]{1,9}(\.[0-9]{1,2})?")
# From 1900 to 2999: further away no stay lies, and arithmetic with days would leave the calendar.
_DATE = re.compile(r"(19|2[0-9])[0-9]{2}-[0-9]{2}-[0-9]{2}")
_DAYS = re.compile(r"[1-9][0-9]{0,3}")
_RANGES = (
    ("authorised_from", "authorised_until"),
    ("requested_from", "requested_until"),
    ("granted_from", "granted_until"),
    ("covered_from", "covered_until"),
)


def faults(kind: Kind, values: Mapping[str, str]) -> tuple[Said, ...]:
    """Every fault of these fields at once, as sentences that name the place in the fiche."""
    found = [_fault(field, values.get(field.id, "").strip()) for field in kind.fields]
    found += _order_faults(kind, values)
    return tuple(fault for fault in found if fault)


def _fault(field: Field, value: str) -> Said | None:
    if not value:
        missing = said("{place} : manque ({title})", place=field.fiche, title=said(field.title))
        return missing if field.required else None
    if field.choices and value not in field.choices:
        return said("{place} : un de ces mots : {choices}", place=field.fiche, choices=", ".join(field.choices))
    return _type_fault(field, value)


def _type_fault(field: Field, value: str) -> Said | None:
    match field.type:
        case FieldType.DATE if parse_date(value) is None:
            return said("{place} : date attendue, par exemple 13/03/2027 ou 2027-03-13", place=field.fiche)
        case FieldType.INSTANT if parse_instant(value) is None:
            return said("{place} : instant attendu, avec son fuseau", place=field.fiche)
        case FieldType.AMOUNT if not _AMOUNT.fullmatch(value):
            return said("{place} : montant attendu, par exemple 12500,00", place=field.fiche)
        case FieldType.DAYS if not _DAYS.fullmatch(value):
            return said("{place} : nombre de jours attendu, par exemple 21", place=field.fiche)
        case _:
            return None


def _order_faults(kind: Kind, values: Mapping[str, str]) -> list[Said | None]:
    places = {field.id: field.fiche for field in kind.fields}
    found: list[Said | None] = []
    for first, last in _RANGES:
        start, end = parse_date(values.get(first, "")), parse_date(values.get(last, ""))
        if first in places and last in places and start and end and end < start:
            found.append(said("{place} : antérieur à {other}", place=places[last], other=places[first]))
    return found


def parse_date(value: str) -> date | None:
    """A calendar date written YYYY-MM-DD, of the years 1900 to 2999, or None."""
    if not _DATE.fullmatch(value.strip()):
        return None
    try:
        return date.fromisoformat(value.strip())
    except ValueError:
        return None


def parse_instant(value: str) -> datetime | None:
    """An instant with its time zone (RFC 3339), of the years 1900 to 2999, or None."""
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return None
    return at.astimezone(UTC) if at.tzinfo is not None and _DATE.match(f"{at:%Y-%m-%d}") else None
