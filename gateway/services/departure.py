"""When a request was handed over: our own server's word, unless evidence shows that it had arrived well before.

It is computed again from what is stored, so that the server's answer and the evidence may come in any order.
"""

from dataclasses import replace
from datetime import datetime

from gateway.domain import request as life
from gateway.domain.evidence import CLOCK_TOLERANCE
from gateway.domain.parties import Directory, Party, Role
from gateway.domain.transmission import State as Sending
from gateway.services.requests import Requests, iso
from gateway.storage import Act, Message, Request, StoredEvidence, Transmission, View


class Departures:
    """Dates hand-overs."""

    def __init__(self, *, party: Party, directory: Directory, requests: Requests) -> None:
        self._party = party
        self._directory = directory
        self._requests = requests

    async def taken(self, act: Act, request: Request, message: Message, transmission: Transmission) -> Request:
        """Our server took the mail for the CNAS; what came back meanwhile, or was proved, stays so."""
        at, _ = await self._known(act, request, message)
        settled = transmission.state in {Sending.EVIDENCED, Sending.RETURNED}
        if settled and request.handed_over_at == at:
            return request
        if transmission.state is Sending.RETURNED:
            return await act.save(replace(request, handed_over_at=at))
        return await self._dated(act, request, message, at, partner=transmission.partner)

    async def proved(self, act: Act, request: Request, message: Message, partner: str) -> Request:
        """An evidence was kept: it may be the first to say that the request was handed over, or say it better."""
        at, by = await self._known(act, request, message)
        if at is None or at == request.handed_over_at:
            return request
        return await self._dated(act, request, message, at, partner=partner, by=by)

    async def _dated(
        self, act: Act, request: Request, message: Message, at: datetime | None, *, partner: str, by: str | None = None
    ) -> Request:
        details = {"by_evidence": by, "handed_over_by": iso(at)} if by else None
        return await self._requests.advance(
            act,
            request,
            life.Event.HANDED_OVER,
            actor="gateway",
            partner=partner,
            message=str(message.id),
            details=details,
            handed_over_at=at,
        )

    async def _known(self, view: View, request: Request, message: Message) -> tuple[datetime | None, str | None]:
        """The instant, and the kind of the evidence that gives it when that is not our server."""
        rows = await view.all(Transmission, message=message.id)
        taken = [row.handed_over_at for row in rows if row.handed_over_at is not None and self._at_cnas(row.partner)]
        proofs = await view.all(StoredEvidence, site=self._party.site, request_hash=request.hash)
        proved = [(_by(row), row.kind) for row in proofs if self._starts(row)]
        ours, (theirs, kind) = min(taken, default=None), min(proved, default=(None, None))
        if ours is None or (theirs is not None and theirs < ours - CLOCK_TOLERANCE):
            return theirs, kind
        return ours, None

    def _at_cnas(self, partner_id: str) -> bool:
        partner = self._directory.find(partner_id)
        return partner is not None and partner.role is Role.CNAS

    def _starts(self, row: StoredEvidence) -> bool:
        """Only what may start the period proves the hand-over too."""
        partner = self._directory.find(row.partner)
        return partner is not None and partner.role is Role.CNAS and row.grade >= partner.policy.starts_from


def _by(row: StoredEvidence) -> datetime:
    """The request had been handed over by then, whatever we knew of it."""
    stated = row.stated_at
    return stated if stated is not None and row.sent_at <= stated <= row.arrived_at else row.arrived_at
