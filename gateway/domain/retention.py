"""How long things are kept: a case from the day of its closure (hospital's date), traces by their age."""

from calendar import monthrange
from datetime import date, datetime


def years_after(day: date, years: int) -> date:
    """The same day so many years later; the 29th of February becomes the 1st of March, never a day earlier."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return date(day.year + years, 3, 1)


def months_before(at: datetime, months: int) -> datetime:
    """The same instant so many months earlier; in a shorter month its last day."""
    years, month = divmod(at.month - 1 - months, 12)
    year, month = at.year + years, month + 1
    return at.replace(year=year, month=month, day=min(at.day, monthrange(year, month)[1]))
