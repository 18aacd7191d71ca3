"""What a person does: submit a request, answer one, settle a mail, confirm by name.

Each act names its author. Everything is validated and sealed before the commit: an error leaves nothing half-done.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from gateway.domain import request as life
from gateway.domain.case import parse_token, token
from gateway.domain.errors import AlreadyThere, FicheInvalid, NotAllowed, RequestTooLate, Unknown
from gateway.domain.kinds import (
    EXTENSION_ACCEPTANCE,
    EXTENSION_REFUSAL,
    EXTENSION_REQUEST,
    Answer,
    Kind,
    Subject,
    faults,
    parse_date,
)
from gateway.domain.parties import Directory, Party, Role
from gateway.domain.tacit import Condition, end_of_day_in_paris, wanted
from gateway.domain.words import Said, listed, said
from gateway.ports import Clock, Noise
from gateway.services.accept import seal_identity
from gateway.services.cabinet import Cabinet
from gateway.services.cases import find_case, open_request
from gateway.services.compose import Composer, Draft, SealedMail, current_pins
from gateway.services.deadlines import Deadlines
from gateway.services.requests import AnswerTimes, Requests
from gateway.storage import Act, Case, Confirmation, Mail, Message, Request, Store, VaultKey, Verdict, View
from gateway.wire.payload import Attachment

SETTLEMENTS = ("acceptance", "refusal", "not-an-answer")
"""What a person may say that a mail in triage is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """A request that is on its way."""

    case: Case
    request: Request
    message: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Fiche:
    """A form as a person filled it: values by field id, files by role. ``path`` is only for error messages."""

    path: str
    kind: Kind
    ref: str | None
    values: Mapping[str, str]
    attachments: tuple[Attachment, ...]


