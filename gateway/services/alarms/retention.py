"""Mails that told our own people of alarms do not lie in the spool for ever: the alarm and the log say what was told.

Only what the outbox is done with goes. The rows stay: when it left, for whom, its hash.
"""

from dataclasses import replace
from datetime import timedelta

from gateway.domain.alarms.staff import ALARM
from gateway.domain.parties import Party
from gateway.ports import Clock, SpoolFile
from gateway.services.cabinet import Cabinet
from gateway.storage import Act, Store, Transmission

KEPT = timedelta(days=30)
"""Far longer than a mail server tries: a report that it came back finds the mail still whole."""

BATCH = 200
"""Mails of one act: an act is short, the next round goes on."""


class AlarmMailRetention:
    """Looks once in a while."""

    def __init__(self, *, store: Store, cabinet: Cabinet, clock: Clock, party: Party) -> None:
        self._store = store
        self._cabinet = cabinet
        self._clock = clock
        self._party = party

    async def round(self) -> int:
        """Make unreadable what has served, in one act. Returns how many mails.

        Raises:
            StorageFailed: the database.
        """
        before = self._clock.now() - KEPT
        async with self._store.view() as view:
            found = await view.served(self._party.site, kind=ALARM, before=before, limit=BATCH)
        if not found:
            return 0
        async with self._store.act() as act:
            names = [name for seen in found for name in await self._destroy(act, seen)]
            if names:
                await act.record("watch.mails_erased", actor="gateway", details={"mails": len(names)})
        self._cabinet.discard(names)
        return len(names)

    async def _destroy(self, act: Act, seen: Transmission) -> list[str]:
        file = await act.one(SpoolFile, name=seen.file)
        if file is None or await act.one(Transmission, id=seen.id) != seen:
            # A report came in meanwhile: the next round sees it.
            return []
        await act.save(replace(file, wrapped=b""))
        return [file.name]
