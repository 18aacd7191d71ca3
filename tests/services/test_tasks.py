"""The tasks of a running gateway: none stops for a failure, none keeps another waiting."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from functools import partial
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.adapters.imap import MailboxTime
from gateway.domain.errors import DiskUnreliable, GatewayError, ProtocolBroken, StorageFailed
from gateway.ports import Target
from gateway.services import tasks
from gateway.services.leases import INBOUND, Alone
from gateway.services.pulse import Pulse
from gateway.services.webhooks import Webhooks
from gateway.storage import ClockMark, Mail, Poll
from tests.services.at_work import at_work
from tests.services.fakes import FakeMailbox
from tests.services.mails import plain_mail
from tests.services.world import FOLDERS, World

REFUSED = ProtocolBroken(server="imap", reason="création refusée")
SECRET = "texte que personne ne doit lire"


class _Session(FakeMailbox):
    """Waits for news in real, short time; the time is asked of a scripted server."""

    def __init__(self, world: World, factory: "_Factory") -> None:
        super().__init__(world.clock, FOLDERS)
        self.folders = world.mailbox.folders
        self._factory = factory

    async def server_time(self, folder: str) -> datetime:
        """Counted; refused when told."""
        self._factory.asked += 1
        if self._factory.refusal is not None:
            raise self._factory.refusal
        return await super().server_time(folder)

    async def wait_for_news(self, seconds: float) -> None:
        """Nothing comes."""
        await asyncio.sleep(seconds)

    async def close(self) -> None:
        """Counted."""
        self._factory.open -= 1


class _Factory:
    def __init__(self, world: World) -> None:
        self._world = world
        self.asked = self.open = 0
        self.refusal: Exception | None = None

    async def connect(self) -> _Session:
        """A new session on the same folders."""
        self.open += 1
        return _Session(self._world, self)


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "SHORTEST_PAUSE", 0.001)
    monkeypatch.setattr(tasks, "LONGEST_PAUSE", 0.005)
    monkeypatch.setattr(tasks, "OUTBOX_SECONDS", 0.005)


def running(
    world: World, factory: _Factory, pulse: Pulse | None = None
) -> AbstractAsyncContextManager["asyncio.Task[None]"]:
    """The tasks at work, in short turns."""
    clocks = (MailboxTime(mailboxes=factory, folder="Horloge"),)
    return at_work(world, factory, seconds=0.005, sources=clocks, pulse=pulse)


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait until it holds, for at most ten seconds."""
    for _ in range(2000):
        if await condition():
            return
        await asyncio.sleep(0.005)
    pytest.fail("it never held")


def _wanting_time(monkeypatch: pytest.MonkeyPatch, world: World) -> list[bool]:
    """Deadlines that want a second source as long as the list says so."""
    wanted = [True]

    async def tick() -> bool:
        return wanted[0]

    monkeypatch.setattr(world.deadlines, "tick", tick)
    return wanted


