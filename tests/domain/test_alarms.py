"""The table of alarms: each kind starts with its condition, stays, and ends with it; nothing starts or ends twice."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from string import Formatter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain import alarms, flags
from gateway.domain.alarms import KINDS, SIGNALS, Change, Key, Severity, Sighting, change, words_of
from gateway.domain.alarms.change import compare
from gateway.domain.alarms.facts import (
    CHANCES,
    Asked,
    Brought,
    Challenged,
    Facts,
    Habit,
    Handed,
    Happened,
    Limits,
    Outgoing,
    Owed,
    Stay,
    Unanchored,
    Unconfirmed,
    Unsorted,
)
from gateway.domain.case import State as Staying
from gateway.domain.lifetimes import Lifetime, ServerCertificate
from gateway.domain.parties import Role
from gateway.domain.request import TRANSITIONS, Effect, State
from tests.test_house import SOURCES

NOW = datetime(2026, 1, 28, 9, 0, tzinfo=UTC)
TODAY = NOW.date()
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FAR = date(2026, 12, 31)
QUIET = Facts(now=NOW, today=TODAY, us=Role.HOSPITAL, calendar_covers_until=date(2027, 12, 31), log_sound=True)
"""A hospital where nothing is wrong."""

Step = Callable[[Facts], Facts]


def asked(state: State = State.SENT, **changes: Any) -> Asked:
    """A request that has just been handed over, its authorisation far from its end."""
    base = Asked(
        hash="ab12cd" + "0" * 58,
        case="7F3K-Q2",
        state=state,
        submitted_at=NOW,
        authorised_until=FAR,
        prolongs=True,
        message="4",
        handed_over_at=NOW,
    )
    return replace(base, **changes)


HASH = asked().hash


def requests(*found: Asked) -> Step:
    """These requests."""
    return lambda facts: replace(facts, requests=found)


def stays(*found: Stay) -> Step:
    """These cases."""
    return lambda facts: replace(facts, stays=found)


def unanchored(hours: int, *, failing: int | None = None) -> Step:
    """A checkpoint that waits for its mail to leave for so long, and whose mail fails for so long."""
    since = None if failing is None else NOW - failing * HOUR
    waits = Unanchored(setting="anchor_mail", count=1, since=NOW - hours * HOUR, failing_since=since)
    return lambda facts: replace(facts, unanchored=(waits,))


def unsaved(since: timedelta) -> Step:
    """Without a backup for so long, where two days are too long."""
    return lambda facts: replace(facts, limits=Limits(backup_days=2), unsaved_for=since)


def with_(**changes: Any) -> Step:
    """Other facts."""
    return lambda facts: replace(facts, **changes)


def later(by: timedelta, step: Step = lambda facts: facts) -> Step:
    """The same, so much later."""

    def wait(facts: Facts) -> Facts:
        after = step(facts)
        return replace(after, now=after.now + by, today=(after.now + by).date())

    return wait


def at(role: Role, step: Step) -> Step:
    """At another party."""
    return lambda facts: replace(step(facts), us=role)


def stay(state: Staying = Staying.ADMITTED, *facts: Happened, **changes: Any) -> Stay:
    """A case of a patient who is there."""
    return replace(Stay(ref="7F3K-Q2", state=state, authorised_until=FAR, facts=facts), **changes)


def fact(kind: str, days_ago: int = 0, request: str | None = None) -> Happened:
    """Something that happened."""
    return Happened(kind=kind, day=TODAY - days_ago * DAY, request=request)


def out(**changes: Any) -> Outgoing:
    """A mail in the outbox."""
    return replace(Outgoing(message="4", partner="cnas", request=None, since=NOW), **changes)


def key(ends_at: datetime | None, *, usable: bool = True, owner: str = "cnas") -> Step:
    """One key."""
    return with_(lifetimes=(Lifetime(owner=owner, suite="openpgp", usable=usable, ends_at=ends_at),))


ADMITTED, COPY_1, COPY_2 = fact("ADMISSION", 1), fact("ENTITLEMENT_PRESENTED"), fact("ENTITLEMENT_CERTIFICATE")
ENDS = datetime(2026, 1, 29, 23, 0, tzinfo=UTC)
"""The end of a period whose last day is tomorrow's, the 29th."""
GRANTED = asked(State.ACCEPTED)
TO_CPAM = fact("EXTENSION_TO_CPAM", 7, HASH)
HELD, DOUBT, TRIED = out(held=True), out(doubt=True), out(tried=True)
COPY = Owed(message="7", partner="cnse", case="7F3K-Q2", request=None, since=NOW)
HANDED = Handed(message="7", reader="reader:x", case="7F3K-Q2", request=None, failed=True, since=NOW)
BROUGHT = Brought(proof=3, case="7F3K-Q2", request=HASH)
ENDING = asked(authorised_until=date(2026, 2, 4))

