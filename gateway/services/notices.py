"""Tells the partners who follow a request what became of it: sealed outside any act, queued if it still holds.

GnuPG must never hold the database's only writer: the state and the debt are one commit, and the debt is paid in
another, however often it takes. What is owed next follows from what was told: the silence itself first, then its
withdrawal, then where the request stands.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from gateway.domain.audit import iso
from gateway.domain.challenge import GROUNDS, Ground
from gateway.domain.errors import DeskError, KeyFault, VaultClosed
from gateway.domain.kinds import STATUS_NOTICE, TACIT_ACCEPTANCE_NOTICE, TACIT_ACCEPTANCE_WITHDRAWAL, Kind
from gateway.domain.request import State
from gateway.services.cabinet import Cabinet
from gateway.services.challenged import Standing, acceptances_of
from gateway.services.compose import Composer, Draft, current_pins
from gateway.storage import Act, Case, Direction, Message, Pin, Request, Store, VaultKey, View

_FAULTS = (KeyFault, DeskError, VaultClosed)
"""What keeps one notice from being sealed, and no other."""


class Notices:
    """Pays what is owed."""

    def __init__(self, *, store: Store, composer: Composer, cabinet: Cabinet, site: str) -> None:
        self._store = store
        self._composer = composer
        self._cabinet = cabinet
        self._site = site
        self._unsealable: set[int] = set()

    async def tell_owed(self) -> None:
        """Look once at every request that owes a notice."""
        async with self._store.view() as view:
            owed = await view.all(Request, site=self._site, owes_notice=True)
        for request in owed:
            await self._tell(request)

    async def _tell(self, request: Request) -> None:
        """Seal outside the act, then queue if the request still stands where it stood."""
        async with self._store.view() as view:
            case = await self._case(view, request)
            pins = await current_pins(view, self._site)
            key = await self._cabinet.case_key(view, case)
            draft = await self._owed(view, request, case)
        if key.destroyed_at is not None:
            await self._drop(request, case)
            return
        try:
            await self._seal_and_queue(request, case, key, draft, pins)
        except _FAULTS as error:
            await self._cannot_tell(request, case, error.code)
            return
        self._unsealable.discard(request.id)

    async def _seal_and_queue(
        self, request: Request, case: Case, key: VaultKey, draft: Draft, pins: Mapping[str, Pin]
    ) -> None:
        mail = await self._composer.seal(draft, pins)
        async with self._store.act() as act:
            await act.lock(case.id)
            current = await act.one(Request, id=request.id)
            if current is None or not current.owes_notice or await self._owed(act, current, case) != draft:
                return
            message = await self._composer.queue(act, mail, case, key, request_hash=request.hash)
            await act.record(
                "notice.queued",
                actor="gateway",
                case=case.ref,
                request=request.hash,
                message=str(message.id),
                partner=message.partner,
                outcome=draft.kind.id,
                details={"mic": mail.mic},
            )
            await act.save(replace(current, owes_notice=_more(draft.kind, current)))

    async def _owed(self, view: View, request: Request, case: Case) -> Draft:
        """What is to be told next."""
        found = await acceptances_of(view, self._site, request.hash)
        told = await view.all(
            Message,
            site=self._site,
            direction=Direction.OUT,
            kind=(TACIT_ACCEPTANCE_NOTICE.id, TACIT_ACCEPTANCE_WITHDRAWAL.id),
            request_hash=request.hash,
        )
        believed = _believed(found, told)
        if believed is not None and believed.acceptance.withdrawn_at is not None:
            return _withdrawal(request, believed, case)
        if believed is None and found and found[-1].acceptance.withdrawn_at is None:
            return _silence(request, found[-1], case)
        return _status(request, case)

    async def _drop(self, request: Request, case: Case) -> None:
        """Of a forgotten case nothing is told any more, whatever arrives about it."""
        async with self._store.act() as act:
            await act.lock(case.id)
            current = await act.one(Request, id=request.id)
            if current is not None and current.owes_notice:
                await act.save(replace(current, owes_notice=False))
                await act.record(
                    "notice.dropped", actor="gateway", case=case.ref, request=request.hash, outcome="forgotten"
                )

    async def _cannot_tell(self, request: Request, case: Case, code: str) -> None:
        if request.id in self._unsealable:
            return
        self._unsealable.add(request.id)
        async with self._store.act() as act:
            await act.record(
                "alarm.notice_not_sealed", actor="gateway", case=case.ref, request=request.hash, outcome=code
            )

    async def _case(self, view: View | Act, request: Request) -> Case:
        case = await view.one(Case, id=request.case_id)
        if case is None:
            raise LookupError("a request without its case")
        return case


def _believed(found: Sequence[Standing], told: Sequence[Message]) -> Standing | None:
    """The acceptance that those who follow believe to stand: the newest one when the last notice was sealed."""
    if not told or told[-1].kind != TACIT_ACCEPTANCE_NOTICE.id:
        return None
    known = [each for each in found if each.acceptance.recorded_at.replace(microsecond=0) <= told[-1].at]
    return known[-1] if known else None


def _more(told: Kind, request: Request) -> bool:
    """Whether something is owed after this one: where the request stands, when the silence is not where it stands."""
    if told is TACIT_ACCEPTANCE_NOTICE:
        return request.state is not State.TACITLY_ACCEPTED
    return told is TACIT_ACCEPTANCE_WITHDRAWAL


def _silence(request: Request, found: Standing, case: Case) -> Draft:
    values = {
        "started_at": iso(request.started_at) or "",
        "effective_at": iso(found.acceptance.effective_at) or "",
        "requested_from": request.requested_from.isoformat(),
        "requested_until": request.requested_until.isoformat(),
    }
    return _draft(TACIT_ACCEPTANCE_NOTICE, request, case, values)


def _withdrawal(request: Request, found: Standing, case: Case) -> Draft:
    newest = found.challenges[-1].ground if found.challenges else Ground.PERSON
    values = {
        "effective_at": iso(found.acceptance.effective_at) or "",
        "withdrawn_at": iso(found.acceptance.withdrawn_at) or "",
        "reason": GROUNDS[newest],
    }
    return _draft(TACIT_ACCEPTANCE_WITHDRAWAL, request, case, values)


def _status(request: Request, case: Case) -> Draft:
    values = {
        "state": request.state.value,
        "grade": request.grade.name.lower(),
        "started_at": iso(request.started_at) or "",
        "ends_at": iso(request.nominal_at) or "",
    }
    return _draft(STATUS_NOTICE, request, case, values)


def _draft(kind: Kind, request: Request, case: Case, values: dict[str, str]) -> Draft:
    return Draft(kind=kind, ref=case.ref, hospital=case.hospital, values=values, request_hash=request.hash)
