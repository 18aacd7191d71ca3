"""What the notices of a hospital do at the CNAS and the CNSE: these follow a request, they decide nothing of it."""

from dataclasses import replace

from gateway.domain import request as life
from gateway.domain.kinds import STATUS_NOTICE, TACIT_ACCEPTANCE_NOTICE, TACIT_ACCEPTANCE_WITHDRAWAL, parse_instant
from gateway.domain.parties import Grade, Party, Role
from gateway.ports import Clock
from gateway.services.arrived import Arrived
from gateway.services.casework import Casework
from gateway.services.copies import UNANSWERED, owe_unseen_answer
from gateway.services.requests import Requests, iso
from gateway.storage import Act, Case, Direction, Message, Request

_SETTLED = frozenset({*life.ANSWERED, *life.SILENT, life.State.SUPERSEDED})


class Follower:
    """Applies notices."""

    def __init__(self, *, party: Party, requests: Requests, casework: Casework, clock: Clock) -> None:
        self._party = party
        self._requests = requests
        self._casework = casework
        self._clock = clock

    async def told(
        self, act: Act, arrived: Arrived, request: Request, case: Case, message: Message, *, newer: bool
    ) -> None:
        """Apply a notice; ``newer`` says that a later one is known, so that this one only completes the file."""
        told_back = arrived.kind is TACIT_ACCEPTANCE_WITHDRAWAL
        if not newer and not told_back and self._party.role is Role.CNSE:
            await self._unseen(act, arrived, request, case)
        if arrived.kind is TACIT_ACCEPTANCE_NOTICE:
            if not await self._taken_back(act, request, message):
                await self._silence_notified(act, arrived, request, message)
        elif told_back:
            await self._silence_withdrawn(act, arrived, request, message)
        elif arrived.kind is STATUS_NOTICE and not newer:
            await self._mirror(act, arrived, request, case, message)

    async def _unseen(self, act: Act, arrived: Arrived, request: Request, case: Case) -> None:
        """The CNSE gives the hospital the answer of which its notice shows that it knows nothing."""
        values = arrived.values
        silent = arrived.kind is TACIT_ACCEPTANCE_NOTICE
        if not silent and life.State(values.get("state", life.State.SENT.value)) not in UNANSWERED:
            return
        await owe_unseen_answer(
            act,
            request,
            case,
            arrived.mail.partner,
            told_at=arrived.inner.date or arrived.mail.signed_at,
            ends_at=parse_instant(values.get("effective_at" if silent else "ends_at", "")),
            at=self._clock.now(),
        )

    async def _silence_notified(self, act: Act, arrived: Arrived, request: Request, message: Message) -> None:
        partner = arrived.mail.partner.id
        effective = parse_instant(arrived.values["effective_at"])
        too_early = self._party.role is Role.CNAS and (
            request.latest_at is None or effective is None or effective < request.latest_at
        )
        legal = (request.state, life.Event.SILENCE_NOTIFIED) in life.TRANSITIONS
        if effective is None or too_early or not legal:
            # We have answered, or count otherwise: the notice is kept and shown, our own state stays.
            await act.record(
                "alarm.notice_contradicts_us",
                actor="gateway",
                request=request.hash,
                message=str(message.id),
                partner=partner,
                outcome=request.state.value,
                details={"effective_at": iso(effective), "latest_tacit_at": iso(request.latest_at)},
            )
            return
        request = await self._requests.advance(
            act,
            request,
            life.Event.SILENCE_NOTIFIED,
            actor="gateway",
            partner=partner,
            message=str(message.id),
            details={"effective_at": iso(effective)},
            due_at=None,
            settled_at=self._clock.now(),
        )
        if await self._casework.silence(act, request, effective, partner=partner, message=message.id):
            await self._requests.advance(act, request, life.Event.REGULARISED, actor="gateway")

    async def _taken_back(self, act: Act, request: Request, message: Message) -> bool:
        """Whether a notice was overtaken by its own withdrawal."""
        known = await act.all(
            Message,
            site=request.site,
            direction=Direction.IN,
            kind=TACIT_ACCEPTANCE_WITHDRAWAL.id,
            request_hash=request.hash,
        )
        return any(each.at > message.at for each in known)

    async def _silence_withdrawn(self, act: Act, arrived: Arrived, request: Request, message: Message) -> None:
        """The hospital takes its notice back: what we know ourselves counts again."""
        partner, told = arrived.mail.partner.id, {"effective_at": arrived.values["effective_at"]}
        if request.state not in life.SILENT:
            await act.record(
                "notice.withdrawal_agrees",
                actor="gateway",
                request=request.hash,
                message=str(message.id),
                partner=partner,
                outcome=request.state.value,
                details=told,
            )
            return
        request = await self._requests.advance(
            act,
            request,
            life.Event.WITHDRAWN,
            actor="gateway",
            partner=partner,
            message=str(message.id),
            details=told,
            settled_at=None,
        )
        await self._casework.silence_withdrawn(act, request, actor="gateway")
        await self._requests.answers.judge(act, request)

    async def _mirror(self, act: Act, arrived: Arrived, request: Request, case: Case, message: Message) -> None:
        """A follower mirrors what the hospital states; it decides nothing of its own."""
        state = life.State(arrived.values["state"])
        grade = Grade[arrived.values.get("grade", "none").upper()]
        if request.state in _SETTLED and state not in _SETTLED:
            # The CNAS's own signed answer, or the notice of silence, outranks an older word that comes late.
            state = request.state
        await act.save(
            replace(
                request,
                state=state,
                grade=grade,
                started_at=parse_instant(arrived.values.get("started_at", "")),
                nominal_at=parse_instant(arrived.values.get("ends_at", "")),
            )
        )
        await act.record(
            "request.followed",
            actor="gateway",
            case=case.ref,
            request=request.hash,
            message=str(message.id),
            partner=arrived.mail.partner.id,
            outcome=state.value,
            details={"ends_at": iso(parse_instant(arrived.values.get("ends_at", ""))), "grade": grade.name.lower()},
        )
