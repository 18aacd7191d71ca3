"""The tasks of a running gateway: mail in, mail out, deadlines, other clocks, hand-overs, alarms, checkpoints.

Each goes on after a failure of the world or a defect of ours, waiting longer each time, and says only when a failure
starts and ends. None waits for another. A disk that does not confirm a write ends them all.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

from gateway.domain.errors import DiskUnreliable, GatewayError, StorageFailed
from gateway.ports import Clock, MailboxFactory, PublicKey, TimeSource
from gateway.services.alarms.retention import AlarmMailRetention
from gateway.services.alarms.watch import AlarmWatch
from gateway.services.cabinet import UNNAMED_SECONDS, Cabinet
from gateway.services.copies import CopyRepair
from gateway.services.deadlines import Deadlines
from gateway.services.draft_retention import DraftRetention
from gateway.services.handover import Handovers
from gateway.services.inbox import InboxPoller
from gateway.services.kept_worklist import KeptWorklist
from gateway.services.leases import BEAT_SECONDS, INBOUND, ROUNDS, Turns
from gateway.services.pins import Pins
from gateway.services.pulse import Beat, Pulse
from gateway.services.purge import Purge
from gateway.services.quarantine import QuarantineRetention
from gateway.services.send import BATCH, Sender
from gateway.services.spent import SpentRows
from gateway.services.timekeeping import Timekeeper, ask
from gateway.services.webhooks import Webhooks
from gateway.services.witness import Witness

_log = structlog.get_logger()

OUTBOX_SECONDS = 1.0
"""How long a new mail waits in the outbox at most: a command line process has no other way to call the daemon."""

SHORTEST_PAUSE, LONGEST_PAUSE = 0.5, 60.0
"""Seconds between two tries after a failure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """How often to look, in seconds."""

    poll_seconds: float
    tick_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedMailbox:
    """A mailbox that is polled: how to connect to it, and who looks through it. ``name`` is its task's in the log."""

    name: str
    sessions: MailboxFactory
    poller: InboxPoller