WALKS: tuple[tuple[str, Step, Step, Step], ...] = (
    # kind, just before it starts, when it stands, what ends it
    (
        "receipt_missing_at_end",
        later(59 * timedelta(minutes=1), requests(ENDING)),
        later(HOUR, requests(ENDING)),
        requests(replace(ENDING, state=State.RUNNING)),
    ),
    (
        "receipt_late",
        later(59 * timedelta(minutes=1), requests(asked())),
        later(HOUR, requests(asked())),
        requests(asked(State.RUNNING)),
    ),
    (
        "receipt_missing",
        later(12 * HOUR - timedelta(seconds=1), requests(asked())),
        later(12 * HOUR, requests(asked())),
        requests(asked(State.RUNNING)),
    ),
    (
        "receipt_uncertain",
        later(24 * HOUR - timedelta(seconds=1), requests(asked())),
        later(24 * HOUR, requests(asked())),
        requests(asked(State.ACCEPTED)),
    ),
    (
        "delivery_failed",
        requests(asked()),
        requests(asked(State.DELIVERY_FAILED)),
        requests(asked(State.SENT)),
    ),
    ("proof_waiting", with_(proofs=()), with_(proofs=(BROUGHT,)), with_(proofs=())),
    (
        "server_certificate_ends",
        with_(servers=(ServerCertificate(server="imap", ends_at=NOW + 15 * DAY),)),
        with_(servers=(ServerCertificate(server="imap", ends_at=NOW + 14 * DAY),)),
        with_(servers=(ServerCertificate(server="imap", ends_at=NOW + 90 * DAY),)),
    ),
    (
        "partner_never_confirms",
        with_(habits=(Habit(partner="cnas", sent=CHANCES - 1, confirmed=0),)),
        with_(habits=(Habit(partner="cnas", sent=CHANCES, confirmed=0),)),
        with_(habits=(Habit(partner="cnas", sent=CHANCES + 1, confirmed=1),)),
    ),
    (
        "partner_unconfirmed",
        with_(unconfirmed=()),
        with_(unconfirmed=(Unconfirmed(partner="cnse", count=2, message="4"),)),
        with_(unconfirmed=()),
    ),
    (
        "authorisation_ends",
        stays(stay(authorised_until=TODAY + 8 * DAY)),
        stays(stay(authorised_until=TODAY + 7 * DAY)),
        stays(stay(authorised_until=TODAY, requests=(asked(State.RUNNING),))),
    ),
    (
        "period_ends",
        later(-DAY, requests(asked(State.RUNNING, ends_at=ENDS))),
        requests(asked(State.RUNNING, ends_at=ENDS)),
        later(38 * HOUR, requests(asked(State.RUNNING, ends_at=ENDS))),
    ),
    (
        "answer_due",
        at(Role.CNAS, later(-DAY, requests(asked(State.RUNNING, ends_at=ENDS)))),
        at(Role.CNAS, requests(asked(State.RUNNING, ends_at=ENDS))),
        at(Role.CNAS, requests(asked(State.ACCEPTED, ends_at=ENDS))),
    ),
    (
        "silence_waits",
        later(23 * HOUR, requests(asked(State.ELAPSED, due_at=NOW))),
        later(24 * HOUR, requests(asked(State.ELAPSED, due_at=NOW))),
        later(24 * HOUR, requests(asked(State.TACITLY_ACCEPTED, settled_at=NOW))),
    ),
    (
        "answer_disputed",
        requests(asked(State.RUNNING)),
        requests(asked(State.ANSWER_DISPUTED)),
        requests(asked(State.ACCEPTED)),
    ),
    (
        "acceptance_challenged",
        with_(challenged=()),
        with_(challenged=(Challenged(case="7F3K-Q2", request=HASH),)),
        with_(challenged=()),
    ),
    (
        "regularisation_missing",
        later(6 * DAY, requests(asked(State.TACITLY_ACCEPTED, settled_at=NOW))),
        later(7 * DAY, requests(asked(State.TACITLY_ACCEPTED, settled_at=NOW))),
        later(7 * DAY, requests(asked(State.REGULARISED, settled_at=NOW))),
    ),
    (
        "cpam_rights_missing",
        stays(stay(Staying.ADMITTED, fact("EXTENSION_TO_CPAM", 6, HASH), requests=(GRANTED,))),
        stays(stay(Staying.ADMITTED, TO_CPAM, requests=(GRANTED,))),
        stays(stay(Staying.ADMITTED, TO_CPAM, fact("RIGHTS_EXTENDED", 0, HASH), requests=(GRANTED,))),
    ),
    (
        "copy_1_not_presented",
        stays(stay(Staying.ADMITTED, fact("ADMISSION"), COPY_2)),
        stays(stay(Staying.ADMITTED, ADMITTED, COPY_2)),
        stays(stay(Staying.ADMITTED, ADMITTED, COPY_2, COPY_1)),
    ),
    (
        "copy_2_not_received",
        stays(stay(Staying.ADMITTED, fact("ADMISSION"), COPY_1)),
        stays(stay(Staying.ADMITTED, ADMITTED, COPY_1)),
        stays(stay(Staying.ADMITTED, ADMITTED, COPY_1, COPY_2)),
    ),
    (
        "mail_to_sort",
        with_(mails=(Unsorted(mail=12, since=NOW - 59 * timedelta(minutes=1)),)),
        with_(mails=(Unsorted(mail=12, since=NOW - HOUR),)),
        with_(mails=()),
    ),
    (
        "outbox_stuck",
        with_(outgoing=(out(tried=True, since=NOW - 14 * timedelta(minutes=1)), HELD, DOUBT)),
        with_(outgoing=(out(tried=True, since=NOW - 15 * timedelta(minutes=1)), HELD, DOUBT)),
        with_(outgoing=(out(since=NOW - 15 * timedelta(minutes=1)), HELD, DOUBT)),
    ),
    ("transmission_held", with_(outgoing=(TRIED,)), with_(outgoing=(HELD,)), with_(outgoing=())),
    ("transmission_doubtful", with_(outgoing=(TRIED,)), with_(outgoing=(DOUBT,)), with_(outgoing=())),
    (
        "copy_not_repaired",
        later(14 * timedelta(minutes=1), with_(copies=(COPY,))),
        later(15 * timedelta(minutes=1), with_(copies=(COPY,))),
        with_(copies=()),
    ),
    ("handover_failed", with_(handovers=()), with_(handovers=(HANDED,)), with_(handovers=())),
    (
        "handover_not_erased",
        with_(handovers=(HANDED,)),
        with_(handovers=(replace(HANDED, failed=False),)),
        with_(handovers=()),
    ),
    (
        "handover_waiting",
        later(59 * timedelta(minutes=1), with_(handovers=(replace(HANDED, failed=False, reader=None),))),
        later(HOUR, with_(handovers=(replace(HANDED, failed=False, reader=None),))),
        with_(handovers=()),
    ),
    (
        "mailbox_unreachable",
        with_(mail_unread_for=timedelta(minutes=10), unreachable=True),
        with_(mail_unread_for=timedelta(minutes=11), unreachable=True),
        with_(mail_unread_for=timedelta()),
    ),
    ("key_ends", key(NOW + 61 * DAY), key(NOW + 60 * DAY), key(NOW + 900 * DAY)),
    ("key_ends_now", key(NOW + 8 * DAY), key(NOW + 7 * DAY), key(None)),
    ("key_unusable", key(NOW + timedelta(seconds=1)), key(NOW), key(NOW + 900 * DAY)),
    ("key_never_ends", key(NOW + 900 * DAY), key(None), key(NOW + 900 * DAY)),
    ("anchor_late", unanchored(5), unanchored(6), with_(unanchored=())),
    ("anchor_late", unanchored(0, failing=0), unanchored(1, failing=1), with_(unanchored=())),
    ("log_broken", with_(log_sound=True), with_(log_sound=False), with_(log_sound=True)),
    ("backup_late", unsaved(2 * DAY - timedelta(seconds=1)), unsaved(2 * DAY), unsaved(timedelta())),
    ("disk_short", with_(free_bytes=2**30), with_(free_bytes=2**30 - 1), with_(free_bytes=5 * 2**28)),
    ("disk_short", with_(free_bytes=None), with_(free_bytes=0), with_(free_bytes=None)),
    (
        "calendar_horizon",
        with_(calendar_covers_until=TODAY + 90 * DAY),
        with_(calendar_covers_until=TODAY + 89 * DAY),
        with_(calendar_covers_until=TODAY + 400 * DAY),
    ),
)
SIGNALLED_ONLY = {"notice_not_sealed", "clock_stepped", "clock_behind_log", "clock_disagrees"}
"""Kinds that only a record starts, and facts end."""


