"""The tables. Each has the name and columns of one value of :mod:`gateway.storage`; constraints make acts happen once.

Rows carry ``site`` so that a hospital group can run one database.
"""

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, LargeBinary, UniqueConstraint, text
from sqlmodel import Field

from gateway import storage
from gateway.adapters.database.account_tables import AccountRow, AskedOnceRow, SignInRow, TokenRow
from gateway.adapters.database.alarm_tables import AlarmMarkRow, AlarmRow
from gateway.adapters.database.anchor_tables import AnchorRow, LogPointRow
from gateway.adapters.database.columns import Choice, Words
from gateway.adapters.database.columns import instant as _instant
from gateway.adapters.database.draft_tables import FormDraftRow
from gateway.adapters.database.inbound import LetterRow, MailRow, PollRow
from gateway.adapters.database.judged_tables import AcceptanceRow, ChallengeRow, HeardAnswerRow, RulingRow
from gateway.adapters.database.lease_tables import LeaseRow
from gateway.adapters.database.proof_tables import EnteredProofRow
from gateway.adapters.database.reader_tables import ReaderHandoverRow
from gateway.adapters.database.row import Row
from gateway.adapters.database.webhook_tables import WebhookMarkRow
from gateway.adapters.database.worklist_tables import CaseTaskRow, WorklistMarkRow
from gateway.domain import amendments, case, request, transmission
from gateway.domain.feasts import RowStatus
from gateway.domain.parties import Grade
from gateway.ports import SpoolFile


class VaultKeyRow(Row):
    """Wrapped vault keys."""

    __tablename__ = "vault_keys"
    id: str = Field(primary_key=True)
    purpose: str
    wrapped: bytes
    created_at: datetime = Field(sa_column=_instant(optional=False))
    destroyed_at: datetime | None = Field(sa_column=_instant())


class SpoolFileRow(Row):
    """Spool files."""

    __tablename__ = "files"
    name: str = Field(primary_key=True)
    vault_key: str = Field(foreign_key="vault_keys.id", index=True)
    wrapped: bytes
    size: int = Field(sa_type=BigInteger)
    sha256: str


class CaseRow(Row):
    """Cases."""

    __tablename__ = "cases"
    # By reference alone, and those that are open, newest first: SQLite would read every case of the site.
    __table_args__ = (
        UniqueConstraint("site", "hospital", "ref"),
        Index("cases_by_ref", "site", "ref"),
        Index("cases_open", "site", "closed_at", "id"),
        Index("cases_of_site", "site", "id"),
    )
    id: int | None = Field(default=None, primary_key=True)
    site: str
    ref: str
    hospital: str
    vault_key: str = Field(foreign_key="vault_keys.id")
    opened_at: datetime = Field(sa_column=_instant(optional=False))
    authorised_until: date | None = None
    state: case.State = Field(sa_column=Column(Choice(case.State), nullable=False, index=True))
    identity: bytes | None = Field(sa_column=Column(LargeBinary, nullable=True))
    identity_lookup: str | None = Field(default=None, index=True)
    closed_at: datetime | None = Field(sa_column=_instant())
    physician: str | None = None


class RequestRow(Row):
    """Extension requests; the same bytes are the same request."""

    __tablename__ = "requests"
    # Of one site, in the order of their ends: SQLite would go by the hash's index, and read every request of the site.
    __table_args__ = (
        UniqueConstraint("site", "hash"),
        Index("requests_due", "site", "due_at"),
        Index("requests_ending", "site", "state", "earliest_at"),
    )
    id: int | None = Field(default=None, primary_key=True)
    site: str
    case_id: int = Field(foreign_key="cases.id", index=True)
    hash: str
    state: request.State = Field(sa_column=Column(Choice(request.State), nullable=False, index=True))
    authorised_until: date
    requested_from: date
    requested_until: date
    submitted_at: datetime = Field(sa_column=_instant(optional=False))
    complete: bool
    kind: str
    nature: str
    supersedes: str | None = None
    granted_from: date | None = None
    granted_until: date | None = None
    form_owed: bool
    handed_over_at: datetime | None = Field(sa_column=_instant())
    started_at: datetime | None = Field(sa_column=_instant())
    grade: Grade = Field(sa_column=Column(Choice(Grade), nullable=False))
    asks_person: tuple[str, ...] = Field(sa_column=Column(Words, nullable=False))
    nominal_at: datetime | None = Field(sa_column=_instant())
    earliest_at: datetime | None = Field(sa_column=_instant())
    latest_at: datetime | None = Field(sa_column=_instant())
    calendar_version: str | None = None
    due_at: datetime | None = Field(sa_column=_instant())
    elapsed_at: datetime | None = Field(sa_column=_instant())
    owes_notice: bool = Field(index=True)
    settled_at: datetime | None = Field(sa_column=_instant())


