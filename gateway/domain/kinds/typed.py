"""What a person types in a field, in the one form that is kept and sent: 21/12/2026 becomes 2026-12-21.

What is written in neither way stays as it is, for ``faults`` to say what is expected.
"""

import re
from collections.abc import Mapping

from gateway.domain.kinds.shape import FieldType, Kind

_DAY = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})")
# Thousands may be parted by blanks, also by those that do not break; never by a point, which parts the cents.
_MONEY = re.compile(r"([0-9]{1,3}(?:[ \u00a0\u202f]?[0-9]{3})*|[0-9]+)(?:[.,]([0-9]{1,2}))?[ \u00a0\u202f]?€?")
_BLANKS = re.compile(r"[ \u00a0\u202f]")


def as_kept(kind: Kind, values: Mapping[str, str]) -> dict[str, str]:
    """The same fields, dates and amounts in their kept form."""
    types = {field.id: field.type for field in kind.fields}
    return {name: _kept(types.get(name, FieldType.TEXT), value.strip()) for name, value in values.items()}


def _kept(kind: FieldType, text: str) -> str:
    if kind is FieldType.DATE and (found := _DAY.fullmatch(text)):
        return f"{found[3]}-{int(found[2]):02}-{int(found[1]):02}"
    if kind is FieldType.AMOUNT and (found := _MONEY.fullmatch(text)):
        return _BLANKS.sub("", found[1]) + (f".{found[2]}" if found[2] else "")
    return text
