"""When silence may be recorded as acceptance: every condition by name, and what a person may confirm instead.

Source: instruction DSS/DACI/2019/224, lines 268-290. Nothing here looks at a clock; every fact is an argument.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from itertools import pairwise

from gateway.domain.days import PARIS

POLL_GAP = timedelta(hours=2)
"""Longer without a look is a gap: twice the longest interval that the configuration permits, so that only a gateway or
a server that was down makes one. Whoever shares the mailbox had the time to read a mail and to put it away."""


SHORT = 100
"""Characters of a list that are kept as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """A watched folder: when its last successful poll was asked, None when there was none."""

    folder: str
    polled_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that the decision looks at.

    ``second_source_at`` is when a second source of time last agreed; ``clock_trusted`` is false after a step that no
    second source explained. ``calendar_settled`` is false while a proposal that awaits a second person would end the
    period later; ``proofs_waiting`` counts the proofs of reception that await one. ``other_way_excluded`` says that an
    answer by another way could not go unseen, ``gaps`` are the times without a look that matter, and ``withdrawn`` the
    number of the newest acceptance of it that did not stand; ``restored`` is that of the record by which a
    backup was put back since the request was made: what was recorded after that backup is not known here.
    ``confirmed`` are the (code, binding) pairs that enough persons confirmed: what they knew is part of their word.
    """

    now: datetime
    latest_at: datetime | None
    grace: timedelta
    clock_trusted: bool
    second_source_at: datetime | None
    watches: tuple[Watch, ...]
    unsettled: int
    awaiting: bool
    other_way_excluded: bool
    gaps: tuple[str, ...]
    vanished: tuple[int, ...]
    mailbox_rebuilt: bool
    calendar_settled: bool
    proofs_waiting: int
    asks_person: tuple[str, ...]
    grade: str
    handed_over_at: datetime | None
    acknowledged_at: datetime | None
    authorised_until: date
    complete: bool
    withdrawn: int | None
    restored: int | None
    confirmed: frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One condition: its stable name, whether it holds, and the code that a person may confirm instead (or None).

    ``binding`` is what such a confirmation is about: when it changes, the confirmation no longer counts. ``ripe`` is
    false while it would be a word about the future.
    """

    name: str
    holds: bool
    asks: str | None = None
    binding: str = ""
    ripe: bool = True


def end_of_day_in_paris(day: date) -> datetime:
    """24:00 of a day in Paris, the last instant at which a request for it is in time, as aware UTC."""
    following = day + timedelta(days=1)
    return datetime(following.year, following.month, following.day, tzinfo=PARIS).astimezone(UTC)


def conditions(facts: Facts) -> tuple[Condition, ...]:
    """Every condition in a fixed order. Silence is recorded when all hold."""
    ready_at = None if facts.latest_at is None else facts.latest_at + facts.grace
    over = ready_at is not None and facts.now >= ready_at
    end = end_of_day_in_paris(facts.authorised_until)
    polled = ready_at is not None and all(_after(watch.polled_at, ready_at) for watch in facts.watches)
    agreed = ready_at is not None and _after(facts.second_source_at, ready_at)
    window = f"{facts.latest_at}"
    evidence = f"{facts.acknowledged_at} {facts.grade}"
    sending = f"{facts.handed_over_at} {facts.acknowledged_at} {facts.authorised_until}"

    def person(name: str, code: str, binding: str, holds: bool, ripe: bool = True) -> Condition:  # noqa: FBT001, FBT002  facts
        confirmed = (code, binding) in facts.confirmed
        return Condition(name=name, holds=holds or confirmed, asks=code, binding=binding, ripe=ripe)

    return (
        Condition(name="period_and_grace_over", holds=over),
        Condition(name="clock_not_stepped", holds=facts.clock_trusted),
        person("second_time_source_agrees", "time_source", window, agreed, over),
        Condition(name="every_folder_polled_since", holds=bool(facts.watches) and polled),
        Condition(name="no_unsettled_mail", holds=facts.unsettled == 0),
        person("no_answer_by_another_way", "other_way", window, facts.other_way_excluded, over),
        person("no_gap_in_polls", "poll_gap", f"{window} {_few(facts.gaps)}", not facts.gaps, over),
        person(
            "no_mail_vanished_unread", "vanished_mail", f"{window} {_few(facts.vanished)}", not facts.vanished, over
        ),
        person("mailbox_not_rebuilt", "mailbox_rebuilt", window, not facts.mailbox_rebuilt, over),
        Condition(name="calendar_settled", holds=facts.calendar_settled),
        Condition(name="no_proof_waiting", holds=facts.proofs_waiting == 0),
        Condition(name="no_answer", holds=facts.awaiting),
        *(person(f"confirmed_{code}", code, evidence, False) for code in facts.asks_person),
        person("handed_over_in_time", "late_request", sending, _before(facts.handed_over_at, end)),
        person("acknowledged_in_time", "late_acknowledgement", sending, _before(facts.acknowledged_at, end)),
        person("complete", "incomplete", sending, facts.complete),
        person("not_withdrawn_before", "recorded_again", f"{window} {facts.withdrawn}", facts.withdrawn is None, over),
        person("not_recorded_before_backup", "restored", f"{window} {facts.restored}", facts.restored is None, over),
    )


def gaps(
    looks: Sequence[tuple[datetime, datetime]], *, since: datetime, until: datetime
) -> tuple[tuple[datetime, datetime], ...]:
    """The times between ``since`` and ``until`` that were too long without a look.

    ``looks`` are first and last look of each unbroken series, in order.
    """
    edges = [*looks, (until, until)]
    if not looks or looks[0][0] > since:
        edges.insert(0, (since, since))
    between = ((end, start) for (_, end), (start, _) in pairwise(edges))
    return tuple((end, start) for end, start in between if start - end > POLL_GAP and start > since and end < until)


def _few(items: Sequence[object]) -> str:
    """These things, in so few characters that a record holds them, and never alike for different ones."""
    told = ", ".join(str(item) for item in items)
    return told if len(told) <= SHORT else f"{len(items)}: {sha256(told.encode()).hexdigest()}"


def wanted(found: tuple[Condition, ...]) -> tuple[Condition, ...]:
    """What a person can confirm now."""
    return tuple(condition for condition in found if not condition.holds and condition.asks and condition.ripe)


def _after(at: datetime | None, limit: datetime) -> bool:
    return at is not None and at > limit


def _before(at: datetime | None, limit: datetime) -> bool:
    return at is not None and at < limit
