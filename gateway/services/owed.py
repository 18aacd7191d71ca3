"""What a case has to do, read from the case itself: its facts, its requests, and what was sent of ours."""

from collections.abc import Sequence

from gateway.domain.duties import Asked, Duty, File, Happened, duties
from gateway.domain.duties.spans import Span, spans
from gateway.domain.parties import Party, Role
from gateway.domain.request_name import RequestName
from gateway.ports import Clock
from gateway.services.cabinet import Cabinet
from gateway.services.casework import Casework, hospital_day, standing_facts
from gateway.services.challenged import is_contested
from gateway.services.request_names import named
from gateway.services.rulings import proposed_by
from gateway.storage import Case, Direction, Fact, Message, Request, Rows, VaultKey

_READ = frozenset(
    {"CARE_ACCEPTANCE_WITH_QUOTE", "ENTITLEMENT_CERTIFICATE", "ENTITLEMENT_PRESENTED", "EXTENSION_REFUSAL"}
)
"""Kinds of facts of which a duty looks at a field: the others stay sealed."""


class Owed:
    """Reads it, for our role."""

    def __init__(self, *, cabinet: Cabinet, clock: Clock, party: Party) -> None:
        self._cabinet = cabinet
        self._clock = clock
        self._party = party
        self._casework = Casework(party=party, cabinet=cabinet, clock=clock)

    async def of(self, rows: Rows, case: Case) -> tuple[Duty, ...]:
        """The duties of a case, as they are now."""
        return duties(await self._file(rows, case), self._party.role)

    async def over_time(self, rows: Rows, case: Case) -> tuple[Span, ...]:
        """The same for every day, as long as nothing happens."""
        return spans(await self._file(rows, case), self._party.role)

    async def found_in(
        self, rows: Rows, case: Case, facts: Sequence[Fact], requests: Sequence[Request], messages: Sequence[Message]
    ) -> tuple[Duty, ...]:
        """The duties of a case that was read already."""
        return duties(await self._file_of(rows, case, facts, requests, messages), self._party.role)

    async def _file(self, rows: Rows, case: Case) -> File:
        facts = await standing_facts(rows, case)
        requests = await rows.all(Request, site=case.site, case_id=case.id)
        messages = await rows.all(Message, site=case.site, case_id=case.id, direction=Direction.OUT)
        return await self._file_of(rows, case, facts, requests, messages)

    async def _file_of(
        self, rows: Rows, case: Case, facts: Sequence[Fact], requests: Sequence[Request], messages: Sequence[Message]
    ) -> File:
        ours = {message.id for message in messages if message.direction is Direction.OUT}
        key, names = await self._cabinet.case_key(rows, case), named(requests)
        return File(
            ref=case.ref,
            state=case.state,
            today=hospital_day(self._clock.now()),
            facts=tuple(
                self._happened(fact, key, sent=fact.message in ours)
                for fact in sorted(facts, key=lambda fact: fact.corrects or fact.id)
            ),
            requests=tuple([await _asked(rows, row, names[row.hash], self._party.role) for row in requests]),
            authorised_until=case.authorised_until,
        )

    def _happened(self, fact: Fact, key: VaultKey, *, sent: bool) -> Happened:
        read = fact.kind in _READ and key.destroyed_at is None
        values = self._casework.details(fact, key) if read else {}
        return Happened(kind=fact.kind, day=fact.day, values=values, request=fact.request_hash, sent=sent)


async def _asked(rows: Rows, row: Request, name: RequestName, role: Role) -> Asked:
    in_doubt = await is_contested(rows, row)
    return Asked(
        hash=row.hash,
        name=name,
        state=row.state,
        prolongs=row.nature == "prolongation",
        last=row.granted_until or row.requested_until,
        authorised_until=row.authorised_until,
        sent_on=hospital_day(row.handed_over_at or row.submitted_at),
        form_owed=row.form_owed,
        ends_at=row.nominal_at,
        contested=in_doubt,
        ruled_by=await proposed_by(rows, row, role),
    )
