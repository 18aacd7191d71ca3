"""Keeps what a signature proves of a mail that waits for a person: who signed what, when, and who was to get it.

Once the person has said what it is, it becomes a message like any other, with its own id and bytes.
"""

from collections.abc import Mapping
from datetime import datetime

from gateway.domain import trust
from gateway.domain.errors import MailRefused
from gateway.domain.parties import Directory, Partner, Party
from gateway.domain.trust import VerifiedMail
from gateway.services.cabinet import QUARANTINE, Cabinet
from gateway.storage import Act, Letter, Mail
from gateway.wire import incoming, mime, sealed
from gateway.wire.incoming import Incoming, Inner

Pins = Mapping[str, frozenset[str]]
"""For each partner's id, the fingerprints pinned to it now."""


class Proofs:
    """Adds letters to the caller's act."""

    def __init__(self, *, party: Party, directory: Directory, cabinet: Cabinet) -> None:
        self._party = party
        self._directory = directory
        self._cabinet = cabinet

    async def keep(self, act: Act, row: Mail, seen: Incoming, mail: VerifiedMail, pins: Pins) -> Letter | None:
        """What is proved of this mail, or of the message that it holds; None when nothing is."""
        if seen.inner is None or seen.entity is None:
            return None
        if seen.copied is None:
            return await self._add(
                act,
                row,
                seen.inner,
                author=mail.partner,
                message_id=mail.message_id,
                mic=mail.mic,
                signed_at=mail.signed_at,
                entity=seen.entity,
                copied=False,
            )
        copied, author = seen.copied, self.author(seen, pins)
        data = incoming.read_copy(seen.entity, seen.inner)
        if author is None or data is None or copied.inner is None or copied.mic is None or copied.signed_at is None:
            return None
        # The worker has opened these very bytes within its limits.
        entity = sealed.read_signed(mime.parse(data)).entity
        return await self._add(
            act,
            row,
            copied.inner,
            author=author,
            message_id=copied.inner.message_id or trust.letter_id(copied.mic),
            mic=copied.mic,
            signed_at=copied.signed_at,
            entity=entity,
            copied=True,
        )

    def author(self, seen: Incoming, pins: Pins) -> Partner | None:
        """The partner whose signature stands under the message that a repaired copy holds; None when it is not proved.

        It was not addressed to us, so that only its author is verified.
        """
        copied = seen.copied
        if copied is None or copied.inner is None or copied.fingerprint is None:
            return None
        try:
            return trust.verify_signer(copied.inner.senders, copied.fingerprint, self._directory, pins)
        except MailRefused:
            # A copy that proves nothing is shown to a person as that.
            return None

    async def _add(
        self,
        act: Act,
        row: Mail,
        inner: Inner,
        *,
        author: Partner,
        message_id: str,
        mic: str,
        signed_at: datetime,
        entity: bytes,
        copied: bool,
    ) -> Letter:
        found = [self._directory.at_address(address) for address in inner.recipients]
        reached = tuple(dict.fromkeys(partner.id for partner in found if partner is not None))
        file = await act.add(await self._cabinet.put(entity, await self._cabinet.standing_key_in(act, QUARANTINE)))
        return await act.add(
            Letter(
                site=self._party.site,
                mail=row.id,
                author=author.id,
                message_id=message_id,
                mic=mic,
                signed_at=signed_at,
                reached=reached,
                kind=inner.manifest.kind if inner.manifest else None,
                copied=copied,
                entity=file.name,
            )
        )
