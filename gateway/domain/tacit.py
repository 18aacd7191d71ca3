"""When silence may be recorded as acceptance: every condition by name, and what a person may confirm instead.

Source: instruction DSS/DACI/2019/224, lines 268-290. Nothing here looks at a clock; every fact is an argument.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

PARIS = ZoneInfo("Europe/Paris")


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """A watched folder: when its last successful poll was asked, None when there was none."""

    folder: str
    polled_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that the decision looks at.

    ``second_source_at`` is when a second source of time last agreed; ``clock_trusted`` is false after a step that no
    second source explained. ``other_way_excluded`` says that an answer by another way could not go unseen.
    ``confirmed`` are the codes that enough persons confirmed.
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
    vanished: int
    asks_person: tuple[str, ...]
    handed_over_at: datetime | None
    acknowledged_at: datetime | None
    authorised_until: date
    complete: bool
    confirmed: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One condition: its stable name, whether it holds, and the code that a person may confirm instead (or None)."""

    name: str
    holds: bool
    asks: str | None = None


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
    return (
        Condition(name="period_and_grace_over", holds=over),
        Condition(name="clock_not_stepped", holds=facts.clock_trusted),
        _by_person("second_time_source_agrees", facts, "time_source", agreed),
        Condition(name="every_folder_polled_since", holds=bool(facts.watches) and polled),
        Condition(name="no_unsettled_mail", holds=facts.unsettled == 0),
        _by_person("no_answer_by_another_way", facts, "other_way", facts.other_way_excluded),
        _by_person("no_mail_vanished_unread", facts, "vanished_mail", facts.vanished == 0),
        Condition(name="no_answer", holds=facts.awaiting),
        *(_by_person(f"confirmed_{code}", facts, code, False) for code in facts.asks_person),
        _by_person("handed_over_in_time", facts, "late_request", _before(facts.handed_over_at, end)),
        _by_person("acknowledged_in_time", facts, "late_acknowledgement", _before(facts.acknowledged_at, end)),
        _by_person("complete", facts, "incomplete", facts.complete),
    )


def wanted(found: tuple[Condition, ...]) -> tuple[str, ...]:
    """What a person is asked to confirm."""
    return tuple(condition.asks for condition in found if not condition.holds and condition.asks)


def _by_person(name: str, facts: Facts, code: str, holds: bool) -> Condition:  # noqa: FBT001  a fact, not a switch
    return Condition(name=name, holds=holds or code in facts.confirmed, asks=code)


def _after(at: datetime | None, limit: datetime) -> bool:
    return at is not None and at > limit


def _before(at: datetime | None, limit: datetime) -> bool:
    return at is not None and at < limit
