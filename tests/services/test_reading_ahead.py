"""The next mail is fetched and opened while the one before it is decided; decisions stay one at a time, in order."""

import asyncio

import pytest

from gateway.domain.errors import GatewayError, ServerUnreachable, StorageFailed, WorkerFailed
from gateway.ports import SpoolFile
from gateway.services import inbox
from gateway.services.one_ahead import OneAhead
from gateway.storage import Mail, Verdict
from gateway.wire.incoming import Incoming
from tests.services.mails import plain_mail
from tests.services.world import World


def fill(world: World, number: int) -> list[int]:
    """Some mails."""
    return [world.drop(plain_mail("x@ailleurs.test")) for _ in range(number)]


def raw(world: World, uid: int) -> bytes:
    """What lies in the mailbox."""
    return world.mailbox.folders["INBOX"].mails[uid][0]


class Kept:
    """Where the receiver keeps raw mails: tells, and may wait or fail, at each."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world = world
        self.kept: list[bytes] = []
        self.opened_by_then: list[int] = []
        self.wait_for: asyncio.Event | None = None
        self.fault: GatewayError | None = None
        self._put = world.cabinet.put
        monkeypatch.setattr(world.cabinet, "put", self.put)

    async def put(self, data: bytes, key: object) -> SpoolFile:
        """As the cabinet."""
        self.kept.append(data)
        self.opened_by_then.append(len(self.world.opener.opened))
        if self.wait_for is not None:
            async with asyncio.timeout(30):
                await self.wait_for.wait()
        if self.fault is not None:
            raise self.fault
        return await self._put(data, key)  # type: ignore[arg-type]


def opened(world: World, monkeypatch: pytest.MonkeyPatch, wanted: bytes) -> asyncio.Event:
    """Set when the worker was given this one."""
    there, open_ = asyncio.Event(), world.opener.open

    async def told(data: bytes) -> Incoming:
        if data == wanted:
            there.set()
        return await open_(data)

    monkeypatch.setattr(world.opener, "open", told)
    return there


async def test_the_next_is_opened_before_the_first_is_kept(cnas: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is opened once, and they are recorded in the order in which they lie."""
    uids = fill(cnas, 3)
    kept = Kept(cnas, monkeypatch)
    kept.wait_for = opened(cnas, monkeypatch, raw(cnas, uids[1]))
    assert await cnas.poll() == 3
    assert [row.uid for row in await cnas.all(Mail)] == uids
    assert sorted(cnas.opener.opened) == sorted(raw(cnas, uid) for uid in uids)
    assert cnas.mailbox.fetched == uids


async def test_a_single_mail_is_kept_before_it_is_opened(cnas: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a hospital receives them, one now and then."""
    kept = Kept(cnas, monkeypatch)
    (uid,) = fill(cnas, 1)
    await cnas.poll()
    assert (kept.kept, kept.opened_by_then) == ([raw(cnas, uid)], [0])


async def test_a_large_mail_is_read_only_in_its_turn(cnas: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of them are never held at once."""
    monkeypatch.setattr(inbox, "AHEAD_BYTES", 10)
    fill(cnas, 2)
    kept = Kept(cnas, monkeypatch)
    await cnas.poll()
    assert kept.opened_by_then == [0, 1]


@pytest.mark.parametrize(
    "error",
    [WorkerFailed(reason="start"), RuntimeError("can't start new thread"), ValueError("a defect of ours")],
    ids=["worker", "shortage", "defect"],
)
async def test_what_fails_ahead_is_tried_again_in_its_turn(cnas: World, error: Exception) -> None:
    """The first is recorded; the other had no fault of its own."""
    first, second = fill(cnas, 2)
    good, tries = cnas.opener.scripted[raw(cnas, second)], 0

    class Once(dict[bytes, Incoming | BaseException]):
        def __getitem__(self, key: bytes) -> Incoming | BaseException:
            nonlocal tries
            if key == raw(cnas, second):
                tries += 1
                return error if tries == 1 else good
            return super().__getitem__(key)

    cnas.opener.scripted = Once(cnas.opener.scripted)
    assert await cnas.poll() == 2
    assert tries == 2
    assert {row.uid: row.verdict for row in await cnas.all(Mail)} == {first: Verdict.PLAIN, second: Verdict.PLAIN}


@pytest.mark.fault("F28")
async def test_a_connection_that_is_lost_ahead_loses_nothing_of_the_first(
    cnas: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is recorded; the next poll goes on behind it."""
    first, second = fill(cnas, 2)
    fetch = cnas.mailbox.fetch

    async def lost(uid: int, max_bytes: int) -> bytes | None:
        if uid == second:
            raise ServerUnreachable(server="imap", reason="EOF")
        return await fetch(uid, max_bytes)

    with monkeypatch.context() as broken:
        broken.setattr(cnas.mailbox, "fetch", lost)
        with pytest.raises(ServerUnreachable):
            await cnas.poll()
    assert [row.uid for row in await cnas.all(Mail)] == [first]
    assert await cnas.poll() == 1
    assert [row.uid for row in await cnas.all(Mail)] == [first, second]


@pytest.mark.fault("F7")
async def test_a_disk_that_refuses_the_first_ends_what_was_begun_of_the_next(
    cnas: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is recorded, nothing goes on in the background, and each is taken once when there is room."""
    uids = fill(cnas, 2)
    ended = asyncio.Event()

    async def endless(_: bytes) -> Incoming:
        try:
            await asyncio.Event().wait()
            raise AssertionError
        finally:
            ended.set()

    with monkeypatch.context() as broken:
        kept = Kept(cnas, broken)
        kept.fault = StorageFailed(place="spool", reason="ENOSPC")
        kept.wait_for = asyncio.Event()
        broken.setattr(cnas.opener, "open", endless)
        asyncio.get_running_loop().call_later(0.01, kept.wait_for.set)
        with pytest.raises(StorageFailed):
            await cnas.poll()
        assert ended.is_set()
    assert await cnas.all(Mail) == ()
    assert await cnas.poll() == 2
    assert [row.uid for row in await cnas.all(Mail)] == uids


async def test_a_mail_that_came_ahead_is_judged_after_what_the_first_changed(
    cnas: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same bytes twice: the second was opened before the first was recorded, and is its duplicate all the same."""
    (uid,) = fill(cnas, 1)
    again = cnas.mailbox.folders["INBOX"].put(raw(cnas, uid), cnas.clock.now())
    kept = Kept(cnas, monkeypatch)
    assert await cnas.poll() == 2
    rows = {row.uid: row.verdict for row in await cnas.all(Mail)}
    assert rows == {uid: Verdict.PLAIN, again: Verdict.DUPLICATE}
    assert len(kept.kept) == 1


async def test_a_reading_that_nobody_asked_for_is_given_up() -> None:
    """Another number, or leaving, ends it; a second one is not begun beside it."""
    ended: list[int] = []

    async def read(number: int) -> int:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(number)
        return number

    async with OneAhead(read) as ahead:
        assert await ahead.of(1) is None
        ahead.begin(2)
        with pytest.raises(RuntimeError, match="one ahead"):
            ahead.begin(3)
        await asyncio.sleep(0)
        assert await ahead.of(4) is None
        assert ended == [2]
        ahead.begin(5)
        await asyncio.sleep(0)
    assert ended == [2, 5]
