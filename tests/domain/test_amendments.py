"""Acts laid over a calendar: the last one holds, none is lost, and what they do to periods is found exactly."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gateway.adapters.calendar_file import SHIPPED_CALENDAR, load_calendar
from gateway.domain.amendments import (
    Applied,
    CalendarAct,
    CalendarStatement,
    Change,
    Ends,
    Verb,
    authors,
    change_of,
    changed_days,
    ends,
    hastens,
    in_force,
    overlaid,
    pending,
    reach,
)
from gateway.domain.errors import CalendarInvalid
from gateway.domain.workdays import Calendar, CalendarRow, DayReason, RowStatus, start_of_day

BASE = load_calendar(SHIPPED_CALENDAR)
AT = datetime(2026, 12, 1, 9, tzinfo=UTC)
FIRST, LAST = date(2027, 1, 1), date(2027, 12, 1)
DAY = timedelta(days=1)


def row(day: date, **told: object) -> CalendarRow:
    """An official day off, or what is told."""
    values: dict[str, object] = {"name": f"Jour {day}", "status": RowStatus.OFFICIAL, "source": "JO", **told}
    return CalendarRow(date=day, **values)  # type: ignore[arg-type]


def stating(*rows: CalendarRow, until: date | None = None) -> Change:
    """A change that states rows."""
    return Change(verb=Verb.SET, source="JO", stated=rows, covers_until=until)


def withdrawing(*rows: CalendarRow) -> Change:
    """A change that takes rows back."""
    return Change(verb=Verb.REMOVE, source="erreur", withdrawn=rows)


def applied(*changes: Change, by: str = "alice") -> list[Applied]:
    """Changes that came into force one second after the other."""
    return [Applied(change=change, at=AT + timedelta(seconds=n), by=by) for n, change in enumerate(changes)]


ROWS = st.builds(
    row,
    st.dates(date(2027, 2, 20), date(2027, 6, 20)),
    status=st.sampled_from([RowStatus.OFFICIAL, RowStatus.FIXED, RowStatus.FORECAST]),
    name=st.sampled_from(["Deuil", "Pont", "Fête"]),
)
OFFICIAL_WORKED = st.builds(lambda found: replace(found, off=False, status=RowStatus.OFFICIAL), ROWS)
MOVED_FEAST = st.builds(
    lambda feast, by: [
        row(found.date + by * DAY, name=found.name, feast=found.feast) for found in BASE.rows if found.feast == feast
    ],
    st.sampled_from(["fitr-1448", "adha-1448", "moharram-1449"]),
    st.integers(-4, 4),
)
CHANGES = st.one_of(
    st.lists(ROWS | OFFICIAL_WORKED, min_size=1, max_size=4).map(lambda rows: stating(*rows)),
    MOVED_FEAST.map(lambda rows: stating(*rows)),
    st.lists(st.sampled_from([found for found in BASE.rows if found.date.year == 2027]), min_size=1, max_size=3).map(
        lambda rows: withdrawing(*rows)
    ),
    st.dates(date(2028, 1, 1), date(2028, 2, 1)).map(lambda day: stating(until=day)),
)


def laid(changes: Iterable[Change]) -> Calendar:
    """The shipped calendar after these changes, if it can be."""
    try:
        return overlaid(BASE, applied(*changes))
    except CalendarInvalid:
        assume(False)
        raise


# --- the overlay


def test_without_acts_the_calendar_is_the_files_own() -> None:
    """The very same value, so the same version."""
    assert overlaid(BASE, []) is BASE


@given(st.lists(CHANGES, min_size=1, max_size=5))
def test_acts_one_by_one_or_all_at_once_give_the_same_calendar(changes: list[Change]) -> None:
    """A gateway that followed each act and one that starts afterwards agree, down to the version."""
    whole = laid(changes)
    step = BASE
    for one in applied(*changes):
        try:
            step = overlaid(step, [one])
        except CalendarInvalid:
            assume(False)

    assert step.version == whole.version
    assert step.covers_until == whole.covers_until


@given(ROWS)
def test_what_is_stated_and_withdrawn_leaves_the_calendar_as_it_was(told: CalendarRow) -> None:
    """Same rows, same version; the two acts remain where acts are kept."""
    assert overlaid(BASE, applied(stating(told), withdrawing(told))).version == BASE.version


def test_the_last_word_on_a_statement_holds() -> None:
    """Also when the clock stood still in between, and also over a row of the file."""
    may_day = next(found for found in BASE.rows if found.date == date(2027, 5, 1))
    at_once = [replace(one, at=AT) for one in applied(stating(row(LAST)), stating(row(LAST, off=False)))]

    worked = overlaid(BASE, at_once)
    corrected = overlaid(BASE, applied(stating(replace(may_day, source="JO 2027"))))

    assert worked.day(LAST).reason is DayReason.DECLARED_WORKED
    assert [found.source for found in corrected.rows if found.date == may_day.date] == ["JO 2027"]
    assert len(corrected.rows) == len(BASE.rows)


def test_a_row_bears_who_stated_it_and_when_it_came_into_force() -> None:
    """Not what the person may have written in it."""
    forged = replace(row(LAST), recorded_by="nobody", recorded_at=datetime(2020, 1, 1, tzinfo=UTC))

    told = overlaid(BASE, applied(stating(forged), by="Claire & Luc")).statement(LAST)

    assert told is not None
    assert (told.recorded_by, told.recorded_at) == ("Claire & Luc", AT)


def test_the_calendar_is_never_said_to_end_earlier() -> None:
    """An act extends what is complete, or leaves it."""
    assert overlaid(BASE, applied(stating(until=date(2020, 1, 1)))).covers_until == BASE.covers_until
    assert overlaid(BASE, applied(stating(until=date(2028, 12, 31)))).covers_until == date(2028, 12, 31)


def test_a_contradiction_is_refused_with_its_reason() -> None:
    """Two of three days of a feast announced: the third would vanish."""
    with pytest.raises(CalendarInvalid, match="donnez-les tous"):
        overlaid(BASE, applied(stating(row(date(2027, 3, 10), feast="fitr-1448"))))


def test_a_day_still_to_come_cannot_have_been_observed() -> None:
    """Whatever the statement says of its own date."""
    told = row(AT.date(), status=RowStatus.OBSERVED, recorded_at=datetime(2030, 1, 1, tzinfo=UTC))

    with pytest.raises(CalendarInvalid, match="seul un jour passé"):
        overlaid(BASE, applied(stating(told)))


# --- which acts count


def an_act(number: int, verb: Verb = Verb.SET, *, about: int | None = None, waits: bool = False) -> CalendarAct:
    """An act by a person of its own."""
    return CalendarAct(
        id=number,
        site="s",
        verb=verb,
        source="JO",
        recorded_at=AT + timedelta(minutes=number),
        recorded_by=f"p{number}",
        awaits_second=waits,
        about=about,
    )


def test_acts_count_in_the_order_in_which_they_came_into_force() -> None:
    """A proposal takes its place when it is confirmed, after an act that was made while it waited."""
    acts = [
        an_act(1, waits=True),
        an_act(2),
        an_act(3, waits=True),
        an_act(4, Verb.CONFIRM, about=1),
        an_act(5, Verb.DECLINE, about=3),
        an_act(6, waits=True),
    ]

    counted = [(act.id, second.id, authors(act, second)) for act, second in in_force(reversed(acts))]

    assert counted == [(2, 2, "p2"), (1, 4, "p1 & p4")]
    assert [act.id for act in pending(acts)] == [6]


def test_a_recorded_change_is_read_back() -> None:
    """What an act stated and what it withdrew, each as it stood."""
    given_back, told = row(LAST, feast="f"), row(FIRST, off=False)
    statements = [
        CalendarStatement(
            id=number,
            site="s",
            act=1,
            withdrawn=withdrawn,
            date=found.date,
            name=found.name,
            feast=found.feast,
            status=found.status,
            off=found.off,
            source=found.source,
        )
        for number, (found, withdrawn) in enumerate([(told, False), (given_back, True)], start=1)
    ]

    change = change_of(an_act(1), statements)

    assert (change.stated, change.withdrawn) == ((told,), (given_back,))


def test_two_persons_say_the_same_whatever_their_sources() -> None:
    """The second confirms the first when days, statuses and words agree; one day more is another change."""
    first, second = row(LAST, feast="f"), row(LAST, feast="f", name="autrement", source="radio")

    assert stating(first).substance == stating(second).substance
    assert stating(first).substance != stating(first, row(LAST + DAY, feast="f")).substance
    assert stating(first).substance != stating(replace(first, off=False)).substance
    assert stating(first).substance != withdrawing(first).substance
    assert stating(first).substance != stating(first, until=LAST).substance


# --- what a change does


def all_days() -> list[date]:
    """Every reception day of the year, and some beyond."""
    return [FIRST + offset * DAY for offset in range(420)]


@settings(max_examples=60, deadline=None)
@given(st.lists(CHANGES, min_size=1, max_size=3))
def test_hastening_is_what_a_look_at_every_reception_day_finds(changes: list[Change]) -> None:
    """No reception ends sooner unless it is said, and it is not said for nothing; nothing outside the reach moves."""
    after = laid(changes)
    pairs = [(day, ends(start_of_day(day), BASE), ends(start_of_day(day), after)) for day in all_days()]
    window = reach(BASE, after)

    assert hastens(BASE, after, FIRST) is any(new.sooner_than(old) for _, old, new in pairs)
    moved = [day for day, old, new in pairs if old != new]
    assert all(window is not None and window[0] <= day <= window[1] for day in moved)


@settings(max_examples=60, deadline=None)
@given(st.lists(CHANGES, min_size=1, max_size=3))
def test_changed_days_are_those_that_a_look_at_every_day_finds(changes: list[Change]) -> None:
    """Each day that counts otherwise, for another reason, or became certain or uncertain."""
    after = laid(changes)

    def seen(calendar: Calendar, day: date) -> tuple[bool, DayReason, bool]:
        found = calendar.day(day)
        beyond = found.reason is DayReason.BEYOND_CALENDAR
        return found.working, DayReason.WORKING_DAY if beyond else found.reason, calendar.is_uncertain(day)

    expected = [day for day in all_days() if seen(BASE, day) != seen(after, day)]

    assert [item.before.date for item in changed_days(BASE, after)] == expected


def test_only_days_from_today_on_are_looked_at() -> None:
    """What is past is past, unless a request is still open: that is asked of its own period."""
    after = overlaid(BASE, applied(withdrawing(*(found for found in BASE.rows if found.date == date(2027, 1, 12)))))

    assert hastens(BASE, after, date(2027, 1, 12))
    assert not hastens(BASE, after, date(2027, 1, 13))


@pytest.mark.parametrize(
    ("old", "new", "sooner"),
    [
        ((5, 5), (5, 5), False),
        ((5, 6), (5, 5), True),
        ((5, 6), (4, 6), True),
        ((5, 6), (6, 7), False),
        ((5, None), (5, 9), True),
        ((5, 9), (5, None), False),
        ((5, None), (5, None), False),
        ((5, None), (4, None), True),
    ],
)
def test_sooner_means_an_earlier_extreme_or_one_that_can_be_recorded(
    old: tuple[int, int | None], new: tuple[int, int | None], *, sooner: bool
) -> None:
    """Earliest, latest; None is a period that leaves the calendar."""

    def made(pair: tuple[int, int | None]) -> Ends:
        first, last = (None if day is None else AT + day * DAY for day in pair)
        return Ends(nominal=AT, earliest=first or AT, latest=last)

    assert made(new).sooner_than(made(old)) is sooner
