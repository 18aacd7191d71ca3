"""At each tick: which periods are over, which silences may be recorded, which notices are still owed.

Deadlines are read, never armed: everything is computed again from stored facts, so that being late, restarted or run
twice changes nothing. The clock is watched here too: a step, or a clock before the last record, suspends recording.
"""

from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from gateway.domain import request as life
from gateway.domain.audit import iso
from gateway.domain.errors import AlreadyThere, IllegalTransition
from gateway.domain.parties import Directory, Party, Role
from gateway.domain.tacit import Condition
from gateway.ports import Clock
from gateway.services.cabinet import Cabinet
from gateway.services.calendar_watch import CalendarWatch
from gateway.services.casework import Casework
from gateway.services.certificate_watch import CertificateWatch
from gateway.services.compose import Composer
from gateway.services.notices import Notices
from gateway.services.requests import Requests
from gateway.services.silence import Silence
from gateway.storage import (
    Acceptance,
    Act,
    ClockMark,
    Detail,
    Request,
    Store,
    View,
)

_log = structlog.get_logger()

STEP_LIMIT = timedelta(minutes=5)
"""A difference of wall clock against uptime, or against a second source, that no well-kept clock makes."""


class Deadlines:
    """The legal clock."""

    def __init__(
        self,
        *,
        store: Store,
        requests: Requests,
        composer: Composer,
        casework: Casework,
        cabinet: Cabinet,
        clock: Clock,
        party: Party,
        directory: Directory,
        watched: tuple[tuple[str, str], ...],
        persons_needed: int,
    ) -> None:
        self._store = store
        self._requests = requests
        self._notices = Notices(store=store, composer=composer, cabinet=cabinet, site=party.site)
        self._casework = casework
        self._clock = clock
        self._party = party
        self._silence = Silence(
            requests=requests,
            clock=clock,
            party=party,
            directory=directory,
            watched=watched,
            persons_needed=persons_needed,
        )
        self._calendar = CalendarWatch(store=store, requests=requests, clock=clock, site=party.site)
        self._certificates = CertificateWatch(store=store, clock=clock, site=party.site)

    async def tick(self) -> bool:
        """Do what is due. Returns whether a second source of time is wanted before silence can be recorded."""
        suspended = await self._watch_clock()
        await self._calendar.tick()
        wants_time = suspended
        if self._party.role is Role.HOSPITAL and not suspended:
            wants_time = await self._look_at_due()
        if self._party.role is Role.HOSPITAL:
            await self._certificates.tick()
        await self._notices.tell_owed()
        return wants_time

    async def _look_at_due(self) -> bool:
        async with self._store.view() as view:
            due = await view.due(self._party.site, self._clock.now())
        wants_time = False
        for request in due:
            try:
                wants_time = await self._look_at(request.id) or wants_time
            except (LookupError, ValueError, IllegalTransition) as error:
                # A defect of ours on one request must not keep the others from their deadline.
                _log.error("deadline.defect", request=request.hash, error=type(error).__name__)
        return wants_time

    async def agree(self, told: datetime) -> bool:
        """A second source tells the time. When it agrees, a suspension ends; when it does not, recording waits."""
        async with self._store.act() as act:
            # Read inside the act: waiting for the writer takes time too.
            now = self._clock.now()
            agrees = abs(told - now) <= STEP_LIMIT
            mark = await self._mark(act)
            _, _, last = await act.head()
            ahead = last is not None and now < last - STEP_LIMIT
            if not agrees or ahead:
                suspended = mark.suspended_at or now
                if mark.suspended_at is None:
                    await act.record(
                        "alarm.clock_disagrees", actor="gateway", outcome="raised", details={"told": iso(told)}
                    )
                await act.save(replace(mark, suspended_at=suspended))
                return False
            if mark.suspended_at is not None:
                await act.record("clock.agreed_again", actor="gateway", outcome="ended", details={"told": iso(told)})
            await act.save(replace(mark, suspended_at=None, agreed_at=now))
        return True

    async def standing(self, view: View, request: Request) -> tuple[Condition, ...]:
        """Every condition for recording the silence on this request, as it is now."""
        return await self._silence.standing(view, request)

    # --- the clock itself

    async def _watch_clock(self) -> bool:
        """Note where the clock stands; True while recording is suspended."""
        async with self._store.act() as act:
            now, uptime, boot = self._clock.now(), self._clock.uptime(), self._clock.boot_id()
            mark = await self._mark(act)
            _, _, last = await act.head()
            expected = mark.wall + timedelta(seconds=uptime - mark.uptime)
            stepped = boot == mark.boot and abs(now - expected) > STEP_LIMIT
            behind = last is not None and now < last - STEP_LIMIT
            if (stepped or behind) and mark.suspended_at is None:
                event = "alarm.clock_stepped" if stepped else "alarm.clock_behind_log"
                await act.record(event, actor="gateway", outcome="raised", details={"expected": iso(expected)})
                _log.warning("clock.suspended", stepped=stepped, behind=behind)
                mark = replace(mark, suspended_at=now)
            await act.save(replace(mark, wall=now, uptime=uptime, boot=boot))
            return mark.suspended_at is not None

    async def _mark(self, act: Act) -> ClockMark:
        mark = await act.one(ClockMark, site=self._party.site)
        if mark is not None:
            return mark
        first = ClockMark(
            id=0,
            site=self._party.site,
            wall=self._clock.now(),
            uptime=self._clock.uptime(),
            boot=self._clock.boot_id(),
        )
        return await act.add(first)

    # --- one request

    async def _look_at(self, request_id: int) -> bool:
        async with self._store.view() as view:
            seen = await view.one(Request, id=request_id)
        if seen is None:
            return False
        async with self._store.act() as act:
            await act.lock(seen.case_id)
            request = await act.one(Request, id=request_id)
            now = self._clock.now()
            if request is None:
                return False
            # Another process may have amended the calendar since this tick began.
            request = await self._requests.refresh(act, request)
            if request.nominal_at is None or request.nominal_at > now:
                return False
            if request.state is life.State.RUNNING:
                request = await self._over(act, request, now)
            if request.state is not life.State.ELAPSED or request.due_at is None or request.due_at > now:
                return False
            found = await self.standing(act, request)
            if not all(condition.holds for condition in found):
                return _lacks_only_time(found)
            await self._record(act, request, found, now)
        return False

    async def _over(self, act: Act, request: Request, now: datetime) -> Request:
        latest = request.latest_at
        return await self._requests.advance(
            act,
            request,
            life.Event.PERIOD_OVER,
            actor="gateway",
            details={"tacit_at": iso(request.nominal_at), "latest_tacit_at": iso(latest)},
            elapsed_at=now,
            due_at=None if latest is None else latest + self._requests.grace,
        )

    async def _record(self, act: Act, request: Request, found: tuple[Condition, ...], now: datetime) -> None:
        effective = request.latest_at
        if effective is None:
            raise LookupError("silence is recorded only when the period has a latest end")
        polls = await self._silence.proof(act, request)
        details: dict[str, Detail] = {
            "effective_at": iso(effective),
            "requested_from": request.requested_from.isoformat(),
            "requested_until": request.requested_until.isoformat(),
            "nature": request.nature,
            "started_at": iso(request.started_at),
            "grade": request.grade.name.lower(),
            "calendar": request.calendar_version,
            "conditions": [condition.name for condition in found],
            "confirmed": sorted(code for code, _ in await self._silence.confirmed(act, request)),
            "silence": polls,
        }
        try:
            await act.add(
                Acceptance(
                    site=self._party.site,
                    request_hash=request.hash,
                    effective_at=effective,
                    recorded_at=now,
                )
            )
        except AlreadyThere:
            _log.warning("silence.already_recorded", request=request.hash)
            raise
        request = await self._requests.advance(
            act,
            request,
            life.Event.SILENCE_RECORDED,
            actor="gateway",
            details=details,
            due_at=None,
            settled_at=now,
        )
        if await self._casework.silence(act, request, effective):
            await self._requests.advance(act, request, life.Event.REGULARISED, actor="gateway")
        _log.info("silence.recorded", request=request.hash)


def _lacks_only_time(found: tuple[Condition, ...]) -> bool:
    """True when asking a second source of time now is worth it: all else that no person decides holds."""
    clocks = {"clock_not_stepped", "second_time_source_agrees"}
    return all(condition.holds for condition in found if condition.name not in clocks and not condition.asks)
