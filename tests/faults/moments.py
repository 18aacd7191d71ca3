"""The moments of one exchange from which faults start, each kept under its name, and what must come of each.

A moment's outcome is told by the undisturbed run: whatever happens on the way, the end must be the same.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tests.faults.kernel import Fault, Seen
from tests.faults.stage import NEVER, Stage

GRACE = timedelta(hours=12, minutes=1)

TABLES = {
    "cases": "SELECT state, authorised_until FROM cases",
    "requests": "SELECT hash, state FROM requests ORDER BY hash",
    "messages": "SELECT direction, kind, mic IS NOT NULL FROM messages ORDER BY id",
    "mails": "SELECT verdict, reason, uid, message IS NOT NULL FROM mails ORDER BY uid",
    "acceptances": "SELECT request_hash, effective_at FROM acceptances",
    "evidence": "SELECT kind, grade, statement, stated_at FROM evidence",
    "transmissions": "SELECT partner, state, receipt FROM transmissions ORDER BY partner, id",
}
"""What of a party's records is the same at the end of every run."""

REPEATABLE = ("transmission.", "clock.", "time.", "alarm.", "mail.vanished")
"""Events that a fault may add: tries of a hand-over, looks at the clocks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A party just before a work; ``then`` is what it does when it starts again; ``ahead`` is how far its clock is."""

    name: str
    role: str
    work: str = "exchange"
    then: str = "exchange"
    ahead: float = 0.0


RECEIVING = Moment(name="receiving", role="cnas")
ACKNOWLEDGED = Moment(name="acknowledged", role="hospital")
SENDING = Moment(name="sending", role="hospital", work="hand_over", then="hand_over")
SUBMITTING = Moment(name="submitting", role="hospital", work="submit", then="hand_over")


def play(stage: Stage) -> None:
    """Play the exchange once and keep its moments."""
    stage.keep("hospital", SUBMITTING.name)
    stage.works("hospital", "submit")
    stage.keep("hospital", SENDING.name)
    stage.works("hospital", "exchange")
    stage.keep("cnas", RECEIVING.name)
    stage.works("cnas", "exchange")
    stage.keep("hospital", ACKNOWLEDGED.name)
    stage.works("hospital", "exchange")
    stage.keep("hospital", "silent")
    # From now on nobody's mailbox changes: what is sent is only noted.
    stage.delivers = False


def silent(stage: Stage) -> Moment:
    """The hospital just after the end of the period and its grace, never having looked since the request ran."""
    stage.put_back("hospital", "silent")
    ((end,),) = stage.rows("hospital", "SELECT latest_at FROM requests")
    due = datetime.fromisoformat(end) if isinstance(end, str) else end
    ahead = (due.replace(tzinfo=due.tzinfo or stage.clock.now().tzinfo) + GRACE - stage.clock.now()).total_seconds()
    stage.clock.advance(timedelta(seconds=max(ahead, 0)))
    return Moment(name="silent", role="hospital", ahead=stage.clock.shift.total_seconds())


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a party's records say, and what it sent: copies of one mail by its recipient."""

    tables: Mapping[str, list[tuple[Any, ...]]]
    events: Counter[str]
    sent: Mapping[str, list[bytes]]


def outcome(stage: Stage, moment: Moment) -> Outcome:
    """How it is now."""
    events = Counter(event for (event,) in stage.rows(moment.role, "SELECT event FROM audit"))
    sent: dict[str, list[bytes]] = {}
    for post in stage.posts:
        sent.setdefault(post.recipient, []).append(post.content)
    return Outcome(
        tables={name: stage.rows(moment.role, query) for name, query in TABLES.items()},
        events=Counter({event: times for event, times in events.items() if not event.startswith(REPEATABLE)}),
        sent=sent,
    )


def undisturbed(stage: Stage, moment: Moment) -> tuple[Outcome, list[str]]:
    """What comes of a moment without a fault, and the calls that it makes."""
    stage.put_back(moment.role, moment.name)
    seen = stage.run(moment.role, moment.work, NEVER, ahead=moment.ahead)
    assert seen.code == 0, (seen, stage.log())
    stage.works(moment.role, moment.then, ahead=moment.ahead, later=True)
    return outcome(stage, moment), seen.calls


def faulted(stage: Stage, moment: Moment, fault: Fault, *, work: str | None = None) -> Seen:
    """The moment's work, or another one, under this fault, from the start."""
    stage.put_back(moment.role, moment.name)
    return stage.run(moment.role, work or moment.work, fault, ahead=moment.ahead)


def recovered(stage: Stage, moment: Moment) -> Outcome:
    """The gateway starts again, works, and works once more when what was in doubt goes again. Its log is verified."""
    stage.works(moment.role, moment.then, ahead=moment.ahead, later=True)
    return outcome(stage, moment)


def compare(expected: Outcome, found: Outcome, where: object) -> None:
    """Nothing lost, nothing twice; at most one mail more on the wire for each recipient, byte for byte the same."""
    assert found.tables == expected.tables, where
    assert found.events == expected.events, where
    assert set(found.sent) == set(expected.sent), where
    for recipient, copies in found.sent.items():
        different = len(set(expected.sent[recipient]))
        assert len(set(copies)) == different, (where, recipient)
        assert different <= len(copies) <= different + 1, (where, recipient)
