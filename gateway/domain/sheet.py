"""A document to be printed, as data: blocks of sentences in a fixed order, and the words of long dates.

Whoever prints it knows type and paper; nothing here does. A sentence is translated by the printer, an ``Exact`` value
is printed letter by letter and never translated.
"""

from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from gateway.domain.days import ALGIERS, MONTHS, PARIS, WEEKDAYS
from gateway.domain.words import Listed, Said, Translator, said

NOTHING = "–"


@dataclass(frozen=True, slots=True)
class Exact:
    """A hash, a file's name or a command: in a type where letters cannot be mistaken."""

    text: str


Text = str | Said | Listed | Exact
"""What is printed. A ``str`` is somebody's own word, a name for instance: it is not translated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """Begins a part."""

    text: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    """A sentence or several. ``strong`` is what the whole document says."""

    text: Text
    strong: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What nobody may overlook."""

    title: Text
    text: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Names and their values."""

    rows: tuple[tuple[Text, Text], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """``widths`` are the columns' shares of the line."""

    head: tuple[Text, ...]
    widths: tuple[int, ...]
    rows: tuple[tuple[Text, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """A list."""

    items: tuple[Text, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verbatim:
    """Lines as they are typed or signed."""

    text: Exact


Block = Heading | Paragraph | Notice | Facts | Table | Items | Verbatim


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """``author`` and ``reference`` stand on every page, ``foot`` at its end; ``mark`` is written across each one."""

    title: Text
    subtitle: Text
    author: str
    reference: Text
    foot: Text
    blocks: tuple[Block, ...]
    mark: Text | None = None


def long_day(day: date) -> Said:
    """« mercredi 4 novembre 2026 »."""
    weekday, month = Said(WEEKDAYS[day.weekday()]), Said(MONTHS[day.month - 1])
    number = said("1er") if day.day == 1 else str(day.day)
    return said("{weekday} {number} {month} {year}", weekday=weekday, number=number, month=month, year=day.year)


def long_instant(at: datetime | None, zone: ZoneInfo = PARIS) -> Said | str:
    """The same with the hour and its place."""
    if at is None:
        return NOTHING
    local = at.astimezone(zone)
    return said("{day} à {time:%H h %M}, {place}", day=long_day(local.date()), time=local, place=_place(zone))


def short_instant(at: datetime | None, zone: ZoneInfo = PARIS) -> Said | str:
    """To the second, for a table whose head says the place."""
    return NOTHING if at is None else said("{at:%d/%m/%Y %H:%M:%S}", at=at.astimezone(zone))


def euros(amount: str) -> Said:
    """An amount as French readers write it, « 12 500,00 € »; what is no number stays as it was given."""
    try:
        written = f"{Decimal(amount):,.2f}".replace(",", " ").replace(".", ",")
    except InvalidOperation:
        written = amount
    return said("{amount} €", amount=written)


def end_of_day(at: datetime) -> Said:
    """The end of a period: 24:00 of its last day in Algiers."""
    last = (at - timedelta(seconds=1)).astimezone(ALGIERS).date()
    return said("fin du {day}, heure d'Alger", day=long_day(last))


def in_json(value: Any, translate: Translator) -> Any:
    """A sheet, or a part of it, in the translator's language and in JSON's types; a block says by ``is`` what it is."""
    match value:
        case None | bool() | int():
            return value
        case tuple():
            return [in_json(item, translate) for item in value]
        case Exact(text=text):
            return {"text": text, "exact": True}
        case str():
            return {"text": value, "exact": False}
        case Said() | Listed():
            return {"text": value.told(translate), "exact": False}
        case _:
            told = {each.name: in_json(getattr(value, each.name), translate) for each in fields(value)}
            return {"is": type(value).__name__.lower()} | told


def _place(zone: ZoneInfo) -> Said:
    return said("heure d'Alger") if zone is ALGIERS else said("heure de Paris")
