"""An answer that came by another way than our mailboxes: a person brings its scan or file, and says when it came.

It is kept like a mail that waits to be sorted, so that it holds silences back at once. A day alone is that whole day in
Algiers: an answer is in time only if it is so at every instant of it.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import sha256

from gateway.domain.errors import NotAllowed
from gateway.domain.evidence import CLOCK_TOLERANCE, entered_instant
from gateway.domain.parties import Party, Role
from gateway.domain.settlements import WORDS
from gateway.domain.words import Said, dated, said
from gateway.domain.workdays import algiers_day, start_of_day
from gateway.ports import SpoolFile
from gateway.services.cases import find_case, open_request
from gateway.services.entered import MAX_SCAN
from gateway.services.reading import Word
from gateway.storage import Act, Hint, Mail, Request, Verdict

PLACE = "another-way"
"""Stands where a mail has its folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """What a person brings, and what that person says that it is. ``received`` may be a day alone."""

    scan: bytes
    received: date | datetime
    word: Word


def check_brought(brought: Brought, us: Party) -> None:
    """Refuse what can be refused before anything is written.

    Raises:
        NotAllowed: we only follow, it names no case, is no answer to a request, or is empty or too large.
    """
    reason = None
    if us.role is not Role.HOSPITAL:
        reason = said("Seul l'hôpital tient les délais.")
    elif brought.word.ref is None:
        reason = said("--case : manque (le dossier auquel cette réponse se rapporte)")
    elif brought.word.what not in WORDS:
        # Nobody enters a certificate in the place of the CNAS (003:L232).
        reason = said("Seule une réponse à une demande se saisit : {words}.", words=", ".join(WORDS))
    elif not 0 < len(brought.scan) <= MAX_SCAN:
        reason = said("Le scan est vide, ou dépasse {limit} octets.", limit=MAX_SCAN)
    if reason is not None:
        raise NotAllowed(act=_NAMED, reason=reason)


async def entered(act: Act, brought: Brought, file: SpoolFile, *, party: Party, at: datetime, actor: str) -> Mail:
    """The row of what was brought, which holds silences back from now on.

    Raises:
        Unknown: no such case. NotAllowed: no request there, an impossible instant, or brought already.
    """
    case = await find_case(act, party.site, brought.word.ref or "")
    request = await open_request(act, case, brought.word.request_hash, or_settled=True)
    digest = sha256(brought.scan).hexdigest()
    known = await act.all(Mail, site=party.site, sha256=digest, limit=1)
    if known:
        raise NotAllowed(act=_NAMED, reason=said("Ce fichier est déjà là : courrier {number}.", number=known[0].id))
    earliest, latest = _span(brought.received, request, at)
    number = len(await act.all(Mail, site=party.site, verdict=Verdict.ENTERED)) + 1
    await act.add(file)
    mail = await act.add(
        Mail(
            site=party.site,
            mailbox=party.address,
            folder=PLACE,
            uidvalidity=0,
            uid=number,
            verdict=Verdict.ENTERED,
            step=None,
            reason=PLACE,
            partner=None,
            held_back=True,
            internaldate=None,
            received_earliest=earliest,
            received_latest=latest,
            recorded_at=at,
            sha256=digest,
            size=len(brought.scan),
            file=file.name,
            likely_case=case.id,
            likely_request=request.hash,
            likely_by=Hint.ENTERED,
        )
    )
    await act.record(
        "answer.entered",
        actor=actor,
        case=case.ref,
        request=request.hash,
        message=f"mail-{mail.id}",
        outcome="waiting",
        details={"sha256": digest, "received": str(brought.received)},
    )
    return mail


def _span(received: date | datetime, request: Request, now: datetime) -> tuple[datetime, datetime]:
    """Between which instants it came: after the request left, and not in the future."""
    if isinstance(received, datetime):
        earliest = latest = received.astimezone(UTC)
        early = earliest < request.submitted_at - CLOCK_TOLERANCE
    else:
        earliest, latest = start_of_day(received), entered_instant(received, now)
        early = received < algiers_day(request.submitted_at)
    if early:
        day: Said = dated(algiers_day(request.submitted_at))
        raise NotAllowed(act=_NAMED, reason=said("La demande n'est partie que le {day}.", day=day))
    if latest > now:
        raise NotAllowed(act=_NAMED, reason=said("Cette réception est dans l'avenir."))
    return earliest, latest


_NAMED = said("saisir une réponse venue par une autre voie")
