"""Ends the forms that nobody changed for long: what was not sent in a month is not kept."""

from datetime import timedelta

from gateway.domain.parties import Party
from gateway.ports import Clock
from gateway.services.cabinet import Cabinet
from gateway.services.draft_rows import end
from gateway.services.rights import GATEWAY
from gateway.storage import FormDraft, Store

KEPT_FOR = timedelta(days=30)
"""How long a form lives without a change."""


class DraftRetention:
    """The gateway's own act."""

    def __init__(self, *, store: Store, cabinet: Cabinet, clock: Clock, party: Party) -> None:
        self._store = store
        self._cabinet = cabinet
        self._clock = clock
        self._party = party

    async def round(self) -> int:
        """End those whose time is over. Returns how many."""
        before = self._clock.now() - KEPT_FOR
        names: list[str] = []
        async with self._store.view() as view:
            rows = await view.all(FormDraft, site=self._party.site, ended_at=None)
            old = [row for row in rows if row.changed_at < before]
        for row in old:
            async with self._store.act() as act:
                draft = await act.one(FormDraft, id=row.id, ended_at=None)
                if draft is not None and draft.changed_at < before:
                    names += await end(act, self._cabinet, draft, "swept", by=GATEWAY, at=self._clock.now())
        self._cabinet.discard(names)
        return len(old)
