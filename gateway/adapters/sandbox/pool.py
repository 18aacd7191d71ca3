"""The pool of capped worker processes that open mail: one spawned process a slot, with its own pipe and its own home.

A worker that is killed, runs over time or breaks the protocol is replaced alone; the others never notice. The
passphrase travels in the first message on the pipe, never on a command line. The homes are made by the caller, out of
every cap. Nothing that a worker says is believed beyond its form.
"""

import asyncio
import json
import re
from asyncio.subprocess import Process
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields, is_dataclass, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from pydantic import TypeAdapter

from gateway.adapters.sandbox.launch import end, launch
from gateway.domain.errors import MailMalformed, WorkerFailed
from gateway.framing import EXIT_MEMORY, LENGTH, MAX_HEADER, Limits, decode_header, encode_frame
from gateway.ports import PublicKey
from gateway.wire.incoming import Copied, Incoming

_CODE = re.compile(r"[ -~]{1,200}")
_FINGERPRINT = re.compile(r"[0-9A-F]{40,64}")


class OpenHome(Protocol):
    """What the pool needs to know of a home."""

    @property
    def path(self) -> Path | None:
        """Its folder; None for a worker that has no key."""
        ...

    def close(self) -> None:
        """End what runs in it and remove it."""
        ...


class NoHome:
    """A home without any key: mail is taken apart and named, never opened."""

    path = None

    def close(self) -> None:
        """There is nothing to end."""


HomeFactory = Callable[[Sequence[PublicKey]], OpenHome]

Material = Callable[[Sequence[PublicKey]], bytes]
"""What else a worker is given when it starts, made from the keys in use; the pool does not look into it."""


def _nobody_counts(reason: str) -> None:
    del reason


def _nothing_else(_: Sequence[PublicKey]) -> bytes:
    return b""


class WorkerPool:
    """Implements ``gateway.ports.Opener``. ``home_factory`` blocks and is called in a thread.

    ``at`` is set to judge keys as they were at that instant, not now. ``failed`` is called with the reason whenever a
    worker did not do its job.
    """

    def __init__(
        self,
        *,
        slots: int,
        home_factory: HomeFactory,
        passphrase: str,
        limits: Limits,
        keys: Sequence[PublicKey] = (),
        material: Material = _nothing_else,
        at: datetime | None = None,
    ) -> None:
        self._at = at
        self._factory = home_factory
        self._material = material
        self._passphrase = passphrase
        self._limits = limits
        self._keys = tuple(keys)
        self._slots = tuple(_Slot() for _ in range(slots))
        self._free: asyncio.Queue[_Slot] = asyncio.Queue()
        self._closed = False
        self.failed: Callable[[str], None] = _nobody_counts

    async def start(self, first: Process | None = None) -> None:
        """Make the homes and start all workers; ``first`` is one that was launched already.

        Raises:
            OwnKeyUnusable, KeyFileInvalid: from the factory.
            WorkerFailed: a worker did not start.
        """
        try:
            for slot in self._slots:
                # They load what they need side by side, while the homes are made.
                slot.launched, first = first or await launch(), None
            await self.refresh(self._keys)
            for slot in self._slots:
                await self._ready(slot)
                self._free.put_nowait(slot)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """End all workers and homes; never raises because one was ended already."""
        self._closed = True
        for slot in self._slots:
            unused, slot.launched = slot.launched, None
            await end(unused)
            await _end(slot)
            for home in (slot.home, slot.next_home):
                if home is not None:
                    await asyncio.to_thread(home.close)
            slot.home = slot.next_home = None

    async def refresh(self, keys: Sequence[PublicKey]) -> None:
        """Make new homes with these public keys; every job that starts after this returned uses them.

        Raises:
            OwnKeyUnusable, KeyFileInvalid: from the factory; the old homes stay in use.
        """
        made: list[OpenHome] = []
        try:
            for _ in self._slots:
                made.append(await self._make_home(keys))  # noqa: PERF401 - closed one by one below
        except BaseException:
            for home in made:
                home.close()
            raise
        self._keys = tuple(keys)
        for slot, home in zip(self._slots, made, strict=True):
            unused, slot.next_home = slot.next_home, home
            if unused is not None:
                await asyncio.to_thread(unused.close)

    async def open(self, raw: bytes) -> Incoming:
        """Open one mail in a free worker, waiting for one.

        Raises:
            MailMalformed, MailRefused: the mail fails a check.
            WorkerFailed: ``timeout``, ``memory``, ``died``, ``protocol``, ``start``, ``own-key`` or
                ``closed``.
        """
        return await self._asked(raw, {})

    async def signed(self, raw: bytes) -> bytes | None:
        """See :meth:`gateway.ports.Opener.signed`; raises as ``open``."""
        return (await self._asked(raw, {"whole": True})).entity or None

    async def _asked(self, raw: bytes, wanted: Mapping[str, Any]) -> Incoming:
        if len(raw) > self._limits.max_mail:
            raise MailMalformed(reason="too-large")
        slot = await self._free.get()
        try:
            process = await self._ready(slot)
            return await self._job(slot, process, encode_frame(wanted, raw))
        except (WorkerFailed, asyncio.CancelledError) as error:
            # The pipe may hold half a message.
            await _end(slot)
            if isinstance(error, WorkerFailed):
                self.failed(error.reason)
            raise
        finally:
            self._free.put_nowait(slot)

    async def _make_home(self, keys: Sequence[PublicKey]) -> OpenHome:
        """A thread cannot be cancelled: a home that nobody waits for any more is closed again."""
        making = asyncio.ensure_future(asyncio.to_thread(self._factory, keys))
        try:
            return await asyncio.shield(making)
        except asyncio.CancelledError:
            await asyncio.to_thread((await making).close)
            raise

    async def _ready(self, slot: "_Slot") -> Process:
        """The slot's worker, replaced when it is worn, dead or out of date."""
        if self._closed:
            raise WorkerFailed(reason="closed")
        if slot.next_home is not None:
            await _end(slot)
            old, slot.home, slot.next_home = slot.home, slot.next_home, None
            if old is not None:
                await asyncio.to_thread(old.close)
        if slot.home is None:
            slot.home = await self._make_home(self._keys)
        if slot.process is not None and (slot.process.returncode is not None or slot.jobs >= self._limits.jobs):
            await _end(slot)
        if slot.process is None:
            await self._spawn(slot, slot.home)
        if slot.process is None:
            raise WorkerFailed(reason="start")
        return slot.process

    async def _spawn(self, slot: "_Slot", home: OpenHome) -> None:
        launched, slot.launched = slot.launched, None
        slot.process = launched or await launch()
        slot.jobs = 0
        hello = {
            "home": str(home.path) if home.path else None,
            "passphrase": self._passphrase,
            "limits": asdict(self._limits),
            "at": self._at.isoformat() if self._at else None,
        }
        try:
            async with asyncio.timeout(self._limits.start_seconds):
                header, _ = await self._exchange(slot.process, encode_frame(hello, self._material(self._keys)))
        except (TimeoutError, OSError, EOFError, ValueError) as error:
            await _end(slot)
            raise WorkerFailed(reason="start") from error
        if header.get("ready") is not True:
            await _end(slot)
            raise WorkerFailed(reason="start")

    async def _job(self, slot: "_Slot", process: Process, message: bytes) -> Incoming:
        slot.jobs += 1
        try:
            async with asyncio.timeout(self._limits.seconds):
                header, body = await self._exchange(process, message)
        except TimeoutError as error:
            raise WorkerFailed(reason="timeout") from error
        except (OSError, EOFError) as error:
            await _end(slot)
            raise WorkerFailed(reason="memory" if process.returncode == EXIT_MEMORY else "died") from error
        except ValueError as error:
            raise WorkerFailed(reason="protocol") from error
        if "own_key" in header:
            # The agent may have died: the next job gets a new home.
            await self._drop_home(slot)
            raise WorkerFailed(reason="own-key")
        return _answer(header, body)

    async def _drop_home(self, slot: "_Slot") -> None:
        await _end(slot)
        home, slot.home = slot.home, None
        if home is not None:
            await asyncio.to_thread(home.close)

    async def _exchange(self, process: Process, message: bytes) -> tuple[dict[str, Any], bytes]:
        if process.stdin is None or process.stdout is None:
            raise ValueError("worker must be started with pipes")
        process.stdin.write(message)
        await process.stdin.drain()
        length = int.from_bytes(await process.stdout.readexactly(LENGTH), "big")
        if length > MAX_HEADER:
            raise ValueError("header too large")
        header = decode_header(await process.stdout.readexactly(length))
        if header["size"] > self._limits.max_plain:
            raise ValueError("body too large")
        return header, await process.stdout.readexactly(header["size"])


