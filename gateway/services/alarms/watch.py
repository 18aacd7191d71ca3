"""The alarm watch: compares what is so with the alarms that stand, records starts and ends, and tells people.

One commit holds the alarms that start and end, their audit records and the mails that tell them. An alarm that nobody
takes goes to the next person; where mail does not reach anybody, the other path is owed in the same commit, and taken
afterwards until it answers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from gateway.domain import transmission as sending
from gateway.domain.alarms import KINDS, Change, Kind, Sighting, change
from gateway.domain.alarms.staff import Member, Staff, Telling, escalates, must_call
from gateway.domain.errors import StorageFailed
from gateway.domain.parties import Directory, Party
from gateway.domain.request_name import RequestName
from gateway.ports import Clock
from gateway.services.alarms.book import ended
from gateway.services.alarms.calls import AlarmCalls
from gateway.services.alarms.facts import AlarmFacts
from gateway.services.alarms.mail import AlarmPost, News, Why
from gateway.services.alarms.signals import ENDED, STARTED, Heard, heard
from gateway.services.alarms.words import kept
from gateway.services.casework import hospital_day
from gateway.services.request_names import name_of
from gateway.storage import Act, Alarm, AlarmMark, Call, Detail, Request, Store, Transmission, View

_log = structlog.get_logger()

_LEFT = frozenset({sending.State.HANDED_OVER, sending.State.EVIDENCED})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What one look says is to be done."""

    now: datetime
    heard: Heard
    change: Change
    standing: Mapping[tuple[str, str], Alarm]
    untaken: tuple[tuple[Alarm, Member], ...]
    calls: tuple[Alarm, ...]

    @property
    def nothing(self) -> bool:
        """True when no commit is needed."""
        return self.heard.seen is None and self.change.nothing and not self.untaken and not self.calls


_Mails = dict[Member, list[News]]
"""The news of one round, by person."""


