"""What a person typed into a field: a French date. Nothing is guessed: what cannot be read is said."""

from datetime import date, datetime, time, timedelta

from gateway.domain.days import PARIS

FORM = "%d/%m/%Y"
FIRST_YEAR, LAST_YEAR = 1900, 2999
LONGEST_NUMBER = 9
"""Digits: every number of so many fits the column of every database."""


def typed_day(text: str) -> date | None:
    """A date written jj/mm/aaaa; None for an empty field.

    Raises:
        ValueError: it is no such date.
    """
    if not text.strip():
        return None
    found = datetime.strptime(text.strip(), FORM).date()  # noqa: DTZ007  a day alone has no zone
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise ValueError("a year from another time")
    return found


def typed_number(text: str) -> int | None:
    """A number of ours in a form or an address; None for anything else, and for what no table holds."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER else None


def day_begins(day: date, *, next_one: bool = False) -> datetime:
    """The first instant of a day in Paris, or of the next one."""
    return datetime.combine(day + timedelta(days=next_one), time(), tzinfo=PARIS)
