"""What an alarm is: a row of the table, and a sighting of what it tells.

A sighting is what a rule finds in the facts, or what a record of the log says; the same kind about the same thing is
one alarm, however often it is seen.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import Enum, IntEnum
from string import Formatter
from types import MappingProxyType

from gateway.domain.alarms.facts import Facts
from gateway.domain.parties import Role
from gateway.domain.words import Said, dated, said

Value = str | int | date
Key = tuple[str, str]
"""An alarm's kind, and what it is about."""

PREFIX = "staff:"
"""Before a person's id in the outbox and in the audit log: no partner's id holds a colon."""

EVERY_ROLE = frozenset({Role.HOSPITAL, Role.CNAS, Role.CNSE})
SHORT_HASH = 6


class Severity(IntEnum):
    """How loud; the lowest comes first."""

    URGENT = 0
    WARNING = 1
    NOTICE = 2


class Desk(Enum):
    """Who is told first: those who follow the cases, or those who keep the machine."""

    SECRETARIAT = "secretariat"
    ADMINISTRATOR = "administrator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What is seen of an alarm. ``begins`` False: it keeps an alarm that stands, and starts none.

    ``part`` tells two of one kind about one thing apart. ``signal`` is the index of the audit record that tells it;
    ``once`` says that nothing but a person ends it, so that each record is an alarm of its own.
    """

    kind: str
    case: str | None = None
    request: str | None = None
    message: str | None = None
    partner: str | None = None
    part: str = ""
    values: Mapping[str, Value] = field(default_factory=dict)
    begins: bool = True
    signal: int | None = None
    once: bool = False

    @property
    def key(self) -> Key:
        """Which alarm it is of: the same for a rule as for a record of the log."""
        if self.once:
            return self.kind, f"#{self.signal}"
        about = (self.request or self.case or "", self.message or "", self.partner or "", self.part)
        return self.kind, "|".join(about).rstrip("|")


Find = Callable[[Facts], Iterator[Sighting]]
Hears = Callable[[str | None], bool]
"""Whether a record about this partner, reader or person starts the alarm."""


def everybody(partner: str | None) -> bool:
    """A record about anybody."""
    del partner
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A row of the table.

    ``find`` says for which facts it stands; without it, only a record of the log starts it and only a person ends
    it. ``signals`` are the audit events that start it at once, about whom ``hears`` says. Kinds of one ``ladder``
    about one thing follow each other: where one takes over from another, nobody is told of an end. ``mail_fails``:
    the mail itself is in doubt. ``setting`` of [alarms] says how soon. ``recorded`` False: nothing can be recorded,
    so that only the log and the other path tell it.
    """

    name: str
    severity: Severity
    desk: Desk
    condition: str
    sentence: str
    mend: str
    find: Find | None = None
    signals: tuple[str, ...] = ()
    hears: Hears = everybody
    recorded: bool = True
    roles: frozenset[Role] = EVERY_ROLE
    ladder: str | None = None
    mail_fails: bool = False
    setting: str | None = None

    @property
    def until_taken(self) -> bool:
        """True when only a person ends it, by taking it."""
        return self.find is None and self.recorded

    @property
    def event(self) -> str:
        """Under which the audit log tells its start and its end."""
        return f"alarm.{self.name}"

    def told(self, words: Mapping[str, Value | Said]) -> Said:
        """The sentence."""
        return _filled(self.sentence, words)

    def mended(self, words: Mapping[str, Value | Said]) -> Said:
        """What to do."""
        return _filled(self.mend, words)


def words_of(seen: Sighting) -> Mapping[str, Value]:
    """All that a sentence may name: references and dates, never a name or a word of a mail."""
    return MappingProxyType(
        {
            "case": seen.case or "–",
            "request": (seen.request or "–")[:SHORT_HASH],
            "message": (seen.message or "–").removeprefix("mail-"),
            "partner": seen.partner or "–",
            **seen.values,
        }
    )


def _filled(template: str, words: Mapping[str, Value | Said]) -> Said:
    """The template with its values; what is not known any more, of an alarm that was over at once, is a dash."""
    named = {name for _, name, _, _ in Formatter().parse(template) if name}
    known = {name: words.get(name, "–") for name in sorted(named)}
    return said(template, **{name: dated(word) if isinstance(word, date) else word for name, word in known.items()})