class Desk:
    """The acts of persons."""

    def __init__(
        self,
        *,
        store: Store,
        cabinet: Cabinet,
        composer: Composer,
        requests: Requests,
        deadlines: Deadlines,
        clock: Clock,
        noise: Noise,
        party: Party,
        directory: Directory,
        persons_needed: int,
    ) -> None:
        self._store = store
        self._cabinet = cabinet
        self._composer = composer
        self._requests = requests
        self._deadlines = deadlines
        self._clock = clock
        self._noise = noise
        self._party = party
        self._directory = directory
        self._persons_needed = persons_needed

    # --- A hospital submits.

    async def submit(self, fiche: Fiche, *, actor: str) -> Submitted:
        """Validate, seal, commit; the daemon sends.

        Raises:
            NotAllowed: our role does not send this kind. FicheInvalid: every fault at once. RequestTooLate: K2.
            KeyFault, MailTooLarge, StorageFailed: nothing was kept.
        """
        if self._party.role not in fiche.kind.senders or fiche.kind.subject is not Subject.REQUEST:
            raise NotAllowed(act=said(fiche.kind.title), reason=said("Ce rôle n'envoie pas ce type de message."))
        self._check(fiche)
        end = parse_date(fiche.values["authorised_until"])
        if end is not None and self._clock.now() >= end_of_day_in_paris(end):
            raise RequestTooLate(end=said("{end:%d/%m/%Y}", end=end))
        async with self._store.view() as view:
            case, key = await self._case(view, fiche)
            pins = await current_pins(view, self._party.site)
        draft = Draft(
            kind=fiche.kind, ref=case.ref, hospital=case.hospital, values=fiche.values, attachments=fiche.attachments
        )
        mail = await self._composer.seal(draft, pins)
        async with self._store.act() as act:
            return await self._commit_request(act, case, key, mail, actor)

    def _check(self, fiche: Fiche) -> None:
        found: list[Said | str] = list(faults(fiche.kind, fiche.values))
        given = {attachment.role for attachment in fiche.attachments}
        found += [
            said("{place} : manque ({title})", place=f"pieces.{piece.fiche}", title=said(piece.title))
            for piece in fiche.kind.pieces
            if piece.required and piece.role not in given
        ]
        roles = [attachment.role for attachment in fiche.attachments]
        known = {piece.role: piece for piece in fiche.kind.pieces}
        found += [
            said("{place} : donné deux fois", place=f"pieces.{known[role].fiche}")
            for role in known
            if roles.count(role) > 1
        ]
        found += [
            said("{place} : {name} est vide", place="pieces", name=attachment.name)
            for attachment in fiche.attachments
            if not attachment.data
        ]
        if found:
            raise FicheInvalid(path=fiche.path, faults=listed(found))

    async def _case(self, view: View, fiche: Fiche) -> tuple[Case, VaultKey]:
        if fiche.ref is not None:
            case = await find_case(view, self._party.site, fiche.ref)
            return case, await self._cabinet.case_key(view, case)
        key = self._cabinet.new_case_key()
        identity, lookup = seal_identity(self._cabinet, key, fiche.values)
        case = Case(
            site=self._party.site,
            ref=token(self._noise(6)),
            hospital=self._party.id,
            vault_key=key.id,
            opened_at=self._clock.now(),
            authorised_until=parse_date(fiche.values["authorised_until"]),
            identity=identity,
            identity_lookup=lookup,
        )
        return case, key

    async def _commit_request(self, act: Act, case: Case, key: VaultKey, mail: SealedMail, actor: str) -> Submitted:
        if not case.id:
            await act.add(key)
            case = await act.add(case)
            await act.record("case.opened", actor=actor, case=case.ref, outcome="opened")
        await act.lock(case.id)
        message = await self._composer.queue(act, mail, case, key, request_hash=mail.mic)
        days = {
            name: parse_date(mail.draft.values[name])
            for name in ("authorised_until", "requested_from", "requested_until")
        }
        until, first, last = days.values()
        if until is None or first is None or last is None:
            raise FicheInvalid(path="", faults="dates")
        request = await act.add(
            Request(
                site=self._party.site,
                case_id=case.id,
                hash=mail.mic,
                state=life.State.SUBMITTED,
                authorised_until=until,
                requested_from=first,
                requested_until=last,
                submitted_at=mail.at,
                complete=True,
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
                "attachments": len(mail.draft.attachments),
                "requested_from": first.isoformat(),
                "requested_until": last.isoformat(),
                "authorised_until": until.isoformat(),
            },
        )
        return Submitted(case=case, request=request, message=message)

    # --- The CNAS answers.

    async def answer(
        self,
        ref: str,
        kind: Kind,
        values: Mapping[str, str],
        attachments: Sequence[Attachment],
        *,
        actor: str,
        request_hash: str | None = None,
    ) -> Submitted:
        """Send an express answer to hospital and CNSE.

        Raises:
            NotAllowed, Unknown, FicheInvalid, KeyFault, MailTooLarge: nothing was sent.
        """
        if self._party.role not in kind.senders:
            raise NotAllowed(act=said(kind.title), reason=said("Seule la CNAS répond à une demande."))
        self._check(Fiche(path="", kind=kind, ref=ref, values=values, attachments=tuple(attachments)))
        async with self._store.view() as view:
            case = await find_case(view, self._party.site, ref)
            request = await open_request(view, case, request_hash)
            message = await view.one(
                Message, site=self._party.site, request_hash=request.hash, kind=EXTENSION_REQUEST.id
            )
            pins = await current_pins(view, self._party.site)
            key = await self._cabinet.case_key(view, case)
        draft = Draft(
            kind=kind,
            ref=case.ref,
            hospital=case.hospital,
            values=values,
            attachments=tuple(attachments),
            request_hash=request.hash,
            in_reply_to=message.message_id if message else None,
        )
        mail = await self._composer.seal(draft, pins)
        async with self._store.act() as act:
            await act.lock(case.id)
            current = await act.one(Request, id=request.id) or request
            queued = await self._composer.queue(act, mail, case, key, request_hash=request.hash)
            event = life.Event.ACCEPTED if kind.answer is Answer.ACCEPTED else life.Event.REFUSED
            now = self._clock.now()
            if current.nominal_at is not None and now >= current.nominal_at:
                event = life.Event.LATE_ANSWER
            changed = await self._requests.advance(
                act,
                current,
                event,
                actor=actor,
                message=str(queued.id),
                details={"answer": kind.id, "mic": mail.mic},
                settled_at=now,
                due_at=None,
            )
        return Submitted(case=case, request=changed, message=queued)

    # --- Triage.

    async def classify(
        self,
        mail_id: int,
        settlement: str,
        *,
        actor: str,
        ref: str | None = None,
        request_hash: str | None = None,
    ) -> Mail:
        """Say what a mail in triage is. An answer counts as of our own reception of the mail.

        Raises:
            Unknown, NotAllowed.
        """
        if settlement not in SETTLEMENTS:
            raise NotAllowed(
                act=said("classer en « {what} »", what=settlement[:20]),
                reason=said("{choices} attendu.", choices=", ".join(SETTLEMENTS)),
            )
        async with self._store.act() as act:
            mail = await act.one(Mail, site=self._party.site, id=mail_id)
            if mail is None or mail.verdict not in {
                Verdict.QUARANTINE,
                Verdict.PLAIN,
                Verdict.TRIAGE,
                Verdict.VANISHED,
            }:
                raise Unknown(kind=said("courrier à trier"), ref=str(mail_id))
            if mail.settled_at is not None:
                raise NotAllowed(
                    act=said("classer le courrier {mail}", mail=mail_id),
                    reason=said("Déjà classé par {who}.", who=mail.settled_by),
                )
            case_id = mail.case_id
            if settlement != "not-an-answer":
                case_id = await self._classified_answer(
                    act, mail, settlement, ref=ref, request_hash=request_hash, actor=actor
                )
            elif self._needs_second(mail) and not self._seconded(mail, settlement, actor):
                # It would let a silence be recorded: one person proposes, another settles.
                await act.record("triage.proposed", actor=actor, message=f"mail-{mail.id}", outcome=settlement)
                return await act.save(replace(mail, settled_as=settlement, settled_by=actor))
            settled = await act.save(
                replace(mail, settled_at=self._clock.now(), settled_as=settlement, settled_by=actor, case_id=case_id)
            )
            await act.record(
                "triage.classified",
                actor=actor,
                case=parse_token(ref) if ref else None,
                message=f"mail-{mail.id}",
                partner=mail.partner,
                outcome=settlement,
            )
            return settled

    def _needs_second(self, mail: Mail) -> bool:
        """Whether calling it no answer would let a silence be recorded."""
        return self._persons_needed > 1 and (mail.held_back or mail.verdict is Verdict.VANISHED)

    def _seconded(self, mail: Mail, settlement: str, actor: str) -> bool:
        if mail.settled_as != settlement or mail.settled_by is None:
            return False
        if mail.settled_by == actor:
            raise NotAllowed(
                act=said("classer le courrier {mail}", mail=mail.id), reason=said("Il faut une seconde personne.")
            )
        return True

    async def _classified_answer(
        self, act: Act, mail: Mail, settlement: str, *, ref: str | None, request_hash: str | None, actor: str
    ) -> int:
        if self._party.role is not Role.HOSPITAL:
            raise NotAllowed(act=said("classer une réponse"), reason=said("Seul l'hôpital attend une réponse."))
        if ref is None:
            raise NotAllowed(act=said("classer une réponse"), reason=said("Indiquez le dossier : --case REF."))
        if mail.received_earliest is None or mail.received_latest is None or mail.file is None:
            raise NotAllowed(act=said("classer une réponse"), reason=said("Ce courrier n'a pas pu être lu."))
        case = await find_case(act, self._party.site, ref)
        await act.lock(case.id)
        request = await open_request(act, case, request_hash, or_settled=True)
        kind = EXTENSION_ACCEPTANCE if settlement == "acceptance" else EXTENSION_REFUSAL
        times = AnswerTimes(earliest=mail.received_earliest, latest=mail.received_latest, stated=mail.received_latest)
        cnas = self._directory.with_role(Role.CNAS)
        await self._requests.answer(
            act,
            request,
            kind.answer or Answer.ACCEPTED,
            times,
            actor=actor,
            partner=mail.partner or cnas[0].id,
            message=f"mail-{mail.id}",
        )
        await self._cabinet.hand_to(act, mail.file, await self._cabinet.case_key(act, case))
        return case.id

    # --- Confirmations.

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
        request, found = await self.asked(ref, request_hash)
        asked = {condition.asks or "": condition for condition in wanted(found)}
        chosen = tuple(code for code in codes or asked if code in asked)
        if not chosen or set(codes) - set(asked):
            raise NotAllowed(
                act=said("confirmer le dossier {ref}", ref=ref), reason=said("Rien de tel n'y attend une confirmation.")
            )
        async with self._store.act() as act:
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
