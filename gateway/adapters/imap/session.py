"""One open IMAP session as the ``Survey`` port (RFC 3501, IDLE of RFC 2177, UIDPLUS of RFC 4315).

A watched folder is only read (SELECT, BODY.PEEK[]). ``server_time`` writes into a folder of the gateway's own, and
``remove`` deletes one message that the gateway itself sent.
Any failure, a cancellation included, ends the session. One task at a time uses it.
"""

import asyncio
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

from gateway.adapters.imap import syntax
from gateway.adapters.imap.faults import translated
from gateway.adapters.imap.protocol import Answer, Broken, GuardedProtocol, Lost
from gateway.domain.errors import GatewayError
from gateway.domain.words import Said, said
from gateway.ports import Clock, Folder, FolderState, Listed, PeerTls

# UIDs in one FETCH: a command line stays far below the 8,000 characters that servers take.
LISTING_BATCH = 200
# RFC 2177 demands under 29 minutes; some routers forget a quiet connection after 10.
IDLE_RENEWAL_SECONDS = 9 * 60.0
# Seconds before each question that a wait begins with when mail has just come: the mails of one exchange come close
# together, and Dovecot tells an IDLE client half a second late (NOTIFY_DELAY_MSECS), but looks at once at a NOOP.
ASKING_SECONDS = (0.0, 0.02, 0.04, 0.08, 0.16, 0.32)
# A close that is not answered is not waited for.
CLOSE_SECONDS = 2.0

_PROBE = (
    "Subject: heure du serveur\r\n"
    "MIME-Version: 1.0\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n"
    "Content-Transfer-Encoding: 8bit\r\n"
    "\r\n"
    "Message technique de la passerelle, qui lit ainsi l'heure du serveur. Il peut être supprimé.\r\n"
).encode()


