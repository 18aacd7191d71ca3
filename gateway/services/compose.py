"""Makes sealed mail: payload entity, one signature a suite, one encryption per recipient, and the rows that carry them.

Nothing is kept or sent unless every recipient's key is usable: a missing copy is refused, never sent in clear.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from gateway.domain import transmission
from gateway.domain.errors import KeyMissing, MailTooLarge, NoCorrespondent, NotAllowed
from gateway.domain.kinds import KINDS, RECEIPT_ACK, REPAIRED_COPY, Kind, parse_date
from gateway.domain.parties import Directory, Function, Partner, Party, Suite
from gateway.domain.trust import VerifiedMail
from gateway.domain.words import said
from gateway.ports import Clock, Noise, PublicKey, Sealer
from gateway.services import letters
from gateway.services.cabinet import Cabinet
from gateway.storage import Act, Case, Direction, Message, Pin, Transmission, VaultKey, View
from gateway.wire import manifest, mdn, payload, sealed
from gateway.wire.fields import Mailbox

RECEIPT = RECEIPT_ACK.id
"""Kind of the messages that acknowledge, made by the gateway alone."""

SOFTWARE = "soins-gateway/0.1"
ENCRYPTION_OVERHEAD = 1.5
"""Base 64 inside, then armour outside: what a sealed mail weighs against its entity, rounded up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a mail shall say, on which case of which hospital. ``request_hash`` is None for a request itself.

    ``only`` are the partners to whom a repaired copy goes; for any other kind the catalogue says who gets it.
    """

    kind: Kind
    ref: str
    hospital: str
    values: Mapping[str, str]
    attachments: tuple[payload.Attachment, ...] = ()
    request_hash: str | None = None
    in_reply_to: str | None = None
    only: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedCopy:
    """The mail for one recipient."""

    partner: Partner
    fingerprint: str
    data: bytes
    envid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedMail:
    """One entity, one Message-ID, as many copies as recipients."""

    draft: Draft
    entity: bytes
    mic: str
    message_id: str
    at: datetime
    copies: tuple[SealedCopy, ...]


async def current_pins(view: View, site: str) -> dict[str, Pin]:
    """For each partner, the key for which we seal: the one that is confirmed, not superseded and not retired."""
    pins = await view.all(Pin, site=site, retired_at=None, superseded_at=None)
    return {pin.partner: pin for pin in pins if pin.confirmed_by is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedReceipt:
    """A finished receipt: a signed report in clear, for the partner whose mail it acknowledges."""

    partner: Partner
    message_id: str
    mic: str
    at: datetime
    data: bytes


class Composer:
    """Seals drafts and queues them; signs receipts and queues them."""

    def __init__(
        self,
        *,
        party: Party,
        directory: Directory,
        sealer: Sealer,
        cabinet: Cabinet,
        clock: Clock,
        noise: Noise,
        max_bytes: int,
    ) -> None:
        self._party = party
        self._directory = directory
        self._sealer = sealer
        self._cabinet = cabinet
        self._clock = clock
        self._noise = noise
        self._max_bytes = max_bytes

    def message_id(self) -> str:
        """A new Message-ID: 128 random bits at our domain (RFC 5322 §3.6.4)."""
        return f"<{self._noise(16).hex()}@{self._party.address.rpartition('@')[2]}>"

    def boundary(self) -> str:
        """A new MIME boundary."""
        return f"=_{self._noise(18).hex()}"

    def addressees(
        self, kind: Kind, hospital: str, only: tuple[str, ...] | None = None
    ) -> tuple[tuple[Partner, ...], tuple[Partner, ...]]:
        """To whom this kind goes, and in copy to whom, for a case of this hospital: computed, never typed.

        Raises:
            NotAllowed: our role does not send this kind.
            NoCorrespondent: the configuration names nobody for a function.
        """
        route = kind.route(self._party.role)
        if route is None:
            raise NotAllowed(act=said(kind.title), reason=said("Ce rôle n'envoie pas ce type de message."))
        if only is not None and kind is REPAIRED_COPY:
            # Whoever was forgotten; a function of the row that nobody fills was not.
            holders = {each.id: each for item in route.to for each in self._directory.holders(item, hospital)}
            if not holders.keys() & set(only):
                raise NoCorrespondent(function=route.to[0].value)
            return tuple(each for each in holders.values() if each.id in only), ()
        to, copy = self._holders(route.to, hospital), self._holders(route.copy, hospital)
        if only is not None:
            to, copy = tuple(each for each in to if each.id in only), tuple(each for each in copy if each.id in only)
        # One partner may fill several functions: it gets the mail once.
        return to, tuple(partner for partner in copy if partner not in to)

    def _holders(self, functions: tuple[Function, ...], hospital: str) -> tuple[Partner, ...]:
        found: dict[str, Partner] = {}
        for function in functions:
            holders = self._directory.holders(function, hospital)
            if not holders:
                raise NoCorrespondent(function=function.value)
            found |= {partner.id: partner for partner in holders}
        return tuple(found.values())

    async def usable(self, partner: Partner, pins: Mapping[str, Pin]) -> PublicKey:
        """The key of a recipient, checked.

        Raises:
            KeyMissing, KeyUnusable: it cannot be written to.
        """
        pin = pins.get(partner.id)
        if pin is None:
            raise KeyMissing(partner=partner.id)
        key = PublicKey(suite=partner.suite, fingerprint=pin.fingerprint, material=pin.material)
        await self._sealer.check(key, partner=partner.id)
        return key

    async def seal(self, draft: Draft, pins: Mapping[str, Pin]) -> SealedMail:
        """Build, sign once in each suite that a recipient uses, encrypt for each recipient.

        Raises:
            NotAllowed, NoCorrespondent, KeyMissing, KeyUnusable, OwnKeyUnusable, MailTooLarge: nothing was kept.
        """
        to, cc = self.addressees(draft.kind, draft.hospital, draft.only)
        if set(draft.only or ()) - {partner.id for partner in (*to, *cc)}:
            raise NotAllowed(act=said(draft.kind.title), reason=said("Les textes n'en font pas un destinataire."))
        keys = [(partner, await self.usable(partner, pins)) for partner in (*to, *cc)]
        entity, message_id, at = self._entity(draft, to, cc)
        for partner, _ in keys:
            self._fits(int(len(entity) * ENCRYPTION_OVERHEAD), partner)
        # One entity, one Message-ID, one hash, whatever the suites: what differs is the layers around it.
        signed = {suite: await self._signed(entity, suite) for suite in sorted({key.suite for _, key in keys}, key=str)}
        outer = self._outer(draft.ref, to, cc, at, message_id)
        copies = []
        for partner, key in keys:
            data = await self._encrypted(signed[key.suite], outer, partner, key)
            envid = self._noise(16).hex()
            copies.append(SealedCopy(partner=partner, fingerprint=key.fingerprint, data=data, envid=envid))
        return SealedMail(
            draft=draft, entity=entity, mic=sealed.mic(entity), message_id=message_id, at=at, copies=tuple(copies)
        )

    async def reseal(self, entity: bytes, message: Message, case: Case, partner: Partner, key: PublicKey) -> bytes:
        """The same entity, Message-ID and Date again, for a recipient whose key changed.

        Raises:
            KeyUnusable, OwnKeyUnusable, MailTooLarge.
        """
        to, cc = self.addressees(KINDS[message.kind], case.hospital, tuple(message.partner.split("+")))
        outer = self._outer(case.ref, to, cc, message.at, message.message_id)
        return await self.seal_for(partner, key, entity, outer)

    async def seal_for(self, partner: Partner, key: PublicKey, entity: bytes, outer: sealed.Outer) -> bytes:
        """One entity, signed and encrypted for one recipient, in its outer mail; raises as :meth:`reseal`."""
        return await self._encrypted(await self._signed(entity, key.suite), outer, partner, key)

    async def _signed(self, entity: bytes, suite: Suite) -> bytes:
        signature = await self._sealer.sign(entity, suite)
        return sealed.signed(entity, signature.data, signature.micalg, self.boundary(), suite)

    async def _encrypted(self, signed: bytes, outer: sealed.Outer, partner: Partner, key: PublicKey) -> bytes:
        ciphertext = await self._sealer.encrypt(signed, key, partner=partner.id)
        data = sealed.outer(outer, ciphertext, self.boundary(), key.suite)
        self._fits(len(data), partner)
        return data

    def _outer(
        self, ref: str, to: tuple[Partner, ...], cc: tuple[Partner, ...], at: datetime, message_id: str
    ) -> sealed.Outer:
        return sealed.Outer(
            sender=self._us(named=False),
            to=_mailboxes(to),
            cc=_mailboxes(cc),
            date=at,
            message_id=message_id,
            subject=letters.outer_subject(ref),
            receipt_to=self._party.address,
        )

    async def queue(
        self, act: Act, mail: SealedMail, case: Case, key: VaultKey, *, request_hash: str | None
    ) -> Message:
        """Write the files, then add message and outbox rows to the caller's act.

        Raises:
            StorageFailed: nothing is queued.
        """
        entity = await act.add(await self._cabinet.put(mail.entity, key))
        message = await act.add(
            Message(
                site=self._party.site,
                direction=Direction.OUT,
                kind=mail.draft.kind.id,
                partner="+".join(copy.partner.id for copy in mail.copies),
                message_id=mail.message_id,
                mic=mail.mic,
                at=mail.at,
                case_id=case.id,
                request_hash=request_hash,
                entity=entity.name,
            )
        )
        for copy in mail.copies:
            file = await act.add(await self._cabinet.put(copy.data, key))
            await act.add(
                Transmission(
                    site=self._party.site,
                    message=message.id,
                    partner=copy.partner.id,
                    receipt=False,
                    envid=copy.envid,
                    file=file.name,
                    fingerprint=copy.fingerprint,
                    state=transmission.State.READY,
                    next_at=mail.at,
                )
            )
        return message

    async def receipt(
        self,
        mail: VerifiedMail,
        *,
        dated: datetime | None,
        recipients: tuple[str, ...],
        received_at: datetime,
        source: str,
    ) -> SealedReceipt:
        """Sign the receipt of a verified mail (RFC 8098 in RFC 1847), in its sender's suite: it states when it came.

        Raises:
            OwnKeyUnusable: no receipt was made.
        """
        at = self._clock.now().replace(microsecond=0)
        headers = mdn.ReceiptHeaders(
            sender=self._us(named=False),
            to=Mailbox(display="", address=mail.partner.address),
            date=at,
            message_id=self.message_id(),
            subject="Accusé de réception",
            in_reply_to=mail.message_id,
        )
        entity = mdn.build_receipt_entity(
            headers=headers,
            original=mdn.Original(
                message_id=mail.message_id,
                date=dated,
                sender=Mailbox(display="", address=mail.partner.address),
                to=tuple(Mailbox(display="", address=address) for address in recipients),
            ),
            reporting_ua=f"{self._party.address.rpartition('@')[2]}; {SOFTWARE}",
            final_recipient=self._party.address,
            mic=bytes.fromhex(mail.mic),
            received_at=received_at,
            source=source,
            boundary=self.boundary(),
        )
        suite = mail.partner.suite
        signature = await self._sealer.sign(entity, suite)
        data = mdn.receipt_mail(headers, entity, signature.data, signature.micalg, self.boundary(), suite=suite)
        return SealedReceipt(
            partner=mail.partner, message_id=headers.message_id, mic=sealed.mic(entity), at=at, data=data
        )

    def _entity(self, draft: Draft, to: tuple[Partner, ...], cc: tuple[Partner, ...]) -> tuple[bytes, str, datetime]:
        at = self._clock.now().replace(microsecond=0)
        message_id = self.message_id()
        told = manifest.Manifest(
            kind=draft.kind.id,
            case=draft.ref,
            party_from=self._party.id,
            request_hash=draft.request_hash,
            authorisation_end=parse_date(draft.values.get("authorised_until", "")),
            fields=dict(draft.values),
            attachments=tuple(manifest.describe(attachment) for attachment in draft.attachments),
            software=SOFTWARE,
        )
        titles = {piece.role: piece.title for piece in draft.kind.pieces}
        pieces = [titles.get(attachment.role or "", attachment.name) for attachment in draft.attachments]
        body = payload.Payload(
            sender=self._us(named=True),
            to=_mailboxes(to),
            cc=_mailboxes(cc),
            date=at,
            message_id=message_id,
            subject=letters.subject(draft.kind, draft.ref),
            in_reply_to=draft.in_reply_to,
            references=(draft.in_reply_to,) if draft.in_reply_to else (),
            text=letters.letter(draft.kind, draft.ref, draft.values, pieces, self._party.name),
            manifest=manifest.encode(told),
            attachments=draft.attachments,
        )
        entity = payload.build_entity(body, self.boundary(), outer_subject=letters.outer_subject(draft.ref))
        return entity, message_id, at

    def _us(self, *, named: bool) -> Mailbox:
        return Mailbox(display=self._party.name if named else "", address=self._party.address)

    def _fits(self, size: int, partner: Partner) -> None:
        limit = min(self._max_bytes, partner.max_bytes)
        if size > limit:
            raise MailTooLarge(partner=partner.id, size=size, limit=limit)


def _mailboxes(partners: tuple[Partner, ...]) -> tuple[Mailbox, ...]:
    return tuple(Mailbox(display="", address=partner.address) for partner in partners)
