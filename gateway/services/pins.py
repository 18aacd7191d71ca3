"""Which key belongs to which partner: pinned by a person who compared the fingerprint, never taken from a mail."""

from dataclasses import replace

from gateway.domain.errors import KeyFileInvalid, NotAllowed, Unknown
from gateway.domain.parties import Directory, Party
from gateway.domain.words import said
from gateway.ports import Clock
from gateway.storage import Act, Pin, Store


class Pins:
    """Acts on partners' keys."""

    def __init__(self, *, store: Store, clock: Clock, party: Party, directory: Directory, persons_needed: int) -> None:
        self._store = store
        self._clock = clock
        self._party = party
        self._directory = directory
        self._persons_needed = persons_needed

    async def pin(self, partner: str, suite: str, fingerprint: str, material: str, *, actor: str) -> Pin:
        """Pin a partner's key; the former one is retired. The caller has compared the fingerprint.

        Where four eyes are on, the first person proposes, and the key counts once a second one has imported it too.

        Raises:
            Unknown, KeyFileInvalid, NotAllowed.
        """
        known_as = self._directory.find(partner)
        if known_as is None:
            raise Unknown(kind=said("partenaire"), ref=partner)
        if known_as.suite.value != suite:
            other = said(
                "Ce partenaire est convenu en {suite}, ceci est en {found}.", suite=known_as.suite.value, found=suite
            )
            raise KeyFileInvalid(path=fingerprint, reason=other)
        async with self._store.act() as act:
            known = await act.one(Pin, site=self._party.site, partner=partner, fingerprint=fingerprint)
            if known is None:
                known = await act.add(
                    Pin(
                        site=self._party.site,
                        partner=partner,
                        suite=suite,
                        fingerprint=fingerprint,
                        material=material,
                        pinned_at=self._clock.now(),
                        pinned_by=actor,
                    )
                )
                await act.record("key.proposed", actor=actor, partner=partner, outcome=fingerprint)
                if self._persons_needed > 1:
                    return known
            elif known.confirmed_by is not None and known.retired_at is None and material != known.material:
                # The same key with a later expiry: its owner signed the change, the fingerprint says that it is theirs.
                await act.record("key.refreshed", actor=actor, partner=partner, outcome=fingerprint)
                return await act.save(replace(known, material=material))
            elif known.confirmed_by is not None:
                reason = said("Cette clé est déjà enregistrée, ou l'a été, pour ce partenaire.")
                raise KeyFileInvalid(path=fingerprint, reason=reason)
            elif known.pinned_by == actor and self._persons_needed > 1:
                raise NotAllowed(act=said("enregistrer cette clé"), reason=said("Il faut une seconde personne."))
            return await self._in_force(act, known, actor)

    async def _in_force(self, act: Act, pin: Pin, actor: str) -> Pin:
        now = self._clock.now()
        for old in await act.all(Pin, site=self._party.site, partner=pin.partner, retired_at=None):
            if old.id != pin.id:
                await act.save(replace(old, retired_at=now))
                await act.record("key.retired", actor=actor, partner=pin.partner, outcome=old.fingerprint)
        await act.record("key.pinned", actor=actor, partner=pin.partner, outcome=pin.fingerprint)
        return await act.save(replace(pin, confirmed_by=actor))