class ImapMailbox:
    """A logged-in session; ``capabilities`` are those after the login."""

    def __init__(
        self, *, protocol: GuardedProtocol, capabilities: frozenset[str], clock: Clock, server: str, seconds: float
    ) -> None:
        self._protocol = protocol
        self._capabilities = capabilities
        self._clock = clock
        self._server = server
        self._seconds = seconds
        self._opened = False
        self._uidnext: dict[str, int] = {}
        self._mail_came = False

    async def open(self, folder: str) -> FolderState:
        """Select a folder and return its UIDVALIDITY and UIDNEXT.

        Raises:
            ServerUnreachable, TlsRefused, ProtocolBroken.
        """
        return await self._enter("SELECT", folder)

    async def _enter(self, command: str, folder: str) -> FolderState:
        with self._guarded():
            self._opened = False
            asked_at = self._clock.now()
            answer = await self._protocol.ask(command, syntax.mailbox_name(folder))
            answered_at = self._clock.now()
            uidvalidity, uidnext = syntax.folder_numbers(
                _accepted(answer, said("ouverture du dossier refusée")).responses
            )
            self._opened = True
            self._mail_came |= uidnext > self._uidnext.get(folder, uidnext)
            self._uidnext[folder] = uidnext
        return FolderState(
            folder=folder, uidvalidity=uidvalidity, uidnext=uidnext, asked_at=asked_at, answered_at=answered_at
        )

    async def uids(self, first: int, below: int) -> tuple[int, ...]:
        """UIDs of the open folder with first <= UID < below, ascending.

        NOOP goes before: without it a search may not see the newest mail. ``first:*`` always names the last message
        (RFC 3501 section 6.4.8), so the answer is filtered.

        Raises:
            ServerUnreachable, TlsRefused, ProtocolBroken.
        """
        with self._guarded(needs_folder=True):
            await self._noop()
            answer = await self._protocol.ask("SEARCH", "UID", f"{first}:*", prefix="UID")
            found = syntax.searched(_accepted(answer, said("recherche refusée")).responses)
        return tuple(sorted(uid for uid in found if first <= uid < below))

    async def listing(self, uids: Sequence[int]) -> tuple[Listed, ...]:
        """Size and INTERNALDATE of these UIDs, ascending, in batches; a UID that vanished is absent.

        Raises:
            ServerUnreachable, TlsRefused, ProtocolBroken.
        """
        wanted = sorted(set(uids))
        found: dict[int, Listed] = {}
        with self._guarded(needs_folder=True):
            for start in range(0, len(wanted), LISTING_BATCH):
                batch = wanted[start : start + LISTING_BATCH]
                answer = await self._fetch(syntax.uid_set(batch), "(UID RFC822.SIZE INTERNALDATE)")
                found.update((item.uid, item) for item in syntax.listed(answer.responses))
        return tuple(found[uid] for uid in wanted if uid in found)

    async def fetch(self, uid: int, max_bytes: int) -> bytes | None:
        """The whole message, unmarked as read; None when it vanished.

        Raises:
            ProtocolBroken: also when the message is larger than ``max_bytes``.
            ServerUnreachable, TlsRefused.
        """
        with self._guarded(needs_folder=True):
            answer = await self._protocol.ask("FETCH", str(uid), "(UID BODY.PEEK[])", prefix="UID", literals=max_bytes)
            if answer.status == "NO" and b"[EXPUNGEISSUED]" in answer.text.upper():
                return None  # RFC 5530: it was deleted meanwhile by another session.
            return syntax.body(_accepted(answer, said("lecture refusée")).responses, uid)

    async def server_time(self, folder: str) -> datetime:
        """The server's own clock (aware UTC, whole seconds), by APPEND without a date into a folder of ours.

        The folder is made when it is absent, and the message is deleted again. Afterwards no folder is open.

        Raises:
            ValueError: ``folder`` is INBOX, where nothing may be deleted (a defect of ours).
            ServerUnreachable, TlsRefused, ProtocolBroken.
        """
        if folder.upper() == "INBOX":
            raise ValueError("the clock folder must be the gateway's own")
        name = syntax.mailbox_name(folder)
        with self._guarded():
            self._opened = False
            uidnext = await self._open_or_create(name)
            size = f"{{{len(_PROBE)}}}"
            appended = _accepted(await self._protocol.ask("APPEND", name, size, then=(_PROBE,)), said("dépôt refusé"))
            await self._noop()
            given = syntax.appended_uid(appended.text)
            answer = await self._fetch(f"{uidnext}:*" if given is None else str(given), "(UID INTERNALDATE)")
            dates = {uid: date for uid, date in syntax.dates(answer.responses) if uid >= uidnext}
            if not dates:
                raise Broken(said("message témoin introuvable"))
            uid = max(dates)
            await self._delete(uid)
        return dates[uid]

    async def wait_for_news(self, seconds: float) -> None:
        """Until new mail is told of, or the time is over; in IDLE, whatever the server pushes ends it.

        Where mail came since the wait before, a few questions precede the IDLE. Without IDLE, only they and the time.

        Raises:
            ServerUnreachable, TlsRefused, ProtocolBroken.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        pauses = ASKING_SECONDS if self._mail_came else ()
        self._mail_came = False
        with self._guarded(needs_folder=True):
            for pause in pauses:
                if await self._protocol.wait_for(self._protocol.grown, min(pause, end - loop.time())):
                    return
                if loop.time() >= end:
                    return
                await self._noop()
            while (left := end - loop.time()) > 0 and not self._protocol.grown.is_set():
                span = min(left, IDLE_RENEWAL_SECONDS)
                if "IDLE" in self._capabilities:
                    if await self._idle(span):
                        return
                elif not await self._protocol.wait_for(self._protocol.grown, span):
                    await self._noop()

    # --- for a check-up

    @property
    def tls(self) -> PeerTls:
        """The encryption of this session."""
        layer = self._protocol.transport.get_extra_info("ssl_object")
        ends = ssl.cert_time_to_seconds(layer.getpeercert()["notAfter"])
        return PeerTls(version=layer.version(), certificate_ends=datetime.fromtimestamp(ends, UTC))

    async def folders(self) -> tuple[Folder, ...]:
        """Every folder that can be opened.

        Raises:
            ServerUnreachable, TlsRefused, ProtocolBroken.
        """
        special = ("RETURN", "(SPECIAL-USE)") if {"SPECIAL-USE", "LIST-EXTENDED"} <= self._capabilities else ()
        with self._guarded():
            answer = await self._protocol.ask("LIST", '""', '"*"', *special)
            return tuple(syntax.folders(_accepted(answer, said("liste des dossiers refusée")).responses))

    async def append_limit(self, folder: str) -> int | None:
        """Bytes of the largest message that the folder takes (RFC 7889); None when the server does not say it.

        Raises:
            ServerUnreachable, TlsRefused, ProtocolBroken.
        """
        if "APPENDLIMIT" not in self._capabilities:
            return syntax.append_limit(self._capabilities, ())
        with self._guarded():
            answer = await self._protocol.ask("STATUS", syntax.mailbox_name(folder), "(APPENDLIMIT)")
            return syntax.append_limit((), _accepted(answer, said("état du dossier refusé")).responses)

    async def examine(self, folder: str) -> FolderState:
        """As ``open``, without changing anything, not even what is new (EXAMINE).

        Raises:
            ServerUnreachable, TlsRefused, ProtocolBroken.
        """
        return await self._enter("EXAMINE", folder)

    async def search(self, first: int, *, subject: str, message_id: str) -> tuple[int, ...]:
        """UIDs >= first of the open folder whose subject or Message-ID holds this text, ascending.

        Raises:
            ServerUnreachable, TlsRefused, ProtocolBroken.
        """
        either = ("OR", "SUBJECT", syntax.quoted(subject), "HEADER", "MESSAGE-ID", syntax.quoted(message_id))
        with self._guarded(needs_folder=True):
            await self._noop()
            answer = await self._protocol.ask("SEARCH", "UID", f"{first}:*", *either, prefix="UID")
            found = syntax.searched(_accepted(answer, said("recherche refusée")).responses)
        return tuple(sorted(uid for uid in found if uid >= first))

    async def remove(self, folder: str, uidvalidity: int, uid: int) -> bool:
        """Delete this one message for good; False, and nothing done, where that could delete another.

        That is so without UIDPLUS, whose EXPUNGE names a UID, and when the folder was rebuilt meanwhile.

        Raises:
            ServerUnreachable, TlsRefused, ProtocolBroken.
        """
        if "UIDPLUS" not in self._capabilities or (await self.open(folder)).uidvalidity != uidvalidity:
            return False
        with self._guarded(needs_folder=True):
            await self._delete(uid)
        return True

    async def close(self) -> None:
        """Log out; never raises, nor waits for more than twice CLOSE_SECONDS: a service that stops has little time."""
        if self._protocol.error is None:
            with suppress(GatewayError), self._guarded():
                async with asyncio.timeout(CLOSE_SECONDS):
                    await self._protocol.ask("LOGOUT")
        self._protocol.cut(Lost(said("session close")))
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._protocol.lost.wait()

    @contextmanager
    def _guarded(self, *, needs_folder: bool = False) -> Iterator[None]:
        """Translate every failure, and end the session with it: a half-read answer must not meet the next command."""
        if needs_folder and not self._opened and self._protocol.error is None:
            raise RuntimeError("open() comes first")
        try:
            with translated(self._server, self._seconds):
                yield
        except BaseException:
            self._protocol.cut(Lost(said("session abandonnée")))
            raise

    async def _idle(self, seconds: float) -> bool:
        """One IDLE; True when the server pushed something."""
        command = self._protocol.begin("IDLE")
        async with self._protocol.patience():
            await self._protocol.ready.wait()
        news = await self._protocol.wait_for(self._protocol.pushed, seconds)
        if not command.status:
            self._protocol.send("DONE")
        answer = await self._protocol.end(command)
        if answer.status != "OK":
            # The server announces IDLE and refuses it: from now on only the time is waited for.
            self._capabilities -= {"IDLE"}
            return False
        return news

    async def _noop(self) -> None:
        _accepted(await self._protocol.ask("NOOP"), said("NOOP refusé"))

    async def _fetch(self, uids: str, items: str) -> Answer:
        return _accepted(await self._protocol.ask("FETCH", uids, items, prefix="UID"), said("lecture refusée"))

    async def _open_or_create(self, name: str) -> int:
        answer = await self._protocol.ask("SELECT", name)
        if answer.status == "NO":
            _accepted(await self._protocol.ask("CREATE", name), said("création du dossier de la passerelle refusée"))
            answer = await self._protocol.ask("SELECT", name)
        _, uidnext = syntax.folder_numbers(_accepted(answer, said("dossier de la passerelle inaccessible")).responses)
        return uidnext

    async def _delete(self, uid: int) -> None:
        answer = await self._protocol.ask("STORE", str(uid), "+FLAGS.SILENT", r"(\Deleted)", prefix="UID")
        _accepted(answer, said("suppression refusée"))
        if "UIDPLUS" in self._capabilities:
            answer = await self._protocol.ask("EXPUNGE", str(uid), prefix="UID")
        else:
            answer = await self._protocol.ask("EXPUNGE")
        _accepted(answer, said("suppression refusée"))


def _accepted(answer: Answer, reason: Said) -> Answer:
    """The answer when it is OK.

    Raises:
        Broken: NO or BAD. The server's text stays out of the error: it may name a folder or a person.
    """
    if answer.status != "OK":
        raise Broken(reason)
    return answer
