"""The life of a case: it opens, things happen in it, a fact is corrected. Everything in the caller's act.

A fact is never changed: a correction is another fact that names it. The state follows from the facts that stand.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from gateway.domain import case as life
from gateway.domain.days import paris_day
from gateway.domain.errors import IllegalTransition
from gateway.domain.flags import flags
from gateway.domain.guards import Known
from gateway.domain.kinds import (
    ENTITLEMENT_CERTIFICATE,
    EXTENSION_REGULARISATION,
    EXTENSION_REQUEST,
    EXTENSION_REQUEST_VITAL,
    KINDS,
    TACIT_ACCEPTANCE,
    Kind,
    Travel,
    parse_date,
)
from gateway.domain.kinds.shape import PATIENT
from gateway.domain.kinds.vital import SUPPLEMENTARY_AUTHORISATION
from gateway.domain.parties import Party
from gateway.ports import Clock
from gateway.services.cabinet import Cabinet, wrapped
from gateway.storage import Act, Case, Fact, Request, Rows, VaultKey

IDENTITY_FIELDS = tuple(field.id for field in PATIENT)
_GRANTS = {life.Event.ENTITLED, life.Event.EXTENDED}
PRESENT = "oui"
"""Stands for medical content in the details of a fact: that it was there, never what it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """An exchange or fact, as it is kept: its kind, its fields, who brought it, and what it is about.

    ``message`` is the message that brought it; ``mail`` the mail, when a person said that it is this.
    """

    kind: Kind
    values: Mapping[str, str]
    actor: str
    at: datetime
    request_hash: str | None = None
    message: int | None = None
    mail: int | None = None
    partner: str | None = None
    reason: str | None = None

    @property
    def is_news(self) -> bool:
        """Whether it came to us with its fields: by a partner's message, or as a fact; not what we send ourselves."""
        return self.kind.travel is not Travel.MAIL or (self.message is not None and self.actor == "gateway")

    @property
    def reference(self) -> str | None:
        """What brought it, for the audit log."""
        if self.message is not None:
            return str(self.message)
        return None if self.mail is None else f"mail-{self.mail}"


