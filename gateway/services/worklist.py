"""What is to be done, gathered from what the database keeps: the duties of cases, and the mails that await sorting."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.domain.duties import Asked, Duty, File, Happened, Urgency, duties, ordered
from gateway.domain.parties import Party, Role
from gateway.domain.words import said
from gateway.ports import Clock
from gateway.services.cabinet import Cabinet
from gateway.services.cases import find_case
from gateway.services.casework import Casework, hospital_day, standing_facts
from gateway.services.challenged import is_contested
from gateway.services.rulings import proposed_by
from gateway.storage import FOR_A_PERSON, Case, Direction, Fact, Mail, Message, Request, Store, VaultKey, View

_READ = frozenset(
    {"CARE_ACCEPTANCE_WITH_QUOTE", "ENTITLEMENT_CERTIFICATE", "ENTITLEMENT_PRESENTED", "EXTENSION_REFUSAL"}
)
"""Kinds of facts of which a duty looks at a field: the others stay sealed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing to do; ``ref`` is its case, None for a mail of which nothing is known."""

    duty: Duty
    ref: str | None = None
    hospital: str | None = None


class Worklist:
    """Reads what is to be done."""

    def __init__(self, *, store: Store, cabinet: Cabinet, clock: Clock, party: Party) -> None:
        self._store = store
        self._cabinet = cabinet
        self._clock = clock
        self._party = party
        self._casework = Casework(party=party, cabinet=cabinet, clock=clock)

    async def todo(self, ref: str | None = None) -> tuple[Item, ...]:
        """Everything that is to be done, or all of one case; the most urgent first.

        Raises:
            Unknown: no such case.
        """
        async with self._store.view() as view:
            if ref is not None:
                cases: Sequence[Case] = [await find_case(view, self._party.site, ref)]
            else:
                cases = await view.all(Case, site=self._party.site, closed_at=None)
            found = [
                Item(duty=duty, ref=case.ref, hospital=case.hospital)
                for case in cases
                for duty in await self.of(view, case)
            ]
            found += await self._mails(view, cases if ref is not None else None)
        order = ordered([item.duty for item in found])
        places = {id(duty): place for place, duty in enumerate(order)}
        return tuple(sorted(found, key=lambda item: places[id(item.duty)]))

    async def of(self, view: View, case: Case) -> tuple[Duty, ...]:
        """The duties of a case, as they are now."""
        facts = await standing_facts(view, case)
        requests = await view.all(Request, site=case.site, case_id=case.id)
        messages = await view.all(Message, site=case.site, case_id=case.id, direction=Direction.OUT)
        return await self.found_in(view, case, facts, requests, messages)

    async def found_in(
        self, view: View, case: Case, facts: Sequence[Fact], requests: Sequence[Request], messages: Sequence[Message]
    ) -> tuple[Duty, ...]:
        """The same, of a case that was read already."""
        ours = {message.id for message in messages if message.direction is Direction.OUT}
        key = await self._cabinet.case_key(view, case)
        now = self._clock.now()
        file = File(
            ref=case.ref,
            state=case.state,
            today=hospital_day(now),
            facts=tuple(
                self._happened(fact, key, sent=fact.message in ours)
                for fact in sorted(facts, key=lambda fact: fact.corrects or fact.id)
            ),
            requests=tuple([await _asked(view, row, self._party.role) for row in requests]),
            authorised_until=case.authorised_until,
        )
        return duties(file, self._party.role)

    def _happened(self, fact: Fact, key: VaultKey, *, sent: bool) -> Happened:
        read = fact.kind in _READ and key.destroyed_at is None
        values = self._casework.details(fact, key) if read else {}
        return Happened(kind=fact.kind, day=fact.day, values=values, request=fact.request_hash, sent=sent)

    async def _mails(self, view: View, cases: Sequence[Case] | None) -> list[Item]:
        """Mails that hold something back, or that seem to be about one of these cases."""
        waiting = await view.all(
            Mail, site=self._party.site, verdict=tuple(FOR_A_PERSON), settled_at=None, held_back=True
        )
        found = []
        for mail in waiting:
            case = await view.one(Case, id=mail.likely_case) if mail.likely_case is not None else None
            if cases is not None and (case is None or case.id not in {each.id for each in cases}):
                continue
            found.append(Item(duty=self._sorting(mail), ref=case.ref if case else None))
        return found

    def _sorting(self, mail: Mail) -> Duty:
        sentence = said("Trier le courrier {number} : une personne doit dire ce qu'il est.", number=mail.id)
        if self._party.role is Role.HOSPITAL:
            sentence = said("Trier le courrier {number} : jusque-là il retient tout silence.", number=mail.id)
        if mail.settled_as is not None:
            sentence = said(
                "Confirmer ce que {who} a dit du courrier {number} : une seconde personne est demandée.",
                who=mail.settled_by,
                number=mail.id,
            )
        return Duty(
            code="mail_to_sort",
            by=self._party.role,
            sentence=sentence,
            urgency=Urgency.NOW,
            commands=(f"gateway triage show {mail.id}", f"gateway triage classify {mail.id} …"),
            request=mail.likely_request,
        )


async def _asked(view: View, row: Request, role: Role) -> Asked:
    in_doubt = await is_contested(view, row)
    return Asked(
        hash=row.hash,
        state=row.state,
        prolongs=row.nature == "prolongation",
        last=row.granted_until or row.requested_until,
        authorised_until=row.authorised_until,
        sent_on=hospital_day(row.handed_over_at or row.submitted_at),
        form_owed=row.form_owed,
        ends_at=row.nominal_at,
        contested=in_doubt,
        ruled_by=await proposed_by(view, row, role),
    )
