"""What a mail in triage is, said by a person. What would let a silence be recorded needs two, who say the same.

An answer that came another way (fax, paper, a mail to somebody else) is brought here as a file: it holds silences back
from the moment when one person brings it, and is an answer once a second says the same.
"""

import json
from dataclasses import replace

from gateway.domain import request as life
from gateway.domain.errors import NotAllowed, Unknown
from gateway.domain.parties import Directory, Party, Role
from gateway.domain.rights import Right
from gateway.domain.settlements import NOT_AN_ANSWER, name_of
from gateway.domain.words import said
from gateway.ports import Clock, Noise
from gateway.services.brought import Brought, check_brought, entered
from gateway.services.cabinet import QUARANTINE, Cabinet
from gateway.services.casework import Casework, Happening
from gateway.services.copies import owe_forgotten
from gateway.services.exchanges import Exchanges
from gateway.services.readers import Readers
from gateway.services.reading import Reader, Reading, Word
from gateway.services.receptions import Receptions
from gateway.services.replies import answers, timeliness
from gateway.services.requests import Requests
from gateway.services.rights import entitled, in_person
from gateway.services.timekeeping import STEP_LIMIT
from gateway.storage import FOR_A_PERSON, Act, Case, Direction, Mail, Message, Request, Store, Verdict, View


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
        readers: Readers,
        noise: Noise,
        party: Party,
        directory: Directory,
        persons_needed: int,
    ) -> None:
        self._store = store
        self._cabinet = cabinet
        self._exchanges = Exchanges(requests)
        self._receptions = Receptions(party=party, directory=directory, requests=requests, clock=clock)
        self._readers = readers
        self._casework = casework
        self._clock = clock
        self._party = party
        self._directory = directory
        self._persons_needed = persons_needed
        self._reader = Reader(party=party, directory=directory, cabinet=cabinet, casework=casework, noise=noise)

    async def classify(
        self,
        mail_id: int,
        settlement: str,
        *,
        actor: str,
        ref: str | None = None,
        request_hash: str | None = None,
        places: dict[str, str] | None = None,
        has_form: bool = False,
    ) -> Mail:
        """Say what a mail in triage is. It counts as of our own reception of the mail.

        Returns the mail, settled, or with a proposal that waits for a second person.

        Raises:
            Unknown: no such mail or case. NotAllowed: every fault at once, or settled already.
            IllegalTransition: it cannot happen now.
        """
        self._reader.check(settlement)
        word = Word(what=settlement, ref=ref, request_hash=request_hash, places=dict(places or {}), has_form=has_form)
        async with self._store.act() as act:
            await entitled(act, self._party, actor, Right.SORT)
            return await self._say(act, await self._waiting(act, mail_id), word, actor)

    async def bring(self, brought: Brought, *, actor: str) -> Mail:
        """An answer that came another way, as a file; returns it as a mail to sort, or settled where one suffices.

        Raises:
            NotAllowed: it is no answer to a request, impossible, or here already. Unknown: no such case.
            IllegalTransition: it cannot happen now.
        """
        check_brought(brought, self._party)
        file = await self._cabinet.put(brought.scan, await self._cabinet.standing_key(QUARANTINE))
        async with self._store.act() as act:
            await entitled(act, self._party, actor, Right.SORT, Right.PROVE)
            mail = await entered(act, brought, file, party=self._party, at=self._clock.now(), actor=actor)
            return await self._say(act, mail, brought.word, actor)

    async def _say(self, act: Act, mail: Mail, word: Word, actor: str) -> Mail:
        reading = None if word.what == NOT_AN_ANSWER else await self._reader.read(act, mail, word)
        named = name_of(reading.kind) if reading else NOT_AN_ANSWER
        # Keyed, because what was said may be guessed from a plain hash.
        proposal = self._cabinet.vault.lookup(_plain(reading))
        if await self._needs_two(act, mail, reading) and not self._seconded(mail, proposal, actor):
            # It would let a silence be recorded, or nobody but this person saw it: one proposes, another settles.
            await act.record("triage.proposed", actor=actor, message=f"mail-{mail.id}", outcome=named)
            return await act.save(replace(mail, settled_as=named, settled_by=actor, proposal=proposal))
        case, message = await self._apply(act, mail, reading, actor) if reading else (None, None)
        return await self._settled(act, mail, named, actor, reading=reading, case=case, message=message)

    async def _waiting(self, act: Act, mail_id: int) -> Mail:
        mail = await act.one(Mail, site=self._party.site, id=mail_id)
        if mail is None or mail.verdict not in FOR_A_PERSON:
            raise Unknown(kind=said("courrier à trier"), ref=str(mail_id))
        if mail.settled_at is not None:
            reason = said("Déjà classé par {who}.", who=mail.settled_by)
            raise NotAllowed(act=said("classer le courrier {mail}", mail=mail_id), reason=reason)
        return mail

    # --- four eyes

    async def would_free(self, view: View, mail: Mail) -> bool:
        """Whether a word that stops no period needs a second person."""
        four_eyes = self._persons_needed > 1 and self._party.role is Role.HOSPITAL
        return four_eyes and bool(await self.waiting_for(view, mail))

    def two_for_entered(self, mail: Mail) -> bool:
        """Whether any word on what one person alone brought needs a second one."""
        return self._persons_needed > 1 and mail.verdict is Verdict.ENTERED

    async def waiting_for(self, view: View, mail: Mail) -> set[str]:
        """The open requests whose silence cannot be recorded while nobody has sorted this mail."""
        if not mail.held_back and mail.verdict is not Verdict.VANISHED:
            return set()
        rows = await view.all(Request, site=self._party.site, state=tuple(life.OPEN))
        since = mail.received_latest
        return {row.hash for row in rows if since is None or since >= row.submitted_at - STEP_LIMIT}

    async def _needs_two(self, act: Act, mail: Mail, reading: Reading | None) -> bool:
        """Whether it was seen by one person alone, or settling it so would let a silence be recorded."""
        if self._persons_needed == 1 or self._party.role is not Role.HOSPITAL:
            return False
        return mail.verdict is Verdict.ENTERED or await self._frees(act, mail, reading)

    async def _frees(self, act: Act, mail: Mail, reading: Reading | None) -> bool:
        """Whether settling it so would let a silence be recorded that the mail holds back."""
        waiting = await self.waiting_for(act, mail)
        if not waiting:
            return False
        stopped = _stopped(reading)
        if stopped is None:
            return True
        # An answer stops its own request; against what the mail itself cites, it would free another.
        return mail.likely_request in waiting - {stopped}

    def _seconded(self, mail: Mail, proposal: str, actor: str) -> bool:
        if mail.proposal != proposal or mail.settled_by is None:
            return False
        in_person(actor, said("classer le courrier {mail}", mail=mail.id))
        if mail.settled_by == actor:
            raise NotAllowed(
                act=said("classer le courrier {mail}", mail=mail.id), reason=said("Il faut une seconde personne.")
            )
        return True

    # --- the commit

    async def _apply(self, act: Act, mail: Mail, reading: Reading, actor: str) -> tuple[Case, Message | None]:
        case, request = reading.case, reading.request
        if reading.opens:
            case = await self._casework.open(act, case, reading.key, actor=actor)
            await act.lock(case.id)
        message = await self._message(act, mail, reading, case)
        named = str(message.id) if message else f"mail-{mail.id}"
        if request is not None:
            await self._exchanges.apply(act, request, reading.heard(actor, named))
            await self._attested(act, mail, reading, request)
        what = Happening(
            kind=reading.kind,
            values=reading.values,
            actor=actor,
            at=reading.times.earliest,
            request_hash=request.hash if request else None,
            message=message.id if message else None,
            mail=mail.id,
            partner=reading.author.id,
        )
        case = await self._casework.happen(act, case, reading.key, what, opens=reading.opens)
        await self._cabinet.hand_to(act, mail.file or "", reading.key)
        return case, message

    async def _attested(self, act: Act, mail: Mail, reading: Reading, request: Request) -> None:
        """A partner's signed letter about a request attests that it arrived, also where only persons say that it is."""
        letter = reading.letter
        if letter is None or letter.copied:
            return
        site = self._party.site
        for asked in await act.all(Message, site=site, direction=Direction.OUT, mic=request.hash, limit=1):
            await self._receptions.replied(act, asked, letter.author, letter.signed_at, mail)

    async def _message(self, act: Act, mail: Mail, reading: Reading, case: Case) -> Message | None:
        """A signed letter is a message like any other from now on; an unsigned mail has only a person's word."""
        letter = reading.letter
        if letter is None:
            return None
        known = await act.one(
            Message,
            site=self._party.site,
            direction=Direction.IN,
            partner=letter.author,
            message_id=letter.message_id,
        )
        if known is not None:
            reason = said(
                "Ce message est déjà au dossier (message {number}) : classez-le not-an-answer.", number=known.id
            )
            raise NotAllowed(act=said("classer le courrier {mail}", mail=mail.id), reason=reason)
        await self._cabinet.hand_to(act, letter.entity, reading.key)
        message = await act.add(
            Message(
                site=self._party.site,
                direction=Direction.IN,
                kind=reading.kind.id,
                partner=letter.author,
                message_id=letter.message_id,
                mic=letter.mic,
                at=letter.signed_at,
                case_id=case.id,
                request_hash=reading.request.hash if reading.request else None,
                entity=letter.entity,
            )
        )
        # What a person wrote may say anything: all of it is for physicians, and the others learn that it is there.
        await self._readers.owe(act, case, message, reading.kind, reading.author.role, medical=True)
        if not letter.copied:
            await owe_forgotten(
                act,
                reading.kind,
                reading.author,
                reached=letter.reached,
                case=case,
                message=message,
                us=self._party,
                directory=self._directory,
                at=self._clock.now(),
            )
        return message

    async def _settled(
        self,
        act: Act,
        mail: Mail,
        named: str,
        actor: str,
        *,
        reading: Reading | None,
        case: Case | None,
        message: Message | None,
    ) -> Mail:
        settled = await act.save(
            replace(
                mail,
                settled_at=self._clock.now(),
                settled_as=named,
                settled_by=actor,
                case_id=case.id if case else mail.case_id,
                message=message.id if message else mail.message,
            )
        )
        request = reading.request.hash if reading and reading.request else None
        await act.record(
            "triage.classified",
            actor=actor,
            case=case.ref if case else None,
            request=request,
            message=f"mail-{mail.id}",
            partner=mail.partner,
            outcome=named,
            details={
                "kind": reading.kind.id if reading else None,
                "form": reading.has_form if reading else False,
                "suggested_by": mail.likely_by.value if mail.likely_by else None,
                "as_suggested": request is not None and request == mail.likely_request,
                "proposed_by": mail.settled_by if mail.proposal else None,
            },
        )
        return settled


def _stopped(reading: Reading | None) -> str | None:
    """The open request whose period this answer stops or puts in dispute."""
    if reading is None or reading.request is None or reading.request.state not in life.OPEN:
        return None
    if not answers(reading.kind, reading.request, reading.times.earliest):
        return None
    late = timeliness(reading.request, reading.times) is life.Event.LATE_ANSWER
    return None if late else reading.request.hash


def _plain(reading: Reading | None) -> str:
    """All that was said, so that what a second person says can be compared with it."""
    return json.dumps(reading.plain(), sort_keys=True, ensure_ascii=False) if reading else NOT_AN_ANSWER
