"""Mails that belong to no case do not stay for ever: strangers' go after some days, those that a person settled later.

What may still be an answer stays until a person has settled it. The row stays: when it came, its hash, what was said.
"""

from dataclasses import replace
from datetime import timedelta

from gateway.domain.parties import Party
from gateway.ports import Clock, SpoolFile
from gateway.services.cabinet import QUARANTINE, Cabinet
from gateway.storage import Act, Letter, Mail, Store, VaultKey

BATCH = 200
"""Mails of one act: an act is short, the next round goes on."""


class QuarantineRetention:
    """Looks once in a while."""

    def __init__(self, *, store: Store, cabinet: Cabinet, clock: Clock, party: Party, days: int, years: int) -> None:
        self._store = store
        self._cabinet = cabinet
        self._clock = clock
        self._party = party
        self._days = days
        self._years = years

    async def round(self) -> int:
        """Make unreadable what is due, in one act. Returns how many mails.

        Raises:
            StorageFailed: the database.
        """
        now, site = self._clock.now(), self._party.site
        # A year of 366 days: never a day too early.
        strangers, settled = now - timedelta(days=self._days), now - timedelta(days=self._years * 366)
        async with self._store.view() as view:
            found = await view.stale(site, strangers=strangers, settled=settled, limit=BATCH)
        if not found:
            return 0
        names: list[str] = []
        async with self._store.act() as act:
            erased = 0
            for seen in found:
                mail = await act.one(Mail, id=seen.id)
                if mail == seen:
                    names += await self._destroy(act, mail)
                    erased += 1
            await act.record("quarantine.erased", actor="gateway", details={"mails": erased})
        self._cabinet.discard(names)
        return erased

    async def _destroy(self, act: Act, mail: Mail) -> list[str]:
        """Its file, and the letter that was taken out of it; other mails of the same bytes lose it too."""
        letter = await act.one(Letter, site=mail.site, mail=mail.id)
        wanted = tuple(name for name in (mail.file, letter.entity if letter else None) if name)
        keys = {key.id for key in await act.all(VaultKey, purpose=QUARANTINE)}
        files = [file for file in await act.all(SpoolFile, name=wanted) if file.vault_key in keys]
        for file in files:
            await act.save(replace(file, wrapped=b""))
        # By their hash: it is what the database finds them by.
        for row in await act.all(Mail, site=mail.site, sha256=mail.sha256):
            if row.file == mail.file:
                await act.save(replace(row, file=None))
        return [file.name for file in files]
