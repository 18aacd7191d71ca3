"""Forgets a case: its key is destroyed, so that nothing of it opens again, with any key that the gateway still has.

What stays proves without telling: hashes, receipts, delivery reports, instants, states and the audit log. What goes:
the sealed mails, what was signed inside, letters, pieces, the patient's identity, and the reasons that persons gave.
"""

from dataclasses import dataclass, replace
from datetime import date

from gateway.domain import request as life
from gateway.domain.errors import NotAllowed, Unknown
from gateway.domain.parties import Party
from gateway.domain.readers import State as Handing
from gateway.domain.retention import years_after
from gateway.domain.rights import Right
from gateway.domain.transmission import NOT_GONE
from gateway.domain.words import Said, dated, listed, said
from gateway.ports import Clock, SpoolFile
from gateway.services.cabinet import QUARANTINE, Cabinet
from gateway.services.cases import find_case
from gateway.services.casework import hospital_day
from gateway.services.challenged import acceptances_of, contested
from gateway.services.draft_rows import forgotten
from gateway.services.rights import entitled
from gateway.storage import (
    Act,
    Case,
    EnteredProof,
    Letter,
    Mail,
    Message,
    OwedCopy,
    ReaderHandover,
    Request,
    Store,
    Transmission,
    VaultKey,
    View,
)

