"""Gathers what a certificate of tacit acceptance states; whether there is one to state is decided here.

Only the hospital certifies, and only an acceptance that stands: one that was withdrawn is certified no more, and one
that is in doubt says so on its first lines.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from gateway.domain import audit, exhibit
from gateway.domain.certificate import (
    Certificate,
    Doubt,
    Logged,
    Look,
    Ruled,
    Side,
    Silence,
    Terms,
    Word,
    watched,
)
from gateway.domain.checkpoint import VerifierKey
from gateway.domain.errors import NotAllowed
from gateway.domain.kinds import TACIT_ACCEPTANCE
from gateway.domain.labels import STATES
from gateway.domain.parties import Directory, PartnerKind, Party, Role
from gateway.domain.sheet import long_instant
from gateway.domain.words import Said, said
from gateway.services.almanac import Almanac
from gateway.services.cabinet import Cabinet, wrapped
from gateway.services.challenged import Standing, acceptances_of
from gateway.services.export.facts import Policy
from gateway.services.export.milestones import covering
from gateway.services.export.proving import proved
from gateway.services.requests import as_evidence
from gateway.services.silence import UNWATCHED
from gateway.services.witness import SILENCE
from gateway.storage import (
    AuditEntry,
    Case,
    Confirmation,
    Fact,
    Request,
    StoredEvidence,
    VaultKey,
    View,
)
from gateway.wire.fields import printable


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """Who has it made, when; ``identity`` says that it names the patient and the quote."""

    actor: str
    at: datetime
    identity: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Clerk:
    """Gathers for one gateway. ``key`` verifies its log; ``rehearsal`` marks what a demonstration made."""

    cabinet: Cabinet
    party: Party
    directory: Directory
    almanac: Almanac
    policy: Policy
    key: VerifierKey | None
    rehearsal: bool

    async def standing(self, view: View, case: Case) -> tuple[Request, ...]:
        """The requests of a case that can be certified; none where we are not the hospital."""
        if self.party.role is not Role.HOSPITAL:
            return ()
        requests = await view.all(Request, site=self.party.site, case_id=case.id)
        return tuple([row for row in requests if await self._certifiable(view, row)])

    async def chosen(self, view: View, case: Case, request_hash: str | None) -> Request:
        """The request that a person means: by the beginning of its hash, or the only one that can be certified.

        Raises:
            NotAllowed: there is none, or several; the reason says which.
        """
        act = said("certifier une acceptation du dossier {ref}", ref=case.ref)
        if self.party.role is not Role.HOSPITAL:
            raise NotAllowed(act=act, reason=said("Seul l'hôpital, qui compte le délai, la certifie."))
        named = [
            row
            for row in await view.all(Request, site=self.party.site, case_id=case.id)
            if row.hash.startswith((request_hash or "").lower())
        ]
        found = [row for row in named if await self._certifiable(view, row)]
        if len(found) == 1:
            return found[0]
        if found:
            reason = said("Plusieurs acceptations y sont enregistrées : dites de laquelle, par --request.")
        else:
            reason = await self._why_none(view, named)
        raise NotAllowed(act=act, reason=reason)

    async def gather(self, view: View, case: Case, request: Request, issue: Issue) -> Certificate:
        """All of it.

        Raises:
            LookupError: nothing stands, or nothing was logged (a defect: it was chosen before).
            VaultClosed.
        """
        standing, entry = await self._stands(view, request), await self._entry(view, request)
        if standing is None or request.started_at is None or entry is None:
            raise LookupError("a certificate of a silence that was not recorded")
        record = audit.parse(entry.canonical, position=entry.index)
        evidence = await view.all(StoredEvidence, site=request.site, request_hash=request.hash)
        accepted = standing.acceptance
        return Certificate(
            issued_at=issue.at,
            issued_by=issue.actor,
            by=Side(role=self.party.role, name=self.party.name, address=self.party.address),
            partners=tuple(
                Side(role=partner.role, name=partner.id, address=partner.address)
                for partner in self.directory.partners
                if partner.role in {Role.CNAS, Role.CNSE}
            ),
            site=request.site,
            terms=await self._terms(view, case, request, issue),
            effective_at=accepted.effective_at,
            recorded_at=accepted.recorded_at,
            started_by=request.grade,
            evidence=tuple(as_evidence(row) for row in evidence),
            period=await self.almanac.explained(view, request.started_at, request.calendar_version),
            calendar=str(record.details.get("calendar") or request.calendar_version),
            silence=await self._silence(view, request, accepted.recorded_at, record),
            words=tuple(
                Word(asked=row.asked, person=row.person, at=row.at)
                for row in await view.all(Confirmation, site=request.site, request_hash=request.hash)
            ),
            persons_needed=_then(record, "persons_needed", self.policy.persons_needed),
            doubts=tuple(
                Doubt(ground=row.ground, raised_at=row.raised_at, raised_by=row.raised_by, open=row in standing.open)
                for row in standing.challenges
            ),
            rulings=tuple(Ruled(finding=row.finding, person=row.person, at=row.at) for row in standing.rulings),
            logged=await self._logged(view, entry),
            key=str(self.key) if self.key is not None else None,
            software=self.policy.software,
            rehearsal=self.rehearsal,
        )

    async def _certifiable(self, view: View, request: Request) -> bool:
        return await self._stands(view, request) is not None and await self._entry(view, request) is not None

    async def _entry(self, view: View, request: Request) -> AuditEntry | None:
        """The record of the silence; None when it was erased after its years."""
        found = await view.entries(request=request.hash, event=SILENCE, newest=True, limit=1)
        return found[0] if found else None

    async def _stands(self, view: View, request: Request) -> Standing | None:
        found = await acceptances_of(view, request.site, request.hash)
        return next((each for each in found if each.acceptance.withdrawn_at is None), None)

    async def _why_none(self, view: View, requests: Sequence[Request]) -> Said:
        if not requests:
            return said("Aucune demande de ce dossier ne porte cette empreinte.")
        newest = requests[-1]
        if await self._stands(view, newest) is not None:
            return said("L'enregistrement de ce constat a été effacé du journal après son temps.")
        former = await acceptances_of(view, newest.site, newest.hash)
        if former:
            at = long_instant(former[-1].acceptance.withdrawn_at)
            return said("L'acceptation a été retirée le {at} : elle ne se certifie plus.", at=at)
        state = said(STATES[newest.state])
        return said("Aucun silence n'y est enregistré ; la demande est : {state}.", state=state)

    async def _terms(self, view: View, case: Case, request: Request, issue: Issue) -> Terms:
        patient, quote = None, None
        key = await self.cabinet.case_key(view, case)
        if issue.identity and case.identity is not None and key.destroyed_at is None:
            patient = self._opened(case.identity, key)
            kind = TACIT_ACCEPTANCE.id
            facts = await view.all(Fact, site=case.site, case_id=case.id, kind=kind, request_hash=request.hash)
            if facts and facts[-1].details is not None:
                quote = self._opened(facts[-1].details, key).get("quote_eur")
        return Terms(
            case=case.ref,
            hash=request.hash,
            kind=request.kind,
            nature=request.nature,
            requested_from=request.requested_from,
            requested_until=request.requested_until,
            authorised_until=request.authorised_until,
            complete=request.complete,
            submitted_at=request.submitted_at,
            handed_over_at=request.handed_over_at,
            patient=patient,
            quote_eur=quote,
        )

    def _opened(self, sealed: bytes, key: VaultKey) -> dict[str, str]:
        told = json.loads(self.cabinet.vault.open_text(sealed, wrapped(key)))
        return {name: printable(str(value)) for name, value in told.items()}

    async def _silence(self, view: View, request: Request, until: datetime, record: audit.Record) -> Silence:
        since = request.submitted_at
        looks = [
            Look(
                place=f"{row.folder} ({row.mailbox})",
                first_at=row.first_at,
                last_at=row.last_at,
                count=row.count,
                uidnext=row.uidnext,
                longest_gap=row.longest_gap,
            )
            for row in await view.looks(request.site, since=since)
        ]
        vanished = await view.vanished(request.site, since=since)
        cnas = self.directory.with_role(Role.CNAS)
        return Silence(
            since=since,
            until=until,
            watched=watched(looks, since=since, until=until),
            vanished=sum(row.recorded_at <= until for row in vanished),
            conditions=_texts(record, "conditions"),
            confirmed=_texts(record, "confirmed"),
            by_gateway=_then(record, "by_gateway", all(each.kind is PartnerKind.GATEWAY for each in cnas)),
            conventions=_texts(record, "conventions")
            if "conventions" in record.details
            else tuple(each.policy.answers_come_here for each in cnas if each.policy.answers_come_here),
            physician_unwatched=UNWATCHED in _texts(record, "silence"),
        )

    async def _logged(self, view: View, entry: AuditEntry) -> Logged:
        """Under the checkpoint that left when the silence was recorded, or else under the newest."""
        shown = await proved(view, [entry], self.key)
        files = exhibit.written(shown)
        covered = entry.index in shown.proofs
        first = await covering(view, [entry.index], self.key) if covered and self.key is not None else ()
        folder = shown.milestones[0].folder if shown.milestones else exhibit.FOLDER
        note = shown.milestones[0].note if shown.milestones else shown.note
        return Logged(
            index=entry.index,
            record=entry.canonical.decode(),
            proof=files[folder + exhibit.proof_file(entry.index)].decode() if covered else None,
            note=note if covered else None,
            anchored=tuple((row.way.value, row.done_at) for each in first for row in each.anchors if row.done_at),
        )


T = TypeVar("T", int, bool)


def _then(record: audit.Record, name: str, now: T) -> T:
    """What was in force when the silence was recorded; what is now, where an older record does not say."""
    told = record.details.get(name)
    return told if isinstance(told, type(now)) else now


def _texts(record: audit.Record, name: str) -> tuple[str, ...]:
    value = record.details.get(name)
    return tuple(map(str, value)) if isinstance(value, list | tuple) else ()
