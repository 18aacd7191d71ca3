"""A person says of an answer that came near the end whether it was in time.

To count it as in time stops the period and takes one person; to count it as late lets the silence be recorded and takes
two where four eyes are on. The word holds for the ends that the person knew.
"""

from dataclasses import dataclass

from gateway.domain.challenge import Finding
from gateway.domain.errors import NotAllowed
from gateway.domain.parties import Party, Role
from gateway.domain.rights import Right
from gateway.domain.words import Said, said
from gateway.ports import Clock
from gateway.services.answers import binding, doubted
from gateway.services.cabinet import Cabinet
from gateway.services.cases import find_case, open_request
from gateway.services.requests import Requests
from gateway.services.rights import entitled
from gateway.services.rulings import rule, seal_words
from gateway.storage import Act, Case, HeardAnswer, Matter, Request, Ruling, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A person's word on an answer, and the request after it."""

    case: Case
    request: Request
    answer: HeardAnswer
    ruling: Ruling


class Disputes:
    """Acts on answers in dispute."""

    def __init__(
        self, *, store: Store, cabinet: Cabinet, requests: Requests, clock: Clock, party: Party, persons_needed: int
    ) -> None:
        self._store = store
        self._cabinet = cabinet
        self._requests = requests
        self._clock = clock
        self._party = party
        self._persons_needed = persons_needed

    async def settle(
        self,
        ref: str,
        finding: Finding,
        *,
        because: str,
        actor: str,
        request_hash: str | None = None,
        number: int | None = None,
    ) -> Settled:
        """Say whether an answer in dispute was in time, and why; ``number`` chooses one of several.

        Raises:
            Unknown: no such case. NotAllowed: we only follow, none is in dispute, several are and none is named, nobody
            says why, or this person has said it already.
        """
        told = {
            Finding.IN_TIME: said("compter à temps la réponse du dossier {ref}", ref=ref),
            Finding.LATE: said("compter tardive la réponse du dossier {ref}", ref=ref),
        }
        named = told[finding]
        if self._party.role is not Role.HOSPITAL:
            raise NotAllowed(act=named, reason=said("L'hôpital qui a reçu la réponse la départage."))
        async with self._store.act() as act:
            await entitled(act, self._party, actor, Right.PROVE)
            case = await find_case(act, self._party.site, ref)
            await act.lock(case.id)
            request = await open_request(act, case, request_hash)
            # Another process may have amended the calendar: what it settles needs nobody.
            request = await self._requests.refresh(act, request)
            answer = await self._answer(act, request, number, named)
            word = Ruling(
                site=self._party.site,
                request_hash=request.hash,
                matter=Matter.ANSWER,
                about=answer.id,
                binding=binding(request),
                finding=finding,
                words=await seal_words(act, self._cabinet, case, because, act_named=named),
                person=actor,
                at=self._clock.now(),
                decides=False,
            )
            needed = self._persons_needed if finding is Finding.LATE else 1
            ruling = await rule(act, word, needed=needed, act_named=named)
            await act.record(
                "answer.ruled" if ruling.decides else "answer.proposed",
                actor=actor,
                case=case.ref,
                request=request.hash,
                message=answer.message,
                partner=answer.partner,
                outcome=finding.value,
                details={"heard": answer.id, "about": ruling.binding},
            )
            if ruling.decides:
                request = await self._requests.answers.judge(act, request, actor=actor)
            return Settled(case=case, request=request, answer=answer, ruling=ruling)

    async def _answer(self, act: Act, request: Request, number: int | None, named: Said) -> HeardAnswer:
        found = await doubted(act, request, self._party.role)
        if number is not None:
            found = tuple(row for row in found if row.id == number)
        if not found:
            raise NotAllowed(act=named, reason=said("Aucune réponse n'y est à départager."))
        if len(found) > 1:
            numbers = ", ".join(str(row.id) for row in found)
            raise NotAllowed(act=named, reason=said("Précisez la réponse avec --answer : {numbers}.", numbers=numbers))
        return found[0]
