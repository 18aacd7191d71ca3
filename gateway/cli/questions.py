"""What ``gateway init`` asks at a terminal: each answer is checked at once, as the configuration will check it."""

import sys
from collections.abc import Callable
from gettext import gettext as _

import typer

from gateway.cli.language import translate
from gateway.domain.words import said, told

_YES, _NO = frozenset({"o", "oui", "y", "yes"}), frozenset({"n", "non", "no"})


def ask(value: str | None, flag: str, question: str, accept: Callable[[str], str] = str) -> str:
    """An answer that was given as an option, or the first acceptable one that a person types.

    Raises:
        BadParameter: nobody is there to answer.
    """
    if value:
        return value
    if not at_terminal():
        raise typer.BadParameter(
            _("elle manque ; donnez l'option, ou lancez la commande dans un terminal"), param_hint=flag
        )
    while True:
        try:
            return accept(str(typer.prompt(question, prompt_suffix=_(" : "))).strip())
        except ValueError as refused:
            typer.echo("  " + str(told(refused.args[0], translate)))


def yes(question: str) -> bool:
    """Yes or no, in either language; neither is presumed."""
    return ask(None, "", f"{question} " + _("(oui ou non)"), _yes_or_no) in _YES


def secret(question: str) -> str:
    """An answer that is not shown."""
    return str(typer.prompt(question, prompt_suffix=_(" : "), hide_input=True))


def at_terminal() -> bool:
    """Somebody can answer."""
    return sys.stdin.isatty()


def one_of(*choices: str) -> Callable[[str], str]:
    """Accepts these words and no other."""

    def accept(answer: str) -> str:
        if answer not in choices:
            raise ValueError(said("{choices} attendu", choices=", ".join(choices)))
        return answer

    return accept


def several(answer: str) -> list[str]:
    """Words that a person separated by commas or blanks."""
    return answer.replace(",", " ").split()


def _yes_or_no(answer: str) -> str:
    known = answer.lower()
    if known not in _YES | _NO:
        raise ValueError(said("oui ou non attendu"))
    return known
