"""Proofs that persons bring, for their pages: what waits for a second person, what it would do, what can be entered."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from gateway.domain import request as life
from gateway.domain.amendments import CalendarAct
from gateway.domain.errors import Unknown, VaultClosed
from gateway.domain.evidence import is_day_alone
from gateway.domain.media import media_of
from gateway.domain.parties import Directory, Partner, Party, Role
from gateway.domain.period import Period, compute
from gateway.domain.rights import Right
from gateway.domain.words import said
from gateway.services.almanac import Almanac
from gateway.services.cabinet import Cabinet
from gateway.services.cases import find_case
from gateway.services.gathered import Gathered
from gateway.services.rights import Actor
from gateway.services.seen import log_size
from gateway.storage import Case, EnteredProof, Request, Rows, Store, VaultKey, View


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofView:
    """One proof. ``period`` is what it would start by itself; ``day_alone``: no hour was entered with its date.

    ``image``: the document can be shown beside the entry.
    """

    proof: EnteredProof
    case: Case
    patient: str | None
    request: Request
    number: int
    day_alone: bool
    period: Period
    log_size: int
    image: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryView:
    """A case in which a proof can be entered: its requests that may want one, and those who can have given it."""

    case: Case
    patient: str | None
    requests: tuple[tuple[int, Request], ...]
    partners: tuple[Partner, ...]
    entered: tuple[EnteredProof, ...]
    log_size: int


Names = Callable[[Rows, Iterable[Case]], Awaitable[Mapping[str, str]]]


class ProofPages:
    """Reads them. ``names`` gives the patients of cases."""

    def __init__(
        self,
        *,
        store: Store,
        cabinet: Cabinet,
        party: Party,
        directory: Directory,
        almanac: Almanac,
        names: Names,
    ) -> None:
        self._store = store
        self._cabinet = cabinet
        self._party = party
        self._directory = directory
        self._almanac = almanac
        self._names = names

    async def waiting(self, actor: Actor) -> tuple[ProofView, ...]:
        """Those that await a second person, oldest first."""
        async with self._store.view() as view:
            size = await log_size(view)
            found = await view.all(EnteredProof, site=self._party.site, settled_at=None)
            rows = Gathered(view)
            cases = await rows.take(Case, "id", (proof.case_id for proof in found))
            await rows.take(Request, "case_id", (proof.case_id for proof in found))
            await rows.take(VaultKey, "id", (case.vault_key for case in cases))
            await rows.take(CalendarAct, "site", (self._party.site,))
            return tuple([await self._view(rows, proof, actor, size) for proof in found])

    async def of(self, number: int, actor: Actor) -> ProofView:
        """One of them, settled or not.

        Raises:
            Unknown.
        """
        async with self._store.view() as view:
            size = await log_size(view)
            proof = await view.one(EnteredProof, site=self._party.site, id=number)
            if proof is None:
                raise Unknown(kind=said("preuve"), ref=str(number))
            found = await self._view(view, proof, actor, size)
            return replace(found, image=await self._is_image(view, proof))

    async def to_enter(self, ref: str, actor: Actor) -> EntryView:
        """What a person needs to enter one.

        Raises:
            Unknown: no such case, or we do not count periods.
        """
        if self._party.role is not Role.HOSPITAL:
            raise Unknown(kind=said("dossier"), ref=ref)
        async with self._store.view() as view:
            size = await log_size(view)
            case = await find_case(view, self._party.site, ref)
            requests = await view.all(Request, site=self._party.site, case_id=case.id)
            return EntryView(
                case=case,
                patient=await self._patient(view, case, actor),
                requests=tuple(
                    (number, row)
                    for number, row in enumerate(requests, 1)
                    if row.handed_over_at is not None and row.state is not life.State.SUPERSEDED
                ),
                partners=self._directory.with_role(Role.CNAS),
                entered=await view.all(EnteredProof, site=self._party.site, case_id=case.id),
                log_size=size,
            )

    async def _view(self, view: Rows, proof: EnteredProof, actor: Actor, size: int) -> ProofView:
        case = await view.one(Case, id=proof.case_id)
        requests = await view.all(Request, site=self._party.site, case_id=proof.case_id)
        found = next(((number, row) for number, row in enumerate(requests, 1) if row.hash == proof.request_hash), None)
        if case is None or found is None:
            raise LookupError("a proof without its case or request")
        number, request = found
        return ProofView(
            proof=proof,
            case=case,
            patient=await self._patient(view, case, actor),
            request=request,
            number=number,
            day_alone=is_day_alone(proof.received_at, proof.entered_at),
            period=compute(proof.received_at, await self._almanac.calendar(view)),
            log_size=size,
        )

    async def _is_image(self, view: View, proof: EnteredProof) -> bool:
        """The bytes stay here: only what they are is told, so that nothing is read yet."""
        if proof.mail is not None:
            return False
        try:
            media = media_of(await self._cabinet.get(view, proof.file))
        except VaultClosed:
            # Its case was forgotten: who asks for the document is told.
            return False
        return media is not None and media.image

    async def _patient(self, view: Rows, case: Case, actor: Actor) -> str | None:
        return (await self._names(view, (case,))).get(case.ref) if actor.may(Right.IDENTITY) else None
