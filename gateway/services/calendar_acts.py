"""What persons do to the calendar: look at what a change would do, make it, confirm or decline what another proposed.

Where four eyes are on, a change that ends a period sooner, or lets silence be recorded, is proposed by one person and
confirmed by another; one that only delays is in force at once. Nothing is ever taken out of the database.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from gateway.domain import request as life
from gateway.domain.amendments import (
    LONGEST_WINDOW,
    Applied,
    CalendarAct,
    CalendarStatement,
    Change,
    DayChange,
    Ends,
    Verb,
    changed_days,
    ends,
    hastens,
    overlaid,
    reach,
)
from gateway.domain.audit import ENTRIES, fit
from gateway.domain.errors import AlreadyThere, CalendarInvalid, NotAllowed, Unknown
from gateway.domain.feasts import CalendarRow
from gateway.domain.parties import Party
from gateway.domain.request_name import RequestName
from gateway.domain.rights import Right
from gateway.domain.words import said
from gateway.domain.workdays import Calendar, algiers_day
from gateway.ports import Clock
from gateway.services.almanac import Proposal
from gateway.services.calendar_watch import challenge_recorded, refresh_open
from gateway.services.request_names import name_of
from gateway.services.requests import Requests
from gateway.services.rights import entitled, in_person
from gateway.storage import Acceptance, Act, Case, Detail, Request, Store, View

Plan = Callable[[Calendar], Change]
"""Works out a change against the calendar in force; ``gateway.domain.calendar_plans`` has them."""


class Standing(Enum):
    """What became of an act."""

    PREVIEWED = "previewed"
    PROPOSED = "proposed"
    IN_FORCE = "in_force"
    DECLINED = "declined"


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodEffect:
    """What a change does to one open period."""

    case: str
    request: str
    received: datetime
    before: Ends
    after: Ends


@dataclass(frozen=True, slots=True, kw_only=True)
class Shaken:
    """A request whose silence is recorded, by its hash and as a person calls it in its case."""

    case: str
    request: str
    name: RequestName


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What a change does. ``shaken`` are recorded silences whose period would have ended later.

    ``number`` is the act's, None for a preview; ``second`` says that it takes a second person.
    """

    change: Change
    standing: Standing
    number: int | None
    second: bool
    before: Calendar
    after: Calendar
    days: tuple[DayChange, ...]
    periods: tuple[PeriodEffect, ...]
    shaken: tuple[Shaken, ...]


