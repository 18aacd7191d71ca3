"""The reader's language: French, unless ``--lang`` or else the locale asks for English.

It is chosen before anything is printed and told to the standard library's gettext, by the variable that GNU programs
read. Catalogues lie in the package; a text that they lack stays as it is written.
"""

import gettext
import os
from collections.abc import Mapping, Sequence
from enum import StrEnum
from itertools import islice

from gateway import catalogues
from gateway.catalogues import DOMAIN, LOCALES

__all__ = ["DOMAIN", "LOCALES", "OPTION", "Language", "chosen", "speak", "spoken", "translate", "use"]

OPTION = "--lang"


class Language(StrEnum):
    """One that commands speak."""

    FRENCH = catalogues.Language.FRENCH.value
    ENGLISH = catalogues.Language.ENGLISH.value


def speak(arguments: Sequence[str]) -> list[str]:
    """Choose the language of this command; returns its arguments, ``--lang`` first, where the parser expects it."""
    asked, others = _parted(arguments)
    use(chosen(asked, os.environ))
    return asked + others


def use(language: Language) -> None:
    """Speak this language from now on."""
    os.environ["LANGUAGE"] = language.value
    gettext.bindtextdomain(DOMAIN, str(LOCALES))
    gettext.textdomain(DOMAIN)


def chosen(asked: Sequence[str], environment: Mapping[str, str]) -> Language:
    """What was asked; otherwise English for an English locale, French for any other, « C » among them."""
    told = asked[-1].removeprefix(f"{OPTION}=") if asked else ""
    if told in set(Language):
        return Language(told)
    locale = next((environment[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environment.get(name)), "")
    return Language.ENGLISH if locale.startswith(Language.ENGLISH) else Language.FRENCH


def spoken() -> str:
    """The language chosen, for what prints in one of its own."""
    told = os.environ.get("LANGUAGE", "")
    return told if told in set(Language) else Language.FRENCH.value


def translate(text: str) -> str:
    """A text of ours in the reader's language."""
    # An empty one would be the key of the catalogue's own header.
    return gettext.gettext(text) if text else ""


def _parted(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """The option, wherever it stands, with its value; and the rest. Nothing behind « -- » is an option."""
    asked: list[str] = []
    others: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        if argument == "--":
            others += [argument, *rest]
        elif argument == OPTION:
            asked += [argument, *islice(rest, 1)]
        elif argument.startswith(f"{OPTION}="):
            asked.append(argument)
        else:
            others.append(argument)
    return asked, others
