"""What is to be done: the worklist, and how a duty is told."""

from gettext import gettext as _
from typing import Annotated, Any

import typer

from gateway.cli.output import day, echo_json, end
from gateway.cli.session import DEFAULT_CONFIG, ConfigOption, JsonOption, with_archive
from gateway.domain.words import french, told

URGENCIES = (french("urgent"), french("bientôt"), french("à savoir"))

SHOWN = 50
"""Things to do that are printed at once."""

OWNERS = {
    "hospital": french("l'hôpital"),
    "cnas": french("la CNAS"),
    "cnse": french("le CNSE"),
    "cpam": french("la CPAM"),
}


def todo(
    ref: Annotated[str | None, typer.Argument(help="Un seul dossier, par exemple 7F3K-Q2.")] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    everything: Annotated[
        bool, typer.Option("--all", help="Tout, même au-delà des cinquante premières choses.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Dire ce qui reste à faire, le plus urgent d'abord, avec la commande qui le fait."""

    async def read(archive: Any) -> Any:
        if ref is None and not everything and not as_json:
            page = await archive.worklist.page(limit=SHOWN)
            return archive.role, page.items, sum(page.counts.values())
        found = await archive.worklist.todo(ref)
        return archive.role, found, len(found)

    role, found, count = with_archive(config, read)
    if as_json:
        from gateway.services.shapes.todo import item_json

        echo_json([item_json(item) for item in found])
        return
    if not found:
        typer.echo(_("Rien à faire."))
    for item in found:
        show_duty(item.duty, item.ref, ours=role)
    if count > len(found):
        typer.echo(_("… et {more} de plus : gateway todo --all").format(more=count - len(found)))


def show_duty(duty: Any, ref: str | None, *, ours: Any) -> None:
    """One duty: how soon, in which case, who owes it, until when; then the commands."""
    head = f"[{_(URGENCIES[duty.urgency])}] " + (f"{ref} – " if ref else "")
    sentence = str(told(duty.sentence, _))
    lead = "    "
    if duty.by is not ours:
        sentence += " " + _("(dû par {who})").format(who=_(OWNERS[duty.by.value]))
        lead += _("au besoin : ")
    typer.echo(f"{head}{sentence}{_until(duty.due)}")
    for command in duty.commands:
        typer.echo(f"{lead}{command}")


def brief(duties: Any, ours: Any) -> str:
    """What a listing says of a case: how many things to do, and the most urgent."""
    mine = [duty for duty in duties if duty.by is ours]
    if not mine:
        return "–"
    first = str(told(mine[0].sentence, _))
    return first if len(mine) == 1 else _("{first} (et {more} de plus)").format(first=first, more=len(mine) - 1)


def _until(due: Any) -> str:
    from datetime import datetime

    if due is None:
        return ""
    return " – " + _("avant {end}").format(end=end(due) if isinstance(due, datetime) else day(due))
