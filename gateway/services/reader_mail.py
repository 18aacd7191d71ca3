"""Mail to a reader of our own party: an excerpt sealed to the reader's key, or a notice in clear that says nothing.

It is no message of the protocol: no manifest, no receipt asked, a neutral subject inside and outside. It leaves through
the outbox like any other mail.
"""

from dataclasses import dataclass
from datetime import datetime

from gateway.domain import transmission as sending
from gateway.domain.errors import MailMalformed
from gateway.domain.parties import Directory, Partner, Party
from gateway.domain.readers import HANDOVER, Reader
from gateway.ports import Noise, PublicKey
from gateway.services import letters
from gateway.services.cabinet import Cabinet
from gateway.services.clear_mail import AUTOMATIC, clear_mail
from gateway.services.compose import Composer, current_pins
from gateway.services.excerpt import Excerpt
from gateway.storage import Act, Case, Direction, Message, Transmission, VaultKey, View
from gateway.wire import payload, sealed
from gateway.wire.fields import Mailbox


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderMail:
    """A finished mail for one reader; ``fingerprint`` names the key to which it is sealed, None for a notice."""

    data: bytes
    message_id: str
    mic: str
    at: datetime
    fingerprint: str | None


class ReaderPost:
    """Makes and queues such mail."""

    def __init__(self, *, party: Party, outbox: Directory, composer: Composer, cabinet: Cabinet, noise: Noise) -> None:
        self._party = party
        self._outbox = outbox
        self._composer = composer
        self._cabinet = cabinet
        self._noise = noise

    async def fingerprint(self, view: View, reader: Reader) -> str | None:
        """Which key of the reader is in force; None when none is, and where no key is needed."""
        pin = (await current_pins(view, self._party.site)).get(reader.name)
        return None if pin is None else pin.fingerprint

    async def key(self, view: View, reader: Reader) -> tuple[Partner, PublicKey]:
        """The reader as the outbox knows it, and the key in force.

        Raises:
            KeyMissing, KeyUnusable.
        """
        partner = self._partner(reader)
        return partner, await self._composer.usable(partner, await current_pins(view, self._party.site))

    async def sealed(
        self,
        recipient: tuple[Partner, PublicKey],
        excerpt: Excerpt,
        case: Case,
        *,
        at: datetime,
        message_id: str | None = None,
    ) -> ReaderMail:
        """The excerpt, signed by us and encrypted to the reader's key alone.

        Raises:
            KeyUnusable, OwnKeyUnusable, MailTooLarge.
        """
        partner, key = recipient
        at = at.replace(microsecond=0)
        own_id = message_id or self._composer.message_id()
        subject = letters.outer_subject(case.ref)
        us, them = self._us, Mailbox(display="", address=partner.address)
        body = payload.Payload(
            sender=us,
            to=(them,),
            date=at,
            message_id=own_id,
            subject=subject,
            auto_submitted=AUTOMATIC,
            text=excerpt.letter,
            attachments=excerpt.files,
        )
        entity = payload.build_entity(body, self._composer.boundary(), outer_subject=subject)
        outer = sealed.Outer(
            sender=us, to=(them,), date=at, message_id=own_id, subject=subject, auto_submitted=AUTOMATIC
        )
        data = await self._composer.seal_for(partner, key, entity, outer)
        return ReaderMail(data=data, message_id=own_id, mic=sealed.mic(entity), at=at, fingerprint=key.fingerprint)

    def notice(self, reader: Reader, excerpt: Excerpt, case: Case, *, at: datetime) -> ReaderMail:
        """A notice in clear.

        Raises:
            MailMalformed: it holds files; content never leaves in clear.
        """
        if excerpt.files:
            raise MailMalformed(reason="content-in-clear", step="compose")
        at = at.replace(microsecond=0)
        message_id = self._composer.message_id()
        data = clear_mail(
            sender=self._party.address,
            to=self._partner(reader).address,
            subject=letters.outer_subject(case.ref),
            text=excerpt.letter,
            message_id=message_id,
            at=at,
        )
        return ReaderMail(data=data, message_id=message_id, mic=sealed.mic(data), at=at, fingerprint=None)

    async def queue(
        self, act: Act, mail: ReaderMail, reader: Reader, about: Message, key: VaultKey, *, now: datetime
    ) -> Transmission:
        """Into the outbox, in the caller's act.

        Raises:
            StorageFailed, VaultClosed: nothing is queued.
        """
        file = await act.add(await self._cabinet.put(mail.data, key))
        message = await act.add(
            Message(
                site=self._party.site,
                direction=Direction.OUT,
                kind=HANDOVER,
                partner=reader.name,
                message_id=mail.message_id,
                mic=mail.mic,
                at=mail.at,
                case_id=about.case_id,
                about=about.id,
            )
        )
        return await act.add(
            Transmission(
                site=self._party.site,
                message=message.id,
                partner=reader.name,
                receipt=False,
                envid=self._noise(16).hex(),
                file=file.name,
                fingerprint=mail.fingerprint,
                state=sending.State.READY,
                next_at=now,
            )
        )

    def _partner(self, reader: Reader) -> Partner:
        found = self._outbox.find(reader.name)
        if found is None:
            raise LookupError("a reader by mail whom the outbox does not know")
        return found

    @property
    def _us(self) -> Mailbox:
        return Mailbox(display="", address=self._party.address)
