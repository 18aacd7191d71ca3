"""How the calendar and its changes are told: days with who says so, and before and after of each open period."""

from datetime import date, datetime
from gettext import gettext as _
from typing import Any

import typer

from gateway.cli.output import day, table
from gateway.domain.feasts import ONE_DAY, RowStatus
from gateway.domain.labels import REASONS
from gateway.domain.workdays import algiers_day


def status_word(status: RowStatus) -> str:
    """How a row is known."""
    match status:
        case RowStatus.FIXED:
            return _("fixe")
        case RowStatus.FORECAST:
            return _("prévu")
        case RowStatus.OFFICIAL:
            return _("officiel")
        case RowStatus.OBSERVED:
            return _("constaté")


# --- the calendar itself


def show_calendar(calendar: Any, proposals: Any, first: date, last: date) -> None:
    """Days of which the calendar says something, feasts that may still move, how far it goes, what waits."""
    from gateway.services.shapes.calendar import statements

    rows = [
        (
            day(row.date),
            _counted(calendar, row.date),
            row.name,
            status_word(row.status),
            row.source,
            row.recorded_by or "–",
        )
        for row in statements(calendar, first, last)
    ]
    headings = (_("Jour"), _("Compté"), _("Nom"), _("Statut"), _("Source"), _("Saisi par"))
    table(headings, rows, empty=_("Aucun jour férié du {first} au {last}.").format(first=day(first), last=day(last)))
    typer.echo(_("Le vendredi et le samedi ne comptent jamais."))
    for feast in calendar.open_feasts(first, last):
        starts = [day(feast.rows[0].date + shift * ONE_DAY) for shift in sorted(feast.shifts)]
        said = _("À confirmer : {name} ({id}), à partir du {days} ou {last}.")
        typer.echo(said.format(name=feast.rows[0].name, id=feast.id, days=", ".join(starts[:-1]), last=starts[-1]))
    typer.echo(_("Le calendrier est complet jusqu'au {until}.").format(until=day(calendar.covers_until)))
    for proposal in proposals:
        act = proposal.act
        typer.echo(
            _("Proposition n° {number}, de {who} : {source}").format(
                number=act.id, who=act.recorded_by, source=act.source
            )
        )
        show_change(proposal.change)
        typer.echo(_("  Une seconde personne la confirme : gateway calendar confirm {number}").format(number=act.id))


def _counted(calendar: Any, each: date) -> str:
    if calendar.is_uncertain(each):
        return _("incertain")
    return _("oui") if calendar.is_working(each) else _("non")


# --- a change and what it does


def show_change(change: Any) -> None:
    """What a change states and withdraws."""
    for mark, rows in (("-", change.withdrawn), ("+", change.stated)):
        for row in rows:
            worked = "" if row.off else _(", travaillé")
            feast = f" ({row.feast})" if row.feast else ""
            typer.echo(f"  {mark} {day(row.date)}  {row.name}{feast}, {status_word(row.status)}{worked}")
    if change.covers_until is not None:
        typer.echo(_("  Complet jusqu'au {until}").format(until=day(change.covers_until)))


def show_effect(effect: Any) -> None:
    """What a change did or would do: to days, then to each open period."""
    show_change(effect.change)
    if effect.days:
        typer.echo(_("Jours qui changent :"))
    for item in effect.days:
        before, after = _day_words(item.before, item.was_uncertain), _day_words(item.after, item.is_uncertain)
        typer.echo(f"  {day(item.before.date)}  {before} → {after}")
    if not effect.days and effect.change.covers_until is None:
        typer.echo(_("Aucun jour ne compte autrement."))
    _show_periods(effect.periods)
    for each in effect.shaken:
        said = _(
            "ATTENTION : dossier {ref}, demande {name} : réputée acceptée avant la fin que ce calendrier lui donne."
        )
        typer.echo(said.format(ref=each.case, name=each.name.told.told(_)))
        typer.echo(_("Rien n'est défait : une personne la maintient ou la retire (gateway challenge list)."))


def _show_periods(periods: Any) -> None:
    if not periods:
        typer.echo(_("Aucun délai en cours."))
        return
    moved = [period for period in periods if period.before != period.after]
    said = _("Délais en cours : {all}, dont {moved} à la fin changée.")
    typer.echo(said.format(all=len(periods), moved=len(moved)))
    if not moved:
        return
    rows = [
        (
            period.case,
            period.request[:12],
            day(algiers_day(period.received)),
            _ends_words(period.before),
            _ends_words(period.after),
            _effect_words(period.before, period.after),
        )
        for period in moved
    ]
    headings = (_("Dossier"), _("Demande"), _("Reçue"), _("Fin avant"), _("Fin maintenant"), _("Effet"))
    table(headings, rows, empty="")
    typer.echo(_("Chaque fin : 23 h 59, heure d'Alger."))


def _ends_words(ends: Any) -> str:
    nominal = _last_day(ends.nominal)
    if ends.latest is None:
        return _("{day}, non certaine : hors du calendrier").format(day=nominal)
    if ends.latest == ends.earliest:
        return nominal
    said = _("{day}, entre {earliest} et {latest}")
    return said.format(day=nominal, earliest=_last_day(ends.earliest), latest=_last_day(ends.latest))


def _last_day(at: datetime) -> str:
    """The last day of a period that ends at this instant."""
    return day(algiers_day(at) - ONE_DAY)


def _effect_words(before: Any, after: Any) -> str:
    days = (after.nominal - before.nominal).days
    if days == 0:
        return _("même fin, certaine") if after.earliest == after.latest else _("même fin, autre incertitude")
    if days < 0:
        return _("1 jour plus tôt") if days == -1 else _("{days} jours plus tôt").format(days=-days)
    return _("1 jour plus tard") if days == 1 else _("{days} jours plus tard").format(days=days)


def _day_words(each: Any, uncertain: bool) -> str:  # noqa: FBT001  a fact of the day
    name = each.row.name if each.row and not each.working else ""
    doubt = _("incertain") if uncertain else ""
    words = f"{_(REASONS[each.reason.value])} {name}".strip()
    return f"{words} ({doubt})" if doubt and each.working else words
