"""What is wrong with a request, place by place: where (RFC 6901) and what is expected there, never what was found."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.domain.words import Listed, Said, french, said


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One of them. ``place`` is the part of the request that ``pointer`` points into."""

    place: str
    pointer: str
    expected: Said | Listed | str


_EXPECTED: Mapping[str, str] = {
    "missing": french("obligatoire"),
    "extra_forbidden": french("seulement les clés documentées"),
    "string_type": french("texte"),
    "string_too_short": french("texte d'au moins {min_length} caractères"),
    "string_too_long": french("texte d'au plus {max_length} caractères"),
    "string_pattern_mismatch": french("texte de la forme {pattern}"),
    "int_type": french("nombre entier"),
    "int_parsing": french("nombre entier"),
    "int_from_float": french("nombre entier"),
    "int_parsing_size": french("nombre entier plus petit"),
    "bool_type": french("true ou false"),
    "bool_parsing": french("true ou false"),
    "dict_type": french("objet"),
    "model_type": french("objet"),
    "model_attributes_type": french("objet"),
    "list_type": french("liste"),
    "enum": french("un de : {expected}"),
    "literal_error": french("un de : {expected}"),
    "greater_than_equal": french("au moins {ge}"),
    "less_than_equal": french("au plus {le}"),
    "timezone_aware": french("instant RFC 3339 avec son fuseau"),
    "too_long": french("au plus {max_length} éléments"),
}
_FREE = "fields"
"""What a body names as it likes."""

_DATE, _INSTANT = french("date AAAA-MM-JJ"), french("instant RFC 3339 avec son fuseau")


def escaped(step: object) -> str:
    """One step of a pointer (RFC 6901, section 3)."""
    return str(step).replace("~", "~0").replace("/", "~1")


def pointer(steps: Iterable[object]) -> str:
    """The pointer that these steps make."""
    return "".join(f"/{escaped(step)}" for step in steps)


def of_validation(errors: Iterable[Mapping[str, Any]], *, place: str | None = None) -> tuple[Fault, ...]:
    """Pydantic's findings; ``place`` is told where their location does not begin with it."""
    found: dict[tuple[str, str, str], Fault] = {}
    for error in errors:
        where, steps = (place, tuple(error["loc"])) if place else (str(error["loc"][0]), tuple(error["loc"][1:]))
        if error["type"] == "extra_forbidden":
            # The key is the asker's own word: it may be anything.
            steps = steps[:-1]
        if _FREE in steps:
            # So is the name of a field that the form may not have.
            steps = steps[: steps.index(_FREE) + 1]
        expected = _expected(str(error["type"]), error.get("ctx", {}))
        fault = Fault(place=where or "body", pointer=pointer(steps), expected=expected)
        found.setdefault((fault.place, fault.pointer, str(expected)), fault)
    return tuple(found.values())


def _expected(type_: str, context: Mapping[str, Any]) -> Said:
    if type_ in _EXPECTED:
        return said(_EXPECTED[type_], **context)
    if type_.startswith("datetime"):
        return said(_INSTANT)
    if type_.startswith("date"):
        return said(_DATE)
    return said("une valeur de la forme documentée")


def by_place(faults: object) -> Iterator[Fault]:
    """The faults of a form: each names its place in the form, and says what is expected there."""
    items: Sequence[object] = faults.items if isinstance(faults, Listed) else (faults,)
    for item in items:
        words = item if isinstance(item, Said) else said("une valeur de la forme documentée")
        place = dict(words.values).get("place")
        if place is None:
            yield Fault(place="body", pointer="", expected=words)
        elif words.template == _STRANGER:
            yield Fault(place="body", pointer="/fields", expected=said(_EXPECTED["extra_forbidden"]))
        elif words.template.startswith("pieces."):
            yield Fault(place="parts", pointer=pointer([place]), expected=words)
        else:
            yield Fault(place="body", pointer=pointer(["fields", place]), expected=words)


_STRANGER = "{place} : clé inconnue"
"""What a form says of a key that is the asker's own word."""
