"""Answers to requests: each is heard and kept, and judged again when the period moves or a person rules on it.

What came a minute too late is in time once a feast turns out to have fallen otherwise, and the other way round: so no
answer is forgotten, and while a request is open all that was heard decides it again.
"""

from typing import Any

from gateway.domain import request as life
from gateway.domain.audit import iso
from gateway.domain.challenge import Finding, Ground
from gateway.domain.parties import Party, Role
from gateway.domain.request import Event, State
from gateway.ports import Clock
from gateway.services.challenged import Advance, challenge, standing_acceptance
from gateway.services.replies import AnswerTimes, Ends, Reply, ends_known, event_of, timing
from gateway.storage import Act, Detail, HeardAnswer, Matter, Request, Rows, Ruling

_GRANTING = frozenset({Event.ACCEPTED, Event.PARTLY_ACCEPTED})


class Answers:
    """Hears answers and judges them."""

    def __init__(self, *, party: Party, clock: Clock, advance: Advance) -> None:
        self._party = party
        self._clock = clock
        self._advance = advance

    async def hear(
        self, act: Act, request: Request, told: Reply, times: AnswerTimes, *, actor: str, partner: str, message: str
    ) -> Request:
        """An answer of the CNAS: in time, late, or disputed between the two.

        Raises:
            IllegalTransition: a vital emergency is disputed that the request does not plead.
        """
        untimely = timing(times, _ends(request, self._party.role))
        event = event_of(request, told)
        met = _met(request, event, untimely)
        heard = await self._keep(act, request, told, times, partner=partner, message=message, says=event, taken_as=met)
        details: dict[str, Detail] = {
            "answer": told.answer.value,
            "form": told.has_form,
            "motivated": bool(told.values.get("motive")),
            **_times(heard),
        }
        reference: dict[str, Any] = {"partner": partner, "message": message, "details": details}
        if met is Event.CHALLENGED:
            return await self._contradicted(act, request, heard, untimely, reference)
        changes: dict[str, Any] = {}
        if met in life.ANSWERS:
            changes = {"due_at": None, "settled_at": self._clock.now(), **told.changes()}
        elif met is Event.ANSWER_REPEATED and told.has_form:
            # The same answer again, now with the form that it owed.
            changes = {"form_owed": False}
        return await self._advance(act, request, met, actor=actor, **reference, **changes)

    async def hear_form(
        self, act: Act, request: Request, told: Reply, times: AnswerTimes, *, actor: str, partner: str, message: str
    ) -> Request:
        """The form of an acceptance that is owed, or comes before its silence is recorded: kept as an answer too."""
        await self._keep(
            act,
            request,
            told,
            times,
            partner=partner,
            message=message,
            says=event_of(request, told),
            taken_as=Event.REGULARISED,
        )
        return await self._advance(
            act, request, Event.REGULARISED, actor=actor, partner=partner, message=message, form_owed=False
        )

    async def own(self, act: Act, request: Request, told: Reply, *, actor: str, message: str) -> Request:
        """What the CNAS itself decided and sends: once its own count of the period is over, it comes late.

        Raises:
            IllegalTransition, NotAllowed: such an answer is not possible.
        """
        now, us = self._clock.now(), self._party.id
        event = event_of(request, told)
        times = AnswerTimes(earliest=now, latest=now, stated=now)
        met = _met(request, event, timing(times, _ends(request, self._party.role)))
        await self._keep(act, request, told, times, partner=us, message=message, says=event, taken_as=met)
        changes: dict[str, Any] = {"settled_at": now, "due_at": None}
        if met in life.ANSWERS:
            changes |= told.changes()
        elif met is Event.ANSWER_REPEATED and told.has_form:
            changes = {"form_owed": False}
        details: dict[str, Detail] = {"answer": told.kind.id, "form": told.has_form}
        return await self._advance(act, request, met, actor=actor, message=message, details=details, **changes)

    async def judge(self, act: Act, request: Request, *, actor: str = "gateway") -> Request:
        """All that was heard of an open request, by the period as it stands: the first answer in time settles it."""
        if request.state not in life.OPEN or request.nominal_at is None:
            return request
        ends, ruled = _ends(request, self._party.role), await _ruled(act, request)
        disputed = None
        for heard in await act.all(HeardAnswer, site=request.site, request_hash=request.hash):
            untimely = ruled.get(heard.id, timing(_times_of(heard), ends))
            if untimely is None:
                return await self._settle(act, request, heard, actor)
            if untimely is Event.DISPUTED and heard.taken_as is not Event.REGULARISED:
                disputed = disputed or heard
        if disputed is not None and request.state is not State.ANSWER_DISPUTED:
            return await self._reopened(act, request, disputed, Event.DISPUTED, actor)
        if disputed is None and request.state is State.ANSWER_DISPUTED:
            return await self._reopened(act, request, None, Event.FOUND_LATE, actor)
        return request

    # --- parts

    async def _keep(
        self,
        act: Act,
        request: Request,
        told: Reply,
        times: AnswerTimes,
        *,
        partner: str,
        message: str,
        says: Event,
        taken_as: Event,
    ) -> HeardAnswer:
        granted = told.changes()
        return await act.add(
            HeardAnswer(
                site=request.site,
                request_hash=request.hash,
                says=says,
                taken_as=taken_as,
                granted_from=granted.get("granted_from"),
                granted_until=granted.get("granted_until"),
                form_owed=granted.get("form_owed", False),
                earliest=times.earliest,
                latest=times.latest,
                stated=times.stated,
                doubtful=times.doubtful,
                partner=partner,
                message=message,
                heard_at=self._clock.now(),
            )
        )

    async def _settle(self, act: Act, request: Request, heard: HeardAnswer, actor: str) -> Request:
        changes: dict[str, Any] = {"due_at": None, "settled_at": self._clock.now()}
        if heard.says in _GRANTING:
            changes["granted_from"] = heard.granted_from
            changes["granted_until"] = heard.granted_until
            changes["form_owed"] = heard.form_owed
        return await self._advance(
            act,
            request,
            heard.says,
            actor=actor,
            partner=heard.partner,
            message=heard.message,
            details={"heard": heard.id, **_times(heard)},
            **changes,
        )

    async def _reopened(
        self, act: Act, request: Request, heard: HeardAnswer | None, event: Event, actor: str
    ) -> Request:
        details = {} if heard is None else {"heard": heard.id, **_times(heard)}
        named = None if heard is None else heard.message
        return await self._advance(
            act, request, event, actor=actor, message=named, details=details, due_at=request.nominal_at, elapsed_at=None
        )

    async def _contradicted(
        self, act: Act, request: Request, heard: HeardAnswer, untimely: Event | None, reference: dict[str, Any]
    ) -> Request:
        """An answer that would have kept the silence from being recorded."""
        accepted = await standing_acceptance(act, request)
        if accepted is None:
            # We only follow: the hospital recorded it, and is told by the copies that we owe it.
            return await self._advance(act, request, Event.CHALLENGED, actor="gateway", **reference)
        ground = Ground.ANSWER_IN_TIME if untimely is None else Ground.ANSWER_IN_DISPUTE
        return await challenge(
            act,
            self._advance,
            request,
            accepted,
            ground,
            about=f"answer-{heard.id}",
            by="gateway",
            at=self._clock.now(),
            **reference,
        )


