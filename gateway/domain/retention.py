"""How long what was exchanged is kept: counted from the day on which its case was closed (hospital's date)."""

from datetime import date


def years_after(day: date, years: int) -> date:
    """The same day so many years later; the 29th of February becomes the 1st of March, never a day earlier."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return date(day.year + years, 3, 1)
