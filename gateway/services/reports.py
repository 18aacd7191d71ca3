"""What others attest of our mails: signed and plain receipts (RFC 8098), delivery reports (RFC 3464).

A report is matched by our own Message-ID or envelope id, never by order or subject. What matches nothing is kept for a
person and moves nothing.
"""

from dataclasses import replace
from datetime import datetime

from gateway.domain import request as life
from gateway.domain import transmission as sending
from gateway.domain.errors import MailRefused
from gateway.domain.kinds import KINDS, Subject
from gateway.domain.parties import Directory, Grade, Partner, PartnerKind, Party, Role
from gateway.domain.trust import VerifiedMail
from gateway.ports import Clock
from gateway.services.arrived import Decision
from gateway.services.compose import RECEIPT
from gateway.services.identify import MAX_CITED
from gateway.services.readers import returned
from gateway.services.requests import Requests, iso
from gateway.storage import Act, Direction, Mail, Message, Request, StoredEvidence, Transmission, Verdict
from gateway.wire import dsn
from gateway.wire.incoming import ACTIONS, DISPOSITIONS, OTHER, Attested, Incoming

POSITIVE = frozenset({"processed", "dispatched", "displayed"})
"""Dispositions that attest reception; ``deleted``, ``denied``, ``failed`` and unknown words attest nothing."""

SIGNED_REPLY = "signed_reply"
"""Kind of the evidence that a signed mail is which merely cites a request."""


