"""Sends a mail again to whoever has not confirmed it: the same bytes, the same Message-ID, at a person's word.

The gateway never repeats a request by itself: whoever asks for it saw that no receipt came, and perhaps telephoned.
"""

from dataclasses import dataclass, replace

from gateway.domain import request as life
from gateway.domain.errors import NotAllowed, Unknown
from gateway.domain.parties import Party
from gateway.domain.rights import Right
from gateway.domain.transmission import TRANSITIONS, Event, State, step
from gateway.domain.words import Said, said
from gateway.ports import Clock
from gateway.services.rights import entitled
from gateway.storage import Act, Direction, Message, Request, Store, StoredEvidence, Transmission


@dataclass(frozen=True, slots=True, kw_only=True)
class Resent:
    """The message, and the partners to whom it goes again."""

    message: Message
    partners: tuple[str, ...]


class Resend:
    """The act."""

    def __init__(self, *, store: Store, clock: Clock, party: Party) -> None:
        self._store = store
        self._clock = clock
        self._party = party

    async def again(self, number: int, *, actor: str) -> Resent:
        """Queue a message of ours again for those who did not confirm it.

        Raises:
            Unknown: no such message of ours to a partner. NotAllowed: nobody is left who could need it, or it waits.
        """
        async with self._store.act() as act:
            await entitled(act, self._party, actor, Right.SEND)
            message = await act.one(Message, site=self._party.site, id=number, direction=Direction.OUT)
            # Receipts repeat themselves; what goes to our own people is no message of the protocol.
            rows = await act.all(Transmission, site=self._party.site, message=number, receipt=False)
            if message is None or not rows or ":" in message.partner:
                raise Unknown(kind=said("message envoyé"), ref=str(number))
            if message.case_id is not None:
                await act.lock(message.case_id)
                rows = await act.all(Transmission, site=self._party.site, message=number, receipt=False)
            lacking = await self._lacking(act, message, rows)
            chosen = [row for row in lacking if (row.state, Event.RESENT) in TRANSITIONS]
            why = await self._why_not(act, message, lacking, chosen)
            if why is not None:
                raise NotAllowed(act=said("renvoyer le message {number}", number=number), reason=why)
            for row in chosen:
                await self._queue(act, message, row, actor)
        return Resent(message=message, partners=tuple(row.partner for row in chosen))

    async def request(self, request_hash: str, *, actor: str) -> Resent:
        """The same for the message of a request.

        Raises:
            Unknown, NotAllowed.
        """
        async with self._store.view() as view:
            found = await view.all(Message, site=self._party.site, direction=Direction.OUT, mic=request_hash, limit=1)
        if not found:
            raise Unknown(kind=said("demande envoyée"), ref=request_hash[:12])
        return await self.again(found[0].id, actor=actor)

    async def _lacking(self, act: Act, message: Message, rows: tuple[Transmission, ...]) -> tuple[Transmission, ...]:
        """The copies of which nothing attests the reception."""
        found = await act.all(StoredEvidence, site=self._party.site, request_hash=message.mic)
        confirmed = {evidence.partner for evidence in found}
        return tuple(row for row in rows if row.state is not State.EVIDENCED and row.partner not in confirmed)

    async def _why_not(
        self, act: Act, message: Message, lacking: tuple[Transmission, ...], chosen: list[Transmission]
    ) -> Said | None:
        request = await act.one(Request, site=self._party.site, hash=message.mic)
        if request is not None and request.state not in life.UNANSWERED:
            return said("Cette demande est réglée ou remplacée.")
        if not lacking:
            return said("Chaque destinataire en a confirmé la réception.")
        if not chosen:
            return said("Il n'est pas encore parti ; gateway status dit ce qui attend.")
        return None

    async def _queue(self, act: Act, message: Message, row: Transmission, actor: str) -> None:
        again = replace(row, state=step(row.state, Event.RESENT), next_at=self._clock.now(), attempts=0, doubts=0)
        await act.save(again)
        await act.record(
            f"transmission.{Event.RESENT.value}",
            actor=actor,
            request=message.request_hash,
            message=str(message.id),
            partner=row.partner,
            outcome="same-bytes",
            details={"envid": row.envid, "former": row.state.value},
        )
