"""Drains the outbox: hands sealed bytes over, notes the outcome, tries again, or leaves it to a person.

``sending`` is committed before the first byte leaves. What was ``sending`` when the process died is an unknown outcome:
it waits fifteen minutes for evidence, then the same bytes go out once more, then a person decides.
"""

from dataclasses import replace
from typing import Any

import structlog

from gateway.domain import request as life
from gateway.domain import transmission as sending
from gateway.domain.errors import KeyFault, ServerError
from gateway.domain.kinds import KINDS, Subject
from gateway.domain.parties import Directory, Party, Role
from gateway.domain.transmission import MAX_DOUBTS, UNKNOWN_RETRY, next_attempt
from gateway.ports import Clock, Courier, Envelope, HandOver, HandOverOutcome, PublicKey, Sealer
from gateway.services.cabinet import Cabinet
from gateway.services.requests import Requests
from gateway.storage import Act, Message, Pin, Request, Store, Transmission

_log = structlog.get_logger()

BATCH = 50
"""Transmissions looked at in one round; the rest wait for the next, which follows at once."""


class Sender:
    """One round of the outbox at a time."""

    def __init__(
        self,
        *,
        store: Store,
        cabinet: Cabinet,
        courier: Courier,
        sealer: Sealer,
        requests: Requests,
        clock: Clock,
        party: Party,
        directory: Directory,
    ) -> None:
        self._store = store
        self._cabinet = cabinet
        self._courier = courier
        self._sealer = sealer
        self._requests = requests
        self._clock = clock
        self._party = party
        self._directory = directory

    async def recover(self) -> int:
        """At start: whatever was ``sending`` has an unknown outcome. Returns how many."""
        async with self._store.act() as act:
            found = await act.all(Transmission, site=self._party.site, state=sending.State.SENDING)
            for transmission in found:
                await self._note(act, transmission, sending.Event.DOUBT, "interrupted")
        return len(found)

    async def round(self) -> int:
        """Hand over what is ready. Returns how many were tried.

        Raises:
            ServerError: the server is out of reach; nothing was handed over in that last try.
        """
        await self._retry_doubts()
        async with self._store.view() as view:
            ready = await view.sendable(self._party.site, self._clock.now(), BATCH)
        for transmission in ready:
            await self._send(transmission)
        return len(ready)

    async def _retry_doubts(self) -> None:
        now = self._clock.now()
        async with self._store.view() as view:
            doubtful = await view.all(Transmission, site=self._party.site, state=sending.State.UNKNOWN)
        for transmission in doubtful:
            if transmission.doubts < MAX_DOUBTS and transmission.next_at <= now:
                async with self._store.act() as act:
                    await self._note(act, transmission, sending.Event.RETRIED, "same-bytes-again")

    async def _send(self, transmission: Transmission) -> None:
        partner = self._directory.find(transmission.partner)
        if partner is None or not await self._key_still_good(transmission):
            async with self._store.act() as act:
                await self._note(act, transmission, sending.Event.KEY_REFUSED, "key-no-longer-usable")
            return
        async with self._store.view() as view:
            data = await self._cabinet.get(view, transmission.file)
        async with self._store.act() as act:
            claimed = await self._claim(act, transmission)
        if claimed is None:
            return
        envelope = Envelope(
            sender="" if transmission.receipt else self._party.address,
            recipient=partner.address,
            data=data,
            envid=transmission.envid,
            dsn=not transmission.receipt,
        )
        try:
            outcome = await self._courier.hand_over(envelope)
        except ServerError as error:
            await self._settle(claimed, HandOverOutcome(result=HandOver.DEFERRED, code=None, text=error.code))
            raise
        await self._settle(claimed, outcome)

    async def _key_still_good(self, transmission: Transmission) -> bool:
        if transmission.fingerprint is None:
            return True
        async with self._store.view() as view:
            pin = await view.one(
                Pin,
                site=self._party.site,
                partner=transmission.partner,
                fingerprint=transmission.fingerprint,
                retired_at=None,
            )
        partner = self._directory.find(transmission.partner)
        if pin is None or partner is None:
            return False
        key = PublicKey(suite=partner.suite, fingerprint=pin.fingerprint, material=pin.material)
        try:
            await self._sealer.check(key, partner=partner.id)
        except KeyFault as error:
            _log.warning("transmission.held", transmission=transmission.id, reason=error.code)
            return False
        return True

    async def _claim(self, act: Act, transmission: Transmission) -> Transmission | None:
        """Read again inside the act: evidence may have settled it, or another process taken it."""
        current = await act.one(Transmission, id=transmission.id)
        if current is None or current.state is not sending.State.READY:
            return None
        state = sending.step(current.state, sending.Event.CLAIMED)
        return await act.save(replace(current, state=state, attempts=current.attempts + 1))

    async def _settle(self, claimed: Transmission, outcome: HandOverOutcome) -> None:
        events = {
            HandOver.ACCEPTED: sending.Event.ACCEPTED,
            HandOver.DEFERRED: sending.Event.NOT_HANDED_OVER,
            HandOver.REFUSED: sending.Event.REFUSED,
            HandOver.UNKNOWN: sending.Event.DOUBT,
        }
        async with self._store.act() as act:
            current = await act.one(Transmission, id=claimed.id)
            if current is None or current.state is not sending.State.SENDING:
                # Its receipt arrived while we were still noting the hand-over: that is worth more.
                return
            settled = replace(current, code=outcome.code, text=outcome.text[:100])
            await self._note(act, settled, events[outcome.result], outcome.result.value)

    async def _note(self, act: Act, transmission: Transmission, event: sending.Event, outcome: str) -> None:
        now = self._clock.now()
        changed = replace(transmission, state=sending.step(transmission.state, event))
        match event:
            case sending.Event.ACCEPTED:
                changed = replace(changed, handed_over_at=now)
            case sending.Event.NOT_HANDED_OVER:
                changed = replace(changed, next_at=next_attempt(now, changed.attempts))
            case sending.Event.DOUBT:
                changed = replace(changed, doubts=changed.doubts + 1, next_at=now + UNKNOWN_RETRY)
            case _:
                pass
        await act.save(changed)
        message = await act.one(Message, id=changed.message)
        await act.record(
            f"transmission.{event.value}",
            actor="gateway",
            request=message.request_hash if message else None,
            message=str(changed.message),
            partner=changed.partner,
            outcome=outcome,
            details={
                "attempt": changed.attempts,
                "doubts": changed.doubts,
                "code": changed.code,
                "envid": changed.envid,
            },
        )
        _log.info("transmission.noted", transmission=changed.id, transition=event.value, code=changed.code)
        if message is not None:
            await self._tell_request(act, message, changed, event)

    async def _tell_request(self, act: Act, message: Message, transmission: Transmission, event: sending.Event) -> None:
        events = {sending.Event.ACCEPTED: life.Event.HANDED_OVER, sending.Event.REFUSED: life.Event.DELIVERY_FAILED}
        partner = self._directory.find(transmission.partner)
        kind = KINDS.get(message.kind)
        if event not in events or kind is None or kind.subject is not Subject.REQUEST:
            return
        if partner is None or partner.role is not Role.CNAS or message.case_id is None:
            return
        await act.lock(message.case_id)
        request = await act.one(Request, site=self._party.site, hash=message.mic)
        if request is None:
            return
        changes: dict[str, Any] = {}
        if event is sending.Event.ACCEPTED and request.handed_over_at is None:
            changes["handed_over_at"] = transmission.handed_over_at
        await self._requests.advance(
            act, request, events[event], actor="gateway", partner=partner.id, message=str(message.id), **changes
        )
