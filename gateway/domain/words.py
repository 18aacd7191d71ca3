"""Sentences for people, kept whole until someone reads them: a French template and its values.

Pure rooms and services make them with ``said``; whoever shows them gives a translator of templates (the command line
has one for the reader's language). ``str`` is the French. Catalogues collect each literal given to ``said`` or
``french``.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import Enum

Translator = Callable[[str], str]
"""A French template to the same template in the reader's language."""


def french(text: str) -> str:
    """Marks a text of a table for the catalogues; whoever shows it translates it."""
    return text


_BETWEEN = french(" ; ")
"""What stands between sentences that are told at once."""


@dataclass(frozen=True, slots=True)
class Said:
    """One sentence; values that are sentences themselves are translated too."""

    template: str
    values: tuple[tuple[str, object], ...] = ()

    def __str__(self) -> str:
        return self.told(french)

    def told(self, translate: Translator) -> str:
        """The sentence in the translator's language."""
        return filled(self.template, dict(self.values), translate)


@dataclass(frozen=True, slots=True)
class Listed:
    """Several sentences of equal rank, told at once."""

    items: tuple["Said | str", ...]

    def __str__(self) -> str:
        return self.told(french)

    def told(self, translate: Translator) -> str:
        """All of them, in the translator's language."""
        return translate(_BETWEEN).join(str(told(item, translate)) for item in self.items)


Words = str | Said | Listed
"""What an error's field may hold for a person to read."""


def said(template: str, /, **values: object) -> Said:
    """A sentence for a person. ``template`` is French, with the names of the values in braces."""
    return Said(template, tuple(values.items()))


def listed(items: Iterable["Said | str"]) -> Listed:
    """Several sentences told at once."""
    return Listed(tuple(items))


def dated(day: date) -> Said:
    """A date, in the order in which the reader writes it."""
    return said("{day:%d/%m/%Y}", day=day)


_NO_BREAK = "\N{NO-BREAK SPACE}"


def bound(text: str) -> str:
    """French punctuation stays on the line of its word; an English text has no such spaces."""
    return re.sub(r" (?=[:;?!»])|(?<=«) ", _NO_BREAK, text)


def told(value: object, translate: Translator) -> object:
    """A sentence in the reader's language; a member of a table by its id, which is stable; any other value as it is."""
    match value:
        case Said() | Listed():
            return value.told(translate)
        case Enum():
            return value.value
        case _:
            return value


def filled(template: str, values: Mapping[str, object], translate: Translator) -> str:
    """A template with its values, in the translator's language; in French where the translation does not take them."""
    words = {name: told(value, translate) for name, value in values.items()}
    try:
        return translate(template).format(**words)
    except (LookupError, ValueError, AttributeError):
        # Worse than a sentence in French is a traceback in place of an error's reason.
        return template.format(**words)
