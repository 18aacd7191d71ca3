"""What became of a case since a person looked at it, in words: who did what; reads and notices change nothing."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from gateway.domain.errors import Overtaken
from gateway.domain.words import Said, french, listed, said
from gateway.storage import AuditEntry, View

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


def unchanged(seen: Seen) -> Callable[[View], Awaitable[None]]:
    """What lets through, inside the act, who acts on what they saw; to others Overtaken tells who changed what."""

    async def look(view: View) -> None:
        found = await changes_since(view, seen)
        if found:
            raise Overtaken(changes=told_of(found))

    return look
