"""Copies that the texts demand and an author forgot: noticed in the act that takes the message, repaired afterwards.

A repaired copy is the message as its author signed it, inside a sealed mail of ours: shown, never acted on. Each is
sent once, sealed outside any act, by the gateway alone.
"""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

import structlog

from gateway.domain import request as life
from gateway.domain.copies import forgotten, may_repair
from gateway.domain.errors import DeskError, KeyFault, MailRefused, StorageFailed, VaultClosed
from gateway.domain.kinds import EXTENSION_REGULARISATION, KINDS, REPAIRED_COPY, Kind, Subject
from gateway.domain.parties import Directory, Partner, Party
from gateway.ports import Clock, Opener
from gateway.services.cabinet import Cabinet
from gateway.services.compose import Composer, Draft, current_pins
from gateway.storage import Act, Case, Direction, Mail, Message, OwedCopy, Request, Store, View
from gateway.wire.compose import fits_verbatim
from gateway.wire.incoming import COPY
from gateway.wire.payload import Attachment

_log = structlog.get_logger()

NOT_ADDRESSED = "not-addressed"
"""Why a copy is owed: the author's signed recipients do not name this partner."""

UNSEEN = "answer-unseen"
"""Why a copy is owed: the hospital states that nobody answered, and we hold an answer."""

UNANSWERED = frozenset({*life.UNANSWERED, life.State.TACITLY_ACCEPTED})
"""States of a request, as its hospital tells them, in which it knows of no answer."""

_FAULTS = (KeyFault, DeskError, MailRefused, VaultClosed)
"""What keeps one copy from being sealed, and no other."""


async def owe_forgotten(
    act: Act,
    kind: Kind,
    author: Partner,
    *,
    reached: Collection[str],
    case: Case,
    message: Message,
    us: Party,
    directory: Directory,
    at: datetime,
) -> None:
    """Compare whom a message reached (partner ids) with whom the texts name, in the caller's act."""
    if kind is REPAIRED_COPY:
        return
    for partner in forgotten(kind, author, hospital=case.hospital, reached=reached, directory=directory):
        ours = may_repair(us.role, partner)
        if ours:
            await _owe(act, message, partner, NOT_ADDRESSED, at)
        await act.record(
            "copy.forgotten",
            actor="gateway",
            case=case.ref,
            request=message.request_hash,
            message=str(message.id),
            partner=partner.id,
            outcome="owed" if ours else "not-ours-to-send",
            details={"author": author.id, "kind": kind.id},
        )


async def owe_unseen_answer(
    act: Act,
    request: Request,
    case: Case,
    hospital: Partner,
    *,
    told_at: datetime,
    ends_at: datetime | None,
    at: datetime,
) -> None:
    """At the CNSE: the hospital told us at ``told_at`` that nobody answered; what we hold in time goes to it."""
    for message in await act.all(Message, site=request.site, direction=Direction.IN, request_hash=request.hash):
        if not _is_answer(message):
            continue
        mails = await _mails(act, message)
        came = min((mail.received_earliest or mail.recorded_at for mail in mails), default=message.at)
        if came >= told_at or (ends_at is not None and min(came, message.at) >= ends_at):
            continue
        if await act.one(OwedCopy, site=request.site, message=message.id, partner=hospital.id) is not None:
            continue
        await _owe(act, message, hospital, UNSEEN, at)
        await act.record(
            "copy.answer_unseen",
            actor="gateway",
            case=case.ref,
            request=request.hash,
            message=str(message.id),
            partner=hospital.id,
            outcome="owed",
        )


async def _owe(act: Act, message: Message, partner: Partner, reason: str, at: datetime) -> None:
    await act.add(OwedCopy(site=message.site, message=message.id, partner=partner.id, reason=reason, noticed_at=at))