async def test_a_server_that_refuses_to_tell_the_time_does_not_stop_the_mail(
    cnas: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No right to create the folder, or no space: mail is taken, the time is asked again."""
    _wanting_time(monkeypatch, cnas)
    factory = _Factory(cnas)
    factory.refusal = REFUSED

    async def taken() -> bool:
        return len(await cnas.all(Mail)) == 2 and factory.asked >= 3

    cnas.drop(plain_mail("x@ailleurs.test"))
    with capture_logs() as lines:
        async with running(cnas, factory):
            await until(lambda: _has_asked(factory, 2))
            cnas.drop(plain_mail("x@ailleurs.test"))
            await until(taken)
    failing = [line for line in lines if line["event"] == "task.failing"]
    assert [(line["task"], line["error"]) for line in failing] == [("time", "ProtocolBroken")]
    assert factory.open == 0


async def _has_asked(factory: _Factory, times: int) -> bool:
    return factory.asked >= times


class _Carrier:
    """One program never answers, the other takes what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    async def bring(self, target: Target, headers: Mapping[str, str], body: bytes) -> str | None:
        """Once."""
        del headers
        if target.name == "muet":
            await asyncio.Event().wait()
        self.told.append(json.loads(body)["type"])
        return None


async def test_a_program_that_is_slow_to_answer_holds_no_other_back(cnas: World) -> None:
    """Each is told in a task of its own."""
    carrier = _Carrier()
    targets = tuple(
        Target(name=name, address="https://dpi.test/", keys=(b"k" * 32,), events=("test.*",))
        for name in ("muet", "dpi")
    )
    hooks = Webhooks(
        store=cnas.store,
        clock=cnas.clock,
        party=cnas.party,
        targets=targets,
        carrier=carrier,
        origin="https://soins.hopital.test",
    )
    for serve in hooks.rounds().values():
        await serve()

    async def record(event: str) -> None:
        async with cnas.store.act() as act:
            await act.record(event, actor="gateway")

    async def told() -> bool:
        return carrier.told == ["test.one", "test.two"]

    await record("test.one")
    async with at_work(cnas, _Factory(cnas), seconds=0.005, webhooks=hooks):
        await record("test.two")
        await until(told)


async def test_the_time_is_asked_only_while_the_latest_tick_wants_it(
    cnas: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wish of an earlier tick does not outlive it."""
    await cnas.deadlines.tick()
    wanted = _wanting_time(monkeypatch, cnas)
    factory = _Factory(cnas)
    async with running(cnas, factory):
        await until(lambda: _has_asked(factory, 1))
        wanted[0] = False
        ticks = 0

        async def tick() -> bool:
            nonlocal ticks
            ticks += 1
            return False

        async def ticked() -> bool:
            return ticks > 2

        monkeypatch.setattr(cnas.deadlines, "tick", tick)
        await until(ticked)
        asked, ticks = factory.asked, 0
        await until(ticked)
        assert factory.asked == asked
    assert (await cnas.only(ClockMark)).agreed_at == cnas.clock.now()


class _Waits(Alone):
    """One that waits for another gateway to end, once."""

    def __init__(self, world: World) -> None:
        super().__init__(world.store)
        self.waited = 0

    def has(self, work: str) -> bool:
        """After the wait."""
        return super().has(work) and self.waited > 0

    async def wait(self, work: str) -> None:
        """It is over at once."""
        self.waited += work == INBOUND
        await super().wait(work)


async def test_a_gateway_that_takes_over_is_told_to_the_poller_once(
    cnas: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the one before had begun is not known here."""
    told: list[str] = []
    monkeypatch.setattr(cnas.poller, "take_over", lambda: told.append("taken over"))
    turns = _Waits(cnas)

    async def polled() -> bool:
        return len(await cnas.all(Poll)) > 0

    async with at_work(cnas, _Factory(cnas), seconds=0.005, turns=turns):
        await until(polled)
    assert (told, turns.waited) == (["taken over"], 1)


@pytest.mark.fault("F26")
@pytest.mark.parametrize(
    "place",
    [
        ("poller", "poll", "inbound"),
        ("sender", "round", "outbound"),
        ("deadlines", "tick", "deadlines"),
        ("handovers", "round", "handover"),
        ("alarms", "round", "alarms"),
    ],
)
@pytest.mark.parametrize("error", [ZeroDivisionError(SECRET), StorageFailed(place="disque", reason="plein")])
async def test_a_task_goes_on_after_any_failure(
    cnas: World, monkeypatch: pytest.MonkeyPatch, place: tuple[str, str, str], error: Exception
) -> None:
    """A defect of ours is told once, by its type alone, and tried again like a failure of the world."""
    calls = 0
    part, name, task = place
    service = getattr(cnas, part)
    good = getattr(service, name)

    async def fail(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls <= 3:
            raise error
        return await good(*arguments)

    async def recovered() -> bool:
        return calls > 4

    monkeypatch.setattr(service, name, fail)
    with capture_logs() as lines:
        async with running(cnas, _Factory(cnas)):
            await until(recovered)
    code = error.code if isinstance(error, GatewayError) else "ZeroDivisionError"
    event = "task.failing" if isinstance(error, GatewayError) else "task.defect"
    told = [(line["event"], line["task"], line.get("error")) for line in lines if line.get("task") == task]
    assert told == [(event, task, code), ("task.recovered", task, None)]
    assert SECRET not in str(lines)


@pytest.mark.fault("F8")
@pytest.mark.parametrize(
    "place", [("poller", "poll"), ("sender", "round"), ("deadlines", "tick"), ("alarms", "round")], ids="-".join
)
async def test_a_disk_that_confirms_nothing_ends_all_of_them(
    cnas: World, monkeypatch: pytest.MonkeyPatch, place: tuple[str, str]
) -> None:
    """Whichever meets it first: the error comes out as it is, and the sessions are closed."""

    async def fail(*_: Any) -> Any:
        raise DiskUnreliable(place="disque", reason="erreur")

    part, name = place
    monkeypatch.setattr(getattr(cnas, part), name, fail)
    factory = _Factory(cnas)
    with pytest.raises(DiskUnreliable):
        async with running(cnas, factory) as task:
            await task
    assert factory.open == 0


async def test_a_defect_while_the_time_is_asked_stops_nothing(cnas: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fourth task is like the others."""
    _wanting_time(monkeypatch, cnas)
    factory = _Factory(cnas)
    factory.refusal = ZeroDivisionError(SECRET)
    with capture_logs() as lines:
        async with running(cnas, factory):
            await until(lambda: _has_asked(factory, 3))
    told = [(line["event"], line["error"]) for line in lines if line.get("task") == "time"]
    assert told == [("task.defect", "ZeroDivisionError")]


async def test_a_readers_disk_that_does_not_answer_keeps_nothing_else_waiting(
    cnas: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mail is taken and deadlines tick while a hand-over hangs."""
    hanging = asyncio.Event()

    async def hang() -> int:
        hanging.set()
        await asyncio.Event().wait()
        return 0

    async def taken() -> bool:
        return len(await cnas.all(Mail)) == 1

    monkeypatch.setattr(cnas.handovers, "round", hang)
    async with running(cnas, _Factory(cnas)):
        await asyncio.wait_for(hanging.wait(), 10)
        cnas.drop(plain_mail("x@ailleurs.test"))
        await until(taken)


async def test_a_cancellation_is_not_a_failure(cnas: World) -> None:
    """The tasks end at once when the process is told to."""
    async with running(cnas, _Factory(cnas)) as task:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, 10)
        assert task.cancelled()


async def test_each_round_is_counted_good_or_failed(hospital: World) -> None:
    """For whoever watches: a mailbox that refuses, then answers; the other tasks go on meanwhile."""
    pulse, factory = Pulse(hospital.clock), _Factory(hospital)
    hospital.mailbox.folders.clear()

    async with running(hospital, factory, pulse):
        await until(lambda: _counted(pulse, "inbound", good=False))
        await until(lambda: _counted(pulse, "outbound", good=True))
        assert not await _counted(pulse, "inbound", good=True)
        hospital.mailbox.folders.update(FakeMailbox(hospital.clock, FOLDERS).folders)
        for task in ("inbound", "outbound", "deadlines", "alarms", "handover", "beats"):
            await until(partial(_counted, pulse, task, good=True))
            assert task in pulse.idle


async def _counted(pulse: Pulse, task: str, *, good: bool) -> bool:
    return pulse.rounds[task, good] > 0
