"""Who is owed what of a message: written in the act that records it, or when a person names the physician of a case.

A share that nobody may have yet is a debt without a reader; it finds one as soon as the configuration or a person
names somebody. The debts are paid elsewhere, outside of any act.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from gateway.domain.errors import NotAllowed, Unknown
from gateway.domain.kinds import KINDS, Kind
from gateway.domain.parties import Directory, Party, Role
from gateway.domain.readers import PREFIX, Readership, Share, State
from gateway.domain.rights import Right
from gateway.domain.words import said
from gateway.ports import Clock
from gateway.services.cases import find_case
from gateway.services.rights import entitled
from gateway.storage import Act, Case, Detail, Direction, Message, ReaderHandover, Store, Transmission, View

_OPEN = frozenset({State.WAITING, State.PENDING, State.FAILED})

RETURNED_RETRY = timedelta(days=1)
"""A mail that a reader's mailbox refused goes again a day later: its owner needs time to make room."""


class Readers:
    """Debts towards readers of our own party."""

    def __init__(
        self, *, store: Store, clock: Clock, party: Party, directory: Directory, readership: Readership
    ) -> None:
        self._store = store
        self._clock = clock
        self._party = party
        self._directory = directory
        self.readership = readership

    async def owe(self, act: Act, case: Case, message: Message, kind: Kind, sender: Role, *, medical: bool) -> None:
        """Write what each reader must get of a received message, in the act that records it."""
        for due in self.readership.shares(kind, sender, medical=medical, physician=case.physician):
            row = await act.add(self._row(message, due.reader, due.share))
            if due.reader is None:
                await record(act, "handover.waiting", row, message, case)

    async def assign(self, ref: str, reader_id: str, *, actor: str) -> Case:
        """Name the physician of a case: they get what waits, and what a former one got; the former gets no more.

        Raises:
            Unknown: no such case or reader. NotAllowed: the reader is no physician.
        """
        reader = self.readership.find(reader_id)
        if reader is None:
            raise Unknown(kind=said("lecteur"), ref=reader_id[:40])
        if not reader.medical:
            reason = said("Ce lecteur n'a pas de fonction médicale.")
            raise NotAllowed(act=said("confier le dossier {ref}", ref=ref), reason=reason)
        async with self._store.act() as act:
            await entitled(act, self._party, actor, Right.SEND)
            case = await find_case(act, self._party.site, ref)
            await act.lock(case.id)
            case = await act.one(Case, id=case.id) or case
            former = case.physician
            case = await act.save(replace(case, physician=reader.id))
            details = {"reader": reader.name, "former": f"{PREFIX}{former}" if former else None}
            await act.record("case.assigned", actor=actor, case=case.ref, outcome="assigned", details=details)
            for message in await act.all(Message, site=self._party.site, case_id=case.id, direction=Direction.IN):
                await self._entrust(act, case, message, reader.id)
        return case

    async def settle_waiting(self) -> None:
        """Give what waits to whoever may have it by now."""
        async with self._store.view() as view:
            waiting = await view.all(ReaderHandover, site=self._party.site, state=State.WAITING)
            found = [row for row in waiting if await self._somebody(view, row)]
        for row in found:
            async with self._store.act() as act:
                await self._settle(act, row)

    async def _somebody(self, view: View, row: ReaderHandover) -> bool:
        message = await view.one(Message, id=row.message)
        case = None if message is None else await view.one(Case, id=message.case_id)
        return message is not None and case is not None and bool(self._entitled(message, case, row.share))

    async def _settle(self, act: Act, seen: ReaderHandover) -> None:
        message = await act.one(Message, id=seen.message)
        if message is None or message.case_id is None:
            raise LookupError("a hand-over without its message")
        await act.lock(message.case_id)
        case, row = await act.one(Case, id=message.case_id), await act.one(ReaderHandover, id=seen.id)
        if case is None or row is None or row.state is not State.WAITING:
            return
        for reader_id in self._entitled(message, case, row.share):
            await self._promise(act, message, reader_id, row.share)
        await act.save(replace(row, state=State.CANCELLED))

    async def _entrust(self, act: Act, case: Case, message: Message, reader_id: str) -> None:
        """The whole of a message goes to this physician, if it was for physicians and the texts send it to them."""
        rows = await act.all(ReaderHandover, site=self._party.site, message=message.id, share=Share.WHOLE)
        if not rows or reader_id not in self._entitled(message, case, Share.WHOLE):
            return
        for row in rows:
            # What is sealed already is on its way.
            unsent = row.state in _OPEN and row.transmission is None
            if unsent and row.reader not in self._entitled(message, case, Share.WHOLE):
                await act.save(replace(row, state=State.CANCELLED))
                if row.reader is not None:
                    await record(act, "handover.cancelled", row, message, case)
        await self._promise(act, message, reader_id, Share.WHOLE)

    def _entitled(self, message: Message, case: Case, share: Share) -> tuple[str, ...]:
        """Who must have this share of a message now."""
        kind, sender = KINDS.get(message.kind), self._directory.find(message.partner)
        if kind is None or sender is None:
            return ()
        dues = self.readership.shares(kind, sender.role, medical=share is Share.WHOLE, physician=case.physician)
        return tuple(due.reader for due in dues if due.share is share and due.reader is not None)

    async def _promise(self, act: Act, message: Message, reader_id: str, share: Share) -> None:
        """Owe it, once: whoever has it or will get it already needs no other."""
        known = await act.one(ReaderHandover, site=self._party.site, message=message.id, reader=reader_id, share=share)
        if known is None:
            await act.add(self._row(message, reader_id, share))
        elif known.state is State.CANCELLED:
            await act.save(replace(self._row(message, reader_id, share), id=known.id))

    def _row(self, message: Message, reader_id: str | None, share: Share) -> ReaderHandover:
        reader = self.readership.find(reader_id)
        return ReaderHandover(
            site=self._party.site,
            message=message.id,
            reader=reader_id,
            share=share,
            way=reader.way if reader else None,
            state=State.PENDING if reader else State.WAITING,
            due_at=self._clock.now(),
        )


async def record(
    act: Act,
    event: str,
    row: ReaderHandover,
    message: Message,
    case: Case | None,
    *,
    outcome: str | None = None,
    details: Mapping[str, Detail] | None = None,
) -> None:
    """One audit record about a hand-over: reader, message and share, never a name or a word of its content."""
    await act.record(
        event,
        actor="gateway",
        case=case.ref if case else None,
        request=message.request_hash,
        message=str(message.id),
        partner=f"{PREFIX}{row.reader}" if row.reader else None,
        outcome=outcome or row.share.value,
        details={"share": row.share.value, "way": row.way.value if row.way else None, **(details or {})},
    )


async def returned(act: Act, transmission: Transmission, now: datetime) -> None:
    """A reader's mail came back: it was not handed over, whatever the server said first."""
    row = await act.one(ReaderHandover, transmission=transmission.id)
    message = None if row is None else await act.one(Message, id=row.message)
    if row is None or message is None or row.state not in {State.QUEUED, State.DONE}:
        return
    case = await act.one(Case, id=message.case_id)
    await record(act, "alarm.handover_failed", row, message, case, outcome="returned")
    failing = replace(row, state=State.FAILED, transmission=None, handed_at=None, alarmed=True)
    await act.save(replace(failing, failing_since=row.failing_since or now, due_at=now + RETURNED_RETRY))
