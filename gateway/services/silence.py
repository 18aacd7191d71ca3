"""Gathers what decides whether a silence may be recorded, and the polls that prove it.

The conditions themselves are those of :mod:`gateway.domain.tacit`.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from gateway.domain import request as life
from gateway.domain.audit import fit, iso
from gateway.domain.evidence import CLOCK_TOLERANCE
from gateway.domain.parties import Directory, Partner, PartnerKind, Party, Role
from gateway.domain.readers import Readership
from gateway.domain.tacit import Condition, Facts, Watch, conditions, gaps
from gateway.domain.watching import Place, watches
from gateway.ports import Clock
from gateway.services.requests import Requests
from gateway.services.restoring import restored_since
from gateway.storage import (
    Acceptance,
    Case,
    ClockMark,
    Confirmation,
    Detail,
    EnteredProof,
    Poll,
    Request,
    View,
)

HOUR = timedelta(hours=1)
UNWATCHED = "treating_physician not_watched"
"""Among the polls that prove a silence: an answer could have come to the physician's own mailbox unseen."""


class Silence:
    """Looks at one request at a time."""

    def __init__(
        self,
        *,
        requests: Requests,
        clock: Clock,
        party: Party,
        directory: Directory,
        watched: tuple[Place, ...],
        readership: Readership,
        persons_needed: int,
    ) -> None:
        self._requests = requests
        self._clock = clock
        self._party = party
        self._directory = directory
        self._watched = watched
        self._readership = readership
        self._persons_needed = persons_needed

    async def standing(self, view: View, request: Request) -> tuple[Condition, ...]:
        """Every condition for recording the silence on this request, as it is now."""
        return conditions(await self._facts(view, request))

    async def proof(self, view: View, request: Request) -> list[str]:
        """The polls of the window, folder by folder, and the mailbox where an answer could have come unseen."""
        lines = []
        for place in self._watched:
            polls = [
                poll
                for poll in await self._polls(view, place, request)
                if request.started_at is None or poll.last_at >= request.started_at
            ]
            count = sum(poll.count for poll in polls)
            gap = max((poll.longest_gap for poll in polls), default=0)
            last = iso(polls[-1].last_at) if polls else None
            uidnext = polls[-1].uidnext if polls else 0
            # A folder may bear an address in its name; the log holds none.
            lines.append(fit(f"{place.name} polls={count} longest_gap_s={gap} last={last} uidnext={uidnext}"))
        if self._by_mail and not await self._physician_watched(view, request):
            lines.append(UNWATCHED)
        return lines

    def demanded(self) -> dict[str, Detail]:
        """How the CNAS answers and what is demanded of persons now: a later configuration will not say it."""
        cnas = self._directory.with_role(Role.CNAS)
        agreed = (partner.policy.answers_come_here for partner in cnas)
        return {
            "by_gateway": not self._by_mail,
            "conventions": [fit(convention) for convention in agreed if convention],
            "grace_h": int(self._requests.grace / HOUR),
            "persons_needed": self._persons_needed,
        }

    async def confirmed(self, view: View, request: Request) -> frozenset[tuple[str, str]]:
        """What enough different persons confirmed, and about what."""
        persons: dict[tuple[str, str], set[str]] = {}
        for row in await view.all(Confirmation, site=self._party.site, request_hash=request.hash):
            persons.setdefault((row.asked, row.binding), set()).add(row.person)
        return frozenset(said for said, names in persons.items() if len(names) >= self._persons_needed)

    async def _facts(self, view: View, request: Request) -> Facts:
        mark = await view.one(ClockMark, site=self._party.site)
        before = request.latest_at or self._clock.now()
        vanished = [
            mail
            for mail in await view.vanished(self._party.site, since=request.started_at or before)
            if request.started_at is not None and mail.settled_at is None
        ]
        polls = {place: await self._polls(view, place, request) for place in self._watched}
        withdrawn = [row.id for row in await self._acceptances(view, request) if row.withdrawn_at is not None]
        return Facts(
            now=self._clock.now(),
            latest_at=request.latest_at,
            grace=self._requests.grace,
            clock_trusted=mark is not None and mark.suspended_at is None,
            second_source_at=mark.agreed_at if mark else None,
            watches=tuple(
                Watch(folder=place.name, polled_at=rows[-1].last_at if rows else None) for place, rows in polls.items()
            ),
            unsettled=len(
                await view.unsettled(self._party.site, since=request.submitted_at - CLOCK_TOLERANCE, before=before)
            ),
            awaiting=request.state is life.State.ELAPSED,
            other_way_excluded=all(partner.policy.answers_come_here is not None for partner in self._by_mail)
            or await self._physician_watched(view, request),
            # UIDs prove that no answer of a gateway was missed; a person's may have been read and put away meanwhile.
            gaps=_gaps(polls, request.submitted_at, before) if self._by_mail else (),
            vanished=tuple(mail.id for mail in vanished),
            mailbox_rebuilt=any(_rebuilt(rows, request.submitted_at) for rows in polls.values()),
            calendar_settled=await self._calendar_settled(view, request),
            proofs_waiting=len(await view.all(EnteredProof, request_hash=request.hash, settled_at=None)),
            asks_person=request.asks_person,
            grade=request.grade.name,
            handed_over_at=request.handed_over_at,
            acknowledged_at=request.started_at,
            authorised_until=request.authorised_until,
            complete=request.complete,
            withdrawn=max(withdrawn, default=None),
            restored=await restored_since(view, request),
            confirmed=await self.confirmed(view, request),
        )

    @property
    def _by_mail(self) -> tuple[Partner, ...]:
        """Those who answer with a mail program: a person may answer elsewhere, and put a mail away."""
        cnas = self._directory.with_role(Role.CNAS)
        return tuple(partner for partner in cnas if partner.kind is PartnerKind.MAIL)

    async def _physician_watched(self, view: View, request: Request) -> bool:
        """Whether the mailbox of the physician who treats the patient is among the watched ones."""
        case = await view.one(Case, id=request.case_id)
        return case is not None and watches(self._watched, self._readership.treating(case.physician))

    async def _polls(self, view: View, place: Place, request: Request) -> tuple[Poll, ...]:
        """Those in which an answer to it could be seen, and the last one before."""
        since = min(request.submitted_at, request.started_at or request.submitted_at)
        return await view.looks(self._party.site, since=since, place=place)

    async def _acceptances(self, view: View, request: Request) -> tuple[Acceptance, ...]:
        return await view.all(Acceptance, site=self._party.site, request_hash=request.hash)

    async def _calendar_settled(self, view: View, request: Request) -> bool:
        """False while one person has said something of the calendar that would end this period later."""
        if request.started_at is None:
            return True
        return not await self._requests.almanac.would_end_later(view, request.started_at, request.latest_at)


def _gaps(polls: dict[Place, tuple[Poll, ...]], since: datetime, until: datetime) -> tuple[str, ...]:
    return tuple(
        f"{place.name} {iso(start)} {iso(end)}"
        for place, rows in polls.items()
        for start, end in gaps([(poll.first_at, poll.last_at) for poll in rows], since=since, until=until)
    )


def _rebuilt(polls: Sequence[Poll], since: datetime) -> bool:
    """True when a folder changed its UIDVALIDITY while we waited: what it held in between is not known."""
    seen = {poll.uidvalidity for poll in polls if poll.last_at >= since}
    before = [poll.uidvalidity for poll in polls if poll.last_at < since]
    return len(seen.union(before[-1:])) > 1
