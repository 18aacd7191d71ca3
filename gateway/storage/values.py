"""Every kind of value that a store holds."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from gateway.domain.amendments import CalendarAct, CalendarStatement
from gateway.ports import SpoolFile
from gateway.storage.accounts import Account, AskedOnce, SignIn, Token
from gateway.storage.alarms import Alarm, AlarmMark
from gateway.storage.anchoring import Anchor, LogPoint
from gateway.storage.drafts import FormDraft
from gateway.storage.judged import Acceptance, Challenge, HeardAnswer, Ruling
from gateway.storage.leases import Lease
from gateway.storage.letters import Letter
from gateway.storage.proofs import EnteredProof
from gateway.storage.rows import (
    Case,
    ClockMark,
    Confirmation,
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
)
from gateway.storage.webhooks import WebhookMark
from gateway.storage.worklist import CaseTask, WorklistMark

Value = (
    VaultKey
    | SpoolFile
    | Case
    | Request
    | Message
    | Fact
    | OwedCopy
    | ReaderHandover
    | Transmission
    | Mail
    | Letter
    | Poll
    | StoredEvidence
    | EnteredProof
    | Confirmation
    | Acceptance
    | HeardAnswer
    | Challenge
    | Ruling
    | Pin
    | ClockMark
    | CalendarAct
    | CalendarStatement
    | Alarm
    | AlarmMark
    | LogPoint
    | Anchor
    | Lease
    | Account
    | SignIn
    | Token
    | AskedOnce
    | FormDraft
    | WebhookMark
    | CaseTask
    | WorklistMark
)
V = TypeVar("V", bound=Value)
Detail = str | int | bool | None | Sequence[str] | Mapping[str, str | int | bool | None]