async def doubted(view: Rows, request: Request, role: Role) -> tuple[HeardAnswer, ...]:
    """The answers that wait for a person of this role."""
    if request.state is not State.ANSWER_DISPUTED:
        return ()
    ends, ruled = _ends(request, role), await _ruled(view, request)
    return tuple(
        heard
        for heard in await view.all(HeardAnswer, site=request.site, request_hash=request.hash)
        if heard.taken_as is not Event.REGULARISED
        and ruled.get(heard.id, timing(_times_of(heard), ends)) is Event.DISPUTED
    )


async def _ruled(view: Rows, request: Request) -> dict[int, Event | None]:
    """What persons decided of answers; their word counts for the ends that they knew."""
    rows = await view.all(Ruling, site=request.site, request_hash=request.hash, matter=Matter.ANSWER, decides=True)
    return {
        row.about: None if row.finding is Finding.IN_TIME else Event.LATE_ANSWER
        for row in rows
        if row.binding == binding(request)
    }


def _ends(request: Request, role: Role) -> Ends:
    """The CNAS goes by its own count; who only follows is told one end."""
    return (request.nominal_at, request.nominal_at) if role is Role.CNAS else ends_known(request)


def binding(request: Request) -> str:
    """What a person's word on an answer rests on."""
    return f"{iso(request.earliest_at)} {iso(request.latest_at)}"


def _met(request: Request, event: Event, untimely: Event | None) -> Event:
    """What an answer is to a request that stands where it stands."""
    if request.state is State.SUPERSEDED:
        return Event.ANSWER_SUPERSEDED
    if (request.state, event) in life.TRANSITIONS and request.state in life.DISCUSSING:
        return event
    if untimely is Event.LATE_ANSWER:
        return untimely
    if request.state in life.SILENT:
        return Event.CHALLENGED
    if request.state in life.ANSWERED:
        same = life.ANSWERS[event] is request.state
        return Event.ANSWER_REPEATED if same else Event.ANSWER_CONTRARY
    return untimely or event


def _times_of(heard: HeardAnswer) -> AnswerTimes:
    return AnswerTimes(earliest=heard.earliest, latest=heard.latest, stated=heard.stated, doubtful=heard.doubtful)


def _times(heard: HeardAnswer) -> dict[str, Detail]:
    return {
        "received_earliest": iso(heard.earliest),
        "received_latest": iso(heard.latest),
        "stated_at": iso(heard.stated),
    }
