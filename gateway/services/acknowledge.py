"""Our receipts: which mails get one, signed before the commit, queued in it, never more than a partner can cause.

A receipt goes only to the partner whose mail passed every check, after the commit that keeps that mail. Never to a
receipt, to a mail that a machine sent, or with a null return path (RFC 3834, RFC 8098 section 2.1): that is how loops
begin. A partner with a mail program gets one when it asked; one with a gateway always asks.
"""

from datetime import datetime, timedelta

from gateway.domain import transmission as sending
from gateway.domain.evidence import OwnReception
from gateway.domain.parties import PartnerKind, Party
from gateway.domain.trust import VerifiedMail
from gateway.ports import Clock, Noise
from gateway.services.cabinet import EVIDENCE, Cabinet
from gateway.services.compose import RECEIPT, Composer, SealedReceipt
from gateway.storage import Act, Direction, Letter, Message, Transmission
from gateway.wire.incoming import Incoming

WINDOW = timedelta(hours=1)
"""In which no more than so many receipts go to one partner."""

_ON_ITS_WAY = (sending.State.READY, sending.State.SENDING, sending.State.UNKNOWN)


class Acknowledgements:
    """Signs receipts and adds them to the caller's act."""

    def __init__(
        self, *, composer: Composer, cabinet: Cabinet, clock: Clock, noise: Noise, party: Party, per_hour: int
    ) -> None:
        self._composer = composer
        self._cabinet = cabinet
        self._clock = clock
        self._noise = noise
        self._party = party
        self._per_hour = per_hour

    async def sign(self, seen: Incoming, mail: VerifiedMail, own: OwnReception) -> SealedReceipt | None:
        """The receipt of a mail, if it gets one; GnuPG signs outside of any act.

        Raises:
            OwnKeyUnusable: no receipt was made.
        """
        if seen.inner is None or mail.duplicate or not _answered(seen, mail):
            return None
        return await self._composer.receipt(
            mail,
            dated=seen.inner.date,
            recipients=seen.inner.recipients,
            received_at=own.latest.replace(microsecond=0),
            source=_source(own),
        )

    async def queue(self, act: Act, receipt: SealedReceipt, about: Message | None) -> Message:
        """Add a receipt to the caller's act: only what was committed is acknowledged.

        Above the cap it leaves later, but it leaves: a partner's period starts from it.
        """
        key = await self._cabinet.standing_key_in(act, EVIDENCE)
        file = await act.add(await self._cabinet.put(receipt.data, key))
        message = await act.add(
            Message(
                site=self._party.site,
                direction=Direction.OUT,
                kind=RECEIPT,
                partner=receipt.partner.id,
                message_id=receipt.message_id,
                mic=receipt.mic,
                at=receipt.at,
                case_id=about.case_id if about else None,
                request_hash=about.request_hash if about else None,
                entity=file.name,
                about=about.id if about else None,
            )
        )
        at = await self._free_at(act, message.partner)
        if at > self._clock.now():
            await self._capped(act, message, "later")
        await self._add(act, message, at)
        return message

    async def repeat(self, act: Act, seen: Incoming, mail: VerifiedMail, first: Message | Letter) -> str:
        """Queue the stored bytes of a receipt again, for a partner that repeats its mail. Returns what was done."""
        receipt = await self._receipt_of(act, first)
        if receipt is None or not _answered(seen, mail):
            return "no-receipt-to-repeat"
        if await act.all(Transmission, message=receipt.id, state=_ON_ITS_WAY, limit=1):
            return "receipt-on-its-way"
        if await self._free_at(act, receipt.partner) > self._clock.now():
            await self._capped(act, receipt, "not-repeated")
            return "receipts-capped"
        await self._add(act, receipt, self._clock.now())
        return "receipt-repeated"

    async def _receipt_of(self, act: Act, first: Message | Letter) -> Message | None:
        if isinstance(first, Letter):
            return None if first.receipt is None else await act.one(Message, id=first.receipt)
        found = await act.all(Message, site=self._party.site, kind=RECEIPT, about=first.id, newest=True, limit=1)
        return found[0] if found and found[0].direction is Direction.OUT else None

    async def _free_at(self, act: Act, partner: str) -> datetime:
        """When the next receipt may leave: now, or when the oldest of as many as are allowed is an hour old."""
        now = self._clock.now()
        site, per_hour = self._party.site, self._per_hour
        first = await act.newest(Transmission, per_hour, site=site, partner=partner, receipt=True)
        return now if first is None else max(now, first.next_at + WINDOW)

    async def _capped(self, act: Act, receipt: Message, outcome: str) -> None:
        await act.record(
            "receipt.capped",
            actor="gateway",
            message=str(receipt.id),
            request=receipt.request_hash,
            partner=receipt.partner,
            outcome=outcome,
            details={"per_hour": self._per_hour},
        )

    async def _add(self, act: Act, message: Message, at: datetime) -> None:
        await act.add(
            Transmission(
                site=self._party.site,
                message=message.id,
                partner=message.partner,
                receipt=True,
                envid=self._noise(16).hex(),
                file=message.entity or "",
                fingerprint=None,
                state=sending.State.READY,
                next_at=at,
            )
        )


def _answered(seen: Incoming, mail: VerifiedMail) -> bool:
    """Whether a mail that was verified may be answered by a machine, and whether its author wants that."""
    if mail.receipt or seen.outer is None or seen.outer.automatic or (seen.inner is not None and seen.inner.automatic):
        return False
    asked = any(address in mail.partner.addresses for address in seen.outer.receipt_to)
    told = seen.inner is not None and seen.inner.manifest is not None
    return asked or (told and mail.partner.kind is PartnerKind.GATEWAY)


def _source(own: OwnReception) -> str:
    """What attests the reception that our receipt states."""
    if own.disagrees:
        return "latest-of-disagreeing-sources"
    return "received" if own.agreed else "internaldate"
