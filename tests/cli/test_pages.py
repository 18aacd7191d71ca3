"""Every help page in both languages, and the first one as a table of contents."""

import re
from functools import cache
from typing import Any

import pytest
import typer
from babel.messages.pofile import read_po

from gateway.cli.commands import app
from gateway.cli.contents import CHAPTERS, ENTRIES
from gateway.cli.language import LOCALES
from gateway.cli.pages import Contents, inside, summary
from tests.cli.conftest import Gateway

FRENCH_LETTERS = re.compile(r"[àâçéèêëîïôùûüœ«»]", re.IGNORECASE)
SHORTEST = 5
"""Shorter texts are words of both languages, or part of other words."""


@cache
def tree() -> Any:
    """The commands as they are written."""
    return typer.main.get_command(app)


def every_page(command: Any, *path: str) -> list[tuple[str, ...]]:
    """What to type before ``--help``, for the program, its groups and its commands."""
    return [path, *(page for inner in inside(command) for page in every_page(inner, *path, inner.name))]


@cache
def foreign(language: str) -> list[str]:
    """The texts that must not be seen in this language: those that it translates into something else."""
    with (LOCALES / language / "LC_MESSAGES" / "messages.po").open("rb") as file:
        messages = list(read_po(file))
    return [
        str(message.id)
        for message in messages
        if message.id and message.id != message.string and len(str(message.id)) >= SHORTEST and "{" not in message.id
    ]


def seen(texts: list[str], page: str) -> list[str]:
    """Those that stand on a page as words of their own."""
    found = [text for text in texts if " ".join(text.split()) in page]
    return [text for text in found if re.search(rf"(?<!\w){re.escape(' '.join(text.split()))}(?!\w)", page)]


pages = pytest.mark.parametrize("path", every_page(tree()), ids=lambda path: " ".join(path) or "gateway")


@pages
def test_no_french_is_left_on_an_english_page(path: tuple[str, ...], gateway: Gateway) -> None:
    """Neither a text that has a translation, nor a French letter."""
    page = gateway(*path, "--help", "--lang", "en")

    assert (page.code, page.err) == (0, "")
    names = {name for each in every_page(tree()) for name in each}
    assert set(seen(foreign("en"), page.words)) - names == set()
    assert FRENCH_LETTERS.findall(page.words) == []


@pages
def test_no_english_of_the_library_is_left_on_a_french_page(path: tuple[str, ...], gateway: Gateway) -> None:
    """Usage, Commands, Show this message, default, required."""
    page = gateway(*path, "--help")

    assert (page.code, page.err) == (0, "")
    assert seen(foreign("fr"), page.words) == []
    assert page.out.startswith("Usage : gateway")


def test_every_command_stands_in_one_chapter() -> None:
    """A second one would hide the first."""
    listed = [name for names in CHAPTERS.values() for name in names]

    assert sorted(listed) == sorted(tree().commands)
    assert len(set(listed)) == len(listed)


@pytest.mark.parametrize("name", ENTRIES)
def test_the_contents_say_what_the_command_says_of_itself(name: str) -> None:
    """The first page loads no command: its sentence is written beside the name, and is the command's own."""
    assert ENTRIES[name].summary == summary(tree().commands[name])


def test_every_group_shows_whole_sentences() -> None:
    """None is left with the library's own list, which cuts them."""
    groups = [item for item in (tree(), *inside(tree())) if inside(item)]

    assert [item.name for item in groups if not isinstance(item, Contents)] == []


def test_the_first_page_reads_like_a_table_of_contents(gateway: Gateway) -> None:
    """Chapters in the order of the work, each command with a whole sentence; then options and exit codes."""
    page = gateway("--help")
    chapters = [f"{title} :" for title in CHAPTERS]
    lines = page.out.splitlines()

    assert [line for line in lines if line in chapters] == chapters
    assert lines.index("Options :") > lines.index(chapters[-1])
    assert "…" not in page.out
    assert "..." not in page.out.split("\n", 1)[1]
    assert "7 journal altéré" in page.words


def test_lines_do_not_begin_with_punctuation(gateway: Gateway) -> None:
    """French puts a space before it, where a line must not break; what is copied has plain spaces."""
    page = gateway("--help")

    assert not re.search(r"^\s*[:;?!»]", page.out, re.MULTILINE)
    assert "\N{NO-BREAK SPACE}" not in page.out


@pytest.mark.parametrize("typed", [(), ("--lang", "fr")])
def test_without_a_command_the_contents_are_shown(typed: tuple[str, ...], gateway: Gateway) -> None:
    """On standard error, with the exit code of a command that was asked wrongly."""
    done = gateway(*typed)

    assert (done.code, done.out) == (2, "")
    assert "Au quotidien :" in done.err


def test_a_group_without_a_command_shows_its_page(gateway: Gateway) -> None:
    """Same."""
    done = gateway("case")

    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("Usage : gateway case")


def test_the_version_is_told_in_one_line(gateway: Gateway) -> None:
    """The same in every language, and before any command."""
    told = gateway("--version", "--lang", "en")

    assert (told.code, told.err) == (0, "")
    assert re.fullmatch(r"gateway \d+\.\d+\.\d+\n", told.out)
    assert gateway("--version", "status").out == told.out