class MessageRow(Row):
    """Messages of the protocol; a replay is one by constraint."""

    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint("site", "direction", "partner", "message_id"),
        Index("messages_of_kind", "site", "direction", "kind", "id"),
    )
    id: int | None = Field(default=None, primary_key=True)
    site: str
    direction: storage.Direction = Field(sa_column=Column(Choice(storage.Direction), nullable=False))
    kind: str
    partner: str
    message_id: str = Field(index=True)
    mic: str = Field(index=True)
    at: datetime = Field(sa_column=_instant(optional=False))
    case_id: int | None = Field(default=None, foreign_key="cases.id", index=True)
    request_hash: str | None = Field(default=None, index=True)
    entity: str | None = Field(default=None, foreign_key="files.name")
    about: int | None = Field(default=None, foreign_key="messages.id", index=True)


class FactRow(Row):
    """What happened in a case; append-only."""

    __tablename__ = "facts"
    id: int | None = Field(default=None, primary_key=True)
    site: str
    case_id: int = Field(foreign_key="cases.id", index=True)
    kind: str
    day: date
    first: date | None = None
    last: date | None = None
    request_hash: str | None = Field(default=None, index=True)
    message: int | None = Field(default=None, foreign_key="messages.id")
    details: bytes | None = Field(sa_column=Column(LargeBinary, nullable=True))
    corrects: int | None = Field(default=None, foreign_key="facts.id", unique=True)
    withdraws: bool
    recorded_at: datetime = Field(sa_column=_instant(optional=False))
    by: str


class OwedCopyRow(Row):
    """Copies that authors forgot: each is repaired once."""

    __tablename__ = "owed_copies"
    __table_args__ = (UniqueConstraint("site", "message", "partner"),)
    id: int | None = Field(default=None, primary_key=True)
    site: str
    message: int = Field(foreign_key="messages.id")
    partner: str
    reason: str
    noticed_at: datetime = Field(sa_column=_instant(optional=False))
    settled_at: datetime | None = Field(sa_column=_instant(index=True))


class TransmissionRow(Row):
    """The outbox."""

    __tablename__ = "transmissions"
    __table_args__ = (
        UniqueConstraint("site", "envid"),
        Index("transmissions_queue", "site", "state", "next_at"),
        Index("transmissions_to_partner", "site", "partner", "receipt"),
    )
    id: int | None = Field(default=None, primary_key=True)
    site: str
    message: int = Field(foreign_key="messages.id", index=True)
    partner: str
    receipt: bool
    envid: str
    file: str = Field(foreign_key="files.name")
    fingerprint: str | None = None
    state: transmission.State = Field(sa_column=Column(Choice(transmission.State), nullable=False))
    next_at: datetime = Field(sa_column=_instant(optional=False))
    attempts: int
    doubts: int
    code: int | None = None
    text: str | None = None
    handed_over_at: datetime | None = Field(sa_column=_instant())
    claimed_by: str | None = None


class StoredEvidenceRow(Row):
    """Evidence of reception."""

    __tablename__ = "evidence"
    id: int | None = Field(default=None, primary_key=True)
    site: str
    request_hash: str = Field(index=True)
    partner: str
    kind: str
    grade: Grade = Field(sa_column=Column(Choice(Grade), nullable=False))
    statement: bool
    sent_at: datetime = Field(sa_column=_instant(optional=False))
    stated_at: datetime | None = Field(sa_column=_instant())
    dated_at: datetime | None = Field(sa_column=_instant())
    arrived_at: datetime = Field(sa_column=_instant(optional=False))
    recorded_at: datetime = Field(sa_column=_instant(optional=False))
    mail: int | None = Field(default=None, foreign_key="mails.id")


class ConfirmationRow(Row):
    """What persons confirmed, by name; the same person counts once."""

    __tablename__ = "confirmations"
    __table_args__ = (UniqueConstraint("site", "request_hash", "asked", "binding", "person"),)
    id: int | None = Field(default=None, primary_key=True)
    site: str
    request_hash: str
    asked: str
    binding: str
    person: str
    at: datetime = Field(sa_column=_instant(optional=False))


class PinRow(Row):
    """Partners' pinned keys."""

    __tablename__ = "pins"
    __table_args__ = (UniqueConstraint("site", "partner", "fingerprint"),)
    id: int | None = Field(default=None, primary_key=True)
    site: str
    partner: str
    suite: str
    fingerprint: str
    material: str
    pinned_at: datetime = Field(sa_column=_instant(optional=False))
    pinned_by: str
    confirmed_by: str | None = None
    superseded_at: datetime | None = Field(sa_column=_instant())
    retired_at: datetime | None = Field(sa_column=_instant())


