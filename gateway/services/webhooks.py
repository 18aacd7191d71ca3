"""Tells programs what happened: an event, a reference and a link, read from the audit log in its order.

How far each was told is a row of its own, written after the program took the message: nothing is lost, a message may
come twice (with the same id), and a program that does not answer holds back its own messages only.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial

import structlog

from gateway.domain.audit import iso
from gateway.domain.parties import Party
from gateway.ports import Carrier, Clock, Target
from gateway.storage import AuditEntry, Store, WebhookMark
from gateway.wire.webhook import signed

_log = structlog.get_logger()

BATCH = 200
"""Records read at a time."""

WAITS = tuple(timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 1800, 3600))
"""How long a program that failed is left alone, longer each time; the last one from then on."""

FAMILIES = ("case.", "request.", "proof.", "answer.", "triage.", "calendar.", "transmission.", "alarm.")
"""What a program is told that asks for nothing in particular."""

_READINGS = (".read", ".searched", ".exported")


class Webhooks:
    """One round of each at a time. ``origin`` is the console's address, where links lead."""

    def __init__(
        self, *, store: Store, clock: Clock, party: Party, targets: Sequence[Target], carrier: Carrier, origin: str
    ) -> None:
        self._store = store
        self._clock = clock
        self._party = party
        self._targets = targets
        self._carrier = carrier
        self._origin = origin

    def rounds(self) -> Mapping[str, Callable[[], Awaitable[int]]]:
        """A round of each program, by its name: each is a task of its own, so that a slow one holds nobody back."""
        return {target.name: partial(self.serve, target) for target in self._targets}

    async def serve(self, target: Target) -> int:
        """Tell a program what it was not told yet. Returns how many messages it took.

        Raises:
            StorageFailed: what was taken could not be noted; it is told again.
        """
        mark = await self._mark(target)
        if mark.next_at is not None and self._clock.now() < mark.next_at:
            return 0
        async with self._store.view() as view:
            entries = await view.entries(after=mark.seen, limit=BATCH)
        taken = 0
        for entry in entries:
            if not wanted(entry, target.events):
                continue
            why = await self._tell(target, entry)
            if why is not None:
                await self._failed(mark, target, why)
                return taken
            mark = await self._reached(mark, entry.index)
            taken += 1
        if entries and entries[-1].index > mark.seen:
            await self._reached(mark, entries[-1].index)
        return taken

    async def _mark(self, target: Target) -> WebhookMark:
        """Its row; a new program is told what happens from now on."""
        async with self._store.act() as act:
            found = await act.one(WebhookMark, site=self._party.site, target=target.name)
            if found is not None:
                return found
            size, _, _ = await act.head()
            return await act.add(WebhookMark(site=self._party.site, target=target.name, seen=size - 1))

    async def _tell(self, target: Target, entry: AuditEntry) -> str | None:
        body = json.dumps(self._words(entry), ensure_ascii=False, separators=(",", ":")).encode()
        # A log that was put back from a backup gives the number again, to another record: its leaf tells them apart.
        identifier = f"msg_{self._party.id}_{entry.index}_{entry.leaf.hex()[:8]}"
        headers = signed(identifier, int(self._clock.now().timestamp()), body, target.keys)
        return await self._carrier.bring(target, headers, body)

    def _words(self, entry: AuditEntry) -> dict[str, object]:
        reference, link = entry.case, self._origin
        if entry.case is not None:
            link = f"{self._origin}/dossiers/{entry.case}"
        elif entry.message is not None:
            reference = entry.message
            if entry.message.startswith("mail-"):
                link = f"{self._origin}/courrier/{entry.message.removeprefix('mail-')}"
        return {"type": entry.event, "timestamp": iso(entry.at), "data": {"reference": reference, "link": link}}

    async def _reached(self, mark: WebhookMark, index: int) -> WebhookMark:
        if mark.attempts:
            _log.info("webhook.recovered", target=mark.target)
        async with self._store.act() as act:
            return await act.save(replace(mark, seen=index, attempts=0, next_at=None))

    async def _failed(self, mark: WebhookMark, target: Target, why: str) -> None:
        if not mark.attempts:
            _log.warning("webhook.failing", target=target.name, why=why)
        wait = WAITS[min(mark.attempts, len(WAITS) - 1)]
        async with self._store.act() as act:
            await act.save(replace(mark, attempts=mark.attempts + 1, next_at=self._clock.now() + wait))


def wanted(entry: AuditEntry, events: Sequence[str]) -> bool:
    """Whether a program that asks for these is told of it; nobody is told who read what, or what was erased."""
    if not entry.event or entry.event.endswith(_READINGS):
        return False
    if not events:
        return entry.event.startswith(FAMILIES)
    return any(entry.event.startswith(wish[:-1]) if wish.endswith(".*") else entry.event == wish for wish in events)
