"""The first page: what is to be done today, the clocks that run, and whether what is shown can be believed."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from gateway.domain import request as life
from gateway.domain.alarms.machine import UNREAD
from gateway.domain.amendments import CalendarAct
from gateway.domain.duties import Duty, Urgency
from gateway.domain.ledger import Ledger, ledger_of
from gateway.domain.parties import Grade, Party
from gateway.domain.period import Period
from gateway.domain.rights import Right
from gateway.domain.watching import Place
from gateway.ports import Clock
from gateway.services.alarms.book import Counts, counts
from gateway.services.almanac import Almanac
from gateway.services.cabinet import Cabinet
from gateway.services.forms import Line
from gateway.services.gathered import Gathered
from gateway.services.patients import name_of
from gateway.services.polls import last_poll
from gateway.services.rights import Actor
from gateway.services.worklist import Worklist
from gateway.storage import (
    FOR_A_PERSON,
    Case,
    ClockMark,
    EnteredProof,
    Mail,
    Request,
    Rows,
    Store,
    TaskKey,
    VaultKey,
    Verdict,
)

CHANGES = 100
"""Records that are looked at to say that something changed."""

TASKS, CLOCKS = 20, 10
"""How many of them a page shows."""


FormsOf = Callable[[Actor], Awaitable[tuple[Line, ...]]]
"""The forms under way, for a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """Whether the gateway works, and how much awaits a person: shown on every page.

    ``polled_at`` is the oldest of the last looks at the watched places, None when one was never looked at. ``seen`` is
    how far the log had grown.
    """

    now: datetime
    seen: int
    polled_at: datetime | None
    suspended_at: datetime | None
    to_sort: int
    to_confirm: int
    alarms: Counts

    @property
    def watching(self) -> bool:
        """True when every place was looked at lately."""
        return self.polled_at is not None and self.now - self.polled_at <= UNREAD


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One thing to do; ``patient`` is a name, for who may know it."""

    duty: Duty
    ref: str | None
    patient: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningClock:
    """A request whose period runs."""

    ref: str
    request: str
    patient: str | None
    started_at: datetime
    grade: Grade
    provisional: bool
    period: Period


@dataclass(frozen=True, slots=True, kw_only=True)
class Today:
    """The first page. Of tasks and clocks the first ones; ``counts`` and ``running`` say how many there are.

    ``after`` leads to the tasks that follow; ``followed`` are the open cases, counted where nothing is to be done.
    """

    tasks: tuple[Task, ...]
    counts: Mapping[Urgency, int]
    after: TaskKey | None
    forms: tuple[Line, ...]
    clocks: tuple[RunningClock, ...]
    running: int
    followed: int


class Agenda:
    """Reads the first page, and the glance of every page."""

    def __init__(
        self,
        *,
        store: Store,
        cabinet: Cabinet,
        clock: Clock,
        party: Party,
        almanac: Almanac,
        worklist: Worklist,
        watched: tuple[Place, ...],
        forms: FormsOf,
    ) -> None:
        self._store = store
        self._cabinet = cabinet
        self._clock = clock
        self._party = party
        self._almanac = almanac
        self._worklist = worklist
        self._watched = watched
        self._forms = forms

    async def glance(self) -> Glance:
        """As of now."""
        site = self._party.site
        async with self._store.view() as view:
            polls = [await last_poll(view, site, place) for place in self._watched]
            mark = await view.one(ClockMark, site=site)
            to_sort = await view.tally(
                Mail,
                by="verdict",
                oldest="recorded_at",
                site=site,
                verdict=tuple(FOR_A_PERSON - {Verdict.AUTOMATIC}),
                settled_at=None,
                held_back=True,
            )
            to_confirm = await view.tally(EnteredProof, by="counted", oldest="entered_at", site=site, settled_at=None)
            alarms = await counts(view, site)
            seen, _, _ = await view.head()
        looks = [poll.last_at for poll in polls if poll is not None]
        return Glance(
            now=self._clock.now(),
            seen=seen,
            polled_at=min(looks) if len(looks) == len(polls) and looks else None,
            suspended_at=mark.suspended_at if mark else None,
            to_sort=sum(each.count for each in to_sort),
            to_confirm=sum(each.count for each in to_confirm),
            alarms=alarms,
        )

    async def changes(self, seen: int) -> int:
        """How much was recorded since a page was made, what was only read or watched over left out; up to a hundred."""
        async with self._store.view() as view:
            found = await view.entries(after=seen - 1, limit=CHANGES)
        return sum(
            ledger_of(row.event, case=row.case, request=row.request, partner=row.partner) is Ledger.EVIDENCE
            for row in found
        )

    async def today(self, actor: Actor, *, after: TaskKey | None = None) -> Today:
        """The first page of this person, or those after it; clocks and forms are on the first."""
        site, first = self._party.site, after is None
        todo = await self._worklist.page(after, limit=TASKS)
        async with self._store.view() as view:
            running = await view.ending(site, limit=CLOCKS) if first else ()
            owners = await view.all(Case, id=tuple({row.case_id for row in running})) if running else ()
            cases = {case.id: case for case in (*owners, *(item.case for item in todo.items if item.case))}
            rows = Gathered(view)
            await rows.take(VaultKey, "id", (case.vault_key for case in cases.values()))
            await rows.take(CalendarAct, "site", (site,))
            names = await self.names(rows, cases.values()) if actor.may(Right.IDENTITY) else {}
            clocks = [await self._running(rows, row, cases[row.case_id].ref, names) for row in running]
            states = await view.tally(Request, by="state", oldest="earliest_at", site=site, state=life.State.RUNNING)
            open_ = (
                () if todo.items else await view.tally(Case, by="site", oldest="closed_at", site=site, closed_at=None)
            )
        tasks = tuple(
            Task(duty=item.duty, ref=item.ref, patient=names.get(item.ref) if item.ref else None) for item in todo.items
        )
        return Today(
            tasks=tasks,
            counts=todo.counts,
            after=todo.after,
            forms=tuple(line for line in await self._forms(actor) if line.theirs) if first else (),
            clocks=tuple(clocks),
            running=sum(each.count for each in states),
            followed=sum(each.count for each in open_),
        )

    async def names(self, view: Rows, cases: Iterable[Case]) -> dict[str, str]:
        """The patients of these cases, by the case's reference; who was forgotten has no name."""
        found = {}
        for case in cases:
            name = await name_of(self._cabinet, view, case)
            if name is not None:
                found[case.ref] = name
        return found

    async def _running(self, view: Rows, row: Request, ref: str, names: dict[str, str]) -> RunningClock:
        if row.started_at is None:
            raise LookupError("a period that runs without a beginning")
        return RunningClock(
            ref=ref,
            request=row.hash,
            patient=names.get(ref),
            started_at=row.started_at,
            grade=row.grade,
            provisional=bool(row.asks_person),
            period=await self._almanac.explained(view, row.started_at, None),
        )
