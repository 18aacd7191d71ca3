"""``gateway calendar``: which days count in Algeria, who says so, and what a change of it does to open periods."""

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from enum import Enum
from functools import partial
from gettext import gettext as _
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.pages import Contents
from gateway.cli.session import (
    DEFAULT_CONFIG,
    ConfigOption,
    JsonOption,
    calendar_standing,
    person,
    settings,
    storable,
    with_calendar,
)

app = typer.Typer(
    help="Le calendrier algérien : quels jours comptent, et qui le dit.", no_args_is_help=True, cls=Contents
)

DATES = ["%Y-%m-%d", "%d/%m/%Y"]
_MOVE = re.compile(r"(.+)=([+-]?[0-9]{1,2})")


class Status(Enum):
    """How a day is known, as one types it."""

    OFFICIAL = "official"
    FORECAST = "forecast"
    OBSERVED = "observed"
    FIXED = "fixed"


class Format(Enum):
    """What an export is written in."""

    TOML = "toml"
    JSON = "json"


def _words(text: str | None) -> str | None:
    """A text on one line, or refused when there is none.

    Raises:
        typer.BadParameter: only spaces.
    """
    if text is None:
        return None
    words = " ".join(text.split())
    if not words:
        raise typer.BadParameter(_("un texte est attendu"))
    return words


SourceOption = Annotated[
    str, typer.Option(callback=_words, help="Qui le dit : communiqué, texte, article, constat de telle personne.")
]
FeastOption = Annotated[
    str | None, typer.Option(callback=_words, help="L'identifiant de la fête, par exemple fitr-1448.")
]
WhatIfOption = Annotated[bool, typer.Option("--what-if", help="Montrer l'effet, sans rien enregistrer.")]


@app.command("show")
def show(
    config: ConfigOption = DEFAULT_CONFIG,
    month: Annotated[datetime | None, typer.Option(formats=["%Y-%m"], help="Un mois.")] = None,
    year: Annotated[int | None, typer.Option(min=1, max=9998, help="Une année.")] = None,
    first: Annotated[datetime | None, typer.Option("--from", formats=DATES, help="Premier jour.")] = None,
    until: Annotated[datetime | None, typer.Option(formats=DATES, help="Dernier jour.")] = None,
    what_if: Annotated[
        str | None,
        typer.Option(help="Et si une fête bougeait ? Par exemple fitr-1448=+1. Rien n'est enregistré."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Montrer les jours fériés, leur source, et les fêtes à confirmer (un an à partir d'aujourd'hui)."""
    from gateway.cli.effects import show_calendar
    from gateway.cli.output import echo_json
    from gateway.services.shapes.calendar import calendar_json

    if what_if is not None:
        _preview_move(config, what_if, as_json=as_json)
        return
    calendar, proposals = calendar_standing(config)
    begin, finish = _range(month, year, first, until)
    if as_json:
        echo_json(calendar_json(calendar, proposals, begin, finish))
    else:
        show_calendar(calendar, proposals, begin, finish)


def _range(
    month: datetime | None, year: int | None, first: datetime | None, until: datetime | None
) -> tuple[date, date]:
    """The days asked for: a month, a year, from one to another, or a year from today.

    Raises:
        typer.BadParameter: the last day is before the first.
    """
    from gateway.adapters.clock import SystemClock
    from gateway.domain.workdays import algiers_day

    if month is not None:
        start = month.date()
        return start, (start + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    if year is not None:
        return date(year, 1, 1), date(year, 12, 31)
    begin = first.date() if first else algiers_day(SystemClock().now())
    finish = until.date() if until else begin + timedelta(days=365)
    if finish < begin:
        raise typer.BadParameter(_("le dernier jour est avant le premier"))
    return begin, finish


def _preview_move(config: Path, what_if: str, *, as_json: bool) -> None:
    from gateway.domain.calendar_plans import moving

    found = _MOVE.fullmatch(what_if.strip())
    if found is None:
        raise typer.BadParameter(_("on attend FÊTE=+1 ou FÊTE=-1, par exemple fitr-1448=+1"))
    plan = partial(moving, feast=found[1].strip(), by=int(found[2]))
    _carry_out(config, plan, what_if=True, as_json=as_json)


@app.command("propose")
def propose(
    year: Annotated[int, typer.Argument(min=2000, max=2100, help="L'année.")],
    config: ConfigOption = DEFAULT_CONFIG,
    record: Annotated[bool, typer.Option("--record", help="Enregistrer ces lignes.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Proposer ce qui manque à une année : fêtes prévues par calcul, et jours que la loi fixe."""
    from gateway.adapters.forecast import expected_days
    from gateway.domain.forecasts import forecasting

    expected, source = expected_days(year)
    if not as_json:
        typer.echo(_("Ce calcul s'est trompé pour 5 fêtes sur 10 en 2024 et 2025 : chaque fête reste à confirmer."))
    plan = partial(forecasting, year=year, expected=expected, source=source)
    _carry_out(config, plan, what_if=not record, as_json=as_json)


@app.command("set")
def set_day(
    day: Annotated[datetime, typer.Argument(formats=DATES, help="Le jour, ou le premier d'un bloc.")],
    source: SourceOption,
    config: ConfigOption = DEFAULT_CONFIG,
    name: Annotated[
        str | None, typer.Option(callback=_words, help="Le nom affiché ; celui de la fête si absent.")
    ] = None,
    feast: FeastOption = None,
    status: Annotated[Status, typer.Option(help="Comment on le sait.")] = Status.OFFICIAL,
    days: Annotated[int, typer.Option(help="Nombre de jours qui se suivent.")] = 1,
    worked: Annotated[bool, typer.Option("--worked", help="Ce jour est travaillé.")] = False,
    what_if: WhatIfOption = False,
    as_json: JsonOption = False,
) -> None:
    """Dire d'un jour qu'il est férié, ou travaillé : annonce officielle, constat, date fixée, prévision."""
    from gateway.domain.calendar_plans import setting
    from gateway.domain.feasts import RowStatus

    plan = partial(
        setting,
        first=day.date(),
        days=days,
        status=RowStatus(status.value),
        source=source,
        off=not worked,
        name=name,
        feast=feast,
    )
    _carry_out(config, plan, what_if=what_if, as_json=as_json)


@app.command("remove")
def remove(
    days: Annotated[list[datetime], typer.Argument(formats=DATES, help="Les jours.")],
    source: SourceOption,
    config: ConfigOption = DEFAULT_CONFIG,
    feast: FeastOption = None,
    status: Annotated[Status | None, typer.Option(help="Seulement ce qui est connu ainsi.")] = None,
    what_if: WhatIfOption = False,
    as_json: JsonOption = False,
) -> None:
    """Retirer ce que le calendrier dit de ces jours. Rien n'est effacé : l'acte nomme ce qu'il retire."""
    from gateway.domain.calendar_plans import withdrawing
    from gateway.domain.feasts import RowStatus

    known = RowStatus(status.value) if status else None
    plan = partial(withdrawing, days=[each.date() for each in days], source=source, feast=feast, status=known)
    _carry_out(config, plan, what_if=what_if, as_json=as_json)


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="Un calendrier : TOML, ou liste JSON de lignes.")],
    config: ConfigOption = DEFAULT_CONFIG,
    source: Annotated[
        str | None, typer.Option(callback=_words, help="D'où vient le fichier ; son nom si absent.")
    ] = None,
    what_if: WhatIfOption = False,
    as_json: JsonOption = False,
) -> None:
    """Ajouter ce qu'un fichier dit de plus que le calendrier ; ce qu'il tait reste."""
    from gateway.adapters.calendar_file import load_calendar
    from gateway.adapters.clock import SystemClock
    from gateway.domain.calendar_plans import importing

    found = load_calendar(file, covers_until=date.min, recorded_at=SystemClock().now())
    _carry_out(config, partial(importing, file=found, source=source or file.name), what_if=what_if, as_json=as_json)


