"""The port by which services reach what is remembered.

One ``act`` is one commit: state, audit record and outbox rows together, or nothing.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date, datetime, timedelta
from typing import Protocol

from gateway.domain.log_check import Row
from gateway.domain.merkle import Frontier
from gateway.domain.watching import Place
from gateway.storage.question import Question
from gateway.storage.rows import AuditEntry, Mail, Poll, Request, Transmission
from gateway.storage.tally import Tally
from gateway.storage.values import Detail, V
from gateway.storage.worklist import CaseTask, Named, TaskKey


class Rows(Protocol):
    """Values as they are. ``equal`` compares columns by name; None means IS NULL, a tuple means IN."""

    async def one(self, kind: type[V], /, **equal: object) -> V | None:
        """The only value that matches, or None."""
        ...

    async def all(
        self, kind: type[V], /, *, limit: int | None = None, newest: bool = False, **equal: object
    ) -> tuple[V, ...]:
        """Every value that matches, in the order in which they were added (``newest``: reversed)."""
        ...


class View(Rows, Protocol):
    """Reading."""

    async def newest(self, kind: type[V], number: int, /, **equal: object) -> V | None:
        """The ``number``-th of those that match, counted from the one added last, which is the first."""
        ...

    async def before(self, kind: type[V], /, number: int | None, *, limit: int, **equal: object) -> tuple[V, ...]:
        """A page of the values that match: those with a smaller id than ``number`` (None: all), the newest first."""
        ...

    async def following(self, kind: type[V], /, number: int, *, limit: int, **equal: object) -> tuple[V, ...]:
        """The same in the other direction: those with a greater id than ``number``, the oldest first."""
        ...

    async def tally(self, kind: type[V], /, *, by: str, oldest: str, **equal: object) -> tuple[Tally, ...]:
        """How many values match for each value of the column ``by``, and the earliest instant in ``oldest``."""
        ...

    async def ending(self, site: str, *, limit: int) -> tuple[Request, ...]:
        """The requests whose period runs, the one that may end first at the head."""
        ...

    async def tasks(
        self, site: str, day: date, *, without: Collection[int], after: TaskKey | None, limit: int
    ) -> tuple[CaseTask, ...]:
        """The kept tasks of this day that stand after a place, in their order, but for those of some cases."""
        ...

    async def task_counts(self, site: str, day: date, *, without: Collection[int]) -> Mapping[int, int]:
        """How many of them there are of each urgency."""
        ...

    async def named_since(self, index: int, *, limit: int) -> Named | None:
        """What the audit records from this index on are about; None when there are more than ``limit`` of them."""
        ...

    async def due(self, site: str, at: datetime) -> tuple[int, ...]:
        """The numbers of the requests whose ``due_at`` is at or before ``at``, in its order."""
        ...

    async def sendable(self, site: str, at: datetime, limit: int) -> tuple[Transmission, ...]:
        """Transmissions ``ready`` with ``next_at`` at or before ``at``, oldest first."""
        ...

    async def unsettled(self, site: str, *, since: datetime, before: datetime) -> tuple[Mail, ...]:
        """Mails held back and not settled that may have been received in [since, before): what is unknown counts."""
        ...

    async def looks(self, site: str, *, since: datetime, place: Place | None = None) -> tuple[Poll, ...]:
        """Polls that lasted until ``since`` or longer, in the order of their rows; of one place, with the one before.

        Years of polls lie before any window: whoever proves a silence must not read them.
        """
        ...

    async def highest(self, site: str, place: Place, uidvalidity: int, *, limit: int) -> tuple[Mail, ...]:
        """The mails of a folder with the highest UIDs, the highest first."""
        ...

    async def vanished(self, site: str, *, since: datetime) -> tuple[Mail, ...]:
        """Mails that were found vanished at ``since`` or later, whether or not a person has settled them."""
        ...

    async def stale(self, site: str, *, strangers: datetime, settled: datetime, limit: int) -> tuple[Mail, ...]:
        """Kept mails for a person that no case or proof needs, oldest first.

        Those that never concerned us and came before ``strangers``, and others that were settled before ``settled``.
        """
        ...

    async def served(self, site: str, *, kind: str, before: datetime, limit: int) -> tuple[Transmission, ...]:
        """Mails of this kind from before, with which the outbox is done and whose file still opens, oldest first."""
        ...

    async def entries(
        self, *, after: int = -1, limit: int | None = None, newest: bool = False, **equal: object
    ) -> tuple[AuditEntry, ...]:
        """Audit records with index > ``after`` in order (``newest``: reversed), filtered by columns."""
        ...

    async def logged(self, *, after: int | None, limit: int) -> Sequence[Row]:
        """Rows of the audit log as they stand, not trusted, in the order of their index; None: from the first one."""
        ...

    async def leaves(self, *, after: int, limit: int) -> Sequence[bytes]:
        """The leaves of the audit log with index > ``after``, in order."""
        ...

    async def answer(self, question: Question) -> tuple[AuditEntry, ...]:
        """The audit records that a question is about, in its order."""
        ...

    async def count(self, question: Question) -> int:
        """How many audit records a question is about; its ``limit`` does not matter."""
        ...

    async def head(self) -> tuple[int, Frontier, datetime | None]:
        """Size and frontier of the log, and the instant of its last record."""
        ...

    async def setback(self) -> timedelta:
        """By how much at most a record's instant is before that of an earlier one: the clock was set back."""
        ...


class Act(View, Protocol):
    """One commit. Nothing is visible to others before the block ends without an error; an error leaves nothing."""

    async def add(self, value: V) -> V:
        """Insert; returns the value with its id.

        Raises:
            AlreadyThere: a constraint says that it exists.
        """
        ...

    async def save(self, value: V) -> V:
        """Update by id; returns the same value."""
        ...

    async def keep_tasks(self, cases: Collection[int], tasks: Sequence[CaseTask]) -> None:
        """Let these be all the kept tasks of these cases."""
        ...

    async def expire(self, kind: type[V], /, *, by: str, before: datetime, **equal: object) -> int:
        """Delete the values that match and whose instant in the column ``by`` is before; how many.

        For what proves nothing, and whose time is over.
        """
        ...

    async def lock(self, case_id: int) -> None:
        """Hold the case's row until the end of the act; before anything of the case is read."""
        ...

    async def record(
        self,
        event: str,
        *,
        actor: str,
        case: str | None = None,
        request: str | None = None,
        message: str | None = None,
        partner: str | None = None,
        outcome: str | None = None,
        details: Mapping[str, Detail] | None = None,
    ) -> AuditEntry:
        """Append to the audit log, in this very commit. ``message`` is our own id of the message or mail."""
        ...

    async def erase(self, indexes: Sequence[int], *, told_by: int) -> int:
        """Blank these audit records but for index, instant and leaf; how many were not blank yet.

        ``told_by`` is the record that tells of it.
        """
        ...


class Store(Protocol):
    """The database. Every method may raise StorageFailed."""

    def view(self) -> AbstractAsyncContextManager[View]:
        """A consistent read."""
        ...

    def act(self) -> AbstractAsyncContextManager[Act]:
        """A write; committed at the end of the block, shielded from cancellation."""
        ...

    async def wait_for_post(self, seconds: float) -> None:
        """Until an act of this process has put a mail into the outbox since the last time, or the time is over."""
        ...
