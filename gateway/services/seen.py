"""What somebody saw, and whether it is still so: looked at again inside the act of who goes by it.

A page knows how long the log was: who acts on what has changed since is told who did what; reads and notices change
nothing. A program names the version that it read, a digest of the very rows that it was shown.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from gateway.domain.errors import Overtaken, Stale, Unknown
from gateway.domain.events import EVENTS
from gateway.domain.words import Said, listed, said
from gateway.services.cases import find_case
from gateway.services.casework import standing_facts
from gateway.services.dossier import CaseView
from gateway.services.once import digest
from gateway.storage import Alarm, AuditEntry, Case, EnteredProof, Fact, Mail, Request, View

CHANGES = frozenset(
    {
        "request.handed_over",
        "request.delivery_failed",
        "request.acknowledged",
        "request.period_moved",
        "request.evidence_refined",
        "request.period_over",
        "request.superseded",
        "request.accepted",
        "request.partly_accepted",
        "request.refused",
        "request.vital_disputed",
        "request.answer_disputed",
        "request.late_answer",
        "request.answer_found_late",
        "request.acceptance_challenged",
        "request.acceptance_upheld",
        "request.acceptance_withdrawn",
        "request.silence_recorded",
        "request.regularised",
        "request.confirmed",
        "answer.ruled",
        "answer.proposed",
        "challenge.proposed",
        "evidence.recorded",
        "proof.entered",
        "proof.counted",
        "proof.declined",
        "calendar.set",
        "calendar.remove",
        "calendar.import",
        "calendar.forecast",
        "calendar.confirmed",
        "calendar.declined",
    }
)
"""The records that change what a page about a case or the calendar shows."""

VERSION_LENGTH = 32

Provided = Callable[[View], Awaitable[None]]
"""Looks inside an act, before anything of it is done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a person had before their eyes: the log's size then, and the case, None for the calendar."""

    case: str | None
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that happened."""

    at: datetime
    actor: str
    what: str

    @property
    def told(self) -> Said:
        """By whom, and what."""
        if self.actor == "gateway":
            return said("la passerelle : {what}", what=Said(self.what))
        return said("{who} : {what}", who=self.actor, what=Said(self.what))


async def log_size(view: View) -> int:
    """How many records the log has, to tell later what came after them."""
    size, _frontier, _last = await view.head()
    return size


async def changes_since(view: View, seen: Seen) -> tuple[Change, ...]:
    """What happened to the case, or to the calendar, after that, oldest first."""
    return changes(await view.entries(after=seen.size - 1, case=seen.case))


def changes(entries: Iterable[AuditEntry]) -> tuple[Change, ...]:
    """Those of these records that change something."""
    return tuple(
        Change(at=entry.at, actor=entry.actor, what=EVENTS[entry.event]) for entry in entries if entry.event in CHANGES
    )


def told_of(found: Iterable[Change]) -> object:
    """All of them in one sentence."""
    return listed(change.told for change in found)


def unchanged(seen: Seen) -> Provided:
    """What lets through, inside the act, who acts on what they saw; to others Overtaken tells who changed what."""

    async def look(view: View) -> None:
        found = await changes_since(view, seen)
        if found:
            raise Overtaken(changes=told_of(found))

    return look


# --- versions


def version(*rows: object) -> str:
    """The version that these rows make together."""
    return digest(*(repr(row).encode() for row in rows))[:VERSION_LENGTH]


def version_shown(view: CaseView) -> str:
    """That of a case as it is shown: itself, its requests and its facts."""
    return _of_case(view.case, tuple(item.request for item in view.requests), view.facts)


async def of_case(view: View, site: str, ref: str) -> str:
    """The same, of the case as it is now.

    Raises:
        Unknown.
    """
    case = await find_case(view, site, ref)
    return _of_case(case, await view.all(Request, site=site, case_id=case.id), await standing_facts(view, case))


def _of_case(case: Case, requests: tuple[Request, ...], facts: tuple[Fact, ...]) -> str:
    return version(case, requests, facts)


async def of_row(view: View, site: str, kind: type[Alarm | EnteredProof | Mail], number: int) -> str:
    """That of a row of its own, which its ``version`` is.

    Raises:
        Unknown.
    """
    row = await view.one(kind, site=site, id=number)
    if row is None:
        raise Unknown(kind=said("enregistrement"), ref=str(number))
    return version(row)


def require_version(found: str, seen: frozenset[str]) -> None:
    """Refuse what is based on another version than the one found; ``seen`` are those that the asker names.

    Raises:
        Stale.
    """
    if found not in seen:
        raise Stale
