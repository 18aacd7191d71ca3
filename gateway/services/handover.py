"""Pays what readers are owed: a folder, a mail, a notice; and removes our copies when their time is over.

Outside of any act, since folders and keys are slow. Done again after a crash, it writes the same names with the same
content; a mail is queued once, in the commit that says so. What fails is tried again for ever, and told.
"""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import PurePath

import structlog

from gateway.domain import transmission as sending
from gateway.domain.days import PARIS
from gateway.domain.errors import DropRefused, GatewayError, StorageFailed
from gateway.domain.kinds import KINDS
from gateway.domain.parties import Party
from gateway.domain.readers import Reader, Share, State, Way
from gateway.domain.transmission import MAX_DOUBTS, next_attempt
from gateway.ports import DROP, Clock, Drop, DropFile
from gateway.services.cabinet import Cabinet
from gateway.services.excerpt import (
    LETTER,
    Excerpt,
    arrival_notice,
    excerpt,
    read_content,
    waiting_notice,
)
from gateway.services.reader_mail import ReaderPost
from gateway.services.readers import RETURNED_RETRY, Readers, record
from gateway.services.send import SPOOL
from gateway.storage import Act, Case, Message, ReaderHandover, Store, Transmission, VaultKey, View
from gateway.wire.payload import read_payload

_log = structlog.get_logger()

ALARM_AFTER = timedelta(hours=1)
"""How long a hand-over may fail for a reason that time may mend before it is an alarm; the others are at once."""

ERASE_RETRY = timedelta(hours=1)
"""How long a copy that could not be removed stays before the next try."""

_SETTLED = frozenset({sending.State.HANDED_OVER, sending.State.EVIDENCED})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Debt:
    """A hand-over with all that it needs."""

    row: ReaderHandover
    reader: Reader
    message: Message
    case: Case
    key: VaultKey

    @property
    def folder(self) -> str:
        """The name of its folder: the same at every try, never that of another hand-over."""
        day = f"{self.message.at.astimezone(PARIS):%Y-%m-%d}"
        if self.row.share is Share.NOTICE:
            return f"{day}_{self.case.ref}_avis-{self.message.id}"
        return f"{day}_{self.case.ref}_{KINDS[self.message.kind].number or self.message.kind}_{self.message.id}"


