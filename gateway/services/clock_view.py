"""« Until when can they answer? »: one request's clock with all that a person asks of it, and what they may decide.

Everything that depends on a date is worked out here, by the domain; whoever shows it computes none.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from gateway.domain import request as life
from gateway.domain.attestation import FORMS, Form
from gateway.domain.challenge import Finding
from gateway.domain.errors import Unknown
from gateway.domain.evidence import upper_bound
from gateway.domain.feasts import ONE_DAY, Move
from gateway.domain.kinds import EXTENSION_REQUEST_VITAL, KINDS, Kind, Subject, vital
from gateway.domain.parties import Party, Role
from gateway.domain.period import DayLine, lines_under, outcomes
from gateway.domain.rights import Right
from gateway.domain.settlements import fitting
from gateway.domain.tacit import Condition, wanted
from gateway.domain.words import said
from gateway.domain.workdays import Calendar, algiers_day
from gateway.ports import Clock
from gateway.services.almanac import Almanac
from gateway.services.answers import binding
from gateway.services.cabinet import Cabinet
from gateway.services.cases import find_case
from gateway.services.contests import Contest
from gateway.services.moved_ends import MovedEnd, moved_ends
from gateway.services.request_view import RequestView, read_request
from gateway.services.requests import as_evidence
from gateway.services.rights import Actor
from gateway.services.rulings import open_words
from gateway.services.seen import log_size
from gateway.storage import (
    Case,
    Challenge,
    Confirmation,
    EnteredProof,
    HeardAnswer,
    Matter,
    Request,
    Rows,
    Ruling,
    Store,
    StoredEvidence,
    View,
)

MOST_HYPOTHESES = 9
"""Rows of the table « if the feast moves »: two feasts near each other; more is no table that anybody reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderHypothesis:
    """The period as one way of the feasts has it: a cell for each day of the table, None after its end."""

    moves: tuple[tuple[Move, date], ...]
    cells: tuple[DayLine | None, ...]
    tacit_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One step of the ladder of evidence: the first of its form, None while there is none."""

    form: Form
    found: StoredEvidence | None
    starts: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A condition of the record, who has confirmed it so far, and whether a person's word is awaited now."""

    condition: Condition
    persons: tuple[str, ...]
    open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Disputed:
    """An answer that came near the end, and what persons said of it while more of them are needed."""

    heard: HeardAnswer
    words: tuple[tuple[Ruling, str | None], ...]

    def spoke(self, name: str, finding: Finding) -> bool:
        """Whether this is the last word of this person."""
        return _last_word((row for row, _ in self.words), name) is finding


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockView:
    """``number`` is the request's among those of its case; ``log_size`` tells later what happened since.

    ``days`` are the columns of ``hypotheses``. ``records_at`` is the first instant at which a silence may be recorded,
    None where nothing says. ``ladder`` is the hospital's, ``replies`` are the CNAS's. ``waiting_proofs`` await a second
    person.
    """

    case: Case
    number: int
    patient: str | None
    item: RequestView
    now: datetime
    today: date
    log_size: int
    persons_needed: int
    records_at: datetime | None
    feasts: tuple[str, ...]
    days: tuple[date, ...]
    hypotheses: tuple[UnderHypothesis, ...]
    ladder: tuple[Rung, ...]
    replies: tuple[Kind, ...]
    conditions: tuple[Asked, ...]
    moved: tuple[MovedEnd, ...]
    disputed: tuple[Disputed, ...]
    contests: tuple[Contest, ...]
    waiting_proofs: tuple[EnteredProof, ...]

    @property
    def request(self) -> Request:
        """The request itself."""
        return self.item.request

    @property
    def state(self) -> life.State:
        """Where it stands."""
        return self.item.request.state

    @property
    def awaited(self) -> bool:
        """Whether an answer or a silence is still awaited."""
        return self.state in life.OPEN

    @property
    def enters_proofs(self) -> bool:
        """Whether a proof of reception may still be brought here: the hospital alone keeps them."""
        return self.awaited and bool(self.ladder)

    def ruled(self, contest: Contest, name: str, finding: Finding) -> bool:
        """Whether this is the last word of this person on what is open against an acceptance."""
        return _last_word(contest.found.waiting, name) is finding