class Tasks:
    """Composed by :mod:`gateway.app`."""

    def __init__(
        self,
        *,
        mailboxes: Sequence[WatchedMailbox],
        sender: Sender,
        deadlines: Deadlines,
        timekeeper: Timekeeper,
        sources: Sequence[TimeSource],
        witness: Witness | None,
        purge: Purge | None,
        handovers: Handovers,
        alarms: AlarmWatch,
        worklist: KeptWorklist,
        webhooks: Webhooks | None = None,
        repair: CopyRepair,
        cabinet: Cabinet,
        quarantine: QuarantineRetention,
        drafts: DraftRetention,
        spent: SpentRows,
        alarm_mails: AlarmMailRetention,
        pins: Pins,
        clock: Clock,
        pinned_keys: Callable[[], Awaitable[tuple[PublicKey, ...]]],
        use_keys: Callable[[Sequence[PublicKey]], Awaitable[None]],
        rhythm: Rhythm,
        turns: Turns,
        pulse: Pulse,
    ) -> None:
        self._pulse = pulse
        self._turns = turns
        self._mailboxes = mailboxes
        self._sender = sender
        self._deadlines = deadlines
        self._timekeeper = timekeeper
        self._sources = sources
        self._witness = witness
        self._purge = purge
        self._handovers = handovers
        self._alarms = alarms
        self._worklist = worklist
        self._webhooks = webhooks
        self._repair = repair
        self._cabinet = cabinet
        self._quarantine = quarantine
        self._drafts = drafts
        self._spent = spent
        self._alarm_mails = alarm_mails
        self._pins = pins
        self._clock = clock
        self._pinned_keys = pinned_keys
        self._use_keys = use_keys
        self._rhythm = rhythm
        self._keys: tuple[PublicKey, ...] | None = None
        self._keys_lock = asyncio.Lock()
        self._time_wanted = asyncio.Event()
        self._swept_at = clock.uptime() - UNNAMED_SECONDS

    async def prepare(self) -> int:
        """Before anything else: settle what an interrupted run left. Returns the sends of unknown outcome."""
        self._cabinet.vault.sweep()
        return await self._turns.begin(self._sender.recover)

    async def work_until(self, stop: asyncio.Event) -> None:
        """Run all of them until ``stop`` is set, then end each at its next safe point: commits are shielded.

        Raises:
            DiskUnreliable: all of them ended on it.
        """
        try:
            await self._work_together(stop)
        except BaseExceptionGroup as several:
            found = several.subgroup(DiskUnreliable)
            if found is None:
                raise
            raise _leaf(found) from None
        try:
            await self._turns.release()
        except StorageFailed as error:
            # The others wait a little longer for what was ours.
            _log.warning("turns.not_released", error=error.code)

    async def _work_together(self, stop: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as group:
            works = [self._inbound(mailbox, rank) for rank, mailbox in enumerate(self._mailboxes)]
            works += [self._beats(), self._outbound(), self._ticks(), self._second_source()]
            works += [self._rounds("handover", self._handovers.round), self._rounds("alarms", self._alarms.round)]
            works.append(self._rounds("worklist", self._worklist.round))
            if self._webhooks is not None:
                works += [self._rounds(f"webhooks.{name}", work) for name, work in self._webhooks.rounds().items()]
            if self._witness is not None:
                works.append(self._rounds("witness", self._witness.round))
            if self._purge is not None:
                works.append(self._rounds("purge", self._purge.daily))
            tasks = [group.create_task(work) for work in works]
            await stop.wait()
            _log.info("gateway.stopping")
            for task in tasks:
                task.cancel()

    def _pause(self, task: str) -> "_Pause":
        return _Pause(task, self._pulse.of(task))

    async def _beats(self) -> None:
        pause = self._pause("beats")
        while True:
            try:
                await self._turns.beat()
                pause.over()
            except Exception as error:  # noqa: BLE001  the top of a task: told, and tried again
                await pause.after(error, longest=BEAT_SECONDS)
                continue
            await asyncio.sleep(BEAT_SECONDS)

    async def _inbound(self, mailbox: WatchedMailbox, rank: int) -> None:
        # A physician's mailbox is counted by its rank: its name may be a person's.
        pause = _Pause(mailbox.name, self._pulse.of(f"inbound.{rank}" if rank else "inbound"))
        while True:
            if not self._turns.has(INBOUND):
                await self._turns.wait(INBOUND)
                mailbox.poller.take_over()
            try:
                await self._refresh_keys()
                session = await mailbox.sessions.connect()
                try:
                    while self._turns.has(INBOUND):
                        await mailbox.poller.poll(session)
                        pause.over()
                        await session.wait_for_news(self._rhythm.poll_seconds)
                        await self._refresh_keys()
                finally:
                    await session.close()
            except Exception as error:  # noqa: BLE001  the top of a task: told, and tried again
                await pause.after(error)

    async def _second_source(self) -> None:
        """Ask other clocks for the time when a tick wants it."""
        pause = self._pause("time")
        while True:
            await self._time_wanted.wait()
            await self._turns.wait(ROUNDS)
            # The next tick says whether it is still wanted.
            self._time_wanted.clear()
            try:
                await self._timekeeper.agree(await ask(self._sources))
                pause.over()
            except Exception as error:  # noqa: BLE001  the top of a task: told, and tried again
                await pause.after(error)

    async def _refresh_keys(self) -> None:
        async with self._keys_lock:
            keys = await self._pinned_keys()
            if keys != self._keys:
                await self._use_keys(keys)
                self._keys = keys

    async def _outbound(self) -> None:
        pause = self._pause("outbound")
        while True:
            try:
                tried = await self._sender.round()
                pause.over()
            except Exception as error:  # noqa: BLE001  the top of a task: told, and tried again
                await pause.after(error)
                continue
            if tried < BATCH:
                await self._sender.wait(OUTBOX_SECONDS)

    async def _ticks(self) -> None:
        pause = self._pause("deadlines")
        while True:
            await self._turns.wait(ROUNDS)
            try:
                if await self._deadlines.tick():
                    self._time_wanted.set()
                else:
                    self._time_wanted.clear()
                await self._repair.round()
                await self._sweep()
                pause.over()
            except Exception as error:  # noqa: BLE001  the top of a task: told, and tried again
                await pause.after(error)
                continue
            await asyncio.sleep(self._rhythm.tick_seconds)

    async def _rounds(self, name: str, work: Callable[[], Awaitable[object]]) -> None:
        """A task of its own: a disk may not answer, a command take its time, nor where checkpoints are written down."""
        pause = self._pause(name)
        while True:
            await self._turns.wait(ROUNDS)
            try:
                await work()
                pause.over()
            except Exception as error:  # noqa: BLE001  the top of a task: told, and tried again
                await pause.after(error)
                continue
            await asyncio.sleep(self._rhythm.tick_seconds)

    async def _sweep(self) -> None:
        now = self._clock.uptime()
        if now - self._swept_at >= UNNAMED_SECONDS:
            self._swept_at = now
            removed = await self._cabinet.sweep()
            erased, retired = await self._quarantine.round(), await self._pins.end_overlaps()
            drafts, spent = await self._drafts.round(), await self._spent.round()
            erased += await self._alarm_mails.round()
            _log.info("hour.swept", removed=removed, erased=erased, retired=retired, drafts=drafts, spent=spent)


def _leaf(several: BaseExceptionGroup) -> BaseException:
    """The first of the errors in a group of groups."""
    first = several.exceptions[0]
    return _leaf(first) if isinstance(first, BaseExceptionGroup) else first


class _Pause:
    """Waits longer after each failure, and tells only when a failure starts and when it ends."""

    def __init__(self, task: str, beat: Beat) -> None:
        self._task = task
        self._beat = beat
        self._code: str | None = None
        self._seconds = SHORTEST_PAUSE

    async def after(self, error: Exception, *, longest: float | None = None) -> None:
        """Tell, and wait; after a disk that confirmed nothing, waiting would not help."""
        if isinstance(error, DiskUnreliable):
            raise error
        code = error.code if isinstance(error, GatewayError) else type(error).__name__
        self._beat(code)
        if code != self._code and isinstance(error, GatewayError):
            _log.warning("task.failing", task=self._task, error=code, told=error.sentence())
        elif code != self._code:
            # A defect of ours. Its text is nobody's: it may quote anything.
            _log.error("task.defect", task=self._task, error=code)
        self._code = code
        await asyncio.sleep(self._seconds)
        self._seconds = min(self._seconds * 2, longest or LONGEST_PAUSE)

    def over(self) -> None:
        self._beat(None)
        if self._code is not None:
            _log.info("task.recovered", task=self._task, after=self._code)
        self._code, self._seconds = None, SHORTEST_PAUSE
