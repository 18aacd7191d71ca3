"""The shapes of what the API shows beside cases: mails, proofs, calendar, log, alarms, partners, the gateway."""

from datetime import date, datetime

from pydantic import Field, JsonValue

from gateway.web.api.models import Shown

# --- mails and proofs


class Signed(Shown):
    """What the signature of a mail proves."""

    author: str
    signed_at: datetime
    kind: str | None
    copied: bool
    mic: str


class Mail(Shown):
    """A mail that a person sorts: its envelope."""

    id: int
    verdict: str
    step: str | None
    reason: str | None
    partner: str | None
    folder: str
    uidvalidity: int
    uid: int
    size: int
    sha256: str | None
    received_earliest: datetime | None
    received_latest: datetime | None
    dated_by: list[str]
    held_back: bool
    settled_as: str | None
    settled_by: str | None
    settled_at: datetime | None
    likely_request: str | None
    likely_by: str | None
    likely_case: str | None
    signed: Signed | None


class Proof(Shown):
    """A proof of reception that was entered; it counts once a second person confirmed it."""

    id: int
    request_hash: str
    partner: str
    received_at: datetime
    sha256: str
    mail: int | None
    entered_at: datetime
    entered_by: str
    settled_at: datetime | None
    settled_by: str | None
    counted: bool


# --- the calendar


class Row(Shown):
    """A day of which the calendar says something."""

    date: date
    name: str
    feast: str | None
    status: str
    off: bool
    source: str
    recorded_at: datetime | None
    recorded_by: str | None


class CalendarDay(Row):
    """The same, with whether it counts."""

    counted: bool
    uncertain: bool


class Feast(Shown):
    """A feast that may still move, by so many days."""

    feast: str
    name: str
    first: date
    last: date
    moves: list[int]


class Change(Shown):
    """What a change states and withdraws."""

    verb: str
    source: str
    stated: list[Row]
    withdrawn: list[Row]
    covers_until: date | None


class Proposal(Change):
    """A change that waits for a second person."""

    number: int
    recorded_at: datetime
    recorded_by: str


class Days(Shown):
    """What the calendar says of some days."""

    from_: date = Field(alias="from")
    until: date
    covers_from: date
    covers_until: date
    version: str
    days: list[CalendarDay]
    uncertain_feasts: list[Feast]
    proposals: list[Proposal]


class DayState(Shown):
    """How a day counts."""

    counted: bool
    reason: str
    uncertain: bool


class DayEffect(Shown):
    """A day before and after."""

    date: date
    before: DayState
    after: DayState


class Ends(Shown):
    """Where a period ends."""

    tacit_at: datetime
    earliest_tacit_at: datetime
    latest_tacit_at: datetime | None


class PeriodEffect(Shown):
    """An open period before and after."""

    case: str
    request: str
    received: datetime
    before: Ends
    after: Ends
    moved: bool


class Effect(Change):
    """What a change of the calendar did or would do."""

    act: int | None
    standing: str
    needs_second_person: bool
    before: str
    after: str
    days: list[DayEffect]
    periods: list[PeriodEffect]
    acceptances_before_end: list[str]


# --- the log, the alarms, the gateway


class LogRecord(Shown):
    """A record of the audit log; ``purged_by`` only where its time was over."""

    index: int
    at: datetime
    event: str
    actor: str
    case: str | None
    request: str | None
    message: str | None
    partner: str | None
    outcome: str | None
    details: dict[str, JsonValue] | None
    purged_by: int | None = None
    v: int | None = None
    party: str | None = None
    site: str | None = None
    salt: str | None = None


class Alarm(Shown):
    """An alarm."""

    number: int
    severity: str
    sentence: str
    mend: str
    kind: str
    case: str | None
    request: str | None
    message: str | None
    partner: str | None
    started_at: datetime
    ended_at: datetime | None
    taken_at: datetime | None
    taken_by: str | None
    told: list[str]
    told_at: datetime | None
    called_at: datetime | None


class Habit(Shown):
    """What a partner did with our latest requests."""

    partner: str
    sent: int
    confirmed: int
    last_confirmed_at: datetime | None


class Partner(Shown):
    """A partner of the configuration; ``confirms`` where it gets requests from us."""

    id: str
    role: str
    kind: str
    suite: str
    functions: list[str]
    max_bytes: int
    confirms: Habit | None


class AlarmCounts(Shown):
    """The alarms that stand."""

    standing: int
    urgent: int
    untaken: int
    mail_fails: bool


class Tally(Shown):
    """How many have one state, and since when the first."""

    value: str
    count: int
    oldest: datetime | None


class StandingAlarms(Shown):
    """The alarms of one kind that stand."""

    kind: str
    severity: str
    count: int
    oldest: datetime | None


class Lifetime(Shown):
    """Until when a key or certificate lasts."""

    owner: str
    suite: str
    usable: bool
    ends_at: datetime | None


class Space(Shown):
    """Bytes of the disk."""

    free: int
    total: int


class Health(Shown):
    """The gateway at a glance; ``healthy`` says whether it works as it must, ``faults`` why it does not."""

    now: datetime
    role: str
    polled_at: dict[str, datetime | None]
    outbox: list[Tally]
    mails: list[Tally]
    clocks: list[Tally]
    waiting_mails: int
    waiting_since: datetime | None
    doubtful_mails: int
    to_triage: int
    to_triage_since: datetime | None
    quarantined: int
    open_requests: int
    unacknowledged: int
    elapsed: int
    contested: int
    owed_copies: int
    next_end: datetime | None
    clock_suspended_at: datetime | None
    failing_handovers: int
    waiting_handovers: int
    calendar_covers_until: date
    calendar_short: bool
    calendar_proposals: int
    audit_size: int
    alarms: AlarmCounts
    standing: list[StandingAlarms]
    habits: list[Habit]
    lifetimes: list[Lifetime]
    backed_up_at: datetime | None
    disk: Space | None
    faults: list[str]
    healthy: bool
