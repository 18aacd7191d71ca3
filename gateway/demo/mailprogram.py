"""A partner without a gateway: a clerk at a mail program with OpenPGP, who answers as people do, well or badly.

Its mails leave by the same relay as the gateways'. It is simulated, and exists only here.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email import message_from_bytes
from email.policy import default
from gettext import gettext as _

from gateway.adapters.openpgp.home import open_home
from gateway.adapters.openpgp.seal import OpenPgpSealer
from gateway.demo.party import Installed
from gateway.demo.servers import RELAY, MailServer, Post
from gateway.domain.parties import Suite
from gateway.ports import Clock, PublicKey
from gateway.wire import sealed
from gateway.wire.compose import entity, field, multipart, text_part
from gateway.wire.fields import Mailbox, date_text
from gateway.wire.payload import Payload, build_entity


@dataclass(frozen=True, slots=True, kw_only=True)
class MailProgram:
    """The clerk's program: the mails that lie in the box, and ways to answer the last of them."""

    installed: Installed
    keys: dict[str, PublicKey]
    sealer: OpenPgpSealer
    server: MailServer
    clock: Clock

    @property
    def address(self) -> str:
        """The clerk's own."""
        return self.installed.profile.address

    @property
    def received(self) -> Sequence[bytes]:
        """What lies in the box, oldest first."""
        return self.server.delivered[self.address]

    async def displayed(self, to: str) -> None:
        """Send the receipt that a mail program sends on display (RFC 8098): plain, unsigned, by a click."""
        told = (
            f"Final-Recipient: rfc822;{self.address}\r\nOriginal-Message-ID: {self._cited()}\r\n"
            "Disposition: manual-action/MDN-sent-manually; displayed\r\n"
        )
        words = _("Le message a été affiché. Cela ne garantit pas qu'il a été lu ou compris.")
        await self._send(
            to, _report("disposition-notification", words, told, self._headers(to, _("Accusé de lecture")))
        )

    async def answers(self, to: str, text: str, *, copies: Sequence[str] = ()) -> None:
        """Answer in words, signed and sealed for each, as OpenPGP programs do; ``copies`` stand in Cc."""
        outer = sealed.Outer(
            sender=_mailbox(self.address),
            to=(_mailbox(to),),
            cc=tuple(map(_mailbox, copies)),
            date=self.clock.now().replace(microsecond=0),
            message_id=self._new_id(),
            subject="...",
        )
        payload = Payload(
            sender=outer.sender,
            to=outer.to,
            cc=outer.cc,
            date=outer.date,
            message_id=outer.message_id,
            subject=_("Réponse"),
            text=text,
            in_reply_to=self._cited(),
        )
        written = build_entity(payload, secrets.token_hex(12))
        signature = await self.sealer.sign(written, suite=Suite.OPENPGP)
        whole = sealed.signed(written, signature.data, signature.micalg, secrets.token_hex(12))
        for address in (to, *copies):
            cipher = await self.sealer.encrypt(whole, self.keys[address], partner=address)
            await self._send(address, sealed.outer(outer, cipher, secrets.token_hex(12)))

    async def answers_in_clear(self, to: str, text: str) -> None:
        """Press Reply and write: neither signed nor encrypted, the request's Message-ID cited."""
        headers = [*self._headers(to, _("Re: Soins programmés")), ("In-Reply-To", self._cited())]
        await self._send(to, text_part(text, headers=headers))

    async def _send(self, to: str, raw: bytes) -> None:
        await self.server.deliver(Post(sender=self.address, recipient=to, content=raw))

    def _headers(self, to: str, subject: str) -> list[tuple[str, str]]:
        return [
            ("From", self.address),
            ("To", to),
            ("Date", date_text(self.clock.now().replace(microsecond=0))),
            ("Message-ID", self._new_id()),
            ("Subject", subject),
        ]

    def _cited(self) -> str:
        return str(message_from_bytes(self.received[-1], policy=default)["Message-ID"])

    def _new_id(self) -> str:
        return f"<{secrets.token_hex(16)}@{self.address.rpartition('@')[2]}>"


async def reports_delivery(server: MailServer, *, sender: str, recipient: str, clock: Clock) -> None:
    """The recipient's server tells the sender that it put the last mail into the mailbox (RFC 3464), and no more."""
    raw = server.delivered[recipient][-1]
    original = message_from_bytes(raw, policy=default)
    now = date_text(clock.now().replace(microsecond=0))
    told = (
        f"Reporting-MTA: dns; {RELAY}\r\nArrival-Date: {now}\r\n\r\n"
        f"Final-Recipient: rfc822; {recipient}\r\nAction: delivered\r\nStatus: 2.0.0\r\nLast-Attempt-Date: {now}\r\n"
    )
    headers = [
        ("From", f"MAILER-DAEMON@{RELAY}"),
        ("To", sender),
        ("Date", now),
        ("Message-ID", f"<{secrets.token_hex(16)}@{RELAY}>"),
        ("Subject", "Delivery report"),
        ("Auto-Submitted", "auto-replied"),
    ]
    cited = entity([("Content-Type", "text/rfc822-headers")], field("Message-ID", str(original["Message-ID"])))
    content = _report("delivery-status", _("Le courrier a été remis dans la boîte."), told, headers, cited)
    await server.deliver(Post(sender="", recipient=sender, content=content))


@asynccontextmanager
async def opened(
    installed: Installed, others: Iterable[Installed], server: MailServer, clock: Clock
) -> AsyncIterator[MailProgram]:
    """The program of a partner, with the keys of the others.

    Raises:
        OwnKeyUnusable.
    """
    keys = {
        other.profile.address: PublicKey(suite=Suite.OPENPGP, fingerprint=other.fingerprint, material=other.public_key)
        for other in others
    }
    settings = installed.settings
    home = await asyncio.to_thread(open_home, settings.openpgp.folder, tuple(keys.values()))
    passphrase = settings.openpgp.passphrase.read()
    try:
        yield MailProgram(
            installed=installed,
            keys=keys,
            sealer=OpenPgpSealer(home, fingerprint=installed.fingerprint, passphrase=passphrase),
            server=server,
            clock=clock,
        )
    finally:
        await asyncio.to_thread(home.close)


def _report(kind: str, words: str, told: str, headers: Sequence[tuple[str, str]], *more: bytes) -> bytes:
    """A whole mail of the kind multipart/report (RFC 6522): a text for people, a part for machines, what it cites."""
    machine = entity([("Content-Type", f"message/{kind}")], told.encode("ascii"))
    fields = [*headers, ("MIME-Version", "1.0")]
    return multipart(
        "report", [text_part(words), machine, *more], secrets.token_hex(12), [("report-type", kind)], fields
    )


def _mailbox(address: str) -> Mailbox:
    return Mailbox(display="", address=address)