class AlarmWatch:
    """One round at a time."""

    def __init__(
        self,
        *,
        store: Store,
        facts: AlarmFacts,
        post: AlarmPost,
        calls: AlarmCalls,
        clock: Clock,
        party: Party,
        directory: Directory,
        staff: Staff,
    ) -> None:
        self._store = store
        self._facts = facts
        self._post = post
        self._calls = calls
        self._clock = clock
        self._party = party
        self._directory = directory
        self._staff = staff

    async def round(self) -> int:
        """Look once. Returns how many alarms stand.

        Raises:
            StorageFailed: nothing can be recorded; the other path was told of that, once.
        """
        try:
            standing = await self._watch()
        except StorageFailed:
            await self._calls.storage(failing=True)
            raise
        await self._calls.storage(failing=False)
        return standing

    async def _watch(self) -> int:
        await self._facts.look()
        async with self._store.view() as view:
            plan = await self._plan(view)
        if not plan.nothing:
            async with self._store.act() as act:
                # Somebody may have taken one meanwhile.
                plan = await self._plan(act)
                await self._carry_out(act, plan)
        await self._calls.pay()
        return len(plan.standing) + len(plan.change.begun) - len(plan.change.ended)

    async def _plan(self, view: View) -> _Plan:
        now = self._clock.now()
        facts = await self._facts.gather(view)
        news = await heard(view, self._party, self._directory, now)
        rows = await view.all(Alarm, site=self._party.site, ended_at=None)
        standing = {(row.kind, row.about): row for row in rows}
        found = change(facts, news.sightings, frozenset(standing))
        lasting = [row for key, row in standing.items() if key not in found.ended and row.kind in KINDS]
        trusted = lasting if facts.clock_trusted else []
        return _Plan(
            now=now,
            heard=news,
            change=found,
            standing=standing,
            untaken=tuple(self._untaken(trusted, now)),
            calls=tuple([row for row in trusted if await self._needs_call(view, row, now)]),
        )

    def _untaken(self, rows: list[Alarm], now: datetime) -> list[tuple[Alarm, Member]]:
        """The alarms that go to the next person."""
        found = []
        for row in rows:
            kind, day = KINDS[row.kind], hospital_day(now)
            following = self._staff.next(kind.desk, row.told, day)
            if following is not None and escalates(kind, _telling(row, left=True), self._staff.patience, now):
                found.append((row, following))
        return found

    async def _needs_call(self, view: View, row: Alarm, now: datetime) -> bool:
        if not self._calls.possible or row.owes_call is not None:
            return False
        mails = await view.all(Transmission, message=row.mail) if row.mail is not None else ()
        left = any(mail.state in _LEFT for mail in mails)
        return must_call(KINDS[row.kind], _telling(row, left=left), self._staff, hospital_day(now), now)

    # --- one commit

    async def _carry_out(self, act: Act, plan: _Plan) -> None:
        mails: _Mails = {}
        if plan.heard.seen is not None:
            await self._mark(act, plan.heard.seen)
        standing = dict(plan.standing)
        for sighting in plan.change.begun:
            alarm = await self._begin(act, sighting, plan, mails)
            standing[sighting.key] = alarm
        for key in plan.change.ended:
            await self._end(act, standing[key], mails, now=plan.now, replaced=key in plan.change.replaced)
        for row, member in plan.untaken:
            told_now = replace(row, told=(*row.told, member.id), told_at=plan.now)
            await act.save(told_now)
            await act.record(
                "watch.escalated",
                actor="gateway",
                case=row.case,
                partner=member.name,
                outcome=row.kind,
                details={"alarm": row.id},
            )
            _tell(mails, member, told_now, Why.UNTAKEN)
        again = {row.id for row, _member in plan.untaken}
        for row in plan.calls:
            if row.id not in again:
                await act.save(replace(row, owes_call=Call.START))
        await self._send(act, mails, plan.now)

    async def _mark(self, act: Act, seen: int) -> None:
        mark = await act.one(AlarmMark, site=self._party.site)
        if mark is None:
            await act.add(AlarmMark(site=self._party.site, seen=seen))
        else:
            await act.save(replace(mark, seen=seen))

    async def _begin(self, act: Act, sighting: Sighting, plan: _Plan, mails: _Mails) -> Alarm:
        kind = KINDS[sighting.kind]
        first = self._staff.next(kind.desk, (), hospital_day(plan.now))
        began = plan.heard.at.get(sighting.signal, plan.now) if sighting.signal is not None else plan.now
        alarm = Alarm(
            site=self._party.site,
            kind=kind.name,
            about=sighting.key[1],
            case=sighting.case,
            request=sighting.request,
            message=sighting.message,
            partner=sighting.partner,
            words=kept(sighting, await self._name(act, sighting.request)),
            started_at=began,
            told=(first.id,) if first else (),
            told_at=plan.now if first else None,
        )
        called = self._calls.possible and must_call(
            kind, _telling(alarm, left=True), self._staff, hospital_day(plan.now), plan.now
        )
        alarm = await act.add(replace(alarm, owes_call=Call.START if called else None))
        if sighting.signal is None:
            await self._record(act, alarm, kind, STARTED)
        _tell(mails, first, alarm, Why.STARTED)
        _log.warning("watch.started", alarm=alarm.id, kind=kind.name, severity=kind.severity.name.lower())
        return alarm

    async def _name(self, act: Act, request: str | None) -> RequestName | None:
        row = None if request is None else await act.one(Request, site=self._party.site, hash=request)
        return None if row is None else await name_of(act, row)

    async def _end(self, act: Act, alarm: Alarm, mails: _Mails, *, now: datetime, replaced: bool) -> None:
        over = await act.save(ended(alarm, now))
        kind = KINDS.get(alarm.kind)
        if kind is not None:
            await self._record(act, over, kind, ENDED, replaced=replaced)
        if not replaced:
            for name in alarm.told:
                _tell(mails, self._staff.find(name), over, Why.ENDED)
        _log.info("watch.ended", alarm=alarm.id, kind=alarm.kind)

    async def _record(self, act: Act, alarm: Alarm, kind: Kind, outcome: str, *, replaced: bool = False) -> None:
        details: dict[str, Detail] = {"alarm": alarm.id, "severity": kind.severity.name.lower()}
        if replaced:
            details["replaced"] = True
        await act.record(
            kind.event,
            actor="gateway",
            case=alarm.case,
            request=alarm.request,
            message=alarm.message,
            partner=alarm.partner,
            outcome=outcome,
            details=details,
        )

    async def _send(self, act: Act, mails: _Mails, now: datetime) -> None:
        for member, news in mails.items():
            message = await self._post.queue(act, member, news, now)
            for item in news:
                current = await act.one(Alarm, id=item.alarm.id)
                if current is not None and item.why is not Why.ENDED:
                    await act.save(replace(current, mail=message.id))


def _tell(mails: _Mails, member: Member | None, alarm: Alarm, why: Why) -> None:
    if member is not None:
        mails.setdefault(member, []).append(News(alarm=alarm, why=why))


def _telling(alarm: Alarm, *, left: bool) -> Telling:
    called = alarm.called_at is not None or alarm.owes_call is not None
    return Telling(told=alarm.told, told_at=alarm.told_at, taken=alarm.taken_at is not None, left=left, called=called)
