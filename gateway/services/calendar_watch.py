"""Follows the calendar at each tick: periods are computed again when it changed.

It changes by an act of a person, in whatever process, or by a new file while the gateway was down.
"""

from datetime import datetime

from gateway.domain import request as life
from gateway.domain.alarms.machine import HORIZON
from gateway.domain.audit import iso
from gateway.domain.challenge import Ground, ends_after
from gateway.domain.errors import IllegalTransition
from gateway.domain.period import compute
from gateway.domain.workdays import Calendar, algiers_day
from gateway.ports import Clock
from gateway.services.challenged import acceptances_of, challenge
from gateway.services.requests import Requests
from gateway.storage import Acceptance, Request, Store


def is_short(calendar: Calendar, now: datetime) -> bool:
    """True when the calendar is complete for less than ``HORIZON`` from now on."""
    return calendar.covers_until - algiers_day(now) < HORIZON


async def refresh_open(store: Store, requests: Requests, site: str) -> None:
    """Every open period follows the calendar in force, in both directions; each in an act of its own."""
    async with store.view() as view:
        version = (await requests.almanac.calendar(view)).version
        rows = await view.all(Request, site=site, state=tuple(life.OPEN))
    for row in rows:
        if row.calendar_version in {None, version}:
            continue
        try:
            async with store.act() as act:
                await act.lock(row.case_id)
                current = await act.one(Request, id=row.id)
                if current is not None and current.state in life.OPEN:
                    await requests.refresh(act, current)
        except (LookupError, ValueError, IllegalTransition) as error:
            # A defect of ours on one request must not keep the others from their deadline. The logger is loaded here:
            # every command that only reads passes through this module, and starts sooner without it.
            import structlog

            structlog.get_logger().error("deadline.defect", request=row.hash, error=type(error).__name__)


async def challenge_recorded(store: Store, requests: Requests, clock: Clock, site: str) -> None:
    """Every silence on record whose period now ends after it took effect, or may, is challenged; once for each end."""
    async with store.view() as view:
        calendar = await requests.almanac.calendar(view)
        found = await view.all(Acceptance, site=site, withdrawn_at=None)
        rows = {row.hash: row for row in await view.all(Request, site=site, state=life.SILENT)}
    for accepted in found:
        request = rows[accepted.request_hash]
        if request.started_at is None:
            continue
        ends = compute(request.started_at, calendar)
        if not ends_after(accepted.effective_at, ends):
            continue
        async with store.act() as act:
            await act.lock(request.case_id)
            current = await act.one(Request, id=request.id)
            known = await acceptances_of(act, site, request.hash)
            standing = next((each for each in known if each.acceptance.id == accepted.id), None)
            if standing is None or current is None or standing.acceptance.withdrawn_at is not None:
                continue
            # While a person is awaited, an end that moves on tells nothing new.
            if all(row.ground is not Ground.CALENDAR_CHANGED for row in standing.open):
                await challenge(
                    act,
                    requests.advance,
                    current,
                    standing.acceptance,
                    Ground.CALENDAR_CHANGED,
                    about=f"ends {iso(ends.latest_tacit_at) or 'unknown'}",
                    by="gateway",
                    at=clock.now(),
                    details={"calendar": calendar.version, "latest_tacit_at": iso(ends.latest_tacit_at)},
                )


class CalendarWatch:
    """What a tick does about the calendar."""

    def __init__(self, *, store: Store, requests: Requests, clock: Clock, site: str) -> None:
        self._store = store
        self._requests = requests
        self._clock = clock
        self._site = site
        self._followed: str | None = None

    async def tick(self) -> None:
        """Follow the calendar in force.

        Raises:
            CalendarInvalid: the file does not go with the acts.
        """
        async with self._store.view() as view:
            calendar = await self._requests.almanac.calendar(view)
        if calendar.version != self._followed:
            await refresh_open(self._store, self._requests, self._site)
            await challenge_recorded(self._store, self._requests, self._clock, self._site)
            self._followed = calendar.version
