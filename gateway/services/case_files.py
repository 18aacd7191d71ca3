"""Cases for persons: a page of them, one found by its patient, and one opened with all that its page shows.

Opening a case shows a patient's name, so it is recorded before the page leaves; a search and a list are recorded too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.domain.case import parse_token
from gateway.domain.coverage import Coverage
from gateway.domain.duties import Duty
from gateway.domain.parties import Party
from gateway.domain.rights import Right
from gateway.domain.watching import Place
from gateway.ports import Clock
from gateway.services.cabinet import Cabinet
from gateway.services.casework import IDENTITY_FIELDS
from gateway.services.chronicle import Entry, chronicle
from gateway.services.dossier import Archive, CaseView
from gateway.services.gathered import Gathered
from gateway.services.leafing import Leafing
from gateway.services.patients import name_of
from gateway.services.rights import Actor
from gateway.storage import Case, Poll, Request, Rows, Store, VaultKey

PAGE = 50
"""Cases on a page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """The looks at our mailboxes since a request left: the proof of silence. ``longest_gap`` is in seconds."""

    count: int
    longest_gap: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFile:
    """All that the page of a case shows. ``duties`` count the mails that seem to be about it.

    ``looks`` is None while no request has left.
    """

    view: CaseView
    duties: tuple[Duty, ...]
    entries: tuple[Entry, ...]
    coverage: Coverage
    looks: Looks | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A case in a list; ``patient`` for who may know the name; ``latest`` is its newest request."""

    case: Case
    patient: str | None
    latest: Request | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some cases, the newest first; ``before`` leads to the next ones, None at the end."""

    lines: tuple[Line, ...]
    before: int | None


class CaseFiles:
    """Reads cases for a person who is here."""

    def __init__(
        self,
        *,
        store: Store,
        cabinet: Cabinet,
        clock: Clock,
        party: Party,
        archive: Archive,
        watched: tuple[Place, ...],
    ) -> None:
        self._store = store
        self._cabinet = cabinet
        self._clock = clock
        self._party = party
        self._archive = archive
        self._watched = watched
        self._leafing = Leafing(store=store, clock=clock)

    async def open(self, ref: str, actor: Actor) -> CaseFile:
        """One case; the look is recorded first.

        Raises:
            Unknown: no such case.
        """
        view = await self._archive.open(ref, actor=actor.name)
        items = await self._archive.worklist.todo(view.case.ref)
        return CaseFile(
            view=view,
            duties=tuple(item.duty for item in items),
            entries=chronicle(view),
            coverage=await self._archive.coverage(view.case.ref),
            looks=await self._looks(view),
        )

    async def page(self, actor: Actor, *, before: int | None = None, closed: bool = False) -> Page:
        """Some cases, the newest first; that their names were shown is recorded first."""
        equal: dict[str, object] = {"site": self._party.site}
        if not closed:
            equal["closed_at"] = None
        async with self._store.view() as view:
            rows = await view.before(Case, before, limit=PAGE + 1, **equal)
            lines = await self._lines(view, rows[:PAGE], actor)
        await self._leafing.shown([line.case.ref for line in lines if line.patient], actor=actor.name)
        return Page(lines=lines, before=rows[PAGE - 1].id if len(rows) > PAGE else None)

    async def search(
        self, actor: Actor, *, ref: str = "", identity: Mapping[str, str] | None = None
    ) -> tuple[Line, ...]:
        """The cases of this reference, or of this patient: name, first name and date of birth, exactly.

        Who searched is recorded, not for whom.

        Raises:
            TooManyTries: more searches than anybody needs.
        """
        await self._leafing.searches(actor=actor.name)
        equal: dict[str, object] = {"site": self._party.site}
        if ref:
            equal["ref"] = parse_token(ref)
        elif identity is not None and actor.may(Right.IDENTITY):
            words = " ".join(identity.get(name, "") for name in IDENTITY_FIELDS[:3])
            equal["identity_lookup"] = self._cabinet.vault.lookup(words)
        else:
            return ()
        async with self._store.act() as act:
            found = await act.all(Case, limit=PAGE, newest=True, **equal)
            lines = await self._lines(act, found, actor)
            await act.record(
                "case.searched", actor=actor.name, outcome="read", details={"found": len(lines), "by_name": not ref}
            )
        return lines

    async def _lines(self, view: Rows, cases: Sequence[Case], actor: Actor) -> tuple[Line, ...]:
        rows = Gathered(view)
        await rows.take(Request, "case_id", (case.id for case in cases))
        await rows.take(VaultKey, "id", (case.vault_key for case in cases))
        return tuple([await self._line(rows, case, actor) for case in cases])

    async def _line(self, view: Rows, case: Case, actor: Actor) -> Line:
        newest = await view.all(Request, site=case.site, case_id=case.id, newest=True, limit=1)
        patient = await name_of(self._cabinet, view, case) if actor.may(Right.IDENTITY) else None
        return Line(case=case, patient=patient, latest=newest[0] if newest else None)

    async def _looks(self, view: CaseView) -> Looks | None:
        left = [item.request.handed_over_at for item in view.requests if item.request.handed_over_at is not None]
        if not left:
            return None
        first: datetime = min(left)
        count = longest = 0
        async with self._store.view() as reading:
            for place in self._watched:
                rows = await reading.all(Poll, site=self._party.site, mailbox=place.mailbox, folder=place.folder)
                for row in rows:
                    if row.last_at >= first:
                        count += row.count
                        longest = max(longest, row.longest_gap)
        return Looks(count=count, longest_gap=longest)
