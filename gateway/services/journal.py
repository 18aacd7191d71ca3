"""The audit log as a page shows it: how much of it is signed and kept outside, then the answer to a question."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.services.questions import Questions
from gateway.storage import Anchor, AuditEntry, LogPoint, Question, Store, Way

PAGE = 50
"""Records on a page."""

AT_MOST = 10_000
"""Records of one file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Integrity:
    """What vouches for the log: ``signed`` is the last checkpoint, ``outside`` the newest that left by each way.

    ``owed_since`` is when an anchor that is still owed began to fail; None while none does.
    """

    size: int
    signed: LogPoint | None
    outside: Mapping[Way, LogPoint]
    owed_since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalPage:
    """Some records, the newest first; ``before`` leads to the next ones, None at the end."""

    integrity: Integrity
    entries: tuple[AuditEntry, ...]
    before: int | None


class Journal:
    """Reads the log for a person. Each reading is itself recorded."""

    def __init__(self, *, store: Store, questions: Questions) -> None:
        self._store = store
        self._questions = questions

    async def page(self, question: Question, *, actor: str) -> JournalPage:
        """The newest records that a question is about."""
        asked = replace(question, newest=True, limit=PAGE + 1)
        found = await self._questions.ask(asked, actor=actor)
        more = len(found) > PAGE
        shown = found[:PAGE]
        return JournalPage(
            integrity=await self.integrity(), entries=shown, before=shown[-1].index if more and shown else None
        )

    async def records(self, question: Question, *, actor: str) -> tuple[AuditEntry, ...]:
        """The records for a file, oldest first, 10,000 at most."""
        return await self._questions.ask(replace(question, newest=False, limit=AT_MOST), actor=actor)

    async def integrity(self) -> Integrity:
        """As the database says; whether it is true is what ``gateway audit verify`` tells."""
        async with self._store.view() as view:
            size, _, _ = await view.head()
            newest = await view.all(LogPoint, newest=True, limit=1)
            outside = {}
            for way in Way:
                rows = await view.all(Anchor, way=way, newest=True, limit=100)
                done = next((row for row in rows if row.done_at is not None), None)
                point = None if done is None else await view.one(LogPoint, id=done.point)
                if point is not None:
                    outside[way] = point
            owed = await view.all(Anchor, done_at=None)
        failing = [row.failing_since for row in owed if row.failing_since is not None]
        return Integrity(
            size=size,
            signed=newest[0] if newest else None,
            outside=outside,
            owed_since=min(failing, default=None),
        )
