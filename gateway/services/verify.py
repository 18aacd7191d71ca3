"""What an incoming mail proves: whose it is, whether it is a replay. Every key is looked up as it is pinned now."""

from collections.abc import Mapping
from dataclasses import replace

from gateway.domain import trust
from gateway.domain.errors import MailRefused
from gateway.domain.parties import Directory, Partner, Party
from gateway.storage import Direction, Letter, Message, Pin, Store, View
from gateway.wire.incoming import Incoming, Inner

_SIGNED_ALONE = "SIGNED"
"""Shape of a mail that is signed and not sealed."""


class Verifier:
    """Verifies mails as the opener saw them."""

    def __init__(self, *, store: Store, party: Party, directory: Directory, own_fingerprints: frozenset[str]) -> None:
        self._store = store
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
            raise MailRefused(step="structure", reason="no-signed-headers")
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
        for pin in await view.all(Pin, site=self._party.site, retired_at=None):
            if pin.confirmed_by is None:
                continue
            found[pin.partner] = found.get(pin.partner, frozenset()) | {pin.fingerprint}
        return found

    def _claim(self, seen: Incoming, inner: Inner) -> trust.Claim:
        """What a mail says of itself.

        Mail programs sign a receipt alone, without any header. Then the mail's own From must fit the signer, the id of
        ours that it names says that it is for us, and its content stands for its Message-ID.
        """
        claim = _claimed(seen, inner)
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
        known = {(letter.author, letter.message_id): letter.mic for letter in letters}
        return known | {(row.partner, row.message_id): row.mic for row in rows}


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
