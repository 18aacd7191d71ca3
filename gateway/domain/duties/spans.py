"""What is owed in a case as days go by: a duty, from the day on which it is found to the day on which it no longer is.

Nothing but what happens in the case changes this, so that it is computed once and holds at every midnight.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime

from gateway.domain.duties import RULES, File, Urgency, duties, instant_of
from gateway.domain.parties import Role

EDITION = "1"
"""Raised with each change of what duties are found from: what was computed by another edition is computed again."""

RANKS = {rule.code: rank for rank, rule in enumerate(RULES)}
"""Where each rule stands among them: of duties that are as urgent and due at the same time, the first comes first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A duty of a case on each day from ``since`` on, and before ``until``; ``request`` is empty where it has none."""

    code: str
    request: str
    urgency: Urgency
    due_at: datetime
    since: date
    until: date


def spans(file: File, us: Role) -> tuple[Span, ...]:
    """All of them, whatever day it is; those of one duty that follow each other are one."""
    found: dict[tuple[str, str, Urgency, datetime], list[Span]] = {}
    for since, until in _stretches(file, us):
        for duty in duties(replace(file, today=since), us):
            key = (duty.code, duty.request or "", duty.urgency, instant_of(duty.due))
            known = found.setdefault(key, [])
            if known and known[-1].until == since:
                known[-1] = replace(known[-1], until=until)
            else:
                code, request, urgency, due_at = key
                known.append(Span(code=code, request=request, urgency=urgency, due_at=due_at, since=since, until=until))
    return tuple(span for each in found.values() for span in each)


def _stretches(file: File, us: Role) -> Iterator[tuple[date, date]]:
    """The stretches of days within which nothing changes by itself, from the first day of all to the last."""
    turns = sorted({day for rule in RULES if us in rule.does for day in rule.turns(file)})
    return zip([date.min, *turns], [*turns, date.max], strict=True)
