"""``gateway demo`` and ``rehearse``: the whole thread on this machine, an embedded mail server, a virtual clock."""

import io
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from gettext import gettext as _
from pathlib import Path
from typing import Annotated

import typer

EXTRA = ("aiosmtpd", "pymap", "trustme")
"""Packages of the extra ``demo``, which a gateway that works for real does not need."""

EXIT_MISSING, EXIT_FAILED = 2, 1


def demo(
    keep: Annotated[
        Path | None, typer.Option(help="Garder dans ce dossier, neuf ou vide, tout ce qui est produit.")
    ] = None,
    speed: Annotated[
        float, typer.Option(min=0, max=1000, help="Heures virtuelles par seconde, pour regarder ; 0 : au plus vite.")
    ] = 0,
    serve: Annotated[
        bool, typer.Option("--serve", help="Ouvrir ensuite la console de chaque établissement, jusqu'à Ctrl-C.")
    ] = False,
) -> None:
    """Voir la passerelle à l'œuvre : trois établissements, deux histoires, moins d'une minute."""
    _require_extra()
    _require_fresh(keep)
    from gateway.demo.rehearsal import perform

    _play(lambda: perform(keep=keep, speed=speed, out=sys.stdout, commands=_typed, serve=serve))


def rehearse(
    scenario: Annotated[
        str | None, typer.Argument(help="Ce que fait le partenaire ; sans lui, la liste est montrée.")
    ] = None,
    keep: Annotated[
        Path | None, typer.Option(help="Garder dans ce dossier, neuf ou vide, tout ce qui est produit.")
    ] = None,
    speed: Annotated[
        float, typer.Option(min=0, max=1000, help="Heures virtuelles par seconde, pour regarder ; 0 : au plus vite.")
    ] = 0,
) -> None:
    """S'exercer : un dossier, et un partenaire qui se tait, tarde, double, oublie ou écrit en clair."""
    _require_extra()
    from gateway.demo.scenarios import SCENARIOS

    if scenario is None:
        for one in SCENARIOS.values():
            typer.echo(f"  {one.name:13} {_(one.title)} :\n{'':16}{_(one.lesson)}.")
        return
    if scenario not in SCENARIOS:
        names = ", ".join(SCENARIOS)
        raise typer.BadParameter(_("inconnu ; il y a : {names}").format(names=names), param_hint="SCENARIO")
    _require_fresh(keep)
    from gateway.demo.exercise import perform

    _play(lambda: perform(SCENARIOS[scenario], keep=keep, speed=speed, out=sys.stdout, commands=_typed))


def _play(perform: Callable[[], None]) -> None:
    from gateway.demo.stage import DemonstrationFailed

    try:
        perform()
    except DemonstrationFailed as error:
        typer.echo(_("La démonstration s'est arrêtée. {reason}").format(reason=error), err=True)
        raise typer.Exit(EXIT_FAILED) from error


def _require_extra() -> None:
    missing = _missing()
    if missing:
        typer.echo(_("La démonstration demande encore : {packages}.").format(packages=", ".join(missing)), err=True)
        typer.echo(_("Installez-les : pip install 'soins-gateway[demo]', ou lancez « make demo »."), err=True)
        raise typer.Exit(EXIT_MISSING)


def _require_fresh(keep: Path | None) -> None:
    if keep is not None and (keep.is_file() or (keep.is_dir() and any(keep.iterdir()))):
        raise typer.BadParameter(_("ce dossier n'est pas vide ; rien n'est remplacé"), param_hint="--keep")


def _missing() -> list[str]:
    from importlib.util import find_spec

    return [name for name in EXTRA if find_spec(name) is None]


def _typed(arguments: list[str]) -> str:
    """What a command prints; the demonstration itself writes to the stream that it was given."""
    from gateway.cli.commands import app

    said = io.StringIO()
    with redirect_stdout(said):
        app(arguments, prog_name="gateway", standalone_mode=False)
    return said.getvalue()
