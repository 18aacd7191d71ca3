"""What persons do about a recorded silence: cast doubt on it, uphold it, or withdraw it.

One person suffices to cast doubt. To uphold or withdraw takes two where four eyes are on. The record stays in any case;
a withdrawal leaves the request to what is known of it now, and owes a correction to whoever got the notice.
"""

from dataclasses import dataclass, replace

from gateway.domain.audit import iso
from gateway.domain.challenge import Finding, Ground
from gateway.domain.errors import NotAllowed
from gateway.domain.parties import Party
from gateway.domain.request import Event
from gateway.domain.rights import Right
from gateway.domain.words import Said, said
from gateway.ports import Clock
from gateway.services.cabinet import Cabinet
from gateway.services.cases import find_case
from gateway.services.casework import Casework
from gateway.services.challenged import Standing, acceptances_of, challenge
from gateway.services.requests import Requests
from gateway.services.rights import entitled
from gateway.services.rulings import rule, seal_words
from gateway.storage import Act, Case, Matter, Request, Ruling, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruled:
    """A person's word on an acceptance, and the request after it."""

    case: Case
    request: Request
    ruling: Ruling


class Challenges:
    """Acts on acceptances."""

    def __init__(
        self,
        *,
        store: Store,
        cabinet: Cabinet,
        requests: Requests,
        casework: Casework,
        clock: Clock,
        party: Party,
        persons_needed: int,
    ) -> None:
        self._store = store
        self._cabinet = cabinet
        self._requests = requests
        self._casework = casework
        self._clock = clock
        self._party = party
        self._persons_needed = persons_needed

    async def cast(self, ref: str, *, because: str, actor: str, request_hash: str | None = None) -> Case:
        """A person knows what no machine sees: a letter in the post, a proof that was wrong.

        Raises:
            Unknown: no such case. NotAllowed: no acceptance stands there, or nobody says why.
        """
        named = said("mettre en cause une acceptation du dossier {ref}", ref=ref)
        async with self._store.act() as act:
            await entitled(act, self._party, actor, Right.PROVE, Right.CONFIRM)
            case, request, found = await self._standing(act, ref, request_hash, named)
            now = self._clock.now()
            await challenge(
                act,
                self._requests.advance,
                request,
                found.acceptance,
                Ground.PERSON,
                about=f"{actor} {iso(now)}",
                by=actor,
                at=now,
                words=await seal_words(act, self._cabinet, case, because, act_named=named),
            )
            return case

    async def rule(
        self, ref: str, finding: Finding, *, because: str, actor: str, request_hash: str | None = None
    ) -> Ruled:
        """A person upholds or withdraws a challenged acceptance, and says why.

        Raises:
            Unknown: no such case. NotAllowed: nothing is challenged, nobody says why, or this person has said it.
        """
        told = {
            Finding.UPHELD: said("maintenir l'acceptation du dossier {ref}", ref=ref),
            Finding.WITHDRAWN: said("retirer l'acceptation du dossier {ref}", ref=ref),
        }
        named = told[finding]
        async with self._store.act() as act:
            await entitled(act, self._party, actor, Right.PROVE)
            case, request, found = await self._standing(act, ref, request_hash, named)
            if not found.open:
                raise NotAllowed(act=named, reason=said("Rien ne la met en cause ; voyez « gateway challenge list »."))
            word = Ruling(
                site=self._party.site,
                request_hash=request.hash,
                matter=Matter.ACCEPTANCE,
                about=found.open[-1].id,
                binding="",
                finding=finding,
                words=await seal_words(act, self._cabinet, case, because, act_named=named),
                person=actor,
                at=self._clock.now(),
                decides=False,
            )
            ruling = await rule(act, word, needed=self._persons_needed, act_named=named)
            if not ruling.decides:
                await act.record(
                    "challenge.proposed", actor=actor, case=case.ref, request=request.hash, outcome=finding.value
                )
            elif finding is Finding.UPHELD:
                request = await self._requests.advance(
                    act, request, Event.UPHELD, actor=actor, details=_details(found, ruling)
                )
            else:
                request = await self._withdraw(act, request, found, ruling)
            return Ruled(case=await act.one(Case, id=case.id) or case, request=request, ruling=ruling)

    async def _standing(
        self, act: Act, ref: str, request_hash: str | None, named: Said
    ) -> tuple[Case, Request, Standing]:
        """The acceptance that stands in a case, or of the request whose hash begins so; the case is locked."""
        case = await find_case(act, self._party.site, ref)
        await act.lock(case.id)
        found = []
        for request in await act.all(Request, site=self._party.site, case_id=case.id):
            if request_hash is not None and not request.hash.startswith(request_hash.lower()):
                continue
            known = await acceptances_of(act, self._party.site, request.hash)
            found += [(request, each) for each in known if each.acceptance.withdrawn_at is None]
        # Several may stand in a case; the one that is meant is then the one that is challenged.
        if request_hash is None and len(found) > 1:
            found = [(request, each) for request, each in found if each.open] or found
        if not found:
            raise NotAllowed(act=named, reason=said("Aucune acceptation réputée acquise n'y est enregistrée."))
        if len(found) > 1:
            hashes = ", ".join(request.hash[:12] for request, _ in found)
            raise NotAllowed(act=named, reason=said("Précisez la demande avec --request : {hashes}.", hashes=hashes))
        request, standing = found[0]
        return case, request, standing

    async def _withdraw(self, act: Act, request: Request, found: Standing, ruling: Ruling) -> Request:
        """The record stays; the request goes back to what evidence, calendar and answers say now."""
        await act.save(replace(found.acceptance, withdrawn_at=ruling.at))
        request = await self._requests.advance(
            act,
            request,
            Event.WITHDRAWN,
            actor=ruling.person,
            details=_details(found, ruling),
            due_at=request.nominal_at,
            settled_at=None,
            elapsed_at=None,
        )
        await self._casework.silence_withdrawn(act, request, actor=ruling.person)
        request = await self._requests.recompute(act, request)
        return await self._requests.answers.judge(act, request)


def _details(found: Standing, ruling: Ruling) -> dict[str, str | int | None]:
    proposed = [row.person for row in found.waiting if row.person != ruling.person and row.finding is ruling.finding]
    return {
        "acceptance": found.acceptance.id,
        "effective_at": iso(found.acceptance.effective_at),
        "challenge": ruling.about,
        "ground": found.open[-1].ground.value,
        "proposed_by": proposed[-1] if proposed else None,
    }
