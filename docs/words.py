"""Gathers every text that a person may read and keeps the catalogues of gateway/locales in step with them.

French texts need English, those of the pages that are open in Arabic need Arabic too, and the command-line library's
English needs French. Run it as ``.venv/bin/python
docs/words.py``: new texts appear with an empty translation, those that are gone disappear, and what is left to do is
named. With ``--check`` nothing is written, and a stale or incomplete catalogue is a failure.
"""  # noqa: INP001  a script, not a package

import argparse
import ast
import io
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from string import Formatter

import typer
from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from jinja2 import Environment
from jinja2.ext import extract_from_ast

from gateway.catalogues import DOMAIN, LOCALES, Language
from gateway.cli import pages, usage
from gateway.cli.commands import app
from gateway.domain import errors, kinds
from gateway.web.frame import FRENCH_ALONE

ROOT = Path(__file__).parents[1]
TEMPLATES = ROOT / "gateway" / "web" / "templates"
MARKS = {"_", "said", "french", "translate"}
"""Functions whose first argument is a text."""

_PLACES = {
    "gateway/domain": (
        *(
            "attestation",
            "case",
            "challenge",
            "days",
            "duties/requests",
            "duties/stay",
            "events",
            "feasts",
            "guards",
            "kinds/faults",
        ),
        *("labels", "request", "request_name", "rights", "sheet", "steps", "transmission", "words", "workdays"),
    ),
    "gateway/services": (
        *(
            "cases",
            "seen",
            "chronicle",
            "clock_sheet",
            "day_told",
            "draft_content",
            "drafts",
            "exceptional",
            "form_fields",
            "form_view",
        ),
        *("log_words", "messages", "moved_ends", "partner_words", "sorting", "sorting_words", "terms", "worklist"),
    ),
    "gateway/web": ("buttons", "menu", "pages/calendar", "pages/cases", "pages/clock", "threshold", "wording"),
}
ARABIC = frozenset(
    {
        *(f"gateway/web/templates/{path.name}" for path in TEMPLATES.glob("*.html") if path.name not in FRENCH_ALONE),
        *(f"{folder}/{name}.py" for folder, names in _PLACES.items() for name in names),
        *(str(path.relative_to(ROOT)) for path in (ROOT / "gateway/domain/alarms").glob("*.py")),
        *("gateway/domain/kinds", "gateway/services/alarms/book.py", "gateway/services/alarms/words.py"),
    }
)
"""Where the pages that are open in Arabic have their texts; what a refusal says is French that says so."""

Texts = dict[str, set[str]]
"""Each text and the files, or other places, where it is written."""

COMMENT = "# Catalogue tenu par docs/words.py (« make words ») ; seules les traductions s'écrivent à la main."


class Catalogue(Catalog):
    """One whose bytes depend on its texts only: neither dates nor the version of a tool are in its head."""

    def __init__(self, language: Language | None) -> None:
        super().__init__(language, header_comment=COMMENT, fuzzy=False)

    @property
    def mime_headers(self) -> list[tuple[str, str]]:
        """The least that readers of the format demand."""
        spoken = [("Language", str(self.locale_identifier))] if self.locale_identifier else []
        return [
            *spoken,
            ("MIME-Version", "1.0"),
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Transfer-Encoding", "8bit\n"),
        ]


# --- What is written.


@cache
def written_in_french() -> Texts:
    """Ours: marked in the code, or in a table that is shown to people."""
    found: Texts = {}
    for path in sorted((ROOT / "gateway").rglob("*.py")):
        _note(found, str(path.relative_to(ROOT)), _marked(path))
    for path in sorted((ROOT / "gateway").rglob("*.html")):
        _note(found, str(path.relative_to(ROOT)), _in_template(path))
    _note(found, "gateway/domain/errors.py", _error_templates())
    _note(found, "gateway/domain/kinds", _titles(kinds.KINDS))
    _note(found, "gateway/cli", _help_texts())
    english = written_in_english()
    return {text: places for text, places in found.items() if text not in english}


def open_in_arabic() -> Texts:
    """Those of ours that a reader of Arabic meets."""
    return {text: places & ARABIC for text, places in written_in_french().items() if places & ARABIC}


def written_in_english() -> Texts:
    """The library's, as far as a person who runs our commands can meet them."""
    found: Texts = {}
    _note(found, "typer", (*usage.TEMPLATES, *pages.LIBRARY, *_marked(Path(str(sys.modules["typer.core"].__file__)))))
    return found


def _note(found: Texts, place: str, texts: Iterable[str]) -> None:
    for text in texts:
        # A template of bare values says nothing by itself.
        if any(literal.strip() or form for literal, _, form, _ in Formatter().parse(text)):
            found.setdefault(text, set()).add(place)


