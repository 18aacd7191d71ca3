"""Drains the outbox: hands sealed bytes over, notes the outcome, tries again, or leaves it to a person.

``sending`` is committed before the first byte leaves. What was ``sending`` when the process died is an unknown outcome:
it waits fifteen minutes for evidence, then the same bytes go out once more, then a person decides. What cannot go (its
key is no longer good, its file does not open) is held and told, and leaves by itself when the obstacle is gone.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from itertools import zip_longest

import structlog

from gateway.domain import request as life
from gateway.domain import transmission as sending
from gateway.domain.errors import KeyFault, KeyMissing, MailTooLarge, ServerError, StorageFailed, Unknown, VaultClosed
from gateway.domain.kinds import KINDS, Subject
from gateway.domain.parties import Directory, Partner, Party, Role
from gateway.domain.transmission import HELD_RETRY, MAX_DOUBTS, UNKNOWN_RETRY, next_attempt
from gateway.domain.words import said
from gateway.ports import Clock, Courier, Envelope, HandOver, HandOverOutcome, PublicKey, Sealer, SpoolFile
from gateway.services.cabinet import Cabinet
from gateway.services.compose import Composer, current_pins
from gateway.services.departure import Departures
from gateway.services.leases import Alone, Turns
from gateway.services.one_ahead import OneAhead
from gateway.services.requests import Requests
from gateway.storage import Act, Case, Message, Pin, Request, Store, Transmission

_log = structlog.get_logger()

BATCH = 50
"""Transmissions looked at in one round; the rest wait for the next, which follows at once."""

_EVENTS = {
    HandOver.ACCEPTED: sending.Event.ACCEPTED,
    HandOver.DEFERRED: sending.Event.NOT_HANDED_OVER,
    HandOver.REFUSED: sending.Event.REFUSED,
    HandOver.UNKNOWN: sending.Event.DOUBT,
}
_HOLDING = frozenset({sending.Event.KEY_REFUSED, sending.Event.UNREADABLE})
_FASTER = {sending.State.EVIDENCED: "after-evidence", sending.State.RETURNED: "after-return"}
"""What may be known of a mail before the answer of our own server: its receipt, or the report that it failed."""

_STOPPED = HandOverOutcome(result=HandOver.DEFERRED, code=None, text="stopped")
_FILE_FAULTS = (Unknown, VaultClosed, StorageFailed)
"""What the cabinet raises for a file that does not open; a StorageFailed may also be the database's."""

SPOOL = "spool"
"""The place that the vault names in a StorageFailed of its own."""


