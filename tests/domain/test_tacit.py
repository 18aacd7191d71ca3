"""When silence may be recorded: each condition alone holds it back; a person confirms only what is a person's."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.audit import TEXT_LENGTH
from gateway.domain.evidence import Doubt
from gateway.domain.labels import ASKED, CONDITIONS
from gateway.domain.tacit import POLL_GAP, Facts, Watch, conditions, end_of_day_in_paris, gaps, wanted

LATEST = datetime(2026, 1, 28, 23, 0, tzinfo=UTC)
GRACE = timedelta(hours=12)
READY = LATEST + GRACE
TICK = timedelta(microseconds=1)
PARIS_END = datetime(2026, 2, 20, 23, 0, tzinfo=UTC)

ALL = Facts(
    now=READY + timedelta(minutes=1),
    latest_at=LATEST,
    grace=GRACE,
    clock_trusted=True,
    second_source_at=READY + TICK,
    watches=(Watch(folder="INBOX", polled_at=READY + TICK), Watch(folder="Junk", polled_at=READY + TICK)),
    unsettled=0,
    awaiting=True,
    other_way_excluded=True,
    gaps=(),
    vanished=(),
    mailbox_rebuilt=False,
    calendar_settled=True,
    proofs_waiting=0,
    asks_person=(),
    grade="SIGNED_RECEIPT",
    handed_over_at=datetime(2026, 1, 25, 9, 0, tzinfo=UTC),
    acknowledged_at=datetime(2026, 1, 25, 9, 5, tzinfo=UTC),
    authorised_until=date(2026, 2, 20),
    complete=True,
    withdrawn=None,
    restored=None,
    confirmed=frozenset(),
)

LACKS: list[tuple[str, dict[str, Any], str | None]] = [
    ("period_and_grace_over", {"now": READY - TICK}, None),
    ("clock_not_stepped", {"clock_trusted": False}, None),
    ("second_time_source_agrees", {"second_source_at": READY}, "time_source"),
    ("second_time_source_agrees", {"second_source_at": None}, "time_source"),
    (
        "every_folder_polled_since",
        {"watches": (ALL.watches[0], Watch(folder="Junk", polled_at=READY))},
        None,
    ),
    ("every_folder_polled_since", {"watches": (ALL.watches[0], Watch(folder="Junk", polled_at=None))}, None),
    ("every_folder_polled_since", {"watches": ()}, None),
    ("no_unsettled_mail", {"unsettled": 1}, None),
    ("no_answer_by_another_way", {"other_way_excluded": False}, "other_way"),
    ("no_gap_in_polls", {"gaps": ("INBOX a b",)}, "poll_gap"),
    ("no_mail_vanished_unread", {"vanished": (7,)}, "vanished_mail"),
    ("mailbox_not_rebuilt", {"mailbox_rebuilt": True}, "mailbox_rebuilt"),
    ("calendar_settled", {"calendar_settled": False}, None),
    ("no_proof_waiting", {"proofs_waiting": 1}, None),
    ("no_answer", {"awaiting": False}, None),
    ("confirmed_short_notice", {"asks_person": ("short_notice",)}, "short_notice"),
    ("handed_over_in_time", {"handed_over_at": PARIS_END}, "late_request"),
    ("handed_over_in_time", {"handed_over_at": None}, "late_request"),
    ("acknowledged_in_time", {"acknowledged_at": PARIS_END}, "late_acknowledgement"),
    ("acknowledged_in_time", {"acknowledged_at": None}, "late_acknowledgement"),
    ("complete", {"complete": False}, "incomplete"),
    ("not_withdrawn_before", {"withdrawn": 3}, "recorded_again"),
    ("not_recorded_before_backup", {"restored": 9}, "restored"),
]


def lacking(facts: Facts) -> tuple[str, ...]:
    """The names of the conditions that do not hold."""
    return tuple(condition.name for condition in conditions(facts) if not condition.holds)


def asked(facts: Facts) -> tuple[str | None, ...]:
    """The codes that a person may confirm now."""
    return tuple(condition.asks for condition in wanted(conditions(facts)))


def all_confirmed(facts: Facts) -> Facts:
    """With every code that a person can confirm, each about what is known now."""
    pairs = frozenset((found.asks, found.binding) for found in conditions(facts) if found.asks)
    return replace(facts, confirmed=pairs)


def test_all_conditions_hold_together() -> None:
    """The positive control, one instant after each limit."""
    assert lacking(ALL) == ()
    assert asked(ALL) == ()


@pytest.mark.parametrize(("name", "change", "code"), LACKS)
def test_each_condition_alone_holds_the_silence_back(name: str, change: dict[str, Any], code: str | None) -> None:
    """One fact wrong, one condition that does not hold, and exactly what a person may say about it."""
    facts = replace(ALL, **change)
    assert lacking(facts) == (name,)
    assert asked(facts) == ((code,) if code else ())


@pytest.mark.parametrize(("name", "change", "code"), LACKS)
def test_a_person_confirms_only_what_is_a_persons(name: str, change: dict[str, Any], code: str | None) -> None:
    """With every code confirmed, what machines and time decide still does not hold."""
    facts = all_confirmed(replace(ALL, **change))
    assert lacking(facts) == (() if code else (name,))


@pytest.mark.parametrize(
    ("change", "later"),
    [
        ({"asks_person": ("grade_below_policy",)}, {"acknowledged_at": datetime(2026, 1, 24, 9, 5, tzinfo=UTC)}),
        ({"asks_person": ("grade_below_policy",)}, {"grade": "MDN"}),
        ({"gaps": ("INBOX a b",)}, {"gaps": ("INBOX a b", "INBOX c d")}),
        ({"vanished": (7,)}, {"vanished": (7, 9)}),
        ({"other_way_excluded": False}, {"latest_at": LATEST - timedelta(days=1)}),
        ({"handed_over_at": PARIS_END}, {"handed_over_at": PARIS_END + TICK}),
        ({"withdrawn": 3}, {"withdrawn": 4}),
    ],
)
def test_a_word_counts_only_for_what_its_author_knew(change: dict[str, Any], later: dict[str, Any]) -> None:
    """The evidence, the end or the vanished mails change: the person is asked again."""
    confirmed = all_confirmed(replace(ALL, **change))
    assert lacking(confirmed) == ()
    assert len(lacking(replace(confirmed, **later))) == 1


@pytest.mark.parametrize(
    "change", [{"other_way_excluded": False}, {"vanished": (7,)}, {"second_source_at": None}, {"withdrawn": 3}]
)
def test_nobody_confirms_the_future(change: dict[str, Any]) -> None:
    """What is about the whole window cannot be said before the grace is over."""
    assert len(asked(replace(ALL, **change))) == 1
    assert asked(replace(ALL, now=READY - TICK, **change)) == ()


def test_nothing_holds_without_a_latest_end() -> None:
    """A period that leaves the calendar has no latest end and records nothing, whoever confirms."""
    facts = all_confirmed(replace(ALL, latest_at=None))
    assert set(lacking(facts)) == {"period_and_grace_over", "every_folder_polled_since"}


def test_the_grace_itself_counts_as_over() -> None:
    """At latest T plus the grace the period is over, an instant before it is not."""
    assert lacking(replace(ALL, now=READY)) == ()
    assert lacking(replace(ALL, now=READY - TICK)) == ("period_and_grace_over",)


def test_the_last_instant_of_the_authorisation_is_in_time() -> None:
    """Handed over before 24:00 in Paris is in time; at 24:00 it is not."""
    assert lacking(replace(ALL, handed_over_at=PARIS_END - TICK)) == ()


@pytest.mark.fault("F19")
@pytest.mark.parametrize(
    ("day", "end"),
    [
        (date(2026, 2, 20), datetime(2026, 2, 20, 23, 0, tzinfo=UTC)),
        (date(2026, 7, 14), datetime(2026, 7, 14, 22, 0, tzinfo=UTC)),
        # The clocks go forward on 29 March 2026 and back on 25 October: those days have 23 and 25 hours.
        (date(2026, 3, 28), datetime(2026, 3, 28, 23, 0, tzinfo=UTC)),
        (date(2026, 3, 29), datetime(2026, 3, 29, 22, 0, tzinfo=UTC)),
        (date(2026, 10, 24), datetime(2026, 10, 24, 22, 0, tzinfo=UTC)),
        (date(2026, 10, 25), datetime(2026, 10, 25, 23, 0, tzinfo=UTC)),
        (date(2026, 12, 31), datetime(2026, 12, 31, 23, 0, tzinfo=UTC)),
    ],
)
def test_a_day_ends_at_midnight_in_paris(day: date, end: datetime) -> None:
    """In winter 23:00 UTC, in summer 22:00, also on the days when the clocks change."""
    assert end_of_day_in_paris(day) == end


@given(rows=st.sets(st.sampled_from(range(len(LACKS)))), confirmed=st.booleans())
def test_the_order_is_fixed_and_confirming_never_takes_away(rows: set[int], *, confirmed: bool) -> None:
    """Whatever lacks, the names stand in one order, and a confirmation only makes more hold."""
    change: dict[str, Any] = {}
    for row in sorted(rows):
        change |= LACKS[row][1]
    facts = replace(ALL, **change)
    without, with_them = conditions(facts), conditions(all_confirmed(facts) if confirmed else facts)
    assert [condition.name for condition in without] == [condition.name for condition in with_them]
    assert all(not before.holds or after.holds for before, after in zip(without, with_them, strict=True))


@pytest.mark.parametrize("name", ["gaps", "vanished"])
def test_what_a_word_is_about_fits_a_record_however_much_it_is(name: str) -> None:
    """A thousand vanished mails, a hundred gaps: short, and another thousand is another word."""
    many: tuple[Any, ...] = tuple(range(10**6, 10**6 + 1000))
    found: list[dict[str, Any]] = [{name: items} for items in (many, many[:-1], many[:3], many[:2])]
    words = {wanted(conditions(replace(ALL, **change)))[0].binding for change in found}
    assert len(words) == 4
    assert max(len(word) for word in words) <= TEXT_LENGTH


# --- gaps in the polls

NOON = datetime(2026, 1, 25, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def looks(*series: tuple[float, float]) -> list[tuple[datetime, datetime]]:
    """Series of looks by first and last hour after noon."""
    return [(NOON + first * HOUR, NOON + last * HOUR) for first, last in series]


def found(*series: tuple[float, float], since: float = 0, until: float = 48) -> list[tuple[float, float]]:
    """The gaps in a window, in hours after noon."""
    gone = gaps(looks(*series), since=NOON + since * HOUR, until=NOON + until * HOUR)
    return [((start - NOON) / HOUR, (end - NOON) / HOUR) for start, end in gone]


@pytest.mark.parametrize(("tick", "gap"), [(timedelta(0), False), (TICK, True)])
def test_a_gap_is_longer_than_its_limit(tick: timedelta, *, gap: bool) -> None:
    """Two hours without a look are none, an instant more is one."""
    later = NOON + POLL_GAP + tick
    series = [(NOON - HOUR, NOON), (later, later + 90 * HOUR)]
    assert bool(gaps(series, since=NOON - HOUR, until=NOON + 48 * HOUR)) is gap


@pytest.mark.parametrize(
    ("series", "gone"),
    [
        ([(-5, 60)], []),
        ([(-5, 10), (13, 60)], [(10, 13)]),
        ([(-5, 10), (11, 20), (30, 60)], [(20, 30)]),
        ([(-9, -5), (4, 60)], [(-5, 4)]),
        ([(-9, -8), (-1, 60)], []),
        ([(-5, 40), (60, 70)], [(40, 60)]),
        ([(-5, 49), (60, 70)], []),
        ([(5, 60)], [(0, 5)]),
        ([(-5, 40)], [(40, 48)]),
        ([], [(0, 48)]),
    ],
)
def test_only_gaps_that_touch_the_window_count(
    series: list[tuple[float, float]], gone: list[tuple[float, float]]
) -> None:
    """Before it nothing was awaited, after it no answer would be in time; at its edges a gap counts whole."""
    assert found(*series) == gone


def test_every_condition_and_what_a_person_confirms_instead_have_words() -> None:
    """They are printed on certificates: an id there would be no sentence."""
    doubts = tuple(doubt.value for doubt in Doubt)
    for condition in conditions(replace(ALL, asks_person=(*doubts, "short_notice"))):
        assert condition.name in CONDITIONS
        if condition.asks is not None:
            assert ASKED.get(condition.asks, f"confirmed_{condition.asks}") == condition.name
