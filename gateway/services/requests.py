"""Moves a request along its table in the caller's act: new state, audit record, and the word that a notice is owed.

A notice is sealed outside any act, because GnuPG must never hold the database's only writer: the state and the debt are
one commit, and the tick pays the debt in another, however often it takes.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from gateway.domain import evidence, period
from gateway.domain import request as life
from gateway.domain.kinds import STATUS_NOTICE, TACIT_ACCEPTANCE_NOTICE, Kind
from gateway.domain.parties import Directory, Grade, Party, Role
from gateway.domain.request import Effect, Event, State, step
from gateway.ports import Clock
from gateway.services.almanac import Almanac
from gateway.services.compose import Draft
from gateway.services.replies import AnswerTimes, Reply, event_of, timeliness
from gateway.storage import Acceptance, Act, Case, Detail, Request, StoredEvidence, View

_TELLING = frozenset({Effect.TELL_STARTED, Effect.TELL_MOVED, Effect.TELL_ELAPSED, Effect.TELL_OUTCOME})
SHORT_NOTICE = "short_notice"
"""Asked of a person when less than one whole working day remained as the evidence was recorded."""


def iso(at: datetime | None) -> str | None:
    """An instant for the audit log and the manifests: RFC 3339, UTC, to the second."""
    return None if at is None else at.replace(microsecond=0).isoformat().replace("+00:00", "Z")


class Requests:
    """The life of requests."""

    def __init__(
        self,
        *,
        party: Party,
        directory: Directory,
        almanac: Almanac,
        clock: Clock,
        grace: timedelta,
    ) -> None:
        self._party = party
        self._directory = directory
        self.almanac = almanac
        self._clock = clock
        self.grace = grace

    async def advance(
        self,
        act: Act,
        request: Request,
        event: Event,
        *,
        actor: str,
        partner: str | None = None,
        message: str | None = None,
        details: Mapping[str, Detail] | None = None,
        **changes: Any,
    ) -> Request:
        """One step of the table, recorded.

        Raises:
            IllegalTransition: the act must end without a commit, or treat the mail as unexpected.
        """
        state, effects = step(request.state, event)
        case = await self._case(act, request)
        moved = replace(request, state=state, **changes)
        if self._party.role is Role.HOSPITAL and _TELLING.union({Effect.NOTIFY_SILENCE}).intersection(effects):
            moved = replace(moved, owes_notice=True)
        moved = await act.save(moved)
        await act.record(
            f"request.{event.value}",
            actor=actor,
            case=case.ref,
            request=request.hash,
            message=message,
            partner=partner,
            outcome=state.value,
            details=details,
        )
        if Effect.ALARM in effects:
            await act.record(
                f"alarm.{event.value}", actor="gateway", case=case.ref, request=request.hash, outcome="raised"
            )
        return moved

    async def receive_evidence(self, act: Act, request: Request, found: StoredEvidence) -> Request:
        """Keep an evidence of reception and recompute the period from all there is."""
        await self.add_evidence(act, request, found)
        return await self.recompute(act, request)

    async def add_evidence(self, act: Act, request: Request, found: StoredEvidence) -> None:
        """Keep an evidence of reception; the caller recomputes."""
        await act.add(found)
        case = await self._case(act, request)
        await act.record(
            "evidence.recorded",
            actor="gateway",
            case=case.ref,
            request=request.hash,
            message=None if found.mail is None else f"mail-{found.mail}",
            partner=found.partner,
            outcome=found.grade.name.lower(),
            details={
                "kind": found.kind,
                "sent_at": iso(found.sent_at),
                "stated_at": iso(found.stated_at),
                "dated_at": iso(found.dated_at),
                "arrived_at": iso(found.arrived_at),
            },
        )

    async def recompute(self, act: Act, request: Request) -> Request:
        """The period from the evidence and the calendar as known now; starts it, moves it, or changes nothing.

        Of a request that was answered before its evidence came, only what is known of its reception changes.
        """
        rows = await act.all(StoredEvidence, site=self._party.site, request_hash=request.hash)
        addressees = {partner.id: partner.policy for partner in self._directory.with_role(Role.CNAS)}
        start = evidence.start_of([as_evidence(row) for row in rows], addressees)
        if start is None or request.state not in {*life.UNANSWERED, *life.ANSWERED}:
            return request
        calendar = await self.almanac.calendar(act)
        found = period.compute(start.at, calendar)
        asks = [doubt.value for doubt in start.doubts]
        if period.recorded_too_late(start.evidence.recorded_at, found, calendar):
            asks.append(SHORT_NOTICE)
        changes = {
            **_ends(found),
            "started_at": start.at,
            "grade": start.evidence.grade,
            "asks_person": tuple(asks),
        }
        if request.state in life.ANSWERED:
            del changes["due_at"]
        if all(getattr(request, name) == value for name, value in changes.items()):
            return request
        event = _period_event(request, found)
        if event is Event.MOVED:
            changes["elapsed_at"] = None
        return await self.advance(
            act,
            request,
            event,
            actor="gateway",
            partner=start.evidence.partner,
            details={**explain(found), **_former(request)},
            **changes,
        )

    async def refresh(self, act: Act, request: Request) -> Request:
        """Compute an open period again under the calendar in force, whoever we are."""
        calendar = await self.almanac.calendar(act)
        if request.started_at is None or request.calendar_version in {None, calendar.version}:
            return request
        if self._party.role is Role.HOSPITAL:
            return await self.recompute(act, request)
        ends = _ends(period.compute(request.started_at, calendar))
        return await self.advance(act, request, Event.REFINED, actor="gateway", details=_former(request), **ends)

    async def followed(self, view: View, received: datetime) -> dict[str, Any]:
        """What a party that received the request itself (the CNAS) knows of the period."""
        ends = _ends(period.compute(received, await self.almanac.calendar(view)))
        return {**ends, "started_at": received, "grade": Grade.SIGNED_RECEIPT}

    async def answer(
        self, act: Act, request: Request, told: Reply, times: AnswerTimes, *, actor: str, partner: str, message: str
    ) -> Request:
        """An answer of the CNAS: in time, late, or disputed between the two.

        Raises:
            IllegalTransition: a vital emergency is disputed that the request does not plead.
        """
        event = await self._met(act, request, event_of(request, told), timeliness(request, times))
        details: dict[str, Detail] = {
            "answer": told.answer.value,
            "form": told.has_form,
            "motivated": bool(told.values.get("motive")),
            "received_earliest": iso(times.earliest),
            "received_latest": iso(times.latest),
            "stated_at": iso(times.stated),
        }
        changes: dict[str, Any] = {}
        if event in life.ANSWERS:
            changes = {"due_at": None, "settled_at": self._clock.now(), **told.changes()}
        elif event is Event.ANSWER_REPEATED and told.has_form:
            # The same answer again, now with the form that it owed.
            changes = {"form_owed": False}
        return await self.advance(
            act, request, event, actor=actor, partner=partner, message=message, details=details, **changes
        )

    async def own_answer(self, act: Act, request: Request, told: Reply, *, actor: str, message: str) -> Request:
        """What the CNAS itself decided and sends: once its own count of the period is over, it comes late.

        Raises:
            IllegalTransition, NotAllowed: such an answer is not possible.
        """
        now = self._clock.now()
        late = request.nominal_at is not None and now >= request.nominal_at
        event = await self._met(act, request, event_of(request, told), Event.LATE_ANSWER if late else None)
        changes: dict[str, Any] = {"settled_at": now, "due_at": None}
        if event in life.ANSWERS:
            changes |= told.changes()
        elif event is Event.ANSWER_REPEATED and told.has_form:
            changes = {"form_owed": False}
        details: dict[str, Detail] = {"answer": told.kind.id, "form": told.has_form}
        return await self.advance(act, request, event, actor=actor, message=message, details=details, **changes)

    async def _met(self, act: Act, request: Request, event: Event, untimely: Event | None) -> Event:
        """What an answer is to a request that stands where it stands."""
        if request.state is State.SUPERSEDED:
            return Event.ANSWER_SUPERSEDED
        if (request.state, event) in life.TRANSITIONS and request.state in life.DISCUSSING:
            return event
        if untimely is Event.LATE_ANSWER:
            return untimely
        if request.state in life.SILENT:
            accepted = await act.one(Acceptance, site=self._party.site, request_hash=request.hash)
            if accepted is not None and accepted.contradicted_at is None:
                await act.save(replace(accepted, contradicted_at=self._clock.now()))
            return Event.CONTRADICTED
        if request.state in life.ANSWERED:
            same = life.ANSWERS[event] is request.state
            return Event.ANSWER_REPEATED if same else Event.ANSWER_CONTRARY
        return untimely or event

    async def supersede(self, act: Act, old: Request, new: Request, *, actor: str) -> Request | None:
        """Replace an open request by a corrected one, before its earliest end; None when it is too late for that.

        The old one can then no longer be tacitly accepted (DESIGN: a correction is a new request). Those who are told
        of it only follow the hospital, however late the mail.
        """
        ours = self._party.role is Role.HOSPITAL
        over = ours and old.earliest_at is not None and self._clock.now() >= old.earliest_at
        if over or (old.state, Event.SUPERSEDED) not in life.TRANSITIONS:
            return None
        return await self.advance(
            act,
            old,
            Event.SUPERSEDED,
            actor=actor,
            details={"by": new.hash},
            due_at=None,
            settled_at=self._clock.now(),
        )

    async def _case(self, act: Act, request: Request) -> Case:
        case = await act.one(Case, id=request.case_id)
        if case is None:
            raise LookupError("a request without its case")
        return case


def explain(found: period.Period) -> dict[str, Detail]:
    """The period for the audit log: every day with whether it counted and why."""
    return {
        "received": iso(found.received),
        "tacit_at": iso(found.tacit_at),
        "earliest_tacit_at": iso(found.earliest_tacit_at),
        "latest_tacit_at": iso(found.latest_tacit_at),
        "calendar": found.calendar_version,
        "readings": [reading.id for reading in found.readings],
        "days": [
            f"{line.date} {line.weekday} {'counted' if line.counted else 'not-counted'} {line.reason.value}"
            for line in found.days
        ],
    }


def _former(request: Request) -> dict[str, Detail]:
    """What was said before, when anything was."""
    if request.nominal_at is None:
        return {}
    return {
        "former_tacit_at": iso(request.nominal_at),
        "former_earliest_tacit_at": iso(request.earliest_at),
        "former_latest_tacit_at": iso(request.latest_at),
        "former_calendar": request.calendar_version,
    }


def _ends(found: period.Period) -> dict[str, Any]:
    return {
        "nominal_at": found.tacit_at,
        "earliest_at": found.earliest_tacit_at,
        "latest_at": found.latest_tacit_at,
        "calendar_version": found.calendar_version,
        "due_at": found.tacit_at,
    }


def _period_event(request: Request, found: period.Period) -> Event:
    if request.state in life.ANSWERED:
        return Event.REFINED
    if request.state not in {State.RUNNING, State.ELAPSED}:
        return Event.ACKNOWLEDGED
    return Event.REFINED if found.tacit_at == request.nominal_at else Event.MOVED


def as_evidence(row: StoredEvidence) -> evidence.Evidence:
    """What is stored, as the domain weighs it."""
    return evidence.Evidence(
        kind=row.kind,
        grade=row.grade,
        partner=row.partner,
        message=str(row.mail),
        sent_at=row.sent_at,
        arrived_at=row.arrived_at,
        recorded_at=row.recorded_at,
        stated_at=row.stated_at,
        dated_at=row.dated_at,
        is_statement=row.statement,
    )


def notice(request: Request, case: Case) -> Draft:
    """What the partners who follow a request are told of its present state."""
    started, ends = iso(request.started_at) or "", iso(request.nominal_at) or ""
    kind: Kind = STATUS_NOTICE
    values = {"state": request.state.value, "grade": request.grade.name.lower(), "started_at": started, "ends_at": ends}
    if request.state is State.TACITLY_ACCEPTED:
        kind = TACIT_ACCEPTANCE_NOTICE
        values = {
            "started_at": started,
            "effective_at": iso(request.latest_at) or "",
            "requested_from": request.requested_from.isoformat(),
            "requested_until": request.requested_until.isoformat(),
        }
    return Draft(kind=kind, ref=case.ref, hospital=case.hospital, values=values, request_hash=request.hash)
