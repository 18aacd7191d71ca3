"""One sealer made of one for each cryptographic suite: the key that is written to decides which one works."""

from collections.abc import Mapping

from gateway.domain.errors import KeyUnusable, OwnKeyUnusable
from gateway.domain.parties import Suite
from gateway.domain.words import said
from gateway.ports import PublicKey, Sealer, Signature


class Suites:
    """Implements ``gateway.ports.Sealer`` over the suites that are configured."""

    def __init__(self, sealers: Mapping[Suite, Sealer]) -> None:
        self._sealers = dict(sealers)

    async def sign(self, entity: bytes, suite: Suite) -> Signature:
        """As the suite's own sealer.

        Raises:
            OwnKeyUnusable: we have no key in this suite, or its sealer refuses.
        """
        sealer = self._sealers.get(suite)
        if sealer is None:
            raise OwnKeyUnusable(reason=said("Aucune clé {suite} n'est configurée pour nous.", suite=suite.value))
        return await sealer.sign(entity, suite)

    async def encrypt(self, entity: bytes, key: PublicKey, *, partner: str) -> bytes:
        """As the suite's own sealer.

        Raises:
            KeyUnusable: the key's suite is not configured, or its sealer refuses.
        """
        return await self._of(key, partner).encrypt(entity, key, partner=partner)

    async def check(self, key: PublicKey, *, partner: str) -> None:
        """As the suite's own sealer.

        Raises:
            KeyUnusable: the key's suite is not configured, or its sealer refuses.
        """
        await self._of(key, partner).check(key, partner=partner)

    def _of(self, key: PublicKey, partner: str) -> Sealer:
        sealer = self._sealers.get(key.suite)
        if sealer is None:
            reason = said("Aucune clé {suite} n'est configurée pour nous.", suite=key.suite.value)
            raise KeyUnusable(partner=partner, fingerprint=key.fingerprint, reason=reason)
        return sealer
