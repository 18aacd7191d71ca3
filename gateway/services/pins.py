"""Which key belongs to which partner: pinned by a person who compared the fingerprint, never taken from a mail."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gateway.domain.audit import iso
from gateway.domain.errors import KeyFileInvalid, NotAllowed, Unknown
from gateway.domain.parties import Directory, Party
from gateway.domain.rights import Right
from gateway.domain.words import said
from gateway.ports import Clock
from gateway.services.rights import entitled
from gateway.storage import Act, Case, Direction, Mail, Message, Pin, Store

OVERLAP = timedelta(days=14)
"""How long a former key goes on counting beside the new one: mails on their way, and a partner who has not switched."""

MOST_NAMED = 100
"""Messages named in one record of the log; all of them are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """A message that a compromised key may have signed: when it was taken in, our number, its kind and case."""

    at: datetime
    message: int
    kind: str
    case: str | None


class Pins:
    """Acts on partners' keys."""

    def __init__(self, *, store: Store, clock: Clock, party: Party, directory: Directory, persons_needed: int) -> None:
        self._store = store
        self._clock = clock
        self._party = party
        self._directory = directory
        self._persons_needed = persons_needed

    async def pin(self, partner: str, suite: str, fingerprint: str, material: str, *, actor: str) -> Pin:
        """Pin a partner's key; the former one counts for two weeks more. The caller has compared the fingerprint.

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
            await entitled(act, self._party, actor, Right.KEYS)
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

    async def retire(self, partner: str, fingerprint: str, *, actor: str) -> Pin:
        """A key counts no more, at once: nothing is sealed for it, and no mail that it signed is believed.

        Raises:
            Unknown: it is not, or no more, among this partner's keys.
        """
        async with self._store.act() as act:
            await entitled(act, self._party, actor, Right.KEYS)
            pin = await self._known(act, partner, fingerprint)
            if pin.retired_at is not None:
                raise Unknown(kind=said("clé en vigueur"), ref=fingerprint)
            return await self._retired(act, pin, actor)

    async def compromised(self, partner: str, fingerprint: str, since: datetime, *, actor: str) -> tuple[Suspect, ...]:
        """Somebody else has had a partner's key since then: it is retired, and what it may have signed is named.

        Nothing that was decided is undone by this: a person looks at each. It can be said again, with another instant.

        Raises:
            Unknown: it was never among this partner's keys.
        """
        async with self._store.act() as act:
            await entitled(act, self._party, actor, Right.KEYS)
            pin = await self._known(act, partner, fingerprint)
            until = pin.retired_at or self._clock.now()
            if pin.retired_at is None:
                pin = await self._retired(act, pin, actor)
            found = await self._suspects(act, pin, since, until)
            await act.record(
                "key.compromised",
                actor=actor,
                partner=partner,
                outcome=pin.fingerprint,
                details={"since": iso(since), "messages": [str(suspect.message) for suspect in found][:MOST_NAMED]},
            )
            return found

    async def end_overlaps(self) -> int:
        """Retire the former keys whose time beside the new one is over. Returns how many."""
        limit = self._clock.now() - OVERLAP
        async with self._store.view() as view:
            pins = await view.all(Pin, site=self._party.site, retired_at=None)
        over = [pin for pin in pins if pin.superseded_at is not None and pin.superseded_at <= limit]
        for seen in over:
            async with self._store.act() as act:
                if await act.one(Pin, id=seen.id) == seen:
                    await self._retired(act, seen, "gateway")
        return len(over)

    async def _known(self, act: Act, partner: str, fingerprint: str) -> Pin:
        pin = await act.one(Pin, site=self._party.site, partner=partner, fingerprint=fingerprint)
        if pin is None:
            raise Unknown(kind=said("clé"), ref=fingerprint[:64])
        return pin

    async def _retired(self, act: Act, pin: Pin, actor: str) -> Pin:
        await act.record("key.retired", actor=actor, partner=pin.partner, outcome=pin.fingerprint)
        return await act.save(replace(pin, retired_at=self._clock.now()))

    async def _suspects(self, act: Act, pin: Pin, since: datetime, until: datetime) -> tuple[Suspect, ...]:
        """Every signed word of this partner that we took in while the key counted, whichever of its keys signed it."""
        site, found = self._party.site, list[Suspect]()
        for message in await act.all(Message, site=site, direction=Direction.IN, partner=pin.partner):
            mails = await act.all(Mail, site=site, message=message.id, limit=1)
            at = mails[0].recorded_at if mails else message.at
            if max(since, pin.pinned_at) <= at <= until:
                case = None if message.case_id is None else await act.one(Case, id=message.case_id)
                found.append(Suspect(at=at, message=message.id, kind=message.kind, case=case.ref if case else None))
        return tuple(found)

    async def _in_force(self, act: Act, pin: Pin, actor: str) -> Pin:
        now = self._clock.now()
        for old in await act.all(Pin, site=self._party.site, partner=pin.partner, retired_at=None, superseded_at=None):
            if old.id == pin.id:
                continue
            if old.confirmed_by is None:
                await self._retired(act, old, actor)
            else:
                await act.save(replace(old, superseded_at=now))
                await act.record("key.superseded", actor=actor, partner=pin.partner, outcome=old.fingerprint)
        await act.record("key.pinned", actor=actor, partner=pin.partner, outcome=pin.fingerprint)
        return await act.save(replace(pin, confirmed_by=actor))
