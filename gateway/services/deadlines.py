"""At each tick: which periods are over, which silences may be recorded, which notices are still owed.

Deadlines are read, never armed: everything is computed again from stored facts, so that being late, restarted or run
twice changes nothing. While the clock is not trusted (:mod:`gateway.services.timekeeping`), no silence is recorded.
"""

from dataclasses import replace
from datetime import datetime

import structlog

from gateway.domain import request as life
from gateway.domain.audit import fit
from gateway.domain.errors import AlreadyThere, IllegalTransition, KeyFault
from gateway.domain.kinds import TACIT_ACCEPTANCE_NOTICE
from gateway.domain.parties import Directory, PartnerKind, Party, Role
from gateway.domain.tacit import Condition, Facts, Watch, conditions
from gateway.ports import Clock
from gateway.services.cabinet import Cabinet
from gateway.services.calendar_watch import CalendarWatch
from gateway.services.casework import Casework
from gateway.services.certificate_watch import CertificateWatch
from gateway.services.compose import Composer, Draft, current_pins
from gateway.services.requests import Requests, iso, notice
from gateway.services.timekeeping import STEP_LIMIT, Timekeeper
from gateway.storage import (
    Acceptance,
    Act,
    Case,
    ClockMark,
    Confirmation,
    Detail,
    Direction,
    EnteredProof,
    Mail,
    Message,
    Poll,
    Request,
    Store,
    Verdict,
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
        watched: tuple[tuple[str, str], ...],
        persons_needed: int,
    ) -> None:
        self._store = store
        self._requests = requests
        self._composer = composer
        self._casework = casework
        self._cabinet = cabinet
        self._timekeeper = timekeeper
        self._clock = clock
        self._party = party
        self._directory = directory
        self._watched = watched
        self._persons_needed = persons_needed
        self._unsealable: set[int] = set()
        self._calendar = CalendarWatch(store=store, requests=requests, clock=clock, site=party.site)
        self._certificates = CertificateWatch(store=store, clock=clock, site=party.site)

    async def tick(self) -> bool:
        """Do what is due. Returns whether a second source of time is wanted before silence can be recorded."""
        suspended = await self._timekeeper.watch()
        await self._calendar.tick()
        wants_time = suspended
        if self._party.role is Role.HOSPITAL and not suspended:
            wants_time = await self._look_at_due()
        if self._party.role is Role.HOSPITAL:
            await self._certificates.tick()
        await self._tell_owed()
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

    async def standing(self, view: View, request: Request) -> tuple[Condition, ...]:
        """Every condition for recording the silence on this request, as it is now."""
        return conditions(await self._facts(view, request))

    # --- notices

    async def _tell_owed(self) -> None:
        async with self._store.view() as view:
            owed = await view.all(Request, site=self._party.site, owes_notice=True)
        for request in owed:
            await self._tell(request)

    async def _tell(self, request: Request) -> None:
        """Seal outside the act, then queue if the request still stands where it stood."""
        async with self._store.view() as view:
            case = await self._case(view, request)
            pins = await current_pins(view, self._party.site)
            key = await self._cabinet.case_key(view, case)
            draft = await self._owed(view, request, case)
        try:
            mail = await self._composer.seal(draft, pins)
        except KeyFault as error:
            await self._cannot_tell(request, case, error)
            return
        self._unsealable.discard(request.id)
        async with self._store.act() as act:
            await act.lock(case.id)
            current = await act.one(Request, id=request.id)
            if current is None or not current.owes_notice or await self._owed(act, current, case) != draft:
                return
            message = await self._composer.queue(act, mail, case, key, request_hash=request.hash)
            await act.record(
                "notice.queued",
                actor="gateway",
                case=case.ref,
                request=request.hash,
                message=str(message.id),
                partner=message.partner,
                outcome=draft.kind.id,
                details={"mic": mail.mic},
            )
            await act.save(replace(current, owes_notice=draft != notice(current, case)))

    async def _owed(self, view: View, request: Request, case: Case) -> Draft:
        """What is to be told next: the silence itself first, whatever became of the request since."""
        if request.state is life.State.REGULARISED:
            told = {"kind": TACIT_ACCEPTANCE_NOTICE.id, "request_hash": request.hash, "direction": Direction.OUT}
            if await view.one(Message, site=self._party.site, **told) is None:
                return notice(replace(request, state=life.State.TACITLY_ACCEPTED), case)
        return notice(request, case)

    async def _cannot_tell(self, request: Request, case: Case, error: KeyFault) -> None:
        if request.id in self._unsealable:
            return
        self._unsealable.add(request.id)
        async with self._store.act() as act:
            await act.record(
                "alarm.notice_not_sealed", actor="gateway", case=case.ref, request=request.hash, outcome=error.code
            )

    async def _case(self, view: View, request: Request) -> Case:
        case = await view.one(Case, id=request.case_id)
        if case is None:
            raise LookupError("a request without its case")
        return case

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
        polls = await self._silence(act, request)
        details: dict[str, Detail] = {
            "effective_at": iso(effective),
            "requested_from": request.requested_from.isoformat(),
            "requested_until": request.requested_until.isoformat(),
            "nature": request.nature,
            "started_at": iso(request.started_at),
            "grade": request.grade.name.lower(),
            "calendar": request.calendar_version,
            "conditions": [condition.name for condition in found],
            "confirmed": sorted(code for code, _ in await self._confirmed(act, request)),
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

    async def _silence(self, view: View, request: Request) -> list[str]:
        """The polls of the window, folder by folder: the proof of silence."""
        lines = []
        for mailbox, folder in self._watched:
            polls = [
                poll
                for poll in await view.all(Poll, site=self._party.site, mailbox=mailbox, folder=folder)
                if request.started_at is None or poll.last_at >= request.started_at
            ]
            count = sum(poll.count for poll in polls)
            gap = max((poll.longest_gap for poll in polls), default=0)
            last = iso(polls[-1].last_at) if polls else None
            uidnext = polls[-1].uidnext if polls else 0
            # A folder may bear an address in its name; the log holds none.
            lines.append(fit(f"{folder} polls={count} longest_gap_s={gap} last={last} uidnext={uidnext}"))
        return lines

    async def _facts(self, view: View, request: Request) -> Facts:
        mark = await view.one(ClockMark, site=self._party.site)
        watches = [
            Watch(folder=folder, polled_at=await self._last_poll(view, mailbox, folder))
            for mailbox, folder in self._watched
        ]
        before = request.latest_at or self._clock.now()
        vanished = [
            mail
            for mail in await view.all(Mail, site=self._party.site, verdict=Verdict.VANISHED, settled_at=None)
            if request.started_at is not None and mail.recorded_at >= request.started_at
        ]
        cnas = self._directory.with_role(Role.CNAS)
        return Facts(
            now=self._clock.now(),
            latest_at=request.latest_at,
            grace=self._requests.grace,
            clock_trusted=mark is not None and mark.suspended_at is None,
            second_source_at=mark.agreed_at if mark else None,
            watches=tuple(watches),
            unsettled=len(
                await view.unsettled(self._party.site, since=request.submitted_at - STEP_LIMIT, before=before)
            ),
            awaiting=request.state is life.State.ELAPSED,
            other_way_excluded=all(
                partner.kind is PartnerKind.GATEWAY or partner.policy.answers_come_here is not None for partner in cnas
            ),
            vanished=tuple(mail.id for mail in vanished),
            mailbox_rebuilt=await self._rebuilt(view, request),
            calendar_settled=await self._calendar_settled(view, request),
            proofs_waiting=len(await view.all(EnteredProof, request_hash=request.hash, settled_at=None)),
            asks_person=request.asks_person,
            grade=request.grade.name,
            handed_over_at=request.handed_over_at,
            acknowledged_at=request.started_at,
            authorised_until=request.authorised_until,
            complete=request.complete,
            confirmed=await self._confirmed(view, request),
        )

    async def _last_poll(self, view: View, mailbox: str, folder: str) -> datetime | None:
        polls = await view.all(Poll, site=self._party.site, mailbox=mailbox, folder=folder, newest=True, limit=1)
        return polls[0].last_at if polls else None

    async def _rebuilt(self, view: View, request: Request) -> bool:
        """True when a folder changed its UIDVALIDITY while we waited: what it held in between is not known."""
        for mailbox, folder in self._watched:
            polls = await view.all(Poll, site=self._party.site, mailbox=mailbox, folder=folder)
            seen = {poll.uidvalidity for poll in polls if poll.last_at >= request.submitted_at}
            before = [poll.uidvalidity for poll in polls if poll.last_at < request.submitted_at]
            if len(seen.union(before[-1:])) > 1:
                return True
        return False

    async def _calendar_settled(self, view: View, request: Request) -> bool:
        """False while one person has said something of the calendar that would end this period later."""
        if request.started_at is None:
            return True
        return not await self._requests.almanac.would_end_later(view, request.started_at, request.latest_at)

    async def _confirmed(self, view: View, request: Request) -> frozenset[tuple[str, str]]:
        """What enough different persons confirmed, and about what."""
        persons: dict[tuple[str, str], set[str]] = {}
        for row in await view.all(Confirmation, site=self._party.site, request_hash=request.hash):
            persons.setdefault((row.asked, row.binding), set()).add(row.person)
        return frozenset(said for said, names in persons.items() if len(names) >= self._persons_needed)


def _lacks_only_time(found: tuple[Condition, ...]) -> bool:
    """True when asking other sources of time now is worth it: all else that no person decides holds."""
    clocks = {"clock_not_stepped", "second_time_source_agrees"}
    lacking = [condition for condition in found if not condition.holds]
    others = [condition for condition in lacking if condition.name not in clocks and not condition.asks]
    return not others and any(condition.name in clocks for condition in lacking)