class Casework:
    """What happens to cases."""

    def __init__(self, *, party: Party, cabinet: Cabinet, clock: Clock) -> None:
        self._party = party
        self._cabinet = cabinet
        self._clock = clock

    def new(self, *, ref: str, hospital: str, event: life.Event, values: Mapping[str, str]) -> tuple[Case, VaultKey]:
        """A case and its key, not stored yet; the event is one that opens."""
        key = self._cabinet.new_case_key()
        identity, lookup = self._identity(key, values)
        until = parse_date(values.get("authorised_until", "")) or parse_date(values.get("covered_until", ""))
        case = Case(
            site=self._party.site,
            ref=ref,
            hospital=hospital,
            vault_key=key.id,
            opened_at=self._clock.now(),
            authorised_until=until,
            state=life.OPENINGS[event],
            identity=identity,
            identity_lookup=lookup,
        )
        return case, key

    async def open(self, act: Act, case: Case, key: VaultKey, *, actor: str) -> Case:
        """Store a new case.

        Raises:
            AlreadyThere: its token is taken.
        """
        await act.add(key)
        stored = await act.add(case)
        await act.record("case.opened", actor=actor, case=case.ref, outcome=case.state.value)
        return stored

    async def happen(self, act: Act, case: Case, key: VaultKey, what: Happening, *, opens: bool = False) -> Case:
        """Keep a fact and move the case; ``opens`` says that it is the one that opened it.

        Raises:
            IllegalTransition: it cannot happen now; the act must end without a commit.
        """
        event = what.kind.outcome_of(what.values).case
        state = case.state if opens or event is None else life.step(case.state, event)
        fact = await act.add(self._fact(case, key, what))
        moved = await act.save(replace(case, state=state, authorised_until=self._authorised(case, fact)))
        await act.record(
            f"case.{event.value}" if event else "fact.kept",
            actor=what.actor,
            case=case.ref,
            request=what.request_hash,
            message=what.reference,
            partner=what.partner,
            outcome=state.value,
            details={
                "fact": fact.id,
                "kind": what.kind.id,
                "day": fact.day.isoformat(),
                "insisted": what.reason is not None,
            },
        )
        if what.is_news:
            for flag in flags(what.kind, what.values):
                await act.record(
                    f"alarm.{flag}", actor="gateway", case=case.ref, request=what.request_hash, outcome="raised"
                )
        return moved

    async def silence(
        self, act: Act, request: Request, effective: datetime, *, partner: str | None = None, message: int | None = None
    ) -> bool:
        """Keep what a silence grants, the terms of the request (003:L286). Returns whether its form came already."""
        case = await act.one(Case, id=request.case_id)
        if case is None:
            raise LookupError("a request without its case")
        key = await self._cabinet.case_key(act, case)
        asked = await act.all(
            Fact, site=case.site, request_hash=request.hash, kind=(EXTENSION_REQUEST.id, EXTENSION_REQUEST_VITAL.id)
        )
        told = self.details(asked[0], key) if asked else {}
        terms = {name: value for name, value in told.items() if TACIT_ACCEPTANCE.field(name)} | {
            "requested_from": request.requested_from.isoformat(),
            "requested_until": request.requested_until.isoformat(),
        }
        what = Happening(
            kind=TACIT_ACCEPTANCE,
            values=terms,
            actor="gateway",
            at=effective,
            request_hash=request.hash,
            message=message,
            partner=partner,
        )
        await self.happen(act, case, key, what)
        forms = await act.all(
            Fact, site=case.site, case_id=case.id, kind=EXTENSION_REGULARISATION.id, request_hash=request.hash
        )
        return bool(forms)

    async def silence_withdrawn(self, act: Act, request: Request, *, actor: str) -> None:
        """Take back what a silence granted: its fact stays and another withdraws it; rights end as before."""
        case = await act.one(Case, id=request.case_id)
        if case is None:
            raise LookupError("a request without its case")
        granted = [
            fact
            for fact in await standing_facts(act, case)
            if fact.kind == TACIT_ACCEPTANCE.id and fact.request_hash == request.hash
        ]
        if not granted:
            return
        key = await self._cabinet.case_key(act, case)
        fact = await self._replaced(act, case, key, granted[-1], None, actor=actor)
        left = await standing_facts(act, case)
        try:
            state = _restated(left, case)
        except IllegalTransition:
            # What the stay did since supposes the extension: that goes all the same, and the stay is where it is.
            state = case.state
        ends = [each.last for each in left if _grants(each) and each.last is not None]
        ends += [row.authorised_until for row in await act.all(Request, site=case.site, case_id=case.id)]
        await self._corrected(act, replace(case, authorised_until=max(ends)), fact, state, actor)

    async def correct(
        self, act: Act, case: Case, key: VaultKey, old: Fact, values: Mapping[str, str] | None, *, actor: str
    ) -> Fact:
        """Replace a fact by another of its kind, or withdraw it (``values`` None); the state is computed again.

        Raises:
            IllegalTransition: the facts that would remain contradict each other.
        """
        fact = await self._replaced(act, case, key, old, values, actor=actor)
        await self._corrected(act, case, fact, _restated(await standing_facts(act, case), case), actor)
        return fact

    async def _replaced(
        self, act: Act, case: Case, key: VaultKey, old: Fact, values: Mapping[str, str] | None, *, actor: str
    ) -> Fact:
        what = Happening(
            kind=KINDS[old.kind],
            values=values or {},
            actor=actor,
            at=self._clock.now(),
            request_hash=old.request_hash,
        )
        fact = self._fact(case, key, what)
        withdraws = values is None
        day = old.day if withdraws else fact.day
        return await act.add(replace(fact, corrects=old.id, withdraws=withdraws, day=day))

    async def _corrected(self, act: Act, case: Case, fact: Fact, state: life.State, actor: str) -> None:
        await act.save(replace(case, state=state))
        await act.record(
            "fact.withdrawn" if fact.withdraws else "fact.corrected",
            actor=actor,
            case=case.ref,
            request=fact.request_hash,
            outcome=state.value,
            details={"fact": fact.id, "corrects": fact.corrects, "kind": fact.kind, "day": fact.day.isoformat()},
        )

    async def known(self, view: Rows, case: Case, request: Request | None = None) -> Known:
        """What guards look at."""
        facts = await standing_facts(view, case)
        key = await self._cabinet.case_key(view, case)
        return Known(
            facts={fact.kind: self.details(fact, key) for fact in facts},
            state=request.state if request else None,
            form_owed=request.form_owed if request else False,
            certificates=tuple(fact.day for fact in facts if fact.kind == ENTITLEMENT_CERTIFICATE.id),
        )

    def details(self, fact: Fact, key: VaultKey) -> dict[str, str]:
        """The fields that were kept of a fact.

        Raises:
            VaultClosed: the case was forgotten.
        """
        if fact.details is None:
            return {}
        return dict(json.loads(self._cabinet.vault.open_text(fact.details, wrapped(key))))

    def _fact(self, case: Case, key: VaultKey, what: Happening) -> Fact:
        kept = self._kept(what)
        first, last = what.kind.span or ("", "")
        return Fact(
            site=self._party.site,
            case_id=case.id,
            kind=what.kind.id,
            day=parse_date(what.values.get(what.kind.dated or "", "")) or hospital_day(what.at),
            first=parse_date(what.values.get(first, "")),
            last=parse_date(what.values.get(last, "")),
            request_hash=what.request_hash,
            message=what.message,
            details=self._cabinet.vault.seal_text(json.dumps(kept, ensure_ascii=False), wrapped(key)) if kept else None,
            recorded_at=self._clock.now(),
            by=what.actor,
        )

    def _kept(self, what: Happening) -> dict[str, str]:
        """A message keeps its own content for its time; a note has no other place than this."""
        noted = what.message is None
        kept: dict[str, str] = {}
        for field in what.kind.fields:
            value = what.values.get(field.id)
            if value and field.id not in IDENTITY_FIELDS:
                kept[field.id] = PRESENT if field.medical and not noted else value
        return kept | ({"insisted": what.reason} if what.reason else {})

    def _authorised(self, case: Case, fact: Fact) -> date | None:
        """The last day of the newest authorisation."""
        if not _grants(fact) or fact.last is None:
            return case.authorised_until
        return max(fact.last, case.authorised_until or fact.last)

    def _identity(self, key: VaultKey, values: Mapping[str, str]) -> tuple[bytes, str]:
        """The patient's identity, sealed, and the keyed hash by which it is found again."""
        identity = {name: values.get(name, "") for name in IDENTITY_FIELDS}
        sealed = self._cabinet.vault.seal_text(json.dumps(identity, ensure_ascii=False), wrapped(key))
        return sealed, self._cabinet.vault.lookup(" ".join(identity[name] for name in IDENTITY_FIELDS[:3]))


