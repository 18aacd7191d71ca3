"""The shapes of what the API shows, for its description; what is shown is made by gateway.services.shapes.

Names of fields are those of ``--json`` of the commands. Words of tables (states, grades, reasons) are the same in every
language and written as text.
"""

from datetime import date, datetime
from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

T = TypeVar("T")


class Shown(BaseModel):
    """All that an answer holds; nothing else."""

    model_config = ConfigDict(extra="forbid")


class Page(Shown, Generic[T]):
    """A page of a list; ``next`` leads to the following one."""

    items: list[T]
    next: str | None


class Listed(Shown, Generic[T]):
    """A whole list."""

    items: list[T]


class Problem(BaseModel):
    """RFC 9457."""

    type: str
    title: str
    status: int
    request: str
    detail: str | None = None
    errors: list["Fault"] = Field(default_factory=list)


class Fault(Shown):
    """What is expected at a place of the request; ``pointer`` (RFC 6901) points into the part ``in``."""

    in_: str = Field(alias="in")
    pointer: str
    expected: str


# --- cases


class Duty(Shown):
    """Something owed in a case."""

    code: str
    by: str
    urgency: str
    request: str | None
    due: datetime | date | None


class Task(Duty):
    """A line of the worklist; ``commands`` are those of the command line that do it."""

    case: str | None
    hospital: str | None
    sentence: str
    commands: list[str]


class CaseFact(Shown):
    """Something that happened."""

    id: int
    kind: str
    day: date
    first: date | None
    last: date | None
    request: str | None
    message: int | None
    by: str
    recorded_at: datetime


class Message(Shown):
    """A message of the protocol, without its content."""

    id: int
    direction: str
    kind: str
    partner: str
    at: datetime
    mic: str
    request: str | None


class OwedCopy(Shown):
    """A copy that the author of a message forgot."""

    message: int
    partner: str
    reason: str
    noticed_at: datetime
    settled_at: datetime | None


class Transmission(Shown):
    """A mail on its way to one partner."""

    message: int
    partner: str
    receipt: bool
    state: str
    attempts: int
    handed_over_at: datetime | None
    code: int | None


class Handover(Shown):
    """What a reader of the house is owed or got."""

    message: int
    reader: str | None
    share: str
    way: str | None
    state: str
    attempts: int
    handed_at: datetime | None
    failing_since: datetime | None


class Evidence(Shown):
    """What attests that a request was received."""

    partner: str
    kind: str
    grade: str
    sent_at: datetime
    stated_at: datetime | None
    dated_at: datetime | None
    arrived_at: datetime
    recorded_at: datetime


class Answer(Shown):
    """An answer to a request, as it was heard."""

    number: int
    says: str
    taken_as: str
    received_earliest: datetime
    received_latest: datetime
    stated_at: datetime
    message: str
    in_dispute: bool


class Doubt(Shown):
    """What was found against a recorded silence."""

    ground: str
    about: str
    raised_at: datetime
    raised_by: str
    open: bool


class Ruling(Shown):
    """What a person said of it."""

    finding: str
    person: str
    at: datetime
    decides: bool


class Acceptance(Shown):
    """A recorded silence, with all that was said of it."""

    effective_at: datetime
    recorded_at: datetime
    withdrawn_at: datetime | None
    contested: bool
    challenges: list[Doubt]
    rulings: list[Ruling]


class Standing(Shown):
    """The recorded silence that stands."""

    effective_at: datetime
    recorded_at: datetime
    contested: bool


class ExtensionRequest(Shown):
    """A request of a case; ``request`` is its hash, by which it is known everywhere."""

    request: str
    state: str
    kind: str
    nature: str
    supersedes: str | None
    granted_from: date | None
    granted_until: date | None
    form_owed: bool
    requested_from: date
    requested_until: date
    authorised_until: date
    submitted_at: datetime
    handed_over_at: datetime | None
    started_at: datetime | None
    grade: str
    tacit_at: datetime | None
    earliest_tacit_at: datetime | None
    latest_tacit_at: datetime | None
    elapsed_at: datetime | None
    asks_person: list[str]
    evidence: list[Evidence]
    answers: list[Answer]
    acceptance: Standing | None
    acceptances: list[Acceptance]


class Case(Shown):
    """A case, without name or content."""

    case: str
    hospital: str
    opened_at: datetime
    state: str
    authorised_until: date | None
    physician: str | None
    forgotten_at: datetime | None
    repatriation: str | None
    claim: str | None
    flags: list[str]
    facts: list[CaseFact]
    requests: list[ExtensionRequest]
    messages: list[Message]
    duties: list[Duty]
    owed_copies: list[OwedCopy]
    transmissions: list[Transmission]
    handovers: list[Handover]


class Event(Shown):
    """A line of a case's timeline; ``timed`` is false where only the day is known."""

    at: datetime
    timed: bool
    shape: str
    title: str
    lines: list[str]
    message: int | None
    request: str | None
    fact: int | None


class Cover(Shown):
    """One reason that holds on a day."""

    payer: str
    reason: str
    until: date | None
    request: str | None
    source: str
    contested: bool


class Coverage(Shown):
    """Who pays for a day of the stay."""

    day: date
    covered: bool
    decides: Cover
    others: list[Cover]


class Moved(Shown):
    """A fact that was noted, and the state of its case."""

    case: str
    state: str
    kind: str


class Submitted(Shown):
    """A message on its way; ``request`` is the hash of the request that it is, or is about."""

    case: str
    message: int
    kind: str
    request: str | None
    mic: str
    partner: str
    at: datetime


class Resent(Shown):
    """To whom a message goes again."""

    message: int
    partners: list[str]


# --- the period


class Day(Shown):
    """A day of the explanation."""

    date: date
    weekday: str
    counted: bool
    reason: str
    rule: str
    name: str | None
    source: str | None
    uncertain: bool


class Period(Shown):
    """The four working days of a reception, explained day by day."""

    received: datetime
    reception_day: date
    days: list[Day]
    counted_days: list[date]
    ends_at: datetime
    tacit_at: datetime
    earliest_tacit_at: datetime
    latest_tacit_at: datetime | None
    certain: bool
    calendar: str
    readings: list[str]


class NoPeriod(Shown):
    """A request whose period does not run yet."""

    request: str
    acceptances: list[Acceptance]


class Explained(Period):
    """The period of a request."""

    request: str
    acceptances: list[Acceptance]
