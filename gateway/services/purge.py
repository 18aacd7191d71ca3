"""Erases records of the audit log whose time is over; their leaves stay, so that every proof still holds.

Only what stands under a signed checkpoint is erased, after a look that it is what was signed; a record of the log tells
which records went, in the same commit. Traces of security go by their age; evidence goes with a case that was forgotten
and whose years are over, never before.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256

import structlog

from gateway.domain.audit import iso
from gateway.domain.errors import AuditBroken, NotAllowed
from gateway.domain.ledger import BATCH, FAMILIES, PURGED, READINGS, Ledger, erased, ledger_of
from gateway.domain.parties import Party
from gateway.domain.retention import months_before, years_after
from gateway.domain.rights import Right
from gateway.domain.words import said
from gateway.ports import Clock
from gateway.services.casework import hospital_day
from gateway.services.rights import entitled
from gateway.storage import Act, AuditEntry, Case, LogPoint, Question, Request, Store, VaultKey, View

_log = structlog.get_logger()

EVERY = timedelta(days=1)

PAGE = 2000
"""Records read at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How long each ledger is kept; evidence is counted from the day on which its case was closed."""

    security_months: int
    evidence_years: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """Records whose time is over: those of one case, or of security ones those before an instant."""

    ledger: Ledger
    records: tuple[AuditEntry, ...]
    case: str | None = None
    before: datetime | None = None


class Purge:
    """One for a database."""

    def __init__(self, *, store: Store, clock: Clock, party: Party, terms: Terms) -> None:
        self._store = store
        self._clock = clock
        self._party = party
        self._terms = terms
        self._done_at = float("-inf")

    async def due(self) -> tuple[Due, ...]:
        """What could be erased now.

        Raises:
            NotAllowed: no checkpoint is signed, so that the leaves would prove nothing.
        """
        async with self._store.view() as view:
            signed = await self._signed(view)
            found = [await self._security(view, signed), *[each async for each in self._evidence(view, signed)]]
        return tuple(each for each in found if each.records)

    async def run(self, *, actor: str, ledgers: Sequence[Ledger] = tuple(Ledger)) -> tuple[Due, ...]:
        """Erase it. What was done before an error stays done.

        Raises:
            NotAllowed: as ``due``, or another process is at it.
            AuditBroken: a record is not what its leaf says; nothing of its batch is erased.
        """
        async with self._store.view() as view:
            await entitled(view, self._party, actor, Right.FORGET)
        found = tuple(each for each in await self.due() if each.ledger in ledgers)
        for each in found:
            for start in range(0, len(each.records), BATCH):
                async with self._store.act() as act:
                    await entitled(act, self._party, actor, Right.FORGET)
                    await self._erase(act, each, each.records[start : start + BATCH], actor)
        return found

    async def daily(self) -> None:
        """The daemon's: traces of security once a day; evidence only by a person's act.

        Raises:
            AuditBroken: as ``run``.
        """
        if self._clock.uptime() - self._done_at < EVERY.total_seconds():
            return
        async with self._store.view() as view:
            if not await view.all(LogPoint, newest=True, limit=1):
                return
        done = await self.run(actor="gateway", ledgers=(Ledger.SECURITY,))
        self._done_at = self._clock.uptime()
        _log.info("purge.done", records=sum(len(each.records) for each in done))

    async def _signed(self, view: View) -> int:
        points = await view.all(LogPoint, newest=True, limit=1)
        if not points:
            act = said("effacer des enregistrements du journal")
            raise NotAllowed(
                act=act, reason=said("Aucun point de contrôle n'est signé : leurs empreintes ne prouveraient rien.")
            )
        return points[0].size

    async def _security(self, view: View, signed: int) -> Due:
        before = months_before(self._clock.now(), self._terms.security_months)
        found: dict[int, AuditEntry] = {}
        for question in _questions(before, signed):
            async for entry in _answers(view, question):
                if (
                    ledger_of(entry.event, case=entry.case, request=entry.request, partner=entry.partner)
                    is Ledger.SECURITY
                ):
                    found[entry.index] = entry
        return Due(ledger=Ledger.SECURITY, records=_ordered(found), before=before)

    async def _evidence(self, view: View, signed: int) -> AsyncIterator[Due]:
        today = hospital_day(self._clock.now())
        for case in await view.all(Case, site=self._party.site):
            key = await view.one(VaultKey, id=case.vault_key)
            if case.closed_at is None or key is None or key.destroyed_at is None:
                continue
            if years_after(hospital_day(case.closed_at), self._terms.evidence_years) > today:
                continue
            hashes = tuple(row.hash for row in await view.all(Request, site=self._party.site, case_id=case.id))
            entries = (*await view.entries(case=case.ref), *await view.entries(case=None, request=hashes))
            found = {entry.index: entry for entry in entries if entry.index < signed and entry.event != PURGED}
            yield Due(ledger=Ledger.EVIDENCE, records=_ordered(found), case=case.ref)

    async def _erase(self, act: Act, due: Due, records: Sequence[AuditEntry], actor: str) -> None:
        for entry in records:
            if sha256(b"\x00" + entry.canonical).digest() != entry.leaf:
                reason = said("L'enregistrement ne correspond pas à son empreinte.")
                raise AuditBroken(index=entry.index, reason=reason)
        told = await act.record(
            PURGED,
            actor=actor,
            case=due.case,
            outcome=due.ledger.value,
            details=erased((entry.index, entry.leaf) for entry in records).details() | {"before": iso(due.before)},
        )
        if await act.erase([entry.index for entry in records], told_by=told.index) != len(records):
            what = said("effacer des enregistrements du journal")
            raise NotAllowed(act=what, reason=said("Un autre effacement vient de passer ; recommencez."))


def _questions(before: datetime, signed: int) -> Iterator[Question]:
    """Those whose answers hold all traces of security that are old enough, and not much else."""
    for event in READINGS:
        yield Question(equal={"event": event}, until=before, before=signed)
    for family in FAMILIES:
        yield Question(begins=family, until=before, before=signed)


async def _answers(view: View, question: Question) -> AsyncIterator[AuditEntry]:
    while page := await view.answer(replace(question, limit=PAGE)):
        for entry in page:
            yield entry
        question = replace(question, after=page[-1].index)


def _ordered(found: dict[int, AuditEntry]) -> tuple[AuditEntry, ...]:
    return tuple(found[index] for index in sorted(found))
