"""Pages of a list: where the next one begins, as an opaque word that is checked when it comes back.

A page goes on after a key (instant and number, of which the number alone gives the order), so that nothing is shown
twice or skipped while the list grows. The word holds for the question for which it was given.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Annotated

from fastapi import Query

from gateway.domain.words import said
from gateway.services.once import digest
from gateway.web.api.faults import Fault
from gateway.web.api.problems import Problem, invalid

MOST = 200
_CHECK = 16

Limit = Annotated[int, Query(ge=1, le=MOST, description="Nombre d'éléments de la page.")]
Cursor = Annotated[
    str | None, Query(max_length=200, description="« next » de la page précédente, avec les mêmes filtres.")
]


def cursor(place: int | str, question: Mapping[str, object]) -> str:
    """The word that leads to what comes after this number, or this place."""
    return base64.urlsafe_b64encode(f"{place} {_check(str(place), question)}".encode()).decode().rstrip("=")


def number_of(word: str | None, question: Mapping[str, object]) -> int | None:
    """Where the page begins; None: at the beginning.

    Raises:
        Problem: the word is not ours, or was given for another question.
    """
    place = place_of(word, question)
    if place is None:
        return None
    if not place.isdecimal() or len(place) > 18:  # noqa: PLR2004  fits
        raise not_ours()
    return int(place)


def place_of(word: str | None, question: Mapping[str, object]) -> str | None:
    """The same, of a list whose places are words.

    Raises:
        Problem: as number_of.
    """
    if word is None:
        return None
    try:
        told = base64.b64decode(word + "=" * (-len(word) % 4), altchars=b"-_", validate=True).decode("ascii")
    except (ValueError, binascii.Error):
        told = ""
    place, _, check = told.partition(" ")
    if check != _check(place, question):
        raise not_ours()
    return place


def not_ours() -> Problem:
    """What is wrong with a word that no page of this list gave."""
    expected = said("« next » d'une page de la même question")
    return invalid(Fault(place="query", pointer="/cursor", expected=expected))


def _check(place: str, question: Mapping[str, object]) -> str:
    told = sorted((name, str(value)) for name, value in question.items() if value is not None)
    return digest(place.encode(), repr(told).encode())[:_CHECK]
