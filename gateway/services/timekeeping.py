"""The clock by which law is recorded: its steps, what the log knows of it, and what other clocks say.

A step, a clock before the last record, or another source that disagrees suspends recording; it resumes when every
source that answers agrees again, and the clock has caught up with the log. The service goes on meanwhile.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from gateway.domain.errors import GatewayError
from gateway.ports import Clock, TimeSource
from gateway.services.requests import iso
from gateway.storage import Act, ClockMark, Store

_log = structlog.get_logger()

STEP_LIMIT = timedelta(minutes=5)
"""A difference of wall clock against uptime, or against another source, that no well-kept clock makes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a source said."""

    source: str
    at: datetime


async def ask(sources: Sequence[TimeSource]) -> tuple[Told, ...]:
    """What the sources say, all asked at once; those that do not answer are told to the log.

    Raises:
        GatewayError: none answered; that of the first.
    """
    found = await asyncio.gather(*(source.tell() for source in sources), return_exceptions=True)
    told, silent = [], []
    for source, answer in zip(sources, found, strict=True):
        if isinstance(answer, datetime):
            told.append(Told(source=source.name, at=answer))
        elif isinstance(answer, GatewayError):
            silent.append(answer)
            _log.warning("time.no_answer", source=source.name, error=answer.code, told=answer.sentence())
        else:
            raise answer
    if silent and not told:
        raise silent[0]
    return tuple(told)


class Timekeeper:
    """Watches the system's clock; one for a site."""

    def __init__(self, *, store: Store, clock: Clock, site: str) -> None:
        self._store = store
        self._clock = clock
        self._site = site

    async def watch(self) -> bool:
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

    async def agree(self, told: Sequence[Told]) -> bool:
        """Other sources told the time. When all agree, a suspension ends; when one does not, recording waits."""
        if not told:
            return False
        async with self._store.act() as act:
            # Read inside the act: waiting for the writer takes time too.
            now = self._clock.now()
            wrong = [one for one in told if abs(one.at - now) > STEP_LIMIT]
            mark = await self._mark(act)
            _, _, last = await act.head()
            if wrong or (last is not None and now < last - STEP_LIMIT):
                if mark.suspended_at is None:
                    details = _said(wrong or told)
                    await act.record("alarm.clock_disagrees", actor="gateway", outcome="raised", details=details)
                await act.save(replace(mark, suspended_at=mark.suspended_at or now))
                return False
            steady = mark.suspended_at is None
            event, outcome = ("clock.agreed", "agreed") if steady else ("clock.agreed_again", "ended")
            await act.record(event, actor="gateway", outcome=outcome, details=_said(told))
            await act.save(replace(mark, suspended_at=None, agreed_at=now))
        return True

    async def _mark(self, act: Act) -> ClockMark:
        mark = await act.one(ClockMark, site=self._site)
        if mark is not None:
            return mark
        now, uptime, boot = self._clock.now(), self._clock.uptime(), self._clock.boot_id()
        return await act.add(ClockMark(id=0, site=self._site, wall=now, uptime=uptime, boot=boot))


def _said(told: Sequence[Told]) -> dict[str, str | None]:
    return {f"told_by_{one.source}": iso(one.at) for one in told}