class ClockMarkRow(Row):
    """The clock as last seen: one row a site."""

    __tablename__ = "clock"
    __table_args__ = (UniqueConstraint("site"),)
    id: int | None = Field(default=None, primary_key=True)
    site: str
    wall: datetime = Field(sa_column=_instant(optional=False))
    uptime: float
    boot: str
    suspended_at: datetime | None = Field(sa_column=_instant())
    agreed_at: datetime | None = Field(sa_column=_instant())


class CalendarActRow(Row):
    """What persons did to the calendar; a proposal is confirmed or declined once."""

    __tablename__ = "calendar_acts"
    __table_args__ = (UniqueConstraint("site", "about"),)
    id: int | None = Field(default=None, primary_key=True)
    site: str
    verb: amendments.Verb = Field(sa_column=Column(Choice(amendments.Verb), nullable=False))
    source: str
    recorded_at: datetime = Field(sa_column=_instant(optional=False))
    recorded_by: str
    awaits_second: bool
    about: int | None = Field(default=None, foreign_key="calendar_acts.id")
    covers_until: date | None = None


class CalendarStatementRow(Row):
    """The days that an act of the calendar states or withdraws."""

    __tablename__ = "calendar_statements"
    id: int | None = Field(default=None, primary_key=True)
    site: str
    act: int = Field(foreign_key="calendar_acts.id", index=True)
    withdrawn: bool
    date: date
    name: str
    feast: str | None = None
    status: RowStatus = Field(sa_column=Column(Choice(RowStatus), nullable=False))
    off: bool
    source: str


class AuditEntryRow(Row):
    """The audit log: canonical bytes are final, the other columns only help to find them."""

    __tablename__ = "audit"
    index: int = Field(sa_type=BigInteger, primary_key=True, sa_column_kwargs={"autoincrement": False})
    at: datetime = Field(sa_column=_instant(optional=False, index=True))
    event: str = Field(index=True)
    actor: str = Field(index=True)
    case: str | None = Field(default=None, index=True)
    request: str | None = Field(default=None, index=True)
    message: str | None = Field(default=None, index=True)
    partner: str | None = Field(default=None, index=True)
    outcome: str | None = Field(default=None, index=True)
    canonical: bytes
    leaf: bytes
    purged_by: int | None = None


class LogHeadRow(Row):
    """The head of the audit log: one row, locked by each act that appends."""

    __tablename__ = "log_head"
    __table_args__ = (CheckConstraint(text("id = 1"), name="one_head"),)
    id: int = Field(primary_key=True)
    size: int = Field(sa_type=BigInteger)
    frontier: bytes
    last_at: datetime | None = Field(sa_column=_instant())
    setback: int = Field(sa_type=BigInteger, sa_column_kwargs={"server_default": "0"})


class MetaRow(Row):
    """Whose database this is, so that another party's configuration is refused."""

    __tablename__ = "meta"
    key: str = Field(primary_key=True)
    value: str


METADATA = Row.metadata

TABLES: dict[type, type[Row]] = {
    storage.VaultKey: VaultKeyRow,
    SpoolFile: SpoolFileRow,
    storage.Case: CaseRow,
    storage.Request: RequestRow,
    storage.Message: MessageRow,
    storage.Fact: FactRow,
    storage.OwedCopy: OwedCopyRow,
    storage.ReaderHandover: ReaderHandoverRow,
    storage.Transmission: TransmissionRow,
    storage.Mail: MailRow,
    storage.Letter: LetterRow,
    storage.Poll: PollRow,
    storage.StoredEvidence: StoredEvidenceRow,
    storage.EnteredProof: EnteredProofRow,
    storage.Confirmation: ConfirmationRow,
    storage.Acceptance: AcceptanceRow,
    storage.HeardAnswer: HeardAnswerRow,
    storage.Challenge: ChallengeRow,
    storage.Ruling: RulingRow,
    storage.Pin: PinRow,
    storage.ClockMark: ClockMarkRow,
    amendments.CalendarAct: CalendarActRow,
    amendments.CalendarStatement: CalendarStatementRow,
    storage.Alarm: AlarmRow,
    storage.AlarmMark: AlarmMarkRow,
    storage.WebhookMark: WebhookMarkRow,
    storage.AuditEntry: AuditEntryRow,
    storage.LogPoint: LogPointRow,
    storage.Anchor: AnchorRow,
    storage.Lease: LeaseRow,
    storage.Account: AccountRow,
    storage.SignIn: SignInRow,
    storage.Token: TokenRow,
    storage.AskedOnce: AskedOnceRow,
    storage.FormDraft: FormDraftRow,
    storage.CaseTask: CaseTaskRow,
    storage.WorklistMark: WorklistMarkRow,
}
"""Which table holds which value; a test compares the columns with the fields."""
