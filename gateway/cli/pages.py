"""The help pages: the first one is a table of contents, and every one is in the reader's language.

The tree of commands is French where it is written and English where the library speaks; each command is translated
once, when it is loaded. The library's classes are taken from what it publishes, since it keeps their modules to itself.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any, cast

import typer
from typer.core import TyperGroup

from gateway.cli.contents import CHAPTERS, ENTRIES
from gateway.cli.language import translate
from gateway.cli.usage import reworded
from gateway.domain.words import bound, french

EXIT_CODES = french(
    "Codes de sortie : 0 fait ; 1 défaut de notre part ; 2 refusé, ou mal demandé ; 3 configuration ; 4 clés ou "
    "coffre ; 5 serveurs ; 6 disque ou base ; 7 journal altéré ; 8 la passerelle ne fonctionne pas comme elle doit, ou "
    "il y a à corriger."
)

LIBRARY = (
    "Usage: ",
    "Commands",
    "[OPTIONS]",
    "COMMAND [ARGS]...",
    "Show this message and exit.",
    "Install completion for the current shell.",
    "Show completion for the current shell, to copy it or customize the installation.",
    *("path", "str", "int", "list[str]", "list[Path]", "list[datetime]", "int range", "float range"),
)
"""The library's own texts on these pages, besides those that it looks up by itself."""

_TEXTS = ("help", "short_help", "epilog", "options_metavar", "subcommand_metavar", "metavar")
_TYPE = re.compile(r"<([^<>]+)>")
_DATE = {"%Y": french("AAAA"), "%m": french("MM"), "%d": french("JJ")}
_FIRST_SENTENCE = re.compile(r"(.+?[.])(?:\s|$)", re.DOTALL)


class Contents(TyperGroup):
    """A group whose page begins with its commands, each with its first sentence."""

    def chapters(self) -> Iterator[tuple[str, list[tuple[str, str]]]]:
        """The headings, each with its commands and what they do, in the reader's language."""
        yield translate("Commands"), [(name, summary(inner)) for name, inner in self.commands.items()]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the commands, then the options."""
        chapters = list(self.chapters())
        width = max(len(name) for _title, rows in chapters for name, _told in rows)
        for title, rows in chapters:
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), told) for name, told in rows])
        super().format_options(ctx, formatter)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write nothing more: the library's own list cuts sentences."""


class Shelf(Mapping[str, Any]):
    """The program's commands by name; each is loaded, and made ready, when it is taken for the first time."""

    def __init__(self, beside: Mapping[str, Any]) -> None:
        self._taken = dict(beside)
        self.ready: Callable[[Any], Any] = lambda command: command

    def __getitem__(self, name: str) -> Any:
        if name not in self._taken:
            self._taken[name] = self.ready(_loaded(name, ENTRIES[name].where))
        return self._taken[name]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys((*ENTRIES, *self._taken)))

    def __len__(self) -> int:
        return len(set(ENTRIES) | set(self._taken))


class Program(Contents):
    """The program: its first page is the table of contents, for which no command is loaded."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.commands = Shelf(self.commands)  # type: ignore[assignment]  # nobody adds to it any more

    def list_commands(self, ctx: Any) -> list[str]:
        """Only their names."""
        del ctx
        return list(self.commands)

    def chapters(self) -> Iterator[tuple[str, list[tuple[str, str]]]]:
        """See :data:`gateway.cli.contents.CHAPTERS`."""
        for title, entries in CHAPTERS.items():
            yield translate(title), [(name, translate(entry.summary)) for name, entry in entries.items()]


def _loaded(name: str, where: str) -> Any:
    from gateway.loading import loading

    module, _, attribute = where.partition(":")
    with loading():
        found = getattr(import_module(f"gateway.cli.{module}"), attribute)
    holder = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode=None)
    if isinstance(found, typer.Typer):
        holder.add_typer(found, name=name)
    else:
        holder.command(name)(found)
    return typer.main.get_group(holder).commands[name]


class Page(typer.Context.formatter_class):  # type: ignore[misc, valid-type]  # see the module's docstring
    """Writes in the reader's language what the library itself adds to a page."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """The first line."""
        super().write_usage(prog, args, translate("Usage: ") if prefix is None else prefix)

    def write_heading(self, heading: str) -> None:
        """A heading, with the space that French puts before a colon."""
        self.write(" " * self.current_indent + translate("{heading} :").format(heading=heading) + "\n")

    def write_text(self, text: str) -> None:
        """A paragraph."""
        super().write_text(bound(text))

    def write_dl(self, rows: Any, *args: Any, **kwargs: Any) -> None:
        """Options or commands. The text of ``--help`` is made too late for the tree's own translation."""
        told = [(_TYPE.sub(_type, first), bound(translate(second))) for first, second in rows]
        super().write_dl(told, *args, **kwargs)

    def getvalue(self) -> str:
        """The page, with plain spaces, as it may be copied."""
        return str(super().getvalue()).replace("\N{NO-BREAK SPACE}", " ")


class PageContext(typer.Context):
    """A context whose help pages are ours."""

    formatter_class = Page


def texts(command: Any) -> Iterator[tuple[Any, str]]:
    """Where the texts of a command lie, those of its parameters and of its own commands included: object, attribute."""
    yield from _own_texts(command)
    for inner in inside(command):
        yield from texts(inner)


def inside(command: Any) -> tuple[Any, ...]:
    """The commands of a group; none for a command."""
    return tuple(getattr(command, "commands", {}).values())


def translated(command: Any) -> Any:
    """The same command, its pages in the reader's language, and those of its own commands."""
    for item, name in _own_texts(command):
        setattr(item, name, translate(getattr(item, name)))
    command.context_class = PageContext
    for parameter in command.params:
        # These act by themselves and print what they did.
        if parameter.name in {"install_completion", "show_completion"}:
            parameter.callback = reworded(parameter.callback)
    if isinstance(command, Program):
        cast("Shelf", command.commands).ready = translated
    else:
        for inner in inside(command):
            translated(inner)
    return command


def summary(command: Any) -> str:
    """The first sentence of a command's text."""
    text = command.short_help or command.help or ""
    found = _FIRST_SENTENCE.match(text)
    return " ".join((found[1] if found else text).split())


def _own_texts(command: Any) -> Iterator[tuple[Any, str]]:
    for item in (command, *command.params):
        yield from ((item, name) for name in _TEXTS if getattr(item, name, None))


def _type(found: re.Match[str]) -> str:
    shown = found[1]
    for code, letters in _DATE.items():
        shown = shown.replace(code, translate(letters))
    return f"<{translate(shown)}>"
