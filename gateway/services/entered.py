"""Proofs of reception that came another way than by a signed receipt: a person brings one, a second confirms it.

A stamped page, a fax report, a mail that nobody signed: it counts like a signed receipt, because two persons stand
behind it. Until the second has looked, no silence of the request is recorded.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from hashlib import sha256

from gateway.domain.attestation import ENTERED
from gateway.domain.errors import NotAllowed, Unknown
from gateway.domain.evidence import CLOCK_TOLERANCE, entered_instant, same_reception
from gateway.domain.media import media_of
from gateway.domain.parties import Directory, Partner, Party, Role
from gateway.domain.readers import Readership
from gateway.domain.rights import Right
from gateway.domain.words import Said, dated, said
from gateway.domain.workdays import algiers_day
from gateway.ports import Clock
from gateway.services.cabinet import Cabinet
from gateway.services.cases import find_case, open_request
from gateway.services.receptions import Attestation, Receptions
from gateway.services.requests import Requests, iso
from gateway.services.rights import entitled, in_person, not_opened, opens_raw
from gateway.storage import Act, Case, Direction, EnteredProof, Mail, Message, Request, Store

MAX_SCAN = 20_000_000
"""Bytes of a scan: fifty pages in colour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a person brings: a scan, or the number of a mail that we keep. ``received`` may be a day alone, in Algiers.

    ``partner`` is needed where several of the CNAS got the request, ``request_hash`` where several requests are open.
    """

    ref: str
    received: date | datetime
    scan: bytes | None = None
    mail: int | None = None
    partner: str | None = None
    request_hash: str | None = None


class EnteredProofs:
    """Acts of persons on proofs."""

    def __init__(
        self,
        *,
        store: Store,
        cabinet: Cabinet,
        requests: Requests,
        clock: Clock,
        party: Party,
        directory: Directory,
        persons_needed: int,
        readership: Readership,
    ) -> None:
        self._store = store
        self._cabinet = cabinet
        self._receptions = Receptions(party=party, directory=directory, requests=requests, clock=clock)
        self._clock = clock
        self._party = party
        self._directory = directory
        self._persons_needed = persons_needed
        self._readership = readership

    async def enter(self, shown: Shown, *, actor: str) -> EnteredProof:
        """Keep a proof. It counts once a second person confirms it, or at once where one person is enough.

        Raises:
            Unknown: no such case, mail or partner. NotAllowed: impossible, incomplete, or not for our role to say.
        """
        if self._party.role is not Role.HOSPITAL:
            raise _refused(shown.ref, said("Seul l'hôpital tient les délais."))
        if (shown.scan is None) == (shown.mail is None):
            raise _refused(shown.ref, said("Donnez --scan ou --mail, l'un des deux."))
        async with self._store.act() as act:
            await entitled(act, self._party, actor, Right.PROVE)
            case = await find_case(act, self._party.site, shown.ref)
            await act.lock(case.id)
            request = await open_request(act, case, shown.request_hash, or_settled=True)
            message = await self._message(act, request)
            # One instant for the whole entry: by it a day without an hour is known again.
            now = self._clock.now()
            received = _possible(shown, message, now)
            file, digest = await self._file(act, shown, case)
            proof = await act.add(
                EnteredProof(
                    site=self._party.site,
                    case_id=case.id,
                    request_hash=request.hash,
                    partner=self._partner(shown, message).id,
                    received_at=received,
                    file=file,
                    sha256=digest,
                    mail=shown.mail,
                    entered_at=now,
                    entered_by=actor,
                )
            )
            await self._record(act, "proof.entered", proof, case, actor)
            return proof if self._persons_needed > 1 else await self._count(act, proof, actor)

    async def confirm(self, number: int, *, actor: str, read_again: date | datetime | None = None) -> EnteredProof:
        """A second person has looked at it: it counts.

        ``read_again`` is the reception as they read it on the document, where they were asked to type it.

        Raises:
            Unknown: no such proof waits. NotAllowed: this person brought it, or has read another date.
        """
        async with self._store.act() as act:
            await entitled(act, self._party, actor, Right.CONFIRM)
            proof = await self._waiting(act, number)
            if self._persons_needed > 1:
                in_person(actor, said("confirmer la preuve {number}", number=number))
            if proof.entered_by == actor and self._persons_needed > 1:
                reason = said("Vous l'avez apportée vous-même ; il faut une seconde personne.")
                raise NotAllowed(act=said("confirmer la preuve {number}", number=number), reason=reason)
            if read_again is not None and not same_reception(proof.received_at, proof.entered_at, read_again):
                reason = said("La date que vous avez lue n'est pas celle qui a été saisie : rien n'est confirmé.")
                raise NotAllowed(act=said("confirmer la preuve {number}", number=number), reason=reason)
            return await self._count(act, proof, actor)

    async def decline(self, number: int, *, actor: str) -> EnteredProof:
        """Anybody may put a proof aside that does not count yet; it stays in the file.

        Raises:
            Unknown: no such proof waits.
        """
        async with self._store.act() as act:
            await entitled(act, self._party, actor, Right.CONFIRM, Right.PROVE)
            proof = await self._waiting(act, number)
            settled = await act.save(replace(proof, settled_at=self._clock.now(), settled_by=actor))
            await self._record(act, "proof.declined", settled, await self._case(act, settled), actor)
            return settled

    async def read(self, number: int, *, actor: str) -> tuple[EnteredProof, bytes]:
        """The scan or mail itself; the reading is recorded before the bytes leave.

        Raises:
            Unknown, VaultClosed, StorageFailed. NotAllowed: it is a mail that this person may not open.
        """
        async with self._store.act() as act:
            await entitled(act, self._party, actor, Right.CONFIRM, Right.PROVE)
            proof = await act.one(EnteredProof, site=self._party.site, id=number)
            if proof is None:
                raise Unknown(kind=said("preuve"), ref=str(number))
            mail = None if proof.mail is None else await act.one(Mail, id=proof.mail)
            if mail is not None and not await opens_raw(act, self._party, self._readership, actor, mail):
                # A mail does not open more widely because somebody calls it a proof.
                raise not_opened(mail)
            await self._record(act, "proof.read", proof, await self._case(act, proof), actor)
            return proof, await self._cabinet.get(act, proof.file)

    # --- what is brought

    async def _message(self, act: Act, request: Request) -> Message:
        found = await act.all(Message, site=self._party.site, direction=Direction.OUT, mic=request.hash, limit=1)
        if not found:
            raise LookupError("a request of ours without its message")
        return found[0]

    def _partner(self, shown: Shown, message: Message) -> Partner:
        addressees = [each for each in self._directory.with_role(Role.CNAS) if each.id in message.partner.split("+")]
        named = [each for each in addressees if shown.partner in {None, each.id}]
        if len(named) == 1:
            return named[0]
        if shown.partner is not None or not addressees:
            raise Unknown(kind=said("partenaire"), ref=shown.partner or "–")
        raise _refused(shown.ref, said("De qui ? --partner : {ids}.", ids=_ids(addressees)))

    async def _file(self, act: Act, shown: Shown, case: Case) -> tuple[str, str]:
        """Where the proof is kept, and its digest: a scan under the case's key, since it may show the patient."""
        if shown.scan is not None:
            if not 0 < len(shown.scan) <= MAX_SCAN:
                raise _refused(shown.ref, said("Le scan est vide, ou dépasse {limit} octets.", limit=MAX_SCAN))
            if not takes(shown.scan):
                raise _refused(shown.ref, said("Le scan n'est ni un PDF, ni une image PNG ou JPEG."))
            file = await act.add(await self._cabinet.put(shown.scan, await self._cabinet.case_key(act, case)))
            return file.name, sha256(shown.scan).hexdigest()
        mail = await act.one(Mail, site=self._party.site, id=shown.mail)
        if mail is None or mail.file is None or mail.sha256 is None:
            raise Unknown(kind=said("courrier"), ref=str(shown.mail))
        if mail.case_id not in {None, case.id}:
            raise _refused(shown.ref, said("Ce courrier est celui d'un autre dossier."))
        return mail.file, mail.sha256

    # --- the commit

    async def _waiting(self, act: Act, number: int) -> EnteredProof:
        proof = await act.one(EnteredProof, site=self._party.site, id=number, settled_at=None)
        if proof is None:
            raise Unknown(kind=said("preuve en attente"), ref=str(number))
        await act.lock(proof.case_id)
        return proof

    async def _count(self, act: Act, proof: EnteredProof, actor: str) -> EnteredProof:
        request = await act.one(Request, site=self._party.site, hash=proof.request_hash)
        if request is None:
            raise LookupError("a proof without its request")
        settled = await act.save(replace(proof, settled_at=self._clock.now(), settled_by=actor, counted=True))
        await self._record(act, "proof.counted", settled, await self._case(act, settled), actor)
        found = Attestation(
            partner=proof.partner,
            form=ENTERED,
            stated=proof.received_at,
            dated=None,
            arrived=await self._arrived(act, proof),
            mail=proof.mail,
        )
        await self._receptions.keep(act, await self._message(act, request), found)
        return settled

    async def _arrived(self, act: Act, proof: EnteredProof) -> datetime:
        """When it came here: a mail when it was received, a scan when somebody brought it."""
        mail = None if proof.mail is None else await act.one(Mail, id=proof.mail)
        return mail.received_latest or proof.entered_at if mail is not None else proof.entered_at

    async def _case(self, act: Act, proof: EnteredProof) -> Case:
        case = await act.one(Case, id=proof.case_id)
        if case is None:
            raise LookupError("a proof without its case")
        return case

    async def _record(self, act: Act, event: str, proof: EnteredProof, case: Case, actor: str) -> None:
        await act.record(
            event,
            actor=actor,
            case=case.ref,
            request=proof.request_hash,
            message=None if proof.mail is None else f"mail-{proof.mail}",
            partner=proof.partner,
            outcome="counted" if proof.counted else "declined" if proof.settled_at else "waiting",
            details={
                "proof": proof.id,
                "received_at": iso(proof.received_at),
                "sha256": proof.sha256,
                "entered_by": proof.entered_by,
            },
        )


def takes(scan: bytes) -> bool:
    """Whether a file can be a scan: of a type that a second person can open, and neither empty nor too large."""
    return 0 < len(scan) <= MAX_SCAN and media_of(scan) is not None


def _possible(shown: Shown, message: Message, now: datetime) -> datetime:
    """The instant that is proved: after the sending, and not in the future."""
    if isinstance(shown.received, datetime):
        at, early = shown.received, shown.received < message.at - CLOCK_TOLERANCE
    else:
        at, early = entered_instant(shown.received, now), shown.received < algiers_day(message.at)
    if early:
        sent = dated(algiers_day(message.at))
        raise _refused(shown.ref, said("La demande n'est partie que le {day}.", day=sent))
    if at > now:
        raise _refused(shown.ref, said("Cette réception est dans l'avenir."))
    return at


def _ids(partners: Sequence[Partner]) -> str:
    return ", ".join(partner.id for partner in partners)


def _refused(ref: str, reason: Said) -> NotAllowed:
    return NotAllowed(act=said("apporter une preuve de réception au dossier {ref}", ref=ref), reason=reason)
