"""What a person sends and notes: any kind of the catalogue, a fact, a correction, the closure of a case.

Each act names its author. Everything is validated and sealed before the commit: an error leaves nothing half-done.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from gateway.domain import case as stay
from gateway.domain import request as life
from gateway.domain.errors import (
    NotAllowed,
    Unknown,
)
from gateway.domain.kinds import (
    EXTENSION_REGULARISATION,
    KINDS,
    Answer,
    Subject,
    Travel,
)
from gateway.domain.parties import Party
from gateway.domain.rights import Right
from gateway.domain.words import said
from gateway.ports import Clock
from gateway.services.accept import request_terms, spanned
from gateway.services.arrived import FORM
from gateway.services.cabinet import Cabinet
from gateway.services.cases import find_case, unfinished
from gateway.services.casework import Casework, Happening
from gateway.services.compose import Composer, SealedMail, current_pins
from gateway.services.fiche import Fiche, by_place, check
from gateway.services.placing import Place, Placing, draft_of, foreseen, needed
from gateway.services.replies import Reply, answers
from gateway.services.requests import Requests
from gateway.services.rights import entitled
from gateway.storage import Act, Case, Fact, Message, Request, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """A message that is on its way, with the case and, when it is about one, the request."""

    case: Case
    message: Message
    about: Request | None

    @property
    def request(self) -> Request:
        """The request that was submitted or answered.

        Raises:
            LookupError: the message is about none.
        """
        if self.about is None:
            raise LookupError("this message is about no request")
        return self.about


Then = Callable[[Act], Awaitable[None]]
"""What else belongs to a commit."""


class Desk:
    """The acts of persons on cases."""

    def __init__(
        self,
        *,
        store: Store,
        cabinet: Cabinet,
        composer: Composer,
        requests: Requests,
        casework: Casework,
        clock: Clock,
        placing: Placing,
        party: Party,
    ) -> None:
        self._store = store
        self._cabinet = cabinet
        self._composer = composer
        self._requests = requests
        self._casework = casework
        self._clock = clock
        self._party = party
        self._placing = placing

    async def submit(self, fiche: Fiche, *, actor: str, then: Then | None = None) -> Submitted:
        """Validate, seal, commit; the daemon sends. ``then`` is done in the same commit.

        Raises:
            NotAllowed: our role does not send this kind. FicheInvalid: every fault at once. RequestTooLate: K2.
            PreconditionMissing: a rule warns, and nobody insists. IllegalTransition: it cannot happen now.
            KeyFault, MailTooLarge, StorageFailed: nothing was kept.
        """
        kind = fiche.kind
        if kind.travel is not Travel.MAIL or kind.subject is Subject.NOTICE or kind.route(self._party.role) is None:
            raise NotAllowed(act=said(kind.title), reason=said("Ce rôle n'envoie pas ce type de message."))
        check(fiche)
        self._placing.in_time(fiche)
        async with self._store.view() as view:
            await entitled(view, self._party, actor, needed(self._party, fiche))
            place = await self._placing.place(view, fiche)
            await self._placing.guarded(view, fiche, place)
            pins = await current_pins(view, self._party.site)
        foreseen(fiche, place)
        mail = await self._composer.seal(draft_of(fiche, place), pins)
        async with self._store.act() as act:
            await entitled(act, self._party, actor, needed(self._party, fiche))
            sent = await self._send(act, fiche, place, mail, actor)
            if then is not None:
                await then(act)
            return sent

    async def note(self, fiche: Fiche, *, actor: str) -> Case:
        """Note a fact, or what came or went by another secured way.

        Raises:
            NotAllowed, FicheInvalid, PreconditionMissing, IllegalTransition, Unknown: nothing was kept.
        """
        kind = fiche.kind
        if self._party.role not in kind.noted_by:
            reason = said("Ce rôle ne note pas ce type de fait ; un courrier s'envoie avec « gateway submit ».")
            raise NotAllowed(act=said(kind.title), reason=reason)
        if fiche.attachments:
            raise NotAllowed(act=said(kind.title), reason=said("Un fait noté ne porte pas de pièce jointe."))
        check(fiche, pieces=False)
        async with self._store.act() as act:
            await entitled(act, self._party, actor, Right.SEND)
            place = await self._placing.place(act, fiche)
            if place.opens:
                raise Unknown(kind=said("dossier"), ref="–")
            await self._placing.guarded(act, fiche, place)
            await act.lock(place.case.id)
            case = await act.one(Case, id=place.case.id) or place.case
            request = await self._moved(act, fiche, place.request, actor=actor, message=None)
            what = self._happening(fiche, actor, request, None)
            return await self._casework.happen(act, case, place.key, what)

    async def correct(self, fact_id: int, places: Mapping[str, str] | None, *, actor: str) -> Fact:
        """Replace a noted fact by another of its kind, or withdraw it (``places`` None). The old one stays in the file.

        ``places`` gives the new values by their place in the fiche.

        Raises:
            Unknown, NotAllowed, FicheInvalid, IllegalTransition: nothing was changed.
        """
        async with self._store.act() as act:
            await entitled(act, self._party, actor, Right.SEND)
            old = await act.one(Fact, site=self._party.site, id=fact_id)
            if old is None:
                raise Unknown(kind=said("fait"), ref=str(fact_id))
            act_named = said("corriger le fait {number}", number=fact_id)
            if old.message is not None:
                reason = said("Un courrier ne se corrige pas : envoyez-en un autre.")
                raise NotAllowed(act=act_named, reason=reason)
            if await act.one(Fact, site=self._party.site, corrects=old.id) is not None or old.withdraws:
                raise NotAllowed(act=act_named, reason=said("Il l'a déjà été ; corrigez la correction."))
            case = await act.one(Case, id=old.case_id)
            if case is None:
                raise LookupError("a fact without its case")
            await act.lock(case.id)
            key = await self._cabinet.case_key(act, case)
            values = None
            if places is not None:
                values = self._casework.details(old, key) | by_place(KINDS[old.kind], places)
                check(Fiche(path="gateway correct", kind=KINDS[old.kind], ref=case.ref, values=values), pieces=False)
            return await self._casework.correct(act, case, key, old, values, actor=actor)

    async def close(self, ref: str, *, actor: str) -> Case:
        """Close a case.

        Raises:
            NotAllowed: a request or dispute is open, an acceptance in doubt. IllegalTransition: the stay is not over.
        """
        async with self._store.act() as act:
            await entitled(act, self._party, actor, Right.SEND)
            case = await find_case(act, self._party.site, ref)
            await act.lock(case.id)
            reason = await unfinished(act, case)
            if reason is not None:
                raise NotAllowed(act=said("clore le dossier {ref}", ref=case.ref), reason=reason)
            state = stay.step(case.state, stay.Event.CLOSED)
            await act.record("case.closed", actor=actor, case=case.ref, outcome=state.value)
            return await act.save(replace(case, state=state, closed_at=self._clock.now()))

    # --- the commit

    async def _send(self, act: Act, fiche: Fiche, place: Place, mail: SealedMail, actor: str) -> Submitted:
        case, key = place.case, place.key
        if place.opens:
            case = await self._casework.open(act, case, key, actor=actor)
        await act.lock(case.id)
        case = await act.one(Case, id=case.id) or case
        kind = fiche.kind
        request_hash = mail.mic if kind.subject is Subject.REQUEST else place.request.hash if place.request else None
        message = await self._composer.queue(act, mail, case, key, request_hash=request_hash)
        if kind.subject is Subject.REQUEST:
            request: Request | None = await self._requested(
                act, fiche, place, case=case, mail=mail, message=message, actor=actor
            )
        else:
            request = await self._moved(act, fiche, place.request, actor=actor, message=message)
        case = await self._casework.happen(
            act, case, key, self._happening(fiche, actor, request, message), opens=place.opens
        )
        if kind.subject is not Subject.REQUEST:
            await act.record(
                "message.submitted",
                actor=actor,
                case=case.ref,
                request=request_hash,
                message=str(message.id),
                partner=message.partner,
                outcome=kind.id,
                details={"message_id": mail.message_id, "mic": mail.mic, "attachments": len(fiche.attachments)},
            )
        return Submitted(case=case, message=message, about=request)

    async def _requested(
        self, act: Act, fiche: Fiche, place: Place, *, case: Case, mail: SealedMail, message: Message, actor: str
    ) -> Request:
        replaced = place.replaced
        request = await act.add(
            Request(
                site=self._party.site,
                case_id=case.id,
                hash=mail.mic,
                state=life.State.SUBMITTED,
                submitted_at=mail.at,
                complete=True,
                supersedes=replaced.hash if replaced else None,
                **request_terms(fiche.kind, mail.draft.values),
            )
        )
        await act.record(
            "request.submitted",
            actor=actor,
            case=case.ref,
            request=request.hash,
            message=str(message.id),
            partner=message.partner,
            outcome=request.state.value,
            details={
                "message_id": mail.message_id,
                "kind": fiche.kind.id,
                "attachments": len(mail.draft.attachments),
                "requested_from": request.requested_from.isoformat(),
                "requested_until": request.requested_until.isoformat(),
                "authorised_until": request.authorised_until.isoformat(),
                "supersedes": request.supersedes,
                "insisted": fiche.because is not None,
            },
        )
        if replaced is not None:
            await self._supersede(act, replaced, request, actor)
        return request

    async def _supersede(self, act: Act, replaced: Request, request: Request, actor: str) -> None:
        current = await act.one(Request, id=replaced.id) or replaced
        if await self._requests.supersede(act, current, request, actor=actor) is None:
            reason = said("Son délai est écoulé, ou elle a reçu une réponse : faites une demande nouvelle.")
            raise NotAllowed(act=said("remplacer la demande {hash}", hash=replaced.hash[:12]), reason=reason)

    async def _moved(
        self, act: Act, fiche: Fiche, request: Request | None, *, actor: str, message: Message | None
    ) -> Request | None:
        """The request after this exchange."""
        if request is None:
            return None
        current = await act.one(Request, id=request.id) or request
        if message is not None and answers(fiche.kind, current, self._clock.now()):
            return await self._answered(act, fiche, current, message, actor)
        event = fiche.kind.outcome_of(fiche.values).request
        if event is None:
            return current
        changes: dict[str, Any] = {"form_owed": False} if fiche.kind is EXTENSION_REGULARISATION else {}
        named = None if message is None else str(message.id)
        return await self._requests.advance(act, current, event, actor=actor, message=named, **changes)

    async def _answered(self, act: Act, fiche: Fiche, current: Request, message: Message, actor: str) -> Request:
        """Our own answer, at the CNAS: late once the period is over, whatever we would like."""
        has_form = any(piece.role == FORM for piece in fiche.attachments)
        answer = fiche.kind.answer or Answer.ACCEPTED
        reply = Reply(answer=answer, kind=fiche.kind, values=fiche.values, has_form=has_form)
        return await self._requests.answers.own(act, current, reply, actor=actor, message=str(message.id))

    def _happening(self, fiche: Fiche, actor: str, request: Request | None, message: Message | None) -> Happening:
        return Happening(
            kind=fiche.kind,
            values=spanned(fiche.kind, fiche.values, request),
            actor=actor,
            at=message.at if message else self._clock.now(),
            request_hash=request.hash if request else None,
            message=message.id if message else None,
            partner=message.partner if message else None,
            reason=fiche.because,
        )
