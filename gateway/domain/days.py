"""Days as people name them: the two cities whose clocks count, and the words of weekdays and months."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from gateway.domain.words import french

PARIS = ZoneInfo("Europe/Paris")
ALGIERS = ZoneInfo("Africa/Algiers")

WEEKDAYS = (
    *(french("lundi"), french("mardi"), french("mercredi"), french("jeudi"), french("vendredi")),
    *(french("samedi"), french("dimanche")),
)
SHORT_WEEKDAYS = (
    *(french("lun."), french("mar."), french("mer."), french("jeu."), french("ven.")),
    *(french("sam."), french("dim.")),
)
MONTHS = (
    *(french("janvier"), french("février"), french("mars"), french("avril"), french("mai"), french("juin")),
    *(french("juillet"), french("août"), french("septembre"), french("octobre"), french("novembre")),
    french("décembre"),
)


def paris_day(at: datetime) -> date:
    """The calendar date of an instant in Paris, where the hospital is."""
    return at.astimezone(PARIS).date()
