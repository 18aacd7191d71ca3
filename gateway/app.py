"""The composition root: the one file that knows every part, and the daemon that runs them together.

Order of starting: lock, database, vault, worker pool, then the tasks; the first worker may have been launched before
all of it, to load meanwhile, and knows nothing until the pool greets it. Order of stopping: the tasks end at their next
safe point (commits are shielded), then workers, connections, homes, database.
"""

import asyncio
import os
import secrets
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import structlog

from gateway import monitoring, vouching
from gateway.access import require_libraries
from gateway.adapters import daemon_lock, database
from gateway.adapters.imap import ImapFactory
from gateway.adapters.openpgp.home import open_home, sweep_homes
from gateway.adapters.sandbox.pool import WorkerPool
from gateway.adapters.smime.identity import Identity
from gateway.adapters.smtp import SmtpCourier
from gateway.announcements import webhooks
from gateway.config import Settings
from gateway.core import Core, open_core, pinned_keys
from gateway.domain.parties import Suite
from gateway.framing import Limits
from gateway.keyring import of_suite, worker_material
from gateway.loading import loading
from gateway.lookout import MetServers, alarm_watch
from gateway.ports import Clock, PublicKey
from gateway.postroom import handovers
from gateway.process import notify, told_to_stop
from gateway.records import Base, identity
from gateway.servers import imap_settings, smtp_settings, time_sources, token_provider
from gateway.services.accept import Accept
from gateway.services.acknowledge import Acknowledgements
from gateway.services.alarms.retention import AlarmMailRetention
from gateway.services.copies import CopyRepair
from gateway.services.draft_retention import DraftRetention
from gateway.services.follow import Follower
from gateway.services.inbox import InboxPoller
from gateway.services.judge import Judge
from gateway.services.kept_worklist import KeptWorklist
from gateway.services.leases import INBOUND, Alone, Fenced, Shared, Turns
from gateway.services.matching import Matching
from gateway.services.quarantine import QuarantineRetention
from gateway.services.receive import Receiver
from gateway.services.reports import Reports
from gateway.services.send import Sender
from gateway.services.spent import SpentRows
from gateway.services.tasks import Rhythm, Tasks, WatchedMailbox
from gateway.services.verify import Verifier
from gateway.storage import Store

_log = structlog.get_logger()

