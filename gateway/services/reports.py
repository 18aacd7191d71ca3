"""What others attest of our mails, and what only looks like it: receipts (RFC 8098), reports, answers by machines.

A receipt is matched by our own Message-ID, never by order or subject. What matches nothing is kept for a person and
moves nothing.
"""

from dataclasses import replace

from gateway.domain import transmission as sending
from gateway.domain.attestation import AUTO_REPLY, MDN, SIGNED_RECEIPT
from gateway.domain.parties import Directory, Partner, Party
from gateway.domain.trust import VerifiedMail
from gateway.ports import Clock
from gateway.services.arrived import Decision
from gateway.services.compose import RECEIPT
from gateway.services.deliveries import Deliveries
from gateway.services.identify import MAX_CITED
from gateway.services.matching import Match, Matching, is_positive
from gateway.services.receptions import Receptions
from gateway.services.requests import Requests
from gateway.storage import Act, Direction, Mail, Message, Transmission, Verdict
from gateway.wire.failure import Failure
from gateway.wire.incoming import Attested, Incoming


class Reports:
    """Applies receipts and reports."""

    def __init__(
        self, *, party: Party, directory: Directory, requests: Requests, clock: Clock, own_mta: frozenset[str]
    ) -> None:
        self._party = party
        self._directory = directory
        self._receptions = Receptions(party=party, directory=directory, requests=requests, clock=clock)
        self._matching = Matching(party=party, directory=directory)
        self._deliveries = Deliveries(
            directory=directory,
            requests=requests,
            receptions=self._receptions,
            matching=self._matching,
            clock=clock,
            own_mta=own_mta,
        )

    async def signed(self, act: Act, seen: Incoming, mail: VerifiedMail, row: Mail) -> Decision:
        """A receipt signed by a partner's pinned key.

        Raises:
            MailRefused: its MIC is not that of our message.
        """
        partner, receipt = mail.partner, seen.receipt
        found = await self._matching.signed(act, seen, mail)
        message = found.message
        if receipt is None or message is None:
            return Decision(verdict=found.verdict, reason=found.reason, partner=partner.id, held_back=True)
        await self._lock(act, message)
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
            verdict=found.verdict, reason=found.reason, partner=partner.id, message=stored, about=message
        )
        if found.verdict is not Verdict.RECEIPT:
            return replace(decision, held_back=True)
        await self._attested(act, message, partner.id)
        dated = max(mail.signed_at, receipt.date) if receipt.date else mail.signed_at
        told = self._receptions.told_by(row, partner.id, SIGNED_RECEIPT, stated=receipt.stated_at, dated=dated)
        await self._receptions.keep(act, message, told)
        return decision

    async def unsigned(self, act: Act, seen: Incoming, row: Mail) -> Decision:
        """A mail that nobody signed: a plain receipt, a delivery report, an out-of-office, or just a mail."""
        match = await self._matching.unsigned(act, seen)
        reports = seen.receipt is not None or seen.report is not None or seen.failure is not Failure.NONE
        if match.verdict is Verdict.AUTOMATIC and not reports:
            return await self.machine_answer(act, seen, self._matching.sender(seen), row)
        about = None
        if match.verdict is Verdict.REPORT and seen.receipt is not None:
            about = await self._plain_receipt(act, seen, seen.receipt, match, row)
        elif match.verdict is Verdict.REPORT and seen.report is not None:
            about = await self._deliveries.reported(act, seen.report, seen.failure, row)
        return Decision(
            verdict=match.verdict,
            reason=match.reason,
            partner=match.partner,
            # What names a mail of ours may be the answer itself; the receiver looks at the rest.
            held_back=match.verdict is Verdict.TRIAGE and match.message is not None,
            about=about,
        )

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

    async def _plain_receipt(self, act: Act, seen: Incoming, receipt: Attested, match: Match, row: Mail) -> Message:
        if match.message is None or match.partner is None:
            raise LookupError("a matched receipt without its message")
        if is_positive(receipt):
            dated = receipt.date or (seen.outer.date if seen.outer else None)
            found = self._receptions.told_by(row, match.partner, MDN, stated=None, dated=dated)
            await self._receptions.keep(act, match.message, found)
        return match.message

    async def _attested(self, act: Act, message: Message, partner: str) -> None:
        """A receipt proves the hand-over, whatever we knew of it."""
        for transmission in await act.all(Transmission, message=message.id, partner=partner):
            state = sending.step(transmission.state, sending.Event.EVIDENCE)
            await act.save(replace(transmission, state=state))

    async def _lock(self, act: Act, message: Message) -> None:
        if message.case_id is not None:
            await act.lock(message.case_id)
