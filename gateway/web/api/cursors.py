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
from gateway.web.api.problems import invalid

MOST = 200
_CHECK = 16

Limit = Annotated[int, Query(ge=1, le=MOST, description="Nombre d'éléments de la page.")]
Cursor = Annotated[
    str | None, Query(max_length=200, description="« next » de la page précédente, avec les mêmes filtres.")
]


def cursor(number: int, question: Mapping[str, object]) -> str:
    """The word that leads to what comes after this number."""
    return base64.urlsafe_b64encode(f"{number}.{_check(number, question)}".encode()).decode().rstrip("=")


def number_of(word: str | None, question: Mapping[str, object]) -> int | None:
    """Where the page begins; None: at the beginning.

    Raises:
        Problem: the word is not ours, or was given for another question.
    """
    if word is None:
        return None
    try:
        told = base64.b64decode(word + "=" * (-len(word) % 4), altchars=b"-_", validate=True).decode("ascii")
    except (ValueError, binascii.Error):
        told = ""
    number, _, check = told.partition(".")
    if not number.isdecimal() or len(number) > 18 or check != _check(int(number), question):  # noqa: PLR2004  fits
        expected = said("« next » d'une page de la même question")
        raise invalid(Fault(place="query", pointer="/cursor", expected=expected))
    return int(number)


def _check(number: int, question: Mapping[str, object]) -> str:
    told = sorted((name, str(value)) for name, value in question.items() if value is not None)
    return digest(str(number).encode(), repr(told).encode())[:_CHECK]
