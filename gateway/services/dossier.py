"""What persons read: cases, messages, mails. Reading content is itself recorded."""

from dataclasses import dataclass
from datetime import datetime

from gateway.domain.beside import Beside, beside
from gateway.domain.case import parse_token
from gateway.domain.coverage import Coverage, coverage
from gateway.domain.duties import Duty
from gateway.domain.errors import Unknown
from gateway.domain.kinds import KINDS
from gateway.domain.parties import Party, Role
from gateway.domain.readers import Readership, Share
from gateway.domain.request_name import RequestName
from gateway.domain.rights import Right
from gateway.domain.words import said
from gateway.ports import Clock
from gateway.services.almanac import Almanac
from gateway.services.attested import ProofReader
from gateway.services.cabinet import Cabinet
from gateway.services.cases import find_case
from gateway.services.casework import standing_facts
from gateway.services.contests import Contests
from gateway.services.exceptional import exceptional, may_insist
from gateway.services.excerpt import Opened, read_content
from gateway.services.gathered import gathered
from gateway.services.patients import identity_of
from gateway.services.request_names import name_of
from gateway.services.request_view import RequestView, read_request
from gateway.services.rights import entitled, held, not_opened, opens_raw, reads_medical
from gateway.services.stay import day_of, read_stay
from gateway.services.worklist import Worklist
from gateway.storage import (
    FOR_A_PERSON,
    Case,
    Detail,
    Fact,
    Letter,
    Mail,
    Message,
    OwedCopy,
    ReaderHandover,
    Request,
    Rows,
    Store,
    Transmission,
    Verdict,
    View,
)
from gateway.wire.payload import read_payload