_WITH_READERS = (Handing.WAITING, Handing.PENDING, Handing.QUEUED, Handing.FAILED, Handing.DONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgettable:
    """A closed case that is still kept: until when, and what keeps it from being forgotten now."""

    ref: str
    closed_on: date
    due_on: date
    obstacles: tuple[Said, ...]


class Forgetting:
    """A person's act; nothing is forgotten by itself."""

    def __init__(self, *, store: Store, cabinet: Cabinet, clock: Clock, party: Party, years: int) -> None:
        self._store = store
        self._cabinet = cabinet
        self._clock = clock
        self._party = party
        self._years = years

    async def kept(self) -> tuple[Forgettable, ...]:
        """The closed cases that are kept, the one to be forgotten first at the head."""
        async with self._store.view() as view:
            found = []
            for case in await view.all(Case, site=self._party.site):
                key = await self._cabinet.case_key(view, case)
                if case.closed_at is not None and key.destroyed_at is None:
                    closed, due = self._days(case)
                    obstacles = await self._obstacles(view, case)
                    found.append(Forgettable(ref=case.ref, closed_on=closed, due_on=due, obstacles=obstacles))
        return tuple(sorted(found, key=lambda each: (each.due_on, each.ref)))

    async def forget(self, ref: str, *, actor: str) -> int:
        """Destroy the key of a case and what lies under it. Returns how many files were made unreadable.

        Raises:
            Unknown: no such case.
            NotAllowed: it is not closed, its time has not come, something about it is open, or it was forgotten.
            StorageFailed: the database; when only the disk keeps a file, nobody can open it, and it is removed later.
        """
        async with self._store.act() as act:
            await entitled(act, self._party, actor, Right.FORGET)
            case = await find_case(act, self._party.site, ref)
            await act.lock(case.id)
            case = await find_case(act, self._party.site, ref)
            key = await self._cabinet.case_key(act, case)
            obstacles = await self._obstacles(act, case)
            if key.destroyed_at is not None:
                obstacles = (said("Il est déjà oublié."),)
            if obstacles:
                raise NotAllowed(act=said("oublier le dossier {ref}", ref=case.ref), reason=listed(obstacles))
            names = await self._destroy(act, case, key)
            await act.save(replace(case, identity=None, identity_lookup=None))
            await act.record("case.forgotten", actor=actor, case=case.ref, details={"files": len(names)})
        self._cabinet.discard(names)
        return len(names)

    def _days(self, case: Case) -> tuple[date, date]:
        if case.closed_at is None:
            raise Unknown(kind=said("clôture"), ref=case.ref)
        closed = hospital_day(case.closed_at)
        return closed, years_after(closed, self._years)

    async def _obstacles(self, view: View, case: Case) -> tuple[Said, ...]:
        if case.closed_at is None:
            return (said("Il n'est pas clos."),)
        closed, due = self._days(case)
        early = hospital_day(self._clock.now()) < due
        kept = said("Clos le {closed}, il se garde jusqu'au {due}.", closed=dated(closed), due=dated(due))
        return (*((kept,) if early else ()), *await self._open(view, case), *await self._unsent(view, case))

    async def _open(self, view: View, case: Case) -> list[Said]:
        """What may still be decided about it."""
        found = []
        requests = await view.all(Request, site=self._party.site, case_id=case.id)
        if any(row.state in life.OPEN for row in requests):
            found.append(said("Une demande est ouverte."))
        if any([contested(await acceptances_of(view, self._party.site, row.hash)) for row in requests]):
            found.append(said("Une acceptation réputée acquise est mise en cause."))
        if await view.all(EnteredProof, site=self._party.site, case_id=case.id, settled_at=None, limit=1):
            found.append(said("Une preuve attend une seconde personne."))
        if any(mail.held_back and mail.settled_at is None for mail in await self._mails(view, case)):
            found.append(said("Un courrier à trier semble le concerner."))
        return found

    async def _unsent(self, view: View, case: Case) -> list[Said]:
        """What has not reached those for whom it is, or lies with them by our doing."""
        messages = tuple(row.id for row in await view.all(Message, site=self._party.site, case_id=case.id))
        found = []
        notices = await view.all(Request, site=self._party.site, case_id=case.id, owes_notice=True, limit=1)
        copies = await view.all(OwedCopy, message=messages, settled_at=None, limit=1) if messages else ()
        if notices or copies:
            found.append(said("Un avis ou une copie est encore dû à un partenaire."))
        if messages and await view.all(Transmission, message=messages, state=NOT_GONE, limit=1):
            found.append(said("Un courrier n'est pas encore parti."))
        if messages and await view.all(ReaderHandover, message=messages, state=_WITH_READERS, limit=1):
            found.append(said("Des copies sont encore dues à vos lecteurs, ou chez eux ([retention])."))
        return found

    async def _mails(self, view: View, case: Case) -> tuple[Mail, ...]:
        """Those of the case, and those that seem to be about it."""
        about = await view.all(Mail, site=self._party.site, case_id=case.id)
        likely = await view.all(Mail, site=self._party.site, case_id=None, likely_case=case.id)
        return (*about, *likely)

    async def _destroy(self, act: Act, case: Case, key: VaultKey) -> tuple[str, ...]:
        """The key, the files under it, and those of its mails that stayed in quarantine. Returns the files' names."""
        files = {file.name: file for file in await act.all(SpoolFile, vault_key=key.id)}
        quarantined = {file.name: file for file in await self._quarantined(act, case)}
        for file in (*files.values(), *quarantined.values()):
            if file.wrapped:
                await act.save(replace(file, wrapped=b""))
        for mail in await self._mails(act, case):
            if mail.file in quarantined:
                await act.save(replace(mail, file=None))
        await act.save(replace(key, wrapped=b"", destroyed_at=self._clock.now()))
        await forgotten(act, case, self._clock.now())
        return (*files, *quarantined)

    async def _quarantined(self, act: Act, case: Case) -> tuple[SpoolFile, ...]:
        mails = await self._mails(act, case)
        letters = await act.all(Letter, site=self._party.site, mail=tuple(mail.id for mail in mails)) if mails else ()
        names = {mail.file for mail in mails if mail.file} | {letter.entity for letter in letters}
        if not names:
            return ()
        keys = {key.id for key in await act.all(VaultKey, purpose=QUARANTINE)}
        return tuple(file for file in await act.all(SpoolFile, name=tuple(names)) if file.vault_key in keys)
