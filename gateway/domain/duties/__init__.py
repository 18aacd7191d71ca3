"""What is owed in a case and by whom, from its facts and requests alone; the most urgent first.

Each duty is a rule: when its fact or answer comes, it is no longer found. What nobody here can do anything about, and
what another role owes, is seen only by those whom a row of the rules names. Sources: instruction 2019/224 (003) and
circular 31/2021 (002), by line.
"""

from datetime import UTC, date, datetime, time

from gateway.domain.case import State
from gateway.domain.duties import requests, stay
from gateway.domain.duties.shape import Asked, Duty, File, Happened, Rule, Urgency, look
from gateway.domain.parties import Role

__all__ = ["RULES", "Asked", "Duty", "File", "Happened", "Rule", "Urgency", "duties", "instant_of", "ordered"]

RULES: tuple[Rule, ...] = (*requests.RULES, *stay.RULES)


def duties(file: File, us: Role) -> tuple[Duty, ...]:
    """Everything that this role should know is owed in a case."""
    if file.state is State.CLOSED:
        return ()
    found = [
        Duty(
            code=rule.code,
            by=rule.by,
            sentence=each.sentence,
            urgency=each.urgency if _hurries(rule, us) else Urgency.LATER,
            commands=rule.does[us](file.ref),
            request=each.request,
            due=each.due,
        )
        for rule in RULES
        if us in rule.does
        for each in rule.find(file)
    ]
    return ordered(found)


def _hurries(rule: Rule, us: Role) -> bool:
    """What another owes, and we can only look at, is no hurry of ours; but without a receipt no period runs."""
    return rule.by is us or rule.does[us] is not look or rule.code == requests.NO_RECEIPT


def ordered(found: list[Duty]) -> tuple[Duty, ...]:
    """The most urgent first, then the nearest end, then as the rules stand."""
    return tuple(sorted(found, key=lambda duty: (duty.urgency, instant_of(duty.due))))


def instant_of(due: date | datetime | None) -> datetime:
    """The last instant at which it is not late; of what has no end, the last of all."""
    if isinstance(due, datetime):
        return due
    return datetime.max.replace(tzinfo=UTC) if due is None else datetime.combine(due, time.max, tzinfo=UTC)
