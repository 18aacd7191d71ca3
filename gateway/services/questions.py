"""Answers questions about the audit log. Who asked what is itself a record, so that reading leaves a trace too.

Once accounts decide, an auditor sees all of it; others see what they did themselves, the records of the cases that are
theirs, and an administrator those of no case.
"""

from collections.abc import Callable
from dataclasses import replace

from gateway.domain.audit import fit
from gateway.domain.parties import Party
from gateway.domain.readers import Readership
from gateway.domain.rights import Right
from gateway.services.requests import iso
from gateway.services.rights import held
from gateway.storage import AuditEntry, Case, Detail, Question, Store, View

AT_ONCE = 500
"""Records looked at together, for who does not see all of them."""

Sees = Callable[[AuditEntry], bool]


class Questions:
    """``recorded`` is false for the log of a rehearsal, which nobody adds to any more."""

    def __init__(self, *, store: Store, party: Party, readership: Readership, recorded: bool) -> None:
        self._store = store
        self._party = party
        self._readership = readership
        self._recorded = recorded

    async def ask(self, question: Question, *, actor: str) -> tuple[AuditEntry, ...]:
        """The records that this person may see, before the record that they were read."""
        found = await self.since(question, actor=actor)
        await self._record(question, len(found), actor)
        return found

    async def count(self, question: Question, *, actor: str) -> int:
        """How many there are, of those that this person may see."""
        async with self._store.view() as view:
            sees = await self._sees(view, actor)
            if sees is None:
                found = await view.count(question)
            else:
                found = len(await _seen(view, replace(question, limit=None), sees))
        await self._record(question, found, actor)
        return found

    async def since(self, question: Question, *, actor: str) -> tuple[AuditEntry, ...]:
        """What came after a question that was asked already and recorded: it goes on."""
        async with self._store.view() as view:
            sees = await self._sees(view, actor)
            return await (view.answer(question) if sees is None else _seen(view, question, sees))

    async def _sees(self, view: View, actor: str) -> Sees | None:
        """What this person may see; None: everything."""
        who = await held(view, self._party, actor)
        if who.any_of(Right.AUDIT):
            return None
        technical, clerk = Right.USERS in who.rights, Right.IDENTITY in who.rights and not who.medical
        own = frozenset[str]()
        if who.medical:
            cases = await view.all(Case, site=self._party.site)
            own = frozenset(case.ref for case in cases if self._readership.may_read_medical(actor, case.physician))

        def sees(entry: AuditEntry) -> bool:
            about_a_case = entry.case is not None or entry.request is not None or entry.message is not None
            return (
                entry.actor == actor
                or (technical and not about_a_case)
                or (clerk and about_a_case)
                or entry.case in own
            )

        return sees

    async def _record(self, question: Question, found: int, actor: str) -> None:
        if not self._recorded:
            return
        # Whoever asks may ask for anything; what the log keeps of it is fit to be kept.
        details: dict[str, Detail] = {f"asked_{name}": fit(value) for name, value in question.equal.items()}
        told = {
            "begins": None if question.begins is None else fit(question.begins),
            "since": iso(question.since),
            "until": iso(question.until),
            "after": question.after if question.after >= 0 else None,
            "before": question.before,
        }
        details |= {f"asked_{name}": value for name, value in told.items() if value is not None}
        async with self._store.act() as act:
            await act.record("log.read", actor=actor, outcome="read", details=details | {"found": found})


async def _seen(view: View, question: Question, sees: Sees) -> tuple[AuditEntry, ...]:
    found: list[AuditEntry] = []
    asked = replace(question, limit=AT_ONCE)
    while question.limit is None or len(found) < question.limit:
        rows = await view.answer(asked)
        found += filter(sees, rows)
        if len(rows) < AT_ONCE:
            break
        last = rows[-1].index
        asked = replace(asked, before=last) if question.newest else replace(asked, after=last)
    return tuple(found[: question.limit])