class Handovers:
    """One round at a time."""

    def __init__(
        self,
        *,
        store: Store,
        cabinet: Cabinet,
        readers: Readers,
        post: ReaderPost,
        drop: Drop,
        clock: Clock,
        party: Party,
        keep: timedelta,
    ) -> None:
        self._store = store
        self._cabinet = cabinet
        self._readers = readers
        self._post = post
        self._drop = drop
        self._clock = clock
        self._party = party
        self._keep = keep
        self._waiting_settled = False

    async def round(self) -> int:
        """Do what is due. Returns how many hand-overs were tried.

        Raises:
            StorageFailed: the database.
        """
        if not self._waiting_settled:
            # The configuration is read at start, so nobody new can be entitled before the next one.
            await self._readers.settle_waiting()
            self._waiting_settled = True
        now = self._clock.now()
        async with self._store.view() as view:
            rows = await view.all(
                ReaderHandover, site=self._party.site, state=(State.PENDING, State.QUEUED, State.FAILED)
            )
            done = await view.all(ReaderHandover, site=self._party.site, state=State.DONE)
        due = [row for row in rows if row.transmission is None and row.due_at <= now]
        for row in due:
            await self._guarded(row, self._pay(row))
        for row in rows:
            if row.transmission is not None:
                await self._guarded(row, self._follow(row, row.transmission))
        for row in done:
            if row.handed_at is not None and row.handed_at + self._keep <= now and row.due_at <= now:
                await self._erase(row)
        return len(due)

    # --- paying

    async def _pay(self, row: ReaderHandover) -> None:
        async with self._store.view() as view:
            debt = await self._debt(view, row)
        if debt is None:
            await self._release(row)
        elif debt.reader.way is Way.FOLDER:
            found = await self._excerpt(debt)
            files = [DropFile(name=LETTER, data=found.letter.encode())]
            files += [DropFile(name=file.name, data=file.data) for file in found.files]
            await self._drop.put(debt.reader.place, debt.folder, files)
            place = str(PurePath(debt.reader.place, debt.folder))
            await self._done(row, at=self._clock.now(), way=Way.FOLDER, place=place)
        else:
            await self._post_it(debt)

    async def _post_it(self, debt: _Debt) -> None:
        """Seal outside of the act; then queue, unless something happened to the debt meanwhile."""
        now = self._clock.now()
        if debt.reader.way is Way.NOTICE:
            mail = self._post.notice(debt.reader, self._notice(debt), debt.case, at=now)
        else:
            async with self._store.view() as view:
                recipient = await self._post.key(view, debt.reader)
            mail = await self._post.sealed(recipient, await self._excerpt(debt), debt.case, at=now)
        async with self._store.act() as act:
            await act.lock(debt.case.id)
            current = await act.one(ReaderHandover, id=debt.row.id)
            if current != debt.row:
                return
            transmission = await self._post.queue(act, mail, debt.reader, debt.message, debt.key, now=now)
            await act.save(replace(current, state=State.QUEUED, way=debt.reader.way, transmission=transmission.id))

    async def _debt(self, view: View, row: ReaderHandover) -> _Debt | None:
        """What a hand-over needs; None when it is owed no more: reader gone, no physician now, case forgotten."""
        message = await view.one(Message, id=row.message)
        case = None if message is None else await view.one(Case, id=message.case_id)
        if message is None or case is None:
            raise LookupError("a hand-over without its message")
        reader = self._readers.readership.find(row.reader)
        key = await self._cabinet.case_key(view, case)
        if reader is None or key.destroyed_at is not None or (row.share is Share.WHOLE and not reader.medical):
            return None
        return _Debt(row=row, reader=reader, message=message, case=case, key=key)

    def _notice(self, debt: _Debt) -> Excerpt:
        make = waiting_notice if debt.row.share is Share.NOTICE else arrival_notice
        return make(debt.message, debt.case)

    async def _excerpt(self, debt: _Debt) -> Excerpt:
        """The reader's share of the content; for some only the notice that there is a mail."""
        if debt.row.share is Share.NOTICE:
            return self._notice(debt)
        async with self._store.view() as view:
            entity = await self._cabinet.get(view, debt.message.entity or "")
            others = await view.all(ReaderHandover, message=debt.message.id, share=Share.WHOLE)
        payload = await asyncio.to_thread(read_payload, entity)
        content = read_content(KINDS[debt.message.kind], payload)
        waits = any(row.state is State.WAITING for row in others)
        return excerpt(content, debt.row.share, debt.message, debt.case, waits=waits)

    # --- a mail in the outbox

    async def _follow(self, row: ReaderHandover, transmission_id: int) -> None:
        async with self._store.view() as view:
            mail = await view.one(Transmission, id=transmission_id)
        if mail is None:
            raise LookupError("a hand-over without its transmission")
        lost = mail.state is sending.State.UNKNOWN and mail.doubts >= MAX_DOUBTS
        if mail.state in _SETTLED:
            await self._done(row, at=mail.handed_over_at or self._clock.now(), way=row.way, place=None)
        elif mail.state is sending.State.REFUSED or lost:
            # Twice is better than never: it goes again as a mail of its own.
            await self._failed(row, f"transmission-{mail.state.value}", again=RETURNED_RETRY)
        elif mail.state is sending.State.HELD:
            await self._seal_again(row, mail)
            if row.state is State.QUEUED or row.due_at <= self._clock.now():
                await self._failed(row, "transmission-held", hopeful=True)

    async def _seal_again(self, row: ReaderHandover, held: Transmission) -> None:
        """For another key that came into force: the outbox then lets it go by itself.

        Raises:
            KeyFault, MailTooLarge: it stays held.
        """
        async with self._store.view() as view:
            debt, sent = await self._debt(view, row), await view.one(Message, id=held.message)
            if debt is None or sent is None or held.fingerprint is None:
                return
            if await self._post.fingerprint(view, debt.reader) in {None, held.fingerprint}:
                return
            recipient = await self._post.key(view, debt.reader)
        mail = await self._post.sealed(
            recipient, await self._excerpt(debt), debt.case, at=sent.at, message_id=sent.message_id
        )
        file = await self._cabinet.put(mail.data, debt.key)
        async with self._store.act() as act:
            await act.lock(debt.case.id)
            if await act.one(Transmission, id=held.id) != held:
                return
            await act.add(file)
            await act.save(replace(sent, mic=mail.mic))
            await act.save(replace(held, file=file.name, fingerprint=mail.fingerprint, next_at=self._clock.now()))
            await self._cabinet.destroy(act, held.file)

    # --- what became of it

    async def _guarded(self, row: ReaderHandover, work: Awaitable[None]) -> None:
        """Let one failure concern one hand-over; a database that fails concerns all."""
        try:
            await work
        except GatewayError as error:
            if isinstance(error, StorageFailed) and error.fields["place"] not in {SPOOL, DROP}:
                raise
            await self._failed(row, error.code, hopeful=error.retry)
        except (LookupError, ValueError) as error:
            # A defect of ours on one hand-over must not keep the others.
            _log.error("handover.defect", handover=row.id, error=type(error).__name__)
            await self._failed(row, type(error).__name__)

    async def _done(self, row: ReaderHandover, *, at: datetime, way: Way | None, place: str | None) -> None:
        """Whatever happened to the debt meanwhile: the reader has it."""
        async with self._store.act() as act:
            current, message, case = await self._locked(act, row)
            if current.state in {State.DONE, State.ERASED}:
                return
            done = replace(
                current,
                state=State.DONE,
                way=way,
                place=place,
                handed_at=at,
                due_at=at,
                failing_since=None,
                alarmed=False,
            )
            await record(act, "handover.done", done, message, case, details={"failures": current.attempts})
            await act.save(done)
        _log.info("handover.done", handover=row.id)

    async def _failed(
        self, row: ReaderHandover, code: str, *, hopeful: bool = False, again: timedelta | None = None
    ) -> None:
        """Try later; ``hopeful``: time may mend it; ``again``: by a new mail, after so long."""
        now = self._clock.now()
        async with self._store.act() as act:
            current, message, case = await self._locked(act, row)
            if current != row:
                return
            since = current.failing_since or now
            told = current.alarmed or not hopeful or now - since >= ALARM_AFTER
            if current.state is not State.FAILED:
                await record(act, "handover.failed", current, message, case, outcome=code)
            if told and not current.alarmed:
                await record(act, "alarm.handover_failed", current, message, case, outcome=code)
            await act.save(
                replace(
                    current,
                    state=State.FAILED,
                    attempts=current.attempts + 1,
                    failing_since=since,
                    alarmed=told,
                    due_at=now + again if again else next_attempt(now, current.attempts + 1),
                    transmission=None if again else current.transmission,
                )
            )
        _log.warning("handover.failed", handover=row.id, reason=code)

    async def _release(self, row: ReaderHandover) -> None:
        """Owed to this reader no more: it waits for another, unless there is nothing left to hand over."""
        async with self._store.act() as act:
            current, message, case = await self._locked(act, row)
            if current != row:
                return
            await record(act, "handover.cancelled", current, message, case)
            forgotten = (await self._cabinet.case_key(act, case)).destroyed_at is not None
            state = State.CANCELLED if forgotten or row.share is Share.NOTICE else State.WAITING
            freed = replace(current, state=state, attempts=0, failing_since=None, alarmed=False)
            if state is State.WAITING:
                freed = replace(freed, reader=None, way=None)
                await record(act, "handover.waiting", freed, message, case)
            await act.save(freed)
        self._waiting_settled = False

    async def _erase(self, row: ReaderHandover) -> None:
        """Our copies go; the message itself stays in the vault until its case is forgotten."""
        try:
            if row.place is not None:
                place = PurePath(row.place)
                await self._drop.remove(str(place.parent), place.name)
            async with self._store.act() as act:
                current, message, case = await self._locked(act, row)
                if current != row:
                    return
                mail = await act.one(Transmission, id=row.transmission) if row.transmission else None
                if mail is not None:
                    await self._cabinet.destroy(act, mail.file)
                await record(act, "handover.erased", current, message, case)
                await act.save(replace(current, state=State.ERASED, alarmed=False))
        except (DropRefused, StorageFailed) as error:
            if isinstance(error, StorageFailed) and error.fields["place"] not in {SPOOL, DROP}:
                raise
            await self._not_erased(row, error.code)

    async def _not_erased(self, row: ReaderHandover, code: str) -> None:
        async with self._store.act() as act:
            current, message, case = await self._locked(act, row)
            if current != row:
                return
            if not current.alarmed:
                await record(act, "alarm.handover_not_erased", current, message, case, outcome=code)
            await act.save(replace(current, alarmed=True, due_at=self._clock.now() + ERASE_RETRY))

    async def _locked(self, act: Act, row: ReaderHandover) -> tuple[ReaderHandover, Message, Case]:
        """The row again, under its case's lock, with what it is about."""
        message = await act.one(Message, id=row.message)
        if message is None or message.case_id is None:
            raise LookupError("a hand-over without its message")
        await act.lock(message.case_id)
        current, case = await act.one(ReaderHandover, id=row.id), await act.one(Case, id=message.case_id)
        if current is None or case is None:
            raise LookupError("a hand-over without its case")
        return current, message, case
