"""Days and instants as persons type them."""

from datetime import date, datetime, time, timedelta
from gettext import gettext as _

import typer

from gateway.domain.days import PARIS

_FIRST_YEAR, _LAST_YEAR = 1900, 2999
"""Far from where dates of the standard library end: a period reaches some days further."""

_DAYS = ("%Y-%m-%d", "%d/%m/%Y")


def instant_typed(text: str) -> datetime:
    """An instant with its time zone.

    Raises:
        typer.BadParameter: it is none, or its zone lacks.
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(_("un instant est attendu, par exemple 2026-02-05T10:00:00+01:00")) from None
    if at.tzinfo is None:
        raise typer.BadParameter(_("le fuseau manque, par exemple +01:00 ou Z"))
    _require_year(at.year)
    return at


def day_or_instant(text: str) -> date | datetime:
    """A day alone, or an instant with its time zone.

    Raises:
        typer.BadParameter: it is neither.
    """
    for form in _DAYS:
        try:
            day = datetime.strptime(text.strip(), form).date()  # noqa: DTZ007  a day alone has no zone
        except ValueError:
            continue
        _require_year(day.year)
        return day
    return instant_typed(text.strip())


def bound(text: str | None, *, whole_day: bool = False) -> datetime | None:
    """Where a period begins or ends; a day is one of Paris, its last bound the beginning of the next.

    Raises:
        typer.BadParameter: it is neither day nor instant.
    """
    told = None if text is None else day_or_instant(text)
    if told is None or isinstance(told, datetime):
        return told
    return datetime.combine(told + timedelta(days=whole_day), time(), tzinfo=PARIS)


def _require_year(year: int) -> None:
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        between = {"first": _FIRST_YEAR, "last": _LAST_YEAR}
        raise typer.BadParameter(_("une année de {first} à {last} est attendue").format(**between))
