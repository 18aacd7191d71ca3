"""What the console stands on: the services, and the few facts of the house that pages show."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from gateway.access import WebSection
from gateway.domain.parties import Directory, Party
from gateway.ports import Clock, Noise
from gateway.services.accounts import Accounts
from gateway.services.agenda import Agenda
from gateway.services.alarms.book import AlarmBook
from gateway.services.calendar_acts import CalendarActs
from gateway.services.calendar_view import CalendarReader
from gateway.services.case_files import CaseFiles
from gateway.services.challenges import Challenges
from gateway.services.clock_view import ClockReader
from gateway.services.confirm import Confirmations
from gateway.services.control import ControlRoom
from gateway.services.desk import Desk
from gateway.services.disputes import Disputes
from gateway.services.dossier import Archive
from gateway.services.drafts import Drafts
from gateway.services.entered import EnteredProofs
from gateway.services.forms import Forms
from gateway.services.health import HealthReader
from gateway.services.journal import Journal
from gateway.services.local_sign_in import LocalSignIn
from gateway.services.messages import Messages
from gateway.services.notes import Notes
from gateway.services.oidc_sign_in import OidcSignIn
from gateway.services.once import OnceStore
from gateway.services.proof_view import ProofPages
from gateway.services.questions import Questions
from gateway.services.resend import Resend
from gateway.services.sign_ins import SignIns
from gateway.services.sorting import Sorting
from gateway.services.tokens import Tokens
from gateway.services.triage import Triage

Document = Callable[..., Awaitable[bytes]]
"""Makes a file that a person takes away (dossier, certificate), as bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hall:
    """The services, as the composition made them; ``version`` is this software's."""

    settings: WebSection
    party: Party
    directory: Directory
    four_eyes: bool
    rehearsal: bool
    version: str
    clock: Clock
    noise: Noise
    once: OnceStore
    sign_ins: SignIns
    local: LocalSignIn
    oidc: OidcSignIn | None
    accounts: Accounts
    tokens: Tokens
    agenda: Agenda
    archive: Archive
    clocks: ClockReader
    cases: CaseFiles
    desk: Desk
    drafts: Drafts
    forms: Forms
    notes: Notes
    messages: Messages
    resend: Resend
    triage: Triage
    sorting: Sorting
    confirmations: Confirmations
    proofs: EnteredProofs
    proof_pages: ProofPages
    calendar: CalendarActs
    months: CalendarReader
    challenges: Challenges
    disputes: Disputes
    alarms: AlarmBook
    health: HealthReader
    control: ControlRoom
    journal: Journal
    questions: Questions
    dossier: Document
    certificate: Document
    printed: Document
    explanation: Document
