"""What a request asks of a person before its silence is recorded, and a person's word on it, by name."""

from collections.abc import Sequence

from gateway.domain.case import parse_token
from gateway.domain.errors import AlreadyThere, NotAllowed
from gateway.domain.parties import Party
from gateway.domain.rights import Right
from gateway.domain.tacit import Condition, wanted
from gateway.domain.words import said
from gateway.ports import Clock
from gateway.services.cases import find_case, open_request
from gateway.services.deadlines import Deadlines
from gateway.services.rights import entitled
from gateway.storage import Confirmation, Request, Store


class Confirmations:
    """Takes persons at their word."""

    def __init__(self, *, store: Store, deadlines: Deadlines, clock: Clock, party: Party) -> None:
        self._store = store
        self._deadlines = deadlines
        self._clock = clock
        self._party = party

    async def asked(self, ref: str, request_hash: str | None = None) -> tuple[Request, tuple[Condition, ...]]:
        """The open request of a case and every condition for recording its silence."""
        async with self._store.view() as view:
            case = await find_case(view, self._party.site, ref)
            request = await open_request(view, case, request_hash)
            return request, await self._deadlines.standing(view, request)

    async def confirm(
        self, ref: str, *, actor: str, codes: Sequence[str] = (), request_hash: str | None = None
    ) -> tuple[str, ...]:
        """A person's word, by name, on what a request asks of a person. Returns what was confirmed.

        Raises:
            NotAllowed: nothing is asked, or this person has said it already.
        """
        async with self._store.view() as view:
            await entitled(view, self._party, actor, Right.CONFIRM)
        request, found = await self.asked(ref, request_hash)
        asked = {condition.asks or "": condition for condition in wanted(found)}
        chosen = tuple(code for code in codes or asked if code in asked)
        if not chosen or set(codes) - set(asked):
            raise NotAllowed(
                act=said("confirmer le dossier {ref}", ref=ref), reason=said("Rien de tel n'y attend une confirmation.")
            )
        async with self._store.act() as act:
            await entitled(act, self._party, actor, Right.CONFIRM)
            for code in chosen:
                row = Confirmation(
                    site=self._party.site,
                    request_hash=request.hash,
                    asked=code,
                    binding=asked[code].binding,
                    person=actor,
                    at=self._clock.now(),
                )
                try:
                    await act.add(row)
                except AlreadyThere:
                    reason = said("Vous l'avez déjà confirmé ; il faut une seconde personne.")
                    raise NotAllowed(act=said("confirmer « {code} »", code=code), reason=reason) from None
                await act.record(
                    "request.confirmed",
                    actor=actor,
                    case=parse_token(ref),
                    request=request.hash,
                    outcome=code,
                    details={"about": asked[code].binding},
                )
        return chosen
