"""Who is told of an alarm: in order, with delegates for those who are away, until somebody takes it; then otherwise."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.alarms import KINDS, Desk, Severity
from gateway.domain.alarms.staff import DELIVERED_WITHIN, Absence, Member, Staff, Telling, escalates, must_call

NOW = datetime(2026, 1, 28, 9, 0, tzinfo=UTC)
TODAY = NOW.date()
SECRETARIAT, ADMINISTRATOR = Desk.SECRETARIAT, Desk.ADMINISTRATOR
PATIENCE = timedelta(hours=1)
URGENT, NOTICE, MAIL_FAILS = KINDS["delivery_failed"], KINDS["receipt_late"], KINDS["outbox_stuck"]


def member(name: str, *desks: Desk, away: bool = False, delegate: str | None = None) -> Member:
    """A person."""
    absences = (Absence(first=TODAY, last=TODAY),) if away else ()
    return Member(
        id=name,
        address=f"{name}@hopital.test",
        desks=frozenset(desks or Desk),
        absences=absences,
        delegate=delegate,
    )


def staff(*members: Member) -> Staff:
    """All of them."""
    return Staff(members=members, patience=PATIENCE)


def names(found: Staff, desk: Desk = SECRETARIAT) -> list[str]:
    """The chain."""
    return [each.id for each in found.chain(desk, TODAY)]


def telling(**changes: Any) -> Telling:
    """One person was told just now, and the mail has left."""
    options: dict[str, Any] = {"told": ("a",), "told_at": NOW, "taken": False, "left": True, "called": False}
    return Telling(**(options | changes))


def test_the_order_is_that_of_the_configuration() -> None:
    """Those whose desk it is, one after the other."""
    people = staff(member("a", ADMINISTRATOR), member("b", SECRETARIAT), member("c"))

    assert names(people) == ["b", "c"]
    assert names(people, ADMINISTRATOR) == ["a", "c"]


def test_an_alarm_that_is_nobodys_desk_goes_to_everybody() -> None:
    """Rather the wrong person than none."""
    assert names(staff(member("a", ADMINISTRATOR))) == ["a"]
    assert names(staff()) == []


def test_whoever_is_away_has_a_delegate() -> None:
    """In the place of who is away; a delegate who comes later anyway is told once."""
    people = staff(member("a", away=True, delegate="c"), member("b"), member("c"))

    assert names(people) == ["c", "b"]
    assert [each.id for each in people.chain(SECRETARIAT, TODAY + timedelta(days=1))] == ["a", "b", "c"]


def test_a_delegate_of_another_desk_stands_in_all_the_same() -> None:
    """A delegate is named for an absence, whatever they do otherwise."""
    assert names(staff(member("a", SECRETARIAT, away=True, delegate="b"), member("b", ADMINISTRATOR))) == ["b"]


def test_delegates_who_are_away_too_lead_on() -> None:
    """To their own delegate; a circle of absent people leads nowhere, and the next person is told."""
    leads_on = staff(member("a", away=True, delegate="b"), member("b", away=True, delegate="c"), member("c"))
    circle = staff(member("a", away=True, delegate="b"), member("b", away=True, delegate="a"), member("c"))
    alone = staff(member("a", away=True), member("b"))

    assert names(leads_on) == ["c"]
    assert names(circle) == ["c"]
    assert names(alone) == ["b"]


def test_when_everybody_is_away_the_order_stands() -> None:
    """An alarm that is read late is better than one that nobody got."""
    assert names(staff(member("a", away=True), member("b", away=True, delegate="a"))) == ["a", "b"]


def test_an_absence_has_both_its_ends() -> None:
    """From the first day to the last."""
    absence = Absence(first=date(2026, 8, 1), last=date(2026, 8, 15))

    assert [absence.holds(date(2026, 7, 31)), absence.holds(absence.first), absence.holds(absence.last)] == [
        False,
        True,
        True,
    ]
    assert not absence.holds(date(2026, 8, 16))


def test_the_next_person_is_the_first_who_does_not_know() -> None:
    """Also when the order changed meanwhile."""
    people = staff(member("a"), member("b"), member("c"))

    assert people.next(SECRETARIAT, (), TODAY) == people.members[0]
    assert people.next(SECRETARIAT, ("b", "a"), TODAY) == people.members[2]
    assert people.next(SECRETARIAT, ("a", "b", "c"), TODAY) is None
    assert people.next(SECRETARIAT, ("gone", "a"), TODAY) == people.members[1]


def test_what_nobody_takes_in_time_goes_to_the_next() -> None:
    """Not a second before; not when somebody took it; never for a notice."""
    late = NOW + PATIENCE

    assert not escalates(URGENT, telling(), PATIENCE, late - timedelta(seconds=1))
    assert escalates(URGENT, telling(), PATIENCE, late)
    assert not escalates(URGENT, telling(taken=True), PATIENCE, late)
    assert not escalates(NOTICE, telling(), PATIENCE, late)
    assert not escalates(URGENT, telling(told_at=None), PATIENCE, late)


@pytest.mark.parametrize(
    ("kind", "told", "after", "calls"),
    [
        (URGENT, telling(), timedelta(), False),
        (URGENT, telling(left=False), DELIVERED_WITHIN - timedelta(seconds=1), False),
        (URGENT, telling(left=False), DELIVERED_WITHIN, True),
        (URGENT, telling(left=False, taken=True), DELIVERED_WITHIN, False),
        (URGENT, telling(left=False, called=True), DELIVERED_WITHIN, False),
        (URGENT, telling(told=(), told_at=None), timedelta(), True),
        (NOTICE, telling(told=(), told_at=None), timedelta(), False),
        (NOTICE, telling(left=False), 9 * DELIVERED_WITHIN, False),
        (MAIL_FAILS, telling(), timedelta(), True),
        (MAIL_FAILS, telling(called=True), timedelta(), False),
        (URGENT, telling(), PATIENCE, False),
        (URGENT, telling(told=("a", "b")), PATIENCE - timedelta(seconds=1), False),
        (URGENT, telling(told=("a", "b")), PATIENCE, True),
    ],
    ids=[
        "just told by mail",
        "the mail may still leave",
        "the mail does not leave",
        "somebody took it meanwhile",
        "called already",
        "nobody is named",
        "a notice calls nobody",
        "not even when mail fails",
        "mail itself is what fails",
        "and called already",
        "the next person comes first",
        "the last person has time",
        "nobody is left to be told",
    ],
)
def test_the_other_path_is_taken_when_mail_is_not_enough(
    kind: Any,
    told: Telling,
    after: timedelta,
    calls: bool,  # noqa: FBT001  a column of the table
) -> None:
    """Once, and only for what asks somebody to do something."""
    assert must_call(kind, told, staff(member("a"), member("b")), TODAY, NOW + after) is calls


def test_nothing_that_mail_cannot_carry_is_a_notice() -> None:
    """A notice takes no other path, so a kind that needs it is louder."""
    assert [kind.name for kind in KINDS.values() if kind.mail_fails and kind.severity is Severity.NOTICE] == []


_people = st.lists(
    st.tuples(
        st.sampled_from("abcde"), st.booleans(), st.sampled_from([None, *"abcde"]), st.sets(st.sampled_from(Desk))
    ),
    unique_by=lambda row: row[0],
    max_size=5,
)


@given(_people, st.sampled_from(Desk))
def test_somebody_is_told_whenever_somebody_is_named_and_each_once(rows: list[Any], desk: Desk) -> None:
    """Whatever absences and delegates say."""
    people = staff(*(member(name, *desks, away=away, delegate=delegate) for name, away, delegate, desks in rows))
    chain = people.chain(desk, TODAY)

    assert bool(chain) == bool(rows)
    assert len(set(chain)) == len(chain)
    told: list[str] = []
    while (following := people.next(desk, told, TODAY)) is not None:
        told.append(following.id)
    assert told == [each.id for each in chain]
