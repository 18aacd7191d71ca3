"""Polls the watched folders of one mailbox and hands every new mail to the receiver, once.

A poll is recorded only when every UID below the UIDNEXT that it saw has a committed row: such polls are the watermark,
and later the proof of silence. The gateway remembers UIDVALIDITY and UID itself; the mailbox is left untouched.
A mail that cannot be fetched, or that is not there yet, is waited for, in memory only: after a restart the waiting
begins again, and nothing is lost, because no poll past it was recorded.
A folder whose UIDNEXT went back gives UIDs a second time, whatever its UIDVALIDITY says: it is read as a rebuilt one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from itertools import zip_longest

import structlog

from gateway.domain.errors import GatewayError, ProtocolBroken, ServerError
from gateway.domain.evidence import CLOCK_TOLERANCE
from gateway.domain.parties import Party
from gateway.domain.request import OPEN
from gateway.domain.tacit import POLL_GAP
from gateway.domain.watching import Place
from gateway.ports import Clock, FolderState, Listed, Mailbox
from gateway.services.awaited import ABSENT_LOOKS, SHORTAGE, Absence, Awaited
from gateway.services.one_ahead import OneAhead
from gateway.services.polls import last_poll
from gateway.services.receive import Arrival, Receiver
from gateway.storage import Mail, Poll, Request, Store, View
from gateway.wire.incoming import Incoming

_log = structlog.get_logger()

BATCH = 200
"""UIDs listed at a time: aioimaplib's parsing grows with the square of the lines of one answer."""

ERA = 1 << 32
"""Added to a UIDVALIDITY, which has 32 bits, each time that a server counts again without changing it."""

SHOWN_AGAIN = 20
"""Of the mails that we know, how many a new session shows again: enough that one of them is still there."""

SHORTAGE_TRIES = 10
"""A mail on which the machine lacks memory or files is tried for minutes before it is left to a person."""

AHEAD_BYTES = 1024 * 1024
"""Larger mails are read only when their turn comes: two of them are never held at once."""

