"""At each tick: which periods are over, which silences may be recorded, which notices are still owed.

Deadlines are read, never armed: everything is computed again from stored facts, so that being late, restarted or run
twice changes nothing. While the clock is not trusted (:mod:`gateway.services.timekeeping`), no silence is recorded.
"""

from datetime import datetime

import structlog

from gateway.domain import request as life
from gateway.domain.audit import iso
from gateway.domain.errors import AlreadyThere, IllegalTransition, VaultClosed
from gateway.domain.parties import Directory, Party, Role
from gateway.domain.readers import Readership
from gateway.domain.tacit import Condition
from gateway.domain.watching import Place
from gateway.ports import Clock
from gateway.services.cabinet import Cabinet
from gateway.services.calendar_watch import CalendarWatch
from gateway.services.casework import Casework
from gateway.services.challenged import challenge_ahead
from gateway.services.compose import Composer
from gateway.services.notices import Notices
from gateway.services.requests import Requests
from gateway.services.silence import Silence
from gateway.services.timekeeping import Timekeeper
from gateway.storage import (
    Acceptance,
    Act,
    Detail,
    Request,
    Store,
    View,
)

_log = structlog.get_logger()


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
        timekeeper: Timekeeper,
        clock: Clock,
        party: Party,
        directory: Directory,
        watched: tuple[Place, ...],
        readership: Readership,
        persons_needed: int,
    ) -> None:
        self._store = store
        self._requests = requests
        self._notices = Notices(store=store, composer=composer, cabinet=cabinet, site=party.site)
        self._casework = casework
        self._timekeeper = timekeeper
        self._clock = clock
        self._party = party
        self._silence = Silence(
            requests=requests,
            clock=clock,
            party=party,
            directory=directory,
            watched=watched,
            readership=readership,
            persons_needed=persons_needed,
        )
        self._calendar = CalendarWatch(store=store, requests=requests, clock=clock, site=party.site)

    async def tick(self) -> bool:
        """Do what is due. Returns whether a second source of time is wanted before silence can be recorded."""
        suspended = await self._timekeeper.watch()
        await self._calendar.tick()
        wants_time = suspended
        if suspended:
            now = self._clock.now()
            await challenge_ahead(self._store, self._requests.advance, site=self._party.site, now=now)
        if self._party.role is Role.HOSPITAL and not suspended:
            wants_time = await self._look_at_due()
        await self._notices.tell_owed()
        return wants_time

    async def _look_at_due(self) -> bool:
        async with self._store.view() as view:
            due = await view.due(self._party.site, self._clock.now())
        wants_time = False
        for number in due:
            try:
                wants_time = await self._look_at(number) or wants_time
            except (LookupError, ValueError, IllegalTransition, VaultClosed) as error:
                # A defect of ours on one request, or the damaged key of its case, must not keep the others from theirs.
                _log.error("deadline.defect", request=number, error=type(error).__name__)
        return wants_time

    async def standing(self, view: View, request: Request) -> tuple[Condition, ...]:
        """Every condition for recording the silence on this request, as it is now."""
        return await self._silence.standing(view, request)

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
            **self._silence.demanded(),
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
    """True when asking other sources of time now is worth it: all else that no person decides holds."""
    clocks = {"clock_not_stepped", "second_time_source_agrees"}
    lacking = [condition for condition in found if not condition.holds]
    others = [condition for condition in lacking if condition.name not in clocks and not condition.asks]
    return not others and any(condition.name in clocks for condition in lacking)
