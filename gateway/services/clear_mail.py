"""A mail in clear that says nothing of any content: a notice to a reader, alarms, a checkpoint of the log."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from gateway.domain import transmission
from gateway.domain.parties import Party
from gateway.ports import Noise
from gateway.services.cabinet import Cabinet
from gateway.storage import Act, Direction, Message, Transmission
from gateway.wire.compose import check_outgoing, mailbox_text, text_part
from gateway.wire.fields import Mailbox, date_text

AUTOMATIC = "auto-generated"
_FIELDS = (
    "From",
    "To",
    "Date",
    "Message-ID",
    "Subject",
    "Auto-Submitted",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
)


def clear_mail(*, sender: str, to: str, subject: str, text: str, message_id: str, at: datetime) -> bytes:
    """The whole mail.

    Raises:
        MailMalformed: a value that cannot stand in a header.
    """
    headers = [
        ("From", mailbox_text(Mailbox(display="", address=sender))),
        ("To", mailbox_text(Mailbox(display="", address=to))),
        ("Date", date_text(at)),
        ("Message-ID", message_id),
        ("Subject", subject),
        ("Auto-Submitted", AUTOMATIC),
        ("MIME-Version", "1.0"),
    ]
    data = text_part(text, headers=headers)
    check_outgoing(data, _FIELDS)
    return data


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearPost:
    """Queues such mail. ``kind`` is its kind, which the catalogue does not know: no rule of the protocol applies.

    ``purpose`` is that of the vault key under which it lies.
    """

    party: Party
    cabinet: Cabinet
    noise: Noise
    kind: str
    purpose: str

    async def queue(
        self, act: Act, *, recipient: str, address: str, subject: str, text: str, now: datetime
    ) -> tuple[Message, Transmission]:
        """Into the outbox, in the caller's act; ``recipient`` is the outbox's name for the address.

        Raises:
            StorageFailed: nothing is queued.
        """
        at = now.replace(microsecond=0)
        message_id = f"<{self.noise(16).hex()}@{self.party.address.rpartition('@')[2]}>"
        data = clear_mail(
            sender=self.party.address, to=address, subject=subject, text=text, message_id=message_id, at=at
        )
        file = await act.add(await self.cabinet.put(data, await self.cabinet.standing_key_in(act, self.purpose)))
        message = await act.add(
            Message(
                site=self.party.site,
                direction=Direction.OUT,
                kind=self.kind,
                partner=recipient,
                message_id=message_id,
                mic=sha256(data).hexdigest(),
                at=at,
            )
        )
        queued = await act.add(
            Transmission(
                site=self.party.site,
                message=message.id,
                partner=recipient,
                receipt=False,
                envid=self.noise(16).hex(),
                file=file.name,
                fingerprint=None,
                state=transmission.State.READY,
                next_at=at,
            )
        )
        return message, queued
