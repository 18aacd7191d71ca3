"""The mails that a gateway sends to itself, in each suite: one sealed like any of ours, one signed like a receipt.

Their subject tells whoever finds them that they may go. A daemon knows them by their signature (gateway.domain.trust).
"""

from dataclasses import dataclass
from datetime import datetime

from gateway.domain.kinds import PROBE
from gateway.domain.parties import Party, Suite
from gateway.ports import Noise, PublicKey, Sealer
from gateway.services.compose import SOFTWARE
from gateway.wire import manifest, mdn, payload, sealed
from gateway.wire.fields import Mailbox

SUBJECT = "Message d'essai de la passerelle, vous pouvez l'effacer ({token})"
TEXT = (
    "Message d'essai de la passerelle des soins programmés, vous pouvez l'effacer.\n\n"
    "La commande « gateway doctor » l'a envoyé à votre propre adresse, pour vérifier que vos serveurs de messagerie\n"
    "transportent les courriers sans les changer. Il ne contient rien et ne demande aucune réponse.\n"
)
_AUTOMATIC = "auto-generated"
"""RFC 3834: no absence notice answers it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A mail as it leaves. ``token`` stands in its subject and nowhere else; ``mic`` is that of its signed entity."""

    token: str
    message_id: str
    subject: str
    date: datetime
    mic: str
    raw: bytes
    suite: Suite
    null_sender: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Writes both, as ourselves to ourselves."""

    party: Party
    sealer: Sealer
    noise: Noise

    async def sealed(self, key: PublicKey, at: datetime) -> Probe:
        """Signed and encrypted for this key of ours, as any mail in its suite.

        Raises:
            OwnKeyUnusable, KeyUnusable.
        """
        token, message_id, subject = self._names()
        body = payload.Payload(
            sender=self._us,
            to=(self._us,),
            date=at,
            message_id=message_id,
            subject=subject,
            auto_submitted=_AUTOMATIC,
            text=TEXT,
            manifest=manifest.encode(
                manifest.Manifest(kind=PROBE, case=PROBE, party_from=self.party.id, fields={}, software=SOFTWARE)
            ),
        )
        entity = payload.build_entity(body, self._boundary(), outer_subject=subject)
        signature = await self.sealer.sign(entity, key.suite)
        signed = sealed.signed(entity, signature.data, signature.micalg, self._boundary(), key.suite)
        ciphertext = await self.sealer.encrypt(signed, key, partner=self.party.id)
        header = sealed.Outer(
            sender=self._us,
            to=(self._us,),
            date=at,
            message_id=message_id,
            subject=subject,
            auto_submitted=_AUTOMATIC,
        )
        raw = sealed.outer(header, ciphertext, self._boundary(), key.suite)
        return Probe(
            token=token,
            message_id=message_id,
            subject=subject,
            date=at,
            mic=sealed.mic(entity),
            raw=raw,
            suite=key.suite,
            null_sender=False,
        )

    async def receipt(self, about: Probe, at: datetime) -> Probe:
        """Signed in clear in the same suite, to leave with the null return path, as any receipt of ours.

        Raises:
            OwnKeyUnusable.
        """
        token, message_id, subject = self._names()
        headers = mdn.ReceiptHeaders(
            sender=self._us, to=self._us, date=at, message_id=message_id, subject=subject, in_reply_to=about.message_id
        )
        entity = mdn.build_receipt_entity(
            headers=headers,
            original=mdn.Original(message_id=about.message_id, date=about.date, sender=self._us, to=(self._us,)),
            reporting_ua=f"{self._domain}; {SOFTWARE}",
            final_recipient=self.party.address,
            mic=bytes.fromhex(about.mic),
            received_at=at,
            source="probe",
            boundary=self._boundary(),
            text=TEXT,
        )
        signature = await self.sealer.sign(entity, about.suite)
        raw = mdn.receipt_mail(headers, entity, signature.data, signature.micalg, self._boundary(), suite=about.suite)
        return Probe(
            token=token,
            message_id=message_id,
            subject=subject,
            date=at,
            mic=sealed.mic(entity),
            raw=raw,
            suite=about.suite,
            null_sender=True,
        )

    def _names(self) -> tuple[str, str, str]:
        token = self.noise(6).hex()
        return token, f"<{self.noise(16).hex()}@{self._domain}>", SUBJECT.format(token=token)

    def _boundary(self) -> str:
        return f"=_{self.noise(18).hex()}"

    @property
    def _us(self) -> Mailbox:
        return Mailbox(display="", address=self.party.address)

    @property
    def _domain(self) -> str:
        return self.party.address.rpartition("@")[2]
