"""Changes of the calendar as persons ask for them, worked out against the calendar in force.

Each function looks at a calendar and returns the change, or raises NotAllowed with what is missing. Nothing here says
whether a second person is needed, nor keeps anything.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date

from gateway.domain.amendments import Change, Verb
from gateway.domain.errors import NotAllowed
from gateway.domain.feasts import ONE_DAY, CalendarRow, RowStatus, by_feast
from gateway.domain.words import Said, dated, said
from gateway.domain.workdays import Calendar, Feast

_ACT = said("modifier le calendrier")
LONGEST_BLOCK = 10
"""Days that one act may state as a block: no Algerian feast comes near, and a slip of the keyboard does."""


def setting(
    calendar: Calendar,
    *,
    first: date,
    days: int = 1,
    status: RowStatus,
    source: str,
    off: bool = True,
    name: str | None = None,
    feast: str | None = None,
) -> Change:
    """State a day, or a block of days that follow each other.

    Raises:
        NotAllowed: no name can be told, it is not said whether the days are a feast that is expected there, or the
            calendar says all this already.
    """
    if not 1 <= days <= LONGEST_BLOCK:
        raise _refused(said("Un bloc compte de 1 à {most} jours.", most=LONGEST_BLOCK))
    block = [first + offset * ONE_DAY for offset in range(days)]
    if status is RowStatus.OFFICIAL and off and feast is None:
        _ask_which_feast(calendar.open_feasts(block[0] - ONE_DAY, block[-1] + ONE_DAY))
    known = name or _known_name(calendar, block, feast)
    if known is None and off:
        raise _refused(said("Nommez ce jour : --name."))
    rows = [
        CalendarRow(date=day, name=known or "Jour ordinaire", status=status, source=source, off=off, feast=feast)
        for day in block
    ]
    return _new_only(calendar, Change(verb=Verb.SET, source=source, stated=tuple(rows)))


def withdrawing(
    calendar: Calendar,
    *,
    days: Iterable[date],
    source: str,
    feast: str | None = None,
    status: RowStatus | None = None,
) -> Change:
    """Take back what the calendar says of these days; of one feast or one status only, if told.

    Raises:
        NotAllowed: it says nothing of one of them.
    """
    found: list[CalendarRow] = []
    for day in dict.fromkeys(days):
        rows = [
            row
            for row in calendar.rows
            if row.date == day and feast in {None, row.feast} and status in {None, row.status}
        ]
        if not rows:
            raise _refused(said("Le calendrier ne dit rien de tel du {day}.", day=dated(day)))
        found += rows
    return Change(verb=Verb.REMOVE, source=source, withdrawn=tuple(found))


def importing(calendar: Calendar, *, file: Calendar, source: str) -> Change:
    """State what a file says that the calendar does not; what the file leaves out stays as it is.

    Raises:
        NotAllowed: the file says nothing new.
    """
    # The last word of the file on each statement, as its own dates order them.
    rows = sorted(file.rows, key=lambda row: row.age)
    last = {(row.date, row.status, row.feast or row.name): row for row in rows}
    joined = file.covers_from is None or file.covers_from <= calendar.covers_until + ONE_DAY
    further = file.covers_until if joined and file.covers_until > calendar.covers_until else None
    change = Change(verb=Verb.IMPORT, source=source, stated=tuple(last.values()), covers_until=further)
    return _new_only(calendar, change)


def moving(calendar: Calendar, *, feast: str, by: int) -> Change:
    """A feast announced this many days later (or earlier) than the calendar has it; to look at, not to record.

    Raises:
        NotAllowed: the calendar has no such feast.
    """
    group = _feast_rows(calendar, feast)
    settled = [row for row in group if row.status is RowStatus.OFFICIAL and row.off]
    expected = settled or [row for row in group if row.status is RowStatus.FORECAST]
    if not expected:
        raise _refused(said("« {feast} » n'est pas une fête mobile.", feast=feast))
    moved = tuple(
        replace(row, date=row.date + by * ONE_DAY, status=RowStatus.OFFICIAL, recorded_at=None, recorded_by=None)
        for row in {row.date: row for row in expected}.values()
    )
    gone = tuple(row for row in group if row.status in {RowStatus.OFFICIAL, RowStatus.FORECAST})
    return Change(verb=Verb.SET, source=expected[0].source, stated=moved, withdrawn=gone)


def _feast_rows(calendar: Calendar, feast: str) -> Sequence[CalendarRow]:
    groups = list(by_feast(calendar.rows))
    for key, rows in groups:
        if feast.casefold() in {key.casefold(), rows[0].name.casefold()}:
            return rows
    known = ", ".join(feast.id for feast in calendar.feasts)
    raise _refused(said("Fête inconnue : {feast}. Fêtes à confirmer : {known}.", feast=feast, known=known or "–"))


def _ask_which_feast(near: Sequence[Feast]) -> None:
    """An announcement settles its feast only if it names it, and must not settle another one by chance."""
    if near:
        reason = said(
            "« {name} » est attendue autour de ce jour. Si c'est elle : --feast {id} ; sinon, un autre nom à --feast.",
            name=near[0].rows[0].name,
            id=near[0].id,
        )
        raise _refused(reason)


def _known_name(calendar: Calendar, block: Sequence[date], feast: str | None) -> str | None:
    """The name that the calendar has for this feast, or else for the first of these days that has one."""
    if feast is not None:
        return next((row.name for row in calendar.rows if row.feast == feast), None)
    return next((row.name for day in block if (row := calendar.statement(day)) is not None), None)


def _new_only(calendar: Calendar, change: Change) -> Change:
    """The change without what the calendar says already.

    Raises:
        NotAllowed: nothing remains.
    """
    said_already = {_content(row) for row in calendar.rows}
    stated = tuple(row for row in change.stated if _content(row) not in said_already)
    if not stated and change.covers_until is None:
        raise _refused(said("Le calendrier le dit déjà."))
    return replace(change, stated=stated)


def _content(row: CalendarRow) -> tuple[object, ...]:
    return row.date, row.name, row.feast, row.status, row.off, row.source


def _refused(reason: Said) -> NotAllowed:
    return NotAllowed(act=_ACT, reason=reason)
