"""Keeps what attests that a partner received a mail of ours, and lets the request follow from it."""

from dataclasses import dataclass
from datetime import datetime

from gateway.domain.attestation import SIGNED_REPLY, Form
from gateway.domain.kinds import KINDS, Subject
from gateway.domain.parties import Directory, Party
from gateway.ports import Clock
from gateway.services.departure import Departures
from gateway.services.matching import ours
from gateway.services.requests import Requests
from gateway.storage import Act, Mail, Message, Request, StoredEvidence, View


@dataclass(frozen=True, slots=True, kw_only=True)
class Attestation:
    """What a partner attests: ``stated`` the reception, if it states one, ``dated`` its own date.

    ``arrived`` is when we got it, and ``mail`` the mail that holds it.
    """

    partner: str
    form: Form
    stated: datetime | None
    dated: datetime | None
    arrived: datetime
    mail: int | None


class Receptions:
    """Adds evidence to the caller's act."""

    def __init__(self, *, party: Party, directory: Directory, requests: Requests, clock: Clock) -> None:
        self._party = party
        self._requests = requests
        self._departures = Departures(party=party, directory=directory, requests=requests)
        self._clock = clock

    async def ours(self, view: View, message_id: str | None) -> Message | None:
        """Our own message of this id."""
        return await ours(view, self._party.site, message_id)

    async def request_of(self, act: Act, message: Message) -> Request | None:
        """The request that a message of ours is, its case locked."""
        kind = KINDS.get(message.kind)
        if kind is None or kind.subject is not Subject.REQUEST or message.case_id is None:
            return None
        await act.lock(message.case_id)
        return await act.one(Request, site=self._party.site, hash=message.mic)

    def told_by(
        self, row: Mail, partner: str, form: Form, *, stated: datetime | None, dated: datetime | None
    ) -> Attestation:
        """What a mail attests."""
        arrived = row.received_latest or self._clock.now()
        return Attestation(partner=partner, form=form, stated=stated, dated=dated, arrived=arrived, mail=row.id)

    async def keep(self, act: Act, message: Message, found: Attestation) -> StoredEvidence | None:
        """Keep an evidence of a request once, and recompute; of other messages the mail alone is kept."""
        request = await self.request_of(act, message)
        if request is None:
            return None
        same = await act.all(
            StoredEvidence,
            site=self._party.site,
            request_hash=request.hash,
            partner=found.partner,
            kind=found.form.id,
            stated_at=found.stated,
            dated_at=found.dated,
            limit=1,
        )
        if same:
            return None
        evidence = StoredEvidence(
            site=self._party.site,
            request_hash=request.hash,
            partner=found.partner,
            kind=found.form.id,
            grade=found.form.grade,
            statement=found.stated is not None and found.form.states,
            sent_at=message.at,
            stated_at=found.stated,
            dated_at=found.dated,
            arrived_at=found.arrived,
            recorded_at=self._clock.now(),
            mail=found.mail,
        )
        await self._requests.add_evidence(act, request, evidence)
        request = await self._departures.proved(act, request, message, found.partner)
        await self._requests.recompute(act, request)
        return evidence

    async def replied(self, act: Act, message: Message, partner: str, at: datetime, row: Mail) -> None:
        """A mail signed at ``at`` that cites a request attests that it arrived, once: a bound, never a statement."""
        if partner not in message.partner.split("+"):
            return
        known = await act.all(
            StoredEvidence, site=self._party.site, request_hash=message.mic, partner=partner, kind=SIGNED_REPLY.id
        )
        if any(item.dated_at is not None and item.dated_at <= at for item in known):
            return
        await self.keep(act, message, self.told_by(row, partner, SIGNED_REPLY, stated=None, dated=at))
