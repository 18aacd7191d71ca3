"""Finds our own mail again, wherever a server put it: every folder is looked at, and only for what came since.

Nothing of anybody else's is read: the server itself searches for our subject or Message-ID. Folders are examined, never
opened for change.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.doctor.letter import Probe
from gateway.doctor.servers import Mailboxes
from gateway.domain.errors import ProtocolBroken
from gateway.ports import Clock, Folder, FolderState, Survey

MAX_FOLDERS = 300
"""A mailbox that several persons sort has some dozens; watched ones come first."""

MAX_BYTES = 2 * 1024 * 1024
"""Our probes have a few kilobytes; a server may have put a banner with a picture around them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One of our mails, as it lies in a folder."""

    probe: Probe
    folder: Folder
    uidvalidity: int
    uid: int
    internaldate: datetime
    seen_at: datetime
    raw: bytes


class Search:
    """One search; ``watch`` are the folders that must be readable. A folder that refuses us is left alone."""

    def __init__(self, mailboxes: Mailboxes, clock: Clock, watch: tuple[str, ...]) -> None:
        self._mailboxes = mailboxes
        self._clock = clock
        self._watch = watch
        self._session: Survey | None = None
        self._refused: set[str] = set()
        self._before: dict[tuple[str, int], int] = {}
        self._known: set[tuple[str, int, int]] = set()

    async def remember(self) -> None:
        """Note where each folder stands before anything is sent.

        Raises:
            ServerError.
        """
        for folder in await self._folders():
            state = await self._examine(folder)
            if state is not None:
                self._before[folder.name, state.uidvalidity] = state.uidnext

    async def look(self, probes: Iterable[Probe]) -> list[Found]:
        """What came since the last look.

        Raises:
            ServerError.
        """
        found: list[Found] = []
        for folder in await self._folders():
            state = await self._examine(folder)
            first = 1 if state is None else self._before.get((folder.name, state.uidvalidity), 1)
            if state is not None and state.uidnext > first:
                for probe in probes:
                    found += await self._in_folder(folder, state, first, probe)
        return found

    async def remove(self, found: Found) -> bool:
        """Delete this one mail of ours; False where the server cannot do so safely.

        Raises:
            ServerError.
        """
        return await (await self._open()).remove(found.folder.name, found.uidvalidity, found.uid)

    async def close(self) -> None:
        """Log out; never raises."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _open(self) -> Survey:
        if self._session is None:
            self._session = await self._mailboxes.connect()
        return self._session

    async def _folders(self) -> list[Folder]:
        told = [self._as_watched(folder) for folder in await (await self._open()).folders()]
        listed = [folder for folder in told if folder.name not in self._refused]
        return sorted(listed, key=lambda folder: folder.name not in self._watch)[:MAX_FOLDERS]

    def _as_watched(self, folder: Folder) -> Folder:
        """INBOX is written as one likes (RFC 3501 section 5.1): the daemon knows it as the configuration writes it."""
        if folder.name.upper() != "INBOX":
            return folder
        return replace(folder, name=next((name for name in self._watch if name.upper() == "INBOX"), folder.name))

    async def _examine(self, folder: Folder) -> FolderState | None:
        try:
            return await (await self._open()).examine(folder.name)
        except ProtocolBroken:
            # A refusal ends the session; a folder that others share with us is no concern of ours.
            await self.close()
            if folder.name in self._watch:
                raise
            self._refused.add(folder.name)
            return None

    async def _in_folder(self, folder: Folder, state: FolderState, first: int, probe: Probe) -> list[Found]:
        session = await self._open()
        found = []
        for uid in await session.search(first, subject=probe.token, message_id=probe.message_id):
            place = (folder.name, state.uidvalidity, uid)
            if place in self._known:
                continue
            listed = await session.listing((uid,))
            raw = await session.fetch(uid, MAX_BYTES)
            if raw is None or not listed:
                continue
            self._known.add(place)
            found.append(
                Found(
                    probe=probe,
                    folder=folder,
                    uidvalidity=state.uidvalidity,
                    uid=uid,
                    internaldate=listed[0].internaldate,
                    seen_at=self._clock.now(),
                    raw=raw,
                )
            )
        return found
