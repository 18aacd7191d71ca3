"""What a duty is, and what is looked at to find it: the facts of a case in their order, and its requests."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import IntEnum
from types import MappingProxyType

from gateway.domain import case, request
from gateway.domain.parties import Role
from gateway.domain.request_name import RequestName
from gateway.domain.words import Said, said


class Urgency(IntEnum):
    """How soon a person must look; the lowest comes first."""

    NOW = 0
    SOON = 1
    LATER = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """A fact of the case. ``sent`` says that it is a message of ours; ``values`` are what was kept of it."""

    kind: str
    day: date
    values: Mapping[str, str] = field(default_factory=dict)
    request: str | None = None
    sent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request. ``last`` is the last day that it asks for, or that was granted; ``ends_at`` the end of its period.

    ``contested`` says that its recorded silence is in doubt, ``ruled_by`` who has already said what becomes of that, or
    of an answer in dispute.
    """

    hash: str
    name: RequestName
    state: request.State
    prolongs: bool
    last: date
    authorised_until: date
    sent_on: date
    form_owed: bool = False
    ends_at: datetime | None = None
    contested: bool = False
    ruled_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """All that decides who owes what in a case. ``facts`` are those that stand, in the order they were kept."""

    ref: str
    state: case.State
    today: date
    facts: tuple[Happened, ...] = ()
    requests: tuple[Asked, ...] = ()
    authorised_until: date | None = None

    def of(self, *kinds: str, request: str | None = None, sent: bool | None = None) -> list[Happened]:
        """The facts of these kinds, about this request where one is named."""
        return [
            fact
            for fact in self.facts
            if fact.kind in kinds and request in {None, fact.request} and sent in {None, fact.sent}
        ]

    def newest(self, *kinds: str, request: str | None = None) -> Happened | None:
        """The newest of them."""
        found = self.of(*kinds, request=request)
        return found[-1] if found else None

    def place(self, *kinds: str, request: str | None = None, sent: bool | None = None) -> int:
        """Where the newest of them stands among all facts; -1 when there is none."""
        wanted = {id(fact) for fact in self.of(*kinds, request=request, sent=sent)}
        return max((place for place, fact in enumerate(self.facts) if id(fact) in wanted), default=-1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One thing that is owed, before it is known who looks."""

    sentence: Said
    urgency: Urgency = Urgency.SOON
    request: str | None = None
    due: date | datetime | None = None


Commands = Callable[[str], tuple[str, ...]]
"""For a case's reference, what a person types to do it."""

Turns = Callable[[File], Iterator[date]]
"""The days from which on a rule finds something else, though nothing happened."""


def never(file: File) -> Iterator[date]:  # noqa: ARG001  one shape for all
    """The day does not matter."""
    yield from ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A duty of the catalogue. ``by`` owes it; ``does`` says what each role that sees it can do about it."""

    code: str
    by: Role
    find: Callable[[File], Iterator[Found]]
    does: Mapping[Role, Commands]
    source: str
    turns: Turns = never


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """What is owed in a case, by whom, how soon, and what a person can do about it."""

    code: str
    by: Role
    sentence: Said
    urgency: Urgency
    commands: tuple[str, ...]
    request: str | None = None
    due: date | datetime | None = None


def write(kind: str) -> Commands:
    """A message: its blank fiche, then sent."""
    name = f"{kind.lower().replace('.', '_')}.toml"
    return lambda ref: (f"gateway fiche {kind} --output {name}", f"gateway submit {name} --case {ref}")


def note(kind: str, *fields: str) -> Commands:
    """A fact to note, with its date."""
    more = "".join(f" --set {field}" for field in fields)
    return lambda ref: (f"gateway note {kind} --case {ref} --on AAAA-MM-JJ{more}",)


def look(ref: str) -> tuple[str, ...]:
    """Nothing to do but to know."""
    return (f"gateway case show {ref}",)


REMIND = write("INCIDENT_REPORT")
"""What another owes, a hospital signals (M30)."""


def rule(
    code: str,
    by: Role,
    find: Callable[[File], Iterator[Found]],
    source: str,
    does: Mapping[Role, Commands],
    *,
    turns: Turns = never,
) -> Rule:
    """A row; ``turns`` for a rule that looks at the day."""
    return Rule(code=code, by=by, find=find, does=MappingProxyType(dict(does)), source=source, turns=turns)


def day(value: date) -> str:
    """A date as a person reads it."""
    return value.strftime("%d/%m/%Y")


def about(asked: Asked, template: str, urgency: Urgency = Urgency.SOON, due: date | datetime | None = None) -> Found:
    """A duty about a request, which the sentence names."""
    return Found(sentence=said(template, request=asked.name.told), urgency=urgency, request=asked.hash, due=due)