class CalendarActs:
    """Acts on the calendar."""

    def __init__(self, *, store: Store, requests: Requests, clock: Clock, party: Party, persons_needed: int) -> None:
        self._store = store
        self._requests = requests
        self._clock = clock
        self._party = party
        self._persons_needed = persons_needed

    async def standing(self) -> tuple[Calendar, tuple[Proposal, ...]]:
        """The calendar in force, and what awaits a second person."""
        async with self._store.view() as view:
            return await self._requests.almanac.calendar(view), await self._requests.almanac.proposals(view)

    async def preview(self, plan: Plan) -> Effect:
        """What a change would do; nothing is recorded.

        Raises:
            NotAllowed: it cannot be worked out, or its result contradicts itself.
        """
        async with self._store.view() as view:
            change = plan(await self._requests.almanac.calendar(view))
            return await self._effect(view, change, by="")

    async def amend(self, plan: Plan, *, actor: str) -> Effect:
        """Make a change, or propose it; the same change by a second person confirms the proposal.

        Raises:
            NotAllowed: as in ``preview``; or this person has proposed the same already.
        """
        async with self._store.act() as act:
            await entitled(act, self._party, actor, Right.CALENDAR)
            change = plan(await self._requests.almanac.calendar(act))
            for proposal in await self._requests.almanac.proposals(act):
                if proposal.change.substance == change.substance:
                    effect = await self._confirm(act, proposal, actor)
                    break
            else:
                effect = await self._make(act, change, actor)
        return await self._followed(effect)

    async def preview_proposal(self, number: int) -> Effect:
        """What confirming a proposal would do; nothing is recorded.

        Raises:
            Unknown, NotAllowed.
        """
        async with self._store.view() as view:
            proposal = await self._proposal(view, number)
            return await self._effect(view, proposal.change, by="")

    async def confirm(self, number: int, *, actor: str) -> Effect:
        """A second person confirms what another proposed.

        Raises:
            Unknown: no such proposal waits. NotAllowed: it is this person's own, or by now it contradicts the calendar.
        """
        async with self._store.act() as act:
            await entitled(act, self._party, actor, Right.CONFIRM, Right.CALENDAR)
            effect = await self._confirm(act, await self._proposal(act, number), actor)
        return await self._followed(effect)

    async def decline(self, number: int, *, actor: str, source: str) -> Effect:
        """Anybody may put a proposal aside: nothing comes sooner by it.

        Raises:
            Unknown: no such proposal waits.
        """
        async with self._store.act() as act:
            await entitled(act, self._party, actor, Right.CONFIRM, Right.CALENDAR)
            proposal = await self._proposal(act, number)
            calendar = await self._requests.almanac.calendar(act)
            await self._settle(act, proposal, Verb.DECLINE, actor, source)
            await act.record(
                "calendar.declined", actor=actor, outcome="declined", details={"act": number, "source": fit(source)}
            )
        return Effect(
            change=proposal.change,
            standing=Standing.DECLINED,
            number=number,
            second=False,
            before=calendar,
            after=calendar,
            days=(),
            periods=(),
            shaken=(),
        )

    # --- inside one commit

    async def _make(self, act: Act, change: Change, actor: str) -> Effect:
        effect = await self._effect(act, change, by=actor)
        made = await act.add(
            CalendarAct(
                site=self._party.site,
                verb=change.verb,
                source=change.source,
                recorded_at=self._clock.now(),
                recorded_by=actor,
                awaits_second=effect.second,
                covers_until=change.covers_until,
            )
        )
        for row in change.withdrawn:
            await act.add(_statement(made, row, withdrawn=True))
        for row in change.stated:
            await act.add(_statement(made, row, withdrawn=False))
        standing = Standing.PROPOSED if effect.second else Standing.IN_FORCE
        effect = replace(effect, number=made.id, standing=standing)
        await self._record(act, f"calendar.{change.verb.value}", effect, actor)
        return effect

    async def _confirm(self, act: Act, proposal: Proposal, actor: str) -> Effect:
        if self._persons_needed > 1:
            in_person(actor, said("confirmer une proposition de calendrier"))
        if proposal.act.recorded_by == actor and self._persons_needed > 1:
            reason = said(
                "Vous l'avez proposé vous-même (n° {number}) ; il faut une seconde personne.", number=proposal.act.id
            )
            raise NotAllowed(act=said("confirmer une proposition de calendrier"), reason=reason)
        effect = await self._effect(act, proposal.change, by=f"{proposal.act.recorded_by} & {actor}")
        await self._settle(act, proposal, Verb.CONFIRM, actor, proposal.act.source)
        effect = replace(effect, number=proposal.act.id, standing=Standing.IN_FORCE, second=False)
        await self._record(act, "calendar.confirmed", effect, actor)
        return effect

    async def _settle(self, act: Act, proposal: Proposal, verb: Verb, actor: str, source: str) -> None:
        word = CalendarAct(
            site=self._party.site,
            verb=verb,
            source=source,
            recorded_at=self._clock.now(),
            recorded_by=actor,
            about=proposal.act.id,
        )
        try:
            await act.add(word)
        except AlreadyThere:
            raise Unknown(kind=said("proposition de calendrier"), ref=str(proposal.act.id)) from None

    async def _record(self, act: Act, event: str, effect: Effect, actor: str) -> None:
        change = effect.change
        details: dict[str, Detail] = {
            "act": effect.number,
            "source": fit(change.source),
            "before": effect.before.version,
            "after": effect.after.version,
            "covers_until": None if change.covers_until is None else change.covers_until.isoformat(),
            "stated": _listed(change.stated),
            "withdrawn": _listed(change.withdrawn),
        }
        await act.record(event, actor=actor, outcome=effect.standing.value, details=details)

    # --- what a change does

    async def _effect(self, view: View, change: Change, *, by: str) -> Effect:
        before = await self._requests.almanac.calendar(view)
        now = self._clock.now()
        try:
            after = overlaid(before, [Applied(change=change, at=now, by=by)])
        except CalendarInvalid as error:
            raise NotAllowed(act=said("modifier le calendrier"), reason=error.fields["reason"]) from error
        unanswered = await view.all(Request, site=self._party.site, state=life.UNANSWERED)
        periods = await self._periods(view, unanswered, after)
        sooner = any(period.after.sooner_than(period.before) for period in periods)
        # A request that is not acknowledged yet may turn out to have been received on any day since it left.
        since = min(algiers_day(at) for at in (now, *(request.submitted_at for request in unanswered)))
        return Effect(
            change=change,
            standing=Standing.PREVIEWED,
            number=None,
            second=self._persons_needed > 1 and (sooner or hastens(before, after, since)),
            before=before,
            after=after,
            days=changed_days(before, after),
            periods=periods,
            shaken=await self._shaken(view, before, after),
        )

    async def _periods(self, view: View, requests: Sequence[Request], after: Calendar) -> tuple[PeriodEffect, ...]:
        """Every period among these that we compute ourselves, as it stands and as it would stand."""
        of_case = {request.case_id for request in requests}
        refs = {case.id: case.ref for case in await view.all(Case, site=self._party.site, id=tuple(of_case))}
        return tuple(
            PeriodEffect(
                case=refs[request.case_id],
                request=request.hash,
                received=request.started_at,
                before=before,
                after=ends(request.started_at, after),
            )
            for request in requests
            if request.started_at is not None and (before := _stored_ends(request)) is not None
        )

    async def _shaken(self, view: View, before: Calendar, after: Calendar) -> tuple[Shaken, ...]:
        """Standing acceptances that took effect before the end that the changed calendar gives."""
        window = reach(before, after)
        if window is None:
            return ()
        found = []
        for accepted in await view.all(Acceptance, site=self._party.site, withdrawn_at=None):
            if not window[0] <= algiers_day(accepted.effective_at) <= window[1] + LONGEST_WINDOW:
                continue
            request = await view.one(Request, site=self._party.site, hash=accepted.request_hash)
            if request is None or request.started_at is None:
                continue
            was, now = (ends(request.started_at, calendar).latest for calendar in (before, after))
            if _covers(accepted, was) and not _covers(accepted, now):
                case = await view.one(Case, id=request.case_id)
                name = await name_of(view, request)
                found.append(Shaken(case=case.ref if case else "–", request=request.hash, name=name))
        return tuple(found)

    async def _followed(self, effect: Effect) -> Effect:
        """After the commit: every period is computed again, and the effect tells what became of each open one."""
        if effect.standing is not Standing.IN_FORCE:
            return effect
        await refresh_open(self._store, self._requests, self._party.site)
        await challenge_recorded(self._store, self._requests, self._clock, self._party.site)
        async with self._store.view() as view:
            rows = await view.all(
                Request, site=self._party.site, hash=tuple(period.request for period in effect.periods)
            )
        now = {row.hash: _stored_ends(row) for row in rows}
        periods = tuple(replace(period, after=now[period.request] or period.after) for period in effect.periods)
        return replace(effect, periods=periods)

    async def _proposal(self, view: View, number: int) -> Proposal:
        for proposal in await self._requests.almanac.proposals(view):
            if proposal.act.id == number:
                return proposal
        raise Unknown(kind=said("proposition de calendrier"), ref=str(number))


