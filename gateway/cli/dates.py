"""Days and instants as a person reads them: absolute, in the reader's language."""

from datetime import date, datetime, timedelta
from gettext import gettext as _

from gateway.domain.days import ALGIERS, PARIS, SHORT_WEEKDAYS


def day(value: date) -> str:
    """A date as a person reads it."""
    return f"{_(SHORT_WEEKDAYS[value.weekday()])} {value.strftime(_('%d/%m/%Y'))}"


def instant(at: datetime | None) -> str:
    """An instant, in Paris."""
    if at is None:
        return "–"
    local = at.astimezone(PARIS)
    return _("{day} à {time}").format(day=day(local.date()), time=local.strftime(_("%H h %M")))


def end(at: datetime | None) -> str:
    """The end of a period: its last minute in Algiers, never « midnight »."""
    if at is None:
        return "–"
    last = (at - timedelta(minutes=1)).astimezone(ALGIERS)
    return _("{day} à {time}, heure d'Alger").format(day=day(last.date()), time=last.strftime(_("%H h %M")))
