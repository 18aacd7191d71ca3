"""The alarms as one table: what each is called, how loud, when it stands, what it says, and its mend."""

from collections.abc import Mapping
from types import MappingProxyType

from gateway.domain.alarms import access, happenings, log, machine, mail, receipts, stays
from gateway.domain.alarms.change import Change, compare
from gateway.domain.alarms.facts import Facts
from gateway.domain.alarms.shape import Desk, Key, Kind, Severity, Sighting, Value, words_of

__all__ = [
    "CHAPTERS",
    "KINDS",
    "SIGNALS",
    "Change",
    "Desk",
    "Facts",
    "Key",
    "Kind",
    "Severity",
    "Sighting",
    "Value",
    "change",
    "words_of",
]

CHAPTERS: Mapping[str, tuple[Kind, ...]] = MappingProxyType(
    {
        "receipts": receipts.KINDS,
        "stays": stays.KINDS,
        "happenings": happenings.KINDS,
        "mail": mail.KINDS,
        "machine": machine.KINDS,
        "log": log.KINDS,
        "access": access.KINDS,
    }
)

KINDS: Mapping[str, Kind] = MappingProxyType({kind.name: kind for rows in CHAPTERS.values() for kind in rows})
"""Every kind by its name, the loudest first within each chapter."""

SIGNALS: tuple[str, ...] = tuple(dict.fromkeys(event for kind in KINDS.values() for event in kind.signals))
"""The audit events that start an alarm."""


def sighted(facts: Facts) -> tuple[Sighting, ...]:
    """Everything that stands for our role."""
    return tuple(seen for kind in KINDS.values() if kind.find and facts.us in kind.roles for seen in kind.find(facts))


def change(facts: Facts, signals: tuple[Sighting, ...], standing: frozenset[Key]) -> Change:
    """What starts and what ends, given the alarms that stand (their keys)."""
    ladders = {name: kind.ladder for name, kind in KINDS.items() if kind.ladder}
    lasting = frozenset(name for name, kind in KINDS.items() if kind.until_taken)
    return compare(sighted(facts), signals, standing, lasting=lasting, ladders=ladders, frozen=not facts.clock_trusted)