Names = Callable[[Rows, Iterable[Case]], Awaitable[Mapping[str, str]]]
Conditions = Callable[[View, Request], Awaitable[tuple[Condition, ...]]]


class ClockReader:
    """Reads clocks. ``names`` gives the patients of cases, ``standing`` what a record of silence lacks."""

    def __init__(
        self,
        *,
        store: Store,
        cabinet: Cabinet,
        clock: Clock,
        party: Party,
        almanac: Almanac,
        grace: timedelta,
        names: Names,
        standing: Conditions,
        persons_needed: int,
    ) -> None:
        self._store = store
        self._cabinet = cabinet
        self._clock = clock
        self._party = party
        self._almanac = almanac
        self._grace = grace
        self._names = names
        self._standing = standing
        self._persons_needed = persons_needed

    async def of(self, ref: str, request_hash: str, actor: Actor) -> ClockView:
        """The clock of one request, for this person.

        Raises:
            Unknown: no such case, or no such request in it.
        """
        async with self._store.view() as view:
            size = await log_size(view)
            case = await find_case(view, self._party.site, ref)
            requests = await view.all(Request, site=self._party.site, case_id=case.id)
            request = next((row for row in requests if row.hash == request_hash), None)
            if request is None:
                raise Unknown(kind=said("demande"), ref=request_hash[:12])
            item = await read_request(view, request, self._almanac, self._party.role)
            # What persons wrote may name anybody: it is for who may know the patient.
            knows = actor.may(Right.IDENTITY)
            names = await self._names(view, (case,)) if knows else {}
            calendar = await self._calendar(view, request)
            hypotheses = _hypotheses(request, calendar)
            ours = self._party.role is Role.HOSPITAL
            return ClockView(
                case=case,
                number=item.name.number,
                patient=names.get(case.ref),
                item=item,
                now=self._clock.now(),
                today=algiers_day(self._clock.now()),
                log_size=size,
                persons_needed=self._persons_needed,
                records_at=request.latest_at + self._grace if ours and request.latest_at else None,
                feasts=_feasts(item, calendar),
                days=_columns(hypotheses),
                hypotheses=hypotheses,
                ladder=_ladder(item) if ours else (),
                replies=_replies(request, self._party.role),
                conditions=await self._conditions(view, request) if ours and request.state in life.OPEN else (),
                moved=await moved_ends(view, request),
                disputed=await self._disputed(view, case, item, readable=knows),
                contests=await self._contests(view, case, item, readable=knows),
                waiting_proofs=await view.all(
                    EnteredProof, site=self._party.site, request_hash=request.hash, settled_at=None
                ),
            )

    async def _calendar(self, view: View, request: Request) -> Calendar:
        version = None if request.state in life.OPEN else request.calendar_version
        return await self._almanac.of_version(view, version)

    async def _conditions(self, view: View, request: Request) -> tuple[Asked, ...]:
        if request.started_at is None:
            return ()
        found = await self._standing(view, request)
        words = await view.all(Confirmation, site=self._party.site, request_hash=request.hash)
        waiting = wanted(found)
        return tuple(
            Asked(
                condition=condition,
                persons=tuple(
                    row.person
                    for row in words
                    if row.asked == condition.asks and row.binding == condition.binding and condition.asks
                ),
                open=condition in waiting,
            )
            # What is lacking comes first.
            for condition in sorted(found, key=lambda each: each.holds)
        )

    async def _disputed(self, view: View, case: Case, item: RequestView, *, readable: bool) -> tuple[Disputed, ...]:
        if not item.doubted:
            return ()
        key = await self._cabinet.case_key(view, case)
        about = tuple(heard.id for heard in item.doubted)
        rows = await view.all(
            Ruling, site=self._party.site, matter=Matter.ANSWER, about=about, binding=binding(item.request)
        )
        return tuple(
            Disputed(
                heard=heard,
                words=tuple(
                    (row, open_words(self._cabinet, key, row.words) if readable else None)
                    for row in rows
                    if row.about == heard.id
                ),
            )
            for heard in item.doubted
        )

    async def _contests(self, view: View, case: Case, item: RequestView, *, readable: bool) -> tuple[Contest, ...]:
        """The acceptances of this request with what was found against them and said of it."""
        if not item.acceptances:
            return ()
        key = await self._cabinet.case_key(view, case)
        contests = []
        for found in item.acceptances:
            told: tuple[Challenge | Ruling, ...] = (*found.challenges, *found.rulings)
            words = {row: open_words(self._cabinet, key, row.words) for row in told} if readable else {}
            contests.append(Contest(ref=case.ref, request=item.request, found=found, words=words))
        return tuple(contests)