class _Slot:
    """One place of the pool: a home, the worker that uses it, and a newer home that waits for the next job."""

    def __init__(self) -> None:
        self.launched: Process | None = None
        """One that was not greeted yet: it knows no home."""
        self.process: Process | None = None
        self.home: OpenHome | None = None
        self.next_home: OpenHome | None = None
        self.jobs = 0


async def _end(slot: _Slot) -> None:
    process, slot.process = slot.process, None
    await end(process)


@cache
def _form() -> TypeAdapter[Incoming]:
    """Made when a first worker answers: it takes as long as a start can well do without."""
    return TypeAdapter(Incoming)


def _answer(header: Mapping[str, Any], body: bytes) -> Incoming:
    """Turn a worker's answer into a value; a worker that hostile mail took over must not reach further than this.

    Raises:
        WorkerFailed: the answer has not the agreed form.
    """
    try:
        seen = _form().validate_json(json.dumps(header["seen"]), strict=True)
        copied = seen.copied or Copied()
        for text in (seen.shape, seen.structure, seen.failed_step, seen.failed_reason, copied.failed_reason):
            if text is not None:
                _matching(_CODE, text)
        for fingerprint in (seen.fingerprint, copied.fingerprint):
            if fingerprint is not None:
                _matching(_FINGERPRINT, fingerprint)
        _require_aware(seen)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise WorkerFailed(reason="protocol") from error
    return replace(seen, entity=None if seen.fingerprint is None else body)


def _require_aware(value: object) -> None:
    if isinstance(value, datetime):
        if value.utcoffset() is None:
            raise ValueError("naive instant")
    elif is_dataclass(value):
        for field in fields(value):
            _require_aware(getattr(value, field.name))
    elif isinstance(value, tuple):
        for item in value:
            _require_aware(item)


def _matching(pattern: re.Pattern[str], text: str) -> str:
    if not pattern.fullmatch(text):
        raise ValueError("unexpected text")
    return text
