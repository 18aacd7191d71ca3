"""What the gateway remembers, as values.

Every instant is aware UTC. No value holds mail content, a subject, a person's name or an address in clear: identity
columns are sealed by the vault, partners are ids of the configuration.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum

from gateway.domain import case, readers, request, transmission
from gateway.domain.parties import Grade
from gateway.storage.letters import Hint


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
    """A case. ``identity`` is the sealed JSON of the patient's identity, ``identity_lookup`` its keyed hash.

    ``authorised_until`` is the last day of the newest authorisation known; ``physician`` the reader of ours who follows
    the patient, when a person chose one.
    """

    id: int = 0
    site: str
    ref: str
    hospital: str
    vault_key: str
    opened_at: datetime
    authorised_until: date | None
    state: case.State = case.State.ADMITTED
    identity: bytes | None = None
    identity_lookup: str | None = None
    closed_at: datetime | None = None
    physician: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An extension request, identified by its hash (SHA-256 of the payload entity).

    ``started_at`` is the bound from which the period runs; the three ends are T as nominal, earliest and latest;
    ``due_at`` is the next instant at which the deadline tick has something to do, None when it has nothing.
    ``asks_person`` are the stable codes of what a person must confirm. ``owes_notice`` says that the partners who
    follow the request have not been told of its present state yet. ``kind`` is its kind of the catalogue, ``nature``
    what it asks for; ``supersedes`` is the hash of the request that it replaces; ``granted_*`` are the days of an
    answer that names them; ``form_owed`` says that an acceptance came without its form.
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
    kind: str = "EXTENSION_REQUEST"
    nature: str = "prolongation"
    supersedes: str | None = None
    granted_from: date | None = None
    granted_until: date | None = None
    form_owed: bool = False
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

    ``entity`` names the spool file of the signed entity; ``about`` is the incoming message that a receipt answers, or
    that a repaired copy holds.
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
class Fact:
    """Something that happened in a case, by a message or a person's note; never changed, only corrected by another.

    ``day`` is its own date in the hospital, ``first`` and ``last`` the days that it speaks of. ``details`` are all its
    fields, sealed under the case's key. ``corrects`` names the fact that it replaces, or that it withdraws when
    ``withdraws`` says so; ``by`` is the person or gateway.
    """

    id: int = 0
    site: str
    case_id: int
    kind: str
    day: date
    first: date | None = None
    last: date | None = None
    request_hash: str | None = None
    message: int | None = None
    details: bytes | None = None
    corrects: int | None = None
    withdraws: bool = False
    recorded_at: datetime
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OwedCopy:
    """A partner whom the author of an incoming message forgot, once, until ``settled_at``; ``reason`` is a code."""

    id: int = 0
    site: str
    message: int
    partner: str
    reason: str
    noticed_at: datetime
    settled_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderHandover:
    """What a reader of ours is owed of an incoming message; ``reader`` is None while nobody may have it.

    ``place`` is the folder that was written, ``transmission`` the mail that carries it. ``failing_since`` is set while
    it fails, ``alarmed`` once that was told. ``way`` is how it went, or would go now.
    """

    id: int = 0
    site: str
    message: int
    reader: str | None
    share: readers.Share
    way: readers.Way | None
    state: readers.State
    due_at: datetime
    attempts: int = 0
    place: str | None = None
    transmission: int | None = None
    handed_at: datetime | None = None
    failing_since: datetime | None = None
    alarmed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Transmission:
    """The outbox: one sealed mail for one recipient. ``receipt`` ones go out with a null return path.

    ``claimed_by`` is the gateway that hands it over, or did last.
    """

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
    claimed_by: str | None = None


class Verdict(Enum):
    """What became of one incoming mail.

    ``ENTERED`` is no mail, but a paper or file that a person brought instead; ``PRIVATE`` lay in a physician's
    mailbox and does not concern us: nothing of it is kept but its place.
    """

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    RECEIPT = "receipt"
    REPORT = "report"
    AUTOMATIC = "automatic"
    PLAIN = "plain"
    TRIAGE = "triage"
    QUARANTINE = "quarantine"
    VANISHED = "vanished"
    PROBE = "probe"
    ENTERED = "entered"
    PRIVATE = "private"


FOR_A_PERSON = frozenset(
    {
        *(Verdict.QUARANTINE, Verdict.PLAIN, Verdict.TRIAGE, Verdict.VANISHED, Verdict.AUTOMATIC),
        Verdict.ENTERED,
    }
)
"""Verdicts on which a person has the last word: a machine's answer may turn out to be a person's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One mail of a watched folder, and the decision that was made on it.

    ``held_back`` says that it comes from a partner's domain or cites one of our ids, verified or not: until a person
    settles it, it holds back tacit acceptances. ``received_earliest`` and ``received_latest`` are our own reception,
    ``dated_by`` every date that was found for it, with its source.
    ``likely_case`` and ``likely_request`` (a hash) are what ``likely_by`` suggests. ``proposal`` stands for all that a
    first person said of it while a second one is needed: the second must say the same.
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
    likely_case: int | None = None
    likely_request: str | None = None
    likely_by: Hint | None = None
    proposal: str | None = None
    dated_by: tuple[str, ...] = ()


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
class Pin:
    """A partner's public key, pinned to that partner by a person who checked the fingerprint.

    It counts once ``confirmed_by`` is set: a second person where four eyes are on, else the same one. From
    ``superseded_at`` on nothing is sealed for it any more, and until ``retired_at`` mails that it signed still count.
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
    superseded_at: datetime | None = None
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
    """One audit record: its canonical bytes and leaf hash (final), and the columns by which it is searched.

    ``purged_by`` is the index of the record that tells that this one was erased: its leaf and instant are left.
    """

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
    purged_by: int | None = None
