"""What others attest of our mails, and what only looks like it: receipts (RFC 8098), reports, answers by machines.

A receipt is matched by our own Message-ID, never by order or subject. What matches nothing is kept for a person and
moves nothing.
"""

from dataclasses import replace

from gateway.domain import transmission as sending
from gateway.domain.attestation import AUTO_REPLY, MDN, SIGNED_RECEIPT
from gateway.domain.errors import MailRefused
from gateway.domain.parties import Directory, Partner, PartnerKind, Party
from gateway.domain.trust import VerifiedMail
from gateway.ports import Clock
from gateway.services.arrived import Decision
from gateway.services.compose import RECEIPT
from gateway.services.deliveries import Deliveries
from gateway.services.identify import MAX_CITED
from gateway.services.receptions import Receptions
from gateway.services.requests import Requests
from gateway.storage import Act, Direction, Mail, Message, Transmission, Verdict
from gateway.wire.failure import Failure
from gateway.wire.incoming import DISPOSITIONS, MODIFIERS, OTHER, Attested, Incoming

POSITIVE = frozenset({"processed", "dispatched", "displayed"})
"""Dispositions that attest reception; ``deleted``, ``denied``, ``failed`` and unknown words attest nothing."""


class Reports:
    """Applies receipts and reports."""

    def __init__(
        self, *, party: Party, directory: Directory, requests: Requests, clock: Clock, own_mta: frozenset[str]
    ) -> None:
        self._party = party
        self._directory = directory
        self._receptions = Receptions(party=party, directory=directory, requests=requests, clock=clock)
        self._deliveries = Deliveries(
            party=party,
            directory=directory,
            requests=requests,
            receptions=self._receptions,
            clock=clock,
            own_mta=own_mta,
        )

    async def signed(self, act: Act, seen: Incoming, mail: VerifiedMail, row: Mail) -> Decision:
        """A receipt signed by a partner's pinned key.

        Raises:
            MailRefused: its MIC is not that of our message.
        """
        partner = mail.partner
        receipt = seen.receipt
        message = await self._receptions.ours(act, receipt.original_message_id if receipt else None)
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
            verdict=Verdict.RECEIPT, reason=_word(receipt.kind), partner=partner.id, message=stored, about=message
        )
        if receipt.kind not in POSITIVE or receipt.modifiers:
            return replace(decision, verdict=Verdict.TRIAGE, reason="not-positive", held_back=True)
        await self._attested(act, message, partner.id)
        dated = max(mail.signed_at, receipt.date) if receipt.date else mail.signed_at
        found = self._receptions.told_by(row, partner.id, SIGNED_RECEIPT, stated=receipt.stated_at, dated=dated)
        await self._receptions.keep(act, message, found)
        return decision

    async def unsigned(self, act: Act, seen: Incoming, row: Mail) -> Decision:
        """A mail that nobody signed: a plain receipt, a delivery report, an out-of-office, or just a mail."""
        partner = self._sender(seen)
        if seen.receipt is not None:
            decision = await self._plain_receipt(act, seen, seen.receipt, row)
        elif seen.report is not None:
            decision = await self._deliveries.reported(act, seen.report, seen.failure, row)
        elif seen.failure is not Failure.NONE:
            # A failure told in words alone, or by a damaged report: shown with what it says, and nothing moves.
            decision = Decision(verdict=Verdict.TRIAGE, reason=f"bounce-{seen.failure.value}")
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
        about = None
        for message_id in cited[:MAX_CITED]:
            message = await self._receptions.ours(act, message_id)
            if message is None or partner is None or partner.id not in message.partner.split("+"):
                continue
            about = message
            found = self._receptions.told_by(row, partner.id, AUTO_REPLY, stated=None, dated=dated)
            await self._receptions.keep(act, message, found)
        partner_id = partner.id if partner else None
        return Decision(verdict=Verdict.AUTOMATIC, reason="auto-reply", partner=partner_id, about=about)

    async def replied(
        self, act: Act, messages: tuple[Message, ...], partner: Partner, seen: Incoming, row: Mail
    ) -> None:
        """A signed mail that cites these messages of ours attests that they arrived."""
        if seen.signed_at is None:
            return
        dated = seen.inner.date if seen.inner else None
        at = max(seen.signed_at, dated) if dated else seen.signed_at
        for message in messages:
            await self._receptions.replied(act, message, partner.id, at, row)

    def _sender(self, seen: Incoming) -> Partner | None:
        sender = seen.outer.senders[0] if seen.outer and len(seen.outer.senders) == 1 else ""
        return self._directory.at_address(sender)

    async def _plain_receipt(self, act: Act, seen: Incoming, receipt: Attested, row: Mail) -> Decision:
        partner = self._sender(seen)
        message = await self._receptions.ours(act, receipt.original_message_id)
        if message is None or partner is None or partner.id not in message.partner.split("+"):
            return Decision(verdict=Verdict.TRIAGE, reason="matches-nothing", held_back=message is not None)
        if receipt.kind in POSITIVE and not receipt.modifiers:
            dated = receipt.date or (seen.outer.date if seen.outer else None)
            found = self._receptions.told_by(row, partner.id, MDN, stated=None, dated=dated)
            await self._receptions.keep(act, message, found)
        told = ("mdn", _word(receipt.kind), receipt.modifiers and _modifier(receipt.modifiers))
        reason = "-".join(filter(None, told))
        return Decision(verdict=Verdict.REPORT, reason=reason, partner=partner.id, about=message)

    async def _attested(self, act: Act, message: Message, partner: str) -> None:
        """A receipt proves the hand-over, whatever we knew of it."""
        for transmission in await act.all(Transmission, message=message.id, partner=partner):
            state = sending.step(transmission.state, sending.Event.EVIDENCE)
            await act.save(replace(transmission, state=state))

    async def _lock(self, act: Act, message: Message) -> None:
        if message.case_id is not None:
            await act.lock(message.case_id)


def _word(told: str) -> str:
    """A word of ours: what a stranger wrote goes into no record."""
    return told if told in DISPOSITIONS else OTHER


def _modifier(told: str) -> str:
    return told if told in MODIFIERS else OTHER