def _marked(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and node.args and _called(node.func) in MARKS:
            text = node.args[0]
            if isinstance(text, ast.Constant) and isinstance(text.value, str):
                yield text.value


def _called(function: ast.expr) -> str:
    return getattr(function, "attr", getattr(function, "id", ""))


def _in_template(path: Path) -> Iterator[str]:
    for _line, _mark, text in extract_from_ast(
        Environment(autoescape=True).parse(path.read_text("utf-8")), sorted(MARKS)
    ):
        if isinstance(text, str):
            yield text


def _error_templates() -> Iterator[str]:
    for item in vars(errors).values():
        if isinstance(item, type) and issubclass(item, errors.GatewayError):
            yield from (item.what, item.why, item.mend)


def _titles(value: object) -> Iterator[str]:
    """Every ``title`` and ``effect`` of a table of dataclasses, however deep; a form where its name has words."""
    if isinstance(value, Mapping):
        value = tuple(value.values())
    if isinstance(value, tuple | list | frozenset):
        for item in value:
            yield from _titles(item)
    elif is_dataclass(value):
        for field in fields(value):
            held = getattr(value, field.name)
            worded = field.name == "form" and any(letter.islower() for letter in held or "")
            if (field.name in {"title", "effect"} and held) or worded:
                yield held
            else:
                yield from _titles(held)


def _help_texts() -> Iterator[str]:
    for item, name in pages.texts(typer.main.get_command(app)):
        yield getattr(item, name)


# --- What is kept.


def files() -> tuple[dict[Path, bytes], list[str]]:
    """Every file of the catalogues as it must be, and what is left to translate."""
    wanted = {
        Language.ENGLISH: written_in_french(),
        Language.FRENCH: written_in_english(),
        Language.ARABIC: open_in_arabic(),
    }
    template = _catalogue(None, wanted[Language.ENGLISH] | wanted[Language.FRENCH], {})
    made = {LOCALES / f"{DOMAIN}.pot": _po(template)}
    left = []
    for language, texts in wanted.items():
        folder = LOCALES / language / "LC_MESSAGES"
        catalogue = _catalogue(language, texts, _translations(folder / f"{DOMAIN}.po"))
        compiled = io.BytesIO()
        write_mo(compiled, catalogue)
        made |= {folder / f"{DOMAIN}.po": _po(catalogue), folder / f"{DOMAIN}.mo": compiled.getvalue()}
        left += [f"{language} : {fault}" for fault in faults(catalogue)]
    return made, left


def faults(catalogue: Catalog) -> list[str]:
    """Texts without a translation, or whose translation has other values in braces."""
    messages = [message for message in catalogue if message.id]
    empty = [f"à traduire : {message.id}" for message in messages if not message.string or message.fuzzy]
    unlike = [
        f"autres valeurs, ou autre retrait, que dans l'original : {message.id}"
        for message in messages
        if message.string and _shape(str(message.string)) != _shape(str(message.id))
    ]
    return empty + unlike


def _shape(text: str) -> object:
    """What a translation must keep: names in braces, and an indentation."""
    try:
        names = {name for _, name, _, _ in Formatter().parse(text) if name is not None}
    except ValueError:
        return text
    return names, text.startswith("  ") and len(text) - len(text.lstrip())


def _translations(path: Path) -> dict[str, Message]:
    if not path.exists():
        return {}
    with path.open("rb") as file:
        return {str(message.id): message for message in read_po(file) if message.id}


def _catalogue(language: Language | None, texts: Texts, known: Mapping[str, Message]) -> Catalogue:
    catalogue = Catalogue(language)
    for text, places in texts.items():
        old = known.get(text)
        catalogue.add(
            text,
            old.string if old else "",
            locations=[(place, 0) for place in sorted(places)],
            flags={"fuzzy"} if old and old.fuzzy else (),
            user_comments=old.user_comments if old else (),
        )
    return catalogue


def _po(catalogue: Catalog) -> bytes:
    written = io.BytesIO()
    write_po(written, catalogue, width=120, sort_output=True, include_lineno=False)
    return written.getvalue()


def main() -> int:
    """Write the catalogues and name what is left to translate; with ``--check``, name it and return 1."""
    parser = argparse.ArgumentParser(description="Les catalogues de textes.")
    parser.add_argument(
        "--check", action="store_true", help="ne rien écrire ; échouer s'ils sont périmés ou incomplets"
    )
    check = parser.parse_args().check
    made, left = files()
    stale = [path for path, data in made.items() if not path.exists() or path.read_bytes() != data]
    for path in stale:
        if check:
            sys.stderr.write(f"{path.relative_to(ROOT)} est périmé : lancez « make words ».\n")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(made[path])
    sys.stderr.writelines(f"{line}\n" for line in left)
    return 1 if check and (stale or left) else 0


if __name__ == "__main__":
    sys.exit(main())
