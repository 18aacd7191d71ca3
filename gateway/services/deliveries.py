"""What servers report of the delivery of our mails (RFC 3464): matched by our envelope id or Message-ID and recipient.

Each recipient counts alone: a failure for one says nothing of another. What our own server says proves no reception.
"""

from dataclasses import replace

from gateway.domain import request as life
from gateway.domain import transmission as sending
from gateway.domain.attestation import DSN_DELIVERED
from gateway.domain.parties import Directory, Role
from gateway.ports import Clock
from gateway.services.matching import Lines, Matching, actions
from gateway.services.readers import returned
from gateway.services.receptions import Receptions
from gateway.services.requests import Requests
from gateway.storage import Act, Mail, Message, Transmission
from gateway.wire.dsn import Dsn
from gateway.wire.failure import Failure


class Deliveries:
    """Applies delivery reports."""

    def __init__(
        self,
        *,
        directory: Directory,
        requests: Requests,
        receptions: Receptions,
        matching: Matching,
        clock: Clock,
        own_mta: frozenset[str],
    ) -> None:
        self._directory = directory
        self._requests = requests
        self._receptions = receptions
        self._matching = matching
        self._clock = clock
        self._own_mta = own_mta

    async def reported(self, act: Act, report: Dsn, failure: Failure, row: Mail) -> Message | None:
        """Apply a report in the caller's act; returns our mail that it is about, None when it fits none."""
        about = None
        for transmission, lines in await self._matching.transmissions(act, report):
            message = await act.one(Message, id=transmission.message)
            if message is None:
                raise LookupError("a transmission without its message")
            about = message
            await self._apply(act, report, transmission, lines, message=message, failure=failure, row=row)
        return about

    async def _apply(
        self,
        act: Act,
        report: Dsn,
        transmission: Transmission,
        lines: Lines,
        *,
        message: Message,
        failure: Failure,
        row: Mail,
    ) -> None:
        """What is said of one recipient. A list that took the mail for some of its members has received it."""
        told = actions(lines)
        if told == {"failed"}:
            await self._bounced(act, transmission, message, failure)
        elif "delivered" in told and not self._by_our_server(report):
            attempts = [line.last_attempt or report.date for line in lines if line.action == "delivered"]
            stated = min((at for at in attempts if at is not None), default=None)
            found = self._receptions.told_by(row, transmission.partner, DSN_DELIVERED, stated=stated, dated=report.date)
            await self._receptions.keep(act, message, found)

    async def _bounced(self, act: Act, transmission: Transmission, message: Message, failure: Failure) -> None:
        state = sending.step(transmission.state, sending.Event.BOUNCED)
        transmission = await act.save(replace(transmission, state=state))
        await act.record(
            "transmission.bounced",
            actor="gateway",
            request=message.request_hash,
            message=str(message.id),
            partner=transmission.partner,
            outcome="failed",
            details={"failure": failure.value},
        )
        await returned(act, transmission, self._clock.now())
        request = await self._receptions.request_of(act, message)
        partner = self._directory.find(transmission.partner)
        if request is not None and partner is not None and partner.role is Role.CNAS:
            await self._requests.advance(
                act, request, life.Event.DELIVERY_FAILED, actor="gateway", partner=partner.id, message=str(message.id)
            )

    def _by_our_server(self, report: Dsn) -> bool:
        return (report.reporting_mta or "").rpartition(";")[2].strip().lower() in self._own_mta
