"""The reader's language: asked for, or the locale's; French where nobody says otherwise."""

import gettext
import os

import pytest

from gateway.cli.language import Language, chosen, speak, translate
from tests.cli.conftest import Gateway

FRENCH, ENGLISH = Language.FRENCH, Language.ENGLISH


@pytest.mark.parametrize(
    ("asked", "environment", "language"),
    [
        ([], {}, FRENCH),
        ([], {"LANG": "C"}, FRENCH),
        ([], {"LANG": "POSIX"}, FRENCH),
        ([], {"LC_ALL": "C.UTF-8", "LANG": "en_US.UTF-8"}, FRENCH),
        ([], {"LANG": "fr_FR.UTF-8"}, FRENCH),
        ([], {"LANG": "ar_DZ.UTF-8"}, FRENCH),
        ([], {"LANG": "en_GB.UTF-8"}, ENGLISH),
        ([], {"LC_MESSAGES": "en_US", "LANG": "fr_FR"}, ENGLISH),
        ([], {"LC_ALL": "", "LANG": "en"}, ENGLISH),
        (["--lang", "en"], {"LANG": "fr_FR"}, ENGLISH),
        (["--lang=fr"], {"LANG": "en_US"}, FRENCH),
        (["--lang", "fr", "--lang=en"], {}, ENGLISH),
        (["--lang", "de"], {"LANG": "en_US"}, ENGLISH),
        (["--lang", "ar"], {"LANG": "en_US"}, ENGLISH),
        (["--lang"], {}, FRENCH),
    ],
)
def test_the_option_decides_then_the_locale(asked: list[str], environment: dict[str, str], language: Language) -> None:
    """As POSIX orders the variables; what is neither French nor English is French."""
    assert chosen(asked, environment) is language


@pytest.mark.parametrize(
    ("typed", "parsed"),
    [
        (["status", "--json"], ["status", "--json"]),
        (["status", "--lang", "en", "--json"], ["--lang", "en", "status", "--json"]),
        (["--lang", "en", "status"], ["--lang", "en", "status"]),
        (["clock", "explain", "7F3K-Q2", "--lang=en"], ["--lang=en", "clock", "explain", "7F3K-Q2"]),
        (["status", "--lang"], ["--lang", "status"]),
        (["case", "show", "--", "--lang", "en"], ["case", "show", "--", "--lang", "en"]),
    ],
)
@pytest.mark.usefixtures("speaking")
def test_the_option_may_stand_anywhere(typed: list[str], parsed: list[str]) -> None:
    """The parser finds it where the program's own options are; behind « -- » it is a word like another."""
    assert speak(typed) == parsed


@pytest.mark.usefixtures("english")
def test_a_text_that_no_catalogue_has_stays_as_it_is() -> None:
    """And the empty text is not the catalogue's own header."""
    assert translate("Un texte que personne n'a traduit.") == "Un texte que personne n'a traduit."
    assert translate("") == ""


def test_the_language_does_not_depend_on_what_was_spoken_before(gateway: Gateway) -> None:
    """One command in English, the next in French again."""
    assert "Exit codes" in gateway("--lang", "en", "--help").out
    assert "Codes de sortie" in gateway("--help").out
    assert "Exit codes" in gateway("--help", locale="en_US.UTF-8").out
    assert "Codes de sortie" in gateway("--help", "--lang=fr", locale="en_US.UTF-8").out


def test_an_unknown_language_is_refused_in_french(gateway: Gateway) -> None:
    """With those that exist."""
    done = gateway("status", "--lang", "de")

    assert done.code == 2
    assert "'de' n'est pas dans la liste 'fr', 'en'" in done.err


def test_programs_that_are_started_speak_the_same_language(gateway: Gateway) -> None:
    """The variable that GNU programs read is the one that is set, and the domain is that of the library."""
    gateway("--lang", "en", "--help")

    assert os.environ["LANGUAGE"] == "en"
    assert gettext.textdomain() == "messages"
