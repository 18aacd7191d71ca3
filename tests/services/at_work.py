"""The tasks of a gateway of the tests, at work until the block ends."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from gateway.ports import MailboxFactory, PublicKey, TimeSource
from gateway.services.alarms.retention import AlarmMailRetention
from gateway.services.draft_retention import DraftRetention
from gateway.services.kept_worklist import KeptWorklist
from gateway.services.leases import Alone, Turns
from gateway.services.pulse import Pulse
from gateway.services.quarantine import QuarantineRetention
from gateway.services.spent import SpentRows
from gateway.services.tasks import Rhythm, Tasks, WatchedMailbox
from gateway.services.webhooks import Webhooks
from tests.services.world import World

END_SECONDS = 10


async def _no_keys() -> tuple[PublicKey, ...]:
    return ()


async def _use(keys: Sequence[PublicKey]) -> None:
    del keys


@asynccontextmanager
async def at_work(
    world: World,
    sessions: MailboxFactory,
    *,
    seconds: float,
    sources: Sequence[TimeSource] = (),
    pulse: Pulse | None = None,
    webhooks: Webhooks | None = None,
    turns: Turns | None = None,
) -> AsyncIterator["asyncio.Task[None]"]:
    """Polls and ticks every so many ``seconds``; ended as the daemon ends them."""
    work = Tasks(
        mailboxes=(WatchedMailbox(name="inbound", sessions=sessions, poller=world.poller),),
        sender=world.sender,
        deadlines=world.deadlines,
        timekeeper=world.timekeeper,
        sources=sources,
        witness=None,
        purge=None,
        handovers=world.handovers,
        alarms=world.alarms,
        worklist=KeptWorklist(store=world.store, cabinet=world.cabinet, clock=world.clock, party=world.party),
        webhooks=webhooks,
        repair=world.repair,
        cabinet=world.cabinet,
        pins=world.pins,
        alarm_mails=AlarmMailRetention(store=world.store, cabinet=world.cabinet, clock=world.clock, party=world.party),
        quarantine=QuarantineRetention(
            store=world.store, cabinet=world.cabinet, clock=world.clock, party=world.party, days=90, years=3
        ),
        drafts=DraftRetention(store=world.store, cabinet=world.cabinet, clock=world.clock, party=world.party),
        spent=SpentRows(store=world.store, clock=world.clock, party=world.party),
        clock=world.clock,
        pinned_keys=_no_keys,
        use_keys=_use,
        rhythm=Rhythm(poll_seconds=seconds, tick_seconds=seconds),
        turns=turns or Alone(world.store),
        pulse=pulse or Pulse(world.clock),
    )
    stop = asyncio.Event()
    task = asyncio.create_task(work.work_until(stop))
    try:
        yield task
    finally:
        stop.set()
        if not task.done():
            await asyncio.wait_for(task, END_SECONDS)
