"""What the rules of the alarms look at: states, dates and counts, as they stand at one instant.

Nothing here holds a name, an address or a word of a mail. Instants are aware UTC; ``today`` is the hospital's date.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from gateway.domain import case, request
from gateway.domain.lifetimes import Lifetime, ServerCertificate
from gateway.domain.parties import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the configuration decides: days before an authorisation ends, days without what should follow.

    ``backup_days`` is how long the data may go without a backup; None where nobody asked to be told.
    """

    authorisation_days: int = 7
    follow_up_days: int = 7
    backup_days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request. ``message`` is the number of the mail that made it, ``ends_at`` the end of its period.

    ``due_at`` is when its silence could be recorded; ``quiet`` says that its addressee is known never to confirm;
    ``unsealed`` that a notice about it is owed.
    """

    hash: str
    case: str
    state: request.State
    submitted_at: datetime
    authorised_until: date
    prolongs: bool
    message: str | None = None
    handed_over_at: datetime | None = None
    ends_at: datetime | None = None
    due_at: datetime | None = None
    settled_at: datetime | None = None
    form_owed: bool = False
    quiet: bool = False
    unsealed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """A fact of a case, and the request that it is about."""

    kind: str
    day: date
    request: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """A case that is not closed, with the facts that stand, and all its requests."""

    ref: str
    state: case.State
    authorised_until: date | None
    facts: tuple[Happened, ...] = ()
    requests: tuple[Asked, ...] = ()

    def first(self, kind: str, request: str | None = None) -> date | None:
        """When this first happened."""
        days = (fact.day for fact in self.facts if fact.kind == kind and request in {None, fact.request})
        return min(days, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A mail that did not leave as it should: ``held``, in ``doubt`` for a person, or waiting since ``since``."""

    message: str
    partner: str
    request: str | None
    since: datetime
    held: bool = False
    doubt: bool = False
    tried: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsorted:
    """A mail that holds silence back until a person says what it is."""

    mail: int
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """A copy that an author forgot and that has not left."""

    message: str
    partner: str
    case: str | None
    request: str | None
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """A hand-over to a reader of ours that fails, is not erased, or has nobody to go to; ``since`` when."""

    message: str
    reader: str | None
    case: str | None
    request: str | None
    failed: bool
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenged:
    """A recorded silence that something was found against, on which nobody has ruled."""

    case: str
    request: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """A proof of reception that a person entered, by its number, and that nobody else has looked at yet."""

    proof: int
    case: str
    request: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanchored:
    """Checkpoints of the log that wait for one of their anchors, the first of ``since``.

    ``setting`` is the key of [audit] that says where they go; ``failing_since`` is when it began to fail.
    """

    setting: str
    count: int
    since: datetime
    failing_since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Habit:
    """What a partner did with our latest requests: those that it had time to confirm, and those that it did."""

    partner: str
    sent: int
    confirmed: int
    last_confirmed_at: datetime | None = None

    @property
    def never(self) -> bool:
        """True when it was given enough chances and took none."""
        return self.sent >= CHANCES and self.confirmed == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Unconfirmed:
    """A partner whose gateway leaves ``count`` mails without a receipt; ``message`` is the number of the oldest."""

    partner: str
    count: int
    message: str


CHANCES = 3
"""Requests without any confirmation after which a partner counts as one that never confirms."""

CONFIRMS_WITHIN = timedelta(hours=24)
"""How long a partner has: what is younger says nothing of its habits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All of it. ``clock_trusted`` False: time is in doubt, so nothing that depends on it starts or ends.

    ``unsaved_for`` is the time since the latest backup. ``log_sound`` says whether the log still continued its last
    checkpoint when it was last to be signed; None when this process has not come to that yet.

    ``free_bytes`` are left on the disk that holds the data; None where it does not tell.

    ``mail_unread_for`` is the time since the last poll of the folder that was polled longest ago; ``unreachable`` says
    that we ourselves have looked in vain for long enough.
    """

    now: datetime
    today: date
    us: Role
    limits: Limits = Limits()
    clock_trusted: bool = True
    mail_unread_for: timedelta = timedelta()
    unreachable: bool = False
    calendar_covers_until: date = date.max
    requests: tuple[Asked, ...] = ()
    stays: tuple[Stay, ...] = ()
    outgoing: tuple[Outgoing, ...] = ()
    mails: tuple[Unsorted, ...] = ()
    copies: tuple[Owed, ...] = ()
    handovers: tuple[Handed, ...] = ()
    challenged: tuple[Challenged, ...] = ()
    lifetimes: tuple[Lifetime, ...] = ()
    servers: tuple[ServerCertificate, ...] = ()
    proofs: tuple[Brought, ...] = ()
    habits: tuple[Habit, ...] = ()
    unconfirmed: tuple[Unconfirmed, ...] = ()
    unanchored: tuple[Unanchored, ...] = ()
    unsaved_for: timedelta = timedelta()
    free_bytes: int | None = None
    log_sound: bool | None = None
