"""The languages that have a catalogue, and a translator for each: for whoever speaks to several persons at once.

The command line speaks one language a process and tells the standard library's gettext; the console asks here.
"""

import gettext
from enum import StrEnum
from functools import cache
from pathlib import Path

from gateway.domain.words import Translator

DOMAIN = "messages"
"""That of a program that names none: the library that reads the command line looks its own texts up there."""

LOCALES = Path(__file__).parent / "locales"


class Language(StrEnum):
    """One that has a catalogue; the Arabic one holds what the pages that are open in Arabic say, and no more."""

    FRENCH = "fr"
    ENGLISH = "en"
    ARABIC = "ar"


@cache
def translator(language: Language) -> Translator:
    """From a French text to this language; a text that the catalogue lacks stays as it is written."""
    found = gettext.translation(DOMAIN, str(LOCALES), [language.value], fallback=True)

    def translate(text: str) -> str:
        # An empty one would be the key of the catalogue's own header.
        return found.gettext(text) if text else ""

    return translate
