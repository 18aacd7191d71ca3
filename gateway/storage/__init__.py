"""What the gateway remembers, as values, and the port by which services reach it."""

from gateway.storage.accounts import Account, AskedOnce, SignIn, Token
from gateway.storage.alarms import Alarm, AlarmMark, Call
from gateway.storage.anchoring import Anchor, LogPoint, Way
from gateway.storage.drafts import FormDraft
from gateway.storage.judged import Acceptance, Challenge, HeardAnswer, Matter, Ruling
from gateway.storage.leases import Lease
from gateway.storage.letters import Hint, Letter
from gateway.storage.proofs import EnteredProof
from gateway.storage.question import Question
from gateway.storage.rows import (
    FOR_A_PERSON,
    AuditEntry,
    Case,
    ClockMark,
    Confirmation,
    Direction,
    Fact,
    Mail,
    Message,
    OwedCopy,
    Pin,
    Poll,
    ReaderHandover,
    Request,
    StoredEvidence,
    Transmission,
    VaultKey,
    Verdict,
)
from gateway.storage.store import Act, Rows, Store, View
from gateway.storage.tally import Tally
from gateway.storage.values import Detail, V, Value
from gateway.storage.webhooks import WebhookMark
from gateway.storage.worklist import CaseTask, Named, TaskKey, WorklistMark

__all__ = [
    "FOR_A_PERSON",
    "Acceptance",
    "Account",
    "Act",
    "Alarm",
    "AlarmMark",
    "Anchor",
    "AskedOnce",
    "AuditEntry",
    "Call",
    "Case",
    "CaseTask",
    "Challenge",
    "ClockMark",
    "Confirmation",
    "Detail",
    "Direction",
    "EnteredProof",
    "Fact",
    "FormDraft",
    "HeardAnswer",
    "Hint",
    "Lease",
    "Letter",
    "LogPoint",
    "Mail",
    "Matter",
    "Message",
    "Named",
    "OwedCopy",
    "Pin",
    "Poll",
    "Question",
    "ReaderHandover",
    "Request",
    "Rows",
    "Ruling",
    "SignIn",
    "Store",
    "StoredEvidence",
    "Tally",
    "TaskKey",
    "Token",
    "Transmission",
    "V",
    "Value",
    "VaultKey",
    "Verdict",
    "View",
    "Way",
    "WebhookMark",
    "WorklistMark",
]