_MIB = 1024 * 1024
MAX_MAIL = 60 * _MIB
"""Bytes of one incoming mail that we read: well above what mail servers carry, and within the worker's memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Daemon:
    """A gateway ready to work: its parts, and the tasks that run them."""

    core: Core
    tasks: Tasks


# --- The daemon.


async def run(settings: Settings, worker: Process | None = None) -> None:
    """The daemon, until SIGTERM or SIGINT; ``worker`` is one that was launched already, to load meanwhile.

    Raises:
        GatewayError: it could not start.
    """
    stop = told_to_stop()
    async with (
        open_daemon(settings, worker=worker) as daemon,
        monitoring.watched(daemon.core.base),
        _console(settings),
    ):
        notify("READY=1")
        await daemon.tasks.work_until(stop)
        notify("STOPPING=1")
    _log.info("gateway.stopped")


@asynccontextmanager
async def _console(settings: Settings) -> AsyncIterator[None]:
    """The console beside the service, where [web] asks for one."""
    async with AsyncExitStack() as stack:
        if settings.web is not None:
            # Its libraries are an extra of the package: only those who want the console need them.
            require_libraries()
            with loading():
                from gateway import frontdesk

            _log.info("console.ready", address=await stack.enter_async_context(frontdesk.served(settings)))
        yield


@asynccontextmanager
async def open_daemon(
    settings: Settings, *, clock: Clock | None = None, worker: Process | None = None
) -> AsyncIterator[Daemon]:
    """A gateway that is ready to work, alone on its data or with others; ``clock`` as in :func:`open_base`.

    Raises:
        GatewayError: it could not start.
    """
    async with AsyncExitStack() as stack:
        stack.enter_context(daemon_lock.held(settings.gateway.data, alone=not settings.database.shared))
        ours = identity(settings, rehearsal=clock is not None)
        await asyncio.to_thread(database.upgrade, settings.database_url, ours)
        await asyncio.to_thread(sweep_homes)
        core = await stack.enter_async_context(open_core(settings, clock=clock))
        async with core.base.store.view() as view:
            await core.requests.almanac.calendar(view)  # refused now rather than at each tick
        pool = await stack.enter_async_context(_pool(core, worker))
        pool.failed = core.base.pulse.worker_failed
        tasks = await stack.enter_async_context(_tasks(core, pool))
        _log.info("gateway.ready", interrupted_sends=await tasks.prepare(), pid=os.getpid())
        yield Daemon(core=core, tasks=tasks)


def worker_pool(
    settings: Settings,
    certificate: Identity | None,
    keys: Sequence[PublicKey],
    *,
    slots: int,
    at: datetime | None = None,
) -> WorkerPool:
    """The capped workers that open mail, not started yet; ``at`` judges keys as they were at that instant.

    ``certificate`` is ours, ``keys`` are the partners'.

    Raises:
        SecretUnreadable, OwnKeyUnusable.
    """
    return WorkerPool(
        slots=slots,
        home_factory=lambda others: open_home(
            settings.openpgp.folder, of_suite(others, Suite.OPENPGP), former=settings.openpgp.former_folder
        ),
        material=worker_material(settings, certificate),
        passphrase=settings.openpgp.passphrase.read(),
        limits=Limits(seconds=settings.worker.seconds, memory=settings.worker.memory_mb * _MIB, max_mail=MAX_MAIL),
        keys=keys,
        at=at,
    )


@asynccontextmanager
async def _pool(core: Core, worker: Process | None = None) -> AsyncIterator[WorkerPool]:
    settings = core.base.settings
    pinned = await pinned_keys(core.base, core.keys)
    pool = worker_pool(settings, core.certificate, pinned, slots=settings.worker.slots)
    await pool.start(worker)
    try:
        yield pool
    finally:
        await pool.close()


def _turns(base: Base) -> tuple[Turns, Store]:
    """Whose turn it is on this database, and the store of what takes mails in."""
    site = base.settings.gateway.site
    if not base.settings.database.shared:
        return Alone(base.store), base.store
    turns = Shared(store=base.store, clock=base.clock, site=site, holder=secrets.token_hex(8))
    return turns, Fenced(base.store, turns, INBOUND)


@asynccontextmanager
async def _tasks(core: Core, pool: WorkerPool) -> AsyncIterator[Tasks]:
    settings, base = core.base.settings, core.base
    us, directory = settings.party, settings.directory
    own_mta = frozenset(host.lower() for host in settings.reception.own_mta)
    token = token_provider(settings, base.clock)
    met = MetServers(settings)
    courier = SmtpCourier(smtp_settings(settings, token), met=partial(met.note, "smtp"))
    mailboxes = ImapFactory(
        settings=imap_settings(settings.imap, token), clock=base.clock, met=partial(met.note, "imap")
    )
    acknowledgements = Acknowledgements(
        composer=core.composer,
        cabinet=base.cabinet,
        clock=base.clock,
        noise=secrets.token_bytes,
        party=us,
        per_hour=settings.reception.receipts_per_hour,
    )
    verifier = Verifier(store=base.store, party=us, directory=directory, own_fingerprints=core.fingerprints)
    turns, taking_in = _turns(base)
    receiver = Receiver(
        store=taking_in,
        cabinet=base.cabinet,
        judge=Judge(
            store=base.store, opener=pool, verifier=verifier, matching=Matching(party=us, directory=directory), party=us
        ),
        acknowledgements=acknowledgements,
        accept=Accept(
            party=us,
            directory=directory,
            requests=core.requests,
            casework=core.casework,
            follower=Follower(party=us, requests=core.requests, casework=core.casework, clock=base.clock),
            cabinet=base.cabinet,
            readers=core.readers,
        ),
        reports=Reports(party=us, directory=directory, requests=core.requests, clock=base.clock, own_mta=own_mta),
        clock=base.clock,
        party=us,
        directory=directory,
        own_mta=own_mta,
        verifier=verifier,
    )
    poller = partial(
        InboxPoller,
        store=taking_in,
        receiver=receiver,
        clock=base.clock,
        party=us,
        interval=settings.imap.poll_seconds,
        max_bytes=MAX_MAIL,
    )
    ours = WatchedMailbox(
        name="inbound", sessions=mailboxes, poller=poller(mailbox=us.address, folders=settings.imap.watch)
    )
    physicians = tuple(
        WatchedMailbox(
            name=f"inbound.{name}",
            sessions=ImapFactory(
                settings=imap_settings(section, token), clock=base.clock, met=partial(met.note, f"imap.{name}")
            ),
            poller=poller(mailbox=section.address, folders=section.watch, personal=True),
        )
        for name, section in settings.mailboxes.items()
    )
    sender = Sender(
        store=base.store,
        cabinet=base.cabinet,
        composer=core.composer,
        courier=courier,
        sealer=core.sealer,
        requests=core.requests,
        clock=base.clock,
        party=us,
        turns=turns,
        directory=settings.everybody,
    )
    repair = CopyRepair(
        store=base.store, cabinet=base.cabinet, composer=core.composer, opener=pool, clock=base.clock, party=us
    )
    witness = vouching.witness(base)
    try:
        yield Tasks(
            mailboxes=(ours, *physicians),
            sender=sender,
            deadlines=core.deadlines,
            timekeeper=core.timekeeper,
            sources=time_sources(settings, base.clock, mailboxes),
            witness=witness,
            purge=vouching.purge(base),
            handovers=handovers(base, core.readers, core.composer),
            alarms=alarm_watch(base, met, witness),
            worklist=KeptWorklist(store=base.store, cabinet=base.cabinet, clock=base.clock, party=us),
            webhooks=webhooks(base),
            repair=repair,
            cabinet=base.cabinet,
            pins=core.pins,
            drafts=DraftRetention(store=base.store, cabinet=base.cabinet, clock=base.clock, party=us),
            spent=SpentRows(store=base.store, clock=base.clock, party=us),
            alarm_mails=AlarmMailRetention(store=base.store, cabinet=base.cabinet, clock=base.clock, party=us),
            quarantine=QuarantineRetention(
                store=base.store,
                cabinet=base.cabinet,
                clock=base.clock,
                party=us,
                days=settings.retention.days_in_quarantine,
                years=settings.retention.years_after_closure,
            ),
            clock=base.clock,
            turns=turns,
            pulse=base.pulse,
            pinned_keys=partial(pinned_keys, base, core.keys),
            use_keys=pool.refresh,
            rhythm=Rhythm(
                poll_seconds=settings.imap.poll_seconds,
                tick_seconds=settings.deadlines.tick_seconds,
            ),
        )
    finally:
        await courier.close()
