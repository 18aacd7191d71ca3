"""Reads what comes next while what came before is decided; decisions stay one at a time and in order."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

K = TypeVar("K")
T = TypeVar("T")


class OneAhead(Generic[K, T]):
    """Holds at most one reading that nobody asked for yet; on leaving it is ended, and its end awaited."""

    def __init__(self, read: Callable[[K], Coroutine[Any, Any, T]]) -> None:
        self._read = read
        self._what: K | None = None
        self._reading: asyncio.Task[T] | None = None

    async def __aenter__(self) -> "OneAhead[K, T]":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._end()

    def begin(self, what: K) -> None:
        """Read it in the background; what was begun before must have been asked for.

        Raises:
            RuntimeError: it was not.
        """
        if self._reading is not None:
            raise RuntimeError("one ahead at a time")
        self._what, self._reading = what, asyncio.create_task(self._read(what))

    async def of(self, what: K) -> T | None:
        """What was read of this one; None when it was not begun, and what was begun instead is given up.

        Raises:
            Exception: as ``read``.
        """
        if self._reading is None or self._what != what:
            await self._end()
            return None
        try:
            return await self._reading
        finally:
            await self._end()

    async def _end(self) -> None:
        reading, self._what, self._reading = self._reading, None, None
        if reading is not None:
            reading.cancel()
            # How it ends is nobody's affair any more: whoever reads it in its turn meets the same again.
            await asyncio.wait({reading})
            if not reading.cancelled():
                reading.exception()
