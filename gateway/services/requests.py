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
from gateway.domain.audit import iso
from gateway.domain.challenge import shaken_by_evidence
from gateway.domain.parties import Directory, Grade, Party, Role
from gateway.domain.request import Effect, Event, step
from gateway.ports import Clock
from gateway.services.almanac import Almanac
from gateway.services.answers import Answers
from gateway.services.challenged import challenge, standing_acceptance
from gateway.storage import Act, Case, Detail, Request, StoredEvidence, View

_TELLING = frozenset(
    {
        *(Effect.TELL_STARTED, Effect.TELL_MOVED, Effect.TELL_ELAPSED, Effect.TELL_OUTCOME),
        *(Effect.NOTIFY_SILENCE, Effect.NOTIFY_WITHDRAWAL),
    }
)
SHORT_NOTICE = "short_notice"
"""Asked of a person when less than one whole working day remained as the evidence was recorded."""


__all__ = ["SHORT_NOTICE", "Requests", "explain", "iso"]


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
        self.answers = Answers(party=party, clock=clock, advance=self.advance)

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
        if self._party.role is Role.HOSPITAL and _TELLING.intersection(effects):
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
        """The period from the evidence and the calendar as known now: it starts, moves, or stays.

        What was heard is judged by it again. Of a request that was answered before its evidence came, only what is
        known of its reception changes. A recorded silence stays: what it rests on can only be challenged.
        """
        rows = await act.all(StoredEvidence, site=self._party.site, request_hash=request.hash)
        addressees = {partner.id: partner.policy for partner in self._directory.with_role(Role.CNAS)}
        start = evidence.start_of([as_evidence(row) for row in rows], addressees)
        if start is None:
            return request
        if request.state in life.SILENT:
            return await self._reconsider(act, request, start, f"evidence-{rows[-1].id}")
        if request.state not in {*life.OPEN, *life.ANSWERED}:
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
        request = await self.advance(
            act,
            request,
            event,
            actor="gateway",
            partner=start.evidence.partner,
            details={**explain(found), **_former(request)},
            **changes,
        )
        return await self.answers.judge(act, request)

    async def _reconsider(self, act: Act, request: Request, start: evidence.Start, about: str) -> Request:
        accepted = await standing_acceptance(act, request)
        if accepted is None or request.started_at is None:
            return request
        calendar = await self.almanac.calendar(act)
        ground = shaken_by_evidence(
            accepted.effective_at,
            period.compute(request.started_at, calendar),
            period.compute(start.at, calendar),
            (doubt.value for doubt in start.doubts),
            request.asks_person,
        )
        if ground is None:
            return request
        details: dict[str, Detail] = {"received": iso(start.at), "former_received": iso(request.started_at)}
        return await challenge(
            act,
            self.advance,
            request,
            accepted,
            ground,
            about=about,
            by="gateway",
            at=self._clock.now(),
            details=details,
        )

    async def refresh(self, act: Act, request: Request) -> Request:
        """Compute an open period again under the calendar in force, whoever we are."""
        calendar = await self.almanac.calendar(act)
        if request.started_at is None or request.calendar_version in {None, calendar.version}:
            return request
        if self._party.role is Role.HOSPITAL:
            return await self.recompute(act, request)
        ends = _ends(period.compute(request.started_at, calendar))
        former = _former(request)
        request = await self.advance(act, request, Event.REFINED, actor="gateway", details=former, **ends)
        return await self.answers.judge(act, request)

    async def followed(self, view: View, received: datetime) -> dict[str, Any]:
        """What a party that received the request itself (the CNAS) knows of the period."""
        ends = _ends(period.compute(received, await self.almanac.calendar(view)))
        return {**ends, "started_at": received, "grade": Grade.SIGNED_RECEIPT}

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
    if request.state in life.UNACKNOWLEDGED:
        return Event.ACKNOWLEDGED
    if request.state in life.ANSWERED:
        return Event.REFINED
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