def of(found: Change, name: str) -> tuple[int, int]:
    """How often a kind starts and ends in a change."""
    return (
        sum(sighting.kind == name for sighting in found.begun),
        sum(kind == name for kind, _about in found.ended),
    )


def keys(found: Change, before: frozenset[Key] = frozenset()) -> frozenset[Key]:
    """What stands after a change."""
    return before.union(sighting.key for sighting in found.begun).difference(found.ended)


def test_every_kind_is_walked() -> None:
    """A kind without a row here would be one that nobody has seen start."""
    found = {name for name, kind in KINDS.items() if kind.find is not None}

    assert {name for name, *_ in WALKS} | SIGNALLED_ONLY == found
    assert change(QUIET, (), frozenset()).nothing


@pytest.mark.law("M13", "K2", "C-copies-alarm")
@pytest.mark.parametrize(("name", "before", "stands", "after"), WALKS, ids=[row[0] for row in WALKS])
def test_an_alarm_starts_stays_and_ends(name: str, before: Step, stands: Step, after: Step) -> None:
    """Not a second too early; once; and no more when its condition is gone."""
    early = change(before(QUIET), (), frozenset())
    assert of(early, name) == (0, 0)
    begun = change(stands(QUIET), (), keys(early))
    assert of(begun, name) == (1, 0)
    standing = keys(begun, keys(early))
    again = change(stands(QUIET), (), standing)
    assert again.nothing
    assert of(change(after(QUIET), (), standing), name) == (0, 1)