REFUSED_SECONDS = 600.0
"""How long a folder that the server refuses is left alone: it stays unwatched, which ``status`` says meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """One look at one folder, and the last poll that did not see what this one finds."""

    session: Mailbox
    state: FolderState
    waiting: Awaited
    not_before: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """A mail that was read; ``seen`` when it was opened already, before its turn."""

    raw: bytes | None = None
    seen: Incoming | None = None


class InboxPoller:
    """One mailbox. A ``personal`` one is a physician's own: what lay there before any open request is not looked at."""

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
        personal: bool = False,
    ) -> None:
        self._store = store
        self._receiver = receiver
        self._clock = clock
        self._party = party
        self._mailbox = mailbox
        self._folders = folders
        self._interval = interval
        self._max_bytes = max_bytes
        self._personal = personal
        self._waiting: dict[str, Awaited] = {}
        self._set_back: dict[str, Absence] = {}
        self._session: Mailbox | None = None
        self._compared: set[str] = set()
        self._refused: dict[str, float] = {}

    async def poll(self, session: Mailbox) -> int:
        """Look once at every folder. Returns how many mails were taken in.

        Raises:
            ServerError: the session is over. StorageFailed: the disk refuses; nothing is lost.
            GatewayError: as ``Receiver.take``.
        """
        await self._receiver.resume()
        if session is not self._session:
            self._session, self._compared = session, set()
        taken = 0
        # The first named, where answers arrive, comes last: it stays selected, and its news end the waiting.
        for folder in reversed(self._folders):
            if not self._rests(folder):
                taken += await self._poll_folder(session, folder)
        return taken

    def take_over(self) -> None:
        """Another gateway polled until now."""
        self._receiver.fall_behind()

    def _rests(self, folder: str) -> bool:
        """A folder that the server refuses, such as a Junk that does not exist, must not keep the others unread."""
        since = self._refused.get(folder)
        return since is not None and self._clock.uptime() - since < REFUSED_SECONDS

    async def _open(self, session: Mailbox, folder: str) -> FolderState:
        try:
            state = await session.open(folder)
        except ProtocolBroken:
            if folder != self._folders[0]:
                _log.warning("folder.refused", folder=self._folders.index(folder), next_try_s=REFUSED_SECONDS)
                self._refused[folder] = self._clock.uptime()
            raise
        self._refused.pop(folder, None)
        return state

    async def _poll_folder(self, session: Mailbox, folder: str) -> int:
        shown = await self._open(session, folder)
        async with self._store.view() as view:
            last = await self._last(view, folder)
        state = self._numbered(shown, last)
        if state is None:
            return 0
        if last is not None and last.uidvalidity == state.uidvalidity and await self._are_others(session, state):
            state = self._next_era(state)
        same = last is not None and last.uidvalidity == state.uidvalidity
        first = last.uidnext if last is not None and same else 1
        not_before = last.last_at if last is not None and same else None
        waiting = self._waiting.get(folder)
        if waiting is None or waiting.uidvalidity != state.uidvalidity:
            waiting = self._waiting[folder] = Awaited(state.uidvalidity)
        taken = 0
        if state.uidnext > first:
            look = _Look(session=session, state=state, waiting=waiting, not_before=not_before)
            taken = await self._take_new(look, first)
        complete = waiting.complete(state)
        if complete is not None:
            await self._record(complete, last)
        return taken

    def _numbered(self, state: FolderState, last: Poll | None) -> FolderState | None:
        """The look by the numbers under which we keep it; None while it may only be that of a node that lags behind.

        A folder that was put back from a backup may go on from an earlier UIDNEXT under its old UIDVALIDITY, against
        RFC 3501 section 2.3.1.1. Its new mails have UIDs that we know, and would not be looked at.
        """
        if last is None or last.uidvalidity % ERA != state.uidvalidity:
            return state
        kept = replace(state, uidvalidity=last.uidvalidity)
        if state.uidnext >= last.uidnext:
            self._set_back.pop(state.folder, None)
            return kept
        uptime = self._clock.uptime()
        seen = self._set_back.get(state.folder)
        seen = self._set_back[state.folder] = Absence(looks=1, at=uptime) if seen is None else seen.again(uptime)
        if seen.looks < ABSENT_LOOKS:
            return None
        del self._set_back[state.folder]
        return self._next_era(kept)

    def _next_era(self, state: FolderState) -> FolderState:
        _log.warning("folder.counts_again", folder=self._folders.index(state.folder))
        return replace(state, uidvalidity=state.uidvalidity + ERA)

    async def _are_others(self, session: Mailbox, state: FolderState) -> bool:
        """Whether other mails have UIDs that we know, once in a session: it may have come to that while we were away.

        The INTERNALDATE of a message never changes (RFC 3501 section 2.3.3).
        """
        if state.folder in self._compared:
            return False
        async with self._store.view() as view:
            place = Place(mailbox=self._mailbox, folder=state.folder)
            rows = await view.highest(self._party.site, place, state.uidvalidity, limit=SHOWN_AGAIN)
        known = {row.uid: row.internaldate for row in rows if row.internaldate is not None}
        listed = await session.listing(sorted(known)) if known else ()
        self._compared.add(state.folder)
        return any(item.internaldate != known[item.uid] for item in listed)

    async def _take_new(self, look: _Look, first: int) -> int:
        found = await look.session.uids(first, look.state.uidnext)
        oldest = await self._oldest_wanted() if self._personal and look.not_before is None else None
        taken = 0
        for start in range(0, len(found), BATCH):
            wanted = await self._unknown(look.state, found[start : start + BATCH])
            listed = {item.uid: item for item in await look.session.listing(wanted)}
            if oldest is not None:
                wanted = tuple(uid for uid in wanted if uid not in listed or listed[uid].internaldate >= oldest)
            await self._take_each(look, wanted, listed)
            taken += len(wanted)
        if look.not_before is not None:
            await self._note_vanished(look, first, found)
        return taken

    async def _take_each(self, look: _Look, wanted: Sequence[int], listed: Mapping[int, Listed]) -> None:
        """In order, one at a time; while one is decided, the next is fetched and opened if it is small."""
        async with OneAhead(partial(self._read_ahead, look)) as ahead:
            for uid, following in zip_longest(wanted, wanted[1:]):
                item, then = listed.get(uid), listed.get(following)
                read = await ahead.of(uid) or await self._read(look, uid, item)
                if then is not None and then.size <= AHEAD_BYTES and self._readable(look, then):
                    ahead.begin(following)
                await self._take(look, uid, item, read)

    def _readable(self, look: _Look, item: Listed) -> bool:
        return item.size <= self._max_bytes and not look.waiting.unreadable(item.uid)

    async def _read(self, look: _Look, uid: int, item: Listed | None) -> _Read:
        """It is opened by the receiver, which keeps it first."""
        if item is None or not self._readable(look, item):
            return _Read()
        return _Read(raw=await self._fetch(look, uid))

    async def _read_ahead(self, look: _Look, uid: int) -> _Read:
        raw = await self._fetch(look, uid)
        return _Read(raw=raw, seen=None if raw is None else await self._receiver.look(raw))

    async def _oldest_wanted(self) -> datetime:
        """Before this instant nothing can answer an open request."""
        async with self._store.view() as view:
            waiting = await view.all(Request, site=self._party.site, state=tuple(OPEN))
        first = min((request.submitted_at for request in waiting), default=self._clock.now())
        return first - CLOCK_TOLERANCE

    async def _note_vanished(self, look: _Look, first: int, found: tuple[int, ...]) -> None:
        """UIDs that came and went between two polls: nobody read them here, and that must be known."""
        absent = sorted(set(range(first, look.state.uidnext)).difference(found))
        missing: list[int] = []
        for start in range(0, len(absent), BATCH):
            missing += await self._unknown(look.state, tuple(absent[start : start + BATCH]))
        for uid in look.waiting.gone(missing, self._clock.uptime()):
            await self._take(look, uid, None, _Read())

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

    async def _take(self, look: _Look, uid: int, item: Listed | None, read: _Read) -> None:
        arrival = Arrival(
            mailbox=self._mailbox,
            folder=look.state.folder,
            uidvalidity=look.state.uidvalidity,
            uid=uid,
            internaldate=item.internaldate if item else None,
            size=item.size if item else 0,
            raw=read.raw,
            too_large=item is not None and item.size > self._max_bytes,
            not_before=look.not_before,
            seen_at=self._clock.now(),
            personal=self._personal,
        )
        if item is not None and look.waiting.unreadable(uid):
            await self._receiver.give_up(arrival, "unreadable")
        else:
            await self._hand_on(arrival, read.seen, look.waiting)
        look.waiting.done(uid)

    async def _fetch(self, look: _Look, uid: int) -> bytes | None:
        try:
            return await look.session.fetch(uid, self._max_bytes)
        except ServerError as error:
            # The session is over; the next poll tries again.
            look.waiting.failed(uid, error.code)
            _log.warning("mail.not_fetched", uid=uid, error=error.code)
            raise

    async def _hand_on(self, arrival: Arrival, seen: Incoming | None, waiting: Awaited) -> None:
        try:
            await self._receiver.take(arrival, seen)
        except GatewayError:
            raise
        except Exception as error:
            if not _is_shortage(error):
                # A defect of ours on one mail must not stop the others: it is held back for a person, and told.
                _log.error("mail.failed", uid=arrival.uid, error=type(error).__name__)
            elif waiting.failed(arrival.uid, SHORTAGE) < SHORTAGE_TRIES:
                raise
            await self._receiver.give_up(arrival, type(error).__name__)

    async def _record(self, state: FolderState, last: Poll | None) -> None:
        async with self._store.act() as act:
            gap = 0 if last is None else int((state.asked_at - last.last_at).total_seconds())
            same = last is not None and (last.uidvalidity, last.uidnext) == (state.uidvalidity, state.uidnext)
            if last is not None and same and 0 <= gap <= min(4 * max(self._interval, 15), POLL_GAP.total_seconds()):
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
        return await last_poll(view, self._party.site, Place(mailbox=self._mailbox, folder=folder))


def _is_shortage(error: Exception) -> bool:
    """Whether the machine lacks something; Python has no class of its own for a thread that it cannot start."""
    no_thread = isinstance(error, RuntimeError) and str(error) == "can't start new thread"
    return no_thread or isinstance(error, MemoryError | OSError)
