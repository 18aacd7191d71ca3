"""What somebody saw, and whether it is still so: looked at again inside the act of who goes by it.

A page knows how long the log was: who acts on what has changed since is told who did what; reads and notices change
nothing. A program names the version that it read, a digest of the very rows that it was shown.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from gateway.domain.errors import Overtaken, Stale, Unknown
from gateway.domain.words import Said, french, listed, said
from gateway.services.cases import find_case
from gateway.services.casework import standing_facts
from gateway.services.dossier import CaseView
from gateway.services.once import digest
from gateway.storage import Alarm, AuditEntry, Case, EnteredProof, Fact, Mail, Request, View

CHANGES = MappingProxyType(
    {
        "request.handed_over": french("la demande est partie"),
        "request.delivery_failed": french("la demande n'a pas été remise"),
        "request.acknowledged": french("la réception est attestée, le délai court"),
        "request.period_moved": french("la fin du délai a changé"),
        "request.evidence_refined": french("le délai a été recalculé"),
        "request.period_over": french("le délai s'est écoulé"),
        "request.superseded": french("une autre demande la remplace"),
        "request.accepted": french("la CNAS accepte"),
        "request.partly_accepted": french("la CNAS accepte en partie"),
        "request.refused": french("la CNAS refuse"),
        "request.vital_disputed": french("la CNAS conteste l'urgence vitale"),
        "request.answer_disputed": french("une réponse est à départager"),
        "request.late_answer": french("une réponse est arrivée trop tard"),
        "request.answer_found_late": french("la réponse est comptée tardive"),
        "request.acceptance_challenged": french("l'acceptation est mise en cause"),
        "request.acceptance_upheld": french("l'acceptation est maintenue"),
        "request.acceptance_withdrawn": french("l'acceptation est retirée"),
        "request.silence_recorded": french("l'acceptation tacite est enregistrée"),
        "request.regularised": french("le formulaire de l'acceptation est reçu"),
        "request.confirmed": french("une condition est confirmée"),
        "answer.ruled": french("une réponse est départagée"),
        "answer.proposed": french("un avis est donné sur une réponse"),
        "challenge.proposed": french("un avis est donné sur l'acceptation"),
        "evidence.recorded": french("une preuve de réception est inscrite"),
        "proof.entered": french("une preuve est apportée"),
        "proof.counted": french("une preuve apportée est confirmée"),
        "proof.declined": french("une preuve apportée est écartée"),
        "calendar.set": french("un jour du calendrier est saisi"),
        "calendar.remove": french("un jour du calendrier est retiré"),
        "calendar.import": french("un calendrier est importé"),
        "calendar.forecast": french("des fêtes sont prévues"),
        "calendar.confirmed": french("une proposition de calendrier est confirmée"),
        "calendar.declined": french("une proposition de calendrier est écartée"),
    }
)
"""The records that change what a page about a case or the calendar shows, and what each says."""


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
        Change(at=entry.at, actor=entry.actor, what=CHANGES[entry.event]) for entry in entries if entry.event in CHANGES
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
