"""What a mail in triage is, said by a person. What would let a silence be recorded needs two."""

from dataclasses import replace

from gateway.domain.case import parse_token
from gateway.domain.errors import NotAllowed, Unknown
from gateway.domain.kinds import EXTENSION_ACCEPTANCE, EXTENSION_REFUSAL, Answer
from gateway.domain.parties import Directory, Party, Role
from gateway.domain.words import said
from gateway.ports import Clock
from gateway.services.accept import spanned
from gateway.services.cabinet import Cabinet
from gateway.services.cases import find_case, open_request
from gateway.services.casework import Casework, Happening
from gateway.services.replies import AnswerTimes, Reply
from gateway.services.requests import Requests
from gateway.storage import Act, Mail, Store, Verdict

SETTLEMENTS = ("acceptance", "refusal", "not-an-answer")
"""What a person may say that a mail in triage is."""


class Triage:
    """Settles mails by a person's word."""

    def __init__(
        self,
        *,
        store: Store,
        cabinet: Cabinet,
        requests: Requests,
        casework: Casework,
        clock: Clock,
        party: Party,
        directory: Directory,
        persons_needed: int,
    ) -> None:
        self._store = store
        self._cabinet = cabinet
        self._requests = requests
        self._casework = casework
        self._clock = clock
        self._party = party
        self._directory = directory
        self._persons_needed = persons_needed

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
                reason=said("Attendu : {choices}.", choices=", ".join(SETTLEMENTS)),
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
        partner = mail.partner or self._directory.with_role(Role.CNAS)[0].id
        key = await self._cabinet.case_key(act, case)
        await self._requests.answer(
            act,
            request,
            # Whether the form is in it, only its reader knows: it stays owed until it comes by itself.
            Reply(answer=kind.answer or Answer.ACCEPTED, kind=kind, values={}, has_form=False),
            times,
            actor=actor,
            partner=partner,
            message=f"mail-{mail.id}",
        )
        what = Happening(
            kind=kind,
            values=spanned(kind, {}, request),
            actor=actor,
            at=mail.received_earliest,
            request_hash=request.hash,
            partner=partner,
        )
        await self._casework.happen(act, case, key, what)
        await self._cabinet.hand_to(act, mail.file, key)
        return case.id
