"""Removes rows that serve nobody any more: keys of acts that nobody asks for again, and presences that are long over.

They prove nothing: what was done, and who came in, is in the audit log.
"""

from datetime import timedelta

from gateway.domain.parties import Party
from gateway.ports import Clock
from gateway.services.sign_ins import LAPSE, LONGEST
from gateway.storage import AskedOnce, SignIn, Store

KEYS_KEPT_FOR = timedelta(days=30)
"""How long a program may ask again for an act under its key; a form of the console can be sent for hours only."""


class SpentRows:
    """The gateway's own act."""

    def __init__(self, *, store: Store, clock: Clock, party: Party) -> None:
        self._store = store
        self._clock = clock
        self._party = party

    async def round(self) -> int:
        """Remove those whose time is over. Returns how many."""
        now, site = self._clock.now(), self._party.site
        async with self._store.act() as act:
            keys = await act.expire(AskedOnce, by="at", before=now - KEYS_KEPT_FOR, site=site)
            presences = await act.expire(SignIn, by="started_at", before=now - LONGEST - LAPSE, site=site)
        return keys + presences
