"""Answers questions about the audit log. Who asked what is itself a record, so that reading leaves a trace too."""

from dataclasses import asdict

from gateway.domain.audit import fit
from gateway.services.requests import iso
from gateway.storage import AuditEntry, Detail, Question, Store


class Questions:
    """``recorded`` is false for the log of a rehearsal, which nobody adds to any more."""

    def __init__(self, *, store: Store, recorded: bool) -> None:
        self._store = store
        self._recorded = recorded

    async def ask(self, question: Question, *, actor: str) -> tuple[AuditEntry, ...]:
        """The records, before the record that they were read."""
        async with self._store.view() as view:
            found = await view.answer(question)
        await self._record(question, len(found), actor)
        return found

    async def count(self, question: Question, *, actor: str) -> int:
        """How many there are."""
        async with self._store.view() as view:
            found = await view.count(question)
        await self._record(question, found, actor)
        return found

    async def since(self, question: Question) -> tuple[AuditEntry, ...]:
        """What came after a question that was asked already and recorded: it goes on."""
        async with self._store.view() as view:
            return await view.answer(question)

    async def _record(self, question: Question, found: int, actor: str) -> None:
        if not self._recorded:
            return
        # Whoever asks may ask for anything; what the log keeps of it is fit to be kept.
        details: dict[str, Detail] = {f"asked_{name}": fit(value) for name, value in question.equal.items()}
        told = asdict(question) | {"since": iso(question.since), "until": iso(question.until)}
        for name in ("begins", "since", "until", "before"):
            if told[name] is not None:
                details[f"asked_{name}"] = fit(told[name]) if isinstance(told[name], str) else told[name]
        async with self._store.act() as act:
            await act.record("log.read", actor=actor, outcome="read", details=details | {"found": found})