def _hypotheses(request: Request, calendar: Calendar) -> tuple[UnderHypothesis, ...]:
    """Each way in which the feasts can fall, the expected one first; nothing where there is one only."""
    if request.started_at is None:
        return ()
    received = request.started_at
    found = sorted(
        outcomes(received, calendar), key=lambda each: [(abs(move.days), -move.days) for move in each.hypothesis.moves]
    )
    if not 1 < len(found) <= MOST_HYPOTHESES:
        return ()
    first, last = algiers_day(received), max(outcome.counted_days[-1] for outcome in found)
    starts = {feast.id: feast.rows[0].date for feast in calendar.feasts}
    rows = []
    for outcome in found:
        lines = lines_under(received, calendar, outcome)
        rest = (last - first).days + 1 - len(lines)
        rows.append(
            UnderHypothesis(
                moves=tuple((move, starts[move.feast] + move.days * ONE_DAY) for move in outcome.hypothesis.moves),
                cells=(*lines, *([None] * rest)),
                tacit_at=outcome.tacit_at,
            )
        )
    return tuple(rows)


def _columns(rows: tuple[UnderHypothesis, ...]) -> tuple[date, ...]:
    longest = max((tuple(cell for cell in row.cells if cell) for row in rows), key=len, default=())
    return tuple(cell.date for cell in longest)


def _feasts(item: RequestView, calendar: Calendar) -> tuple[str, ...]:
    """The names of the feasts that may still move the end."""
    near = item.period.open_feasts if item.period is not None else ()
    return tuple(feast.rows[0].name for feast in calendar.feasts if feast.id in near)


def _ladder(item: RequestView) -> tuple[Rung, ...]:
    """Every form of evidence, the weakest first, with the first of that form."""
    started = item.request.started_at
    rungs = []
    for form in FORMS.values():
        known = [row for row in item.evidence if row.kind == form.id]
        starting = next((row for row in known if started and upper_bound(as_evidence(row)) == started), None)
        rungs.append(Rung(form=form, found=starting or next(iter(known), None), starts=starting is not None))
    return tuple(rungs)


def _replies(request: Request, role: Role) -> tuple[Kind, ...]:
    """What we may send to a request that awaits our answer, its answers first, then a question."""
    if role is not Role.CNAS or request.state not in life.UNANSWERED:
        return ()
    urgent = request.kind == EXTENSION_REQUEST_VITAL.id
    fit = [kind for kind in KINDS.values() if urgent or kind not in vital.ROWS]
    answers = [kind for kind in fit if kind.subject is Subject.ANSWER]
    asks = [kind for kind in fit if kind.outcome.request is life.Event.INFORMATION_ASKED]
    found = dict.fromkeys(fitting(kind, request.kind) for kind in (*answers, *asks))
    return tuple(kind for kind in found if kind.route(role) is not None)


def _last_word(rows: Iterable[Ruling], name: str) -> Finding | None:
    """What a person said last."""
    own = [row.finding for row in rows if row.person == name]
    return own[-1] if own else None