AT_ONCE = 200
"""Cases that are read together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseView:
    """A case as its page shows it; ``patient`` is None in listings, and when it was forgotten or never known.

    ``forgotten_at`` is when its content was made unreadable for ever.

    ``duties`` are what our role should know is owed in it.
    """

    case: Case
    forgotten_at: datetime | None
    patient: dict[str, str] | None
    requests: tuple[RequestView, ...]
    facts: tuple[Fact, ...]
    messages: tuple[Message, ...]
    owed_copies: tuple[OwedCopy, ...]
    duties: tuple[Duty, ...]
    transmissions: tuple[Transmission, ...]
    handovers: tuple[ReaderHandover, ...]

    @property
    def beside(self) -> Beside:
        """Its return home, its claim and its flags."""
        requests = [(item.request.kind, item.request.state) for item in self.requests]
        return beside([fact.kind for fact in self.facts], requests)


@dataclass(frozen=True, slots=True, kw_only=True)
class MailView:
    """A mail that a person sorts: the case and request that it is or seems to be about, what its signature proves."""

    mail: Mail
    ref: str | None
    request: RequestName | None
    letter: Letter | None


class Archive:
    """Reads."""

    def __init__(
        self,
        *,
        store: Store,
        cabinet: Cabinet,
        clock: Clock,
        party: Party,
        almanac: Almanac,
        readership: Readership,
    ) -> None:
        self._store = store
        self._cabinet = cabinet
        self._clock = clock
        self._party = party
        self._almanac = almanac
        self._readership = readership
        self.worklist = Worklist(store=store, cabinet=cabinet, clock=clock, party=party)
        self.contests = Contests(store=store, cabinet=cabinet, party=party)
        self.proofs = ProofReader(store=store, party=party)

    @property
    def role(self) -> Role:
        """Whose gateway it is."""
        return self._party.role

    async def cases(self) -> tuple[CaseView, ...]:
        """Every case, oldest first."""
        async with self._store.view() as view:
            return await self._case_views(view, await view.all(Case, site=self._party.site))

    async def page(self, before: int | None, *, limit: int) -> tuple[CaseView, ...]:
        """Some cases, the newest first: those that were opened before this one, by its id."""
        async with self._store.view() as view:
            found = await view.before(Case, before, limit=limit, site=self._party.site)
            return await self._case_views(view, found)

    async def request(self, request_hash: str) -> tuple[str, RequestView]:
        """One request, with its case's reference.

        Raises:
            Unknown.
        """
        async with self._store.view() as view:
            row = await view.one(Request, site=self._party.site, hash=request_hash)
            case = None if row is None else await view.one(Case, id=row.case_id)
            if row is None or case is None:
                raise Unknown(kind=said("demande"), ref=request_hash[:12])
            return case.ref, await read_request(view, row, self._almanac, self._party.role)

    async def case(self, ref: str) -> CaseView:
        """One case.

        Raises:
            Unknown.
        """
        async with self._store.view() as view:
            found = await view.all(Case, site=self._party.site, ref=parse_token(ref), limit=1)
            if not found:
                raise Unknown(kind=said("dossier"), ref=ref)
            return await self._case_view(view, found[0], with_patient=True)

    async def open(self, ref: str, *, actor: str) -> CaseView:
        """One case as this person may see it; once accounts decide, that a name was shown is recorded first.

        Raises:
            Unknown.
        """
        async with self._store.view() as view:
            who = await held(view, self._party, actor)
            case = await find_case(view, self._party.site, ref)
            found = await self._case_view(view, case, with_patient=who.any_of(Right.IDENTITY))
        if who.accounted and found.patient is not None:
            async with self._store.act() as act:
                await act.record("case.read", actor=actor, case=found.case.ref, outcome="shown")
        return found

    async def coverage(self, ref: str, at: str = "") -> Coverage:
        """Who pays for a day of a case's stay, and why; ``at`` as a person types it, today when empty.

        Raises:
            Unknown: no such case, or not a day.
        """
        day = day_of(at, self._clock.now())
        if day is None:
            raise Unknown(kind=said("jour"), ref=at[:40])
        async with self._store.view() as view:
            return coverage(await read_stay(view, await find_case(view, self._party.site, ref)), day)

    async def _case_views(self, view: View, cases: tuple[Case, ...]) -> tuple[CaseView, ...]:
        found = []
        for start in range(0, len(cases), AT_ONCE):
            some = cases[start : start + AT_ONCE]
            rows = await gathered(view, self._party.site, some, whole=True)
            found += [await self._case_view(rows, case, with_patient=False) for case in some]
        return tuple(found)

    async def _case_view(self, view: Rows, case: Case, *, with_patient: bool) -> CaseView:
        requests = await view.all(Request, site=self._party.site, case_id=case.id)
        messages = await view.all(Message, site=self._party.site, case_id=case.id)
        transmissions = await view.all(Transmission, site=self._party.site, message=tuple(row.id for row in messages))
        facts = await standing_facts(view, case)
        key = await self._cabinet.case_key(view, case)
        patient = identity_of(self._cabinet, case, key) if with_patient else None
        return CaseView(
            case=case,
            forgotten_at=key.destroyed_at,
            patient=patient,
            requests=tuple([await read_request(view, row, self._almanac, self._party.role) for row in requests]),
            facts=facts,
            messages=messages,
            owed_copies=await view.all(OwedCopy, site=self._party.site, message=tuple(row.id for row in messages)),
            duties=await self.worklist.owed.found_in(view, case, facts, requests, messages),
            transmissions=transmissions,
            handovers=await self._handovers(view, messages),
        )

    # --- Mails and messages.

    async def triage(self, *, settled: bool = False) -> tuple[MailView, ...]:
        """Mails that await a person, oldest first; with ``settled`` also those that do not, or no longer."""
        waiting = FOR_A_PERSON if settled else FOR_A_PERSON - {Verdict.AUTOMATIC}
        async with self._store.view() as view:
            found = await view.all(Mail, site=self._party.site, verdict=tuple(waiting))
            rows = [mail for mail in found if settled or mail.settled_at is None]
            return tuple([await self._mail_view(view, mail) for mail in rows])

    async def mail(self, mail_id: int) -> MailView:
        """One incoming mail.

        Raises:
            Unknown.
        """
        async with self._store.view() as view:
            found = await view.one(Mail, site=self._party.site, id=mail_id)
            if found is None:
                raise Unknown(kind=said("courrier"), ref=str(mail_id))
            return await self._mail_view(view, found)

    async def _mail_view(self, view: View, mail: Mail) -> MailView:
        about = mail.case_id or mail.likely_case
        case = None if about is None else await view.one(Case, id=about)
        likely = mail.likely_request
        request = None if likely is None else await view.one(Request, site=mail.site, hash=likely)
        return MailView(
            mail=mail,
            ref=case.ref if case else None,
            request=None if request is None else await name_of(view, request),
            letter=await view.one(Letter, site=mail.site, mail=mail.id),
        )

    async def messages(self, ref: str | None) -> tuple[Message, ...]:
        """Messages of the protocol, of one case or all."""
        if ref is not None:
            return (await self.case(ref)).messages
        async with self._store.view() as view:
            return await view.all(Message, site=self._party.site)

    async def handovers(self, messages: tuple[Message, ...]) -> tuple[ReaderHandover, ...]:
        """What readers are owed or got of these messages."""
        async with self._store.view() as view:
            return await self._handovers(view, messages)

    async def _handovers(self, view: Rows, messages: tuple[Message, ...]) -> tuple[ReaderHandover, ...]:
        return await view.all(ReaderHandover, site=self._party.site, message=tuple(row.id for row in messages))

    async def read(self, message_id: int, *, actor: str, purpose: str, because: str | None = None) -> Opened:
        """A message, whose medical parts are for those who may read them, or say why they must (``because``).

        The reading is recorded before the content leaves.

        Raises:
            Unknown, VaultClosed, StorageFailed.
            NotAllowed: not for this person. AccessInvalid: the reason says nothing.
        """
        async with self._store.act() as act:
            await entitled(act, self._party, actor, Right.IDENTITY)
            message = await act.one(Message, site=self._party.site, id=message_id)
            if message is None or message.entity is None or message.case_id is None:
                raise Unknown(kind=said("message"), ref=str(message_id))
            case = await act.one(Case, id=message.case_id)
            if case is None:
                raise LookupError("a message without its case")
            whole = await reads_medical(act, self._party, self._readership, actor, case.physician)
            details: dict[str, Detail] = {}
            if because is not None and not whole:
                await exceptional(
                    act,
                    party=self._party,
                    readership=self._readership,
                    case=case,
                    message=message,
                    actor=actor,
                    because=because,
                )
                whole, details = True, {"exceptional": True}
            await act.record(
                "message.read",
                actor=actor,
                case=case.ref,
                request=message.request_hash,
                message=str(message.id),
                outcome=purpose,
                details={"share": (Share.WHOLE if whole else Share.WITHOUT_MEDICAL).value, **details},
            )
            entity = await self._cabinet.get(act, message.entity)
        content = read_content(KINDS[message.kind], read_payload(entity))
        return Opened(message=message, case=case, content=content, whole=whole)

    async def may_insist(self, message_id: int, *, actor: str) -> bool:
        """Whether this person may read all of a message by saying why, and must: nothing of it is opened."""
        async with self._store.view() as view:
            message = await view.one(Message, site=self._party.site, id=message_id)
            case = None if message is None else await view.one(Case, id=message.case_id)
            if message is None or case is None or message.entity is None:
                return False
            follows = await reads_medical(view, self._party, self._readership, actor, case.physician)
            return not follows and await may_insist(view, self._party, self._readership, actor)

    async def read_mail(self, mail_id: int, *, actor: str, purpose: str) -> tuple[Mail, bytes]:
        """The raw bytes of an incoming mail, as it came; recorded before they leave.

        Nobody knows what is in it: once accounts decide, it is for who may read medical content.

        Raises:
            Unknown, VaultClosed, StorageFailed. NotAllowed: not for this person.
        """
        async with self._store.act() as act:
            mail = await act.one(Mail, site=self._party.site, id=mail_id)
            if mail is None or mail.file is None:
                raise Unknown(kind=said("courrier"), ref=str(mail_id))
            if not await opens_raw(act, self._party, self._readership, actor, mail):
                raise not_opened(mail)
            await act.record("mail.read", actor=actor, message=f"mail-{mail.id}", outcome=purpose)
            return mail, await self._cabinet.get(act, mail.file)