def hospital_day(at: datetime) -> date:
    """The calendar date of an instant in the hospital."""
    return paris_day(at)


async def standing_facts(view: Rows, case: Case) -> tuple[Fact, ...]:
    """The facts of a case that nothing corrects, in the order in which they were kept; withdrawals are not facts."""
    facts = await view.all(Fact, site=case.site, case_id=case.id)
    corrected = {fact.corrects for fact in facts}
    return tuple(fact for fact in facts if fact.id not in corrected and not fact.withdraws)


def _grants(fact: Fact) -> bool:
    return KINDS[fact.kind].outcome.case in _GRANTS or fact.kind == SUPPLEMENTARY_AUTHORISATION.id


def _restated(facts: Sequence[Fact], case: Case) -> life.State:
    """The state that these facts lead to; a closure is an act of its own, no fact: a closed case stays closed.

    Raises:
        IllegalTransition: they contradict each other.
    """
    state = replayed(facts, case)
    return state if case.closed_at is None else life.step(state, life.Event.CLOSED)


def replayed(facts: Sequence[Fact], case: Case) -> life.State:
    """The state that these facts lead to.

    Raises:
        IllegalTransition: they contradict each other.
    """
    state: life.State | None = None
    for fact in sorted(facts, key=lambda fact: fact.corrects or fact.id):
        event = KINDS[fact.kind].outcome.case
        if event is None:
            continue
        state = life.OPENINGS.get(event, case.state) if state is None else life.step(state, event)
    return state or case.state
