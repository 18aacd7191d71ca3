"""One party of the floor, in a process of its own: it answers the same lines as ``tests.bench.party``.

``python -m tests.bench.floor_party TOLD``, a file of JSON. What comes in is opened by a worker process that stays, as
the gateway's is; whatever waits for the disk does so in a thread, as few times as can be.
"""

import asyncio
import json
import os
import secrets
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Lock
from typing import IO, Any, cast

import aiosmtplib

from tests.bench import floor_steps as steps
from tests.bench import in_flight
from tests.bench.sink import HOST, SinkMailbox, serve

LENGTH = 4
THREADS = 16
CHUNK = 256 * 1024


class Worker:
    """A process that opens mail after mail; ``spent`` are its seconds of processor."""

    def __init__(self, told: Path, *wanted: str) -> None:
        command = [sys.executable, "-m", "tests.bench.floor_party", str(told), "worker", *wanted]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._turn = Lock()

    def opened(self, raw: bytes) -> bytes:
        """What was signed in it."""
        with self._turn:
            write(cast("IO[bytes]", self._process.stdin), raw)
            found = read(cast("IO[bytes]", self._process.stdout))
        if not found:
            raise RuntimeError("the worker ended")
        return found

    def spent(self) -> float:
        """Its own word."""
        return float(self.opened(b""))

    def close(self) -> None:
        """Wait until it has ended."""
        self._process.communicate()


def write(stream: IO[bytes], data: bytes) -> None:
    """A length, and so many bytes."""
    stream.write(len(data).to_bytes(LENGTH, "big") + data)
    stream.flush()


def read(stream: IO[bytes]) -> bytes | None:
    """None at the end."""
    length = stream.read(LENGTH)
    return stream.read(int.from_bytes(length, "big")) if length else None


def work(mine: steps.Pair, *, only_echo: bool) -> None:
    """Be the worker."""
    while (raw := read(sys.stdin.buffer)) is not None:
        answer = steps.opened(raw, mine) if raw and not only_echo else raw
        write(sys.stdout.buffer, answer or str(time.process_time()).encode())


class Courier:
    """Hands over on one connection that stays."""

    def __init__(self, port: int, ca: Path) -> None:
        tls = ssl.create_default_context(cafile=ca)
        self._client = aiosmtplib.SMTP(hostname=HOST, port=port, start_tls=True, tls_context=tls)
        self._turn = asyncio.Lock()

    async def hand_over(self, raw: bytes) -> None:
        """One transaction.

        Raises:
            RuntimeError: it was refused.
        """
        async with self._turn:
            if not self._client.is_connected:
                await self._client.connect()
            for command in ((b"MAIL", b"FROM:<a@a.test>"), (b"RCPT", b"TO:<b@b.test>"), (b"DATA",)):
                await self._client.execute_command(*command)
            protocol = cast("Any", self._client.protocol)
            stuffed = raw.replace(b"\r\n.", b"\r\n..") + b".\r\n"
            for start in range(0, len(stuffed), CHUNK):
                protocol.write(stuffed[start : start + CHUNK])
                await asyncio.sleep(0)
            answer = await protocol.read_response()
            if answer.code != aiosmtplib.SMTPStatus.completed:
                raise RuntimeError(answer.message)

    def close(self) -> None:
        """Without a word."""
        self._client.close()


class Party(SinkMailbox):
    """Sends messages and knows their receipts; acknowledges those of the other."""

    def __init__(self, told: Path, courier: Courier, mine: steps.Pair, kept: steps.Kept) -> None:
        super().__init__()
        self._courier, self._mine, self._kept = courier, mine, kept
        self._worker = Worker(told)
        self._pool = ThreadPoolExecutor(THREADS)
        self._waiting: dict[bytes, asyncio.Future[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def put(self, data: bytes) -> None:
        """One more mail."""
        task = asyncio.create_task(self._take(data))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _take(self, raw: bytes) -> None:
        loop = asyncio.get_running_loop()
        answer, acknowledged = await loop.run_in_executor(self._pool, self._received, raw)
        if answer:
            await self._courier.hand_over(answer)
            await loop.run_in_executor(self._pool, self._kept.act)
        else:
            self._waiting.pop(acknowledged).set_result(None)

    def _received(self, raw: bytes) -> tuple[bytes, bytes]:
        """A receipt to hand over, or the message of which this is one."""
        found, kept = self._worker.opened(raw), self._kept
        kept.file(raw)
        if acknowledged := steps.acknowledged(found):
            kept.act()
            return b"", acknowledged
        steps.papers(found)
        kept.file(found)
        kept.act()
        answer = steps.signed(steps.receipt(steps.named(found), found), self._mine)
        kept.file(answer)
        kept.act()
        return answer, b""

    def _written(self, message_id: bytes, size: int) -> bytes:
        kept, body = self._kept, steps.entity(message_id, os.urandom(size))
        kept.file(body)
        raw = steps.sealed(steps.signed(body, self._mine), self._mine)
        kept.file(raw)
        # Submitted; being handed over.
        kept.act()
        kept.act()
        return raw

    async def cycle(self, size: int) -> None:
        """One message, until its receipt is recorded."""
        loop, message_id = asyncio.get_running_loop(), secrets.token_hex(16).encode()
        done = self._waiting[message_id] = loop.create_future()
        raw = await loop.run_in_executor(self._pool, self._written, message_id, size)
        await self._courier.hand_over(raw)
        await loop.run_in_executor(self._pool, self._kept.act)
        await done

    def end(self) -> None:
        """Nothing is under way."""
        self._pool.shutdown()
        self._worker.close()
        self._courier.close()


def told(path: Path) -> dict[str, Any]:
    """What a party is told."""
    return dict(json.loads(path.read_text(encoding="utf-8")))


def pair_of(told: dict[str, Any]) -> steps.Pair:
    """The keys that were told."""
    return steps.pair(*(Path(told[name]).read_bytes() for name in ("key", "own", "partner")))


@contextmanager
def at_work(path: Path, told: dict[str, Any]) -> Iterator[Party]:
    """In its folder."""
    with steps.kept(Path(told["folder"])) as kept:
        party = Party(path, Courier(told["to"], Path(told["ca"])), pair_of(told), kept)
        try:
            yield party
        finally:
            party.end()


async def main(path: Path, told: dict[str, Any]) -> None:
    """Until the standard input ends."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(told["sink"], told["sink_key"])
    with at_work(path, told) as party:
        server = await serve(party, told["port"], tls)
        say({"ready": True})
        while line := await asyncio.to_thread(sys.stdin.readline):
            size, count, width = map(int, line.split())
            say(await in_flight.cycles(partial(party.cycle, size), count, width))
        server.close()


def say(what: dict[str, Any]) -> None:
    """One line."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    where = Path(sys.argv[1])
    asked = told(where)
    if "worker" in sys.argv:
        work(pair_of(asked), only_echo="echo" in sys.argv)
    else:
        asyncio.run(main(where, asked))
