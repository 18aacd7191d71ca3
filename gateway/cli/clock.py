"""``gateway clock``: the four-day period of a reception, explained day by day.

``compute`` needs no configuration: without one it uses the shipped calendar.
"""

from datetime import date, datetime
from gettext import gettext as _
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.moments import instant_typed
from gateway.cli.output import day, echo_json, end
from gateway.cli.pages import Contents
from gateway.cli.rulings import doubt_lines
from gateway.cli.session import DEFAULT_CONFIG, ConfigOption, JsonOption, calendar_standing, with_archive
from gateway.domain.labels import REASONS
from gateway.domain.plain import period_json
from gateway.domain.request import State

app = typer.Typer(help="Le délai de quatre jours ouvrables, expliqué.", no_args_is_help=True, cls=Contents)


@app.command("compute")
def compute_period(
    received: Annotated[str, typer.Option(help="Instant de réception, avec fuseau : 2026-02-05T10:00:00+01:00.")],
    calendar: Annotated[
        Path | None,
        typer.Option(help="Un autre calendrier que celui en vigueur : TOML, ou liste JSON de lignes."),
    ] = None,
    covers_until: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="Dernier jour couvert, pour une liste qui ne le dit pas ; sinon, la fin de sa dernière année.",
        ),
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Calculer et expliquer le délai d'une réception."""
    from gateway.adapters.calendar_file import load_calendar
    from gateway.domain.period import compute

    at = instant_typed(received)
    if calendar is None:
        known, _proposals = calendar_standing(config)
    else:
        until: date | None = covers_until.date() if covers_until else None
        known = load_calendar(calendar, covers_until=until, whole_years=True)
    period = compute(at, known)
    if as_json:
        echo_json(period_json(period))
    else:
        show_period(period)


@app.command("explain")
def explain(
    ref: Annotated[str, typer.Argument(help="Le dossier.")],
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Expliquer le délai des demandes d'un dossier."""
    view = with_archive(config, lambda archive: archive.case(ref))
    started = [item for item in view.requests if item.period is not None]
    if as_json:
        from gateway.services.shapes.rulings import explained_json

        echo_json([explained_json(item) for item in started])
        return
    if not started:
        typer.echo(_("Aucun délai ne court : la CNAS n'a pas encore accusé réception."))
    for item in started:
        name = item.name.told.told(_)
        typer.echo(_("Demande {name} ({hash})").format(name=name, hash=item.request.hash[:12]))
        show_period(item.period, awaited=item.request.state is State.RUNNING)
        for line in doubt_lines(item):
            typer.echo(f"  {line}")


def show_period(period: Any, *, awaited: bool = True) -> None:
    """The explanation for a person; its end, and whether an answer is still awaited."""
    for line in period.days:
        mark = _("jour {rank}").format(rank=line.rank) if line.rank else "–"
        doubt = " " + _("(incertain)") if line.uncertain else ""
        reason = _(REASONS[line.reason.value])
        typer.echo(f"  {day(line.date)}  {mark:7} {reason} {line.name or ''}".rstrip() + doubt)
    last = _("Réponse attendue jusqu'au {end}.") if awaited else _("Fin du délai : {end}.")
    typer.echo(last.format(end=end(period.tacit_at)))
    if period.latest_tacit_at is None:
        typer.echo(_("Le calendrier ne va pas assez loin : rien ne sera enregistré avant qu'il soit complété."))
    elif not period.certain:
        between = {"earliest": end(period.earliest_tacit_at), "latest": end(period.latest_tacit_at)}
        typer.echo(_("Une fête est à confirmer : entre {earliest} et {latest}.").format(**between))
