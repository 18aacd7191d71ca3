"""What an incoming mail proves: whose it is, whether it is a replay. Every key is looked up as it is pinned now."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from gateway.domain import trust
from gateway.domain.errors import MailRefused
from gateway.domain.parties import Directory, Partner, Party
from gateway.storage import Direction, Letter, Mail, Message, Pin, Store, View
from gateway.wire.incoming import Incoming, Inner

_SIGNED_ALONE = "SIGNED"
"""Shape of a mail that is signed and not sealed."""


class Verifier:
    """Verifies mails as the opener saw them. ``at`` is set to judge as one would have at that instant, not now."""

    def __init__(
        self,
        *,
        store: Store,
        party: Party,
        directory: Directory,
        own_fingerprints: frozenset[str],
        at: datetime | None = None,
    ) -> None:
        self._store = store
        self._at = at
        self._party = party
        self._directory = directory
        self._own_fingerprints = own_fingerprints

    async def verify(self, seen: Incoming) -> trust.VerifiedMail | None:
        """What was proved; None for a mail that claims nothing.

        Raises:
            MailRefused: at the first step that fails.
        """
        if seen.failed_step is not None:
            raise MailRefused(step=seen.failed_step, reason=seen.failed_reason or "refused")
        if seen.shape in {"PLAIN", "REPORT"}:
            return None
        if seen.inner is None:
            raise MailRefused(step="payload", reason="no-signed-headers")
        claim = self._claim(seen, seen.inner)
        async with self._store.view() as view:
            return trust.verify(
                claim,
                directory=self._directory,
                pins=await self.pins(view),
                our_address=self._party.address,
                seen=await self._known(view, claim.message_id),
            )

    def is_probe(self, seen: Incoming) -> bool:
        """Whether it is a mail of ours to ourselves, by which an administrator tried our servers."""
        if seen.inner is None:
            return False
        kind = seen.inner.manifest.kind if seen.inner.manifest else None
        ours, keys = self._party.address, self._own_fingerprints
        return trust.own_probe(_claimed(seen, seen.inner), kind=kind, our_address=ours, our_fingerprints=keys)

    async def signer(self, view: View, seen: Incoming) -> Partner | None:
        """Whose signature is on a mail to us that was signed and not sealed; None for any other.

        It is no message that anyone acts on, but what its author signed for us is still their word.
        """
        if seen.shape != _SIGNED_ALONE or seen.inner is None or seen.fingerprint is None:
            return None
        if self._party.address not in seen.inner.recipients:
            return None
        try:
            return trust.verify_signer(seen.inner.senders, seen.fingerprint, self._directory, await self.pins(view))
        except MailRefused:
            # It stays in quarantine, as what was refused first.
            return None

    async def pins(self, view: View) -> Mapping[str, frozenset[str]]:
        """For each partner's id, the fingerprints pinned to it now."""
        found: dict[str, frozenset[str]] = {}
        for pin in await pins_in_force(view, self._party.site, self._at):
            found[pin.partner] = found.get(pin.partner, frozenset()) | {pin.fingerprint}
        return found

    def _claim(self, seen: Incoming, inner: Inner) -> trust.Claim:
        """What a mail says of itself.

        Mail programs sign a receipt alone, without any header. Then the mail's own From must fit the signer, the id of
        ours that it names says that it is for us, and its content stands for its Message-ID. So it does for a person's
        letter by a program that signs sender and recipients only (mutt): the outer id is anybody's, and names nothing.
        """
        claim = _claimed(seen, inner)
        if claim.message_id is None and claim.mic and inner.manifest is None and seen.shape in trust.ACCEPTED_SHAPES:
            return replace(claim, message_id=trust.letter_id(claim.mic))
        bare = not (inner.senders or inner.recipients or inner.message_id)
        if seen.shape not in trust.RECEIPT_SHAPES or not bare or seen.outer is None:
            return claim
        ours = (self._party.address,)
        return replace(claim, senders=seen.outer.senders, recipients=ours, message_id=f"<{seen.mic}@receipt.invalid>")

    async def _known(self, view: View, message_id: str | None) -> dict[tuple[str, str], str]:
        if message_id is None:
            return {}
        rows = await view.all(Message, site=self._party.site, direction=Direction.IN, message_id=message_id)
        # A person's letter is read once; a message that waits for what it is about is decided again.
        letters = await view.all(Letter, site=self._party.site, message_id=message_id, copied=False, kind=None)
        if self._at is not None:
            # What had not been decided by then was not known.
            site, by_message, by_letter = self._party.site, [row.id for row in rows], [one.mail for one in letters]
            mails = (
                *await view.all(Mail, site=site, message=tuple(by_message)),
                *await view.all(Mail, site=site, id=tuple(by_letter)),
            )
            decided = [mail for mail in mails if mail.recorded_at <= self._at]
            rows = tuple(row for row in rows if row.id in {mail.message for mail in decided})
            letters = tuple(letter for letter in letters if letter.mail in {mail.id for mail in decided})
        known = {(letter.author, letter.message_id): letter.mic for letter in letters}
        return known | {(row.partner, row.message_id): row.mic for row in rows}


async def pins_in_force(view: View, site: str, at: datetime | None) -> tuple[Pin, ...]:
    """The confirmed pins that count now, or that counted at an instant."""
    if at is None:
        pins = await view.all(Pin, site=site, retired_at=None)
    else:
        known = await view.all(Pin, site=site)
        pins = tuple(pin for pin in known if pin.pinned_at <= at and (pin.retired_at is None or pin.retired_at > at))
    return tuple(pin for pin in pins if pin.confirmed_by is not None)


def _claimed(seen: Incoming, inner: Inner) -> trust.Claim:
    return trust.Claim(
        shape=seen.shape or "",
        fingerprint=seen.fingerprint,
        signed_at=seen.signed_at,
        senders=inner.senders,
        recipients=inner.recipients,
        message_id=inner.message_id,
        mic=seen.mic,
    )
