"""The NTP source against a server of our own on the loopback interface, honest and otherwise."""

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from gateway.adapters.ntp import NtpTime
from gateway.domain.errors import ServerUnreachable, TimeRefused

NOW = datetime(2026, 1, 8, 23, 0, 0, 500_000, tzinfo=UTC)
EPOCH = datetime(1900, 1, 1, tzinfo=UTC)

Answer = Callable[[bytes], bytes]


class FixedClock:
    """Always the same instant."""

    def __init__(self, now: datetime = NOW) -> None:
        self._now = now

    def now(self) -> datetime:
        """That instant."""
        return self._now

    def uptime(self) -> float:
        """Not asked."""
        return 0.0

    def boot_id(self) -> str:
        """Not asked."""
        return "boot"


def stamp(at: datetime) -> bytes:
    """An NTP timestamp, in whatever era it falls."""
    passed = at - EPOCH
    seconds = passed // timedelta(seconds=1)
    fraction = (passed % timedelta(seconds=1)).microseconds * 2**32 // 1_000_000
    return struct.pack("!II", seconds % 2**32, fraction)


def answering(
    at: datetime = NOW, *, leap: int = 0, mode: int = 4, stratum: int = 2, origin: bytes | None = None, cut: int = 48
) -> Answer:
    """What a server says to a question."""

    def answer(question: bytes) -> bytes:
        head = struct.pack("!BBbbIII", leap << 6 | 4 << 3 | mode, stratum, 6, -20, 0, 0, 0)
        return (head + bytes(8) + (question[40:48] if origin is None else origin) + stamp(at) + stamp(at))[:cut]

    return answer


class _Server(asyncio.DatagramProtocol):
    def __init__(self, answer: Answer | None) -> None:
        self.questions: list[bytes] = []
        self._answer = answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ready to answer."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer as told, or never."""
        self.questions.append(data)
        if self._answer is not None:
            self._transport.sendto(self._answer(data), addr)


@asynccontextmanager
async def serving(answer: Answer | None, now: datetime = NOW) -> AsyncIterator[tuple[NtpTime, _Server]]:
    """A time server, and the source that asks it."""
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(lambda: _Server(answer), local_addr=("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    try:
        yield NtpTime(host="127.0.0.1", port=port, clock=FixedClock(now), timeout=0.3), server
    finally:
        transport.close()


@pytest.mark.parametrize("off", [timedelta(0), timedelta(hours=3), timedelta(days=-400)])
async def test_the_time_of_the_server_is_told_whatever_ours_is(off: timedelta) -> None:
    """To the microsecond: it is not our clock that answers."""
    async with serving(answering(NOW + off)) as (source, _):
        assert abs(await source.tell() - (NOW + off)) <= timedelta(microseconds=1)


@pytest.mark.parametrize("second", [10, 20])
async def test_the_seconds_wrap_in_2036(second: int) -> None:
    """On both sides of the end of the era, which is at 06:28:16."""
    now = datetime(2036, 2, 7, 6, 28, second, tzinfo=UTC)
    told = now + timedelta(seconds=8)
    async with serving(answering(told), now) as (source, _):
        assert await source.tell() == told


async def test_each_question_is_unlike_the_last_and_tells_nothing() -> None:
    """Random bytes where others put their own time: 48 bytes, a client's, of version 4."""
    async with serving(answering()) as (source, server):
        await source.tell()
        await source.tell()
    first, second = server.questions
    assert (len(first), first[0]) == (48, 0x23)
    assert first[:40] == second[:40]
    assert first[40:] != second[40:]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (answering(origin=b"\x01" * 8), "question"),
        (answering(mode=3), "serveur de temps"),
        (answering(mode=6), "serveur de temps"),
        (answering(leap=3), "pas à l'heure"),
        (answering(stratum=0), "pas à l'heure"),
        (answering(stratum=16), "pas à l'heure"),
        (answering(cut=47), "trop courte"),
        (lambda question: answering()(question)[:40] + bytes(8), "serveur de temps"),
    ],
)
async def test_an_answer_that_is_not_a_synchronised_servers_to_us_tells_nothing(answer: Answer, reason: str) -> None:
    """Forged, unsynchronised, kiss-o'-death, of another kind, cut, without an instant."""
    async with serving(answer) as (source, _):
        with pytest.raises(TimeRefused, match=reason):
            await source.tell()


async def test_silence_ends(unused_udp_port: int) -> None:
    """A server that never answers, and none at all."""
    async with serving(None) as (source, _):
        with pytest.raises(ServerUnreachable):
            await source.tell()
    nobody = NtpTime(host="127.0.0.1", port=unused_udp_port, clock=FixedClock(), timeout=0.3)
    with pytest.raises(ServerUnreachable):
        await nobody.tell()
