"""The trial: sealed mails and receipts of ours go through the real servers to ourselves, and are looked at again.

A running daemon sees them too and leaves them alone. They are removed at the end only where that hides nothing from a
daemon: a message that goes before the daemon has read it would look like an answer that vanished unread.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from gateway import app
from gateway.adapters.clock import SystemClock
from gateway.adapters.daemon_lock import is_held
from gateway.adapters.openpgp.home import open_home
from gateway.doctor import verdict
from gateway.doctor.finding import Finding, of_error
from gateway.doctor.installation import Installation
from gateway.doctor.letter import Probe, Writer
from gateway.doctor.search import Found, Search
from gateway.doctor.servers import Mailboxes, Submission, is_copy, mailboxes, submission
from gateway.domain.errors import DatabaseMissing, GatewayError, MailRefused
from gateway.domain.watching import Place
from gateway.keyring import make_sealer, own_certificate, own_keys
from gateway.ports import Envelope, HandOverOutcome, Opener, PublicKey
from gateway.services.polls import last_poll
from gateway.storage import Mail

PAUSE_SECONDS = 1.0
"""Between two looks at the mailbox."""

SERVICE_MARGIN = 15.0
"""Seconds that a daemon takes beyond two of its polls to have recorded what it saw."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What writes our mails, our own keys in the suites that are used, and what opens the mails again."""

    writer: Writer
    keys: tuple[PublicKey, ...]
    opener: Opener


@asynccontextmanager
async def tools(installation: Installation) -> AsyncIterator[Tools]:
    """With our own key, and a capped worker as the daemon has it.

    Raises:
        OwnKeyUnusable, SecretUnreadable, WorkerFailed.
    """
    settings = installation.settings
    async with AsyncExitStack() as stack:
        home = await asyncio.to_thread(open_home, settings.openpgp.folder, ())
        stack.push_async_callback(asyncio.to_thread, home.close)
        passphrase = settings.openpgp.passphrase.read()
        certificate = await asyncio.to_thread(own_certificate, settings)
        sealer = make_sealer(settings, home, certificate, SystemClock(), passphrase)
        keys = await asyncio.to_thread(own_keys, settings, certificate)
        pool = app.worker_pool(settings, certificate, (), slots=1)
        stack.push_async_callback(pool.close)
        await pool.start()
        writer = Writer(party=settings.party, sealer=sealer, noise=secrets.token_bytes)
        yield Tools(writer=writer, keys=_used(installation, keys), opener=pool)


def _used(installation: Installation, keys: tuple[PublicKey, ...]) -> tuple[PublicKey, ...]:
    """Those of the suites that partners use; without any partner, the first."""
    partners = () if installation.lacks(("partners",)) else installation.settings.directory.partners
    wanted = {partner.suite for partner in partners}
    return tuple(key for key in keys if key.suite in wanted) or keys[:1]


async def trial(
    installation: Installation,
    *,
    wait: float,
    pause: float = PAUSE_SECONDS,
    equip: Callable[[Installation], AbstractAsyncContextManager[Tools]] = tools,
    reach_mailbox: Callable[[Installation], Mailboxes] = mailboxes,
    reach_server: Callable[[Installation], Submission] = submission,
) -> AsyncIterator[Finding]:
    """Send, wait at most ``wait`` seconds, compare, and tidy up.

    Raises:
        OwnKeyUnusable, KeyUnusable, SecretUnreadable, ServerError, WorkerFailed.
    """
    search = Search(reach_mailbox(installation), installation.clock, installation.settings.imap.watch)
    courier = reach_server(installation)
    async with equip(installation) as ready:
        run = _Trial(installation, ready, search, courier, pause)
        try:
            async for finding in run.findings(wait):
                yield finding
        finally:
            await search.close()
            await courier.close()


