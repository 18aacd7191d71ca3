"""Polls the watched folders of one mailbox and hands every new mail to the receiver, once.

A poll is recorded only when every UID below the UIDNEXT that it saw has a committed row: such polls are the watermark,
and later the proof of silence. The gateway remembers UIDVALIDITY and UID itself; the mailbox is left untouched.
"""

from dataclasses import replace
from datetime import datetime

import structlog

from gateway.domain.errors import GatewayError
from gateway.domain.parties import Party
from gateway.ports import Clock, FolderState, Listed, Mailbox
from gateway.services.receive import Arrival, Receiver
from gateway.storage import Mail, Poll, Store, View

_log = structlog.get_logger()

BATCH = 200
"""UIDs listed at a time: aioimaplib's parsing grows with the square of the lines of one answer."""


class InboxPoller:
    """One mailbox."""

    def __init__(
        self,
        *,
        store: Store,
        receiver: Receiver,
        clock: Clock,
        party: Party,
        mailbox: str,
        folders: tuple[str, ...],
        interval: float,
        max_bytes: int,
    ) -> None:
        self._store = store
        self._receiver = receiver
        self._clock = clock
        self._party = party
        self._mailbox = mailbox
        self._folders = folders
        self._interval = interval
        self._max_bytes = max_bytes

    async def poll(self, session: Mailbox) -> int:
        """Look once at every folder. Returns how many mails were taken in.

        Raises:
            ServerError: the session is over. StorageFailed: the disk refuses; nothing is lost.
        """
        taken = 0
        for folder in self._folders:
            taken += await self._poll_folder(session, folder)
        return taken

    async def _poll_folder(self, session: Mailbox, folder: str) -> int:
        state = await session.open(folder)
        async with self._store.view() as view:
            last = await self._last(view, folder)
        same = last is not None and last.uidvalidity == state.uidvalidity
        first = last.uidnext if last is not None and same else 1
        not_before = last.last_at if last is not None and same else None
        taken = 0
        if state.uidnext > first:
            taken = await self._take_new(session, state, first, not_before)
        await self._record(state, last)
        return taken

    async def _take_new(self, session: Mailbox, state: FolderState, first: int, not_before: datetime | None) -> int:
        found = await session.uids(first, state.uidnext)
        taken = 0
        for start in range(0, len(found), BATCH):
            wanted = await self._unknown(state, found[start : start + BATCH])
            listed = {item.uid: item for item in await session.listing(wanted)}
            for uid in wanted:
                await self._take(session, state, uid, listed.get(uid), not_before)
                taken += 1
        if not_before is not None:
            await self._note_vanished(session, state, first, found, not_before)
        return taken

    async def _note_vanished(
        self, session: Mailbox, state: FolderState, first: int, found: tuple[int, ...], not_before: datetime
    ) -> None:
        """UIDs that came and went between two polls: nobody read them here, and that must be known."""
        gone = sorted(set(range(first, state.uidnext)).difference(found))
        for start in range(0, len(gone), BATCH):
            for uid in await self._unknown(state, tuple(gone[start : start + BATCH])):
                await self._take(session, state, uid, None, not_before)

    async def _unknown(self, state: FolderState, uids: tuple[int, ...]) -> tuple[int, ...]:
        """Those that no earlier, interrupted poll has committed already."""
        if not uids:
            return ()
        async with self._store.view() as view:
            rows = await view.all(
                Mail,
                site=self._party.site,
                mailbox=self._mailbox,
                folder=state.folder,
                uidvalidity=state.uidvalidity,
                uid=uids,
            )
        known = {row.uid for row in rows}
        return tuple(uid for uid in uids if uid not in known)

    async def _take(
        self, session: Mailbox, state: FolderState, uid: int, listed: Listed | None, not_before: datetime | None
    ) -> None:
        too_large = listed is not None and listed.size > self._max_bytes
        raw = None
        if listed is not None and not too_large:
            raw = await session.fetch(uid, self._max_bytes)
        arrival = Arrival(
            mailbox=self._mailbox,
            folder=state.folder,
            uidvalidity=state.uidvalidity,
            uid=uid,
            internaldate=listed.internaldate if listed else None,
            size=listed.size if listed else 0,
            raw=raw,
            too_large=too_large,
            not_before=not_before,
            seen_at=self._clock.now(),
        )
        try:
            await self._receiver.take(arrival)
        except GatewayError:
            raise
        except Exception as error:  # noqa: BLE001  the top of one mail's handling: recorded, logged, never forgotten
            # A defect of ours on one mail must not stop the others: it is held back for a person, and told.
            _log.exception("mail.failed", uid=uid, error=type(error).__name__, exc_info=False)
            await self._receiver.give_up(arrival, type(error).__name__)

    async def _record(self, state: FolderState, last: Poll | None) -> None:
        async with self._store.act() as act:
            gap = 0 if last is None else int((state.asked_at - last.last_at).total_seconds())
            same = last is not None and (last.uidvalidity, last.uidnext) == (state.uidvalidity, state.uidnext)
            if last is not None and same and 0 <= gap <= 4 * max(self._interval, 15):
                longest = max(last.longest_gap, gap)
                await act.save(
                    replace(
                        last,
                        last_at=state.asked_at,
                        answered_at=state.answered_at,
                        count=last.count + 1,
                        longest_gap=longest,
                    )
                )
                return
            await act.add(
                Poll(
                    site=self._party.site,
                    mailbox=self._mailbox,
                    folder=state.folder,
                    uidvalidity=state.uidvalidity,
                    uidnext=state.uidnext,
                    first_at=state.asked_at,
                    last_at=state.asked_at,
                    answered_at=state.answered_at,
                    count=1,
                    longest_gap=max(gap, 0),
                )
            )
            if last is not None and last.uidvalidity != state.uidvalidity:
                await act.record("mailbox.uidvalidity_changed", actor="gateway", outcome="rescanned")

    async def _last(self, view: View, folder: str) -> Poll | None:
        found = await view.all(Poll, site=self._party.site, mailbox=self._mailbox, folder=folder, newest=True, limit=1)
        return found[0] if found else None