class Sender:
    """One round of the outbox at a time."""

    def __init__(
        self,
        *,
        store: Store,
        cabinet: Cabinet,
        composer: Composer,
        courier: Courier,
        sealer: Sealer,
        requests: Requests,
        clock: Clock,
        party: Party,
        directory: Directory,
        turns: Turns | None = None,
    ) -> None:
        self._turns = turns or Alone(store)
        self._under_way: set[int] = set()
        self._store = store
        self._cabinet = cabinet
        self._composer = composer
        self._courier = courier
        self._sealer = sealer
        self._requests = requests
        self._departures = Departures(party=party, directory=directory, requests=requests)
        self._clock = clock
        self._party = party
        self._directory = directory
        self._looked: dict[int, str | None] = {}
        """By held transmission: the key in force when it was last looked at in vain."""

    async def recover(self, act: Act, living: frozenset[str]) -> int:
        """What is ``sending`` by no gateway that lives has an unknown outcome. Returns how many."""
        found = await act.all(Transmission, site=self._party.site, state=sending.State.SENDING)
        left = [each for each in found if each.claimed_by not in living or self._gave_up(each)]
        for transmission in left:
            await self._note(act, transmission, sending.Event.DOUBT, "interrupted")
        return len(left)

    def _gave_up(self, claimed: Transmission) -> bool:
        """Ours, and its outcome could not be noted."""
        return claimed.claimed_by == self._turns.holder and claimed.id not in self._under_way

    async def round(self) -> int:
        """Hand over what is ready. Returns how many were tried.

        Raises:
            ServerError: the server is out of reach; nothing was handed over in that last try.
        """
        async with self._store.view() as view:
            states = (sending.State.UNKNOWN, sending.State.HELD)
            waiting = await view.all(Transmission, site=self._party.site, state=states)
        await self._retry_doubts([each for each in waiting if each.state is sending.State.UNKNOWN])
        await self._look_at_held([each for each in waiting if each.state is sending.State.HELD])
        async with self._store.view() as view:
            ready = await view.sendable(self._party.site, self._clock.now(), BATCH)
        # One is handed over, to its end, before the next is claimed: a process that dies leaves one in doubt at most.
        async with OneAhead(self._read) as files:
            for transmission, following in zip_longest(ready, ready[1:]):
                self._under_way.add(transmission.id)
                try:
                    await self._send(transmission, following, files)
                finally:
                    self._under_way.discard(transmission.id)
        return len(ready)

    async def wait(self, seconds: float) -> None:
        """Until there is something new to hand over, or the time is over: a command's process posts unheard."""
        await self._store.wait_for_post(seconds)

    # --- one transmission

    async def _send(
        self, transmission: Transmission, following: Transmission | None, files: OneAhead[str, bytes]
    ) -> None:
        partner = self._directory.find(transmission.partner)
        if partner is None:
            await self._hold(transmission, sending.Event.KEY_REFUSED, "partner-unknown")
            return
        refusal = await self._key_refusal(transmission, partner)
        if refusal is not None:
            await self._hold(transmission, sending.Event.KEY_REFUSED, refusal)
            return
        try:
            data = await files.of(transmission.file) or await self._read(transmission.file)
        except _FILE_FAULTS as error:
            if not _concerns_one(error):
                raise
            await self._hold(transmission, sending.Event.UNREADABLE, error.code)
            return
        if following is not None:
            files.begin(following.file)
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
        await self._hand_over(claimed, envelope)

    async def _hand_over(self, claimed: Transmission, envelope: Envelope) -> None:
        try:
            outcome = await self._courier.hand_over(envelope)
        except ServerError as error:
            await self._settle_to_the_end(
                claimed, HandOverOutcome(result=HandOver.DEFERRED, code=None, text=error.code)
            )
            raise
        except asyncio.CancelledError:
            # The courier lets a cancellation through only before the content: nothing was handed over, that is certain.
            await self._settle_to_the_end(claimed, _STOPPED)
            raise
        await self._settle_to_the_end(claimed, outcome)

    async def _key_refusal(self, transmission: Transmission, partner: Partner) -> str | None:
        """Why the key to which it is sealed is no longer good; None when it is."""
        if transmission.fingerprint is None:
            return None
        async with self._store.view() as view:
            pin = (await current_pins(view, self._party.site)).get(partner.id)
        if pin is None or pin.fingerprint != transmission.fingerprint:
            return "key-retired"
        try:
            await self._sealer.check(_key(partner, pin), partner=partner.id)
        except KeyFault as error:
            return error.code
        return None

    async def _read(self, name: str) -> bytes:
        async with self._store.view() as view:
            return await self._cabinet.get(view, name)

    async def _hold(self, transmission: Transmission, event: sending.Event, reason: str) -> None:
        async with self._store.act() as act:
            current = await self._unchanged(act, transmission)
            if current is not None:
                await self._note(act, current, event, reason)

    async def _unchanged(self, act: Act, seen: Transmission) -> Transmission | None:
        """The row again, inside the act and under its case's lock; None when anything happened to it since."""
        current = await self._locked(act, seen)
        return current if current == seen else None

    async def _locked(self, act: Act, seen: Transmission) -> Transmission | None:
        message = await act.one(Message, id=seen.message)
        if message is not None and message.case_id is not None:
            await act.lock(message.case_id)
        return await act.one(Transmission, id=seen.id)

    async def _claim(self, act: Act, transmission: Transmission) -> Transmission | None:
        """Read again inside the act: evidence may have settled it, or another process taken it."""
        await self._turns.check_member(act)
        current = await self._unchanged(act, transmission)
        if current is None:
            return None
        state, who = sending.step(current.state, sending.Event.CLAIMED), self._turns.holder
        return await act.save(replace(current, state=state, attempts=current.attempts + 1, claimed_by=who))

    # --- what became of it

    async def _settle_to_the_end(self, claimed: Transmission, outcome: HandOverOutcome) -> None:
        """Note the outcome even while we are being stopped: a certain outcome that is lost becomes a doubt."""
        noting = asyncio.ensure_future(self._settle(claimed, outcome))
        try:
            await asyncio.shield(noting)
        except asyncio.CancelledError:
            await asyncio.wait({noting})
            fault = None if noting.cancelled() else noting.exception()
            if fault is not None:
                # It stays « sending », which the next start takes for a doubt; the stop itself goes on.
                _log.warning("transmission.not_noted", transmission=claimed.id, error=type(fault).__name__)
            raise

    async def _settle(self, claimed: Transmission, outcome: HandOverOutcome) -> None:
        async with self._store.act() as act:
            current = await self._locked(act, claimed)
            if current is None:
                return
            settled = replace(current, code=outcome.code, text=outcome.text[:100])
            if current.state is sending.State.SENDING:
                await self._note(act, settled, _EVENTS[outcome.result], outcome.result.value)
            elif current.state in _FASTER and outcome.result is HandOver.ACCEPTED:
                # That is worth more than the state that we would note, but we know now when it left.
                at = settled.handed_over_at or self._clock.now()
                outcome_told = _FASTER[current.state]
                await self._record(act, replace(settled, handed_over_at=at), sending.Event.ACCEPTED, outcome_told)

    async def _note(self, act: Act, transmission: Transmission, event: sending.Event, outcome: str) -> None:
        now = self._clock.now()
        changed = replace(transmission, state=sending.step(transmission.state, event))
        match event:
            case sending.Event.ACCEPTED:
                # The same bytes again change nothing of when they first left.
                changed = replace(changed, handed_over_at=changed.handed_over_at or now)
            case sending.Event.NOT_HANDED_OVER:
                changed = replace(changed, next_at=next_attempt(now, changed.attempts))
            case sending.Event.DOUBT:
                changed = replace(changed, doubts=changed.doubts + 1, next_at=now + UNKNOWN_RETRY)
            case sending.Event.UNREADABLE:
                changed = replace(changed, next_at=now + HELD_RETRY)
            case sending.Event.KEY_REFUSED | sending.Event.RELEASED:
                # The partner may have another key already: a held mail is looked at again at once.
                changed = replace(changed, next_at=now)
            case _:
                pass
        await self._record(act, changed, event, outcome)

    async def _record(self, act: Act, changed: Transmission, event: sending.Event, outcome: str) -> None:
        await act.save(changed)
        message = await act.one(Message, id=changed.message)
        names = [f"transmission.{event.value}"]
        if event in _HOLDING:
            names.append("alarm.transmission_held")
        if event is sending.Event.DOUBT and changed.doubts >= MAX_DOUBTS:
            names.append("alarm.transmission_doubtful")
        for name in names:
            await act.record(
                name,
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
        partner = self._directory.find(transmission.partner)
        kind = KINDS.get(message.kind)
        told = event in {sending.Event.ACCEPTED, sending.Event.REFUSED}
        if not told or kind is None or kind.subject is not Subject.REQUEST:
            return
        if partner is None or partner.role is not Role.CNAS or message.case_id is None:
            return
        request = await act.one(Request, site=self._party.site, hash=message.mic)
        if request is None:
            return
        if event is sending.Event.ACCEPTED:
            await self._departures.taken(act, request, message, transmission)
            return
        await self._requests.advance(
            act, request, life.Event.DELIVERY_FAILED, actor="gateway", partner=partner.id, message=str(message.id)
        )

    # --- what waits

    async def _retry_doubts(self, doubtful: Sequence[Transmission]) -> None:
        now = self._clock.now()
        for transmission in doubtful:
            if transmission.doubts < MAX_DOUBTS and transmission.next_at <= now:
                async with self._store.act() as act:
                    current = await self._unchanged(act, transmission)
                    if current is not None:
                        await self._note(act, current, sending.Event.RETRIED, "same-bytes-again")

    async def _look_at_held(self, held: Sequence[Transmission]) -> None:
        """Try again what was held: when another key came into force since the last look, else from time to time."""
        self._looked = {each.id: self._looked[each.id] for each in held if each.id in self._looked}
        if not held:
            return
        now = self._clock.now()
        async with self._store.view() as view:
            pins = await current_pins(view, self._party.site)
        for transmission in held:
            partner, pin = self._directory.find(transmission.partner), pins.get(transmission.partner)
            in_force = pin.fingerprint if pin is not None else None
            another_key = self._looked.get(transmission.id, in_force) != in_force
            if partner is None or not (transmission.next_at <= now or another_key):
                continue
            try:
                await self._release(transmission, partner, pin)
            except (KeyFault, MailTooLarge, *_FILE_FAULTS) as error:
                if not _concerns_one(error):
                    raise
                _log.info("transmission.still_held", transmission=transmission.id, reason=error.code)
                self._looked[transmission.id] = in_force
                await self._look_later(transmission)

    async def _look_later(self, transmission: Transmission) -> None:
        async with self._store.act() as act:
            current = await self._unchanged(act, transmission)
            if current is not None:
                await act.save(replace(current, next_at=self._clock.now() + HELD_RETRY))

    async def _release(self, held: Transmission, partner: Partner, pin: Pin | None) -> None:
        """Ready again: with the same bytes, or sealed to the partner's other key.

        Raises:
            KeyFault, MailTooLarge, Unknown, VaultClosed, StorageFailed: it stays held.
        """
        file = None
        if held.fingerprint is not None:
            if pin is None:
                raise KeyMissing(partner=partner.id)
            await self._sealer.check(_key(partner, pin), partner=partner.id)
            if pin.fingerprint != held.fingerprint:
                file = await self._resealed(held, partner, pin)
        if file is None:
            await self._read(held.file)
        async with self._store.act() as act:
            current = await self._unchanged(act, held)
            if current is None:
                return
            if file is not None and pin is not None:
                await act.add(file)
                current = replace(current, file=file.name, fingerprint=pin.fingerprint)
            outcome = "same-bytes" if file is None else "sealed-again"
            await self._note(act, current, sending.Event.RELEASED, outcome)

    async def _resealed(self, held: Transmission, partner: Partner, pin: Pin) -> SpoolFile:
        """The same entity for another key, written under the case's key; its row is added by the act that releases."""
        async with self._store.view() as view:
            message = await view.one(Message, id=held.message)
            case = None if message is None else await view.one(Case, id=message.case_id)
            if message is None or message.entity is None or case is None:
                raise Unknown(kind=said("entité"), ref=str(held.message))
            vault_key = await self._cabinet.case_key(view, case)
            entity = await self._cabinet.get(view, message.entity)
        data = await self._composer.reseal(entity, message, case, partner, _key(partner, pin))
        return await self._cabinet.put(data, vault_key)


def _key(partner: Partner, pin: Pin) -> PublicKey:
    return PublicKey(suite=partner.suite, fingerprint=pin.fingerprint, material=pin.material)


def _concerns_one(error: Exception) -> bool:
    """False for a database that fails: that concerns every mail, so it stops the round."""
    return not isinstance(error, StorageFailed) or error.fields["place"] == SPOOL
