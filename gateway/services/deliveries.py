"""What servers report of the delivery of our mails (RFC 3464): matched by our envelope id or Message-ID and recipient.

Each recipient counts alone: a failure for one says nothing of another. What our own server says proves no reception.
"""

from dataclasses import replace

from gateway.domain import request as life
from gateway.domain import transmission as sending
from gateway.domain.attestation import DSN_DELIVERED
from gateway.domain.parties import Directory, Partner, Party, Role
from gateway.ports import Clock
from gateway.services.arrived import Decision
from gateway.services.readers import returned
from gateway.services.receptions import Receptions
from gateway.services.requests import Requests
from gateway.storage import Act, Mail, Message, Transmission, Verdict
from gateway.wire.dsn import Dsn, DsnRecipient
from gateway.wire.failure import Failure
from gateway.wire.incoming import ACTIONS, OTHER

Lines = tuple[DsnRecipient, ...]
"""What a report says of one recipient; several lines where a list was expanded."""


class Deliveries:
    """Applies delivery reports."""

    def __init__(
        self,
        *,
        party: Party,
        directory: Directory,
        requests: Requests,
        receptions: Receptions,
        clock: Clock,
        own_mta: frozenset[str],
    ) -> None:
        self._party = party
        self._directory = directory
        self._requests = requests
        self._receptions = receptions
        self._clock = clock
        self._own_mta = own_mta

    async def reported(self, act: Act, report: Dsn, failure: Failure, row: Mail) -> Decision:
        """Apply a report in the caller's act."""
        found = await self._matched(act, report)
        if not found:
            # Its text may be the answer itself: the receiver holds it back when it concerns us, as any mail in triage.
            return Decision(verdict=Verdict.TRIAGE, reason="dsn-matches-nothing")
        about = None
        for transmission, lines in found:
            message = await act.one(Message, id=transmission.message)
            if message is None:
                raise LookupError("a transmission without its message")
            about = message
            await self._apply(act, report, transmission, lines, message=message, failure=failure, row=row)
        actions = {action for _, lines in found for action in _actions(lines)}
        partner = found[0][0].partner if len(found) == 1 else None
        return Decision(verdict=Verdict.REPORT, reason=_reason(actions, failure), partner=partner, about=about)

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
        actions = _actions(lines)
        if actions == {"failed"}:
            await self._bounced(act, transmission, message, failure)
        elif "delivered" in actions and not self._by_our_server(report):
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

    # --- matching

    async def _matched(self, act: Act, report: Dsn) -> tuple[tuple[Transmission, Lines], ...]:
        """The transmissions that a report is about, each with what is said of its recipient."""
        if report.original_envelope_id:
            found = await act.one(Transmission, site=self._party.site, envid=report.original_envelope_id)
            if found is not None:
                # The envelope had this one recipient: a report that names another was made by an alias or a list there.
                return ((found, self._lines(found, report) or report.recipients),)
        message = await self._receptions.ours(act, report.original_message_id)
        if message is None:
            return ()
        sent = await act.all(Transmission, message=message.id)
        named = tuple((each, lines) for each in sent if (lines := self._lines(each, report)))
        if named or len(sent) != 1:
            return named
        return ((sent[0], report.recipients),)

    def _lines(self, transmission: Transmission, report: Dsn) -> Lines:
        partner = self._directory.find(transmission.partner)
        if partner is None:
            return ()
        return tuple(
            line for line in report.recipients if _is_of(partner, line.original) or _is_of(partner, line.final)
        )

    def _by_our_server(self, report: Dsn) -> bool:
        return (report.reporting_mta or "").rpartition(";")[2].strip().lower() in self._own_mta


def _is_of(partner: Partner, address: str | None) -> bool:
    """Whether mail to this address is the partner's: a server may write the tag that it delivers to (RFC 5233)."""
    if address is None:
        return False
    local, _, domain = address.rpartition("@")
    return address in partner.addresses or f"{local.partition('+')[0]}@{domain}" in partner.addresses


def _actions(lines: Lines) -> set[str]:
    """Words of ours: what a stranger wrote goes into no record."""
    return {line.action if line.action in ACTIONS else OTHER for line in lines}


def _reason(actions: set[str], failure: Failure) -> str:
    told = "dsn-" + "-".join(sorted(actions))
    return f"{told}-address" if "failed" in actions and failure is Failure.ADDRESS else told
