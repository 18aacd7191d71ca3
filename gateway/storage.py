"""What the gateway remembers, as values, and the port by which services reach it.

Every instant is aware UTC. No value holds mail content, a subject, a person's name or an address in clear: identity
columns are sealed by the vault, partners are ids of the configuration. One ``act`` is one commit: state, audit record
and outbox rows together, or nothing.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import Protocol, TypeVar

from gateway.domain import request, transmission
from gateway.domain.merkle import Frontier
from gateway.domain.parties import Grade
from gateway.ports import SpoolFile


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultKey:
    """A case, quarantine or evidence key, wrapped; ``destroyed_at`` set means that nothing under it opens again."""

    id: str
    purpose: str
    wrapped: bytes
    created_at: datetime
    destroyed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A case. ``identity`` is the sealed JSON of the patient's identity, ``identity_lookup`` its keyed hash."""

    id: int = 0
    site: str
    ref: str
    hospital: str
    vault_key: str
    opened_at: datetime
    authorised_until: date | None
    identity: bytes | None = None
    identity_lookup: str | None = None
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An extension request, identified by its hash (SHA-256 of the payload entity).

    ``started_at`` is the bound from which the period runs; the three ends are T as nominal, earliest and latest;
    ``due_at`` is the next instant at which the deadline tick has something to do, None when it has nothing.
    ``asks_person`` are the stable codes of what a person must confirm. ``owes_notice`` says that the partners who
    follow the request have not been told of its present state yet.
    """

    id: int = 0
    site: str
    case_id: int
    hash: str
    state: request.State
    authorised_until: date
    requested_from: date
    requested_until: date
    submitted_at: datetime
    complete: bool
    handed_over_at: datetime | None = None
    started_at: datetime | None = None
    grade: Grade = Grade.NONE
    asks_person: tuple[str, ...] = ()
    nominal_at: datetime | None = None
    earliest_at: datetime | None = None
    latest_at: datetime | None = None
    calendar_version: str | None = None
    due_at: datetime | None = None
    elapsed_at: datetime | None = None
    settled_at: datetime | None = None
    owes_notice: bool = False


class Direction(Enum):
    """Which way a message went."""

    IN = "in"
    OUT = "out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message of the protocol, sent or received; ``partner`` is the sender, or the recipients joined by « + ».

    ``entity`` names the spool file of the signed entity; ``about`` is the incoming message that a receipt answers.
    """

    id: int = 0
    site: str
    direction: Direction
    kind: str
    partner: str
    message_id: str
    mic: str
    at: datetime
    case_id: int | None = None
    request_hash: str | None = None
    entity: str | None = None
    about: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transmission:
    """The outbox: one sealed mail for one recipient. ``receipt`` ones go out with a null return path."""

    id: int = 0
    site: str
    message: int
    partner: str
    receipt: bool
    envid: str
    file: str
    fingerprint: str | None
    state: transmission.State
    next_at: datetime
    attempts: int = 0
    doubts: int = 0
    code: int | None = None
    text: str | None = None
    handed_over_at: datetime | None = None