class CopyRepair:
    """Seals and queues the copies that are owed."""

    def __init__(
        self,
        *,
        store: Store,
        cabinet: Cabinet,
        composer: Composer,
        opener: Opener,
        clock: Clock,
        party: Party,
    ) -> None:
        self._store = store
        self._cabinet = cabinet
        self._composer = composer
        self._opener = opener
        self._clock = clock
        self._party = party
        self._told: set[int] = set()

    async def round(self) -> int:
        """Look once at every copy that is owed. Returns how many were queued.

        Raises:
            StorageFailed: the disk refuses; nothing is lost.
        """
        async with self._store.view() as view:
            owed = await view.all(OwedCopy, site=self._party.site, settled_at=None)
        return sum([await self._repair(copy) for copy in owed])

    async def _repair(self, owed: OwedCopy) -> bool:
        async with self._store.view() as view:
            message = await view.one(Message, id=owed.message)
            case = await view.one(Case, id=message.case_id) if message is not None else None
        if message is None or case is None:
            raise LookupError("a copy is owed of a message without its case")
        try:
            await self._seal_and_queue(owed, message, case)
        except StorageFailed:
            raise
        except _FAULTS as error:
            await self._cannot(owed, message, case, error.code)
            return False
        self._told.discard(owed.id)
        return True

    async def _seal_and_queue(self, owed: OwedCopy, message: Message, case: Case) -> None:
        whole = await self._signed(message)
        draft = Draft(
            kind=REPAIRED_COPY,
            ref=case.ref,
            hospital=case.hospital,
            values={"copied_kind": KINDS[message.kind].title, "copied_from": message.partner},
            attachments=(_attachment(whole),),
            request_hash=message.request_hash,
            only=(owed.partner,),
        )
        async with self._store.view() as view:
            pins = await current_pins(view, self._party.site)
            key = await self._cabinet.case_key(view, case)
        mail = await self._composer.seal(draft, pins)
        async with self._store.act() as act:
            await act.lock(case.id)
            current = await act.one(OwedCopy, id=owed.id)
            if current is None or current.settled_at is not None:
                return
            sent = await self._composer.queue(act, mail, case, key, request_hash=message.request_hash)
            await act.save(replace(sent, about=message.id))
            await act.save(replace(current, settled_at=self._clock.now()))
            await act.record(
                "copy.repaired",
                actor="gateway",
                case=case.ref,
                request=message.request_hash,
                message=str(sent.id),
                partner=owed.partner,
                outcome=owed.reason,
                details={"copied": message.id, "mic": message.mic},
            )

    async def _signed(self, message: Message) -> bytes:
        """What its author signed, with the signature where it can be told apart from the encryption."""
        async with self._store.view() as view:
            files = [mail.file for mail in await _mails(view, message) if mail.file is not None]
            raw = await self._cabinet.get(view, files[0]) if files else None
            entity = await self._cabinet.get(view, message.entity or "") if message.entity else b""
        whole = await self._opener.signed(raw) if raw is not None else None
        return whole or entity

    async def _cannot(self, owed: OwedCopy, message: Message, case: Case, code: str) -> None:
        if owed.id in self._told:
            return
        self._told.add(owed.id)
        async with self._store.act() as act:
            await act.record(
                "alarm.copy_not_repaired",
                actor="gateway",
                case=case.ref,
                request=message.request_hash,
                message=str(message.id),
                partner=owed.partner,
                outcome=code,
            )


async def _mails(view: View, message: Message) -> tuple[Mail, ...]:
    """The mails in which a message came, oldest first."""
    return await view.all(Mail, site=message.site, message=message.id)


def _is_answer(message: Message) -> bool:
    kind = KINDS.get(message.kind)
    return kind is not None and (kind.subject is Subject.ANSWER or kind is EXTENSION_REGULARISATION)


def _attachment(whole: bytes) -> Attachment:
    # RFC 2046 §5.2.1: a message/rfc822 goes as it is; what does not survive so travels as a file.
    media_type = "message/rfc822" if fits_verbatim(whole) else "application/octet-stream"
    return Attachment(name="copie.eml", media_type=media_type, data=whole, role=COPY)