@pytest.mark.parametrize("role", [Role.HOSPITAL, Role.CNAS, Role.CNSE])
@pytest.mark.parametrize(("name", "stands"), [(row[0], row[2]) for row in WALKS], ids=[row[0] for row in WALKS])
def test_only_those_whom_it_concerns_see_an_alarm(name: str, stands: Step, role: Role) -> None:
    """A period that ends is a notice at the hospital, urgent at the CNAS, nothing at the CNSE."""
    found = change(replace(stands(QUIET), us=role), (), frozenset())

    assert of(found, name)[0] == (role in KINDS[name].roles)
    assert all(role in KINDS[sighting.kind].roles for sighting in found.begun)


@pytest.mark.parametrize("number", range(len(WALKS)), ids=[row[0] for row in WALKS])
def test_a_sentence_has_all_its_words(number: int) -> None:
    """No hole in what a person reads, and the mend is never empty."""
    name, _before, stands, _after = WALKS[number]
    kind = KINDS[name]
    (seen,) = [sighting for sighting in change(stands(QUIET), (), frozenset()).begun if sighting.kind == name]

    words = words_of(seen)
    told = f"{kind.told(words)} {kind.mended(words)}"
    assert "–" not in told
    assert not re.search(r"[{}]", told)
    assert str(kind.mended(words))


def test_a_sentence_names_nothing_that_the_facts_do_not_hold() -> None:
    """References, dates, counts; an alarm that was over at once is told with dashes rather than not at all."""
    allowed = {"case", "request", "message", "partner", "number", "count", "day", "suite", "year", "setting"}
    for kind in KINDS.values():
        named = {name for text in (kind.sentence, kind.mend) for _, name, _, _ in Formatter().parse(text) if name}
        assert named <= allowed, kind.name
        assert str(kind.told({})).endswith(".")


def test_nobody_who_did_not_ask_is_told_of_backups() -> None:
    """Whoever backs the machine up by other means has no [alarms] backup_days."""
    assert alarms.sighted(replace(QUIET, unsaved_for=900 * DAY)) == ()


def test_a_disk_that_fills_and_empties_a_little_is_told_once() -> None:
    """Between the two bounds an alarm stands, and none begins."""
    standing = keys(change(replace(QUIET, free_bytes=0), (), frozenset()))
    between = replace(QUIET, free_bytes=2**30 + 1)

    assert change(between, (), standing).nothing
    assert change(between, (), frozenset()).nothing


