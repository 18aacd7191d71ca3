"""What a person sends and notes: any kind of the catalogue, a fact, a correction, the closure of a case.

Each act names its author. Everything is validated and sealed before the commit: an error leaves nothing half-done.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from gateway.domain import case as stay
from gateway.domain import request as life
from gateway.domain.case import token
from gateway.domain.errors import (
    FicheInvalid,
    NotAllowed,
    PreconditionMissing,
    RequestTooLate,
    Unknown,
)
from gateway.domain.guards import Known, guard
from gateway.domain.kinds import (
    EXTENSION_REGULARISATION,
    EXTENSION_REQUEST,
    EXTENSION_REQUEST_VITAL,
    KINDS,
    Answer,
    Subject,
    Travel,
    parse_date,
)
from gateway.domain.parties import Directory, Party, Role
from gateway.domain.rights import Right
from gateway.domain.tacit import end_of_day_in_paris
from gateway.domain.words import dated, listed, said
from gateway.ports import Clock, Noise
from gateway.services.accept import request_terms, spanned
from gateway.services.arrived import FORM
from gateway.services.cabinet import Cabinet
from gateway.services.cases import find_case, open_request, unfinished
from gateway.services.casework import Casework, Happening
from gateway.services.compose import Composer, SealedMail, current_pins
from gateway.services.exchange_place import Place, draft, foreseen, needed
from gateway.services.fiche import Fiche, by_place, check
from gateway.services.replies import Reply, answers
from gateway.services.requests import Requests
from gateway.services.rights import entitled
from gateway.storage import Act, Case, Fact, Message, Request, Store, View


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
        noise: Noise,
        party: Party,
        directory: Directory,
    ) -> None:
        self._store = store
        self._cabinet = cabinet
        self._composer = composer
        self._requests = requests
        self._casework = casework
        self._clock = clock
        self._noise = noise
        self._party = party
        self._directory = directory

    async def submit(self, fiche: Fiche, *, actor: str) -> Submitted:
        """Validate, seal, commit; the daemon sends.

        Raises:
            NotAllowed: our role does not send this kind. FicheInvalid: every fault at once. RequestTooLate: K2.
            PreconditionMissing: a rule warns, and nobody insists. IllegalTransition: it cannot happen now.
            KeyFault, MailTooLarge, StorageFailed: nothing was kept.
        """
        kind = fiche.kind
        if kind.travel is not Travel.MAIL or kind.subject is Subject.NOTICE or kind.route(self._party.role) is None:
            raise NotAllowed(act=said(kind.title), reason=said("Ce rôle n'envoie pas ce type de message."))
        check(fiche)
        self._in_time(fiche)
        async with self._store.view() as view:
            await entitled(view, self._party, actor, needed(self._party, fiche))
            place = await self._place(view, fiche)
            await self._guarded(view, fiche, place)
            pins = await current_pins(view, self._party.site)
        foreseen(fiche, place)
        mail = await self._composer.seal(draft(fiche, place), pins)
        async with self._store.act() as act:
            await entitled(act, self._party, actor, needed(self._party, fiche))
            return await self._send(act, fiche, place, mail, actor)

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
            place = await self._place(act, fiche)
            if place.opens:
                raise Unknown(kind=said("dossier"), ref="–")
            await self._guarded(act, fiche, place)
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

    # --- before the commit

    def _in_time(self, fiche: Fiche) -> None:
        """K2: a request comes before the authorisation ends; a person may insist, and says why."""
        if fiche.kind.subject is not Subject.REQUEST or fiche.because:
            return
        end = parse_date(fiche.values.get("authorised_until", ""))
        if end is not None and self._clock.now() >= end_of_day_in_paris(end):
            raise RequestTooLate(end=dated(end))

    async def _place(self, view: View, fiche: Fiche) -> Place:
        kind = fiche.kind
        if fiche.ref is None:
            event = kind.outcome.case
            if event is None or event not in stay.OPENINGS:
                fault = said("dossier : manque (le numéro du dossier, par exemple 7F3K-Q2)")
                raise FicheInvalid(path=fiche.path, faults=listed([fault]))
            case, key = self._casework.new(
                ref=token(self._noise(6)), hospital=self._hospital(fiche), event=event, values=fiche.values
            )
            return Place(case=case, key=key, opens=True)
        case = await find_case(view, self._party.site, fiche.ref)
        key = await self._cabinet.case_key(view, case)
        if kind.subject is Subject.CASE:
            return Place(case=case, key=key, opens=False)
        if kind.subject is Subject.REQUEST:
            return Place(case=case, key=key, opens=False, replaced=await self._replaced(view, case, fiche))
        request = await open_request(view, case, fiche.request, or_settled=kind.subject is Subject.EXCHANGE)
        asked = await view.one(
            Message,
            site=self._party.site,
            request_hash=request.hash,
            kind=(EXTENSION_REQUEST.id, EXTENSION_REQUEST_VITAL.id),
        )
        answers_to = asked.message_id if asked else None
        return Place(case=case, key=key, opens=False, request=request, answers_to=answers_to)

    async def _replaced(self, view: View, case: Case, fiche: Fiche) -> Request | None:
        named = fiche.values.get("supersedes", "")
        return await open_request(view, case, named) if named else None

    def _hospital(self, fiche: Fiche) -> str:
        """Whose case is opened: ours, or at the CNAS the hospital that the fiche names."""
        if self._party.role is Role.HOSPITAL:
            return self._party.id
        hospitals = [partner.id for partner in self._directory.with_role(Role.HOSPITAL)]
        if fiche.hospital in hospitals:
            return fiche.hospital
        if fiche.hospital is None and len(hospitals) == 1:
            return hospitals[0]
        fault = said("hopital : attendu {choices}", choices=", ".join(hospitals))
        raise FicheInvalid(path=fiche.path, faults=listed([fault]))

    async def _guarded(self, view: View, fiche: Fiche, place: Place) -> None:
        if fiche.because:
            return
        known = Known(facts={}) if place.opens else await self._casework.known(view, place.case, place.request)
        reason = guard(fiche.kind.id, fiche.values, known)
        if reason is not None:
            raise PreconditionMissing(act=said(fiche.kind.title), reason=reason)

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