def _stored_ends(request: Request) -> Ends | None:
    """What was computed last, None when we do not compute it ourselves."""
    if request.nominal_at is None or request.earliest_at is None or request.calendar_version is None:
        return None
    return Ends(nominal=request.nominal_at, earliest=request.earliest_at, latest=request.latest_at)


def _covers(accepted: Acceptance, latest: datetime | None) -> bool:
    """True when the acceptance took effect at the end of its period or after."""
    return latest is not None and latest <= accepted.effective_at


def _statement(act: CalendarAct, row: CalendarRow, *, withdrawn: bool) -> CalendarStatement:
    return CalendarStatement(
        site=act.site,
        act=act.id,
        withdrawn=withdrawn,
        date=row.date,
        name=row.name,
        feast=row.feast,
        status=row.status,
        off=row.off,
        source=row.source,
    )


def _listed(rows: Sequence[CalendarRow]) -> list[str]:
    """Rows for the audit log; a long list is cut, its whole stands in the table and in the calendar's version."""
    told = [
        fit(f"{row.date} {'off' if row.off else 'worked'} {row.status.value} {row.feast or row.name}") for row in rows
    ]
    return told if len(told) <= ENTRIES else [*told[: ENTRIES - 1], f"... {len(told) - ENTRIES + 1}"]