def test_what_was_told_of_the_log_stands_until_it_is_looked_at_again() -> None:
    """A start of the service proves nothing: only a checkpoint that continues the former one does."""
    standing = keys(change(replace(QUIET, log_sound=False), (), frozenset()))

    assert change(replace(QUIET, log_sound=None), (), standing).nothing
    assert change(replace(QUIET, log_sound=None), (), frozenset()).nothing


# --- Ladders.


def test_one_alarm_at_a_time_climbs_the_ladder_of_a_missing_receipt() -> None:
    """1 hour, 12 hours, 24 hours, and the end of the authorisation: each takes over, none is told as ended."""
    standing: frozenset[Key] = frozenset()
    climbed = []
    request = asked(authorised_until=date(2026, 2, 7))
    for hours in (0, 1, 11, 12, 24, 3 * 24):
        found = change(later(hours * HOUR, requests(request))(QUIET), (), standing)
        assert found.replaced == frozenset(found.ended)
        standing = keys(found, standing)
        climbed.append([kind for kind, _about in standing])
    assert climbed == [
        [],
        ["receipt_late"],
        ["receipt_late"],
        ["receipt_missing"],
        ["receipt_uncertain"],
        ["receipt_missing_at_end"],
    ]
    over = change(later(4 * DAY, requests(asked(State.RUNNING)))(QUIET), (), standing)
    assert (over.ended, over.replaced) == (tuple(standing), frozenset())


def test_another_request_does_not_take_over() -> None:
    """A ladder belongs to one thing."""
    first = change(later(HOUR, requests(asked()))(QUIET), (), frozenset())
    other = asked(hash="ff" * 32, handed_over_at=NOW - 12 * HOUR)
    second = change(later(HOUR, requests(asked(State.RUNNING), other))(QUIET), (), keys(first))

    assert [sighting.kind for sighting in second.begun] == ["receipt_missing"]
    assert (len(second.ended), second.replaced) == (1, frozenset())


def test_a_partner_that_never_confirms_gets_no_soft_reminder() -> None:
    """It would drown those who read; what matters is still told."""
    quiet = asked(quiet=True)
    seen = [alarms.sighted(later(hours * HOUR, requests(quiet))(QUIET)) for hours in (1, 12, 24)]

    assert [[sighting.kind for sighting in found] for found in seen] == [[], [], ["receipt_uncertain"]]
    ending = alarms.sighted(later(HOUR, requests(replace(ENDING, quiet=True)))(QUIET))
    assert [sighting.kind for sighting in ending] == ["receipt_missing_at_end"]


def test_a_request_that_has_not_left_is_no_missing_receipt_but_the_end_is_told() -> None:
    """The outbox has its own alarm; an authorisation ends whatever the cause."""
    unsent = asked(State.SUBMITTED, handed_over_at=None)
    assert alarms.sighted(later(30 * HOUR, requests(unsent))(QUIET)) == ()
    ending = replace(unsent, authorised_until=TODAY)
    (seen,) = alarms.sighted(later(HOUR, requests(ending))(QUIET))
    assert seen.kind == "receipt_missing_at_end"


# --- What keeps an alarm without starting one, and records that start one.


def test_a_server_that_was_not_met_since_the_start_keeps_what_was_told_of_it() -> None:
    """A restart neither ends the alarm nor starts it again."""
    soon, unmet = (ServerCertificate(server="smtp", ends_at=at) for at in (NOW + DAY, None))
    assert change(replace(QUIET, servers=(unmet,)), (), frozenset()).nothing
    standing = keys(change(replace(QUIET, servers=(soon,)), (), frozenset()))
    assert len(standing) == 1
    assert change(replace(QUIET, servers=(unmet,)), (), standing).nothing
    assert change(replace(QUIET, servers=(soon,)), (), standing).nothing


@pytest.mark.parametrize("name", sorted(SIGNALLED_ONLY))
def test_a_record_starts_what_facts_only_keep(name: str) -> None:
    """The facts alone do not say which doubt it is; they say when it is over."""
    unsealed = asked(State.ACCEPTED, unsealed=True)
    doubt = replace(QUIET, clock_trusted=False, requests=(unsealed,))
    assert of(change(doubt, (), frozenset()), name) == (0, 0)
    case: dict[str, Any] = {"case": unsealed.case, "request": unsealed.hash} if name == "notice_not_sealed" else {}
    signal = Sighting(kind=name, signal=5, **case)

    begun = change(doubt, (signal,), frozenset())
    assert of(begun, name) == (1, 0)
    assert change(doubt, (signal,), keys(begun)).nothing
    assert of(change(QUIET, (), keys(begun)), name) == (0, 1)


