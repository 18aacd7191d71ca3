"""Follows the calendar at each tick: open periods are computed again when it changed.

It changes by an act of a person, in whatever process, or by a new file while the gateway was down.
"""

from datetime import datetime

from gateway.domain import request as life
from gateway.domain.alarms.machine import HORIZON
from gateway.domain.errors import IllegalTransition
from gateway.domain.workdays import Calendar, algiers_day
from gateway.services.requests import Requests
from gateway.storage import Request, Store


def is_short(calendar: Calendar, now: datetime) -> bool:
    """True when the calendar is complete for less than ``HORIZON`` from now on."""
    return calendar.covers_until - algiers_day(now) < HORIZON


async def refresh_open(store: Store, requests: Requests, site: str) -> None:
    """Every open period follows the calendar in force, in both directions; each in an act of its own."""
    async with store.view() as view:
        version = (await requests.almanac.calendar(view)).version
        rows = await view.all(Request, site=site, state=life.UNANSWERED)
    for row in rows:
        if row.calendar_version in {None, version}:
            continue
        try:
            async with store.act() as act:
                await act.lock(row.case_id)
                current = await act.one(Request, id=row.id)
                if current is not None and current.state in life.UNANSWERED:
                    await requests.refresh(act, current)
        except (LookupError, ValueError, IllegalTransition) as error:
            # A defect of ours on one request must not keep the others from their deadline. The logger is loaded here:
            # every command that only reads passes through this module, and starts sooner without it.
            import structlog

            structlog.get_logger().error("deadline.defect", request=row.hash, error=type(error).__name__)


class CalendarWatch:
    """What a tick does about the calendar."""

    def __init__(self, *, store: Store, requests: Requests, site: str) -> None:
        self._store = store
        self._requests = requests
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
            self._followed = calendar.version
