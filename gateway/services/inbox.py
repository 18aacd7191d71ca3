"""Polls the watched folders of one mailbox and hands every new mail to the receiver, once.

A poll is recorded only when every UID below the UIDNEXT that it saw has a committed row: such polls are the watermark,
and later the proof of silence. The gateway remembers UIDVALIDITY and UID itself; the mailbox is left untouched.
A mail that cannot be fetched, or that is not there yet, is waited for, in memory only: after a restart the waiting
begins again, and nothing is lost, because no poll past it was recorded.
A folder whose UIDNEXT went back gives UIDs a second time, whatever its UIDVALIDITY says: it is read as a rebuilt one.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from gateway.domain.errors import GatewayError, ProtocolBroken, ServerError
from gateway.domain.evidence import CLOCK_TOLERANCE
from gateway.domain.parties import Party
from gateway.domain.request import OPEN
from gateway.domain.tacit import POLL_GAP
from gateway.domain.watching import Place
from gateway.ports import Clock, FolderState, Listed, Mailbox
from gateway.services.polls import last_poll
from gateway.services.receive import Arrival, Receiver
from gateway.storage import Mail, Poll, Request, Store, View

_log = structlog.get_logger()

BATCH = 200
"""UIDs listed at a time: aioimaplib's parsing grows with the square of the lines of one answer."""

ABSENT_LOOKS, ABSENT_SECONDS = 3, 60.0
"""Looks that must miss a UID, and seconds between two of them, before it counts as gone: some servers give a UID out
before all their nodes show its message."""

FETCH_TRIES = 3
"""Failures of one kind on one mail after which it is left to a person, so that it does not hide those behind it."""

ERA = 1 << 32
"""Added to a UIDVALIDITY, which has 32 bits, each time that a server counts again without changing it."""

SHOWN_AGAIN = 20
"""Of the mails that we know, how many a new session shows again: enough that one of them is still there."""

SHORTAGE, SHORTAGE_TRIES = "shortage", 10
"""Of memory or files: the machine's fault as a rule, so a mail is tried for minutes before it is left to a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Absence:
    """How many looks missed something, and the uptime of the last one that counted."""

    looks: int
    at: float

    def again(self, uptime: float) -> "_Absence":
        """Missed again; a look too soon after the last one says nothing new."""
        return _Absence(looks=self.looks + 1, at=uptime) if uptime - self.at >= ABSENT_SECONDS else self


class _Waiting:
    """What one folder keeps us waiting for, as long as its UIDVALIDITY stays."""

    def __init__(self, uidvalidity: int) -> None:
        self.uidvalidity = uidvalidity
        self._absences: dict[int, _Absence] = {}
        self._failures: dict[int, Counter[str]] = {}
        self._looks: list[FolderState] = []

    def gone(self, missing: Sequence[int], uptime: float) -> tuple[int, ...]:
        """Remember which UIDs this look missed. Returns those that enough looks missed."""
        first = _Absence(looks=1, at=uptime)
        self._absences = {uid: self._absences[uid].again(uptime) if uid in self._absences else first for uid in missing}
        return tuple(uid for uid in missing if self._absences[uid].looks >= ABSENT_LOOKS)

    def failed(self, uid: int, code: str) -> int:
        """A mail could not be fetched, or not be worked on. Returns how often, in this way."""
        failures = self._failures.setdefault(uid, Counter())
        failures[code] += 1
        return failures[code]

    def unreadable(self, uid: int) -> bool:
        """It failed often enough, in one way, to be the mail's own fault and not the connection's."""
        found = self._failures.get(uid, Counter())
        return max((times for code, times in found.items() if code != SHORTAGE), default=0) >= FETCH_TRIES

    def done(self, uid: int) -> None:
        """It has a committed row."""
        self._absences.pop(uid, None)
        self._failures.pop(uid, None)

    def complete(self, state: FolderState) -> FolderState | None:
        """The latest look below whose UIDNEXT every UID has a row; None when there is no new one."""
        if self._looks and self._looks[-1].uidnext == state.uidnext:
            self._looks.pop()
        self._looks.append(state)
        if not self._absences:
            self._looks = []
            return state
        limit = min(self._absences)
        finished = [look for look in self._looks if look.uidnext <= limit]
        self._looks = [look for look in self._looks if look.uidnext > limit]
        return finished[-1] if finished else None


REFUSED_SECONDS = 600.0
"""How long a folder that the server refuses is left alone: it stays unwatched, which ``status`` says meanwhile."""


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
        self._waiting: dict[str, _Waiting] = {}
        self._set_back: dict[str, _Absence] = {}
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
            waiting = self._waiting[folder] = _Waiting(state.uidvalidity)
        taken = 0
        if state.uidnext > first:
            taken = await self._take_new(session, state, first, not_before)
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
        seen = self._set_back[state.folder] = _Absence(looks=1, at=uptime) if seen is None else seen.again(uptime)
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

    async def _take_new(self, session: Mailbox, state: FolderState, first: int, not_before: datetime | None) -> int:
        found = await session.uids(first, state.uidnext)
        oldest = await self._oldest_wanted() if self._personal and not_before is None else None
        taken = 0
        for start in range(0, len(found), BATCH):
            wanted = await self._unknown(state, found[start : start + BATCH])
            listed = {item.uid: item for item in await session.listing(wanted)}
            for uid in wanted:
                if oldest is not None and uid in listed and listed[uid].internaldate < oldest:
                    continue
                await self._take(session, state, uid, listed.get(uid), not_before)
                taken += 1
        if not_before is not None:
            await self._note_vanished(session, state, first, found, not_before)
        return taken

    async def _oldest_wanted(self) -> datetime:
        """Before this instant nothing can answer an open request."""
        async with self._store.view() as view:
            waiting = await view.all(Request, site=self._party.site, state=tuple(OPEN))
        first = min((request.submitted_at for request in waiting), default=self._clock.now())
        return first - CLOCK_TOLERANCE

    async def _note_vanished(
        self, session: Mailbox, state: FolderState, first: int, found: tuple[int, ...], not_before: datetime
    ) -> None:
        """UIDs that came and went between two polls: nobody read them here, and that must be known."""
        absent = sorted(set(range(first, state.uidnext)).difference(found))
        missing: list[int] = []
        for start in range(0, len(absent), BATCH):
            missing += await self._unknown(state, tuple(absent[start : start + BATCH]))
        for uid in self._waiting[state.folder].gone(missing, self._clock.uptime()):
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
        waiting = self._waiting[state.folder]
        too_large = listed is not None and listed.size > self._max_bytes
        unreadable = waiting.unreadable(uid)
        raw = None
        if listed is not None and not too_large and not unreadable:
            raw = await self._fetch(session, waiting, uid)
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
            personal=self._personal,
        )
        if unreadable and listed is not None:
            await self._receiver.give_up(arrival, "unreadable")
        else:
            await self._hand_on(arrival, waiting)
        waiting.done(uid)

    async def _fetch(self, session: Mailbox, waiting: _Waiting, uid: int) -> bytes | None:
        try:
            return await session.fetch(uid, self._max_bytes)
        except ServerError as error:
            # The session is over; the next poll tries again.
            waiting.failed(uid, error.code)
            _log.warning("mail.not_fetched", uid=uid, error=error.code)
            raise

    async def _hand_on(self, arrival: Arrival, waiting: _Waiting) -> None:
        try:
            await self._receiver.take(arrival)
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