def test_a_step_that_was_agreed_at_once_is_told_and_over() -> None:
    """The second source may be faster than the watch: nobody misses that the clock stepped."""
    found = change(QUIET, (Sighting(kind="clock_stepped", signal=5),), frozenset())

    assert of(found, "clock_stepped") == (1, 1)


def test_a_record_and_the_facts_are_one_alarm() -> None:
    """What a service recorded is told with what the facts add."""
    failed = requests(asked(State.DELIVERY_FAILED))(QUIET)
    signal = Sighting(kind="delivery_failed", case="7F3K-Q2", request=HASH, signal=5)
    (begun,) = change(failed, (signal,), frozenset()).begun

    assert (begun.signal, begun.values) == (5, {"number": "4"})


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if kind.until_taken])
def test_what_happened_is_an_alarm_each_time_and_no_fact_ends_it(name: str) -> None:
    """Two late answers are two alarms."""
    first, second = (Sighting(kind=name, case="7F3K-Q2", signal=number, once=True) for number in (5, 6))
    begun = change(QUIET, (first, second), frozenset())

    assert of(begun, name) == (2, 0)
    assert change(QUIET, (), keys(begun)).nothing


def test_while_the_clock_is_in_doubt_nothing_that_depends_on_it_starts_or_ends() -> None:
    """A jump of ten days must not tell that everything is late."""
    late = later(10 * DAY, requests(asked()))(QUIET)
    doubt = replace(late, clock_trusted=False)
    standing = frozenset({("key_ends", "||cnas|openpgp")})

    assert change(doubt, (), standing).nothing
    found = change(doubt, (Sighting(kind="late_answer", signal=9, once=True),), standing)
    assert ([sighting.kind for sighting in found.begun], found.ended) == (["late_answer"], ())
    assert not change(late, (), standing).nothing


def test_a_kind_that_is_no_more_ends() -> None:
    """An alarm of an older version, or of another role, does not stand for ever."""
    assert change(QUIET, (), frozenset({("long_gone", "")})).ended == (("long_gone", ""),)


_keys = st.tuples(st.sampled_from(["a", "b", "low", "high"]), st.sampled_from(["", "1"]))
_seen = st.sets(_keys)


@given(st.lists(st.tuples(_seen, _seen, st.booleans()), max_size=30))
def test_a_condition_that_flaps_gives_starts_and_ends_in_turn(rounds: list[tuple[set[Key], set[Key], bool]]) -> None:
    """Whatever comes and goes, with or without a clock: per alarm start, end, start, end; never two of one in a row."""
    standing: frozenset[Key] = frozenset()
    told: dict[Key, list[str]] = {}
    for number, (seen, signals, frozen) in enumerate(rounds):
        found = compare(
            [Sighting(kind=kind, part=part) for kind, part in seen],
            [Sighting(kind=kind, part=part, signal=number) for kind, part in signals],
            standing,
            lasting=(),
            ladders={"low": "ladder", "high": "ladder"},
            frozen=frozen,
        )
        for sighting in found.begun:
            told.setdefault(sighting.key, []).append("start")
        for ended in found.ended:
            told.setdefault(ended, []).append("end")
        standing = keys(found, standing)
        assert found.replaced <= frozenset(found.ended)
    for key_, story in told.items():
        assert story == ["start", "end"] * (len(story) // 2) + ["start"] * (key_ in standing)


# --- The table itself.


def test_the_loudest_of_all_is_the_first() -> None:
    """Sent, no receipt, and the authorisation ends: nothing in the table comes before it."""
    first = next(iter(KINDS.values()))

    assert (first.name, first.severity) == ("receipt_missing_at_end", Severity.URGENT)


def test_every_alarm_that_a_service_records_has_a_row() -> None:
    """An event of the log that nobody is told of would be an alarm in name only."""
    elsewhere = [path for path in SOURCES if "domain/alarms" not in path.as_posix()]
    recorded = {
        event for path in elsewhere for event in re.findall(r'"(alarm\.[a-z_0-9]+)"', path.read_text(encoding="utf-8"))
    }
    recorded |= {f"alarm.{event.value}" for (_, event), (_, effects) in TRANSITIONS.items() if Effect.ALARM in effects}
    recorded |= {f"alarm.{name}" for rows in flags._FLAGS.values() for name, _lacks in rows}

    assert "alarm.clock_stepped" in recorded
    assert recorded - set(SIGNALS) == set()