class Reports:
    """Applies receipts and delivery reports."""

    def __init__(
        self, *, party: Party, directory: Directory, requests: Requests, clock: Clock, own_mta: frozenset[str]
    ) -> None:
        self._party = party
        self._directory = directory
        self._requests = requests
        self._clock = clock
        self._own_mta = own_mta

    async def signed(self, act: Act, seen: Incoming, mail: VerifiedMail, row: Mail) -> Decision:
        """A receipt signed by a partner's pinned key.

        Raises:
            MailRefused: its MIC is not that of our message.
        """
        partner = mail.partner
        receipt = seen.receipt
        message = await self._ours(act, receipt.original_message_id if receipt else None)
        if receipt is None or message is None or partner.id not in message.partner.split("+"):
            return Decision(verdict=Verdict.TRIAGE, reason="matches-nothing", partner=partner.id, held_back=True)
        await self._lock(act, message)
        same = receipt.mic is not None and receipt.mic == message.mic and receipt.mic_algorithm == "sha-256"
        if not same and (partner.kind is PartnerKind.GATEWAY or receipt.mic is not None):
            raise MailRefused(step="receipt", reason="mic-missing" if receipt.mic is None else "mic-mismatch")
        stored = await act.add(
            Message(
                site=self._party.site,
                direction=Direction.IN,
                kind=RECEIPT,
                partner=partner.id,
                message_id=mail.message_id,
                mic=mail.mic,
                at=mail.signed_at,
                case_id=message.case_id,
                request_hash=message.request_hash,
                about=message.id,
            )
        )
        decision = Decision(
            verdict=Verdict.RECEIPT, reason=_word(receipt.kind, DISPOSITIONS), partner=partner.id, message=stored
        )
        if receipt.kind not in POSITIVE or receipt.modifiers:
            return replace(decision, verdict=Verdict.TRIAGE, reason="not-positive", held_back=True)
        await self._attested(act, message, partner.id)
        dated = max(mail.signed_at, receipt.date) if receipt.date else mail.signed_at
        await self._evidence(
            act,
            message,
            partner=partner.id,
            kind="signed_receipt",
            grade=Grade.SIGNED_RECEIPT,
            stated=receipt.stated_at,
            dated=dated,
            row=row,
        )
        return decision

    async def unsigned(self, act: Act, seen: Incoming, row: Mail) -> Decision:
        """A mail that nobody signed: a plain receipt, a delivery report, an out-of-office, or just a mail."""
        partner = self._sender(seen)
        if seen.receipt is not None:
            decision = await self._plain_receipt(act, seen, seen.receipt, row)
        elif seen.report is not None:
            decision = await self._delivery_report(act, seen.report, row)
        elif seen.notice:
            return await self.machine_answer(act, seen, partner, row)
        else:
            return Decision(verdict=Verdict.PLAIN, reason="not-sealed", partner=partner.id if partner else None)
        if decision.verdict is Verdict.TRIAGE and seen.notice:
            # A report on a mail that is not ours: persons write from this mailbox too.
            return replace(decision, verdict=Verdict.AUTOMATIC, held_back=False)
        return decision

    async def machine_answer(self, act: Act, seen: Incoming, partner: Partner | None, row: Mail) -> Decision:
        """An out-of-office: no answer, and the weakest of all evidence that the mail it cites has arrived."""
        signed = seen.inner is not None
        cited = seen.inner.cited if seen.inner else seen.outer.cited if seen.outer else ()
        dated = seen.signed_at if signed else seen.outer.date if seen.outer else None
        for message_id in cited[:MAX_CITED]:
            message = await self._ours(act, message_id)
            if message is None or partner is None or partner.id not in message.partner.split("+"):
                continue
            await self._evidence(
                act,
                message,
                partner=partner.id,
                kind="auto_reply",
                grade=Grade.AUTO_REPLY,
                stated=None,
                dated=dated,
                row=row,
            )
        return Decision(verdict=Verdict.AUTOMATIC, reason="auto-reply", partner=partner.id if partner else None)

    async def replied(self, act: Act, message: Message, mail: VerifiedMail, dated: datetime | None, row: Mail) -> None:
        """A person's signed mail that cites a request attests that it arrived, once: a bound, never a statement."""
        partner = mail.partner.id
        at = max(mail.signed_at, dated) if dated else mail.signed_at
        if partner not in message.partner.split("+"):
            return
        known = await act.all(
            StoredEvidence, site=self._party.site, request_hash=message.mic, partner=partner, kind=SIGNED_REPLY
        )
        if any(item.dated_at is not None and item.dated_at <= at for item in known):
            return
        await self._evidence(
            act,
            message,
            partner=partner,
            kind=SIGNED_REPLY,
            grade=Grade.SIGNED_REPLY,
            stated=None,
            dated=at,
            row=row,
        )

    def _sender(self, seen: Incoming) -> Partner | None:
        sender = seen.outer.senders[0] if seen.outer and len(seen.outer.senders) == 1 else ""
        return self._directory.at_address(sender)

    async def _plain_receipt(self, act: Act, seen: Incoming, receipt: Attested, row: Mail) -> Decision:
        partner = self._sender(seen)
        message = await self._ours(act, receipt.original_message_id)
        if message is None or partner is None or partner.id not in message.partner.split("+"):
            return Decision(verdict=Verdict.TRIAGE, reason="matches-nothing", held_back=message is not None)
        if receipt.kind in POSITIVE and not receipt.modifiers:
            await self._evidence(
                act,
                message,
                partner=partner.id,
                kind="mdn",
                grade=Grade.MDN,
                stated=None,
                dated=receipt.date or (seen.outer.date if seen.outer else None),
                row=row,
            )
        reason = f"mdn-{_word(receipt.kind, DISPOSITIONS)}"
        return Decision(verdict=Verdict.REPORT, reason=reason, partner=partner.id)

    async def _delivery_report(self, act: Act, report: dsn.Dsn, row: Mail) -> Decision:
        transmission = await self._transmission(act, report)
        if transmission is None:
            # Its text may be the answer itself: the receiver holds it back when it concerns us, as any mail in triage.
            return Decision(verdict=Verdict.TRIAGE, reason="dsn-matches-nothing")
        message = await act.one(Message, id=transmission.message)
        actions = {_word(recipient.action, ACTIONS) for recipient in report.recipients}
        if message is not None and actions == {"failed"}:
            await self._bounced(act, transmission, message)
        elif message is not None and actions == {"delivered"} and not self._by_our_server(report):
            attempt = report.recipients[0].last_attempt or report.date
            await self._evidence(
                act,
                message,
                partner=transmission.partner,
                kind="dsn_delivered",
                grade=Grade.DSN_DELIVERED,
                stated=attempt,
                dated=report.date,
                row=row,
            )
        reason = "dsn-" + "-".join(sorted(actions) or ["empty"])
        return Decision(verdict=Verdict.REPORT, reason=reason, partner=transmission.partner)

    async def _bounced(self, act: Act, transmission: Transmission, message: Message) -> None:
        await act.record(
            "transmission.bounced",
            actor="gateway",
            request=message.request_hash,
            message=str(message.id),
            partner=transmission.partner,
            outcome="failed",
        )
        await returned(act, transmission, self._clock.now())
        request = await self._request_of(act, message)
        partner = self._directory.find(transmission.partner)
        if request is not None and partner is not None and partner in self._directory.with_role(Role.CNAS):
            await self._requests.advance(
                act, request, life.Event.DELIVERY_FAILED, actor="gateway", partner=partner.id, message=str(message.id)
            )

    async def _evidence(
        self,
        act: Act,
        message: Message,
        *,
        partner: str,
        kind: str,
        grade: Grade,
        stated: datetime | None,
        dated: datetime | None,
        row: Mail,
    ) -> None:
        request = await self._request_of(act, message)
        if request is None:
            return
        now = self._clock.now()
        found = StoredEvidence(
            site=self._party.site,
            request_hash=request.hash,
            partner=partner,
            kind=kind,
            grade=grade,
            statement=stated is not None and grade >= Grade.SIGNED_RECEIPT,
            sent_at=message.at,
            stated_at=stated,
            dated_at=dated,
            arrived_at=row.received_latest or now,
            recorded_at=now,
            mail=row.id,
        )
        request = await self._handed_over(act, request, message, found)
        await self._requests.receive_evidence(act, request, found)

    async def _handed_over(self, act: Act, request: Request, message: Message, found: StoredEvidence) -> Request:
        """What starts a period proves the hand-over too: it was made before the reception, whatever we knew of it."""
        partner = self._directory.find(found.partner)
        if request.handed_over_at is not None or partner is None or partner.role is not Role.CNAS:
            return request
        if found.grade < partner.policy.starts_from:
            return request
        possible = found.stated_at is not None and found.sent_at <= found.stated_at <= found.arrived_at
        at = found.stated_at if possible else found.arrived_at
        return await self._requests.advance(
            act,
            request,
            life.Event.HANDED_OVER,
            actor="gateway",
            partner=partner.id,
            message=str(message.id),
            details={"by_evidence": found.kind, "handed_over_by": iso(at)},
            handed_over_at=at,
        )

    async def _attested(self, act: Act, message: Message, partner: str) -> None:
        """A receipt proves the hand-over, whatever we knew of it."""
        for transmission in await act.all(Transmission, message=message.id, partner=partner):
            state = sending.step(transmission.state, sending.Event.EVIDENCE)
            await act.save(replace(transmission, state=state))

    async def _request_of(self, act: Act, message: Message) -> Request | None:
        kind = KINDS.get(message.kind)
        if kind is None or kind.subject is not Subject.REQUEST or message.case_id is None:
            return None
        await self._lock(act, message)
        return await act.one(Request, site=self._party.site, hash=message.mic)

    async def _lock(self, act: Act, message: Message) -> None:
        if message.case_id is not None:
            await act.lock(message.case_id)

    async def _ours(self, act: Act, message_id: str | None) -> Message | None:
        if message_id is None:
            return None
        found = await act.all(Message, site=self._party.site, direction=Direction.OUT, message_id=message_id, limit=1)
        return found[0] if found else None

    async def _transmission(self, act: Act, report: dsn.Dsn) -> Transmission | None:
        if report.original_envelope_id:
            return await act.one(Transmission, site=self._party.site, envid=report.original_envelope_id)
        message = await self._ours(act, report.original_message_id)
        if message is None:
            return None
        found = await act.all(Transmission, message=message.id)
        return found[0] if len(found) == 1 else None

    def _by_our_server(self, report: dsn.Dsn) -> bool:
        return (report.reporting_mta or "").rpartition(";")[2].strip().lower() in self._own_mta


def _word(told: str, known: frozenset[str]) -> str:
    """A word of ours: what a stranger wrote goes into no record."""
    return told if told in known else OTHER