class _Trial:
    """One run."""

    def __init__(
        self, installation: Installation, ready: Tools, search: Search, courier: Submission, pause: float
    ) -> None:
        self._installation = installation
        self._settings = installation.settings
        self._tools = ready
        self._search = search
        self._courier = courier
        self._pause = pause
        self._found: list[Found] = []

    async def findings(self, wait: float) -> AsyncIterator[Finding]:
        """Everything, in the order in which it happens."""
        await self._search.remember()
        at = self._installation.clock.now()
        sent = []
        for probe in await self._written(at.replace(microsecond=0)):
            outcome = await self._hand_over(probe)
            if verdict.may_arrive(outcome):
                sent.append(probe)
            else:
                yield verdict.refused(probe, outcome)
        await self._seek(sent, wait)
        for number, probe in enumerate(sent):
            for finding in await self._judged(probe, at, wait, first=not number):
                yield finding
        for finding in (
            *await self._ending("probe.service", self._service),
            *await self._ending("probe.removed", self._tidied),
        ):
            yield finding

    async def _written(self, at: datetime) -> list[Probe]:
        """A letter and its receipt in each suite: servers do not treat them alike."""
        written: list[Probe] = []
        for key in self._tools.keys:
            letter = await self._tools.writer.sealed(key, at)
            written += (letter, await self._tools.writer.receipt(letter, at))
        return written

    async def _ending(self, check: str, step: Callable[[], Awaitable[list[Finding]]]) -> list[Finding]:
        """Whatever the database or the server says, the other step still follows."""
        try:
            return await step()
        except GatewayError as error:
            return [of_error(check, error)]

    async def _hand_over(self, probe: Probe) -> HandOverOutcome:
        address = self._settings.party.address
        envelope = Envelope(
            sender="" if probe.null_sender else address,
            recipient=address,
            data=probe.raw,
            envid=probe.token,
            dsn=False,
            unreported=True,
        )
        return await self._courier.hand_over(envelope)

    # --- looking for them

    async def _seek(self, sent: Sequence[Probe], wait: float) -> None:
        end = self._installation.clock.uptime() + wait
        while sent:
            self._found += await self._search.look(sent)
            if all(self._arrived(probe) for probe in sent) or self._installation.clock.uptime() >= end:
                return
            await asyncio.sleep(self._pause)

    def _arrived(self, probe: Probe) -> Found | None:
        """Where it arrived: a watched folder rather than another one, never a copy of what was sent."""
        places = [found for found in self._found if found.probe is probe and not is_copy(found.folder)]
        watched = self._settings.imap.watch
        return min(
            places, key=lambda found: (found.folder.name not in watched, found.folder.use == "trash"), default=None
        )

    async def _judged(self, probe: Probe, sent_at: datetime, wait: float, *, first: bool) -> list[Finding]:
        """What became of one of them; header and trace are the same for all."""
        found = self._arrived(probe)
        if found is None:
            return [verdict.lost(probe, wait)]
        findings = [verdict.placed(found, self._settings.imap.watch, sent_at)]
        findings.append(verdict.content(found, await self._reopened(found)))
        if first:
            findings += verdict.headers(found)
            findings += verdict.trace(found, self._settings.reception.own_mta, sent_at)
        return findings

    async def _reopened(self, found: Found) -> str | None:
        """None when our own worker opens it and finds what was signed; else the step that fails."""
        try:
            seen = await self._tools.opener.open(found.raw)
        except MailRefused as error:
            return error.step
        if seen.failed_step is not None:
            return seen.failed_step
        return None if seen.mic == found.probe.mic else "signature"

    # --- the daemon, and the end

    async def _service(self) -> list[Finding]:
        """What a running daemon made of them."""
        here = [found for found in self._found if found.folder.name in self._settings.imap.watch]
        if not here or not is_held(self._settings.gateway.data):
            return []
        end = self._installation.clock.uptime() + 2 * self._settings.imap.poll_seconds + SERVICE_MARGIN
        while True:
            rows = [await self._row(found) for found in here]
            if all(rows) or self._installation.clock.uptime() >= end:
                return [verdict.service(rows)]
            await asyncio.sleep(self._pause)

    async def _row(self, found: Found) -> Mail | None:
        """The daemon's record of this mail."""
        async with self._installation.reading() as view:
            return await view.one(
                Mail,
                site=self._settings.gateway.site,
                mailbox=self._settings.party.address,
                folder=found.folder.name,
                uidvalidity=found.uidvalidity,
                uid=found.uid,
            )

    async def _tidied(self) -> list[Finding]:
        """Remove what can go without hiding anything from a daemon, and say what stays."""
        left: list[tuple[Found, verdict.Left]] = []
        for found in self._found:
            if not await self._may_go(found):
                left.append((found, verdict.Left.UNREAD))
            elif not await self._search.remove(found):
                left.append((found, verdict.Left.NO_UIDPLUS))
        return [verdict.tidied(left)] if self._found else []

    async def _may_go(self, found: Found) -> bool:
        if found.folder.name not in self._settings.imap.watch:
            return True
        try:
            if await self._row(found):
                return True
            async with self._installation.reading() as view:
                # A daemon that has never polled a folder takes it as it finds it.
                place = Place(mailbox=self._settings.party.address, folder=found.folder.name)
                return await last_poll(view, self._settings.gateway.site, place) is None
        except DatabaseMissing:
            return True
        except GatewayError:
            # What cannot be looked up is not proved: better leave a mail than hide one.
            return False
