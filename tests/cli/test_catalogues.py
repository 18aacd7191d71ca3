"""The catalogues hold every text in both languages, and the tool that keeps them would say so if they did not."""

import ast
import importlib.util
import re
import sys
import tomllib
from collections.abc import Container, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog
from jinja2 import Environment
from jinja2.meta import find_referenced_templates

from gateway.cli.language import LOCALES, translate
from gateway.domain.errors import AlreadyThere, GatewayError, MailRefused
from gateway.domain.words import dated, filled, listed, said
from gateway.web.frame import FRENCH_ALONE
from tests.test_house import LEAVES

ROOT = Path(__file__).parents[2]
FRENCH_LETTERS = re.compile(r"[àâçéèêëîïôùûüœ«»]", re.IGNORECASE)
FRENCH_SPACING = re.compile(r" [:;?!]")
FRENCH_BY_NAME = ("démuni", "Prolonger votre clé")
"""A word that the forms demand, and headings of the documents: the same in every language."""


@pytest.fixture(scope="module")
def words() -> Any:
    """docs/words.py, which is a script."""
    spec = importlib.util.spec_from_file_location("words", ROOT / "docs" / "words.py")
    if spec is None or spec.loader is None:
        raise LookupError("docs/words.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_every_text_is_translated_and_the_files_are_fresh(words: Any) -> None:
    """As « make words-fresh » demands, byte for byte, compiled files included."""
    made, left = words.files()

    assert left == []
    assert [path.name for path, data in made.items() if path.read_bytes() != data] == []


def test_what_is_missing_or_does_not_fit_is_named(words: Any) -> None:
    """No translation, one that somebody must look at again, one with other values."""
    catalogue = Catalog("en")
    catalogue.add("Dossier {ref}", "Case {ref}")
    catalogue.add("Fichier {path}", "")
    catalogue.add("Envoyé", "Sent", flags={"fuzzy"})
    catalogue.add("Le {day}", "On {date}")
    catalogue.add("Reçu {at}", "Received {at")

    found = words.faults(catalogue)

    assert [fault.rpartition(" : ")[2] for fault in found] == ["Fichier {path}", "Envoyé", "Le {day}", "Reçu {at}"]


def test_texts_of_every_kind_are_found(words: Any) -> None:
    """Marked in the code, in error classes, in the table of kinds, in the commands, in the library."""
    french, english = words.written_in_french(), words.written_in_english()

    assert "gateway/domain/errors.py" in french["Voyez « gateway triage show »."]
    assert "gateway/domain/kinds" in french["nom du patient"]
    assert (
        "gateway/cli"
        in french["Dire si tout va bien. Code de sortie 8 si la passerelle ne fonctionne pas comme elle doit."]
    )
    assert "gateway/cli/contents.py" in french["Au quotidien"]
    assert "gateway/cli/usage.py" in french["Aide : {command}"]
    assert {"required", "Usage: ", "Missing command."} <= set(english)
    assert "{reason}" not in french


def test_english_reads_like_english(words: Any) -> None:
    """No French letter, no French spacing, in any translation."""
    catalogue = words._translations(LOCALES / "en" / "LC_MESSAGES" / "messages.po")
    told = {text: str(message.string) for text, message in catalogue.items()}
    for word in FRENCH_BY_NAME:
        told = {text: translation.replace(word, "") for text, translation in told.items()}

    assert [item for item in told.values() if FRENCH_LETTERS.search(item) or FRENCH_SPACING.search(item)] == []


def test_a_page_that_is_open_in_arabic_has_all_its_texts(words: Any) -> None:
    """Whatever it extends, includes or imports has Arabic too, in Arabic letters where the French has letters."""
    folder = ROOT / "gateway" / "web" / "templates"
    wanted, looked_at = {path.name for path in folder.glob("*.html")} - FRENCH_ALONE, set[str]()
    while wanted:
        name = wanted.pop()
        looked_at.add(name)
        parsed = Environment(autoescape=True).parse((folder / name).read_text(encoding="utf-8"))
        wanted |= {found for found in find_referenced_templates(parsed) if found} - looked_at
    catalogue = words._translations(LOCALES / "ar" / "LC_MESSAGES" / "messages.po")
    told = {text: str(message.string) for text, message in catalogue.items()}

    assert {f"gateway/web/templates/{name}" for name in looked_at} <= words.ARABIC
    assert [path for path in words.ARABIC if not (ROOT / path).exists()] == []
    spoken = {text: re.sub(r"\{[^}]*\}|%\w", "", text) for text in told}
    assert [
        text
        for text, bare in spoken.items()
        if re.search(r"[^\W\d_]{2}", bare) and not re.search("[\u0620-\u064a]", told[text])
    ] == ["%H h %M min %S s", "1er"]


def test_compiled_catalogues_are_in_the_package() -> None:
    """The wheel takes what this pattern names."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = project["tool"]["setuptools"]["package-data"]["gateway"]
    shipped = {path for pattern in patterns for path in (ROOT / "gateway").glob(pattern)}

    assert {LOCALES / language / "LC_MESSAGES" / "messages.mo" for language in ("fr", "en", "ar")} <= shipped


@pytest.mark.usefixtures("english")
@pytest.mark.parametrize("leaf", LEAVES, ids=lambda item: item.__name__)
def test_an_error_is_told_in_both_languages(leaf: type[GatewayError]) -> None:
    """Same sentences, same fields, no French in the English ones."""
    given: dict[str, Any] = {name: f"<{name}>" for name in leaf.field_names()}
    error = leaf(**given)

    told = error.lines(translate)

    assert len(told) == len(error.lines())
    assert not FRENCH_LETTERS.search(" ".join(told))
    assert all(value in " ".join(told) for value in given.values())
    assert told != error.lines()
    assert str(error) == error.sentence()


@pytest.mark.usefixtures("english")
def test_lists_and_dates_are_told_as_each_language_writes_them() -> None:
    """No French spacing, no date that can be read the wrong way round."""
    both = listed([dated(date(2027, 12, 31)), said("Rien à trier.")])

    assert (str(both), both.told(translate)) == ("31/12/2027 ; Rien à trier.", "31 Dec 2027; Nothing in triage.")


@pytest.mark.parametrize("wrong", ["Case {reference}", "Case {", "Case {0}", "Case {ref.name}", "Case {ref!x}"])
def test_a_wrong_translation_leaves_the_french(wrong: str) -> None:
    """A catalogue that somebody else made must not turn a reason into a traceback."""
    assert filled("Dossier {ref}", {"ref": "7F3K-Q2"}, lambda _: wrong) == "Dossier 7F3K-Q2"
    assert said("Dossier {ref}", ref="7F3K-Q2").told(lambda _: wrong) == "Dossier 7F3K-Q2"


# --- Texts that nobody marked.

FRENCH = re.compile(
    r"[àâçéèêëîïôùûüœ]|\b[ldns]'[a-z]|\b(le|la|les|un|une|du|ce|cette|est|pas|ne|pour|dans|sur|aucune?|ou|et)\s",
    re.IGNORECASE,
)
"""Letters and words that plain English and identifiers do not have."""

FRENCH_ON_PURPOSE = {
    "gateway/cli/blank.py": "a fiche is an official form, filled in its language",
    "gateway/doctor/letter.py": "a message in the hospital's own mailbox",
    "gateway/doctor/servers.py": "names that mail programs give to folders",
    "gateway/domain/forecasts.py": "names of feasts, which the calendar keeps as they are written",
    "gateway/demo/papers.py": "papers of a French hospital, and what the CNAS writes on one",
    "gateway/demo/party.py": "names of institutions",
    "gateway/domain/kinds": "sources are cited in their language; titles are collected from the table itself",
    "gateway/services/alarms/mail.py": "mails to the hospital's own people",
    "gateway/services/anchor_mail.py": "mails to whoever keeps the anchors for the hospital",
    "gateway/services/excerpt.py": "letters to the hospital's own readers",
    "gateway/domain/exhibit.py": "a dossier is handed to those who judge the case, in the language of the protocol",
    "gateway/services/export/text.py": "as above",
    "gateway/services/letters.py": "letters speak the language of the protocol",
    "gateway/wire/mdn.py": "receipts speak the language of the protocol",
    "gateway/adapters/imap/session.py": "a message in the hospital's own mailbox",
    "gateway/web/api": "described to the hospital's developers, as in docs/; what is answered is marked",
}


def literals(tree: ast.AST) -> Iterator[ast.Constant]:
    """Every text of a module but its docstrings."""
    quiet = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    }
    yield from (
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in quiet
    )


def unmarked(source: str, known: Container[str]) -> list[str]:
    """French texts of a module that no catalogue has."""
    told = [str(node.value) for node in literals(ast.parse(source))]
    return [text for text in told if FRENCH.search(text) and text not in known]


def test_no_french_text_escapes_the_catalogues(words: Any) -> None:
    """One that is neither marked nor in a table that is collected would stay French for an English reader."""
    known = words.written_in_french()
    found = {
        str(path.relative_to(ROOT)): unmarked(path.read_text(encoding="utf-8"), known)
        for path in sorted((ROOT / "gateway").rglob("*.py"))
    }

    left = {place: texts for place, texts in found.items() if not place.startswith(tuple(FRENCH_ON_PURPOSE))}

    assert {place: texts for place, texts in left.items() if texts} == {}


TOLD = {"act", "faults", "kind", "reason", "table"}
"""Fields of errors that are sentences or words for a person, some too short to look French."""

CODES = (AlreadyThere, MailRefused)
"""Errors that a program reads: these fields are names of tables, or stable codes."""


def bare(source: str) -> list[str]:
    """Texts of a module that an error would show as they are written."""
    leaves = {leaf.__name__ for leaf in LEAVES if not issubclass(leaf, CODES)}
    return [
        str(keyword.value.value)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) in leaves
        for keyword in node.keywords
        if keyword.arg in TOLD and isinstance(keyword.value, ast.Constant)
    ]


def test_no_error_holds_a_bare_text() -> None:
    """A word such as « fait » has nothing that tells it from English; its place does."""
    found = {path: bare(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "gateway").rglob("*.py"))}

    assert {path: texts for path, texts in found.items() if texts} == {}
    assert bare('Unknown(kind="fait", ref="3")') == ["fait"]
    assert bare('Unknown(kind=said("fait"), ref="3")') == []


def test_an_unmarked_text_is_found() -> None:
    """Alone, put together, or at the end of a sentence; not in a docstring."""
    source = '''"""Docstring é."""\nx = "marqué"\ny = f"reçu {x}"\nraise ValueError("raté")\nz = "plain"'''

    assert unmarked(source, {"marqué"}) == ["reçu ", "raté"]
