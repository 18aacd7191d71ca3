"""The help pages: the first one is a table of contents, and every one is in the reader's language.

The tree of commands is French where it is written and English where the library speaks; it is translated once, as a
whole, before it runs. The library's classes are taken from what it publishes, since it keeps their modules to itself.
"""

import re
from collections.abc import Iterator
from typing import Any

import typer
from typer.core import TyperGroup

from gateway.cli.language import translate
from gateway.cli.usage import reworded
from gateway.domain.words import french

CHAPTERS = {
    french("Installer et faire tourner"): (
        "init",
        "keys",
        "doctor",
        "run",
        "web",
        "users",
        "tokens",
        "status",
        "alarms",
        "db",
        "backup",
        "restore",
        "demo",
        "rehearse",
    ),
    french("Au quotidien"): ("todo", "fiche", "submit", "answer", "confirm", "settle"),
    french("Dossiers"): ("cases", "case", "note", "correct", "coverage", "close", "forget"),
    french("Délai et calendrier"): ("clock", "calendar"),
    french("Courrier"): ("message", "triage", "inspect"),
    french("Preuve"): ("proof", "audit", "certificate", "dossier", "challenge"),
}
"""The commands of the program by chapter, in the order in which they are read."""

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
_BOUND = "\N{NO-BREAK SPACE}"
_BEFORE_POINT = re.compile(r" (?=[:;?!»])")
_FIRST_SENTENCE = re.compile(r"(.+?[.])(?:\s|$)", re.DOTALL)


class Contents(TyperGroup):
    """A group whose page begins with its commands, each with its first sentence; the program's are in chapters."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the commands, then the options."""
        left = {name: command for name, command in self.commands.items() if not command.hidden}
        width = max(len(name) for name in left)
        chapters = CHAPTERS if ctx.parent is None else {}
        for title, names in (*chapters.items(), ("Commands", tuple(left))):
            rows = [(name.ljust(width), _summary(left.pop(name))) for name in names if name in left]
            if rows:
                with formatter.section(translate(title)):
                    formatter.write_dl(rows)
        super().format_options(ctx, formatter)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write nothing more: the library's own list cuts sentences."""


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
        super().write_text(_bound(text))

    def write_dl(self, rows: Any, *args: Any, **kwargs: Any) -> None:
        """Options or commands. The text of ``--help`` is made too late for the tree's own translation."""
        told = [(_TYPE.sub(_type, first), _bound(translate(second))) for first, second in rows]
        super().write_dl(told, *args, **kwargs)

    def getvalue(self) -> str:
        """The page, with plain spaces, as it may be copied."""
        return str(super().getvalue()).replace(_BOUND, " ")


class PageContext(typer.Context):
    """A context whose help pages are ours."""

    formatter_class = Page


def texts(command: Any) -> Iterator[tuple[Any, str]]:
    """Where the texts of a command lie, those of its parameters and of its own commands included: object, attribute."""
    for item in (command, *command.params):
        yield from ((item, name) for name in _TEXTS if getattr(item, name, None))
    for inner in inside(command):
        yield from texts(inner)


def inside(command: Any) -> tuple[Any, ...]:
    """The commands of a group; none for a command."""
    return tuple(getattr(command, "commands", {}).values())


def translated(command: Any) -> Any:
    """The same command, its pages in the reader's language."""
    for item, name in texts(command):
        setattr(item, name, translate(getattr(item, name)))
    _dress(command)
    return command


def _dress(command: Any) -> None:
    command.context_class = PageContext
    for parameter in command.params:
        # These act by themselves and print what they did.
        if parameter.name in {"install_completion", "show_completion"}:
            parameter.callback = reworded(parameter.callback)
    for inner in inside(command):
        _dress(inner)


def _type(found: re.Match[str]) -> str:
    shown = found[1]
    for code, letters in _DATE.items():
        shown = shown.replace(code, translate(letters))
    return f"<{translate(shown)}>"


def _bound(text: str) -> str:
    """No line begins or ends with French punctuation that belongs to a word."""
    return _BEFORE_POINT.sub(_BOUND, text).replace("« ", f"«{_BOUND}")


def _summary(command: Any) -> str:
    text = command.short_help or command.help or ""
    found = _FIRST_SENTENCE.match(text)
    return " ".join((found[1] if found else text).split())