class Verdict(Enum):
    """What became of one incoming mail."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    RECEIPT = "receipt"
    REPORT = "report"
    PLAIN = "plain"
    TRIAGE = "triage"
    QUARANTINE = "quarantine"
    VANISHED = "vanished"
    PROBE = "probe"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One mail of a watched folder, and the decision that was made on it.

    ``held_back`` says that it comes from a partner's domain or cites one of our ids, verified or not: until a person
    settles it, it holds back tacit acceptances. ``received_earliest`` and ``received_latest`` are our own reception.
    """

    id: int = 0
    site: str
    mailbox: str
    folder: str
    uidvalidity: int
    uid: int
    verdict: Verdict
    step: str | None
    reason: str | None
    partner: str | None
    held_back: bool
    internaldate: datetime | None
    received_earliest: datetime | None
    received_latest: datetime | None
    recorded_at: datetime
    sha256: str | None = None
    size: int = 0
    file: str | None = None
    message: int | None = None
    case_id: int | None = None
    settled_at: datetime | None = None
    settled_as: str | None = None
    settled_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """Successful polls of a folder without news in between: every UID below ``uidnext`` is committed.

    ``longest_gap`` is the greatest number of seconds between two of them, or since the poll before.
    """

    id: int = 0
    site: str
    mailbox: str
    folder: str
    uidvalidity: int
    uidnext: int
    first_at: datetime
    last_at: datetime
    answered_at: datetime
    count: int
    longest_gap: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvidence:
    """An evidence of reception, kept for ever beside any other of the same request."""

    id: int = 0
    site: str
    request_hash: str
    partner: str
    kind: str
    grade: Grade
    statement: bool
    sent_at: datetime
    stated_at: datetime | None
    dated_at: datetime | None
    arrived_at: datetime
    recorded_at: datetime
    mail: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """A person's word, by name, on one thing that a request asks of a person; ``binding`` is what it was about."""

    id: int = 0
    site: str
    request_hash: str
    asked: str
    binding: str
    person: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """The recorded tacit acceptance; at most one standing per request, by constraint."""

    id: int = 0
    site: str
    request_hash: str
    effective_at: datetime
    recorded_at: datetime
    contradicted_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """A partner's public key, pinned to that partner by a person who checked the fingerprint.

    It counts once ``confirmed_by`` is set: a second person where four eyes are on, else the same one.
    """

    id: int = 0
    site: str
    partner: str
    suite: str
    fingerprint: str
    material: str
    pinned_at: datetime
    pinned_by: str
    confirmed_by: str | None = None
    retired_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockMark:
    """The clock as last seen, so that a step is noticed; ``suspended_at`` set means that recording waits."""

    id: int = 1
    site: str
    wall: datetime
    uptime: float
    boot: str
    suspended_at: datetime | None = None
    agreed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One audit record: its canonical bytes and leaf hash (final), and the columns by which it is searched."""

    index: int
    at: datetime
    event: str
    actor: str
    case: str | None
    request: str | None
    message: str | None
    partner: str | None
    outcome: str | None
    canonical: bytes
    leaf: bytes


Value = (
    VaultKey
    | SpoolFile
    | Case
    | Request
    | Message
    | Transmission
    | Mail
    | Poll
    | StoredEvidence
    | Confirmation
    | Acceptance
    | Pin
    | ClockMark
)
V = TypeVar("V", bound=Value)
Detail = str | int | bool | None | Sequence[str] | Mapping[str, str | int | bool | None]


class View(Protocol):
    """Reading. ``equal`` compares columns by name; None means IS NULL, a tuple means IN."""

    async def one(self, kind: type[V], /, **equal: object) -> V | None:
        """The only value that matches, or None."""
        ...

    async def all(
        self, kind: type[V], /, *, limit: int | None = None, newest: bool = False, **equal: object
    ) -> tuple[V, ...]:
        """Every value that matches, in the order in which they were added (``newest``: reversed)."""
        ...

    async def due(self, site: str, at: datetime) -> tuple[Request, ...]:
        """Requests whose ``due_at`` is at or before ``at``."""
        ...

    async def sendable(self, site: str, at: datetime, limit: int) -> tuple[Transmission, ...]:
        """Transmissions ``ready`` with ``next_at`` at or before ``at``, oldest first."""
        ...

    async def unsettled(self, site: str, *, since: datetime, before: datetime) -> tuple[Mail, ...]:
        """Mails held back and not settled that may have been received in [since, before): what is unknown counts."""
        ...

    async def entries(
        self, *, after: int = -1, limit: int | None = None, newest: bool = False, **equal: object
    ) -> tuple[AuditEntry, ...]:
        """Audit records with index > ``after`` in order (``newest``: reversed), filtered by columns."""
        ...

    async def head(self) -> tuple[int, Frontier, datetime | None]:
        """Size and frontier of the log, and the instant of its last record."""
        ...


class Act(View, Protocol):
    """One commit. Nothing is visible to others before the block ends without an error; an error leaves nothing."""

    async def add(self, value: V) -> V:
        """Insert; returns the value with its id.

        Raises:
            AlreadyThere: a constraint says that it exists.
        """
        ...

    async def save(self, value: V) -> V:
        """Update by id; returns the same value."""
        ...

    async def lock(self, case_id: int) -> None:
        """Hold the case's row until the end of the act; before anything of the case is read."""
        ...

    async def record(
        self,
        event: str,
        *,
        actor: str,
        case: str | None = None,
        request: str | None = None,
        message: str | None = None,
        partner: str | None = None,
        outcome: str | None = None,
        details: Mapping[str, Detail] | None = None,
    ) -> AuditEntry:
        """Append to the audit log, in this very commit. ``message`` is our own id of the message or mail."""
        ...


class Store(Protocol):
    """The database. Every method may raise StorageFailed."""

    def view(self) -> AbstractAsyncContextManager[View]:
        """A consistent read."""
        ...

    def act(self) -> AbstractAsyncContextManager[Act]:
        """A write; committed at the end of the block, shielded from cancellation."""
        ...