@app.command("export")
def export(
    config: ConfigOption = DEFAULT_CONFIG,
    form: Annotated[Format, typer.Option("--format", help="Le format.")] = Format.TOML,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Fichier à écrire.")] = None,
) -> None:
    """Écrire le calendrier en vigueur, tel qu'un autre service peut le lire."""
    import json

    from gateway.adapters.calendar_file import calendar_json, calendar_toml
    from gateway.domain.errors import FileUnwritten
    from gateway.domain.reasons import system_reason

    calendar, _proposals = calendar_standing(config)
    if form is Format.TOML:
        text = calendar_toml(calendar)
    else:
        text = json.dumps(calendar_json(calendar), ensure_ascii=False, indent=1) + "\n"
    if output is None:
        typer.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise FileUnwritten(path=output, reason=system_reason(error)) from error


NumberArgument = Annotated[int, typer.Argument(help="Le numéro de la proposition.", callback=storable)]


@app.command("confirm")
def confirm(
    number: NumberArgument,
    config: ConfigOption = DEFAULT_CONFIG,
    what_if: WhatIfOption = False,
    as_json: JsonOption = False,
) -> None:
    """Confirmer, en votre nom, ce qu'une autre personne a proposé."""
    if what_if:
        effect = with_calendar(config, lambda acts: acts.preview_proposal(number), reading=True)
    else:
        who = person(settings(config))
        effect = with_calendar(config, lambda acts: acts.confirm(number, actor=who))
    _tell(effect, as_json=as_json)


@app.command("decline")
def decline(
    number: NumberArgument, source: SourceOption, config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False
) -> None:
    """Écarter une proposition, la vôtre ou celle d'une autre personne."""
    who = person(settings(config))
    _tell(with_calendar(config, lambda acts: acts.decline(number, actor=who, source=source)), as_json=as_json)


def _carry_out(config: Path, plan: Callable[[Any], Any], *, what_if: bool, as_json: bool) -> None:
    """Look at a change, or make it, and tell what it does."""
    if what_if:
        effect = with_calendar(config, lambda acts: acts.preview(plan), reading=True)
    else:
        who = person(settings(config))
        effect = with_calendar(config, lambda acts: acts.amend(plan, actor=who))
    _tell(effect, as_json=as_json)


def _tell(effect: Any, *, as_json: bool) -> None:
    from gateway.cli.effects import show_effect
    from gateway.cli.output import echo_json
    from gateway.services.shapes.calendar import effect_json

    if as_json:
        echo_json(effect_json(effect))
        return
    number = effect.number
    match effect.standing.value:
        case "previewed":
            typer.echo(_("Et si… Rien n'est enregistré."))
        case "proposed":
            typer.echo(
                _("Proposition n° {number}, enregistrée : elle attend une seconde personne.").format(number=number)
            )
        case "declined":
            typer.echo(_("Proposition n° {number} écartée ; le calendrier ne change pas.").format(number=number))
            return
        case _:
            typer.echo(_("Acte n° {number}, enregistré et en vigueur.").format(number=number))
    show_effect(effect)
    if effect.second:
        typer.echo(_("Un délai pourrait finir plus tôt, ou un silence s'enregistrer : il faut deux personnes."))
    if effect.standing.value == "proposed":
        typer.echo(_("La seconde personne : gateway calendar confirm {number}").format(number=number))
