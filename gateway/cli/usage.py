"""What a person typed wrong, in the reader's language: the sentence, the usage, where to read more.

The library composes its sentences in English, outside of any catalogue. They are recognised here by their templates,
which are keys of the catalogues like the library's other texts; one that is unknown is shown as it is.
"""

import re
from collections.abc import Callable
from contextlib import redirect_stdout
from functools import cache, wraps
from io import StringIO
from typing import Any

import typer

from gateway.cli.language import translate
from gateway.domain.words import filled

TEMPLATES = (
    "Missing argument {name}.",
    "Missing option {name}.",
    "No such option: {name} (Possible options: {names})",
    "No such option: {name}",
    "{sentence}. Did you mean {names}?",
    "Option {name} requires an argument.",
    "Option {name} requires {count} arguments.",
    "Option {name} does not take a value.",
    "Got unexpected extra argument(s) ({names})",
    "Invalid value for {name}: {sentence}",
    "Invalid value: {sentence}",
    "{name} (env var: {variable})",
    "Input should be a valid integer, unable to parse string as an integer",
    "Input should be a valid number, unable to parse string as a number",
    "Input should be greater than or equal to {limit}",
    "Input should be less than or equal to {limit}",
    "Value error, {value} does not match the formats {names}.",
    "Value error, {value} is not one of {names}.",
    "path {name} is not readable.",
    "file {name} is not readable.",
    "file {name} does not exist.",
    "file {name} is a directory.",
    "dir {name} does not exist.",
    "dir {name} is a file.",
    "dir {name} is not readable.",
    "dir {name} is not writable.",
    "Shell {name} is not supported.",
    "Shell {name} not supported.",
    "{shell} completion installed in {path}",
    "Completion will take effect once you restart the terminal",
)
"""The first that fits is taken."""


def lines(mistake: typer.TyperException) -> list[str]:
    """What to tell a person who typed something that is no command."""
    if type(mistake).__name__ == "NoArgsIsHelpError":
        return [mistake.format_message()]
    context: Any = getattr(mistake, "ctx", None)
    command = context.command_path if context else "gateway"
    return [
        translate("Erreur : {sentence}").format(sentence=sentence(mistake.format_message())),
        *([context.get_usage()] if context else ()),
        translate("Aide : {command}").format(command=f"{command} --help"),
    ]


def sentence(text: str) -> str:
    """A sentence of the library, in the reader's language; what it quotes is looked at too."""
    for template in TEMPLATES:
        found = _pattern(template).fullmatch(text)
        if found is not None:
            quoted = {name: sentence(value) for name, value in found.groupdict().items()}
            return filled(template, quoted, translate)
    return text


def reworded(act: Callable[..., Any]) -> Callable[..., Any]:
    """An act of the library whose printed lines are sentences like these."""

    @wraps(act)
    def run(*args: Any, **kwargs: Any) -> Any:
        printed = StringIO()
        try:
            with redirect_stdout(printed):
                return act(*args, **kwargs)
        finally:
            for line in printed.getvalue().splitlines():
                typer.echo(sentence(line))

    return run


@cache
def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>.+?)", re.escape(template)), re.DOTALL)
